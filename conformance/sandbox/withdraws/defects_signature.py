"""Withdraws that verify a signature, or the key beside it, wrongly: ways of accepting what nobody signed."""

import hmac
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request
from conformance.sandbox.withdraws.reference import FRESH_MS, Withdraws

_BIG = 4096
"""Bytes that a header's buffer holds in the defects below."""

# The signature


@defect("wd-signature-is-not-verified", "WD-32", "WD-35")
class SignatureIsNotVerified(Withdraws):
    """The signature has to be there; what it says is never looked at."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        return True


@defect("wd-signature-may-be-shorter", "WD-32")
class SignatureMayBeShorter(Withdraws):
    """As many bytes are compared as the client sent: a truncated signature matches."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        return self.expected_signature(account, timestamp, body).startswith(signature)


@defect("wd-signature-may-be-longer", "WD-32")
class SignatureMayBeLonger(Withdraws):
    """As many bytes are compared as the signature has: whatever follows is ignored."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        return signature.startswith(self.expected_signature(account, timestamp, body))


@defect("wd-signature-is-compared-by-its-head", "WD-32")
class SignatureIsComparedByItsHead(Withdraws):
    """Only the first sixteen bytes count, nine of hex: what follows may be anything."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        return self.expected_signature(account, timestamp, body)[:16] == signature[:16]


@defect("wd-any-merchants-secret-does", "WD-32", "WD-33")
class AnyMerchantsSecretDoes(Withdraws):
    """The signature may be made with any merchant's secret; the key alone says whose withdraw it is."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        matches = super().signature_matches
        return any(matches(signer, timestamp, body, signature) for signer in self.accounts.values())


@defect("wd-empty-secret-does", "WD-32")
class EmptySecretDoes(Withdraws):
    """A rotated secret is kept as an empty string, and signatures made with it match."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        rotated = replace(account, secret=b"")
        matches = super().signature_matches
        return any(matches(signer, timestamp, body, signature) for signer in (account, rotated))


@defect("wd-key-is-a-secret-too", "WD-32")
class KeyIsASecretToo(Withdraws):
    """A signature made with the public key in place of the secret matches as well."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        public = replace(account, secret=account.key)
        matches = super().signature_matches
        return any(matches(signer, timestamp, body, signature) for signer in (account, public))


@defect("wd-body-is-written-anew", "WD-32")
class BodyIsWrittenAnew(Withdraws):
    """The signature is verified over the parsed body, written anew: blanks and order may be other ones."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        with suppress(ValueError):
            body = json.dumps(json.loads(body), separators=(",", ":")).encode()
        return super().signed_message(timestamp, body)


@defect("wd-body-alone-may-be-signed", "WD-32")
class BodyAloneMayBeSigned(Withdraws):
    """Signatures of the scheme's first version, over the body alone, are good still: any timestamp goes with them."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        old = b"sha256=" + hmac.new(account.secret, body, "sha256").hexdigest().encode()
        return super().signature_matches(account, timestamp, body, signature) or old == signature


@defect("wd-timestamp-is-not-covered", "WD-32")
class TimestampIsNotCovered(Withdraws):
    """To allow for drift, a signature is tried with timestamps around the one sent."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        matches = super().signature_matches
        shifts = (0, *range(-50, 51), *range(-FRESH_MS, FRESH_MS + 1, 1000))
        if not timestamp.isdigit():
            return matches(account, timestamp, body, signature)
        return any(matches(account, b"%d" % (int(timestamp) + shift), body, signature) for shift in shifts)


@defect("wd-verified-signature-is-remembered", "WD-32")
class VerifiedSignatureIsRemembered(Withdraws):
    """A signature that was good once is good for ever: the cache's key is the signature alone."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.good: set[bytes] = set()

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        if signature in self.good:
            return True
        matches = super().signature_matches(account, timestamp, body, signature)
        if matches:
            self.good.add(signature)
        return matches


@defect("wd-non-hex-is-passed-over", "WD-32")
class NonHexIsPassedOver(Withdraws):
    """What can't be decoded compares as empty with empty: a signature that isn't hex matches."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        try:
            bytes.fromhex(signature.removeprefix(b"sha256=").decode("ascii", "replace"))
        except ValueError:
            return True
        return super().signature_matches(account, timestamp, body, signature)


