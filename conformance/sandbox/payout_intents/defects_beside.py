"""Payout intents that act on other ids, on clients that disconnect, or that mix up answers."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import HANG_UP, Refusal, Request, Response, encode
from conformance.sandbox.payout_intents import changes as own
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope
from conformance.sandbox.windows import hangs_up

# Laid out as a table, a defect per line.
# fmt: off

_PATIENT = 60
"""Turns to wait for a caller to hang up, long enough on a busy machine, too."""
_LATER_S = 0.2

# Ids beside the path

pi("pi-body-id-wins", "PI-01",
   "Path, query and body are merged into one set of parameters, and the body's id replaces the path's.",
   own.cancels_another(lambda request: own.body_fields(request).get("id")))
pi("pi-query-id-wins", "PI-01",
   "Parameters of query and path are merged, and an id in the query replaces that of the path.",
   own.cancels_another(lambda request: own.query_field(request, "payout_intent_id")))


@defect("pi-body-ids-go-along", "PI-01")
class BodyIdsGoAlong(PayoutIntents):
    """The handler for bulk cancellation serves single ones, too: ids in the body are cancelled as well."""

    async def cancel(self, request: Request, given: str) -> Response:
        account, listed = self.authenticate(request), own.body_fields(request).get("ids")
        for other in listed if isinstance(listed, list) else ():
            intent = self.store.get(str(other))
            if intent and self.owns(account, intent) and intent.status in self.cancellable:
                self.write(intent, None)
        return await super().cancel(request, given)


@defect("pi-body-status-wins", "PI-01")
class BodyStatusWins(PayoutIntents):
    """A status in the body is assigned after the cancel: a client can set the intent to paid."""

    async def cancel(self, request: Request, given: str) -> Response:
        response = await super().cancel(request, given)
        intent, status = self.store.get(given), own.body_fields(request).get("status")
        if intent and isinstance(status, str):
            intent.status = status
        return response


@defect("pi-body-id-reaches-strangers", "PI-11", "PI-01")
class BodyIdReachesStrangers(PayoutIntents):
    """The owner of the path's intent is checked, and the intent that the body names is cancelled."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.find(self.authenticate(request), given)
        other = self.store.get(str(own.body_fields(request).get("payoutIntentId")))
        if other and other.status in self.cancellable:
            self.write(other, None)
        return await super().cancel(request, given)


@defect("pi-query-id-shows-strangers", "PI-11")
class QueryIdShowsStrangers(PayoutIntents):
    """The owner of the path's intent is checked, and the intent that the query of a GET names is shown."""

    async def read(self, request: Request, given: str) -> Response:
        self.find(self.authenticate_read(request), given)
        other = self.store.get(own.query_field(request, "id") or "")
        return self.reply(200, self.shown(other)) if other else await super().read(request, given)


# Merchants and environments in a success

pi("pi-other-merchants-get-200", "PI-01",
   "The first merchant was moved to the new API; the others still get a 200.",
   changes.success(lambda it, reply: reply if it.merchant == "merchant_a" else replace(reply, status=200)))
pi("pi-other-merchants-are-live", "PI-18",
   "environment is the deployment's for merchants that have none configured.",
   changes.answers(lambda it: {} if it.merchant == "merchant_a" else {"environment": "live"}))


# What a refusal leaves behind


class _SettlesByItself(PayoutIntents):
    """Pays what was processing when a cancel was refused, a moment after that refusal.

    The refusal begins it, and not a clock: on a busy machine an intent would be paid before its cancel comes.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.processing: dict[str, Intent] = {}
        self.marked: set[str] = set()

    def find(self, account: Account, given: str) -> Intent:
        intent = super().find(account, given)
        if intent.status == "processing":
            self.processing[intent.id] = intent
        return intent

    def not_cancellable(self, row: Intent) -> Refusal:
        self.marked.add(row.id)
        for one in self.processing.values():
            asyncio.get_running_loop().call_later(_LATER_S, self.ends, one)
        return super().not_cancellable(row)

    def ends(self, row: Intent) -> None:
        """How it ends."""
        row.status = self.own.terminal[1]


@defect("pi-refused-never-ends", "PI-05")
class RefusedNeverEnds(_SettlesByItself):
    """A refused cancel marks a processing intent, and the payout worker skips marked intents."""

    def ends(self, row: Intent) -> None:
        if row.id not in self.marked:
            super().ends(row)


@defect("pi-refused-ends-otherwise", "PI-05")
class RefusedEndsOtherwise(_SettlesByItself):
    """A refused cancel marks a processing intent, whose payout fails instead of being paid."""

    def ends(self, row: Intent) -> None:
        super().ends(row)
        if row.id in self.marked:
            row.status, row.failure_code = "failed", "bank_rejected"


pi("pi-refusal-moves-created-at", "PI-20",
   "A refusal writes the row anew, and created_at becomes the time of the refusal.",
   effects.after_refusal("approval_required", lambda api, it:
       effects.sets(lambda _: {"created_at": api.clock.now()})(api, it), when=steps.state("cancelled")), warns=True)
pi("pi-batch-writes-older-rows-back", "PI-06",
   "A batch of some seconds writes loaded rows back: an intent cancelled meanwhile requires approval again.",
   effects.comes_undone(5, "status", "failure_code", "failure_message"), watch_s=6)


# Callers who left, and answers meant for others


@defect("pi-hung-up-keeps-the-key", "PI-36")
class HungUpKeepsTheKey(PayoutIntents):
    """A client's disconnect stops the handler, and its key is never released: 409 for ever."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.stuck: set[str | None] = set()

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        if scope[-1] in self.stuck:
            raise self.conflict()
        return await super().once(scope, fingerprint, act)

    async def carried_out(self, request: Request, row: Intent, reason: str | None) -> Response:
        if self.key_of(request) in self.stuck:
            raise self.conflict()  # who waited for the other one
        if await hangs_up(request, _PATIENT):
            self.stuck.add(self.key_of(request))
            raise Refusal(408, "request_timeout", "Nobody is there any more.")
        return await super().carried_out(request, row, reason)


