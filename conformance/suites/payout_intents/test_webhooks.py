"""One event for each cancellation, and none for anything else."""

import time

import pytest

from conformance import expect
from conformance.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.receiver import EVENT, Receiver
from conformance.suites.payout_intents.verbs import PayoutIntents

pytestmark = pytest.mark.waits

# After an event that was asked for later has come, one that nobody asked for isn't far.
_LATER_S = 0.25


def _awaiting(given: Given, receiver: Receiver, **whose: str) -> Resource:
    return given("requires_approval", webhook_url=receiver.url, **whose)


def _announced(receiver: Receiver, intent: Resource, *, control: bool = False) -> None:
    expect.that(
        bool(receiver.waits_for(intent)),
        expected=f"a {EVENT} event that names the intent {intent.id}",
        observed=receiver.said(),
        hint="It goes to the webhook_url that the state provider was given.",
        control=control,
    )


@requirement("PI-49")
def test_cancellation_is_announced(api: PayoutIntents, given: Given, receiver: Receiver) -> None:
    """A cancelled intent is announced by an event that names it."""
    intent = _awaiting(given, receiver)
    api.cancels(intent)

    _announced(receiver, intent)


@requirement("PI-49")
@pytest.mark.parametrize("how", ["with_a_key", "without_a_key"])
def test_event_carries_the_reason(api: PayoutIntents, given: Given, receiver: Receiver, how: str) -> None:
    """The event says why the intent was cancelled."""
    intent, reason = _awaiting(given, receiver), api.new_reason()
    api.cancels(intent, reason=reason, key=api.new_key() if how == "with_a_key" else None)

    came = receiver.waits_for(intent)

    expect.that(
        any(reason in one.text for one in came),
        expected=f"the reason {reason!r} in the {EVENT} event",
        observed=came[-1].text[-300:] if came else receiver.said(),
    )


@requirement("PI-49")
def test_cancellation_without_a_key_is_announced(
    api: PayoutIntents, given: Given, receiver: Receiver
) -> None:
    """A cancel without key and reason is announced as any other."""
    intent = _awaiting(given, receiver)
    api.cancels(intent, reason=None, key=None)

    _announced(receiver, intent)


@requirement("PI-49")
def test_cancellation_is_announced_once(api: PayoutIntents, given: Given, receiver: Receiver) -> None:
    """However many cancels meet, there is one event; it may be delivered more than once."""
    intent = _awaiting(given, receiver)
    api.race([lambda: api.cancel(intent)] * api.racers)
    _announced(receiver, intent)

    _nothing_more(api, given, receiver)

    _events_are(receiver, intent, 1, "cancels at the same moment")


@requirement("PI-50")
def test_replay_and_conflict_are_not_announced(api: PayoutIntents, given: Given, receiver: Receiver) -> None:
    """Retries, conflicts and cancels of a cancelled intent are no events."""
    intent, key, reason = _awaiting(given, receiver), api.new_key(), api.new_reason()
    api.cancels(intent, reason=reason, key=key)
    _announced(receiver, intent, control=True)
    time.sleep(_LATER_S)
    before = len(receiver.about(intent))

    api.cancel(intent, reason=reason, key=key)
    api.cancel(intent, reason=api.new_reason(), key=key)
    api.cancel(intent, reason=api.new_reason())
    api.cancel(intent, key=None)
    _nothing_more(api, given, receiver)

    _events_are(receiver, intent, before, "a cancel, a retry, a conflict and two refusals")


@requirement("PI-50")
def test_refusal_is_not_announced(api: PayoutIntents, given: Given, receiver: Receiver) -> None:
    """A processing intent whose cancel is refused is not announced as cancelled."""
    intent = given("processing", webhook_url=receiver.url)

    api.cancel(intent)
    api.cancel(intent, key=None)
    _nothing_more(api, given, receiver)

    _events_are(receiver, intent, 0, "cancels of a processing intent")


@requirement("PI-50")
def test_not_found_is_not_announced(api: PayoutIntents, given: Given, receiver: Receiver) -> None:
    """Another merchant's intent, which isn't found, is not announced as cancelled."""
    intent = _awaiting(given, receiver, owner="other_merchant")

    api.cancel(intent)
    _nothing_more(api, given, receiver)

    _events_are(receiver, intent, 0, "a cancel of another merchant's intent")


def _nothing_more(api: PayoutIntents, given: Given, receiver: Receiver) -> None:
    """Waits until an event that was caused last has come: what was caused before it has come by then, too."""
    last = _awaiting(given, receiver)
    api.cancels(last)
    _announced(receiver, last, control=True)
    time.sleep(_LATER_S)


def _events_are(receiver: Receiver, intent: Resource, number: int, after: str) -> None:
    came = receiver.about(intent)
    expect.that(
        len(came) == number,
        expected=f"{number or 'no'} {EVENT} event{'' if number == 1 else 's'} after {after}",
        observed=f"{len(came)}, with the ids {', '.join(one.identity for one in came)}",
        hint="Send the event where the status changes, and nowhere else.",
    )
