"""Payout intents that get an Idempotency-Key wrong: conflicts, replays, its scope or its life."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from conformance.sandbox import effects, steps
from conformance.sandbox.body import canonical
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents import changes as own
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Entry, Scope
from conformance.sandbox.windows import LeavesAWindow

# Laid out as a table, a defect per line.
# fmt: off

Body = dict[str, Any]

pi("pi-key-is-required", "PI-30", "A cancel without an Idempotency-Key is refused.",
   steps.after(PayoutIntents.key_of, lambda api, key, request:
       steps.refuse(400, "invalid_request", "An Idempotency-Key is required.") if key is None else key))
pi("pi-no-key-is-a-key", "PI-30, PI-32",
   "Requests without a key share the empty one: the second conflicts with the first.",
   steps.after(PayoutIntents.key_of, lambda api, key, request: key or ""))


# What has to be the same


class StaysInFlight(LeavesAWindow, PayoutIntents):
    """The first request with a key is in flight until another one with it has come."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        async def act_slowly() -> Response:
            await self.window.hold(scope)
            return await act()

        self.window.comes(scope)
        return await super().once(scope, fingerprint, act_slowly)


pi("pi-key-is-ignored", "PI-31, PI-33", "The Idempotency-Key is never read.",
   steps.instead(PayoutIntents.key_of, lambda api, request: None))
pi("pi-fingerprint-ignores-the-body", "PI-31",
   "The body isn't compared: another reason under the same key gets the first answer.",
   own.fingerprints(lambda identifier, body, right: identifier))
pi("pi-fingerprint-ignores-letter-case", "PI-31",
   "Bodies are compared in lower case: a reason in other letter case counts as the same.",
   own.fingerprints(lambda identifier, body, right: right.lower()))


@defect("pi-conflict-in-flight-is-replayed", "PI-31")
class ConflictInFlightIsReplayed(StaysInFlight):
    """A concurrent request with the same key and another body gets the first one's answer."""

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
   own.fingerprints(lambda identifier, body, right: f"{identifier} {len(canonical(body))}"))


@defect("pi-fingerprint-ignores-absence", "PI-31")
class FingerprintIgnoresAbsence(PayoutIntents):
    """A body without a reason matches any other: {} gets the answer to a cancel with a reason."""

    async def cancel(self, request: Request, given: str) -> Response:
        account = self.authenticate(request)
        key = self.key_of(request)
        entry = self.world.keys.get(self.scope(account, key, given)) if key else None
        if entry and entry.response and not self.body_of(request) and entry.fingerprint.startswith(given):
            return self.replay(entry.response)
        return await super().cancel(request, given)


@defect("pi-state-is-checked-before-the-key", "PI-31")
class StateIsCheckedBeforeTheKey(PayoutIntents):
    """A conflict on a cancelled intent is answered 422: the status is checked before the key."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if refusal.code == "idempotency_conflict" and intent and intent.status not in self.cancellable:
                raise self.not_cancellable(intent) from refusal
            raise


pi("pi-conflict-is-422", "PI-31", "A conflict is answered 422 idempotency_conflict.",
   own.conflicts(lambda refusal: refusal.but(status=422)))
pi("pi-conflict-is-400", "PI-31", "A conflict is answered 400 idempotency_conflict.",
   own.conflicts(lambda refusal: refusal.but(status=400)))
pi("pi-conflict-code-is-another", "PI-31", "The code of a conflict is idempotency_error.",
   own.conflicts(lambda refusal: refusal.but(code="idempotency_error")))
pi("pi-conflict-is-500", "PI-31", "A conflict violates the database's unique constraint, and ends in a 500.",
   own.conflicts(lambda refusal: steps.crash("duplicate key value violates unique constraint")))


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
        """Is called after a conflict with the reason of the second request; a subclass acts on it."""


@defect("pi-conflict-replaces-the-reason", "PI-32")
class ConflictReplacesTheReason(_ConflictActs):
    """A conflict is answered 409, and the second reason has replaced the first."""

    def despite(self, identifier: str, reason: str | None) -> None:
        intent = self.store.get(identifier)
        if intent and intent.status == "cancelled":
            intent.failure_message = reason


pi("pi-conflict-touches-updated-at", "PI-32", "A conflict is answered 409, and updated_at has moved.",
   effects.after_refusal("idempotency_conflict", effects.touches))


@defect("pi-conflict-cancels-the-other", "PI-32")
class ConflictCancelsTheOther(_ConflictActs):
    """A key used for a second intent is answered 409, after that intent has been cancelled."""

    def despite(self, identifier: str, reason: str | None) -> None:
        intent = self.store.get(identifier)
        if intent and intent.status in self.cancellable:
            self.write(intent, reason)


pi("pi-conflict-undoes-the-cancel", "PI-32", "A conflict rolls back too much: the intent awaits approval again.",
   effects.after_refusal("idempotency_conflict",
       effects.sets(lambda it: {"status": "requires_approval", "failure_code": None, "failure_message": None}),
       when=steps.state("cancelled")))


@defect("pi-conflict-frees-the-key", "PI-33", "PI-32", "PI-31")
class ConflictFreesTheKey(PayoutIntents):
    """A conflict deletes the key: the first request can't be replayed any more."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            key = self.key_of(request) if refusal.code == "idempotency_conflict" else None
            if key:
                account = self.authenticate(request)
                self.world.keys.pop(self.scope(account, key, given), None)
            raise


