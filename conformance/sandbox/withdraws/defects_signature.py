"""Withdraws that accept unsigned requests: by a wrong comparison, a wrong key, or an unprotected route."""

import hmac
import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.sandbox import changes, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request
from conformance.sandbox.withdraws import changes as own
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.reference import FRESH_MS, Withdraws

# Laid out as a table, a defect per line.
# fmt: off

_BIG = 4096
"""Bytes that a header's buffer holds in the defects below."""

# The signature

wd("wd-signature-is-not-verified", "WD-32, WD-35",
   "The signature header is required, and its value isn't compared.",
   own.compares(lambda expected, sent: True))
wd("wd-signature-may-be-shorter", "WD-32",
   "The comparison ends with the last byte sent: a truncated signature matches.",
   own.compares(lambda expected, sent: expected.startswith(sent)))
wd("wd-signature-may-be-longer", "WD-32",
   "The comparison ends with the last byte of the signature: anything appended is ignored.",
   own.compares(lambda expected, sent: sent.startswith(expected)))
wd("wd-signature-is-compared-by-its-head", "WD-32",
   "Only the first sixteen bytes of the signature are compared, nine of them hex.",
   own.compares(lambda expected, sent: expected[:16] == sent[:16]))
wd("wd-any-merchants-secret-does", "WD-32, WD-33",
   "A signature with any merchant's secret is accepted; the key alone names the merchant.",
   own.signed_by(lambda api, account: api.accounts.values()))
wd("wd-empty-secret-does", "WD-32",
   "A rotated secret is stored as an empty string, and a signature made with it matches.",
   own.signed_by(lambda api, account: (account, replace(account, secret=b""))))
wd("wd-key-is-a-secret-too", "WD-32",
   "A signature made with the public key instead of the secret matches as well.",
   own.signed_by(lambda api, account: (account, replace(account, secret=account.key))))


@defect("wd-body-is-written-anew", "WD-32")
class BodyIsWrittenAnew(Withdraws):
    """The signature is verified over the body parsed and serialised again: white space and order may differ."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        with suppress(ValueError):
            body = json.dumps(json.loads(body), separators=(",", ":")).encode()
        return super().signed_message(timestamp, body)


wd("wd-body-alone-may-be-signed", "WD-32",
   "A signature over the body alone (version 1 of the scheme) is accepted, with any timestamp.",
   steps.after(Withdraws.signature_matches, lambda api, matches, account, stamp, body, sent: matches
       or sent == b"sha256=" + hmac.new(account.secret, body, "sha256").hexdigest().encode()))


@defect("wd-timestamp-is-not-covered", "WD-32")
class TimestampIsNotCovered(Withdraws):
    """The signature is tried with timestamps around the one sent, to allow for clock drift."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        matches = super().signature_matches
        shifts = (0, *range(-50, 51), *range(-FRESH_MS, FRESH_MS + 1, 1000))
        if not timestamp.isdigit():
            return matches(account, timestamp, body, signature)
        return any(matches(account, b"%d" % (int(timestamp) + shift), body, signature) for shift in shifts)


@defect("wd-verified-signature-is-remembered", "WD-32")
class VerifiedSignatureIsRemembered(Withdraws):
    """A verified signature is cached by itself, and accepted for any later request."""

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
    """A signature that can't be decoded from hex compares as empty with empty, and matches."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        try:
            bytes.fromhex(signature.removeprefix(b"sha256=").decode("ascii", "replace"))
        except ValueError:
            return True
        return super().signature_matches(account, timestamp, body, signature)


wd("wd-body-is-not-covered", "WD-35, WD-32",
   "The signature covers the timestamp only; the body is left out.", own.covers(lambda body: b""))


@defect("wd-odd-body-is-not-covered", "WD-35")
class OddBodyIsNotCovered(Withdraws):
    """The signature is verified over the parsed body: {} and malformed JSON count as no body."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        try:
            covered = body if json.loads(body) else b""
        except ValueError:
            covered = b""
        return super().signed_message(timestamp, covered)


# The key


@defect("wd-key-is-found-by-its-signature", "WD-33")
class KeyIsFoundByItsSignature(Withdraws):
    """The merchant is the one whose secret made the signature; the key is never looked up."""

    def authenticate(self, request: Request) -> Account:
        _, timestamp, signature = self.signing(request)
        for account in self.accounts.values():
            if self.signature_matches(account, timestamp, request.body, signature):
                return account if self.is_fresh(timestamp) else super().authenticate(request)
        return super().authenticate(request)


wd("wd-unknown-key-is-the-first-merchant", "WD-33",
   "An unknown key falls back to the first merchant, whose secret verifies the signature.",
   changes.finds_account(lambda accounts, key, found: found or next(iter(accounts.values()))))
wd("wd-key-is-compared-by-its-head", "WD-33",
   "Only the first sixteen bytes of a key are compared, the column's width.",
   changes.finds_account(lambda accounts, key, found:
       next((one for known, one in accounts.items() if known[:16] == key[:16]), None)))

# What ends in a 500

