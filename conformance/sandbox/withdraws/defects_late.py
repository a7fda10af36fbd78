"""Withdraws that go wrong a little later, beside one another, or between a cancel and a payment."""

import asyncio
import copy
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.windows import LeavesAWindow
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws


def _later(seconds: float, what: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, what)


# Later


@defect("wd-provider-writes-processing-back", "WD-09", "WD-02", watch_s=0.3)
class ProviderWritesProcessingBack(Withdraws):
    """What was processing is canceled until the provider's next report arrives, which says processing."""

    def write(self, withdraw: Withdraw) -> None:
        was = withdraw.status

        def reported() -> None:
            withdraw.status, withdraw.canceled_at = was, None

        super().write(withdraw)
        if was == "processing":
            _later(0.05, reported)


@defect("wd-batch-writes-older-rows-back", "WD-09", watch_s=6)
class BatchWritesOlderRowsBack(Withdraws):
    """A batch job of some seconds writes back the rows that it had loaded: what was cancelled meanwhile is pending."""

    def write(self, withdraw: Withdraw) -> None:
        before = copy.copy(withdraw)

        def written_back() -> None:
            withdraw.status, withdraw.canceled_at = before.status, None
            withdraw.updated_at = before.updated_at

        super().write(withdraw)
        _later(5, written_back)


@defect("wd-refused-cancel-is-tried-again", "WD-10")
class RefusedCancelIsTriedAgain(Withdraws):
    """The refusal of a failed withdraw goes into a queue of retries, which doesn't look at the status."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        if withdraw.status == "failed":
            _later(0.005, lambda: self.write(withdraw))
        return super().not_cancellable(withdraw)


@defect("wd-strangers-cancel-is-queued", "WD-10", "WD-12")
class StrangersCancelIsQueued(Withdraws):
    """The job is queued before its withdraw's owner is known: 404, and canceled soon after."""

    def not_owned(self, withdraw: Withdraw, given: str) -> Refusal:
        if withdraw.status in self.cancellable:
            _later(0.005, lambda: self.write(withdraw))
        return super().not_owned(withdraw, given)


@defect("wd-failed-signature-is-noted", "WD-10")
class FailedSignatureIsNoted(Withdraws):
    """Each failed authentication is noted on the withdraw that it was about, and updatedAt moves."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            self.authenticate(request)
        except Refusal:
            withdraw = self.store.get(given.lower())
            if withdraw:
                withdraw.updated_at = self.clock.after(withdraw.updated_at)
            raise
        return await super().cancel(request, given)


@defect("wd-unsupported-refusal-moves-updated-at", "WD-03")
class UnsupportedRefusalMovesUpdatedAt(Withdraws):
    """What a provider declined is saved with the time at which it did."""

    def unsupported(self, withdraw: Withdraw) -> Refusal:
        withdraw.updated_at = self.clock.after(withdraw.updated_at)
        return super().unsupported(withdraw)


# Beside one another


@defect("wd-answer-is-kept-in-a-global", "WD-15")
class AnswerIsKeptInAGlobal(LeavesAWindow, Withdraws):
    """The handler keeps its withdraw where the next request puts its own before the answer is made."""

    current: Withdraw | None = None

    def check_cancellable(self, withdraw: Withdraw) -> None:
        super().check_cancellable(withdraw)
        self.current = withdraw

    async def deliberate(self, row: Withdraw) -> None:
        await self.window.meet("current")

    def success(self, withdraw: Withdraw) -> Response:
        return super().success(self.current or withdraw)


@defect("wd-whole-table-is-written-back", "WD-09")
class WholeTableIsWrittenBack(LeavesAWindow, Withdraws):
    """All withdraws are read, one is changed, all are written: what others cancelled meanwhile is undone."""

    def check_cancellable(self, withdraw: Withdraw) -> None:
        super().check_cancellable(withdraw)
        self.table = {row.id: copy.copy(row) for row in self.store.rows()}

    async def deliberate(self, row: Withdraw) -> None:
        read = self.table
        await self.window.meet("table")
        for each in self.store.rows():
            old = read.get(each.id)
            if old and each.status == "canceled" != old.status:
                each.status, each.canceled_at, each.updated_at = old.status, None, old.updated_at


@defect("wd-caller-is-kept-in-a-global", "WD-12")
class CallerIsKeptInAGlobal(LeavesAWindow, Withdraws):
    """Who calls is kept in a global while the row is fetched, and is somebody else afterwards."""

    caller: Account | None = None

    async def cancel(self, request: Request, given: str) -> Response:
        self.caller = account = self.authenticate(request)
        row = self.store.get(given.lower())
        owner = row.merchant if row else ""
        if account.merchant != owner:
            self.window.comes(("owner", owner))
            await self.window.hold(("stranger", owner))
        elif not self.window.comes(("stranger", owner)):
            await self.window.hold(("owner", owner))
            self.caller = account
            self.window.comes(("stranger", owner))
        return await super().cancel(request, given)

    def owns(self, account: Account, row: Withdraw) -> bool:
        return super().owns(self.caller or account, row)


# Between a cancel and a payment


class _Stopping(Withdraws):
    """Leaves a mark that tells the payout to stop."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.stopped: set[str] = set()

    def payable(self, withdraw: Withdraw) -> bool:
        return withdraw.id not in self.stopped and super().payable(withdraw)