# Replays

pi("pi-replay-is-422", "PI-33", "A replay is answered 422: the key only detects conflicts.",
   own.replays(lambda api, kept: api.error(Refusal(422, "approval_required", 'The status is "cancelled".'))))
pi("pi-replay-is-409", "PI-33", "A replay is answered 409, as every use of a used key is.",
   own.replays(lambda api, kept: api.error(api.conflict())))
pi("pi-replay-is-200", "PI-33", "A replay is answered 200 instead of 202.",
   own.replays(lambda api, kept: replace(kept, status=200)))
pi("pi-replay-is-empty", "PI-33",
   "A replay is answered 202 without the intent: only the status was stored.",
   own.replays(lambda api, kept: api.reply(202, {})))
pi("pi-replay-is-labelled-text", "PI-45",
   "A replay has the content type text/plain: only the text of the answer was stored.",
   own.replays(lambda api, kept: replace(kept, content_type="text/plain; charset=utf-8")))


@defect("pi-replay-moves-updated-at", "PI-33")
class ReplayMovesUpdatedAt(PayoutIntents):
    """A replay carries the cancel out again: 202, and updated_at moves."""

    async def cancel(self, request: Request, given: str) -> Response:
        response = await super().cancel(request, given)
        intent = self.store.get(given)
        if intent and self.replayed:
            intent.updated_at = self.clock.after(intent.updated_at)
            self.replayed = False
            return self.success(intent)
        return response

    replayed = False

    def replay(self, stored: Response) -> Response:
        self.replayed = True
        return super().replay(stored)


# Scope

pi("pi-keys-are-global", "PI-34",
   "A key is unique among all merchants and environments: another account's key is a conflict.",
   own.scopes(lambda account, key: (key,)))
pi("pi-keys-span-environments", "PI-34", "A key is unique per merchant: one used in test is a conflict in live.",
   own.scopes(lambda account, key: (account.merchant, key)))
pi("pi-keys-span-merchants", "PI-34",
   "A key is unique per environment: one that another merchant has used is a conflict.",
   own.scopes(lambda account, key: (account.environment, key)))
pi("pi-keys-leak-responses", "PI-34, PI-35",
   "A stored answer is found by its key alone: another merchant gets the first one's intent.",
   own.scopes(lambda account, key: (key,)), own.fingerprints(lambda identifier, body, right: canonical(body)))
pi("pi-another-intent-gets-the-first", "PI-35",
   "The intent isn't compared: a cancel of a second intent under the key is answered with the first.",
   own.fingerprints(lambda identifier, body, right: canonical(body)))


@defect("pi-another-intent-is-claimed", "PI-35")
class AnotherIntentIsClaimed(PayoutIntents):
    """A cancel of a second intent under a used key answers 202 with that intent, and doesn't cancel it."""

    async def cancel(self, request: Request, given: str) -> Response:
        account = self.authenticate(request)
        key, intent = self.key_of(request), self.find(account, given)
        entry = self.world.keys.get(self.scope(account, key, given)) if key else None
        if entry and entry.response and not entry.fingerprint.startswith(given):
            changed = {"status": "cancelled", "failure_code": "cancelled", "failure_message": "duplicate"}
            return self.reply(202, self.shown(intent) | changed)
        return await super().cancel(request, given)


# In flight


