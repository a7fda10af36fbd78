"""Ed25519 and ECDSA P-256 keys: made, read from PEM, and used. A private key never shows in a repr or a message."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from conformance.certificate.reading import Unreadable, regular
from conformance.errors import UsageError

# The variable that holds the passphrase of a private key, where it has one.
PASSPHRASE = "PAYOUT_CONFORMANCE_PASSPHRASE"  # noqa: S105 - a name, not the passphrase
_ECDSA = ec.ECDSA(hashes.SHA256())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the group of P-256 (FIPS 186-5)."""
# The field of Ed25519, and the y of its points of order 1, 2, 4 and 8: under these keys one signature fits anything.
_FIELD = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_LOWORDER = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        _ORDER_8,
        _FIELD - _ORDER_8,
    }
)
# No key in PEM is larger.
_MAX_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that verifies signatures. `keyid` is a hint for people; no decision depends on it."""

    key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """`Ed25519` or `ECDSA P-256`."""
        return "Ed25519" if isinstance(self.key, ed25519.Ed25519PublicKey) else "ECDSA P-256"

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo, as PEM."""
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def keyid(self) -> str:
        """SHA-256, in hexadecimal, of the key as securesystemslib describes it in canonical JSON.

        in-toto, TUF and their tools find the key under the same id, without being told.
        """
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            kind, scheme = "ed25519", "ed25519"
            value = self.key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        else:
            kind, scheme, value = "ecdsa", "ecdsa-sha2-nistp256", self.pem.decode()
        described = f'{{"keytype":"{kind}","keyval":{{"public":"{value}"}},"scheme":"{scheme}"}}'
        return hashlib.sha256(described.encode()).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Returns whether this key's owner signed exactly these bytes.

        Of the two forms that an ECDSA signature has, anybody can make the other from the one: `is_second_form` tells.
        """
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                self.key.verify(signature, message, _ECDSA)
        except InvalidSignature:
            return False
        return True

    def is_second_form(self, signature: bytes) -> bool:
        """Returns whether an ECDSA signature isn't in the form that `sign` makes: the smaller `s`, strict DER."""
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            return False
        try:
            r, s = decode_dss_signature(signature)
        except ValueError:
            return True
        return s > ORDER // 2 or encode_dss_signature(r, s) != signature


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key that signs."""

    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The public key of the pair."""
        return PublicKey(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        """64 bytes for Ed25519; for ECDSA with SHA-256 DER, in the form with the smaller `s`."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(message)
        r, s = decode_dss_signature(self.key.sign(message, _ECDSA))
        return encode_dss_signature(r, min(s, ORDER - s))


def generate(*, ecdsa: bool = False) -> PrivateKey:
    """A new key."""
    return PrivateKey(
        ec.generate_private_key(ec.SECP256R1()) if ecdsa else ed25519.Ed25519PrivateKey.generate()
    )


def write(key: PrivateKey, private: Path, public: Path, passphrase: bytes | None = None) -> None:
    """Writes both halves as PEM: PKCS #8 for its owner's eyes only (mode 0600), and SubjectPublicKeyInfo.

    With a passphrase the private half is encrypted. Raises UsageError where one of the files is there already,
    or can't be made; then neither is left behind.
    """
    shield: KeySerializationEncryption = (
        NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    )
    secret = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shield)
    made: list[Path] = []
    try:
        for path, content, mode in ((private, secret, 0o600), (public, key.public.pem, 0o644)):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            made.append(path)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
    except OSError as fault:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(fault, FileExistsError):
            raise UsageError(
                f"{fault.filename} is there already: a key is never overwritten",
                hint="Choose another name with --out, or move the file away.",
            ) from None
        raise UsageError(
            f"no key can be written to {private.parent}: {fault.strerror}", hint="Choose a place with --out."
        ) from None


def passphrase(environ: Mapping[str, str]) -> bytes | None:
    """The passphrase in the environment, None where there is none. Raises UsageError for an empty one."""
    found = environ.get(PASSPHRASE)
    if found == "":
        raise UsageError(f"{PASSPHRASE} is set, but empty", hint="Unset it, or give it a passphrase.")
    return None if found is None else found.encode("utf-8", "surrogateescape")


def load_private(path: Path, secret: bytes | None = None) -> PrivateKey:
    """Reads a private key, with its passphrase where it has one. Raises UsageError; no message quotes the file."""
    content = _read(path, "private key")
    if b"PUBLIC KEY-----" in content and b"PRIVATE KEY-----" not in content:
        raise UsageError(
            f"{path} is a public key: it can't sign", hint="Name the other half: the file ends with .key.pem."
        )
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in content
    if locked and secret is None:
        raise UsageError(f"{path} has a passphrase", hint=f"Put the passphrase into {PASSPHRASE}.")
    try:
        key = load_pem_private_key(content, secret if locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The parser's message may quote the key: it must not reach a log.
        why = f"the passphrase in {PASSPHRASE} doesn't open it" if locked else "it is no private key in PEM"
        raise UsageError(
            f"{path} can't be read: {why}", hint="`payout-conformance keygen` makes a key."
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return PrivateKey(key)
    raise _other_algorithm(path)


def load_public(path: Path) -> PublicKey:
    """Reads a public key. Raises UsageError."""
    content = _read(path, "public key")
    if b"PRIVATE KEY-----" in content:
        raise UsageError(
            f"{path} is a private key: nobody but its owner should have it",
            hint="Ask the signer for the public key: the file ends with .pub.pem.",
        )
    try:
        key = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(
            f"{path} is no public key in PEM", hint="It begins with -----BEGIN PUBLIC KEY-----."
        ) from None
    if isinstance(key, ed25519.Ed25519PublicKey) and _is_weak(key):
        raise UsageError(
            f"{path} is a key of low order, or not in its one form: anybody can sign for it",
            hint="No tool makes such a key by itself. Ask the signer for a key made with `keygen`.",
        )
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return PublicKey(key)
    raise _other_algorithm(path)


def _is_weak(key: ed25519.Ed25519PublicKey) -> bool:
    """Returns whether a point has a low order, or is written in another form than RFC 8032 asks for."""
    y = int.from_bytes(key.public_bytes(Encoding.Raw, PublicFormat.Raw), "little") & (2**255 - 1)
    return y >= _FIELD or y in _LOWORDER


def _read(path: Path, what: str) -> bytes:
    try:
        return regular(path, _MAX_BYTES)
    except Unreadable as fault:
        raise UsageError(f"{path} {fault}: no {what} is", hint="Name a file in PEM.") from None
    except FileNotFoundError:
        raise UsageError(
            f"{path}: there is no such {what}", hint="`payout-conformance keygen` makes a pair of keys."
        ) from None
    except OSError as fault:
        raise UsageError(f"{path} can't be read: {fault.strerror}", hint="May you read this file?") from None


def _other_algorithm(path: Path) -> UsageError:
    return UsageError(
        f"{path} is a key of another kind", hint="Certificates are signed with Ed25519 or ECDSA over P-256."
    )
