"""Withdraws whose client disconnects before it is answered."""

import asyncio
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import HANG_UP, Refusal, Request, Response
from conformance.sandbox.windows import hangs_up
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

_PATIENT = 40
"""Turns to wait for a caller to hang up, long enough on a busy machine, too."""


class _Stopped(Withdraws):
    """The handler is stopped when its caller is gone, and `leave` says what it leaves behind."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.left: set[str] = set()

    async def cancel(self, request: Request, given: str) -> Response:
        """Do it, unless the caller hangs up meanwhile."""
        row = self.known(given)
        if row is None or row.status not in self.cancellable or request.method != "POST":
            return await super().cancel(request, given)
        self.authenticate(request)
        if row.id not in self.left and await hangs_up(request, _PATIENT):
            self.leave(row)
            raise Refusal(408, "REQUEST_TIMEOUT", "Nobody is there any more.")
        # Another one may have left it meanwhile.
        return await (self.again(request, row) if row.id in self.left else super().cancel(request, given))

    def leave(self, row: Withdraw) -> None:
        """The state that a stopped handler leaves behind."""
        self.left.add(row.id)

    async def again(self, request: Request, row: Withdraw) -> Response:
        """The answer to a cancel of a withdraw that a stopped handler left behind."""
        raise NotImplementedError


@defect("wd-caller-gone-leaves-a-lock", "WD-01")
class CallerGoneLeavesALock(_Stopped):
    """A client's disconnect leaves the withdraw marked as being cancelled: 409 from then on."""

    async def again(self, request: Request, row: Withdraw) -> Response:
        raise Refusal(409, "IN_PROGRESS", "This withdraw is being cancelled.")


@defect("wd-caller-gone-leaves-a-transaction", "WD-01")
class CallerGoneLeavesATransaction(_Stopped):
    """A client's disconnect leaves its transaction open: the next cancel ends in a 500."""

    async def again(self, request: Request, row: Withdraw) -> Response:
        raise TimeoutError("lock wait timeout exceeded")


@defect("wd-caller-gone-leaves-it-hanging", "WD-01")
class CallerGoneLeavesItHanging(_Stopped):
    """A client's disconnect leaves the row locked: the next cancel waits until it is aborted itself."""

    async def again(self, request: Request, row: Withdraw) -> Response:
        await asyncio.sleep(1)
        return HANG_UP


@defect("wd-caller-gone-is-said-to-be-canceled", "WD-09")
class CallerGoneIsSaidToBeCanceled(_Stopped):
    """A client's disconnect leaves the cancel noted and not done: the next one is refused as canceled."""

    async def again(self, request: Request, row: Withdraw) -> Response:
        raise Refusal(400, "VALIDATION_ERROR", "This withdraw stays as it is: it was canceled before.")


@defect("wd-caller-gone-writes-half", "WD-09")
class CallerGoneWritesHalf(_Stopped):
    """A client's disconnect leaves canceledAt written and the status unchanged: refused as canceled, and pending."""

    def leave(self, row: Withdraw) -> None:
        super().leave(row)
        row.canceled_at = row.updated_at = self.clock.after(row.updated_at)

    async def again(self, request: Request, row: Withdraw) -> Response:
        raise Refusal(400, "VALIDATION_ERROR", "This withdraw stays as it is: it was canceled before.")
