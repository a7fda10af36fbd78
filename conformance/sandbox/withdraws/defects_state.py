"""Withdraws that get a state or a write wrong."""

import asyncio
import copy
import json
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.windows import LeavesAWindow
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# The cancellation matrix


@defect("wd-pending-is-refused", "WD-01")
class PendingIsRefused(Withdraws):
    """Only what the provider has already taken is cancelled: pending was forgotten."""

    cancellable = frozenset({"processing"})


@defect("wd-processing-is-refused", "WD-02")
class ProcessingIsRefused(Withdraws):
    """A processing withdraw is refused although its provider could stop it."""

    cancellable = frozenset({"pending"})


@defect("wd-processing-lie", "WD-03")
class ProcessingLie(Withdraws):
    """Where the provider can't stop a processing withdraw, a 200 says canceled and nothing has changed."""

    async def cancel(self, request: Request, given: str) -> Response:
        withdraw = self.store.get(given.lower())
        if withdraw and withdraw.status == "processing" and not self.provider_allows(withdraw):
            self.find(self.authenticate(request), given)
            shown = copy.copy(withdraw)
            self.write(shown)
            return self.success(shown)
        return await super().cancel(request, given)


@defect("wd-processing-lie-half", "WD-03")
class ProcessingLieHalf(Withdraws):
    """Where the provider can't stop a processing withdraw, a 200 shows it still processing."""

    def write(self, withdraw: Withdraw) -> None:
        if withdraw.status != "processing" or super().provider_allows(withdraw):
            super().write(withdraw)

    def provider_allows(self, withdraw: Withdraw) -> bool:
        return True


@defect("wd-provider-is-not-asked", "WD-03")
class ProviderIsNotAsked(Withdraws):
    """A processing withdraw is marked as canceled whether or not its provider can stop it."""

    def provider_allows(self, withdraw: Withdraw) -> bool:
        return True


@defect("wd-unsupported-is-501", "WD-03")
class UnsupportedIs501(Withdraws):
    """A provider that can't cancel shines through as 501 NOT_SUPPORTED."""

    def unsupported(self, withdraw: Withdraw) -> Refusal:
        return Refusal(501, "NOT_SUPPORTED", "The provider does not support this.")


@defect("wd-unsupported-is-canceled-anyway", "WD-03", "WD-10")
class UnsupportedIsCanceledAnyway(Withdraws):
    """The status is written before the provider declines, and not restored: 400, yet canceled."""

    def unsupported(self, withdraw: Withdraw) -> Refusal:
        refusal = super().unsupported(withdraw)
        self.write(withdraw)
        return refusal


@defect("wd-paid-is-cancelled", "WD-04")
class PaidIsCancelled(Withdraws):
    """A paid withdraw is cancelled as if it were pending."""

    cancellable = Withdraws.cancellable | {"paid"}


@defect("wd-failed-is-cancelled", "WD-05")
class FailedIsCancelled(Withdraws):
    """A failed withdraw is cancelled, so that the merchant's list looks tidy."""

    cancellable = Withdraws.cancellable | {"failed"}


@defect("wd-canceled-again", "WD-06")
class CanceledAgain(Withdraws):
    """A canceled withdraw is cancelled again: 200, and canceledAt moves."""

    cancellable = Withdraws.cancellable | {"canceled"}


@defect("wd-second-cancel-replays", "WD-06")
class SecondCancelReplays(Withdraws):
    """A second cancel is taken for a retry and answers 200 with the first outcome."""

    cancellable = Withdraws.cancellable | {"canceled"}

    def write(self, withdraw: Withdraw) -> None:
        if withdraw.status != "canceled":
            super().write(withdraw)


