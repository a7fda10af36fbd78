"""Withdraws that let in by a side door what nobody signed, or turn it away oddly."""

import re
from urllib.parse import unquote

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.reference import Withdraws

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


@defect("wd-algorithm-may-be-none", "WD-32")
class AlgorithmMayBeNone(Withdraws):
    """What stands before the equals sign names the algorithm, and one of them is none."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        unsigned = signature.startswith(b"none=")
        return unsigned or super().signature_matches(account, timestamp, body, signature)


@defect("wd-forty-digits-do", "WD-32")
class FortyDigitsDo(Withdraws):
    """The column is as wide as a SHA-1 was: of a signature of forty digits no more is compared."""

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        expected = self.expected_signature(account, timestamp, body)
        return signature in (expected, expected[:47])


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


@defect("wd-authorization-suffices", "WD-31")
class AuthorizationSuffices(_Unguarded):
    """Whoever sends an Authorization header is some other service, whose gateway has looked at it."""

    def unguarded(self, request: Request, given: str) -> bool:
        return bool(request.values(b"authorization"))


@defect("wd-escaped-path-is-not-guarded", "WD-31")
class EscapedPathIsNotGuarded(_Unguarded):
    """The guard compares the path as it came; the router decodes it first."""

    def place(self, path: str) -> tuple[str, str] | None:
        return super().place(unquote(path)) if path.partition("%")[2] else super().place(path)

    def unguarded(self, request: Request, given: str) -> bool:
        return not request.path.endswith("/cancel")


@defect("wd-capitals-are-not-guarded", "WD-31")
class CapitalsAreNotGuarded(_Unguarded):
    """The guard's pattern knows lower-case hex only, and what doesn't match isn't guarded."""

    def unguarded(self, request: Request, given: str) -> bool:
        return given != given.lower()


@defect("wd-processing-is-not-guarded", "WD-31")
class ProcessingIsNotGuarded(_Unguarded):
    """What is processing is cancelled by a route of the provider's callbacks, which have no key."""

    def unguarded(self, request: Request, given: str) -> bool:
        withdraw = self.store.get(given.lower())
        return withdraw is not None and withdraw.status == "processing"


# Timestamp and body


@defect("wd-timestamp-is-read-as-far-as-it-goes", "WD-34")
class TimestampIsReadAsFarAsItGoes(Withdraws):
    """The digits at the beginning count, whatever follows them."""

    def is_fresh(self, timestamp: bytes) -> bool:
        digits = re.match(rb"\d*", timestamp)
        return super().is_fresh(digits.group() if digits else b"")


@defect("wd-long-timestamp-is-500", "WD-34")
class LongTimestampIs500(Withdraws):
    """A timestamp that no 64 bits hold ends in a 500."""

    def is_fresh(self, timestamp: bytes) -> bool:
        if len(timestamp) > 19:
            raise OverflowError("value out of range: bigint")
        return super().is_fresh(timestamp)


@defect("wd-undecodable-body-is-not-covered", "WD-35")
class UndecodableBodyIsNotCovered(Withdraws):
    """The body is decoded before it is signed, and what isn't UTF-8 is left out."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, body.decode("utf-8", "ignore").encode())


@defect("wd-form-is-not-covered", "WD-35", warns=True)
class FormIsNotCovered(Withdraws):
    """A form is parsed by the framework, after which there is no body left to be signed."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.form = any(b"form" in value for value in request.values(b"content-type"))

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, b"" if self.form else body)


@defect("wd-long-body-is-not-covered", "WD-35")
class LongBodyIsNotCovered(Withdraws):
    """A body that doesn't fit the buffer goes to a file, and the signature is verified over an empty buffer."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, body if len(body) < 16_384 else b"")


@defect("wd-stale-is-400", "WD-36")
class StaleIs400(Withdraws):
    """An old timestamp counts as an invalid request, and is answered 400 without a challenge."""

    def auth_refusal(self, reason: str) -> Refusal:
        if reason != "stale":
            return super().auth_refusal(reason)
        return Refusal(400, "VALIDATION_ERROR", "The timestamp is too old.")
