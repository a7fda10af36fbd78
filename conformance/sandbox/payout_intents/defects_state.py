"""Payout intents that get a state or a write wrong."""

import asyncio
import copy
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, ClassVar

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.windows import LeavesAWindow


@defect("pi-requires-approval-is-refused", "PI-01")
class RequiresApprovalIsRefused(PayoutIntents):
    """Only what has been approved is cancelled: the condition is the wrong way round."""

    cancellable = frozenset({"processing"})


@defect("pi-processing-is-cancelled", "PI-02", "PI-05")
class ProcessingIsCancelled(PayoutIntents):
    """A processing intent is cancelled while its money is on the way."""

    cancellable = PayoutIntents.cancellable | {"processing"}


@defect("pi-paid-is-cancelled", "PI-03")
class PaidIsCancelled(PayoutIntents):
    """A paid intent is cancelled."""

    cancellable = PayoutIntents.cancellable | {"paid"}


@defect("pi-failed-is-cancelled", "PI-03")
class FailedIsCancelled(PayoutIntents):
    """A failed intent is cancelled, and loses the reason of its failure."""

    cancellable = PayoutIntents.cancellable | {"failed"}


@defect("pi-cancelled-again", "PI-04")
class CancelledAgain(PayoutIntents):
    """A cancelled intent is cancelled again: 202, and the new reason replaces the first."""

    cancellable = PayoutIntents.cancellable | {"cancelled"}


@defect("pi-second-cancel-replays", "PI-04")
class SecondCancelReplays(PayoutIntents):
    """A second cancel, whatever its key, answers 202 with the first outcome."""

    cancellable = PayoutIntents.cancellable | {"cancelled"}

    def write(self, intent: Intent, reason: str | None) -> None:
        if intent.status != "cancelled":
            super().write(intent, reason)


@defect("pi-seeded-cancelled-again", "PI-04", "PI-03")
class SeededCancelledAgain(PayoutIntents):
    """Only this process's own cancels are known; what came cancelled is cancelled again."""

    cancellable = PayoutIntents.cancellable | {"cancelled"}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gone: set[str] = set()

    def check_cancellable(self, intent: Intent) -> None:
        if intent.id in self.gone:
            raise self.not_cancellable(intent)
        super().check_cancellable(intent)
        self.gone.add(intent.id)


@defect("pi-keyless-cancel-again", "PI-04")
class KeylessCancelAgain(PayoutIntents):
    """Without an Idempotency-Key a second cancel is taken for a retry, and answers 202."""

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        if intent.status == "cancelled" and not any(request.values(b"idempotency-key")):
            return self.accepted(intent)
        return await super().cancel(request, given)


@defect("pi-refusal-is-409", "PI-02", "PI-03", "PI-04")
class RefusalIs409(PayoutIntents):
    """A refusal by state is answered 409."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        return Refusal(409, "approval_required", self.why_not(intent))


@defect("pi-refusal-is-400", "PI-02", "PI-03", "PI-04")
class RefusalIs400(PayoutIntents):
    """A refusal by state is answered 400."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        return Refusal(400, "approval_required", self.why_not(intent))


@defect("pi-refusal-is-200", "PI-02", "PI-03", "PI-04")
class RefusalIs200(PayoutIntents):
    """A refusal by state is answered 200, with the error inside."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        return Refusal(200, "approval_required", self.why_not(intent))


@defect("pi-terminal-is-404", "PI-03")
class TerminalIs404(PayoutIntents):
    """The query selects open intents only, so a terminal one is not found on cancelling."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        return super().not_cancellable(intent) if intent.status == "processing" else self.not_found("")


@defect("pi-refusal-code-is-another", "PI-02", "PI-03", "PI-04")
class RefusalCodeIsAnother(PayoutIntents):
    """The code of a refusal is invalid_status."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        return Refusal(422, "invalid_status", self.why_not(intent))


@defect("pi-cancelled-has-its-own-code", "PI-04")
class CancelledHasItsOwnCode(PayoutIntents):
    """A cancelled intent is refused with already_cancelled, the others as documented."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        refusal = super().not_cancellable(intent)
        refusal.code = "already_cancelled" if intent.status == "cancelled" else refusal.code
        return refusal


@defect("pi-refusal-does-not-name-the-status", "PI-08")
class RefusalDoesNotNameTheStatus(PayoutIntents):
    """The message of a refusal doesn't say which status is in the way."""

    def why_not(self, intent: Intent) -> str:
        return "This intent can't be called off any more."


# After the refusal the payout proceeds


@defect("pi-refused-yet-stopped", "PI-05")
class RefusedYetStopped(PayoutIntents):
    """A processing intent is refused with 422, and cancelled all the same."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        refusal = super().not_cancellable(intent)
        if intent.status == "processing":
            self.write(intent, "refused")
        return refusal


@defect("pi-refusal-leaves-failure-code", "PI-05")
class RefusalLeavesFailureCode(PayoutIntents):
    """The refusal of a processing intent leaves failure_code cancelled behind."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        if intent.status == "processing":
            intent.failure_code = "cancelled"
        return super().not_cancellable(intent)


