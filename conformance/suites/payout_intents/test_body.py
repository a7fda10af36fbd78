"""The body of the answer to a successful cancel. Most checks look at one and the same cancel."""

import re
from functools import partial
from typing import Any

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.every_response import hides_account, needs_account
from conformance.oracles.expect import requirement
from conformance.oracles.instants import is_instant, is_same_instant
from conformance.oracles.missing_keys import missing_keys
from conformance.plugin import Given
from conformance.states import Resource
from conformance.states.accounts import account_numbers, unmasked
from conformance.suites.payout_intents.assertions import KEYS, ORDER, field_is, has_succeeded, succeeded
from conformance.suites.payout_intents.bare_cancels import bare_cancel
from conformance.suites.payout_intents.bodies import SENT_ALONG
from conformance.suites.payout_intents.client import Ask, PayoutIntents, encoded
from conformance.suites.payout_intents.every_answer import LAST_FOUR_HINTS
from conformance.suites.payout_intents.fields_everywhere import assigns_nothing
from conformance.suites.payout_intents.moments import (
    LATER,
    SEEN,
    WHERE,
    everywhere,
    has_moved,
    is_the_present,
)
from conformance.suites.payout_intents.observations import WHY, Evidence
from conformance.suites.payout_intents.results import keys_of, request, shown

RECIPIENT = ("type", "account_last4", "bank_code", "holder_name")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


@requirement("PI-15")
@pytest.mark.parametrize("key", KEYS)
def test_key_is_there(evidence: Evidence, key: str) -> None:
    """Every documented key that has a value is there, in an answer that says what was cancelled and why."""
    one = evidence.cancelled(reason=WHY)

    known = (shown(one.before), one.intent.facts)
    lacks = missing_keys("payout-intents", shown(one.reply), *known, {"failure_message": WHY})
    # A reason that isn't kept either is no value: then it is for PI-22 to say.
    dropped = key == "failure_message" and not one.after.at(key)
    expect.that(
        key not in lacks.valued or dropped,
        expected=f"{key} in the body of the {one.reply.status}, as it has a value",
        observed=f"{key} is absent: the body has {keys_of(one.reply)}; in GET it is {wording.of(one.after, key)}",
        reply=one.reply,
        hint="One and the same function should render an intent, whoever asks."
        if one.after.at(key) is not MISSING
        else "",
        fault=wording.was(one.reply, key, f"the answer to a cancel ({one.reply.status})"),
        differs=(expect.came_at(one.reply, key),) if wording.lacks_all(one.reply, key) else (),
        persisted=wording.read_shows(one.after, key, MISSING, lambda value: value is not MISSING),
    )


@requirement("PI-15", level="SHOULD")
def test_keys_without_a_value_are_null(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """Every key is there without a reason, too: null where there is no value."""
    one = bare_cancel(api, given, evidence, Ask.CANCEL_WITHOUT_REASON)
    intent, before, reply = one.intent, one.before, has_succeeded(one.reply)

    missing = missing_keys("payout-intents", shown(reply), shown(before), intent.facts).empty
    expect.that(
        not missing or not isinstance(reply.json, dict),
        expected="each of the thirteen keys in the body, null where there is no value",
        observed=f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} absent: the body has {keys_of(reply)}",
        reply=reply,
        hint="Serialisers that leave out nulls have to be told not to.",
        fault=f"{', '.join(missing)} {'was' if len(missing) == 1 else 'were'} left out of the answer to a cancel "
        f"without a reason ({reply.status}), instead of null",
    )


@requirement("PI-15")
def test_object_is_payout_intent(evidence: Evidence) -> None:
    """object says what it is: payout_intent."""
    one = evidence.cancelled()

    field_is(one.reply, "object", equality.is_same_as("payout_intent"), '"payout_intent"', read=one.after)


