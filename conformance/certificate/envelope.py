"""DSSE 1.0 (github.com/secure-systems-lab/dsse): the envelope that a statement travels in.

DSSE leaves the writing of the JSON free. A certificate's file has one form only, the one that `seal` writes, so that no
byte of it can change unnoticed, not even a blank between two signed parts.
"""

import base64
import json
from dataclasses import dataclass

from conformance.certificate.keys import PrivateKey, PublicKey
from conformance.errors import CertificateError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
# No certificate is larger: more is an attack or a mistake.
MAX_BYTES = 4 << 20
_AGAIN = "Ask for the file again, as it was made, or for a new certificate."


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed payload and one signature of it. `keyid` isn't signed."""

    payload: bytes
    keyid: str
    signature: bytes
    payload_type: str = PAYLOAD_TYPE

    def to_bytes(self) -> bytes:
        """The content of `certificate.json`."""
        payload, signature = (base64.b64encode(part).decode() for part in (self.payload, self.signature))
        signed = {"payload": payload, "payloadType": self.payload_type}
        return (
            json.dumps({**signed, "signatures": [{"keyid": self.keyid, "sig": signature}]}) + "\n"
        ).encode()


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: type and content, each with its length, so that none passes for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, key: PrivateKey) -> Envelope:
    """Signs a statement."""
    return Envelope(payload, key.public.keyid, key.sign(pae(PAYLOAD_TYPE, payload)))


def read(content: bytes) -> Envelope:
    """The envelope in a certificate's file; nothing of it is verified yet.

    Raises CertificateError: `truncated`, `foreign` (something else than a certificate) or `altered`.
    """
    if not content.strip():
        raise CertificateError("truncated", "the certificate is empty", hint=_AGAIN)
    if len(content) > MAX_BYTES:
        raise CertificateError(
            "foreign", f"the file is larger than {MAX_BYTES >> 20} MB: it is no certificate", hint=_AGAIN
        )
    if not content.endswith(b'"}]}\n'):
        raise _not_as_written(content)
    try:
        data = json.loads(content)
        (signature,) = data["signatures"]
        found = Envelope(
            base64.b64decode(data["payload"], validate=True),
            signature["keyid"],
            base64.b64decode(signature["sig"], validate=True),
            data["payloadType"],
        )
        # A lone surrogate has no UTF-8: it can't have been signed.
        named = isinstance(found.keyid, str) and bool(found.payload_type.encode())
        whole = named and found.to_bytes() == content
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise _not_as_written(content) from None
    if not whole:
        raise _not_as_written(content)
    return found


def open_verified(content: bytes, key: PublicKey) -> bytes:
    """The statement in a certificate's file, once it is certain that the key's owner signed exactly this.

    Raises CertificateError: as `read` does; `key` where another key signed; `altered`; `foreign` for another payload.
    """
    found = read(content)
    if not key.verifies(found.signature, pae(found.payload_type, found.payload)):
        if found.keyid != key.keyid:
            raise CertificateError(
                "key",
                f"the certificate was not signed with this key: it names {_short(found.keyid)}, "
                f"this one is {key.keyid[:16]}",
                hint="Is this the signer's public key? Get it from the signer, not from where the certificate came.",
            )
        raise _altered("its signature doesn't fit its content")
    if found.keyid != key.keyid:
        raise _altered("its signature is this key's, but it names another")
    if found.payload_type != PAYLOAD_TYPE:
        raise CertificateError(
            "foreign",
            f"what is signed is {_short(found.payload_type, 60)}, not {PAYLOAD_TYPE}",
            hint="A certificate is what `payout-conformance certify` writes.",
        )
    return found.payload


def _not_as_written(content: bytes) -> CertificateError:
    """Returns the most likely cause of three. All are refused alike; only the sentence differs."""
    if not content.startswith(b'{"payload": "'):
        return CertificateError(
            "foreign",
            "the file is no certificate, or its beginning has been altered",
            hint="A certificate is the certificate.json that `payout-conformance certify` writes.",
        )
    if not content.rstrip().endswith(b"}]}"):
        return CertificateError(
            "truncated",
            f"the certificate is cut off: its end is missing after {len(content)} bytes",
            hint=_AGAIN,
        )
    return _altered("it isn't byte for byte what `certify` writes")


def _altered(how: str) -> CertificateError:
    return CertificateError("altered", f"the certificate has been altered: {how}", hint=_AGAIN)


def _short(text: object, limit: int = 16) -> str:
    return ascii(str(text)[:limit])[1:-1] or "none"
