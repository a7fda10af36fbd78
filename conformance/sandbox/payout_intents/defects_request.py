"""Payout intents that read a request wrongly: the reason, its length, another body, a content type."""

import html
import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.body import parse_object
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents import changes as own
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import REASON_LIMIT, PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

Body = dict[str, Any]

# What becomes of it

pi("pi-reason-is-dropped", "PI-22", "The reason is accepted and never kept: failure_message is null.",
   own.gives_message(lambda reason: None))


@defect("pi-reason-is-not-persisted", "PI-22", "PI-06")
class ReasonIsNotPersisted(PayoutIntents):
    """The 202 echoes the reason, and reading shows none."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, None)
        self.echoed = self.message_for(reason)

    def success(self, row: Intent) -> Response:
        return self.reply(202, self.shown(row) | {"failure_message": self.echoed})


pi("pi-reason-is-not-echoed", "PI-22", "The reason is persisted, and the 202 says null.",
   changes.answers(lambda it: {"failure_message": None}))
pi("pi-reason-is-in-another-field", "PI-22",
   "The reason is shown as reason, and failure_message is a fixed sentence.",
   changes.shows(lambda it:
       {"reason": it.failure_message, "failure_message": "Cancelled by the merchant."}, steps.state("cancelled")))
pi("pi-reason-has-a-prefix", "PI-22", "failure_message is a sentence with the reason inside.",
   own.stores(lambda reason: f"Cancelled by merchant: {reason}"))
pi("pi-reason-is-lower-case", "PI-22, PI-27", "The reason is made lower case, as if it were a code.",
   own.stores(str.lower))
pi("pi-reason-0-is-none", "PI-27", 'A reason of "0" counts as empty, as it does in PHP.',
   own.gives_message(lambda reason: None if reason == "0" else reason))
pi("pi-reason-is-trimmed", "PI-27",
   "White space at the beginning and the end of the reason is removed.", own.stores(str.strip), warns=True)
pi("pi-reason-is-escaped", "PI-27", "The reason is escaped for HTML before it is kept.", own.stores(html.escape))
pi("pi-reason-is-unescaped", "PI-27",
   "HTML entities in the reason are resolved: &amp; comes back as &.", own.stores(html.unescape))
pi("pi-reason-loses-its-tags", "PI-27", "A sanitiser removes HTML tags from the reason.",
   own.stores(lambda reason: re.sub(r"<[^>]*>", "", reason)))
pi("pi-reason-is-one-line", "PI-27", "Line breaks in the reason become spaces.",
   own.stores(lambda reason: re.sub(r"[\r\n]+", " ", reason)))
pi("pi-reason-loses-its-quotes", "PI-27",
   "Quotes in the reason are doubled, for a query that doubles them itself.",
   own.stores(lambda reason: reason.replace("'", "''").replace('"', '\\"')))
pi("pi-reason-loses-emoji", "PI-27", "The column holds three bytes per character: emoji become question marks.",
   own.stores(lambda reason: "".join("?" if letter > "\uffff" else letter for letter in reason)))
pi("pi-reason-is-latin", "PI-27", "The column holds Latin-1: characters of other scripts become question marks.",
   own.stores(lambda reason: reason.encode("latin-1", "replace").decode("latin-1")))
pi("pi-reason-is-mojibake", "PI-27", "The reason's UTF-8 is read as Latin-1 on the way to the database.",
   own.stores(lambda reason: reason.encode().decode("latin-1")))
pi("pi-reason-is-normalised", "PI-27", "The reason is normalised (NFKC), and comes back with other characters.",
   own.stores(lambda reason: unicodedata.normalize("NFKC", reason)))

# Whether there is one

pi("pi-reason-is-required", "PI-23", "A cancel without a reason is refused.",
   own.reads_body(lambda body: steps.refuse(400, "invalid_request", "A reason is required.")
       if body.get("reason") is None else body))
pi("pi-no-reason-is-undefined", "PI-23", "Without a reason, failure_message is an empty object.",
   changes.shows(lambda it: {"failure_message": {}}, lambda it: it.status == "cancelled"
       and it.failure_message is None))
pi("pi-no-reason-is-500", "PI-23", "A cancel without a reason ends in a 500.",
   own.reads_body(lambda body: {"reason": body["reason"]}))


@defect("pi-no-reason-is-the-last-one", "PI-23")
class NoReasonIsTheLastOne(PayoutIntents):
    """Without a reason, failure_message is that of the previous request: a default argument is shared."""

    last: str | None = None

    def message_for(self, reason: str | None) -> str | None:
        self.last = reason or self.last
        return self.last


# Length

pi("pi-511-is-the-limit", "PI-24",
   "A reason of 512 characters is refused: the limit itself counts as too long.",
   own.measures(lambda reason: len(reason) + 1))
pi("pi-255-is-the-limit", "PI-24", "A reason of more than 255 characters is refused: the column holds no more.",
   own.measures(lambda reason: len(reason) + REASON_LIMIT - 255))
pi("pi-reason-is-cut-at-255", "PI-24", "A reason of up to 512 characters is accepted, and cut at 255.",
   own.stores(lambda reason: reason[:255]))
pi("pi-513-is-accepted", "PI-25", "A reason of 513 characters is accepted: off by one.",
   own.measures(lambda reason: len(reason) - 1))
pi("pi-reason-is-unlimited", "PI-25", "A reason of any length is accepted.", own.measures(lambda reason: 0))
pi("pi-reason-is-cut-silently", "PI-25", "A reason of more than 512 characters is accepted, and cut.",
   own.measures(lambda reason: 0), own.stores(lambda reason: reason[:REASON_LIMIT]))
pi("pi-long-reason-is-500", "PI-25", "A reason of more than 512 characters ends in a 500 from the database.",
   own.measures(lambda reason: steps.crash("value too long for type character varying(512)")
       if len(reason) > REASON_LIMIT else 0))


@defect("pi-long-reason-is-refused-yet-cancelled", "PI-25")
class LongReasonIsRefusedYetCancelled(PayoutIntents):
    """A reason of more than 512 characters is refused, after the intent has been cancelled."""

    def length(self, reason: str) -> int:
        return 0

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        if reason and len(reason) > REASON_LIMIT:
            raise self.bad_reason("The reason is too long.")


pi("pi-length-is-in-bytes", "PI-26", "The limit counts UTF-8 bytes: other scripts than Latin have less room.",
   own.measures(lambda reason: len(reason.encode())))
pi("pi-length-is-as-escaped", "PI-24, PI-26",
   "The limit counts the escaped JSON text: six characters for each character outside ASCII.",
   own.measures(lambda reason: len(json.dumps(reason)) - 2))


@defect("pi-reason-is-parsed", "PI-27")
class ReasonIsParsed(PayoutIntents):
    """The reason is stored in a JSON column: a reason that is valid JSON comes back reformatted."""

    def stored(self, reason: str) -> str:
        try:
            return json.dumps(json.loads(reason))
        except ValueError:
            return reason


# Other types

pi("pi-odd-reason-is-made-a-string", "PI-28",
   "A reason that is no string is converted to one.", own.odd_reason(str))
pi("pi-odd-reason-is-500", "PI-28", "A reason that is no string ends in a 500.",
   own.odd_reason(lambda reason: steps.crash("reason.trim is not a function")))
pi("pi-odd-reason-is-kept", "PI-28",
   "A reason of any JSON type is kept as it is.", own.odd_reason(lambda reason: reason))
pi("pi-null-reason-is-500", "PI-28", "A reason that is null ends in a 500.",
   own.reads_body(lambda body: steps.crash("Cannot read properties of null (reading 'length')")
       if body.get("reason", "") is None else body))
pi("pi-null-reason-is-the-word", "PI-28", "A reason that is null is kept as the word null.",
   own.reads_body(lambda body: body | {"reason": "null"} if body.get("reason", "") is None else body))

# Bodies

pi("pi-malformed-json-is-500", "PI-29", "Malformed JSON ends in a 500.",
   own.parses(parse_object, json.JSONDecodeError))
pi("pi-non-object-is-500", "PI-29", "A JSON body that is no object ends in a 500.",
   own.parses(lambda body: isinstance(json.loads(body), dict) or steps.crash("'list' object has no attribute 'get'")))
pi("pi-invalid-utf8-is-500", "PI-29", "A body that isn't UTF-8 ends in a 500.",
   own.parses(bytes.decode, UnicodeDecodeError))
pi("pi-empty-body-is-500", "PI-29", "A request without a body ends in a 500.",
   steps.asked(PayoutIntents.body_of, lambda api, request: request if request.body
       else steps.crash("Expecting value")))
pi("pi-deep-nesting-is-500", "PI-29", "A body nested deeper than the stack ends in a 500.",
   own.parses(lambda body: max(body.count(b"["), body.count(b"{")) > 50 and steps.crash("stack level too deep")))


@defect("pi-malformed-json-is-refused-yet-cancelled", "PI-29")
class MalformedJsonIsRefusedYetCancelled(PayoutIntents):
    """Malformed JSON is refused, after the intent has been cancelled."""

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            unread = request.body and not own.body_fields(request)
            if unread and refusal.code == "invalid_request" and intent.status in self.cancellable:
                self.write(intent, None)
            raise


# Content types

pi("pi-json-is-415", "PI-46", "application/json is answered 415: only the vendor's own media type is accepted.",
   own.takes_content_type(lambda sent: sent[:1] == [b"application/vnd.payouts+json"]
       or steps.refuse(415, "unsupported_media_type", "The body has to be application/vnd.payouts+json.")))
pi("pi-charset-is-415", "PI-46", "A content type with a charset is refused: the header is compared as a whole.",
   own.takes_content_type(lambda sent: sent[:1] == [b"application/json"]
       or steps.refuse(415, "unsupported_media_type", "The body has to be application/json.")), warns=True)
pi("pi-other-content-type-is-500", "PI-46", "A content type that no parser is registered for ends in a 500.",
   own.takes_content_type(lambda sent: sent and not sent[0].lower().startswith(b"application/json")
       and steps.crash("no parser")), warns=True)
pi("pi-no-content-type-is-500", "PI-46", "A body without a content type ends in a 500.",
   steps.asked(PayoutIntents.check_content_type, lambda api, request: request if request.values(b"content-type")
       else steps.crash("'NoneType' object has no attribute 'split'")), warns=True)


# What else is in the body


@defect("pi-body-is-assigned", "PI-21")
class BodyIsAssigned(PayoutIntents):
    """Every field of the body is assigned to the intent (mass assignment)."""

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        sent = self.body_of(request)
        for name in ("amount", "currency", "country", "merchant_reference"):
            setattr(intent, name, sent.get(name, getattr(intent, name)))
        return await super().cancel(request, given)


@defect("pi-keyless-reason-is-dropped", "PI-22")
class KeylessReasonIsDropped(PayoutIntents):
    """The reason is stored in the key's record only: without a key it is lost."""

    async def cancel(self, request: Request, given: str) -> Response:
        if any(request.values(b"idempotency-key")):
            return await super().cancel(request, given)
        intent = self.find(self.authenticate(request), given)
        self.reason_of(self.body_of(request))
        return await self.execute(intent, None)


pi("pi-chunks-are-not-read", "PI-29",
   "A chunked body is read as empty, because it has no Content-Length: its reason is lost.",
   steps.asked(PayoutIntents.body_of, lambda api, request: replace(request, body=b"")
       if request.values(b"transfer-encoding") else request))