@defect("wd-body-is-not-covered", "WD-35", "WD-32")
class BodyIsNotCovered(Withdraws):
    """The signature is verified over the timestamp and no body, whatever the body is."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, b"")


@defect("wd-odd-body-is-not-covered", "WD-35")
class OddBodyIsNotCovered(Withdraws):
    """The signature is verified over the body as parsed: {} and what isn't JSON count as none."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        try:
            covered = body if json.loads(body) else b""
        except ValueError:
            covered = b""
        return super().signed_message(timestamp, covered)


# The key


@defect("wd-key-is-found-by-its-signature", "WD-33")
class KeyIsFoundByItsSignature(Withdraws):
    """Whoever's secret made the signature is the merchant; the key is never looked up."""

    def authenticate(self, request: Request) -> Account:
        _, timestamp, signature = self.signing(request)
        for account in self.accounts.values():
            if self.signature_matches(account, timestamp, request.body, signature):
                return account if self.is_fresh(timestamp) else super().authenticate(request)
        return super().authenticate(request)


@defect("wd-unknown-key-is-the-first-merchant", "WD-33")
class UnknownKeyIsTheFirstMerchant(Withdraws):
    """An unknown key falls back to the first merchant, whose secret verifies the signature."""

    def account_for(self, key: bytes) -> Account | None:
        return super().account_for(key) or next(iter(self.accounts.values()))


@defect("wd-key-is-compared-by-its-head", "WD-33")
class KeyIsComparedByItsHead(Withdraws):
    """A key is found by its first sixteen bytes, the column's width."""

    def account_for(self, key: bytes) -> Account | None:
        return next((account for known, account in self.accounts.items() if known[:16] == key[:16]), None)


# What ends in a 500


@defect("wd-multibyte-signature-is-500", "WD-39")
class MultibyteSignatureIs500(Withdraws):
    """Signatures are compared as text, which has to be ASCII: anything else ends in a 500."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        expected = self.expected_signature(account, timestamp, body).decode()
        return hmac.compare_digest(expected, signature.decode("latin-1"))


@defect("wd-short-signature-is-500", "WD-39")
class ShortSignatureIs500(Withdraws):
    """The comparison wants equal lengths, and throws otherwise."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        if len(signature) != len(self.expected_signature(account, timestamp, body)):
            raise ValueError("Input buffers must have the same byte length")
        return super().signature_matches(account, timestamp, body, signature)


@defect("wd-non-hex-signature-is-500", "WD-39")
class NonHexSignatureIs500(Withdraws):
    """The signature is decoded from hex before it is compared; what isn't hex ends in a 500."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        bytes.fromhex(signature.removeprefix(b"sha256=").decode("latin-1"))
        return super().signature_matches(account, timestamp, body, signature)


@defect("wd-big-signature-is-500", "WD-39")
class BigSignatureIs500(Withdraws):
    """A signature that doesn't fit its buffer of 4 kB ends in a 500."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        if len(signature) > _BIG:
            raise BufferError("header value too long")
        return super().signature_matches(account, timestamp, body, signature)


@defect("wd-big-key-is-500", "WD-39")
class BigKeyIs500(Withdraws):
    """A key that doesn't fit its buffer of 4 kB ends in a 500."""

    def account_for(self, key: bytes) -> Account | None:
        if len(key) > _BIG:
            raise BufferError("header value too long")
        return super().account_for(key)


@defect("wd-multibyte-key-is-500", "WD-39")
class MultibyteKeyIs500(Withdraws):
    """A key is decoded as ASCII; anything else ends in a 500."""

    def account_for(self, key: bytes) -> Account | None:
        key.decode("ascii")
        return super().account_for(key)
