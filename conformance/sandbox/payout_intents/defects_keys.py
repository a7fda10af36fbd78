"""Payout intents that get a key's replay, scope or life wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.body import canonical
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import (
    fingerprints,
    keys,
    looks_at_keys,
    pi,
    replays,
    scopes,
    uses_up_the_key,
)
from conformance.sandbox.payout_intents.defects_idempotency import StaysInFlight
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Entry, Scope
from conformance.sandbox.windows import LeavesAWindow

# Laid out as a table, a defect per line.
# fmt: off

Body = dict[str, Any]

# Replays

pi("pi-replay-is-422", "PI-33", "The same request again is answered 422: the key only detects conflicts.",
   replays(lambda api, kept: api.error(Refusal(422, "approval_required", 'The status is "cancelled".'))))
pi("pi-replay-is-409", "PI-33", "The same request again is a conflict, as any use of a used key is.",
   replays(lambda api, kept: api.error(api.conflict())))
pi("pi-replay-is-200", "PI-33", "The same request again answers 200 instead of 202.",
   replays(lambda api, kept: replace(kept, status=200)))
pi("pi-replay-is-empty", "PI-33", "The same request again answers 202 without the intent: only the status was kept.",
   replays(lambda api, kept: api.reply(202, {})))
pi("pi-replay-is-labelled-text", "PI-45",
   "What was kept under a key is its text: answered again, it is labelled as that.",
   replays(lambda api, kept: replace(kept, content_type="text/plain; charset=utf-8")))


@defect("pi-replay-moves-updated-at", "PI-33")
class ReplayMovesUpdatedAt(PayoutIntents):
    """The same request again is carried out again: 202, and updated_at moves."""

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
   "A key is unique among all merchants and environments: another's key is a conflict.",
   scopes(lambda account, key: (key,)))
pi("pi-keys-span-environments", "PI-34", "A key is unique per merchant: one used in test is a conflict in live.",
   scopes(lambda account, key: (account.merchant, key)))
pi("pi-keys-span-merchants", "PI-34",
   "A key is unique per environment: one that another merchant has used is a conflict.",
   scopes(lambda account, key: (account.environment, key)))
pi("pi-keys-leak-responses", "PI-34, PI-35",
   "A key alone finds the answer, whoever asks: another merchant sees the first one's intent.",
   scopes(lambda account, key: (key,)), fingerprints(lambda identifier, body, right: canonical(body)))
pi("pi-another-intent-gets-the-first", "PI-35",
   "The intent isn't part of the comparison: a second one answers 202 with the first one's object.",
   fingerprints(lambda identifier, body, right: canonical(body)))


@defect("pi-another-intent-is-claimed", "PI-35")
class AnotherIntentIsClaimed(PayoutIntents):
    """A second intent under a used key answers 202 as cancelled with its own object, and isn't."""

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
    """A key is kept only once its request is answered: duplicates in flight all act."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        if scope in self.world.keys:
            return await super().once(scope, fingerprint, act)
        await self.window.meet(scope)
        response = await act()
        self.world.keys[scope] = Entry(fingerprint, response)
        return response


@defect("pi-duplicates-in-flight-are-500", "PI-36")
class DuplicatesInFlightAre500(StaysInFlight):
    """A duplicate in flight ends in a 500: there is a key, and no answer to it yet."""

    async def wait_for(self, entry: Entry) -> None:
        raise LookupError("no response stored for key")


@defect("pi-duplicates-in-flight-lock-the-key", "PI-36")
class DuplicatesInFlightLockTheKey(StaysInFlight):
    """A duplicate in flight is answered 409 and marks the key as contested: it is 409 for ever after."""

    async def wait_for(self, entry: Entry) -> None:
        entry.fingerprint += " contested"
        raise self.conflict()


# Life

pi("pi-401-uses-up-the-key", "PI-37",
   "A request that fails authentication uses up its key: the 401 is replayed to its owner.",
   uses_up_the_key("unauthorized", lambda api, refusal: refusal))
pi("pi-401-takes-the-key", "PI-37",
   "A request that fails authentication leaves its key behind as taken: later use is a conflict.",
   uses_up_the_key("unauthorized", lambda api, refusal: api.conflict()))
pi("pi-key-is-case-insensitive", "PI-38", "Keys are kept in lower case: two that differ in letter case are one.",
   keys(str.lower))
pi("pi-key-is-cut", "PI-38", "A key is its first 16 characters: longer ones that begin alike are one.",
   keys(lambda key: key[:16]))
pi("pi-key-must-be-a-uuid", "PI-38", "A key that is no UUID ends in a 500.",
   keys(lambda key: key if len(key) == 36 else changes.crash("invalid input syntax for type uuid")))
pi("pi-long-key-is-500", "PI-38", "A key that doesn't fit its column of 255 characters ends in a 500.",
   looks_at_keys(lambda sent: any(len(value) > 255 for value in sent)
       and changes.crash("value too long for type character varying(255)")))
pi("pi-empty-key-is-500", "PI-38", "An empty key ends in a 500.",
   looks_at_keys(lambda sent: sent == [b""] and changes.crash("key must not be blank")))
pi("pi-two-keys-are-500", "PI-38", "A key sent twice is a list, and ends in a 500.",
   looks_at_keys(lambda sent: len(sent) > 1 and changes.crash("key.toLowerCase is not a function")))


@defect("pi-keys-are-kept-per-process", "PI-31")
class KeysAreKeptPerProcess(PayoutIntents):
    """Each of four processes remembers the keys that it has seen, and a connection stays with one of them."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.process = request.connection % 4
        return await super().cancel(request, given)

    process = 0

    def scope(self, account: Account, key: str, identifier: str) -> Scope:
        return *super().scope(account, key, identifier), str(self.process)


pi("pi-hyphens-in-keys-do-not-count", "PI-38",
   "Keys are kept without hyphens, as UUIDs are in this database: two that differ in them are one.",
   keys(lambda key: key.replace("-", "")))


@defect("pi-get-is-keyed", "PI-35")
class GetIsKeyed(PayoutIntents):
    """The layer that repeats answers sits before the router: a GET that bears a used key gets what is kept there."""

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
    """A refused cancel that is sent again under its key is answered 202, with the intent as it is."""

    kept = "approval_required"


@defect("pi-retry-of-a-404-is-202", "PI-10")
class RetryOfANotFoundIs202(_KeepsARefusal):
    """A cancel of an unknown intent that is sent again under its key is answered 202 and an empty object."""

    kept = "not_found"


pi("pi-fingerprint-ignores-punctuation", "PI-31",
   "Bodies are compared by their letters and figures, so that white space doesn't count: nor does a comma.",
   fingerprints(lambda identifier, body, right: "".join(filter(str.isalnum, right))))
