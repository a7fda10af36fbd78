"""Payout intents that get a state or a write wrong."""

import copy
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, ClassVar

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.windows import LeavesAWindow

# Laid out as a table, a defect per line.
# fmt: off

pi("pi-requires-approval-is-refused", "PI-01, PI-02",
   "An intent that requires approval is refused: the condition on approval is inverted.",
   changes.cancels_in("processing"))
pi("pi-processing-is-cancelled", "PI-02, PI-05",
   "A processing intent is cancelled while its money is on the way.",
   changes.cancels_in("requires_approval", "processing"))
pi("pi-paid-is-cancelled", "PI-03",
   "A paid intent is cancelled.", changes.cancels_in("requires_approval", "paid"))
pi("pi-failed-is-cancelled", "PI-03", "A failed intent is cancelled, and loses the reason of its failure.",
   changes.cancels_in("requires_approval", "failed"))
pi("pi-cancelled-again", "PI-04",
   "A cancelled intent is cancelled again: 202, and the new reason replaces the first.",
   changes.cancels_in("requires_approval", "cancelled"))
pi("pi-second-cancel-replays", "PI-04", "A second cancel, whatever its key, answers 202 with the first outcome.",
   changes.replays_success("cancelled", "requires_approval"))
pi("pi-seeded-cancelled-again", "PI-04, PI-03",
   "A second cancel is refused only after a cancel by this process; an intent set up as cancelled is cancelled.",
   changes.cancels_in("requires_approval", "cancelled"), changes.knows_own_cancels_only)
pi("pi-keyless-cancel-again", "PI-04",
   "Without an Idempotency-Key a second cancel is taken for a retry, and answers 202.",
   changes.cancel_begins(lambda api, request, given: api.success(it)
       if (it := api.find(api.authenticate(request), given)).status == "cancelled"
       and not any(request.values(b"idempotency-key")) else None))
pi("pi-refusal-is-409", "PI-02, PI-03, PI-04", "A refusal by state is answered 409.", changes.refused(status=409))
pi("pi-refusal-is-400", "PI-02, PI-03, PI-04", "A refusal by state is answered 400.", changes.refused(status=400))
pi("pi-refusal-is-200", "PI-02, PI-03, PI-04", "A refusal by state is answered 200, with the error inside.",
   changes.refused(status=200))
pi("pi-terminal-is-404", "PI-03",
   "The query selects open intents only, so a terminal one is not found on cancelling.",
   changes.refused_as_unknown("cancelled", "paid", "failed"))
pi("pi-refusal-code-is-another", "PI-02, PI-03, PI-04", "The code of a refusal is invalid_status.",
   changes.refused(code="invalid_status"))
pi("pi-cancelled-has-its-own-code", "PI-04",
   "A cancelled intent is refused with already_cancelled, the others as documented.",
   changes.refused(steps.state("cancelled"), code="already_cancelled"))
pi("pi-refusal-does-not-name-the-status", "PI-08",
   "The message of a refusal doesn't say which status is in the way.",
   changes.explains(lambda it, why: "This intent can't be called off any more."))

# After the refusal the payout proceeds

pi("pi-refused-yet-stopped", "PI-05", "A processing intent is refused with 422, and cancelled all the same.",
   effects.after_refusal("approval_required", lambda api, it:
       api.write(it, "refused"), when=steps.state("processing")))
pi("pi-refusal-leaves-failure-code", "PI-05",
   "The refusal of a processing intent leaves failure_code cancelled behind.",
   effects.after_refusal("approval_required", effects.sets(lambda it: {"failure_code": "cancelled"}),
       when=steps.state("processing")))


@defect("pi-refusal-leaves-the-reason", "PI-05")
class RefusalLeavesTheReason(PayoutIntents):
    """The reason is saved before the status is checked, and stays on a processing intent."""

    async def execute(self, row: Intent, reason: str | None) -> Response:
        if row.status == "processing" and reason:
            row.failure_message = reason
        return await super().execute(row, reason)


pi("pi-refusal-touches-updated-at", "PI-03, PI-04",
   "The refusal of a terminal intent saves the row, and updated_at moves.",
   effects.after_refusal("approval_required", effects.touches, when=steps.state("cancelled", "paid", "failed")),
       warns=True)


@defect("pi-refusal-replaces-the-reason", "PI-04")
class RefusalReplacesTheReason(PayoutIntents):
    """A second cancel is refused, but its reason replaces the first."""

    async def execute(self, row: Intent, reason: str | None) -> Response:
        if row.status == "cancelled":
            row.failure_message = reason
        return await super().execute(row, reason)


