"""Payout intents that change something else than the answer shows, now or a moment later."""

import time

from conformance.sandbox import effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope

# Laid out as a table, a defect per line.
# fmt: off


def _open(intent: Intent) -> bool:
    return intent.status != "cancelled"


pi("pi-cancelled-is-executed-later", "PI-06",
   "A batch of payouts was assembled before the cancel, and is paid a moment later.",
   effects.changes_later(lambda api, it:
       {"status": api.own.terminal[1], "failure_code": None, "failure_message": None}), watch_s=0.3)
pi("pi-reason-is-lost-later", "PI-06",
   "A job that tidies up finished intents clears the reason a moment after the cancel.",
   effects.changes_later(lambda api, it: {"failure_message": None}), watch_s=0.3)
pi("pi-refused-is-cancelled-later", "PI-05",
   "A refused cancel of a processing intent recalls it from the bank: it is cancelled a moment later.",
   effects.after_refusal("approval_required", effects.later(effects.cancels), when=_open))
pi("pi-unauthorized-cancels-later", "PI-40",
   "A cancel is queued before authentication, and carried out after the 401.",
   effects.after_refusal("unauthorized", effects.later(effects.cancels), when=_open))
pi("pi-stranger-cancels-later", "PI-11",
   "A cancel is queued before the owner is checked, and carried out after the 404.",
   effects.after_refusal("not_found", effects.later(effects.cancels), when=_open))
pi("pi-conflict-cancels-later", "PI-32",
   "A cancel is queued before its key is looked up, and carried out after the 409.",
   effects.after_refusal("idempotency_conflict", effects.later(effects.cancels), when=_open))
pi("pi-wrong-body-cancels-later", "PI-29",
   "A cancel is queued before its body is validated, and carried out after the 400.",
   effects.after_refusal("invalid_request", effects.later(effects.cancels), when=_open))


@defect("pi-settlement-catches-up", "PI-09")
class SettlementCatchesUp(PayoutIntents):
    """A settlement that finds an intent cancelled tries again later, without checking the status."""

    async def settle(self, identifier: str) -> str | None:
        intent = self.store.get(identifier)
        if intent is not None and intent.status == "cancelled":
            effects.later(effects.sets(lambda it: {"status": self.own.terminal[1]}))(self, intent)
        return await super().settle(identifier)


@defect("pi-keys-expire-at-once", "PI-31")
class KeysExpireAtOnce(PayoutIntents):
    """Keys are kept for milliseconds instead of minutes."""

    def key_of(self, request: Request) -> str | None:
        now = time.monotonic()
        for scope, entry in list(self.world.keys.items()):
            born = self.born.setdefault(scope, now)
            if entry.response is not None and now - born > effects.LATER_S:
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
    """A cancel selects by the merchant and not by the id: all of its intents that require approval are cancelled."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        for other in self.store.rows():
            if other.merchant == row.merchant and other.status == "requires_approval":
                super().write(other, reason)


@defect("pi-every-third-cancel-is-500", "PI-01", late=True)
class EveryThirdCancelIs500(PayoutIntents):
    """One of three database connections is broken: each third successful cancel ends in a 500."""

    written = 0

    def write(self, row: Intent, reason: str | None = None) -> None:
        self.written += 1
        if self.written % 3 == 0:
            raise ConnectionError("server closed the connection unexpectedly")
        super().write(row, reason)


@defect("pi-every-third-cancel-is-422", "PI-01", late=True)
class EveryThirdCancelIs422(PayoutIntents):
    """One of three processes reads from a copy that is behind: each third good cancel is refused by it."""

    written = 0

    def write(self, row: Intent, reason: str | None = None) -> None:
        self.written += 1
        if self.written % 3 == 0:
            steps.refuse(422, "approval_required", "This payout intent can't be cancelled any more.")
        super().write(row, reason)


pi("pi-every-fifth-cancel-is-409", "PI-01",
   "A lock is asked for too early by one of five processes: each fifth good cancel is refused.",
   steps.every(5, PayoutIntents.check_cancellable, lambda api, nothing, it:
       steps.refuse(409, "locked", "Another request is working on this intent.")), late=True)
pi("pi-refusal-clears-the-reference", "PI-05",
   "A refused cancel of a processing intent clears its merchant_reference.",
   effects.after_refusal("approval_required", effects.sets(lambda it: {"merchant_reference": ""}),
       when=steps.state("processing")))


@defect("pi-settling-clears-the-reason", "PI-09")
class SettlingClearsTheReason(PayoutIntents):
    """A settlement that finds an intent cancelled clears its failure_message."""

    async def settle(self, identifier: str) -> str | None:
        intent = self.store.get(identifier)
        if intent is not None and intent.status == "cancelled":
            intent.failure_message = None
        return await super().settle(identifier)
