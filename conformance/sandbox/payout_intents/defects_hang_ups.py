"""Payout intents that go wrong where a caller hangs up before the answer, or in the middle of a body."""

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
    """Notices that a caller is gone while its request is carried out, and remembers its key and its intent."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.left: set[str | None] = set()

    async def carried_out(self, request: Request, row: Intent, reason: str | None) -> Response:
        if row.id not in self.left and await hangs_up(request, _PATIENT):
            self.left |= {self.key_of(request), row.id}
            return await self.without_a_caller(row, reason)
        return await super().carried_out(request, row, reason)

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        """What is done once nobody waits for an answer any more."""
        raise Refusal(408, "request_timeout", "Nobody is there any more.")


@defect("pi-hung-up-is-done-without-an-answer", "PI-36")
class HungUpIsDoneWithoutAnAnswer(_Notices):
    """A handler is stopped after the cancel is committed and before its answer is kept: the retry gets 422."""

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        await self.execute(row, reason)
        return await super().without_a_caller(row, reason)


@defect("pi-hung-up-is-answered-and-not-done", "PI-36")
class HungUpIsAnsweredAndNotDone(_Notices):
    """The answer is kept before the commit, which is rolled back when the caller is gone: the retry's 202 is a lie."""

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        before = copy(row)
        response = await self.execute(row, reason)
        for name in ("status", "failure_code", "failure_message", "updated_at"):
            setattr(row, name, getattr(before, name))
        return response


@defect("pi-hung-up-loses-the-reason", "PI-36")
class HungUpLosesTheReason(_Notices):
    """The rest of a request whose caller is gone is done by a job, which isn't given the reason."""

    async def without_a_caller(self, row: Intent, reason: str | None) -> Response:
        return await self.execute(row, None)


class _AnswersARetry(_Notices):
    """Answers whoever comes with the key of a caller that hung up."""

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
    """The record of a key is there and its answer isn't, since the caller was gone: the retry ends in a 500."""

    def retried(self) -> Response:
        raise LookupError("no response stored for key")


@defect("pi-hung-up-makes-the-retry-empty", "PI-36")
class HungUpMakesTheRetryEmpty(_AnswersARetry):
    """The answer that was kept is what could be sent until the caller was gone: a 202 with nothing in it."""

    def retried(self) -> Response:
        return Response(202, b"")


@defect("pi-hung-up-makes-the-retry-wait-in-vain", "PI-36")
class HungUpMakesTheRetryWaitInVain(_AnswersARetry):
    """The retry waits for the request of the caller that hung up, which has ended, until it is given up itself."""

    def retried(self) -> Response:
        return HANG_UP


class _LocksTheIntent(PayoutIntents):
    """Locks the intent for as long as it is worked on, and never lets go where the caller hangs up meanwhile."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.locked: set[str] = set()

    def locks(self, request: Request) -> bool:
        """Whether a request does."""
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
    """The lock of an intent isn't let go of where the caller hangs up: no cancel of it works any more."""


@defect("pi-hung-up-without-a-key-locks-the-intent", "PI-36")
class HungUpWithoutAKeyLocksTheIntent(_LocksTheIntent):
    """Where there is no key the intent itself is locked, and for ever if the caller hangs up."""

    def locks(self, request: Request) -> bool:
        return self.key_of(request) is None


# Half of a body


@defect("pi-half-a-body-cancels", "PI-29")
class HalfABodyCancels(PayoutIntents):
    """A body that can't be read to its end is taken for none: the intent is cancelled without a reason."""

    async def cut_off(self, request: Request) -> Response:
        place = self.place(request.path)
        if place is None or place[0] != "cancel":
            return HANG_UP
        intent = self.find(self.authenticate(request), place[1])
        return await self.execute(intent, None)


@defect("pi-half-a-body-takes-the-key", "PI-36")
class HalfABodyTakesTheKey(PayoutIntents):
    """The key is claimed by the headers, before the body is there: one that never comes whole locks it."""

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
