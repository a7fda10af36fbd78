"""One event for each cancellation, and none for anything else."""

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import expect, wording
from conformance.oracles.expect import requirement
from conformance.oracles.texts import tidied
from conformance.plugin import Given
from conformance.states.accounts import account_numbers, spelled
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.contract import EVENT
from conformance.suites.payout_intents.events import Act, Announced, Events
from conformance.suites.payout_intents.snapshots import agrees, current, snapshots
from conformance.webhooks.receiver import Delivery, Receiver

pytestmark = pytest.mark.waits

# So many characters of a reason stand nowhere by chance.
_TELLING = 8
_SHOWN = 400


@requirement("PI-49")
def test_cancellation_is_announced(events: Events, receiver: Receiver) -> None:
    """A cancelled intent is announced by an event that names it."""
    _is_announced(events.after(Act.CANCEL_WITHOUT_KEY), receiver)


@requirement("PI-49")
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(Act.CANCEL, id="with_a_key"),
        pytest.param(Act.CANCEL_WITHOUT_KEY, id="without_a_key"),
    ],
)
def test_event_carries_the_reason(events: Events, receiver: Receiver, how: Act) -> None:
    """The event says why the intent was cancelled."""
    announced = events.after(how)

    reason, came = announced.subject.reason, announced.came
    expect.that(
        any(reason in one.text for one in came),
        expected=f"the reason {wording.value(reason)} in the {EVENT} event",
        observed=f"it stands nowhere in the event, {_message(came[-1])}" if came else receiver.said(),
        fault=f"The {EVENT} event after {announced.act} " + ("had no reason" if came else "didn't come"),
    )


@requirement("PI-49")
def test_event_carries_the_whole_reason(events: Events, receiver: Receiver) -> None:
    """A reason as long as it may be, of unusual characters, is in the event as it was sent."""
    try:
        announced = events.after(Act.CANCEL_FOR_AN_ODD_REASON)
    except expect.Violation as fault:
        if fault.control and fault.reply is not None and fault.reply.status // 100 == 4:
            raise NotApplicable("no such reason is accepted, which is for PI-22 and PI-26 to judge") from None
        raise
    _is_announced(announced, receiver, control=True)

    reason, came = announced.subject.reason, announced.came
    # What the target makes of white space around it is for PI-27 to judge.
    expect.that(
        any(form in one.text for one in came for form in (reason, tidied(reason))),
        expected=f"the reason with all its {len(reason)} characters in the {EVENT} event: {wording.value(reason)}",
        observed=f"{_became(reason, came[-1])} (the event was {_message(came[-1])})",
        hint="Don't cut, trim, escape or transliterate it: JSON can hold all of it.",
        fault=f"A reason of {len(reason)} characters stood changed in the {EVENT} event: {_became(reason, came[-1])}",
    )


def _message(event: Delivery) -> str:
    """An event without its headers, its beginning."""
    return event.text[event.text.find("{") :][:_SHOWN]


def _became(reason: str, event: Delivery) -> str:
    """Returns the fate of a reason in an event: where the text that begins like it goes on otherwise."""
    sent = tidied(reason)
    length = next((size for size in range(len(sent), 0, -1) if sent[:size] in event.text), 0)
    if length < _TELLING:
        return "no text in it begins like the reason"
    at = event.text.index(sent[:length])
    if event.text[at + length : at + length + 1] in ('"', ""):
        return f"cut after {length} of {len(sent)} characters"
    return wording.difference(sent, event.text[at : at + len(sent)])