@defect("wd-own-cancel-again", "WD-06")
class OwnCancelAgain(Withdraws):
    """What this process has cancelled stays in its cache of open withdraws: a second cancel is a 200."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.open: set[str] = set()

    def check_cancellable(self, withdraw: Withdraw) -> None:
        if withdraw.id not in self.open:
            super().check_cancellable(withdraw)
        self.open.add(withdraw.id)


@defect("wd-seeded-canceled-again", "WD-06")
class SeededCanceledAgain(Withdraws):
    """Only this process's own cancels are known; what came canceled is cancelled again."""

    cancellable = Withdraws.cancellable | {"canceled"}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gone: set[str] = set()

    def check_cancellable(self, withdraw: Withdraw) -> None:
        if withdraw.id in self.gone:
            raise self.not_cancellable(withdraw)
        super().check_cancellable(withdraw)
        self.gone.add(withdraw.id)


@defect("wd-refused-cancel-moves-canceled-at", "WD-06", "WD-10")
class RefusedCancelMovesCanceledAt(Withdraws):
    """The second cancel is refused, but canceledAt has been overwritten by then."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        if withdraw.status == "canceled":
            withdraw.canceled_at = withdraw.updated_at = self.clock.after(withdraw.updated_at)
        return super().not_cancellable(withdraw)


@defect("wd-canceled-refusal-is-409", "WD-06", "WD-07")
class CanceledRefusalIs409(Withdraws):
    """A second cancel is answered 409, the others 400 as documented."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        refusal = super().not_cancellable(withdraw)
        refusal.status = 409 if withdraw.status == "canceled" else 400
        return refusal


@defect("wd-refusal-is-409", "WD-07", "WD-04", "WD-05")
class RefusalIs409(Withdraws):
    """A refusal by state is answered 409, which somebody found the better status."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        return Refusal(409, "VALIDATION_ERROR", self.why_not(withdraw))


@defect("wd-refusal-is-422", "WD-07", "WD-04", "WD-05")
class RefusalIs422(Withdraws):
    """A refusal by state is answered 422, the framework's status for anything that fails validation."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        return Refusal(422, "VALIDATION_ERROR", self.why_not(withdraw))


@defect("wd-refusal-is-200", "WD-07", "WD-04", "WD-05")
class RefusalIs200(Withdraws):
    """A refusal by state is answered 200, with success false inside."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        return Refusal(200, "VALIDATION_ERROR", self.why_not(withdraw))


@defect("wd-refusal-is-404", "WD-04", "WD-05", "WD-07")
class RefusalIs404(Withdraws):
    """The query selects cancellable withdraws only, so a paid or failed one is not found."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        return super().not_cancellable(withdraw) if withdraw.status == "canceled" else self.not_found("")


@defect("wd-refusal-code-is-misspelt", "WD-04", "WD-05", "WD-06")
class RefusalCodeIsMisspelt(Withdraws):
    """The code of a refusal is VALIDATION_FAILED."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        return Refusal(400, "VALIDATION_FAILED", self.why_not(withdraw))


@defect("wd-failed-refused-yet-canceled", "WD-10", "WD-05")
class FailedRefusedYetCanceled(Withdraws):
    """A failed withdraw is refused with 400, and canceled by the exception handler's clean-up."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        refusal = super().not_cancellable(withdraw)
        if withdraw.status == "failed":
            self.write(withdraw)
        return refusal


@defect("wd-refusal-touches-updated-at", "WD-10")
class RefusalTouchesUpdatedAt(Withdraws):
    """A refused cancel saves the row nonetheless, and updatedAt moves."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        withdraw.updated_at = self.clock.after(withdraw.updated_at)
        return super().not_cancellable(withdraw)


@defect("wd-refusal-clears-paid-at", "WD-10", "WD-04")
class RefusalClearsPaidAt(Withdraws):
    """The refusal of a paid withdraw has already reset paidAt."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        withdraw.paid_at = None
        return super().not_cancellable(withdraw)


# Races


@defect("wd-check-then-act", "WD-08")
class CheckThenAct(LeavesAWindow, Withdraws):
    """The status is read, time passes, and canceled is written without looking again: two racers win."""

    def exclusive(self, row: Withdraw) -> AbstractAsyncContextManager[Any]:
        return nullcontext()

    async def deliberate(self, row: Withdraw) -> None:
        await self.window.meet(row.id)


