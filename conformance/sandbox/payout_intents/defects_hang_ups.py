"""Payout intents that go wrong where a client disconnects before the answer, or in the middle of a body."""

from collections.abc import Awaitable, Callable
from copy import copy
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import HANG_UP, Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope
from conformance.sandbox.windows import hangs_up

_PATIENT = 60
"""Turns to wait for a caller to hang up, long enough on a busy machine, too."""


class _Notices(PayoutIntents):
    """Detects that a client has disconnected while its request is carried out, and remembers its key and intent."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.left: set[str | None] = set()

    async def carried_out(self, request: Request, row: Intent, reason: str | None) -> Response:
        if row.id not in self.left and await hangs_up(request, _PATIENT):
            self.left |= {self.key_of(request), row.id}
            return await self.without_a_caller(row, reason)
        return await super().carried_out(request, row, reason)

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        """Carries a request out whose client has disconnected."""
        raise Refusal(408, "request_timeout", "Nobody is there any more.")


@defect("pi-hung-up-is-done-without-an-answer", "PI-36")
class HungUpIsDoneWithoutAnAnswer(_Notices):
    """A client's disconnect stops the handler after the commit and before the answer is stored: the retry gets 422."""

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        await self.execute(row, reason)
        return await super().without_a_caller(row, reason)


@defect("pi-hung-up-is-answered-and-not-done", "PI-36")
class HungUpIsAnsweredAndNotDone(_Notices):
    """A client's disconnect rolls back the commit, but the answer is already stored: the retry's 202 is untrue."""

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        before = copy(row)
        response = await self.execute(row, reason)
        for name in ("status", "failure_code", "failure_message", "updated_at"):
            setattr(row, name, getattr(before, name))
        return response


@defect("pi-hung-up-loses-the-reason", "PI-36")
class HungUpLosesTheReason(_Notices):
    """A client's disconnect leaves the rest to a job, which doesn't get the reason."""

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        return await self.execute(row, None)


class _AnswersARetry(_Notices):
    """Answers every request with the key of a client that disconnected."""

    async def once(self, scope: Scope, fingerprint: str, act: Callable[[], Awaitable[Response]]) -> Response:
        return self.retried() if scope[-1] in self.left else await super().once(scope, fingerprint, act)

    async def carried_out(self, request: Request, row: Intent, reason: str | None) -> Response:
        if self.key_of(request) in self.left:
            return self.retried()  # it has waited for the other one
        return await super().carried_out(request, row, reason)

    def retried(self) -> Response:
        """The answer to a retry."""
        raise NotImplementedError


@defect("pi-hung-up-makes-the-retry-a-500", "PI-36")
class HungUpMakesTheRetryA500(_AnswersARetry):
    """A client's disconnect leaves the key's record without an answer: the retry ends in a 500."""

    def retried(self) -> Response:
        raise LookupError("no response stored for key")


@defect("pi-hung-up-makes-the-retry-empty", "PI-36")
class HungUpMakesTheRetryEmpty(_AnswersARetry):
    """A client's disconnect leaves an empty stored answer: the retry gets a 202 without a body."""

    def retried(self) -> Response:
        return Response(202, b"")


@defect("pi-hung-up-makes-the-retry-wait-in-vain", "PI-36")
class HungUpMakesTheRetryWaitInVain(_AnswersARetry):
    """A client's disconnect leaves the key in flight: the retry waits until it is aborted itself."""

    def retried(self) -> Response:
        return HANG_UP


class _LocksTheIntent(PayoutIntents):
    """Locks an intent while a request is carried out, and keeps the lock where the client disconnects meanwhile."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.locked: set[str] = set()

    def locks(self, request: Request) -> bool:
        """Whether a request locks the intent."""
        return True

    async def cancel(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate(request), given)
        if self.locks(request) and intent.status in self.cancellable:
            if given not in self.locked and await hangs_up(request, _PATIENT):
                self.locked.add(given)
            if given in self.locked:
                raise Refusal(409, "locked", "Another request is working on this intent.")
        return await super().cancel(request, given)


@defect("pi-hung-up-locks-the-intent", "PI-36")
class HungUpLocksTheIntent(_LocksTheIntent):
    """A client's disconnect leaves the intent locked: no cancel of it works any more."""


@defect("pi-hung-up-without-a-key-locks-the-intent", "PI-36")
class HungUpWithoutAKeyLocksTheIntent(_LocksTheIntent):
    """A request without a key locks the intent itself, and a disconnect leaves it locked for ever."""

    def locks(self, request: Request) -> bool:
        return self.key_of(request) is None


# Half of a body


@defect("pi-half-a-body-cancels", "PI-29")
class HalfABodyCancels(PayoutIntents):
    """A truncated body counts as no body: the intent is cancelled without a reason."""

    async def cut_off(self, request: Request) -> Response:
        place = self.place(request.path)
        if place is None or place[0] != "cancel":
            return HANG_UP
        intent = self.find(self.authenticate(request), place[1])
        return await self.execute(intent, None)


@defect("pi-half-a-body-takes-the-key", "PI-36")
class HalfABodyTakesTheKey(PayoutIntents):
    """The key is claimed before the body has arrived: a truncated request locks it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.claimed: set[str | None] = set()

    async def cut_off(self, request: Request) -> Response:
        self.claimed.add(self.key_of(request))
        return HANG_UP

    def key_of(self, request: Request) -> str | None:
        key = super().key_of(request)
        if key is not None and key in self.claimed:
            raise self.conflict()
        return key
