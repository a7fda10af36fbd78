"""Intents that were cancelled under a key, shared by checks of what comes under that key later.

None of their requests has an effect on a target that works. Where one finds a fault there, it looks again at an intent
of its own: so what others have sent before is no cause, and no excuse.
"""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Keyed:
    """An intent that was cancelled for `reason` under `key`, the answer to that, and a GET after it."""

    intent: Resource
    reason: str | None
    key: str
    done: Reply
    after: Reply


class KeptKeys:
    """The intents of one worker that were cancelled under a key."""

    def __init__(self, api: PayoutIntents, given: Given, evidence: Evidence) -> None:
        self._api, self._given, self._evidence = api, given, evidence

    def shared(self) -> Keyed:
        """Returns the one that checks share, whose reason begins with FINE.

        Raises a Violation where it wasn't cancelled.
        """
        return self._evidence.once(
            ("keyed",), lambda: self.own(f"{FINE}, {self._api.new_reason()}, {plain(200)}")
        )

    def just_now(self) -> Keyed:
        """Returns the shared one, whose owner has just repeated its cancel; another where its key is forgotten."""
        one = self.shared()
        again = self._api.cancel(one.intent, reason=one.reason, key=one.key)
        return one if succeeded(again) else self.own(self._api.new_reason())

    def without_a_reason(self) -> Keyed:
        """Returns one that was cancelled without a reason. Raises a Violation where it wasn't."""
        one = bare_cancel(self._api, self._given, self._evidence, Ask.CANCEL_WITHOUT_REASON)
        assert one.key is not None
        return Keyed(one.intent, None, one.key, has_succeeded(one.reply), one.after)

    def own(self, reason: str | None) -> Keyed:
        """Returns one that no other check uses."""
        api, intent, key = self._api, self._given("requires_approval"), self._api.new_key()
        done = api.cancels(intent, reason=reason, key=key)
        return Keyed(intent, reason, key, done, api.confirmed(intent))

    def judge(self, reason: str | None, judge: Callable[[Keyed], None]) -> None:
        """Judges the shared one, with a reason or without; where that fails, one of the check's own for `reason`."""
        try:
            judge(self.shared() if reason is not None else self.without_a_reason())
        except Violation:
            judge(self.own(reason))
