"""Intents that were cancelled under a key, shared by checks of what comes under that key later.

None of their requests has an effect on a target that works. Where one finds a fault there, it looks again at an intent
of its own: so what others have sent before is no cause, and no excuse.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from conformance.errors import NotTestable
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import has_succeeded, succeeded
from conformance.suites.payout_intents.bad_requests import FINE
from conformance.suites.payout_intents.bare_cancels import bare_cancel
from conformance.suites.payout_intents.client import Ask, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import plain

# No document says how long a key is kept: what was used longer ago is no longer begun with.
_YOUNG_S = 4.0
# Nobody is judged by one that was used longer ago than this. A slow target takes some seconds for one check alone.
_OLD_S = 8.0
# Characters of the reason that the checks share: a comparison may leave out what stands behind some.
_LONG = 500
# A busy machine may take longer once.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Keyed:
    """An intent that was cancelled for `reason` under `key`, the answer to that, and a GET after it."""

    intent: Resource
    reason: str | None
    key: str
    done: Reply
    after: Reply

    def age(self, at: float | None = None) -> float:
        """Returns how many seconds ago the cancel was sent, now or `at` a time of `perf_counter`."""
        return (time.perf_counter() if at is None else at) - self.done.written


class KeptKeys:
    """The intents of a run that were cancelled under a key."""

    def __init__(self, api: PayoutIntents, given: Given, evidence: Evidence) -> None:
        self._api, self._given, self._evidence = api, given, evidence
        # How many shared ones became too old.
        self._aged = 0

    def shared(self) -> Keyed:
        """Returns the one that checks share, whose reason begins with FINE; another where its key is seconds old.

        Raises a Violation where it wasn't cancelled.
        """
        one = self._shared()
        for _ in range(_TRIES):
            if one.age() <= _YOUNG_S:
                break
            # Another worker may have used the next one for a while, too.
            self._aged += 1
            one = self._shared()
        return one

    def _shared(self) -> Keyed:
        return self._evidence.once(
            ("keyed", self._aged),
            lambda: self.own(f"{FINE}, {self._api.new_reason()}, {plain(_LONG)}"[:_LONG]),
        )

    def just_now(self) -> Keyed:
        """Returns the shared one, whose owner has just repeated its cancel; another where its key is forgotten."""
        one = self.shared()
        again = self._api.cancel(one.intent, reason=one.reason, key=one.key)
        return one if succeeded(again) else self.own(self._api.new_reason())

    def without_a_reason(self) -> Keyed:
        """Returns one that was cancelled without a reason some seconds ago at most.

        Raises a Violation where it wasn't.
        """
        made = bare_cancel(self._api, self._given, self._evidence, Ask.CANCEL_WITHOUT_REASON)
        assert made.key is not None
        one = Keyed(made.intent, None, made.key, has_succeeded(made.reply), made.after)
        return one if one.age() <= _YOUNG_S else self.own(None)

    def own(self, reason: str | None) -> Keyed:
        """Returns one that no other check uses."""
        api, intent, key = self._api, self._given("requires_approval"), self._api.new_key()
        done = api.cancels(intent, reason=reason, key=key)
        return Keyed(intent, reason, key, done, api.confirmed(intent))

    def judge(self, reason: str | None, judge: Callable[[Keyed], None]) -> None:
        """Judges the shared one, with a reason or without; where that fails, one of the check's own for `reason`.

        Raises the Violation of the latter, or NotTestable where its key was some seconds old by then each time.
        """
        try:
            judge(self.shared() if reason is not None else self.without_a_reason())
        except Violation:
            self._judge_own(reason, judge)

    def _judge_own(self, reason: str | None, judge: Callable[[Keyed], None]) -> None:
        ages = []
        for _ in range(_TRIES):
            one = self.own(reason)
            try:
                judge(one)
            except Violation as fault:
                age = one.age(fault.reply.written if fault.reply is not None else None)
                if age <= _OLD_S:
                    raise
                ages.append(f"{age:.1f} s")
            else:
                return
        raise NotTestable(
            f"the key that the check used was {', '.join(ages)} old by the request to judge, and may be forgotten",
            hint=f"Answers have to come faster, so that the check is done within {_OLD_S:g} s.",
        )
