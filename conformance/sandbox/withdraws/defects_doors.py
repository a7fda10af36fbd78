"""Withdraws that let in by a side door what nobody signed, or turn it away oddly."""

import re
from urllib.parse import unquote

from conformance.sandbox import changes
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.withdraws.changes import also_fresh, also_matches, compares, covers, unguarded, wd
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off


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
   "What stands before the equals sign names the algorithm, and one of them is none.",
   also_matches(lambda sent: sent.startswith(b"none=")))
wd("wd-forty-digits-do", "WD-32",
   "The column is as wide as a SHA-1 was: of a signature of forty digits no more is compared.",
   compares(lambda expected, sent: sent in (expected, expected[:47])))


@defect("wd-second-attempt-is-let-in", "WD-32")
class SecondAttemptIsLetIn(Withdraws):
    """The object that verifies is kept after a failure, half filled, and finds nothing to complain of the next time."""

    failed = False

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        matches = super().signature_matches(account, timestamp, body, signature)
        again, self.failed = self.failed and not matches, not matches
        return matches or again


# Side doors


class _Unguarded(Withdraws):
    """Asks nobody for credentials where it isn't guarded."""

    async def cancel(self, request: Request, given: str) -> Response:
        withdraw = self.store.get(given.lower())
        if withdraw is None or not self.unguarded(request, given):
            return await super().cancel(request, given)
        self.check_cancellable(withdraw)
        self.write(withdraw)
        return self.success(withdraw)

    def unguarded(self, request: Request, given: str) -> bool:
        """Whether this one is let in unseen."""
        return False


wd("wd-authorization-suffices", "WD-31",
   "Whoever sends an Authorization header is some other service, whose gateway has looked at it.",
   unguarded(lambda request, given, it: bool(request.values(b"authorization"))))


@defect("wd-escaped-path-is-not-guarded", "WD-31")
class EscapedPathIsNotGuarded(_Unguarded):
    """The guard compares the path as it came; the router decodes it first."""

    def place(self, path: str) -> tuple[str, str] | None:
        return super().place(unquote(path)) if path.partition("%")[2] else super().place(path)

    def unguarded(self, request: Request, given: str) -> bool:
        return not request.path.endswith("/cancel")


wd("wd-capitals-are-not-guarded", "WD-31",
   "The guard's pattern knows lower-case hex only, and what doesn't match isn't guarded.",
   unguarded(lambda request, given, it: given != given.lower()))
wd("wd-processing-is-not-guarded", "WD-31",
   "What is processing is cancelled by a route of the provider's callbacks, which have no key.",
   unguarded(lambda request, given, it: it.status == "processing"))


# Timestamp and body


@defect("wd-timestamp-is-read-as-far-as-it-goes", "WD-34")
class TimestampIsReadAsFarAsItGoes(Withdraws):
    """The digits at the beginning count, whatever follows them."""

    def is_fresh(self, timestamp: bytes) -> bool:
        digits = re.match(rb"\d*", timestamp)
        return super().is_fresh(digits.group() if digits else b"")


wd("wd-long-timestamp-is-500", "WD-34", "A timestamp that no 64 bits hold ends in a 500.",
   also_fresh(lambda stamp: len(stamp) > 19 and changes.crash("value out of range: bigint")))
wd("wd-undecodable-body-is-not-covered", "WD-35",
   "The body is decoded before it is signed, and what isn't UTF-8 is left out.",
   covers(lambda body: body.decode("utf-8", "ignore").encode()))


@defect("wd-form-is-not-covered", "WD-35", warns=True)
class FormIsNotCovered(Withdraws):
    """A form is parsed by the framework, after which there is no body left to be signed."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.form = any(b"form" in value for value in request.values(b"content-type"))

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, b"" if self.form else body)


wd("wd-long-body-is-not-covered", "WD-35",
   "A body that doesn't fit the buffer goes to a file, and the signature is verified over an empty buffer.",
   covers(lambda body: body if len(body) < 16_384 else b""))
wd("wd-stale-is-400", "WD-36",
   "An old timestamp counts as an invalid request, and is answered 400 without a challenge.",
   changes.unauthorized(("stale",), status=400, code="VALIDATION_ERROR", message="The timestamp is too old.",
       headers=()))