@defect("pi-refusal-leaves-the-reason", "PI-05")
class RefusalLeavesTheReason(PayoutIntents):
    """The reason is saved before the status is checked, and stays on a processing intent."""

    async def execute(self, intent: Intent, reason: str | None) -> Response:
        if intent.status == "processing" and reason:
            intent.failure_message = reason
        return await super().execute(intent, reason)


@defect("pi-refusal-touches-updated-at", "PI-03", "PI-04", warns=True)
class RefusalTouchesUpdatedAt(PayoutIntents):
    """The refusal of a terminal intent saves the row, and updated_at moves."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        if intent.status != "processing":
            intent.updated_at = self.clock.after(intent.updated_at)
        return super().not_cancellable(intent)


@defect("pi-refusal-replaces-the-reason", "PI-04")
class RefusalReplacesTheReason(PayoutIntents):
    """A second cancel is refused, but its reason replaces the first."""

    async def execute(self, intent: Intent, reason: str | None) -> Response:
        if intent.status == "cancelled":
            intent.failure_message = reason
        return await super().execute(intent, reason)


@defect("pi-refused-can-not-settle", "PI-09")
class RefusedCanNotSettle(PayoutIntents):
    """A refused cancel leaves a mark on a processing intent that keeps it from ever being paid."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.marked: set[str] = set()

    def not_cancellable(self, intent: Intent) -> Refusal:
        self.marked.add(intent.id)
        return super().not_cancellable(intent)

    def payable(self, intent: Intent) -> bool:
        return intent.id not in self.marked and super().payable(intent)


@defect("pi-cancelled-is-paid", "PI-09")
class CancelledIsPaid(PayoutIntents):
    """Settlement pays whatever its queue holds, and cancelling doesn't take an intent off the queue."""

    def payable(self, intent: Intent) -> bool:
        return super().payable(intent) or intent.status == "cancelled"


# A 202 that isn't real


@defect("pi-cancel-is-not-saved", "PI-06")
class CancelIsNotSaved(PayoutIntents):
    """The 202 shows a copy that is never written back."""

    async def execute(self, intent: Intent, reason: str | None) -> Response:
        self.check_cancellable(intent)
        shown = copy.copy(intent)
        self.write(shown, reason)
        return self.accepted(shown)


@defect("pi-cancel-comes-undone", "PI-06")
class CancelComesUndone(PayoutIntents):
    """A worker that had loaded the row writes its old version back as soon as the answer is on its way."""

    def write(self, intent: Intent, reason: str | None) -> None:
        before = copy.copy(intent)

        def write_back() -> None:
            intent.status, intent.updated_at = before.status, before.updated_at
            intent.failure_code, intent.failure_message = before.failure_code, before.failure_message

        super().write(intent, reason)
        asyncio.get_running_loop().call_soon(write_back)


@defect("pi-read-is-stale", "PI-06")
class ReadIsStale(PayoutIntents):
    """Reading answers from a cache that cancelling doesn't clear."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.cache: dict[str, dict[str, Any]] = {}

    async def read(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        return self.reply(200, self.cache.get(intent.id) or self.shown(intent))

    def write(self, intent: Intent, reason: str | None) -> None:
        self.cache[intent.id] = self.shown(intent)
        super().write(intent, reason)


@defect("pi-read-is-202", "PI-06")
class ReadIs202(PayoutIntents):
    """Reading a cancelled intent answers 202, the status that was stored with it."""

    async def read(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        return self.reply(202 if intent.status == "cancelled" else 200, self.shown(intent))


@defect("pi-read-has-no-failure-code", "PI-06")
class ReadHasNoFailureCode(PayoutIntents):
    """The reason is persisted and failure_code isn't: reading shows null."""

    async def read(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        return self.reply(200, self.shown(intent) | {"failure_code": None})


# Races


@defect("pi-check-then-act", "PI-07")
class CheckThenAct(LeavesAWindow, PayoutIntents):
    """The status is read, time passes, and cancelled is written without looking again: two racers win."""

    def exclusive(self, row: Intent) -> AbstractAsyncContextManager[Any]:
        return nullcontext()

    async def deliberate(self, row: Intent) -> None:
        await self.window.meet(row.id)


@defect("pi-keyless-check-then-act", "PI-07")
class KeylessCheckThenAct(LeavesAWindow, PayoutIntents):
    """What keeps racers apart is the lock on their key: without one, two of them win."""

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
    """Whoever finds the row locked gets a 500 from the database driver's lock time-out."""

    async def execute(self, intent: Intent, reason: str | None) -> Response:
        if self.store.lock(intent).locked():
            self.window.comes(intent.id)
            raise TimeoutError("lock not available")
        return await super().execute(intent, reason)

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
            intent.status = self.variants.terminal[1]
            intent.updated_at = self.clock.after(intent.updated_at)
        return intent.status


@defect("pi-answers-mix", "PI-15")
class AnswersMix(LeavesAWindow, PayoutIntents):
    """The answer is put together in a place that all requests share, and sent a moment later."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.answer = await super().cancel(request, given)
        await self.window.meet("answer")
        return self.answer

    answer = Response(202, b"{}")


@defect("pi-callers-mix", "PI-11")
class CallersMix(LeavesAWindow, PayoutIntents):
    """Who asks is kept in a place that all requests share, and used a moment later."""

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
