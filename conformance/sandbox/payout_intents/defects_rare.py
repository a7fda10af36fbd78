"""Payout intents that get a rare request wrong: a text, a body or a header that hardly anybody tries by hand."""

import json
import re
from typing import Any

from conformance.sandbox.defects import rare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Reasons


@rare("pi-placeholder-in-the-reason-is-500", "PI-27")
class PlaceholderInTheReasonIs500(PayoutIntents):
    """The audit log's formatter looks ${names} up in the reason, and fails for those that it doesn't know."""

    def stored(self, reason: str) -> str:
        if re.search(r"\$\{\w+", reason):
            raise KeyError("no such placeholder")
        return super().stored(reason)


@rare("pi-long-reason-turns-the-amount-into-a-number", "PI-17")
class LongReasonTurnsTheAmountIntoANumber(PayoutIntents):
    """Answers with a long reason are rendered by another code path, which shows amounts as numbers."""

    def shown(self, intent: Intent) -> dict[str, Any]:
        shown = super().shown(intent)
        return shown | {"amount": int(intent.amount)} if len(intent.failure_message or "") > 256 else shown


@rare("pi-markup-in-the-reason-empties-the-recipient", "PI-19")
class MarkupInTheReasonEmptiesTheRecipient(PayoutIntents):
    """A reason with markup in it sends the answer through a sanitiser, which knows no nested objects."""

    def shown(self, intent: Intent) -> dict[str, Any]:
        shown = super().shown(intent)
        return shown | {"recipient": None} if re.search(r"<\w+>", intent.failure_message or "") else shown


@rare("pi-short-reason-is-read-as-a-code", "PI-22")
class ShortReasonIsReadAsACode(PayoutIntents):
    """A single character is taken for the code of a reason, and shown as what that stands for."""

    def message_for(self, reason: str | None) -> str | None:
        return (
            f"reason code {reason}"
            if reason is not None and len(reason) == 1
            else super().message_for(reason)
        )


# Headers


@rare("pi-long-request-id-is-500", "PI-01")
class LongRequestIdIs500(PayoutIntents):
    """X-Request-Id goes into a column of 64 characters; a longer one ends in a 500."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        if any(len(value) > 64 for value in request.values(b"x-request-id")):
            raise RuntimeError("value too long for type character varying(64)")


@rare("pi-list-of-accepted-types-is-406", "PI-01")
class ListOfAcceptedTypesIs406(PayoutIntents):
    """Accept is compared with application/json and */*; a list that has both in it is refused with 406."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        if any(b"," in value for value in request.values(b"accept")):
            raise Refusal(406, "not_acceptable", "Only application/json is offered.")


@rare("pi-language-formats-the-amount", "PI-17")
class LanguageFormatsTheAmount(PayoutIntents):
    """The locale of Accept-Language decides how amounts are written: German readers get a comma."""

    german = False

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.german = any(value.startswith(b"de") for value in request.values(b"accept-language"))

    def shown(self, intent: Intent) -> dict[str, Any]:
        shown = super().shown(intent)
        return shown | {"amount": f"{intent.amount},00"} if self.german else shown


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


@rare("pi-replay-has-a-key-twice", "PI-45")
class ReplayHasAKeyTwice(PayoutIntents):
    """A replay is marked by text that is put behind the stored answer: its object type stands there twice."""

    def replay(self, stored: Response) -> Response:
        again = super().replay(stored)
        body = again.body.rstrip()[:-1] + b',"object":"payout_intent"}'
        return Response(again.status, body, again.headers, again.content_type)


@rare("pi-conflict-names-nan", "PI-45")
class ConflictNamesNan(PayoutIntents):
    """A conflict tells how alike the two reasons are, which is no number where one of them is missing."""

    async def respond(self, request: Request) -> Response | None:
        reply = await super().respond(request)
        if reply is None or reply.status != 409 or b"reason" in request.body:
            return reply
        body = reply.body.rstrip()[:-1] + b',"likeness":NaN}'
        return Response(reply.status, body, reply.headers, reply.content_type)
