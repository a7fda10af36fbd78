"""Withdraws that get a state or a write wrong."""

import copy
import json
from datetime import timedelta
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.windows import LeavesAWindow
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

# The cancellation matrix

wd("wd-pending-is-refused", "WD-01",
   "A pending withdraw is refused: only one that the provider has taken is cancelled.",
   changes.cancels_in("processing"))
wd("wd-processing-is-refused", "WD-02", "A processing withdraw is refused although its provider could stop it.",
   changes.cancels_in("pending"))


@defect("wd-processing-lie", "WD-03")
class ProcessingLie(Withdraws):
    """A 200 for a processing withdraw that its provider can't stop says canceled, and nothing has changed."""

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
    """A 200 for a processing withdraw that its provider can't stop shows it still processing."""

    def write(self, row: Withdraw, reason: str | None = None) -> None:
        if row.status != "processing" or super().provider_allows(row):
            super().write(row, reason)

    def provider_allows(self, row: Withdraw) -> bool:
        return True


wd("wd-provider-is-not-asked", "WD-03",
   "A processing withdraw is marked as canceled whether or not its provider can stop it.",
   steps.instead(Withdraws.provider_allows, lambda api, it: True))
wd("wd-unsupported-is-501", "WD-03",
   "A provider that can't cancel is answered with its own error, 501 NOT_SUPPORTED.",
   steps.after(Withdraws.unsupported, lambda api, refusal, it:
       Refusal(501, "NOT_SUPPORTED", "The provider does not support this.")))
wd("wd-unsupported-is-canceled-anyway", "WD-03, WD-10",
   "The status is written before the provider declines, and not restored: 400, yet canceled.",
   effects.after_refusal("VALIDATION_ERROR", effects.cancels, when=steps.state("processing")))
wd("wd-paid-is-cancelled", "WD-04", "A paid withdraw is cancelled as if it were pending.",
   changes.cancels_in("pending", "processing", "paid"))
wd("wd-failed-is-cancelled", "WD-05", "A failed withdraw is cancelled, so that the merchant's list looks tidy.",
   changes.cancels_in("pending", "processing", "failed"))
wd("wd-canceled-again", "WD-06", "A canceled withdraw is cancelled again: 200, and canceledAt moves.",
   changes.cancels_in("pending", "processing", "canceled"))
wd("wd-second-cancel-replays", "WD-06",
   "A second cancel is taken for a retry and answers 200 with the first outcome.",
   changes.replays_success("canceled", "pending", "processing"))


@defect("wd-own-cancel-again", "WD-06")
class OwnCancelAgain(Withdraws):
    """A withdraw that this process cancelled stays in its cache of open ones: a second cancel is a 200."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.open: set[str] = set()

    def check_cancellable(self, row: Withdraw) -> None:
        if row.id not in self.open:
            super().check_cancellable(row)
        self.open.add(row.id)


wd("wd-seeded-canceled-again", "WD-06",
   "A second cancel is refused only after a cancel by this process; a withdraw set up as canceled is cancelled.",
   changes.cancels_in("pending", "processing", "canceled"), changes.knows_own_cancels_only)
wd("wd-refused-cancel-moves-canceled-at", "WD-06, WD-10",
   "The second cancel is refused, but canceledAt has been overwritten by then.",
   effects.after_refusal("VALIDATION_ERROR", effects.touches,
       effects.sets(lambda it: {"canceled_at": it.updated_at}), when=steps.state("canceled")))
wd("wd-canceled-refusal-is-409", "WD-06, WD-07",
   "A second cancel is answered 409; other refusals by state are 400 as documented.",
   changes.refused(steps.state("canceled"), status=409))
wd("wd-refusal-is-409", "WD-07, WD-04, WD-05",
   "A refusal by state is answered 409 Conflict instead of the documented 400.", changes.refused(status=409))
wd("wd-refusal-is-422", "WD-07, WD-04, WD-05",
   "A refusal by state is answered 422, the framework's status for anything that fails validation.",
   changes.refused(status=422))
wd("wd-refusal-is-200", "WD-07, WD-04, WD-05", "A refusal by state is answered 200, with success false inside.",
   changes.refused(status=200))
wd("wd-refusal-is-404", "WD-04, WD-05, WD-07",
   "The query selects cancellable withdraws only, so a paid or failed one is not found.",
   changes.refused_as_unknown("paid", "failed"))
wd("wd-refusal-code-is-misspelt", "WD-04, WD-05, WD-06", "The code of a refusal is VALIDATION_FAILED.",
   changes.refused(code="VALIDATION_FAILED"))
wd("wd-failed-refused-yet-canceled", "WD-10, WD-05",
   "A failed withdraw is refused with 400, and canceled by the exception handler's clean-up.",
   effects.after_refusal("VALIDATION_ERROR", effects.cancels, when=steps.state("failed")))
wd("wd-refusal-touches-updated-at", "WD-10", "A refused cancel saves the row nonetheless, and updatedAt moves.",
   effects.after_refusal("VALIDATION_ERROR", effects.touches, when=steps.state("paid", "failed", "canceled")))
wd("wd-refusal-clears-paid-at", "WD-10, WD-04", "The refusal of a paid withdraw has already reset paidAt.",
   effects.after_refusal("VALIDATION_ERROR", effects.sets(lambda it: {"paid_at": None})))

# Races

wd("wd-check-then-act", "WD-08",
   "The status is read, time passes, and canceled is written without looking again: two racers win.",
   changes.check_then_act())
wd("wd-processing-check-then-act", "WD-02",
   "A processing withdraw is cancelled without the lock, after a call to its provider: two racers win.",
   changes.check_then_act(steps.state("processing")))


@defect("wd-losers-get-500", "WD-08")
class LosersGet500(LeavesAWindow, Withdraws):
    """A cancel that finds the row locked ends in a 500 from the database driver's lock time-out."""

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


wd("wd-cancel-comes-undone", "WD-09",
   "A worker that had loaded the row writes its old version back as soon as the answer is on its way.",
   effects.comes_undone(0, "status", "canceled_at", "updated_at"))
wd("wd-read-is-stale", "WD-09", "The read endpoint answers from a cache that cancelling doesn't clear.",
   changes.reads_what_was)
wd("wd-stored-amount-is-zeroed", "WD-23",
   "The answer is made before the amount is set to 0.00 in the database, where reading finds it.",
   changes.reads(lambda it: {"amount": "0.00"}, steps.state("canceled")))
wd("wd-read-shifts-canceled-at", "WD-17",
   "The column of canceledAt has no time zone: a time written as UTC is read as local time.",
   changes.reads(lambda it:
       {"canceledAt": it.canceled_at and (it.canceled_at - timedelta(hours=7)).isoformat()}, steps.state("canceled")))


@defect("wd-body-is-assigned", "WD-23")
class BodyIsAssigned(Withdraws):
    """Every field of a signed body is assigned to the withdraw (mass assignment)."""

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


wd("wd-canceled-is-paid", "WD-42",
   "Settlement pays every withdraw in its queue, and a cancel doesn't take a withdraw off the queue.",
   changes.pays_also(steps.state("canceled")))