@requirement("PI-15")
def test_id_is_the_requested_one(evidence: Evidence) -> None:
    """The answer is about the intent that was asked for."""
    one = evidence.cancelled()

    requested = f"the requested id {wording.value(one.intent.id)}"
    field_is(
        one.reply,
        "id",
        equality.is_same_as(one.intent.id),
        requested,
        read=one.after,
        fault=f"id was not the requested one in the answer to a cancel ({one.reply.status})",
    )


@requirement("PI-16")
def test_failure_code_is_cancelled(evidence: Evidence) -> None:
    """failure_code is cancelled, spelt as the status is."""
    one = evidence.cancelled()

    field_is(
        one.reply,
        "failure_code",
        equality.is_same_as("cancelled"),
        '"cancelled", with two l\'s',
        read=one.after,
    )


@requirement("PI-16")
@pytest.mark.parametrize("how", [Ask.CANCEL_WITHOUT_REASON, Ask.CANCEL_WITHOUT_KEY], ids=Ask.how)
def test_failure_code_is_always_cancelled(
    api: PayoutIntents, given: Given, evidence: Evidence, how: Ask
) -> None:
    """failure_code is cancelled without a reason and without a key, too."""
    reply = has_succeeded(bare_cancel(api, given, evidence, how).reply)

    if evidence.cancelled().reply.at("failure_code") != "cancelled":
        raise NotApplicable(
            "failure_code isn't cancelled after any cancel, which the other checks of PI-16 judge"
        )
    field_is(
        reply, "failure_code", equality.is_same_as("cancelled"), '"cancelled"', where=f"the answer to {how}"
    )


@requirement("PI-17")
def test_amount_is_a_string_of_digits(evidence: Evidence) -> None:
    """amount is a string of digits, never a JSON number."""
    one = evidence.cancelled()
    field_is(
        one.reply,
        "amount",
        lambda value: isinstance(value, str) and re.fullmatch(r"[0-9]+", value) is not None,
        'a string of digits, like "12000"',
        hint="Minor units: no decimal point, no separators, no exponent."
        if isinstance(one.reply.at("amount"), str)
        else "Write it as a string, in minor units.",
        read=one.after,
    )


@requirement("PI-17")
@pytest.mark.parametrize(("key", "length"), [("currency", 3), ("country", 2)], ids=["currency", "country"])
def test_code_is_in_capitals(evidence: Evidence, key: str, length: int) -> None:
    """currency is three capital letters, country two."""
    one = evidence.cancelled()
    field_is(
        one.reply,
        key,
        lambda value: isinstance(value, str) and re.fullmatch(f"[A-Z]{{{length}}}", value) is not None,
        f"{length} capital letters",
        read=one.after,
    )


@requirement("PI-18")
@pytest.mark.parametrize("seen", SEEN)
def test_environment_is_the_callers(api: PayoutIntents, evidence: Evidence, seen: str) -> None:
    """environment is that of the credentials, in the 202 and in GET."""
    one = evidence.cancelled()
    reply = SEEN[seen](one)

    names = " or ".join(map(wording.value, api.environments))
    expected = f"{names}, as the profile says of these credentials"
    look, read = (field_is, one.after) if seen == "reply" else (expect.field, None)
    good = lambda value: _is_text(value) and value in api.environments  # noqa: E731
    look(
        reply,
        "environment",
        good,
        expected,
        where=WHERE[seen],
        read=read,
        fault=everywhere(one, "environment"),
    )


@requirement("PI-18")
def test_other_environment_is_told_apart(api: PayoutIntents, evidence: Evidence) -> None:
    """With the other environment's credentials, environment is the other one."""
    elsewhere = evidence.ask_about_other_environments(state="requires_approval")

    for seen in (elsewhere.before, elsewhere.owners_cancel):
        if seen is not None and seen.ok:
            look = field_is if seen is elsewhere.owners_cancel else expect.field
            what = "cancel" if seen is elsewhere.owners_cancel else "GET"
            look(
                seen,
                "environment",
                lambda value: _is_text(value) and value != api.environment,
                f"another one than {wording.value(api.environment)}, for an intent of the other environment",
                where=f"the answer to a {what} with the other environment's credentials",
            )


