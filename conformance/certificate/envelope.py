"""DSSE 1.0 (github.com/secure-systems-lab/dsse): the envelope that a statement travels in.

It holds one signature, or several of the same statement: that of the signer, and those of witnesses behind it.

DSSE leaves the writing of the JSON free. A certificate's file has one form only, the one that `seal` writes, so that no
byte of it can change unnoticed, not even a blank between two signed parts.
"""

import base64
import json
from dataclasses import dataclass, replace

from conformance.certificate.keys import PrivateKey, PublicKey
from conformance.errors import CertificateError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
# No certificate is larger: more is an attack or a mistake.
MAX_BYTES = 4 << 20
MAX_SIGNATURES = 5
"""The most signatures of an envelope: one of the signer, the others of witnesses."""
_AGAIN = "Ask for the file again, as it was made, or for a new certificate."


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature. `keyid` isn't signed."""

    keyid: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed payload, the signature of who made it, and those of witnesses. `keyid` isn't signed."""

    payload: bytes
    keyid: str
    signature: bytes
    payload_type: str = PAYLOAD_TYPE
    witnesses: tuple[Signature, ...] = ()

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """All signatures, in the order of the file."""
        return (Signature(self.keyid, self.signature), *self.witnesses)

    @property
    def signed(self) -> bytes:
        """The bytes that every signature is of."""
        return pae(self.payload_type, self.payload)

    def to_bytes(self) -> bytes:
        """The content of `certificate.json`."""
        signatures = [
            {"keyid": one.keyid, "sig": base64.b64encode(one.signature).decode()} for one in self.signatures
        ]
        content = {"payload": base64.b64encode(self.payload).decode(), "payloadType": self.payload_type}
        return (json.dumps({**content, "signatures": signatures}) + "\n").encode()


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: type and content, each with its length, so that none passes for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, key: PrivateKey) -> Envelope:
    """Signs a statement."""
    return Envelope(payload, key.public.keyid, key.sign(pae(PAYLOAD_TYPE, payload)))


def countersign(content: bytes, key: PrivateKey) -> Envelope:
    """The envelope in a certificate's file with one more signature, of the same statement.

    Raises CertificateError as `read` does, and where this key has signed already or the envelope is full.
    """
    found = read(content)
    if any(key.public.verifies(one.signature, found.signed) for one in found.signatures):
        raise CertificateError(
            "key",
            "this key has signed the certificate already: nobody is a witness of their own",
            hint="A witness signs with a key of their own.",
        )
    if len(found.signatures) == MAX_SIGNATURES:
        raise CertificateError(
            "foreign", f"the certificate has {MAX_SIGNATURES} signatures, and takes no more", hint=_AGAIN
        )
    more = Signature(key.public.keyid, key.sign(found.signed))
    return replace(found, witnesses=(*found.witnesses, more))


def signed_by(content: bytes, key: PublicKey) -> bool:
    """Returns whether this key's owner signed the certificate, alone or with others. Raises CertificateError."""
    found = read(content)
    return any(
        key.verifies(one.signature, found.signed) and not key.is_second_form(one.signature)
        for one in found.signatures
    )


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
        if not 1 <= len(data["signatures"]) <= MAX_SIGNATURES:
            raise _not_as_written(content)
        first, *others = (
            Signature(one["keyid"], base64.b64decode(one["sig"], validate=True)) for one in data["signatures"]
        )
        found = Envelope(
            base64.b64decode(data["payload"], validate=True),
            first.keyid,
            first.signature,
            data["payloadType"],
            tuple(others),
        )
        # A lone surrogate has no UTF-8: it can't have been signed.
        named = all(isinstance(one.keyid, str) for one in found.signatures) and bool(
            found.payload_type.encode()
        )
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
    ours = [one for one in found.signatures if key.verifies(one.signature, found.signed)]
    if not ours:
        if key.keyid not in [one.keyid for one in found.signatures]:
            named = " and ".join(_short(one.keyid) for one in found.signatures)
            raise CertificateError(
                "key",
                f"the certificate was not signed with this key: it names {named}, this one is {key.keyid[:16]}",
                hint="Is this the signer's public key? Get it from the signer, not from where the certificate came.",
            )
        raise _altered("its signature doesn't fit its content")
    if any(key.is_second_form(one.signature) for one in ours):
        raise CertificateError(
            "altered",
            "the certificate's ECDSA signature is in the second of its two forms, which anybody can make of the first",
            hint="Ask for the file again, as it was made. An earlier version signed so: `certify` signs the run anew.",
        )
    if any(one.keyid != key.keyid for one in ours):
        raise _altered("its signature is this key's, but it names another")
    if len(ours) > 1:
        raise _altered("one key signed it twice")
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
