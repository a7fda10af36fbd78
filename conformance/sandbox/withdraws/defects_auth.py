"""Withdraws that let an unsigned or stale request pass, or turn it away wrongly."""

from dataclasses import replace

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.reference import FRESH_MS, Withdraws

# What is signed as documented is refused


@defect("wd-seconds-are-expected", "WD-30")
class SecondsAreExpected(Withdraws):
    """The timestamp is read as seconds, so milliseconds are tens of thousands of years ahead."""

    def is_fresh(self, timestamp: bytes) -> bool:
        return timestamp.isdigit() and self.is_near(self.clock.ms() - int(timestamp) * 1000)


@defect("wd-prefix-is-refused", "WD-30")
class PrefixIsRefused(Withdraws):
    """The signature is expected as bare hex, without sha256= before it."""

    def expected_signature(self, account: Account, timestamp: bytes, body: bytes) -> bytes:
        return super().expected_signature(account, timestamp, body).removeprefix(b"sha256=")


@defect("wd-upper-case-hex-is-expected", "WD-30")
class UpperCaseHexIsExpected(Withdraws):
    """The signature's hex digits are expected in upper case."""

    def expected_signature(self, account: Account, timestamp: bytes, body: bytes) -> bytes:
        prefix, equals, digest = super().expected_signature(account, timestamp, body).partition(b"=")
        return prefix + equals + digest.upper()


@defect("wd-empty-body-is-signed-as-object", "WD-30")
class EmptyBodyIsSignedAsObject(Withdraws):
    """The framework turns no body into an empty object, and the signature is expected over {}."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        return super().signed_message(timestamp, body or b"{}")


@defect("wd-no-body-is-415", "WD-30")
class NoBodyIs415(Withdraws):
    """A POST without a content type is answered 415, even when there is no body to have one."""

    async def cancel(self, request: Request, given: str) -> Response:
        if not request.values(b"content-type"):
            raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The content type is application/json.")
        return await super().cancel(request, given)


# A header is missing or empty


@defect("wd-no-signature-is-accepted", "WD-31")
class NoSignatureIsAccepted(Withdraws):
    """The signature is verified if there is one; an empty one is there, and wrong."""

    def authenticate(self, request: Request) -> Account:
        keys = request.values(b"x-api-key")
        account = self.account_for(keys[0]) if keys else None
        return account if account and not request.values(b"x-signature") else super().authenticate(request)


@defect("wd-empty-signature-is-accepted", "WD-31")
class EmptySignatureIsAccepted(Withdraws):
    """The signature has to be there and is verified unless it is empty."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        if request.values(b"x-signature") == [b""]:
            # Something has to stand there for the other two headers to be looked at.
            headers = tuple((name, value or b"-") for name, value in request.headers)
            key, timestamp, _ = super().signing(replace(request, headers=headers))
            return key, timestamp, b""
        return super().signing(request)

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        return not signature or super().signature_matches(account, timestamp, body, signature)


@defect("wd-no-timestamp-is-accepted", "WD-31")
class NoTimestampIsAccepted(Withdraws):
    """A request without a timestamp comes from an old client, which didn't sign: the key is enough."""

    def authenticate(self, request: Request) -> Account:
        keys = request.values(b"x-api-key")
        account = self.account_for(keys[0]) if keys else None
        if account and not request.values(b"x-timestamp"):
            return account
        return super().authenticate(request)


@defect("wd-empty-timestamp-is-accepted", "WD-31")
class EmptyTimestampIsAccepted(Withdraws):
    """An empty timestamp switches verification off: zero means unset."""

    def authenticate(self, request: Request) -> Account:
        keys = request.values(b"x-api-key")
        account = self.account_for(keys[0]) if keys else None
        return (
            account if account and request.values(b"x-timestamp") == [b""] else super().authenticate(request)
        )