@defect("wd-refused-cancel-blocks-the-payout", "WD-42")
class RefusedCancelBlocksThePayout(_Stopping):
    """A refused cancel leaves the mark that tells the payout to stop, and it is never paid."""

    def unsupported(self, withdraw: Withdraw) -> Refusal:
        self.stopped.add(withdraw.id)
        return super().unsupported(withdraw)


@defect("wd-strangers-attempt-blocks-the-payout", "WD-42")
class StrangersAttemptBlocksThePayout(_Stopping):
    """Somebody else's attempt to cancel a withdraw has its payout held for good."""

    def not_owned(self, withdraw: Withdraw, given: str) -> Refusal:
        self.stopped.add(withdraw.id)
        return super().not_owned(withdraw, given)


@defect("wd-canceled-processing-is-paid", "WD-42")
class CanceledProcessingIsPaid(Withdraws):
    """What was with the provider when it was canceled is paid when the provider gets to it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.handed_over: set[str] = set()

    def write(self, withdraw: Withdraw) -> None:
        if withdraw.status == "processing":
            self.handed_over.add(withdraw.id)
        super().write(withdraw)

    def payable(self, withdraw: Withdraw) -> bool:
        return withdraw.id in self.handed_over or super().payable(withdraw)


@defect("wd-second-attempt-pays", "WD-42")
class SecondAttemptPays(Withdraws):
    """The first attempt to pay a canceled withdraw is skipped; the retry doesn't look again, and pays."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.skipped: set[str] = set()

    def payable(self, withdraw: Withdraw) -> bool:
        if withdraw.id in self.skipped:
            return True
        self.skipped.add(withdraw.id)
        return super().payable(withdraw)


@defect("wd-payment-takes-no-lock", "WD-42")
class PaymentTakesNoLock(LeavesAWindow, Withdraws):
    """The payment looks at the status, asks the provider and writes paid, whatever was cancelled meanwhile."""

    async def settle(self, identifier: str) -> str | None:
        withdraw = self.store.get(identifier)
        if withdraw is None or not self.payable(withdraw):
            return await super().settle(identifier)
        await self.window.meet(withdraw.id)
        withdraw.status = "paid"
        withdraw.paid_at = withdraw.updated_at = self.clock.after(withdraw.updated_at)
        return withdraw.status

    async def deliberate(self, row: Withdraw) -> None:
        await self.window.meet(row.id)

    def exclusive(self, row: Withdraw) -> AbstractAsyncContextManager[Any]:
        return nullcontext()


@defect("wd-paid-meanwhile-is-cancelled", "WD-42")
class PaidMeanwhileIsCancelled(Withdraws):
    """The status is cached from the first look on: what has been paid since is cancelled."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen: dict[str, str] = {}

    def data(self, withdraw: Withdraw) -> dict[str, Any]:
        self.seen.setdefault(withdraw.id, withdraw.status)
        return super().data(withdraw)

    def check_cancellable(self, withdraw: Withdraw) -> None:
        if withdraw.status != "paid" or self.seen.get(withdraw.id) not in self.cancellable:
            super().check_cancellable(withdraw)
