"""Payout intents that read a body wrongly: a reason of another type, malformed JSON, content types."""

import json
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.reference import PayoutIntents

Body = dict[str, Any]

# Other types


class _OddReason(PayoutIntents):
    """Does something else with a reason that is no string."""

    def odd(self, reason: object) -> str:
        """What to keep."""
        return str(reason)

    def reason_of(self, body: Body) -> str | None:
        reason = body.get("reason")
        return super().reason_of(body) if reason is None or isinstance(reason, str) else self.odd(reason)


@defect("pi-odd-reason-is-made-a-string", "PI-28")
class OddReasonIsMadeAString(_OddReason):
    """A reason that is no string is made one."""


@defect("pi-odd-reason-is-500", "PI-28")
class OddReasonIs500(_OddReason):
    """A reason that is no string ends in a 500."""

    def odd(self, reason: object) -> str:
        raise TypeError("reason.trim is not a function")


@defect("pi-odd-reason-is-kept", "PI-28")
class OddReasonIsKept(_OddReason):
    """A reason of any type is kept as it is."""

    def odd(self, reason: object) -> str:
        return reason  # type: ignore[return-value]  # which is the defect


@defect("pi-null-reason-is-500", "PI-28")
class NullReasonIs500(PayoutIntents):
    """A reason that is null ends in a 500."""

    def reason_of(self, body: Body) -> str | None:
        if "reason" in body and body["reason"] is None:
            raise TypeError("Cannot read properties of null (reading 'length')")
        return super().reason_of(body)


@defect("pi-null-reason-is-the-word", "PI-28")
class NullReasonIsTheWord(PayoutIntents):
    """A reason that is null is kept as the word null."""

    def reason_of(self, body: Body) -> str | None:
        return "null" if "reason" in body and body["reason"] is None else super().reason_of(body)


# Bodies


@defect("pi-malformed-json-is-500", "PI-29")
class MalformedJsonIs500(PayoutIntents):
    """What isn't JSON ends in a 500."""

    def parse(self, body: bytes) -> Body:
        try:
            return super().parse(body)
        except json.JSONDecodeError as error:
            raise SystemError("Unexpected token") from error


@defect("pi-non-object-is-500", "PI-29")
class NonObjectIs500(PayoutIntents):
    """JSON that is no object ends in a 500."""

    def parse(self, body: bytes) -> Body:
        if not isinstance(json.loads(body), dict):
            raise AttributeError("'list' object has no attribute 'get'")
        return super().parse(body)


@defect("pi-invalid-utf8-is-500", "PI-29")
class InvalidUtf8Is500(PayoutIntents):
    """Bytes that aren't UTF-8 end in a 500."""

    def parse(self, body: bytes) -> Body:
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise SystemError("invalid byte sequence for encoding UTF8") from error
        return super().parse(body)


@defect("pi-empty-body-is-500", "PI-29")
class EmptyBodyIs500(PayoutIntents):
    """No body at all ends in a 500."""

    def body_of(self, request: Request) -> Body:
        return super().body_of(request) if request.body else json.loads(request.body)["reason"]


@defect("pi-deep-nesting-is-500", "PI-29")
class DeepNestingIs500(PayoutIntents):
    """A body nested deeper than the stack ends in a 500."""

    def parse(self, body: bytes) -> Body:
        if max(body.count(b"["), body.count(b"{")) > 50:
            raise SystemError("stack level too deep")
        return super().parse(body)


@defect("pi-malformed-json-is-refused-yet-cancelled", "PI-29")
class MalformedJsonIsRefusedYetCancelled(PayoutIntents):
    """What isn't JSON is refused, and the intent has been cancelled before it was parsed."""

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if (
                refusal.code == "invalid_request"
                and refusal.status == 400
                and intent.status in self.cancellable
            ):
                self.write(intent, None)
            raise


# Content types


@defect("pi-json-is-415", "PI-46")
class JsonIs415(PayoutIntents):
    """Only the vendor's own media type is accepted."""

    def check_content_type(self, request: Request) -> None:
        if not request.values(b"content-type")[:1] == [b"application/vnd.payouts+json"]:
            raise Refusal(415, "unsupported_media_type", "The body has to be application/vnd.payouts+json.")


@defect("pi-charset-is-415", "PI-46", warns=True)
class CharsetIs415(PayoutIntents):
    """The content type is compared as a whole, so one with a charset is refused."""

    def check_content_type(self, request: Request) -> None:
        if request.values(b"content-type")[:1] != [b"application/json"]:
            raise Refusal(415, "unsupported_media_type", "The body has to be application/json.")


@defect("pi-other-content-type-is-500", "PI-46", warns=True)
class OtherContentTypeIs500(PayoutIntents):
    """A content type that no parser is registered for ends in a 500."""

    def check_content_type(self, request: Request) -> None:
        sent = request.values(b"content-type")
        if sent and not sent[0].lower().startswith(b"application/json"):
            raise KeyError(sent[0])


@defect("pi-no-content-type-is-500", "PI-46", warns=True)
class NoContentTypeIs500(PayoutIntents):
    """A body without a content type ends in a 500."""

    def check_content_type(self, request: Request) -> None:
        if not request.values(b"content-type"):
            raise AttributeError("'NoneType' object has no attribute 'split'")
        super().check_content_type(request)


# What else is in the body


@defect("pi-body-is-assigned", "PI-21")
class BodyIsAssigned(PayoutIntents):
    """Whatever fields the body has are assigned to the intent, as everywhere in this framework."""

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        sent = self.body_of(request)
        for name in ("amount", "currency", "country", "merchant_reference"):
            setattr(intent, name, sent.get(name, getattr(intent, name)))
        return await super().cancel(request, given)


@defect("pi-keyless-reason-is-dropped", "PI-22")
class KeylessReasonIsDropped(PayoutIntents):
    """The reason is saved with the key's record, from where it is shown: without a key there is none."""

    async def cancel(self, request: Request, given: str) -> Response:
        if any(request.values(b"idempotency-key")):
            return await super().cancel(request, given)
        intent = self.find(self.authenticate(request), given)
        self.reason_of(self.body_of(request))
        return await self.execute(intent, None)


@defect("pi-chunks-are-not-read", "PI-29")
class ChunksAreNotRead(PayoutIntents):
    """As many bytes are read as Content-Length says: a body in chunks is none, and its reason is lost."""

    def body_of(self, request: Request) -> Body:
        return {} if request.values(b"transfer-encoding") else super().body_of(request)