@requirement("PI-49")
def test_event_gives_nothing_away(api: PayoutIntents, events: Events, receiver: Receiver) -> None:
    """An event holds neither a whole account number nor a secret key."""
    announced = events.after(Act.CANCEL_WITHOUT_KEY)
    _is_announced(announced, receiver, control=True)

    numbers = account_numbers(announced.subject.intent.facts)
    for text in (one.text for one in announced.came):
        shown = next((number for number in numbers if spelled(number).search(text)), None)
        expect.that(
            shown is None,
            expected=f"no whole account number in the {EVENT} event",
            observed=f"{shown} stands in it ({text[:300]})",
            fault=f"The {EVENT} event held the full account number",
            hint="Send the recipient as the API shows it: the last four characters.",
        )
        expect.that(
            not any(secret in text for secret in api.secrets()),
            expected=f"no secret key in the {EVENT} event",
            observed="one of the profile's stands in it",
            fault=f"The {EVENT} event held a secret key",
            hint="Sign webhooks with a key of their own, and never send a key along.",
        )


HOW = pytest.mark.parametrize(
    "how",
    [
        pytest.param(Act.CANCEL, id="with_a_key"),
        pytest.param(Act.CANCEL_WITHOUT_KEY, id="without_a_key"),
    ],
)


@requirement("PI-49")
@HOW
def test_event_holds_its_own_intent(events: Events, receiver: Receiver, how: Act) -> None:
    """An event that holds an intent holds the one that it names, and shows it cancelled."""
    announced = events.after(how)
    _is_announced(announced, receiver, control=True)

    identifier = announced.subject.intent.id
    for one in announced.came:
        found = snapshots(one)
        own = [each for each in found if each["id"] == identifier]
        expect.that(
            bool(own) or not found,
            expected=f"the intent {identifier} in the {EVENT} event that names it",
            observed=f"the intent in it is {wording.value(found[0]['id'] if found else '')}",
            hint="Make the whole event from the intent that was cancelled.",
            fault=f"The {EVENT} event of an intent held another one",
        )
        shown = [each["status"] for each in own]
        expect.that(
            not shown or bool(current(own, identifier)),
            expected=f'status "cancelled" of the intent in the {EVENT} event',
            observed=f"status is {wording.value(shown[0] if shown else '')} of the intent in it",
            hint="Make the event after the change, from what was written.",
            fault=f"The {EVENT} event showed its intent with status {wording.value(shown[0] if shown else '')}",
        )


@requirement("PI-49")
@HOW
def test_event_agrees_with_a_read(api: PayoutIntents, events: Events, receiver: Receiver, how: Act) -> None:
    """The intent in an event has the values that GET shows of it."""
    announced = events.after(how)
    _is_announced(announced, receiver, control=True)

    read = api.confirmed(announced.subject.intent)
    for one in announced.came:
        for shown in current(snapshots(one), announced.subject.intent.id):
            for key in _AGREEING:
                came = shown.get(key, MISSING)
                expect.that(
                    MISSING in (came, read.at(key)) or agrees(key, came, read.at(key)),
                    expected=f"{key} of the intent in the {EVENT} event to be {wording.of(read, key)}, as GET shows it",
                    observed=f"{key} is {wording.value(came)}",
                    reply=read,
                    hint="Make the event after the change, by the function that renders the intent.",
                    fault=f"{key} was {wording.value(came)} in the {EVENT} event, and "
                    f"{wording.of(read, key)} in GET",
                )


_AGREEING = (
    "amount",
    "currency",
    "country",
    "environment",
    "merchant_reference",
    "failure_code",
    "failure_message",
)


@requirement("PI-49")
def test_cancellation_without_a_key_is_announced(events: Events, receiver: Receiver) -> None:
    """A cancel without key and reason is announced as any other."""
    _is_announced(events.after(Act.CANCEL_WITHOUT_KEY_AND_REASON), receiver)


@requirement("PI-49")
def test_cancellation_is_announced_once(events: Events, receiver: Receiver) -> None:
    """Cancels at the same moment cause one event; it may be delivered more than once."""
    announced = events.all_after(Act.CANCELS_AT_ONCE)

    _is_announced(announced, receiver)
    _events_are(announced, 1)


