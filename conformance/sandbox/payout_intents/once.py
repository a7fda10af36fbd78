"""Idempotency: one effect per key, however often and however fast a request is sent again."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from conformance.sandbox.messages import Refusal, Response
from conformance.sandbox.payout_intents.variants import IntentVariants
from conformance.sandbox.store import Entry, Scope, World


class Once(ABC):
    """The steps by which a key is claimed, kept and replayed (Payout intents, "Other outcomes")."""

    world: World
    own: IntentVariants

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        """Do `act` for the first request with a key, and replay its answer to the others.

        A key that is used for something else is a conflict, whatever the state of the intent. Of several
        requests at once one acts and the others wait; if it fails the key is free, and the next of them acts.
        """
        keys, kept_s = self.world.keys, self.own.keys_kept_s
        known = keys.get(scope)
        if known is not None and kept_s and time.monotonic() - known.born > kept_s:
            del keys[scope]
        while (entry := keys.get(scope)) is not None:
            if entry.fingerprint != fingerprint:
                raise self.conflict()
            if entry.response is not None:
                return self.replay(entry.response)
            if self.own.in_flight == "409":
                raise self.conflict()
            await self.wait_for(entry)
        entry = keys[scope] = Entry(fingerprint)
        try:
            await self.wait_as_told()
            entry.response = await act()
        except Refusal as refusal:
            entry.response = self.kept_refusal(refusal)
            raise
        finally:
            self.release(scope, entry)
        return entry.response

    async def wait_for(self, entry: Entry) -> None:
        """Wait until the first request with this key is answered."""
        await entry.done.wait()

    def kept_refusal(self, refusal: Refusal) -> Response | None:
        """A failure doesn't use up its key, unless the variant `replay_refusals` keeps a 422 under it."""
        return self.error(refusal) if self.own.replay_refusals and refusal.status == 422 else None

    def release(self, scope: Scope, entry: Entry) -> None:
        """Let the others go on: to the answer that is kept, or to act themselves if there is none."""
        if entry.response is None:
            self.world.keys.pop(scope, None)
        entry.done.set()

    def conflict(self) -> Refusal:
        """409 (Payout intents, "Other outcomes")."""
        return Refusal(409, "idempotency_conflict", "This Idempotency-Key belongs to another request.")

    @abstractmethod
    def replay(self, stored: Response) -> Response:
        """A kept answer, once more."""

    @abstractmethod
    def error(self, refusal: Refusal) -> Response:
        """A refusal as it is answered."""

    @abstractmethod
    async def wait_as_told(self) -> None:
        """The time that a variant gives to what is in flight."""
