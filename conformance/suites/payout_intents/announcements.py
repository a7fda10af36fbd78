"""Who is announced after what: all of it is done first, and then waited for together.

A target may take a second to deliver an event, and nobody can tell at once that none will come: one wait does for all.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.errors import ConformanceError
from conformance.http import summary
from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.oracles import expect
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import was_refused
from conformance.suites.payout_intents.client import PayoutIntents, body_of
from conformance.suites.payout_intents.receiver import EVENT, Delivery, Receiver

# After an event that was asked for later has come, one that nobody asked for isn't far.
_LATER_S = 0.25
# As long as a reason may be, with all that a mail or a template might make something else of.
_LONGEST = 512
_ODD = "  {} Größe & <b>R&D</b> 日本 €5 🏦 {{reason}} %d {}  "


# What kept a subject from being tried; raised by each check that asks for it.
Fault = ConformanceError | Violation


@dataclass(frozen=True, slots=True)
class Subject:
    """An intent that was cancelled, or not: with which reason, and the exchanges that tell."""

    intent: Resource
    reason: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Announced:
    """The events of one subject, redeliveries left out, and how many of them had come before it was tried again."""

    subject: Subject
    came: tuple[Delivery, ...]
    before: int


class Announcements:
    """Cancels intents in every way that is announced, tries what isn't, and keeps what came of it."""

    def __init__(self, api: PayoutIntents, given: Given, receiver: Receiver, recorder: Recorder) -> None:
        self._api, self._given, self._receiver, self._recorder = api, given, receiver, recorder
        self._found: Mapping[str, Announced | Fault] | None = None
        self._last: Announced | Fault | None = None

    def of(self, name: str) -> Announced:
        """What came of the subject `name`. Raises what kept it from being tried."""
        if self._found is None:
            self._found = self._gathered()
        return self._cited(self._found[name])

    def heard_out(self, name: str) -> Announced:
        """As `of`, where it matters that nothing more came: an event that was caused last has come."""
        found = self.of(name)
        last = self._cited(self._last)
        if not last.came:
            raise Violation(
                expected=f"a {EVENT} event that names the intent {last.subject.intent.id}",
                observed=self._receiver.said(),
                hint="Only where events come can it be told that one doesn't.",
                control=True,
            )
        return found

    def _gathered(self) -> Mapping[str, Announced | Fault]:
        api = self._api
        key = api.new_key()
        subjects = {
            "cancelled": self._tried(lambda intent, why: api.cancels(intent, reason=why, key=None)),
            "with_a_key": self._tried(lambda intent, why: api.cancels(intent, reason=why, key=api.new_key())),
            "bare": self._tried(lambda intent, _: api.cancels(intent, reason=None, key=None)),
            "odd": self._tried(
                lambda intent, why: api.cancels(intent, reason=why), reason=_odd(api.new_reason())
            ),
            "raced": self._tried(lambda intent, _: api.race([lambda: api.cancel(intent)] * api.racers)),
            "retried": self._tried(lambda intent, why: api.cancels(intent, reason=why, key=key)),
        }
        for one in subjects.values():
            if isinstance(one, Subject):
                self._receiver.waits_for(one.intent)
        # A second event of the same cancel would come about now.
        time.sleep(_LATER_S)
        before = {
            name: len(self._receiver.about(one.intent))
            for name, one in subjects.items()
            if isinstance(one, Subject)
        }
        if isinstance(subjects["retried"], Subject):
            subjects["retried"] = self._again(subjects["retried"], key)
            subjects["second"] = self._tried(
                self._refused(lambda intent, why: api.cancel(intent, reason=why, key=key))
            )
        else:
            subjects["second"] = subjects["retried"]
        subjects["refused"] = self._tried(
            self._refused(lambda intent, why: api.cancel(intent, reason=why)), status="processing"
        )
        subjects["foreign"] = self._tried(
            self._refused(lambda intent, _: api.cancel(intent)), owner="other_merchant"
        )
        wrong = api.authorization(secret="no-such-secret-at-all")
        subjects["unproved"] = self._tried(
            self._refused(lambda intent, why: api.post(intent, body_of(why), change={"Authorization": wrong}))
        )
        last = self._tried(lambda intent, why: api.cancels(intent, reason=why))
        if isinstance(last, Subject):
            self._receiver.waits_for(last.intent)
            time.sleep(_LATER_S)
        self._last = self._heard(last, 0)
        return {name: self._heard(one, before.get(name, 0)) for name, one in subjects.items()}

    def _tried(
        self,
        act: Callable[[Resource, str], object],
        status: str = "requires_approval",
        reason: str | None = None,
        **whose: str,
    ) -> Subject | Fault:
        already, reason = len(self._recorder.exchanges), reason or self._api.new_reason()
        try:
            intent = self._given(status, webhook_url=self._receiver.url, **whose)
            act(intent, reason)
        except (ConformanceError, Violation) as fault:
            return fault
        return Subject(intent, reason, tuple(self._recorder.exchanges[already:]))

    def _again(self, subject: Subject, key: str) -> Subject | Fault:
        """A retry, a conflict, two refusals and a read, none of which is an event."""
        try:
            return self._retried(subject, key)
        except ConformanceError as fault:
            return fault

    def _retried(self, subject: Subject, key: str) -> Subject:
        api, intent, reason = self._api, subject.intent, subject.reason
        already = len(self._recorder.exchanges)
        api.cancel(intent, reason=reason, key=key)
        api.cancel(intent, reason=api.new_reason(), key=key)
        api.cancel(intent, reason=api.new_reason())
        api.cancel(intent, key=None)
        api.read(intent)
        return Subject(intent, reason, (*subject.exchanges, *self._recorder.exchanges[already:]))

    def _refused(self, cancel: Callable[[Resource, str], Reply]) -> Callable[[Resource, str], None]:
        """Cancels in a way that has to be refused: what is accepted is rightly announced."""

        def act(intent: Resource, reason: str) -> None:
            for _ in range(2):
                reply = cancel(intent, reason)
                was_refused(reply, "a cancel")

        return act

    def _heard(self, one: Subject | Fault, before: int) -> Announced | Fault:
        return (
            Announced(one, tuple(self._receiver.about(one.intent)), before)
            if isinstance(one, Subject)
            else one
        )

    def _cited(self, found: Announced | Fault | None) -> Announced:
        assert found is not None
        if not isinstance(found, Announced):
            raise found.with_traceback(None)
        self._recorder.cite(found.subject.exchanges)
        return found


def _odd(token: str) -> str:
    start = _ODD.format(token, "")
    return _ODD.format(token, "x" * (_LONGEST - len(start)))
