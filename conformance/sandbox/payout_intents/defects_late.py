"""Payout intents whose answer isn't the end of it: something else changes, now or a moment later."""

import asyncio
import time
from collections.abc import Callable

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope

_LATER_S = 0.2
"""Long after every answer, and before a run of however few checks looks again."""


def _later(act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(_LATER_S, act)


@defect("pi-cancelled-is-executed-later", "PI-06", watch_s=0.3)
class CancelledIsExecutedLater(PayoutIntents):
    """The batch that executes payouts was made up before the cancel, and is run a moment after it."""

    def write(self, intent: Intent, reason: str | None) -> None:
        def execute() -> None:
            intent.status, intent.failure_code, intent.failure_message = self.variants.terminal[1], None, None

        super().write(intent, reason)
        _later(execute)


@defect("pi-reason-is-lost-later", "PI-06", watch_s=0.3)
class ReasonIsLostLater(PayoutIntents):
    """A job that tidies up finished intents clears the reason a moment after the cancel."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        _later(lambda: setattr(intent, "failure_message", None))


class _CancelsLater(PayoutIntents):
    """Puts a cancel into a queue before it is refused."""

    def queued(self, refusal: Refusal) -> bool:
        """Whether this refusal comes after the queue."""
        return False

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if intent is not None and intent.status != "cancelled" and self.queued(refusal):
                _later(lambda: self.write(intent, None))
            raise


@defect("pi-refused-is-cancelled-later", "PI-05")
class RefusedIsCancelledLater(_CancelsLater):
    """A processing intent is refused, and asked back from the bank all the same: a moment later it is cancelled."""

    def queued(self, refusal: Refusal) -> bool:
        return refusal.code == "approval_required"


@defect("pi-unauthorized-cancels-later", "PI-40")
class UnauthorizedCancelsLater(_CancelsLater):
    """A cancel goes into the queue before credentials are looked at, and is carried out after the 401."""

    def queued(self, refusal: Refusal) -> bool:
        return refusal.code == "unauthorized"


@defect("pi-stranger-cancels-later", "PI-11")
class StrangerCancelsLater(_CancelsLater):
    """A cancel goes into the queue before it is looked whose the intent is, and is carried out after the 404."""

    def queued(self, refusal: Refusal) -> bool:
        return refusal.code == "not_found"


@defect("pi-conflict-cancels-later", "PI-32")
class ConflictCancelsLater(_CancelsLater):
    """A cancel goes into the queue before its key is looked up, and is carried out after the 409."""

    def queued(self, refusal: Refusal) -> bool:
        return refusal.code == "idempotency_conflict"


@defect("pi-wrong-body-cancels-later", "PI-29")
class WrongBodyCancelsLater(_CancelsLater):
    """A cancel goes into the queue before its body is validated, and is carried out after the 400."""

    def queued(self, refusal: Refusal) -> bool:
        return refusal.code == "invalid_request"


@defect("pi-settlement-catches-up", "PI-09")
class SettlementCatchesUp(PayoutIntents):
    """A settlement that finds an intent cancelled tries again later, and then doesn't look at the status."""

    async def settle(self, identifier: str) -> str | None:
        intent = self.store.get(identifier)
        if intent is not None and intent.status == "cancelled":
            _later(lambda: setattr(intent, "status", self.variants.terminal[1]))
        return await super().settle(identifier)


@defect("pi-keys-expire-at-once", "PI-31")
class KeysExpireAtOnce(PayoutIntents):
    """Keys are kept for so many milliseconds as it should have been minutes."""

    def key_of(self, request: Request) -> str | None:
        now = time.monotonic()
        for scope, entry in list(self.world.keys.items()):
            born = self.born.setdefault(scope, now)
            if entry.response is not None and now - born > _LATER_S:
                del self.world.keys[scope], self.born[scope]
        return super().key_of(request)

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # as they came
        self.born: dict[Scope, float] = {}

    def scope(self, account: Account, key: str, identifier: str) -> Scope:
        scope = super().scope(account, key, identifier)
        self.born.setdefault(scope, time.monotonic())
        return scope


@defect("pi-cancel-reaches-all", "PI-01")
class CancelReachesAll(PayoutIntents):
    """What is cancelled is selected by the merchant, not by the id: whatever awaits approval goes with it."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        for other in self.store.rows():
            if other.merchant == intent.merchant and other.status == "requires_approval":
                super().write(other, reason)


@defect("pi-every-third-cancel-is-500", "PI-01")
class EveryThirdCancelIs500(PayoutIntents):
    """One of three connections to the database is broken: each third cancel that is to be written ends in a 500."""

    written = 0

    def write(self, intent: Intent, reason: str | None) -> None:
        self.written += 1
        if self.written % 3 == 0:
            raise ConnectionError("server closed the connection unexpectedly")
        super().write(intent, reason)


@defect("pi-refusal-clears-the-reference", "PI-05")
class RefusalClearsTheReference(PayoutIntents):
    """The refusal of a processing intent frees its merchant_reference for another try."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        refusal = super().not_cancellable(intent)
        if intent.status == "processing":
            intent.merchant_reference = ""
        return refusal


@defect("pi-settling-clears-the-reason", "PI-09")
class SettlingClearsTheReason(PayoutIntents):
    """A settlement that finds an intent cancelled leaves it so, and notes its own outcome where the reason was."""

    async def settle(self, identifier: str) -> str | None:
        intent = self.store.get(identifier)
        if intent is not None and intent.status == "cancelled":
            intent.failure_message = None
        return await super().settle(identifier)