@defect("wd-no-key-is-the-first-merchant", "WD-31")
class NoKeyIsTheFirstMerchant(Withdraws):
    """Without a key the first merchant is meant, whose secret verifies the signature."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        if not any(request.values(b"x-api-key")):
            default = (b"X-API-Key", next(iter(self.accounts)))
            others = [header for header in request.headers if header[0].lower() != b"x-api-key"]
            request = replace(request, headers=(*others, default))
        return super().signing(request)


@defect("wd-cancels-before-authenticating", "WD-31", "WD-32", "WD-33")
class CancelsBeforeAuthenticating(Withdraws):
    """The handler runs before the authentication that was added last: 401, and cancelled."""

    async def cancel(self, request: Request, given: str) -> Response:
        withdraw = self.store.get(given.lower())
        try:
            self.authenticate(request)
        except Refusal:
            if withdraw and withdraw.status in self.cancellable:
                self.write(withdraw)
            raise
        return await super().cancel(request, given)


@defect("wd-unauthorized-is-200", "WD-31", "WD-32", "WD-33", "WD-36")
class UnauthorizedIs200(Withdraws):
    """Failed authentication is answered 200, with success false inside."""

    def auth_refusal(self, reason: str) -> Refusal:
        refusal = super().auth_refusal(reason)
        refusal.status = 200
        return refusal


# The timestamp


@defect("wd-stale-is-accepted", "WD-34")
class StaleIsAccepted(Withdraws):
    """A timestamp long ago is accepted, so what was recorded can be sent again."""

    def is_near(self, age_ms: float) -> bool:
        return age_ms >= -FRESH_MS


@defect("wd-future-is-accepted", "WD-34")
class FutureIsAccepted(Withdraws):
    """Only the age is checked, and a timestamp ahead of time has a negative one."""

    def is_near(self, age_ms: float) -> bool:
        return age_ms <= FRESH_MS


@defect("wd-nan-is-accepted", "WD-34")
class NanIsAccepted(Withdraws):
    """A timestamp that is no number is NaN, and every comparison with NaN is false, so it isn't too old."""

    def is_fresh(self, timestamp: bytes) -> bool:
        return super().is_fresh(timestamp) if timestamp.isdigit() else True


@defect("wd-odd-timestamp-is-500", "WD-34")
class OddTimestampIs500(Withdraws):
    """A timestamp that is no number ends in a 500."""

    def is_fresh(self, timestamp: bytes) -> bool:
        return self.is_near(self.clock.ms() - int(timestamp))


@defect("wd-missing-timestamp-is-now", "WD-34", "WD-31")
class MissingTimestampIsNow(Withdraws):
    """A missing timestamp counts as fresh, and the signature is verified over nothing in its place."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        if any(request.values(b"x-timestamp")):
            return super().signing(request)
        others = [header for header in request.headers if header[0].lower() != b"x-timestamp"]
        key, _, signature = super().signing(replace(request, headers=(*others, (b"X-Timestamp", b"-"))))
        return key, b"", signature

    def is_fresh(self, timestamp: bytes) -> bool:
        return not timestamp or super().is_fresh(timestamp)


# How a failure is answered


@defect("wd-unauthorized-is-400", "WD-36")
class UnauthorizedIs400(Withdraws):
    """Failed authentication is answered 400."""

    def auth_refusal(self, reason: str) -> Refusal:
        refusal = super().auth_refusal(reason)
        refusal.status = 400
        return refusal


@defect("wd-unauthorized-is-404", "WD-36")
class UnauthorizedIs404(Withdraws):
    """Failed authentication is answered 404, to hide the API."""

    def auth_refusal(self, reason: str) -> Refusal:
        return Refusal(404, "RESOURCE_NOT_FOUND", "There is nothing here.")


@defect("wd-looks-up-before-authenticating", "WD-37")
class LooksUpBeforeAuthenticating(Withdraws):
    """An unknown withdraw is a 404 before anything is verified, so ids can be tried out."""

    async def cancel(self, request: Request, given: str) -> Response:
        if self.store.get(given.lower()) is None:
            raise self.not_found(given)
        return await super().cancel(request, given)


@defect("wd-unauthorized-names-the-owner", "WD-37")
class UnauthorizedNamesTheOwner(Withdraws):
    """For a withdraw that exists, the 401 says that only its owner may cancel it."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if refusal.code == "UNAUTHORIZED" and self.store.get(given.lower()):
                refusal.message += " Only its merchant may cancel this withdraw."
            raise


@defect("wd-header-names-are-case-sensitive", "WD-38")
class HeaderNamesAreCaseSensitive(Withdraws):
    """Header names count only in the letter case of the document."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        documented = {b"X-API-Key", b"X-Timestamp", b"X-Signature"}
        return super().signing(
            replace(request, headers=tuple(h for h in request.headers if h[0] in documented))
        )