pi("pi-refused-body-uses-up-the-key", "PI-37",
   "A key is claimed before the body is validated: the corrected request is a conflict.",
   own.uses_up_the_key("invalid_request", lambda api, refusal: api.conflict()))


@defect("pi-retry-of-a-404-is-never-answered", "PI-37")
class RetryOfANotFoundIsNeverAnswered(PayoutIntents):
    """The retry of a 404 waits for a stored answer that doesn't exist, until the client disconnects."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[tuple[str, str]] = set()

    async def cancel(self, request: Request, given: str) -> Response:
        key = self.key_of(request)
        if key and (key, given) in self.asked:
            return HANG_UP
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if key and refusal.code == "not_found":
                self.asked.add((key, given))
            raise


pi("pi-huge-key-is-never-answered", "PI-38",
   "A key of more than 1,000 characters ends the worker, and with it the connection.",
   changes.cancel_begins(lambda api, request, given: HANG_UP
       if any(len(value) > 1000 for value in request.values(b"idempotency-key")) else None))
pi("pi-odd-id-is-never-answered", "PI-14",
   "An id with characters outside ASCII ends the worker, and with it the connection.",
   changes.breaks_on(lambda request: "%F0%9F" in request.path))
pi("pi-deep-body-is-never-answered", "PI-29",
   "A body nested too deeply ends the worker, and with it the connection.",
   changes.cancel_begins(lambda api, request, given: HANG_UP if request.body.count(b"[") > 1000 else None))
pi("pi-huge-credentials-are-never-answered", "PI-43",
   "Credentials of more than 4 kB end the worker, and with it the connection.",
   changes.breaks_on(lambda request: any(len(value) > 4096 for value in request.values(b"authorization"))))


@defect("pi-read-is-cached-for-all", "PI-40")
class ReadIsCachedForAll(PayoutIntents):
    """A read is cached by its path for a second, and returned to any caller within that time."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: dict[str, tuple[Response, float]] = {}

    async def read(self, request: Request, given: str) -> Response:
        now = asyncio.get_running_loop().time()
        try:
            response = await super().read(request, given)
        except Refusal as refusal:
            kept, at = self.kept.get(given, (None, 0.0))
            if refusal.code == "unauthorized" and kept is not None and now - at < 1:
                return kept
            raise
        self.kept[given] = response, now
        return response


@defect("pi-unknown-path-shows-the-request", "PI-45")
class UnknownPathShowsTheRequest(PayoutIntents):
    """The answer to an unknown path shows the request's headers, for debugging."""

    def unknown_route(self, request: Request) -> Response:
        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        return Response(404, encode({"error": {"code": "route_not_found", "message": "No.", "sent": sent}}))


# The reason

pi("pi-escapes-count", "PI-24",
   "The limit counts the JSON text: each quote, backslash and line break as two.",
   own.measures(lambda reason: len(encode(reason).decode()) - 2))
pi("pi-long-text-is-cut-in-bytes", "PI-24",
   "A reason of 512 characters in any script is accepted, and cut after 512 bytes.",
   own.stores(lambda reason: reason.encode()[:512].decode("utf-8", "ignore")))


@defect("pi-odd-reason-is-refused-yet-cancelled", "PI-28")
class OddReasonIsRefusedYetCancelled(PayoutIntents):
    """A reason that is no string is refused, after the intent has been cancelled."""

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        reason = own.body_fields(request).get("reason", "")
        if not isinstance(reason, str) and reason is not None and intent.status in self.cancellable:
            self.write(intent, None)
        return await super().cancel(request, given)


pi("pi-reason-is-composed", "PI-27",
   "The reason is normalised (NFC): decomposed letters come back composed.",
   own.stores(lambda reason: unicodedata.normalize("NFC", reason)), warns=True)
pi("pi-more-behind-the-secret-is-ignored", "PI-41",
   "The credentials are split at each colon, and only the first two parts are compared.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: (pair[0], pair[1].partition(b":")[0])))
