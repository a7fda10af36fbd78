"""Payout intents that read a body wrongly: a reason of another type, malformed JSON, content types."""

import json
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.body import parse_object
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import odd_reason, parses, pi, reads_body, takes_content_type
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

Body = dict[str, Any]

# Other types

pi("pi-odd-reason-is-made-a-string", "PI-28", "A reason that is no string is made one.", odd_reason(str))
pi("pi-odd-reason-is-500", "PI-28", "A reason that is no string ends in a 500.",
   odd_reason(lambda reason: changes.crash("reason.trim is not a function")))
pi("pi-odd-reason-is-kept", "PI-28", "A reason of any type is kept as it is.", odd_reason(lambda reason: reason))
pi("pi-null-reason-is-500", "PI-28", "A reason that is null ends in a 500.",
   reads_body(lambda body: changes.crash("Cannot read properties of null (reading 'length')")
       if body.get("reason", "") is None else body))
pi("pi-null-reason-is-the-word", "PI-28", "A reason that is null is kept as the word null.",
   reads_body(lambda body: body | {"reason": "null"} if body.get("reason", "") is None else body))

# Bodies

pi("pi-malformed-json-is-500", "PI-29", "What isn't JSON ends in a 500.",
   parses(parse_object, json.JSONDecodeError))
pi("pi-non-object-is-500", "PI-29", "JSON that is no object ends in a 500.",
   parses(lambda body: isinstance(json.loads(body), dict) or changes.crash("'list' object has no attribute 'get'")))
pi("pi-invalid-utf8-is-500", "PI-29", "Bytes that aren't UTF-8 end in a 500.",
   parses(bytes.decode, UnicodeDecodeError))


@defect("pi-empty-body-is-500", "PI-29")
class EmptyBodyIs500(PayoutIntents):
    """No body at all ends in a 500."""

    def body_of(self, request: Request) -> Body:
        return super().body_of(request) if request.body else json.loads(request.body)["reason"]


pi("pi-deep-nesting-is-500", "PI-29", "A body nested deeper than the stack ends in a 500.",
   parses(lambda body: max(body.count(b"["), body.count(b"{")) > 50 and changes.crash("stack level too deep")))


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

pi("pi-json-is-415", "PI-46", "Only the vendor's own media type is accepted.",
   takes_content_type(lambda sent: sent[:1] == [b"application/vnd.payouts+json"]
       or changes.refuse(415, "unsupported_media_type", "The body has to be application/vnd.payouts+json.")))
pi("pi-charset-is-415", "PI-46", "The content type is compared as a whole, so one with a charset is refused.",
   takes_content_type(lambda sent: sent[:1] == [b"application/json"]
       or changes.refuse(415, "unsupported_media_type", "The body has to be application/json.")), warns=True)
pi("pi-other-content-type-is-500", "PI-46", "A content type that no parser is registered for ends in a 500.",
   takes_content_type(lambda sent: sent and not sent[0].lower().startswith(b"application/json")
       and changes.crash("no parser")), warns=True)
pi("pi-no-content-type-is-500", "PI-46", "A body without a content type ends in a 500.",
   takes_content_type(lambda sent: sent
       or changes.crash("'NoneType' object has no attribute 'split'"), only=False), warns=True)


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
