"""Withdraws that let an unsigned or stale request pass, or turn it away wrongly."""

from dataclasses import replace

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.changes import account_of_key, also_fresh, covers, wd, with_header
from conformance.sandbox.withdraws.reference import FRESH_MS, Withdraws

# Laid out as a table, a defect per line.
# fmt: off

_DOCUMENTED = {b"X-API-Key", b"X-Timestamp", b"X-Signature"}

# What is signed as documented is refused

wd("wd-seconds-are-expected", "WD-30",
   "The timestamp is read as seconds, so milliseconds are tens of thousands of years ahead.",
   steps.instead(Withdraws.is_fresh, lambda api, stamp: stamp.isdigit()
       and api.is_near(api.clock.ms() - int(stamp) * 1000)))
wd("wd-prefix-is-refused", "WD-30", "The signature is expected as bare hex, without sha256= before it.",
   steps.after(Withdraws.expected_signature, lambda api, signature, account, stamp, body:
       signature.removeprefix(b"sha256=")))
wd("wd-upper-case-hex-is-expected", "WD-30", "The signature's hex digits are expected in upper case.",
   steps.after(Withdraws.expected_signature, lambda api, signature, account, stamp, body:
       b"sha256=" + signature.removeprefix(b"sha256=").upper()))
wd("wd-prefix-is-stripped-as-letters", "WD-30",
   "The prefix sha256= is taken off as a set of characters: digits of it that the hex begins with go with it.",
   steps.instead(Withdraws.signature_matches, lambda api, account, stamp, body, sent: sent.lstrip(b"sha256=")
       == api.expected_signature(account, stamp, body).removeprefix(b"sha256=")))
wd("wd-empty-body-is-signed-as-object", "WD-30",
   "The framework turns no body into an empty object, and the signature is expected over {}.",
   covers(lambda body: body or b"{}"))
wd("wd-no-body-is-415", "WD-30",
   "A POST without a content type is answered 415, even without a body.",
   changes.cancel_begins(lambda api, request, given: None if request.values(b"content-type")
       else steps.refuse(415, "UNSUPPORTED_MEDIA_TYPE", "The content type is application/json.")))

# A header is missing or empty

wd("wd-no-signature-is-accepted", "WD-31",
   "A signature is verified only if the header is sent; an empty one is refused.",
   changes.lets_in(lambda api, request: None if request.values(b"x-signature") else account_of_key(api, request)))


@defect("wd-empty-signature-is-accepted", "WD-31")
class EmptySignatureIsAccepted(Withdraws):
    """The signature header is required, and an empty signature isn't verified."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        if request.values(b"x-signature") == [b""]:
            # Something has to stand there for the other two headers to be looked at.
            headers = tuple((name, value or b"-") for name, value in request.headers)
            key, timestamp, _ = super().signing(replace(request, headers=headers))
            return key, timestamp, b""
        return super().signing(request)

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        return not signature or super().signature_matches(account, timestamp, body, signature)


wd("wd-no-timestamp-is-accepted", "WD-31",
   "A request without a timestamp comes from an old client, which didn't sign: the key is enough.",
   changes.lets_in(lambda api, request: None if request.values(b"x-timestamp") else account_of_key(api, request)))
wd("wd-empty-timestamp-is-accepted", "WD-31", "An empty timestamp switches verification off: zero means unset.",
   changes.lets_in(lambda api, request: account_of_key(api, request) if request.values(b"x-timestamp") == [b""]
       else None))
wd("wd-no-key-is-the-first-merchant", "WD-31",
   "A request without a key counts as the first merchant's, whose secret verifies the signature.",
   steps.asked(Withdraws.signing, lambda api, request: request if any(request.values(b"x-api-key"))
       else with_header(request, b"x-api-key", next(iter(api.accounts)))))
wd("wd-cancels-before-authenticating", "WD-31, WD-32, WD-33",
   "The handler runs before authentication: the answer is 401, and the withdraw is cancelled.",
   effects.after_refusal("UNAUTHORIZED", effects.cancels, when=steps.state("pending", "processing")))
wd("wd-unauthorized-is-200", "WD-31, WD-32, WD-33, WD-36",
   "Failed authentication is answered 200, with success false inside.", changes.unauthorized(status=200))

# The timestamp

wd("wd-stale-is-accepted", "WD-34", "A timestamp long ago is accepted: a recorded request can be sent again.",
   steps.instead(Withdraws.is_near, lambda api, age_ms: age_ms >= -FRESH_MS))
wd("wd-future-is-accepted", "WD-34",
   "Only the maximum age is checked: a timestamp in the future has a negative age and is accepted.",
   steps.instead(Withdraws.is_near, lambda api, age_ms: age_ms <= FRESH_MS))
wd("wd-nan-is-accepted", "WD-34",
   "A timestamp that is no number is NaN, and every comparison with NaN is false, so it isn't too old.",
   also_fresh(lambda stamp: not stamp.isdigit()))
wd("wd-odd-timestamp-is-500", "WD-34", "A timestamp that is no number ends in a 500.",
   steps.instead(Withdraws.is_fresh, lambda api, stamp: api.is_near(api.clock.ms() - int(stamp))))


@defect("wd-missing-timestamp-is-now", "WD-34", "WD-31")
class MissingTimestampIsNow(Withdraws):
    """A missing timestamp counts as fresh, and the signature is verified with an empty timestamp."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        if any(request.values(b"x-timestamp")):
            return super().signing(request)
        others = [header for header in request.headers if header[0].lower() != b"x-timestamp"]
        key, _, signature = super().signing(replace(request, headers=(*others, (b"X-Timestamp", b"-"))))
        return key, b"", signature

    def is_fresh(self, timestamp: bytes) -> bool:
        return not timestamp or super().is_fresh(timestamp)


# How a failure is answered

wd("wd-unauthorized-is-400", "WD-36", "Failed authentication is answered 400.", changes.unauthorized(status=400))
wd("wd-unauthorized-is-404", "WD-36", "Failed authentication is answered 404, to hide the API.",
   changes.unauthorized(status=404, code="RESOURCE_NOT_FOUND", message="There is nothing here.", headers=()))
wd("wd-looks-up-before-authenticating", "WD-37",
   "An unknown withdraw is a 404 before the signature is verified, so ids can be probed.",
   changes.cancel_begins(changes.knows))


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


wd("wd-header-names-are-case-sensitive", "WD-38", "Header names count only in the letter case of the document.",
   steps.asked(Withdraws.signing, lambda api, request:
       replace(request, headers=tuple(h for h in request.headers if h[0] in _DOCUMENTED))))