@requirement("PI-19")
@pytest.mark.parametrize("key", RECIPIENT)
def test_recipient_has(evidence: Evidence, key: str) -> None:
    """recipient has a type, the last four characters of the account, a bank code and a name."""
    one = evidence.cancelled()
    reply = one.reply
    other_type = reply.at("recipient.type") not in ("bank_account", MISSING)

    def good(value: Any) -> bool:
        if key == "account_last4" and isinstance(value, str):
            return len(value) == 4
        return _is_text(value) or (value in (None, MISSING) and other_type)

    four = key == "account_last4"
    field_is(
        reply,
        f"recipient.{key}",
        good,
        "a text of exactly four characters" if four else "a text",
        hint=LAST_FOUR_HINTS.get(type(reply.at(f"recipient.{key}")), "") if four else "",
        read=one.after,
    )


@requirement("PI-19")
def test_last_four_are_the_last(evidence: Evidence) -> None:
    """account_last4 is the end of the account number, where the state source tells that."""
    one = evidence.cancelled()
    ends = [number[-4:] for number in account_numbers(one.intent.facts)]

    field_is(
        one.reply,
        "recipient.account_last4",
        lambda value: not ends or not isinstance(value, str) or len(value) != 4 or value in ends,
        f"{' or '.join(map(wording.value, ends))}, how the account number ends",
        read=one.after,
    )


@requirement("PI-19")
@pytest.mark.parametrize("seen", SEEN)
def test_account_number_is_nowhere(evidence: Evidence, seen: str) -> None:
    """The full account number stands nowhere, in the answer to a cancel or to a read."""
    one = evidence.cancelled()
    reply, to = SEEN[seen](one), "a cancel" if seen == "reply" else f"a GET {seen} a cancel"
    recipient = reply.at("recipient")

    hides_account(reply, one.intent.facts, to=to)
    suspects = [
        number for number in account_numbers({"account": recipient}) if unmasked(number) and number.isdigit()
    ]
    expect.that(
        not isinstance(recipient, dict) or not suspects,
        expected=f"no more of the account number than its last four characters in the answer to {to}",
        observed=f"recipient is {wording.of(reply, 'recipient')}, with {', '.join(suspects)} in it",
        reply=reply,
        hint="Only account_last4 is to be shown.",
        fault=f"recipient held what looks like a full account number in the answer to {to} ({reply.status})",
    )


@requirement("PI-19")
def test_account_number_is_in_no_refusal(evidence: Evidence) -> None:
    """The full account number stands in no refusal either."""
    refused = evidence.cancel_refused(state="processing")
    needs_account(refused.intent.facts)

    for how, reply in refused.replies.items():
        hides_account(reply, refused.intent.facts, to=request(how, "a processing intent"))


@requirement("PI-20")
@pytest.mark.parametrize("seen", LATER)
@pytest.mark.parametrize("key", ["created_at", "updated_at"])
def test_time_is_an_instant(evidence: Evidence, key: str, seen: str) -> None:
    """created_at and updated_at are ISO 8601 instants, in the 202 and in GET."""
    one = evidence.cancelled()
    reply = SEEN[seen](one)

    if seen == "reply" and reply.at(key) is MISSING:
        raise NotApplicable(f"{key} is left out of the answer, which PI-15 judges")
    is_instant(reply, key, where=WHERE[seen], read=one.after if seen == "reply" else None)


@requirement("PI-20", level="SHOULD")
def test_updated_at_is_the_present(evidence: Evidence) -> None:
    """updated_at in the 202 is about the time at which that was sent, by the target's own clock."""
    one = evidence.cancelled()

    is_the_present(one.reply, one.after)


