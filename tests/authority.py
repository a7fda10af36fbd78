"""A certificate authority of the tests' own, and what it signs: servers' certificates and clients', good and bad."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs whatever a test needs, and writes it to `folder`. `file` is the one for SSL_CERT_FILE."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _called("Test CA")
        self.file = folder / "ca.pem"
        own = self._signed(self._name, self._key.public_key(), (-30, 3650), None)
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def certificate(
        self, host: str = "127.0.0.1", days: tuple[int, int] = (-30, 365), *, by_itself: bool = False
    ) -> Path:
        """A PEM file with key and certificate, valid from the first to the last of `days` from now.

        `by_itself` is one that no authority has signed.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._signed(_called(host), key.public_key(), days, host, key if by_itself else None)
        path = self._folder / f"{host}.{days[0]}.{days[1]}.{by_itself}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def context(self, certificate: Path | None = None, *, asks: bool = False) -> ssl.SSLContext:
        """A server's side, with a good certificate unless another is given; `asks` for a client's of this CA."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(certificate or self.certificate())
        if asks:
            made.verify_mode = ssl.CERT_REQUIRED
            made.load_verify_locations(self.file)
        return made

    def _signed(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        days: tuple[int, int],
        host: str | None,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        signer = key or self._key
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if key else self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        )
        if host is not None:
            built = built.add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        return built.sign(signer, hashes.SHA256())


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