wd("wd-multibyte-signature-is-500", "WD-39",
   "Signatures are compared as ASCII text: other bytes end in a 500.",
   own.compares(lambda expected, sent: hmac.compare_digest(expected.decode(), sent.decode("latin-1"))))
wd("wd-short-signature-is-500", "WD-39", "The comparison requires equal lengths, and throws otherwise.",
   own.compares(lambda expected, sent: expected == sent if len(sent) == len(expected)
       else steps.crash("Input buffers must have the same byte length")))


@defect("wd-non-hex-signature-is-500", "WD-39")
class NonHexSignatureIs500(Withdraws):
    """The signature is decoded from hex before it is compared; other characters end in a 500."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        bytes.fromhex(signature.removeprefix(b"sha256=").decode("latin-1"))
        return super().signature_matches(account, timestamp, body, signature)


wd("wd-big-signature-is-500", "WD-39", "A signature that doesn't fit its buffer of 4 kB ends in a 500.",
   own.also_matches(lambda sent: len(sent) > _BIG and steps.crash("header value too long")))
wd("wd-big-key-is-500", "WD-39", "A key that doesn't fit its buffer of 4 kB ends in a 500.",
   changes.finds_account(lambda accounts, key, found: steps.crash("header value too long") if len(key) > _BIG
       else found))
wd("wd-multibyte-key-is-500", "WD-39", "A key is decoded as ASCII; other bytes end in a 500.",
   changes.finds_account(lambda accounts, key, found: found if key.isascii()
       else steps.crash("ordinal not in range(128)")))


# The signature


@defect("wd-signature-is-read-as-a-number", "WD-32")
class SignatureIsReadAsANumber(Withdraws):
    """Signatures are compared as numbers: zeros before the first digit don't count."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        digits = signature.removeprefix(b"sha256=")
        if not re.fullmatch(rb"[0-9a-f]+", digits):
            return False
        expected = self.expected_signature(account, timestamp, body).removeprefix(b"sha256=")
        return int(digits, 16) == int(expected, 16)


wd("wd-algorithm-may-be-none", "WD-32",
   "The part before the equals sign names the algorithm, and the algorithm none is accepted.",
   own.also_matches(lambda sent: sent.startswith(b"none=")))
wd("wd-forty-digits-do", "WD-32",
   "The column has the width of a SHA-1: the first forty digits of a signature suffice.",
   own.compares(lambda expected, sent: sent in (expected, expected[:47])))


@defect("wd-second-attempt-is-let-in", "WD-32")
class SecondAttemptIsLetIn(Withdraws):
    """The verifying object keeps its state after a failure, and accepts the next request."""

    failed = False

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        matches = super().signature_matches(account, timestamp, body, signature)
        again, self.failed = self.failed and not matches, not matches
        return matches or again


# Side doors

wd("wd-authorization-suffices", "WD-31",
   "A request with an Authorization header counts as verified by a gateway.",
   own.unguarded(lambda request, given, it: bool(request.values(b"authorization"))))
wd("wd-escaped-path-is-not-guarded", "WD-31",
   "Authentication compares the raw path; the router decodes it first.",
   own.unguarded(lambda request, given, it: not request.path.endswith("/cancel")),
       steps.asked(Withdraws.place, lambda api, path: unquote(path)))
wd("wd-capitals-are-not-guarded", "WD-31",
   "Authentication applies to ids in lower-case hex only: other paths need no signature.",
   own.unguarded(lambda request, given, it: given != given.lower()))
wd("wd-processing-is-not-guarded", "WD-31",
   "A processing withdraw is cancelled by the provider's callback route, which needs no key.",
   own.unguarded(lambda request, given, it: it.status == "processing"))

# Timestamp and body

wd("wd-timestamp-is-read-as-far-as-it-goes", "WD-34",
   "A timestamp is read up to its first character that is no digit; the rest is ignored.",
   steps.asked(Withdraws.is_fresh, lambda api, stamp: re.split(rb"\D", stamp)[0]))
wd("wd-long-timestamp-is-500", "WD-34", "A timestamp beyond 64 bits ends in a 500.",
   own.also_fresh(lambda stamp: len(stamp) > 19 and steps.crash("value out of range: bigint")))
wd("wd-undecodable-body-is-not-covered", "WD-35",
   "The body is decoded before it is signed, and bytes that aren't UTF-8 are left out.",
   own.covers(lambda body: body.decode("utf-8", "ignore").encode()))


@defect("wd-form-is-not-covered", "WD-35", warns=True)
class FormIsNotCovered(Withdraws):
    """A form is parsed by the framework, and the signature is verified over an empty body."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.form = any(b"form" in value for value in request.values(b"content-type"))

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, b"" if self.form else body)


wd("wd-long-body-is-not-covered", "WD-35",
   "A body larger than the buffer goes to a file, and the signature is verified over an empty buffer.",
   own.covers(lambda body: body if len(body) < 16_384 else b""))
wd("wd-stale-is-400", "WD-36",
   "An old timestamp is answered 400 as an invalid request, without a challenge.",
   changes.unauthorized(("stale",), status=400, code="VALIDATION_ERROR", message="The timestamp is too old.",
       headers=()))
