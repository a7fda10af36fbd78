"""Payout intents that go wrong after a sequence of requests, each of which works by itself."""

from typing import Any

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import rare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents


class _Remembering(PayoutIntents):
    """Knows what happened to an intent before."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.past: dict[str, list[str]] = {}

    def happened(self, identifier: str) -> list[str]:
        """What happened to an intent, oldest first."""
        return self.past.setdefault(identifier, [])

    async def cancel(self, request: Request, given: str) -> Response:
        """Do it, and note how it went."""
        try:
            reply = await super().cancel(request, given)
        except Refusal as refusal:
            self.happened(given).append(refusal.code)
            self.after_refusal(refusal, request, given)
            raise
        again = "cancelled" in self.happened(given)
        self.happened(given).append("replayed" if again else "cancelled")
        return reply

    async def read(self, request: Request, given: str) -> Response:
        """Do it, and note it."""
        reply = await super().read(request, given)
        self.happened(given).append("read")
        return reply

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        """What a refusal leaves behind."""

    def forget(self, account: Account, request: Request, given: str) -> None:
        """Free a key."""
        key = self.key_of(request)
        if key is not None:
            self.world.keys.pop(self.scope(account, key, given), None)


@rare("pi-refused-cancel-takes-the-key-over", "PI-33")
class RefusedCancelTakesTheKeyOver(_Remembering):
    """An intent has one column for its key, which a refused cancel overwrites: the first key isn't known any more."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        if refusal.code == "approval_required" and self.key_of(request):
            for scope in [s for s, entry in self.world.keys.items() if entry.fingerprint.startswith(given)]:
                del self.world.keys[scope]


@rare("pi-replay-after-a-replay-and-a-read-is-fresh", "PI-33")
class ReplayAfterAReplayAndAReadIsFresh(_Remembering):
    """Reading refreshes what a replay has put into the cache: the next replay shows the present moment."""

    async def cancel(self, request: Request, given: str) -> Response:
        reply = await super().cancel(request, given)
        past = self.happened(given)
        if past[-1] == "replayed" and "read" in past[past.index("replayed") : -1]:
            intent = self.store.get(given)
            assert intent is not None  # it has been cancelled
            intent.updated_at = self.clock.after(intent.updated_at)
            return self.success(intent)
        return reply


@rare("pi-key-on-another-intent-frees-the-first", "PI-33")
class KeyOnAnotherIntentFreesTheFirst(_Remembering):
    """A key that comes for another intent is a conflict, and forgotten: the first intent can't replay any more."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent = self.store.get(given)
        if refusal.code == "idempotency_conflict" and intent and intent.status in self.cancellable:
            self.forget(self.authenticate(request), request, given)


@rare("pi-stranger-frees-the-key", "PI-33", "PI-34")
class StrangerFreesTheKey(_Remembering):
    """A 404 cleans the key up without asking whose it is: a stranger's request frees the owner's."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        key = self.key_of(request) if refusal.code == "not_found" else None
        for scope in [scope for scope in self.world.keys if key is not None and scope[-1] == key]:
            del self.world.keys[scope]


@rare("pi-stranger-with-the-key-gets-422", "PI-11")
class StrangerWithTheKeyGets422(_Remembering):
    """Who knows the key of a cancelled intent is told its state, whoever that is."""

    def not_owned(self, account: Account, row: Intent, given: str) -> Refusal:
        return self.not_cancellable(row) if self.told else super().not_owned(account, row, given)

    told = False

    async def cancel(self, request: Request, given: str) -> Response:
        key = self.key_of(request)
        self.told = (
            key is not None
            and "read" in self.happened(given)
            and any(
                scope[-1] == key and entry.fingerprint.startswith(given)
                for scope, entry in self.world.keys.items()
            )
        )
        return await super().cancel(request, given)


@rare("pi-refused-cancel-lets-it-settle", "PI-09")
class RefusedCancelLetsItSettle(_Remembering):
    """A second cancel, refused, takes the block off that the first one had put on the payout."""

    def payable(self, row: Intent) -> bool:
        unblocked = row.status == "cancelled" and "approval_required" in self.happened(row.id)
        return unblocked or super().payable(row)


@rare("pi-empty-cancel-after-a-read-wipes-the-reason", "PI-06", "PI-22")
class EmptyCancelAfterAReadWipesTheReason(_Remembering):
    """Reading loads the intent into a session that a refused cancel saves: without a reason, that is gone."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent, past = self.store.get(given), self.happened(given)
        late = "cancelled" in past and "read" in past[past.index("cancelled") :]
        if intent and late and refusal.code == "approval_required" and b"reason" not in request.body:
            intent.failure_message = None


@rare("pi-failed-login-after-a-conflict-undoes-it", "PI-40")
class FailedLoginAfterAConflictUndoesIt(_Remembering):
    """A request that fails authentication rolls back a connection that a conflict has left in a transaction."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent = self.store.get(given)
        if intent and self.happened(given)[-2:] == ["idempotency_conflict", "unauthorized"]:
            intent.updated_at = intent.created_at
            intent.failure_message = None


@rare("pi-broken-body-after-a-read-cancels", "PI-29")
class BrokenBodyAfterAReadCancels(_Remembering):
    """A body of another shape is refused when it is saved, and by then the intent, just read, is cancelled."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent = self.store.get(given)
        if (
            intent
            and self.happened(given)[-2:] == ["read", "invalid_request"]
            and request.body.startswith(b"[")
        ):
            self.write(intent, None)