pi("pi-refused-can-not-settle", "PI-09, PI-05",
   "A refused cancel leaves a mark on a processing intent, which is then never paid.",
   *effects.blocks_the_payout("approval_required"))
pi("pi-cancelled-is-paid", "PI-09",
   "Settlement pays every intent in its queue, and a cancel doesn't take an intent off the queue.",
   changes.pays_also(steps.state("cancelled")))


# A 202 that isn't real


@defect("pi-cancel-is-not-saved", "PI-06")
class CancelIsNotSaved(PayoutIntents):
    """The 202 shows a copy that is never written back."""

    async def execute(self, row: Intent, reason: str | None) -> Response:
        self.check_cancellable(row)
        shown = copy.copy(row)
        self.write(shown, reason)
        return self.success(shown)


pi("pi-cancel-comes-undone", "PI-06",
   "A worker that had loaded the row writes its old version back as soon as the answer is on its way.",
   effects.comes_undone(0, "status", "updated_at", "failure_code", "failure_message"))
pi("pi-read-is-stale", "PI-06",
   "Reading answers from a cache that cancelling doesn't clear.", changes.reads_what_was)
pi("pi-read-is-202", "PI-06", "Reading a cancelled intent answers 202, the status that was stored with it.",
   changes.reading(lambda it, reply: replace(reply, status=202) if it.status == "cancelled" else reply))
pi("pi-read-has-no-failure-code", "PI-06", "The reason is persisted and failure_code isn't: reading shows null.",
   changes.reads(lambda it: {"failure_code": None}))

# Races

pi("pi-check-then-act", "PI-07",
   "The status is read, time passes, and cancelled is written without looking again: two racers win.",
   changes.check_then_act())


@defect("pi-keyless-check-then-act", "PI-07")
class KeylessCheckThenAct(LeavesAWindow, PayoutIntents):
    """The only lock is that of the key: without a key, two racers win."""

    _keyless: ClassVar[ContextVar[bool]] = ContextVar("keyless", default=False)

    async def cancel(self, request: Request, given: str) -> Response:
        self._keyless.set(not any(request.values(b"idempotency-key")))
        return await super().cancel(request, given)

    def exclusive(self, row: Intent) -> AbstractAsyncContextManager[Any]:
        return nullcontext() if self._keyless.get() else super().exclusive(row)

    async def deliberate(self, row: Intent) -> None:
        if self._keyless.get():
            await self.window.meet(row.id)


@defect("pi-losers-get-500", "PI-07", warns=True)
class LosersGet500(LeavesAWindow, PayoutIntents):
    """A cancel that finds the row locked ends in a 500 from the database driver's lock time-out."""

    async def execute(self, row: Intent, reason: str | None) -> Response:
        if self.store.lock(row).locked():
            self.window.comes(row.id)
            raise TimeoutError("lock not available")
        return await super().execute(row, reason)

    async def deliberate(self, row: Intent) -> None:
        await self.window.hold(row.id)


@defect("pi-settling-races-cancelling", "PI-09")
class SettlingRacesCancelling(LeavesAWindow, PayoutIntents):
    """Settlement takes no lock: it pays between the check and the write of a cancel, and both succeed."""

    async def deliberate(self, row: Intent) -> None:
        if await self.window.meet(row.id):
            await self.window.hold(("seen", row.id))

    async def read(self, request: Request, given: str) -> Response:
        self.window.comes(("seen", given))
        return await super().read(request, given)

    async def settle(self, identifier: str) -> str | None:
        intent = self.store.get(identifier)
        if intent is None:
            return None
        if self.payable(intent):
            await self.window.meet(intent.id)
            intent.status = self.own.terminal[1]
            intent.updated_at = self.clock.after(intent.updated_at)
        return intent.status


@defect("pi-answers-mix", "PI-15")
class AnswersMix(LeavesAWindow, PayoutIntents):
    """The answer is built in a variable that all requests share: concurrent requests get each other's answers."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.answer = await super().cancel(request, given)
        await self.window.meet("answer")
        return self.answer

    answer = Response(202, b"{}")


@defect("pi-callers-mix", "PI-11")
class CallersMix(LeavesAWindow, PayoutIntents):
    """The caller is kept in a variable that all requests share: concurrent requests act as each other's callers."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.caller = account = self.authenticate(request)
        await self.window.meet_others(account.merchant)
        return await super().cancel(request, given)

    async def read(self, request: Request, given: str) -> Response:
        self.caller = self.authenticate_read(request)
        return await super().read(request, given)

    caller: Account | None = None

    def owns(self, account: Account, row: Intent) -> bool:
        return super().owns(self.caller or account, row)