@requirement("PI-50")
def test_replay_and_conflict_are_not_announced(events: Events, receiver: Receiver) -> None:
    """Retries, conflicts, cancels and reads of a cancelled intent are no events."""
    announced = events.all_after(Act.CANCEL_AND_AGAIN)

    _is_announced(announced, receiver, control=True)
    by = events.announced_by() if len(announced.came) > announced.before else None
    _events_are(announced, announced.before, by)


@requirement("PI-50")
def test_conflict_announces_no_other_intent(events: Events) -> None:
    """A used key with another body, sent to another intent, announces that one neither."""
    _events_are(events.all_after(Act.CONFLICT_OVER_ANOTHER), 0)


@requirement("PI-50")
def test_wrong_credentials_announce_nothing(events: Events) -> None:
    """A cancel with a wrong secret is no event."""
    _events_are(events.all_after(Act.CANCEL_WITH_A_WRONG_SECRET), 0)


@requirement("PI-50")
def test_refusal_is_not_announced(events: Events) -> None:
    """A processing intent whose cancel is refused is not announced as cancelled."""
    _events_are(events.all_after(Act.CANCEL_WHILE_PROCESSING), 0)


@requirement("PI-50")
def test_not_found_is_not_announced(events: Events) -> None:
    """Another merchant's intent, which isn't found, is not announced as cancelled."""
    _events_are(events.all_after(Act.CANCEL_ANOTHER_MERCHANTS), 0)


@requirement("PI-49")
def test_cancel_succeeds_although_its_event_is_turned_away(
    api: PayoutIntents, given: Given, receiver: Receiver
) -> None:
    """A cancel is answered with 202 also where the merchant's server answers the first delivery of its event by 500."""
    intent = given("requires_approval", webhook_url=receiver.url)
    receiver.turns_away(intent)

    reply = api.cancel(intent)

    shown = None if succeeded(reply) else api.read(intent)
    done = shown is not None and shown.recorded("status") == "cancelled"
    expect.that(
        succeeded(reply),
        expected="202 to a cancel whose event the merchant's server turns away",
        observed=summary.of(reply) + (f"; a read shows {summary.of(shown)}" if shown is not None else ""),
        reply=reply,
        hint="Deliver events apart from the request, and again later: a merchant's server may be down.",
        fault=f"A cancel whose event the merchant's server answered by 500 was answered {summary.short(reply)}"
        + (" instead of 202, and the intent was cancelled all the same" if done else " instead of 202"),
    )


def _is_announced(announced: Announced, receiver: Receiver, *, control: bool = False) -> None:
    expect.that(
        bool(announced.came),
        expected=f"a {EVENT} event that names the intent {announced.subject.intent.id}",
        observed=receiver.said(),
        hint="It goes to the webhook_url that the state source was given.",
        control=control,
        fault=f"No {EVENT} event came after {announced.act}",
    )


def _events_are(announced: Announced, number: int, by: tuple[str, Reply] | None = None) -> None:
    """As many events came as there should be; `by` is a request, in words, that one too many came after."""
    came, sent = announced.came, announced.subject.exchanges
    again = f"; sent by itself, {by[0]} brought one more ({by[1].status})" if by else ""
    expect.that(
        len(came) == number,
        expected=f"{number or 'no'} {EVENT} event{'' if number == 1 else 's'} after {announced.act}",
        observed=(f"{len(came)}, with the ids {', '.join(one.identity for one in came)}" if came else "none")
        + again,
        hint="Send the event where the status changes, and nowhere else.",
        fault=f"{wording.capital(by[0])} was announced by one more {EVENT} event ({by[1].status})"
        if by
        else f"{len(came) or 'No'} {EVENT} event{'s' if len(came) > 1 else ''} came after {announced.act}"
        + (f" instead of {number or 'none'}" if came else ""),
        reply=by[1] if by else None,
        shown_by=by[1].exchange if by else sent[-1] if sent else None,
    )
