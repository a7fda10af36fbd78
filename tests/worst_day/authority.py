"""Certificates for bad days: signed by nobody, for another host, too old, too young. And a few bad ways with TLS."""

import datetime as dt
import ipaddress
import ssl
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Context = Callable[[int], ssl.SSLContext]
_DAY = dt.timedelta(days=1)


class Authority:
    """A CA of our own, and what it signs. `ca` is the file for SSL_CERT_FILE."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="worst-day-"))
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A CA of the tests")])
        self.ca = self.folder / "ca.pem"
        certificate = self._sign(self._name, self._key.public_key(), -1, 2, ca=True)
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(
        self, *, days: tuple[int, int] = (-1, 1), host: str = "127.0.0.1", by_itself: bool = False
    ) -> ssl.SSLContext:
        """A server's context with a certificate that is valid from the first to the last of `days` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a target")])
        signed = self._sign(name, key.public_key(), *days, host=host, key=key if by_itself else None)
        file = self.folder / f"{days[0]}.{days[1]}.{host}.{by_itself}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        return made

    def _sign(
        self,
        name: x509.Name,
        public: ec.EllipticCurvePublicKey,
        first: int,
        last: int,
        *,
        ca: bool = False,
        host: str = "127.0.0.1",
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if key else self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + first * _DAY)
            .not_valid_after(now + last * _DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            try:
                alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
            except ValueError:
                alternative = x509.DNSName(host)
            made = made.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        return made.sign(key or self._key, hashes.SHA256())


@cache
def authority() -> Authority:
    """The one of this process."""
    return Authority()


def good() -> Context:
    """Nothing wrong."""
    context = authority().context()
    return lambda _: context


def signed_by_itself() -> Context:
    """As most test servers have it."""
    context = authority().context(by_itself=True)
    return lambda _: context


def for_another_host() -> Context:
    """Signed by a CA that is trusted, for a name that isn't the target's."""
    context = authority().context(host="somebody-else.test")
    return lambda _: context


def expired() -> Context:
    """Its last day is over."""
    context = authority().context(days=(-9, -1))
    return lambda _: context


def not_yet_valid() -> Context:
    """Its first day is still to come."""
    context = authority().context(days=(1, 9))
    return lambda _: context


def expires_on_the_way() -> Context:
    """Good for the first connection, and expired for the next."""
    contexts = authority().context(), authority().context(days=(-9, -1))
    return lambda connection: contexts[connection > 1]


def old_protocol() -> Context:
    """TLS 1.1 at most."""
    context = authority().context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return lambda _: context


def wants_ours() -> Context:
    """Asks for a client certificate."""
    context = authority().context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority().ca)
    return lambda _: context


def offers_http2() -> Context:
    """HTTP/2 first, HTTP/1.1 if need be (RFC 7301)."""
    context = authority().context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    return lambda _: context
