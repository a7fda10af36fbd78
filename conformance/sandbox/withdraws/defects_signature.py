"""Withdraws that verify a signature, or the key beside it, wrongly: ways of accepting what nobody signed."""

import hmac
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request
from conformance.sandbox.withdraws.changes import also_matches, compares, covers, signed_by, wd
from conformance.sandbox.withdraws.reference import FRESH_MS, Withdraws

# Laid out as a table, a defect per line.
# fmt: off

_BIG = 4096
"""Bytes that a header's buffer holds in the defects below."""

# The signature

wd("wd-signature-is-not-verified", "WD-32, WD-35", "The signature has to be there; what it says is never looked at.",
   compares(lambda expected, sent: True))
wd("wd-signature-may-be-shorter", "WD-32",
   "As many bytes are compared as the client sent: a truncated signature matches.",
   compares(lambda expected, sent: expected.startswith(sent)))
wd("wd-signature-may-be-longer", "WD-32",
   "As many bytes are compared as the signature has: whatever follows is ignored.",
   compares(lambda expected, sent: sent.startswith(expected)))
wd("wd-signature-is-compared-by-its-head", "WD-32",
   "Only the first sixteen bytes count, nine of hex: what follows may be anything.",
   compares(lambda expected, sent: expected[:16] == sent[:16]))
wd("wd-any-merchants-secret-does", "WD-32, WD-33",
   "The signature may be made with any merchant's secret; the key alone says whose withdraw it is.",
   signed_by(lambda api, account: api.accounts.values()))
wd("wd-empty-secret-does", "WD-32", "A rotated secret is kept as an empty string, and signatures made with it match.",
   signed_by(lambda api, account: (account, replace(account, secret=b""))))
wd("wd-key-is-a-secret-too", "WD-32", "A signature made with the public key in place of the secret matches as well.",
   signed_by(lambda api, account: (account, replace(account, secret=account.key))))


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


wd("wd-body-is-not-covered", "WD-35, WD-32",
   "The signature is verified over the timestamp and no body, whatever the body is.", covers(lambda body: b""))


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


wd("wd-unknown-key-is-the-first-merchant", "WD-33",
   "An unknown key falls back to the first merchant, whose secret verifies the signature.",
   changes.finds_account(lambda accounts, key, found: found or next(iter(accounts.values()))))
wd("wd-key-is-compared-by-its-head", "WD-33", "A key is found by its first sixteen bytes, the column's width.",
   changes.finds_account(lambda accounts, key, found:
       next((one for known, one in accounts.items() if known[:16] == key[:16]), None)))

# What ends in a 500

wd("wd-multibyte-signature-is-500", "WD-39",
   "Signatures are compared as text, which has to be ASCII: anything else ends in a 500.",
   compares(lambda expected, sent: hmac.compare_digest(expected.decode(), sent.decode("latin-1"))))
wd("wd-short-signature-is-500", "WD-39", "The comparison wants equal lengths, and throws otherwise.",
   compares(lambda expected, sent: expected == sent if len(sent) == len(expected)
       else changes.crash("Input buffers must have the same byte length")))


@defect("wd-non-hex-signature-is-500", "WD-39")
class NonHexSignatureIs500(Withdraws):
    """The signature is decoded from hex before it is compared; what isn't hex ends in a 500."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        bytes.fromhex(signature.removeprefix(b"sha256=").decode("latin-1"))
        return super().signature_matches(account, timestamp, body, signature)


wd("wd-big-signature-is-500", "WD-39", "A signature that doesn't fit its buffer of 4 kB ends in a 500.",
   also_matches(lambda sent: len(sent) > _BIG and changes.crash("header value too long")))
wd("wd-big-key-is-500", "WD-39", "A key that doesn't fit its buffer of 4 kB ends in a 500.",
   changes.finds_account(lambda accounts, key, found: changes.crash("header value too long") if len(key) > _BIG
       else found))
wd("wd-multibyte-key-is-500", "WD-39", "A key is decoded as ASCII; anything else ends in a 500.",
   changes.finds_account(lambda accounts, key, found: found if key.isascii()
       else changes.crash("ordinal not in range(128)")))