@requirement("PI-20", level="SHOULD")
def test_created_at_never_moves(evidence: Evidence) -> None:
    """created_at stays when cancels are refused."""
    refused = evidence.cancel_refused(state="cancelled")
    expect.that(
        is_same_instant(refused.before.at("created_at"), refused.after.at("created_at")),
        expected=f"created_at to stay {wording.of(refused.before, 'created_at')} when cancels are refused",
        observed=expect.observed(refused.after, "created_at"),
        reply=refused.after,
        hint="It is the time of the order: nothing that is done to that changes it.",
        fault="created_at of a cancelled intent moved when further cancels of it were refused",
    )


@requirement("PI-20", level="SHOULD")
@pytest.mark.parametrize("seen", LATER)
def test_updated_at_moves(evidence: Evidence, seen: str) -> None:
    """A cancel moves updated_at, in the 202 and in a later GET."""
    one = evidence.cancelled()

    has_moved(one, seen)


@requirement("PI-21")
@pytest.mark.parametrize("seen", LATER)
@pytest.mark.parametrize("key", [*ORDER, "created_at"])
def test_order_data_stays(evidence: Evidence, key: str, seen: str) -> None:
    """Amount, recipient, reference and created_at come back as GET showed them before."""
    one = evidence.cancelled()
    reply = SEEN[seen](one)

    was, now = one.before.at(key), reply.at(key)
    if seen == "reply" and now is MISSING:
        raise NotApplicable(f"{key} is left out of the answer, which PI-15 judges")
    expect.that(
        is_same_instant(was, now) if key == "created_at" else equality.same_but_nulls(was, now),
        expected=f"{key} to be {wording.of(one.before, key)}, as GET showed it before the cancel",
        observed=f"{wording.shown(reply, key)} in {WHERE[seen]}",
        reply=reply,
        hint=hints.by_answer(reply),
        fault=f"created_at moved: in {WHERE[seen]} it was another one than before"
        if reply.ok and key == "created_at"
        else f"{key} was {wording.of(reply, key)} in {WHERE[seen]}, and {wording.of(one.before, key)} before it"
        if reply.ok
        else f"{wording.capital(WHERE[seen])} was answered {summary.short(reply)}",
        persisted=wording.read_shows(one.after, key, now, equality.is_same_as(was))
        if seen == "reply"
        else "",
    )


@requirement("PI-21")
def test_fields_that_are_sent_change_no_order_data(
    api: PayoutIntents, given: Given, evidence: Evidence
) -> None:
    """A body with the order's own fields in it is refused, or they are ignored: the order stays as it was."""
    what, body = "a body that has the order's own fields in it", encoded({"reason": "twice", **SENT_ALONG})
    reads: dict[str, Reply] = {}
    if assigns_nothing(api, given, evidence) is not None:
        return

    def ask(one: Resource) -> Reply:
        reads[one.id] = api.seen(one)
        return api.post(one, body)

    try:
        intent, reply = api.odd_of(partial(given.shared, "requires_approval"), ask, to=what)
    except expect.Violation as fault:
        raise NotApplicable(f"{what} is never answered: {fault.observed}") from None
    before = reads[intent.id]
    if not succeeded(reply):
        reply = api.still_cancels(intent, after=what, judged=False)
    for seen in (reply, api.confirmed(intent)):
        taken = [
            key
            for key, sent in SENT_ALONG.items()
            if seen.at(key) is not MISSING
            and not equality.same_but_nulls(before.at(key), seen.at(key))
            and (equality.same(seen.at(key), sent) or key == "recipient")
        ]
        expect.that(
            not taken,
            expected=f"nothing of the order to change by {what}",
            observed="; ".join(
                f"{key} is {wording.of(seen, key)} and was {wording.of(before, key)}" for key in taken
            )
            + f" ({'GET' if seen is not reply else 'the cancel'} was answered {summary.of(seen)})",
            reply=reply,
            hint="Take the reason out of the body, and don't assign the rest to the stored record.",
            fault=f"{' and '.join(taken)} of an order changed to what the body of a cancel named "
            f"({summary.short(reply)})",
        )