@defect("pi-duplicates-in-flight-both-act", "PI-36")
class DuplicatesInFlightBothAct(LeavesAWindow, PayoutIntents):
    """A key is stored only once its request is answered: concurrent duplicates are all carried out."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        if scope in self.world.keys:
            return await super().once(scope, fingerprint, act)
        await self.window.meet(scope)
        response = await act()
        self.world.keys[scope] = Entry(fingerprint, response)
        return response


@defect("pi-duplicates-in-flight-are-500", "PI-36")
class DuplicatesInFlightAre500(StaysInFlight):
    """A concurrent duplicate ends in a 500: the key has no stored answer yet."""

    async def wait_for(self, entry: Entry) -> None:
        raise LookupError("no response stored for key")


@defect("pi-duplicates-in-flight-lock-the-key", "PI-36")
class DuplicatesInFlightLockTheKey(StaysInFlight):
    """A concurrent duplicate is answered 409 and blocks the key: 409 for ever."""

    async def wait_for(self, entry: Entry) -> None:
        entry.fingerprint += " contested"
        raise self.conflict()


# Life

pi("pi-401-uses-up-the-key", "PI-37",
   "A request that fails authentication uses its key: the 401 is replayed to the key's owner.",
   own.uses_up_the_key("unauthorized", lambda api, refusal: refusal))
pi("pi-401-takes-the-key", "PI-37",
   "A request that fails authentication leaves its key in use: a later request with it is a conflict.",
   own.uses_up_the_key("unauthorized", lambda api, refusal: api.conflict()))
pi("pi-key-is-case-insensitive", "PI-38",
   "Keys are stored in lower case: keys that differ in letter case only are the same.",
   own.keys(str.lower))
pi("pi-key-is-cut", "PI-38", "Keys are cut to 16 characters: longer ones with the same beginning are the same.",
   own.keys(lambda key: key[:16]))
pi("pi-key-must-be-a-uuid", "PI-38", "A key that is no UUID ends in a 500.",
   own.keys(lambda key: key if len(key) == 36 else steps.crash("invalid input syntax for type uuid")))
pi("pi-long-key-is-500", "PI-38", "A key that doesn't fit its column of 255 characters ends in a 500.",
   own.looks_at_keys(lambda sent: any(len(value) > 255 for value in sent)
       and steps.crash("value too long for type character varying(255)")))
pi("pi-empty-key-is-500", "PI-38", "An empty key ends in a 500.",
   own.looks_at_keys(lambda sent: sent == [b""] and steps.crash("key must not be blank")))
pi("pi-two-keys-are-500", "PI-38", "A header Idempotency-Key sent twice is read as a list, and ends in a 500.",
   own.looks_at_keys(lambda sent: len(sent) > 1 and steps.crash("key.toLowerCase is not a function")))


@defect("pi-keys-are-kept-per-process", "PI-31")
class KeysAreKeptPerProcess(PayoutIntents):
    """Each of four processes has its own store of keys, and a connection stays with one process."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.process = request.connection % 4
        return await super().cancel(request, given)

    process = 0

    def scope(self, account: Account, key: str, identifier: str) -> Scope:
        return *super().scope(account, key, identifier), str(self.process)


pi("pi-hyphens-in-keys-do-not-count", "PI-38",
   "Keys are stored without hyphens: keys that differ in hyphens only are the same.",
   own.keys(lambda key: key.replace("-", "")))


@defect("pi-get-is-keyed", "PI-35")
class GetIsKeyed(PayoutIntents):
    """The idempotency middleware runs for every method: a GET with a used key gets the stored answer."""

    async def read(self, request: Request, given: str) -> Response:
        account, key = self.authenticate_read(request), self.key_of(request)
        entry = self.world.keys.get(self.scope(account, key, given)) if key else None
        kept = entry and entry.response
        return Response(200, kept.body, kept.headers) if kept else await super().read(request, given)


class _KeepsARefusal(PayoutIntents):
    """Keeps under a key that a request was answered, and not that it was refused."""

    kept = ""

    async def cancel(self, request: Request, given: str) -> Response:
        account, key = self.authenticate(request), self.key_of(request)
        if key is not None and (account.merchant, key, given) in self.refused:
            intent = self.store.get(given)
            return self.reply(202, self.shown(intent) if intent else {})
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if key is not None and refusal.code == self.kept:
                self.refused.add((account.merchant, key, given))
            raise

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refused: set[tuple[str, str, str]] = set()


@defect("pi-retry-of-a-refusal-is-202", "PI-02", "PI-03", "PI-04")
class RetryOfARefusalIs202(_KeepsARefusal):
    """The retry of a refused cancel under its key is answered 202, with the unchanged intent."""

    kept = "approval_required"


@defect("pi-retry-of-a-404-is-202", "PI-10")
class RetryOfANotFoundIs202(_KeepsARefusal):
    """The retry of a cancel of an unknown intent under its key is answered 202 with an empty object."""

    kept = "not_found"


pi("pi-fingerprint-ignores-punctuation", "PI-31",
   "Bodies are compared by letters and digits only: a reason with another comma counts as the same.",
   own.fingerprints(lambda identifier, body, right: "".join(filter(str.isalnum, right))))
