"""Payout intents that get a conflict wrong: what counts as one, how it is answered, what it leaves behind."""

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.body import canonical
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import conflicts, fingerprints, pi
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope
from conformance.sandbox.windows import LeavesAWindow

# Laid out as a table, a defect per line.
# fmt: off

Body = dict[str, Any]


@defect("pi-key-is-required", "PI-30")
class KeyIsRequired(PayoutIntents):
    """A cancel without an Idempotency-Key is refused."""

    def key_of(self, request: Request) -> str | None:
        key = super().key_of(request)
        if key is None:
            raise self.bad_request("An Idempotency-Key is required.")
        return key


@defect("pi-no-key-is-a-key", "PI-30", "PI-32")
class NoKeyIsAKey(PayoutIntents):
    """Requests without a key share the empty one: the second of them conflicts with the first."""

    def key_of(self, request: Request) -> str | None:
        return super().key_of(request) or ""


# What has to be the same


class StaysInFlight(LeavesAWindow, PayoutIntents):
    """The first request with a key is in flight until another one with it has come."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        async def act_slowly() -> Response:
            await self.window.hold(scope)
            return await act()

        self.window.comes(scope)
        return await super().once(scope, fingerprint, act_slowly)


@defect("pi-key-is-ignored", "PI-31", "PI-33")
class KeyIsIgnored(PayoutIntents):
    """The Idempotency-Key is documented and never read."""

    def key_of(self, request: Request) -> str | None:
        return None


pi("pi-fingerprint-ignores-the-body", "PI-31",
   "A key belongs to an intent, whatever the body: another reason gets the first answer again.",
   fingerprints(lambda identifier, body, right: identifier))
pi("pi-fingerprint-ignores-letter-case", "PI-31",
   "Bodies are compared in lower case: a reason in other letters counts as the same.",
   fingerprints(lambda identifier, body, right: right.lower()))


@defect("pi-conflict-in-flight-is-replayed", "PI-31")
class ConflictInFlightIsReplayed(StaysInFlight):
    """Who waits for the first request with a key gets its answer, whatever the body was."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        entry = self.world.keys.get(scope)
        if entry is not None and not entry.done.is_set():
            self.window.comes(scope)
            await self.wait_for(entry)
            if entry.response is not None:
                return self.replay(entry.response)
        return await super().once(scope, fingerprint, act)


pi("pi-fingerprint-is-the-length", "PI-31",
   "Bodies are compared by Content-Length: another reason of the same length counts as the same.",
   fingerprints(lambda identifier, body, right: f"{identifier} {len(canonical(body))}"))


@defect("pi-fingerprint-ignores-absence", "PI-31")
class FingerprintIgnoresAbsence(PayoutIntents):
    """A body without a reason matches any: {} gets the answer to a cancel with a reason."""

    async def cancel(self, request: Request, given: str) -> Response:
        account = self.authenticate(request)
        key = self.key_of(request)
        entry = self.world.keys.get(self.scope(account, key, given)) if key else None
        if entry and entry.response and not self.body_of(request) and entry.fingerprint.startswith(given):
            return self.replay(entry.response)
        return await super().cancel(request, given)


@defect("pi-state-is-checked-before-the-key", "PI-31")
class StateIsCheckedBeforeTheKey(PayoutIntents):
    """A conflict on a cancelled intent is answered 422: the status wins. A replay still works."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if refusal.code == "idempotency_conflict" and intent and intent.status not in self.cancellable:
                raise self.not_cancellable(intent) from refusal
            raise


pi("pi-conflict-is-422", "PI-31", "A conflict is answered 422 idempotency_conflict.",
   conflicts(lambda refusal: refusal.but(status=422)))
pi("pi-conflict-is-400", "PI-31", "A conflict is answered 400 idempotency_conflict.",
   conflicts(lambda refusal: refusal.but(status=400)))
pi("pi-conflict-code-is-another", "PI-31", "The code of a conflict is idempotency_error.",
   conflicts(lambda refusal: refusal.but(code="idempotency_error")))
pi("pi-conflict-is-500", "PI-31", "A conflict is the database's unique constraint, and ends in a 500.",
   conflicts(lambda refusal: changes.crash("duplicate key value violates unique constraint")))


# What a conflict leaves behind


class _ConflictActs(PayoutIntents):
    """Does something in spite of a conflict."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if refusal.code == "idempotency_conflict":
                intent = self.store.get(given)
                assert intent is not None  # it has been found before the key was looked at
                self.despite(intent.id, self.reason_of(self.body_of(request)))
            raise

    def despite(self, identifier: str, reason: str | None) -> None:
        """What it does."""


@defect("pi-conflict-replaces-the-reason", "PI-32")
class ConflictReplacesTheReason(_ConflictActs):
    """A conflict is answered 409, and the second reason has replaced the first."""

    def despite(self, identifier: str, reason: str | None) -> None:
        intent = self.store.get(identifier)
        if intent and intent.status == "cancelled":
            intent.failure_message = reason


pi("pi-conflict-touches-updated-at", "PI-32", "A conflict is answered 409, and updated_at has moved.",
   changes.after_refusal("idempotency_conflict", changes.touches))


@defect("pi-conflict-cancels-the-other", "PI-32")
class ConflictCancelsTheOther(_ConflictActs):
    """A key used for a second intent is answered 409, after that intent has been cancelled."""

    def despite(self, identifier: str, reason: str | None) -> None:
        intent = self.store.get(identifier)
        if intent and intent.status in self.cancellable:
            self.write(intent, reason)


pi("pi-conflict-undoes-the-cancel", "PI-32", "A conflict rolls back too much: the intent awaits approval again.",
   changes.after_refusal("idempotency_conflict",
       changes.sets(lambda it: {"status": "requires_approval", "failure_code": None, "failure_message": None}),
       when=changes.state("cancelled")))


@defect("pi-conflict-frees-the-key", "PI-33", "PI-32")
class ConflictFreesTheKey(PayoutIntents):
    """A conflict deletes the key, so the first request can't be repeated any more."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            key = self.key_of(request) if refusal.code == "idempotency_conflict" else None
            if key:
                account = self.authenticate(request)
                self.world.keys.pop(self.scope(account, key, given), None)
            raise
