"""Payout intents that get a request wrong now and then: each nth time, or for some intents and reasons."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from conformance.sandbox import effects, steps
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope

# Laid out as a table, a defect per line.
# fmt: off


def _busy() -> Refusal:
    return Refusal(409, "locked", "Another request is working on this intent.")


def _busy_for(when: Callable[[Intent, str | None], bool]) -> type[PayoutIntents]:
    """A good cancel of some intents, or for some reasons, is refused."""

    class Busy(PayoutIntents):
        async def execute(self, row: Intent, reason: str | None) -> Response:
            if row.status in self.cancellable and when(row, reason):
                raise _busy()
            return await super().execute(row, reason)

    return Busy


class _Forgets(PayoutIntents):
    """Forgets each nth use of a used key."""

    nth = 1

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        known = self.world.keys.get(scope)
        is_retry = known is not None and known.response is not None and known.fingerprint == fingerprint
        if is_retry and steps.is_nth(self, "retry", self.nth):
            return await act()
        return await super().once(scope, fingerprint, act)


class _Replays(PayoutIntents):
    """Takes each twentieth conflict for a retry."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        known = self.world.keys.get(scope)
        stored = known.response if known is not None and known.fingerprint != fingerprint else None
        if stored is not None and steps.is_nth(self, "conflict", 20):
            return self.replay(stored)
        return await super().once(scope, fingerprint, act)


def _public(api: PayoutIntents, request: Request) -> Any:
    if not request.values(b"authorization") and steps.is_nth(api, "read", 20):
        return next(iter(api.accounts.values()))
    return api.authenticate(request)


pi("pi-every-ninth-cancel-is-404", "PI-01",
   "One of nine connections to the database reads from a copy that is behind: a good cancel finds nothing.",
   steps.every(9, PayoutIntents.check_cancellable, lambda api, nothing, it:
       steps.refuse(404, "not_found", "There is no such payout intent.")), late=True)
pi("pi-large-amounts-are-409", "PI-01", "An intent of more than a million waits for a second approval: 409.",
   _busy_for(lambda it, reason: int(it.amount) > 1_000_000), late=True)
pi("pi-reasons-of-middling-length-are-409", "PI-01",
   "A reason of 129 to 200 characters is sent to be translated, and the intent is locked meanwhile: 409.",
   _busy_for(lambda it, reason: 129 <= len(reason or "") <= 200), late=True)
pi("pi-every-twentieth-processing-is-cancelled", "PI-02",
   "Each twentieth cancel of a processing intent is carried out.", steps.forgives(20, "processing"))
pi("pi-every-third-paid-is-cancelled", "PI-03", "Each third cancel of a paid intent is carried out.",
   steps.forgives(3, "paid"))
pi("pi-every-thirteenth-cancelled-again", "PI-04", "Each thirteenth cancel of a cancelled intent is carried out.",
   steps.forgives(13, "cancelled"), late=True)
pi("pi-every-twentieth-unknown-is-500", "PI-10", "Each twentieth look-up of an unknown id ends in a 500.",
   steps.after(PayoutIntents.not_found, lambda api, refusal, given:
       steps.crash("too many connections") if steps.is_nth(api, "unknown", 20) else refusal))
pi("pi-every-twentieth-stranger-is-the-owner", "PI-11",
   "Each twentieth look at who owns an intent is answered by an empty cache: anybody does.",
   steps.after(PayoutIntents.owns, lambda api, owns, account, it: owns or (
       account.environment == it.environment and steps.is_nth(api, "owner", 20))))
pi("pi-every-twentieth-environment-is-the-same", "PI-12",
   "Each twentieth look at the environment of an intent is answered by an empty cache: it is the caller's.",
   steps.after(PayoutIntents.same_environment, lambda api, same, account, it:
       same or steps.is_nth(api, "environment", 20)))
pi("pi-every-twentieth-conflict-is-a-retry", "PI-31", "Each twentieth conflict gets the first answer again.", _Replays)
pi("pi-every-seventh-retry-is-carried-out", "PI-33", "Each seventh retry doesn't find its key, and is a second cancel.",
   type("Forgets", (_Forgets,), {"nth": 7}))
pi("pi-every-twentieth-wrong-secret-is-right", "PI-40", "Each twentieth comparison of a secret is answered by a cache.",
   steps.after(PayoutIntents.secret_matches, lambda api, matches, account, sent:
       matches or (account is not None and steps.is_nth(api, "secret", 20))))
pi("pi-every-twentieth-read-is-public", "PI-40", "Each twentieth read without credentials is the first merchant's.",
   steps.instead(PayoutIntents.authenticate_read, _public))
_third = steps.each(3)
pi("pi-one-machine-has-another-zone", "PI-20",
   "One of three machines runs in another zone: updated_at is eight hours ahead, with a Z behind it.",
   effects.writes(lambda it: {"updated_at": it.updated_at + timedelta(hours=8)} if _third(it) else {}),
   warns=True, late=True)
