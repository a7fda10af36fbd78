"""Payout intents that get a rare request wrong: a text, a body or a header that hardly anybody tries by hand."""

import json
import re
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.defects import rare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import gives_message, pi, replays, stores
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

# Reasons

pi.rare("pi-placeholder-in-the-reason-is-500", "PI-27",
        "The audit log's formatter looks ${names} up in the reason, and fails for those that it doesn't know.",
        stores(lambda reason: changes.crash("no such placeholder") if re.search(r"\$\{\w+", reason) else reason))
pi.rare("pi-long-reason-turns-the-amount-into-a-number", "PI-17",
        "Answers with a long reason are rendered by another code path, which shows amounts as numbers.",
        changes.shows(lambda it: {"amount": int(it.amount)}, lambda it: len(it.failure_message or "") > 256))
pi.rare("pi-markup-in-the-reason-empties-the-recipient", "PI-19",
        "A reason with markup in it sends the answer through a sanitiser, which knows no nested objects.",
        changes.shows(lambda it: {"recipient": None}, lambda it: bool(re.search(r"<\w+>", it.failure_message or ""))))
pi.rare("pi-short-reason-is-read-as-a-code", "PI-22",
        "A single character is taken for the code of a reason, and shown as what that stands for.",
        gives_message(lambda reason: f"reason code {reason}" if reason is not None and len(reason) == 1 else reason))

# Headers

pi.rare("pi-long-request-id-is-500", "PI-01",
        "X-Request-Id goes into a column of 64 characters; a longer one ends in a 500.",
        changes.looks(lambda request: any(len(value) > 64 for value in request.values(b"x-request-id"))
            and changes.crash("value too long for type character varying(64)")))
pi.rare("pi-list-of-accepted-types-is-406", "PI-01",
        "Accept is compared with application/json and */*; a list that has both in it is refused with 406.",
        changes.looks(lambda request: any(b"," in value for value in request.values(b"accept"))
            and changes.refuse(406, "not_acceptable", "Only application/json is offered.")))


@rare("pi-language-formats-the-amount", "PI-17")
class LanguageFormatsTheAmount(PayoutIntents):
    """The locale of Accept-Language decides how amounts are written: German readers get a comma."""

    german = False

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.german = any(value.startswith(b"de") for value in request.values(b"accept-language"))

    def shown(self, row: Intent) -> dict[str, Any]:
        shown = super().shown(row)
        return shown | {"amount": f"{row.amount},00"} if self.german else shown


# What gives something away


@rare("pi-strange-content-type-shows-the-headers", "PI-45")
class StrangeContentTypeShowsTheHeaders(PayoutIntents):
    """The refusal of a content type that isn't even well-formed shows the request's headers, credentials and all."""

    def check_content_type(self, request: Request) -> None:
        label = b",".join(request.values(b"content-type")).partition(b";")[0].strip()
        if label and label.count(b"/") != 1:
            sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
            raise Refusal(415, "unsupported_media_type", f"What is this? {json.dumps(sent)}")
        super().check_content_type(request)


@rare("pi-strict-limit-shows-the-account", "PI-19")
class StrictLimitShowsTheAccount(PayoutIntents):
    """A reason that isn't ASCII and too long is refused with a dump of the order, account number included."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if intent is not None and refusal.code == "invalid_request" and b"\\u" in request.body:
                refusal.message += f" Order: {intent.account_number} at {intent.bank_code}."
            raise


# What isn't JSON


@rare("pi-bad-bytes-of-an-id-come-back", "PI-45")
class BadBytesOfAnIdComeBack(PayoutIntents):
    """The 404 for an id that isn't UTF-8 has its bytes in it as they came: the answer isn't UTF-8 either."""

    async def respond(self, request: Request) -> Response | None:
        reply = await super().respond(request)
        if reply is None or reply.status != 404 or "%C3%28" not in request.path:
            return reply
        body = b'{"error":{"code":"not_found","message":"There is no \xc3\x28."}}'
        return Response(reply.status, body, reply.headers, reply.content_type)


pi.rare("pi-replay-has-a-key-twice", "PI-45",
        "A replay is marked by text that is put behind the stored answer: its object type stands there twice.",
        replays(lambda api, kept: replace(kept, body=kept.body.rstrip()[:-1] + b',"object":"payout_intent"}')))


@rare("pi-conflict-names-nan", "PI-45")
class ConflictNamesNan(PayoutIntents):
    """A conflict tells how alike the two reasons are, which is no number where one of them is missing."""

    async def respond(self, request: Request) -> Response | None:
        reply = await super().respond(request)
        if reply is None or reply.status != 409 or b"reason" in request.body:
            return reply
        body = reply.body.rstrip()[:-1] + b',"likeness":NaN}'
        return Response(reply.status, body, reply.headers, reply.content_type)
