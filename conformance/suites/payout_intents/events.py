"""The events that follow a cancel, or don't: every act is performed first, and one wait does for all of them.

A target may take a second to deliver an event, and an event that will never come can't be told from a late one at once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from conformance.errors import ConformanceError, NotApplicable
from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import succeeded, was_refused
from conformance.suites.payout_intents.client import PayoutIntents, body_of
from conformance.suites.payout_intents.contract import EVENT
from conformance.webhooks.receiver import Delivery, Receiver

# An event that should not come isn't far once a later one has come that should.
_LATER_S = 0.25
# A reason of the longest length, of characters that a mail or a template might change.
_LONGEST = 512
_ODD = "  {} Größe & <b>R&D</b> 日本 €5 🏦 {{reason}} %d {}  "

# The cause for which an act could not be performed; raised by each check that asks for it.
Fault = ConformanceError | Violation
Cancel = Callable[[Resource, str], object]


class Act(Enum):
    """An act on an intent of its own, for a reason of its own, by the words that messages use for it."""

    CANCEL = "a cancel with a key"
    CANCEL_WITHOUT_KEY = "a cancel without a key"
    CANCEL_WITHOUT_KEY_AND_REASON = "a cancel without a key and a reason"
    CANCEL_FOR_AN_ODD_REASON = "a cancel for 512 unusual characters"
    CANCELS_AT_ONCE = "cancels at the same moment"
    CANCEL_AND_AGAIN = "a cancel, a retry, a conflict, two further cancels and a GET"
    CONFLICT_OVER_ANOTHER = "two cancels under a key that another intent's cancel used"
    CANCEL_WITH_A_WRONG_SECRET = "two cancels with a wrong secret"
    CANCEL_WHILE_PROCESSING = "two cancels of a processing intent"
    CANCEL_ANOTHER_MERCHANTS = "two cancels of another merchant's intent"
    CANCEL_IN_THE_END = "a cancel after all others"


@dataclass(frozen=True, slots=True)
class Subject:
    """An intent that was cancelled, or not: for which reason, and the exchanges of that."""

    intent: Resource
    reason: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Announced:
    """The events of one act, redeliveries left out, and how many of them had come before it was continued."""

    act: str
    subject: Subject
    came: tuple[Delivery, ...]
    before: int


class Events:
    """Performs every act once, on first use."""

    def __init__(self, api: PayoutIntents, given: Given, receiver: Receiver, recorder: Recorder) -> None:
        self._api, self._given, self._receiver, self._recorder = api, given, receiver, recorder
        self._found: Mapping[Act, Announced | Fault] = {}

    def after(self, act: Act) -> Announced:
        """The events after an act. Raises the fault that kept it from being performed."""
        if not self._found:
            self._found = self._performed()
        found = self._found[act]
        if not isinstance(found, Announced):
            raise found.with_traceback(None)
        self._recorder.cite(found.subject.exchanges)
        return found

    def all_after(self, act: Act) -> Announced:
        """Returns the events, where it matters that no more came: one that was caused later has come by then."""
        found, last = self.after(act), self.after(Act.CANCEL_IN_THE_END)
        if not last.came:
            raise Violation(
                expected=f"a {EVENT} event that names the intent {last.subject.intent.id}",
                observed=self._receiver.said(),
                fault=f"No {EVENT} event came after a cancel",
                hint="Only where events come can it be told that one doesn't.",
                control=True,
            )
        return found

    def announced_by(self) -> tuple[str, Reply] | None:
        """Returns the first request after a cancel, in words, that one more event follows, with its answer.

        Each is sent by itself, on an intent of its own, and waited for. None where no more came, or none could be had.
        """
        api, key, reason = self._api, self._api.new_key(), self._api.new_reason()
        try:
            intent = self._given("requires_approval", webhook_url=self._receiver.url)
            api.cancels(intent, reason=reason, key=key)
            self._receiver.waits_for(intent)
            time.sleep(_LATER_S)
            requests: Mapping[str, Callable[[], Reply]] = {
                "a retry under the same key": lambda: api.cancel(intent, reason=reason, key=key),
                "a conflict under the same key": lambda: api.cancel(intent, reason=api.new_reason(), key=key),
                "a cancel of a cancelled intent": lambda: api.cancel(intent, reason=api.new_reason()),
                "a cancel of a cancelled intent without a key": lambda: api.cancel(intent, key=None),
                "a GET of a cancelled intent": lambda: api.read(intent),
            }
            before = len(self._receiver.about(intent))
            for what, ask in requests.items():
                reply = ask()
                if self._receiver.waits_for(intent, more_than=before):
                    return what, reply
        except (ConformanceError, Violation):
            return None
        return None

    def _performed(self) -> Mapping[Act, Announced | Fault]:
        api, key = self._api, self._api.new_key()
        wrong = api.authorization(secret="no-such-secret-at-all")
        odd = _odd(api.new_reason())
        subjects: dict[Act, Subject | Fault] = {
            Act.CANCEL_WITHOUT_KEY: self._tried(
                lambda intent, why: api.cancels(intent, reason=why, key=None)
            ),
            Act.CANCEL_WITHOUT_KEY_AND_REASON: self._tried(
                lambda intent, _: api.cancels(intent, reason=None, key=None)
            ),
            Act.CANCEL_FOR_AN_ODD_REASON: self._tried(
                lambda intent, why: api.cancels(intent, reason=why), reason=odd
            ),
            Act.CANCELS_AT_ONCE: self._tried(
                lambda intent, _: api.race([lambda: api.cancel(intent)] * api.racers)
            ),
            Act.CANCEL_AND_AGAIN: self._tried(lambda intent, why: api.cancels(intent, reason=why, key=key)),
        }
        for one in subjects.values():
            if isinstance(one, Subject):
                self._receiver.waits_for(one.intent)
        # A second event of the same cancel would come about now.
        time.sleep(_LATER_S)
        before = {
            act: len(self._receiver.about(one.intent))
            for act, one in subjects.items()
            if isinstance(one, Subject)
        }
        alone = subjects[Act.CANCEL_AND_AGAIN]
        subjects[Act.CANCEL_AND_AGAIN] = first = self._again(alone, key)
        subjects[Act.CONFLICT_OVER_ANOTHER] = (
            self._refused(Act.CONFLICT_OVER_ANOTHER, partial(self._under_a_used_key, key))
            if isinstance(first, Subject)
            else first
        )
        subjects[Act.CANCEL_WHILE_PROCESSING] = self._refused(
            Act.CANCEL_WHILE_PROCESSING,
            lambda intent, why: api.cancel(intent, reason=why),
            status="processing",
        )
        subjects[Act.CANCEL_ANOTHER_MERCHANTS] = self._refused(
            Act.CANCEL_ANOTHER_MERCHANTS, lambda intent, _: api.cancel(intent), owner="other_merchant"
        )
        subjects[Act.CANCEL_WITH_A_WRONG_SECRET] = self._refused(
            Act.CANCEL_WITH_A_WRONG_SECRET,
            lambda intent, why: api.post(intent, body_of(why), change={"Authorization": wrong}),
        )
        subjects[Act.CANCEL_IN_THE_END] = last = self._tried(
            lambda intent, why: api.cancels(intent, reason=why)
        )
        if isinstance(last, Subject):
            self._receiver.waits_for(last.intent)
            time.sleep(_LATER_S)
        found = {act: self._heard(act.value, one, before.get(act, 0)) for act, one in subjects.items()}
        # What came before it was repeated, or else the first one, is the event of a single cancel.
        count = max(1, before.get(Act.CANCEL_AND_AGAIN, 0))
        heard = self._heard(Act.CANCEL.value, alone, 0)
        found[Act.CANCEL] = replace(heard, came=heard.came[:count]) if isinstance(heard, Announced) else heard
        return found

    def _tried(
        self, cancel: Cancel, status: str = "requires_approval", reason: str | None = None, **whose: str
    ) -> Subject | Fault:
        already, reason = len(self._recorder.exchanges), reason or self._api.new_reason()
        try:
            intent = self._given(status, webhook_url=self._receiver.url, **whose)
            cancel(intent, reason)
        except (ConformanceError, Violation) as fault:
            return fault
        return Subject(intent, reason, tuple(self._recorder.exchanges[already:]))

    def _again(self, subject: Subject | Fault, key: str) -> Subject | Fault:
        """A retry, a conflict, two refusals and a read, none of which is an event."""
        if not isinstance(subject, Subject):
            return subject
        api, intent, already = self._api, subject.intent, len(self._recorder.exchanges)
        try:
            api.cancel(intent, reason=subject.reason, key=key)
            api.cancel(intent, reason=api.new_reason(), key=key)
            api.cancel(intent, reason=api.new_reason())
            api.cancel(intent, key=None)
            api.read(intent)
        except ConformanceError as fault:
            return fault
        return Subject(intent, subject.reason, (*subject.exchanges, *self._recorder.exchanges[already:]))

    def _under_a_used_key(self, key: str, intent: Resource, reason: str) -> Reply:
        """The answer to a cancel under another intent's key, where keys hold for more than one intent."""
        reply = self._api.cancel(intent, reason=reason, key=key)
        if succeeded(reply):
            raise NotApplicable("a key holds for one intent here: another one's cancel under it is accepted")
        return reply

    def _refused(
        self,
        act: Act,
        cancel: Callable[[Resource, str], Reply],
        status: str = "requires_approval",
        **whose: str,
    ) -> Subject | Fault:
        """Cancels twice in a way that has to be refused: an accepted cancel is rightly announced."""

        def twice(intent: Resource, reason: str) -> None:
            for _ in range(2):
                was_refused(cancel(intent, reason), act.value)

        return self._tried(twice, status, **whose)

    def _heard(self, act: str, one: Subject | Fault, before: int) -> Announced | Fault:
        if not isinstance(one, Subject):
            return one
        return Announced(act, one, tuple(self._receiver.about(one.intent)), before)


def _odd(token: str) -> str:
    start = _ODD.format(token, "")
    # Counted as a target may count that has more units than characters.
    units = len(start.encode("utf-16-le")) // 2
    return _ODD.format(token, "x" * (_LONGEST - units))
