"""Withdraws that go wrong later, between concurrent requests, or between a cancel and a payment."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from conformance.sandbox import effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.windows import LeavesAWindow
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off


def _later(seconds: float, what: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, what)


# Later

wd("wd-provider-writes-processing-back", "WD-09, WD-02",
   "A processing withdraw is canceled until the provider's next report sets it to processing again.",
   effects.comes_undone(0.05, "status", "canceled_at", when=steps.state("processing")), watch_s=0.3)
wd("wd-batch-writes-older-rows-back", "WD-09",
   "A batch of some seconds writes loaded rows back: a withdraw cancelled meanwhile is pending again.",
   effects.comes_undone(5, "status", "canceled_at", "updated_at"), watch_s=6)
wd("wd-refused-cancel-is-tried-again", "WD-10",
   "A refused cancel of a failed withdraw goes into a retry queue, which doesn't check the status.",
   effects.after_refusal("VALIDATION_ERROR", effects.later(effects.cancels, 0.005), when=steps.state("failed")))
wd("wd-strangers-cancel-is-queued", "WD-10, WD-12",
   "The cancel is queued before the owner is checked: another merchant gets 404, and it is canceled soon after.",
   effects.not_owned_leaves(effects.later(effects.cancels, 0.005), when=steps.state("pending", "processing")))
wd("wd-failed-signature-is-noted", "WD-10",
   "A failed authentication is noted on the withdraw, and updatedAt moves.",
   effects.after_refusal("UNAUTHORIZED", effects.touches))
wd("wd-unsupported-refusal-moves-updated-at", "WD-03",
   "A cancel that the provider declined saves the row, and updatedAt moves.",
   effects.after_refusal("VALIDATION_ERROR", effects.touches, when=steps.state("processing")))


# Beside one another


@defect("wd-answer-is-kept-in-a-global", "WD-15")
class AnswerIsKeptInAGlobal(LeavesAWindow, Withdraws):
    """The handler keeps its withdraw in a global, which a concurrent request replaces before the answer is made."""

    current: Withdraw | None = None

    def check_cancellable(self, row: Withdraw) -> None:
        super().check_cancellable(row)
        self.current = row

    async def deliberate(self, row: Withdraw) -> None:
        await self.window.meet("current")

    def success(self, row: Withdraw) -> Response:
        return super().success(self.current or row)


@defect("wd-whole-table-is-written-back", "WD-09")
class WholeTableIsWrittenBack(LeavesAWindow, Withdraws):
    """A cancel reads and writes all withdraws: concurrent cancels are undone."""

    def check_cancellable(self, row: Withdraw) -> None:
        super().check_cancellable(row)
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
    """The caller is kept in a global while the row is fetched, and a concurrent request replaces it."""

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

wd("wd-refused-cancel-blocks-the-payout", "WD-42",
   "A refused cancel leaves the mark that stops the payout: the withdraw is never paid.",
   *effects.blocks_the_payout("VALIDATION_ERROR", steps.state("processing")))
wd("wd-strangers-attempt-blocks-the-payout", "WD-42",
   "Another merchant's attempt to cancel a withdraw blocks its payout for good.",
   *effects.blocks_the_payout("RESOURCE_NOT_FOUND"))


@defect("wd-canceled-processing-is-paid", "WD-42")
class CanceledProcessingIsPaid(Withdraws):
    """A withdraw canceled while processing is paid all the same when the provider gets to it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.handed_over: set[str] = set()

    def write(self, row: Withdraw, reason: str | None = None) -> None:
        if row.status == "processing":
            self.handed_over.add(row.id)
        super().write(row, reason)

    def payable(self, row: Withdraw) -> bool:
        return row.id in self.handed_over or super().payable(row)


@defect("wd-second-attempt-pays", "WD-42")
class SecondAttemptPays(Withdraws):
    """The first attempt to pay a canceled withdraw is skipped; the retry doesn't look again, and pays."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.skipped: set[str] = set()

    def payable(self, row: Withdraw) -> bool:
        if row.id in self.skipped:
            return True
        self.skipped.add(row.id)
        return super().payable(row)


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


@defect("wd-paid-meanwhile-is-cancelled", "WD-42")
class PaidMeanwhileIsCancelled(Withdraws):
    """The status is cached from the first look on: a withdraw paid since then is cancelled."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen: dict[str, str] = {}

    def shown(self, row: Withdraw) -> dict[str, Any]:
        self.seen.setdefault(row.id, row.status)
        return super().shown(row)

    def check_cancellable(self, row: Withdraw) -> None:
        if row.status != "paid" or self.seen.get(row.id) not in self.cancellable:
            super().check_cancellable(row)