@defect("wd-processing-check-then-act", "WD-02")
class ProcessingCheckThenAct(LeavesAWindow, Withdraws):
    """What is processing takes another path, to its provider and back, without the lock: two racers win."""

    def exclusive(self, row: Withdraw) -> AbstractAsyncContextManager[Any]:
        return nullcontext() if row.status == "processing" else super().exclusive(row)

    async def deliberate(self, row: Withdraw) -> None:
        if row.status == "processing":
            await self.window.meet(row.id)


@defect("wd-losers-get-500", "WD-08")
class LosersGet500(LeavesAWindow, Withdraws):
    """Whoever finds the row locked gets a 500 from the database driver's lock time-out."""

    async def cancel(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        if self.store.lock(withdraw).locked():
            self.window.comes(withdraw.id)
            raise TimeoutError("lock not available")
        return await super().cancel(request, given)

    async def deliberate(self, row: Withdraw) -> None:
        await self.window.hold(row.id)


# A 200 that isn't real


@defect("wd-cancel-is-not-saved", "WD-09")
class CancelIsNotSaved(Withdraws):
    """The 200 shows a copy that is never written back."""

    async def cancel(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        self.check_cancellable(withdraw)
        shown = copy.copy(withdraw)
        self.write(shown)
        return self.success(shown)


@defect("wd-cancel-comes-undone", "WD-09")
class CancelComesUndone(Withdraws):
    """A worker that had loaded the row writes its old version back as soon as the answer is on its way."""

    def write(self, withdraw: Withdraw) -> None:
        before = copy.copy(withdraw)

        def write_back() -> None:
            withdraw.status, withdraw.canceled_at = before.status, None
            withdraw.updated_at = before.updated_at

        super().write(withdraw)
        asyncio.get_running_loop().call_soon(write_back)


@defect("wd-read-is-stale", "WD-09")
class ReadIsStale(Withdraws):
    """The read endpoint answers from a cache that cancelling doesn't clear."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.cache: dict[str, dict[str, Any]] = {}

    async def read(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        return self.reply(200, {"success": True, "data": self.cache.get(withdraw.id) or self.data(withdraw)})

    def write(self, withdraw: Withdraw) -> None:
        self.cache[withdraw.id] = self.data(withdraw)
        super().write(withdraw)


class _OtherWhenRead(Withdraws):
    """Shows a canceled withdraw otherwise on reading."""

    async def read(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        data = self.data(withdraw)
        if withdraw.status == "canceled":
            data |= self.other(withdraw)
        return self.reply(200, {"success": True, "data": data})

    def other(self, withdraw: Withdraw) -> dict[str, Any]:
        """The fields that are other ones."""
        return {}


@defect("wd-stored-amount-is-zeroed", "WD-23")
class StoredAmountIsZeroed(_OtherWhenRead):
    """The answer is made before the amount is set to 0.00 in the database, where reading finds it."""

    def other(self, withdraw: Withdraw) -> dict[str, Any]:
        return {"amount": "0.00"}


@defect("wd-read-shifts-canceled-at", "WD-17")
class ReadShiftsCanceledAt(_OtherWhenRead):
    """The column of canceledAt has no time zone: what was written as UTC is read as local time."""

    def other(self, withdraw: Withdraw) -> dict[str, Any]:
        at = withdraw.canceled_at
        return {"canceledAt": at and (at - timedelta(hours=7)).isoformat()}


@defect("wd-body-is-assigned", "WD-23")
class BodyIsAssigned(Withdraws):
    """Whatever fields a signed body has are assigned to the withdraw, as everywhere in this framework."""

    async def cancel(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        try:
            sent = json.loads(request.body or b"{}")
        except ValueError:
            sent = {}
        if isinstance(sent, dict):
            withdraw.amount = sent.get("amount", withdraw.amount)
            withdraw.description = sent.get("description", withdraw.description)
        return await super().cancel(request, given)


@defect("wd-canceled-is-paid", "WD-42")
class CanceledIsPaid(Withdraws):
    """Settlement pays whatever its queue holds, and cancelling doesn't take a withdraw off the queue."""

    def payable(self, withdraw: Withdraw) -> bool:
        return super().payable(withdraw) or withdraw.status == "canceled"
