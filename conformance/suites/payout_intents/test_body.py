"""What a successful cancel tells about the intent. One cancel serves most of these checks."""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from conformance import expect
from conformance.expect import requirement
from conformance.http.reply import MISSING, Reply, instant
from conformance.plugin import Given
from conformance.suites.common import account_numbers, hides_account, is_instant, needs_account, unmasked
from conformance.suites.payout_intents.evidence import Cancelled, Evidence
from conformance.suites.payout_intents.verbs import KEYS, PayoutIntents, encoded

ORDER = ("amount", "currency", "country", "merchant_reference", "recipient")
# The clocks of a target's machines may differ by so much.
_SKEW = timedelta(minutes=5)
RECIPIENT = ("type", "account_last4", "bank_code", "holder_name")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


@requirement("PI-15")
@pytest.mark.parametrize("key", KEYS)
def test_key_is_there(cancelled: Cancelled, key: str) -> None:
    """Every documented key is there, in an answer that says what was cancelled and why."""
    missing = cancelled.reply.at(key) is MISSING
    # An order that never had a reference: whether null is written or left out is not what this is about.
    without = (
        key == "merchant_reference" and not cancelled.before.at(key) and not cancelled.intent.facts.get(key)
    )
    expect.that(
        not missing or without,
        expected=f"{key} in the body of the 202",
        observed=f"the body has {_keys(cancelled.reply)}",
        reply=cancelled.reply,
    )


@requirement("PI-15", level="SHOULD")
def test_keys_without_a_value_are_null(api: PayoutIntents, given: Given) -> None:
    """Without a reason, too, every key is there: null where there is nothing to say."""
    reply = api.cancels(given("requires_approval"), reason=None)

    missing = [key for key in KEYS if reply.at(key) is MISSING]
    expect.that(
        not missing,
        expected="all thirteen keys in the body of the 202, null where there is no value",
        observed=f"{', '.join(missing)} missing from {_keys(reply)}",
        reply=reply,
        hint="Serialisers that leave out nulls have to be told not to.",
    )


def _keys(reply: Reply) -> str:
    return f"the keys {', '.join(reply.json)}" if isinstance(reply.json, dict) else "no JSON object in it"


@requirement("PI-15")
def test_object_is_payout_intent(cancelled: Cancelled) -> None:
    """object says what it is: payout_intent."""
    expect.field(cancelled.reply, "object", lambda value: value == "payout_intent", "'payout_intent'")


@requirement("PI-15")
def test_id_is_the_requested_one(cancelled: Cancelled) -> None:
    """The answer is about the intent that was asked for."""
    expect.field(
        cancelled.reply,
        "id",
        lambda value: value == cancelled.intent.id,
        f"the requested id {cancelled.intent.id!r}",
    )


@requirement("PI-16")
def test_failure_code_is_cancelled(cancelled: Cancelled) -> None:
    """failure_code is cancelled, spelt as the status is."""
    expect.field(
        cancelled.reply,
        "failure_code",
        lambda value: value == "cancelled",
        "'cancelled', in the 202 and with two l's",
    )


@requirement("PI-16")
@pytest.mark.parametrize("how", ["without_a_reason", "without_a_key"])
def test_failure_code_is_always_cancelled(api: PayoutIntents, given: Given, how: str) -> None:
    """However little was sent, failure_code is cancelled, in the answer and in a later GET."""
    intent = given("requires_approval")

    reply = api.cancels(intent, **({"reason": None} if how == "without_a_reason" else {"key": None}))

    for seen, where in ((reply, "the 202"), (api.confirmed(intent), "GET")):
        expect.field(
            seen,
            "failure_code",
            lambda value: value == "cancelled",
            f"'cancelled' in {where} of a cancel {how.replace('_', ' ')}",
        )


@requirement("PI-17")
def test_amount_is_a_string_of_digits(cancelled: Cancelled) -> None:
    """amount is a string of digits, never a JSON number."""
    expect.field(
        cancelled.reply,
        "amount",
        lambda value: isinstance(value, str) and re.fullmatch(r"[0-9]+", value) is not None,
        'a string of digits, like "12000"',
        hint="Minor units in a string: no decimal point, no separators, no exponent.",
    )


@requirement("PI-17")
@pytest.mark.parametrize(("key", "length"), [("currency", 3), ("country", 2)], ids=["currency", "country"])
def test_code_is_in_capitals(cancelled: Cancelled, key: str, length: int) -> None:
    """currency is three capital letters, country two."""
    expect.field(
        cancelled.reply,
        key,
        lambda value: isinstance(value, str) and re.fullmatch(f"[A-Z]{{{length}}}", value) is not None,
        f"{length} capital letters",
    )


@requirement("PI-18")
@pytest.mark.parametrize("seen", ["before", "reply", "after"])
def test_environment_is_the_callers(api: PayoutIntents, cancelled: Cancelled, seen: str) -> None:
    """environment is that of the credentials, in the 202 and in GET."""
    expect.field(
        getattr(cancelled, seen),
        "environment",
        lambda value: value == api.environment,
        f"{api.environment!r}, as the profile says of these credentials",
    )


@requirement("PI-18")
def test_other_environment_is_told_apart(api: PayoutIntents, evidence: Evidence) -> None:
    """With the other environment's credentials, environment is the other one."""
    elsewhere = evidence.elsewhere()
    twin = elsewhere.owners_cancel()
    seen = twin if twin.ok else elsewhere.before

    expect.field(
        seen,
        "environment",
        lambda value: _is_text(value) and value != api.environment,
        f"another one than {api.environment!r}, for an intent of the other environment",
    )


@requirement("PI-19")
@pytest.mark.parametrize("key", RECIPIENT)
def test_recipient_has(cancelled: Cancelled, key: str) -> None:
    """recipient has a type, the last four characters of the account, a bank code and a name."""
    other_type = cancelled.reply.at("recipient.type") not in ("bank_account", MISSING)

    def good(value: Any) -> bool:
        if key == "account_last4" and isinstance(value, str):
            return len(value) == 4
        return _is_text(value) or (value is None and other_type)

    four = key == "account_last4"
    expect.field(
        cancelled.reply,
        f"recipient.{key}",
        good,
        "a text of exactly four characters" if four else "a text",
        hint="As text, so that leading zeros survive." if four else "",
    )


@requirement("PI-19")
def test_last_four_are_the_last(cancelled: Cancelled) -> None:
    """account_last4 is the end of the account number, where the state provider tells that."""
    ends = [number[-4:] for number in account_numbers(cancelled.intent.facts)]

    expect.field(
        cancelled.reply,
        "recipient.account_last4",
        lambda value: not ends or not isinstance(value, str) or len(value) != 4 or value in ends,
        f"{' or '.join(map(repr, ends))}, how the account number ends",
    )


@requirement("PI-19")
@pytest.mark.parametrize("seen", ["before", "reply", "after"])
def test_account_number_is_nowhere(cancelled: Cancelled, seen: str) -> None:
    """The full account number stands nowhere, in the answer to a cancel or to a read."""
    reply: Reply = getattr(cancelled, seen)
    to = "a cancel" if seen == "reply" else f"a GET {seen} the cancel"
    recipient = reply.at("recipient")

    hides_account(reply, cancelled.intent.facts, to=to)
    suspects = [
        number for number in account_numbers({"account": recipient}) if unmasked(number) and number.isdigit()
    ]
    expect.that(
        not isinstance(recipient, dict) or not suspects,
        expected=f"no more of the account number than its last four characters in the answer to {to}",
        observed=f"recipient holds {', '.join(suspects)}",
        reply=reply,
        hint="Only account_last4 is to be shown.",
    )


@requirement("PI-19")
def test_account_number_is_in_no_refusal(evidence: Evidence) -> None:
    """The full account number stands in no refusal either."""
    refusal = evidence.refusal("processing")
    needs_account(refusal.intent.facts)

    for how, reply in refusal.replies.items():
        hides_account(reply, refusal.intent.facts, to=f"a refused cancel {how}")


@requirement("PI-20")
@pytest.mark.parametrize("seen", ["reply", "after"])
@pytest.mark.parametrize("key", ["created_at", "updated_at"])
def test_time_is_an_instant(cancelled: Cancelled, key: str, seen: str) -> None:
    """created_at and updated_at are ISO 8601 instants, in the 202 and in GET."""
    is_instant(getattr(cancelled, seen), key)


@requirement("PI-20", level="SHOULD")
def test_updated_at_is_the_present(cancelled: Cancelled) -> None:
    """updated_at in the 202 is about the time at which that was sent, by the target's own clock."""
    updated, now = instant(cancelled.reply.at("updated_at")), cancelled.reply.sent_at
    with suppress(ValueError):
        now = parsedate_to_datetime(cancelled.reply.header("Date") or "")
    expect.that(
        updated is None or updated.tzinfo is None or now.tzinfo is None or abs(now - updated) < _SKEW,
        expected=f"updated_at to be the time of the cancel, about {now.isoformat()}",
        observed=f"updated_at is {cancelled.reply.at('updated_at')!r}",
        reply=cancelled.reply,
        hint="A local time that is written with a Z is hours off.",
    )


@requirement("PI-20", level="SHOULD")
@pytest.mark.parametrize("seen", ["reply", "after"])
def test_created_at_stays(cancelled: Cancelled, seen: str) -> None:
    """Cancelling doesn't move created_at."""
    reply: Reply = getattr(cancelled, seen)
    was = instant(cancelled.before.at("created_at"))

    expect.field(
        reply,
        "created_at",
        lambda value: was is None or instant(value) == was,
        f"{cancelled.before.at('created_at')!r}, as before the cancel",
    )


@requirement("PI-20", level="SHOULD")
@pytest.mark.parametrize("seen", ["reply", "after"])
def test_updated_at_moves(cancelled: Cancelled, seen: str) -> None:
    """Cancelling moves updated_at, in the 202 and for whoever reads later."""
    reply: Reply = getattr(cancelled, seen)
    was, now = instant(cancelled.before.at("updated_at")), instant(reply.at("updated_at"))
    expect.that(
        was is None or (now is not None and (now > was or (now == was and _same_tick(was, reply)))),
        expected=f"updated_at after the cancel to be later than {cancelled.before.at('updated_at')!r}",
        observed=f"updated_at is {reply.at('updated_at')!r} in {'the 202' if seen == 'reply' else 'GET'}",
        reply=reply,
    )


def _same_tick(moment: datetime, reply: Reply) -> bool:
    """Whether a clock of whole seconds may honestly show the same moment before and after."""
    if moment.microsecond:
        return False
    try:
        now = parsedate_to_datetime(reply.header("Date") or "")
    except ValueError:
        return True
    return now.tzinfo is None or now - moment < timedelta(seconds=3)


@requirement("PI-21")
@pytest.mark.parametrize("seen", ["reply", "after"])
@pytest.mark.parametrize("key", ORDER)
def test_order_data_stays(cancelled: Cancelled, key: str, seen: str) -> None:
    """What is to be paid, to whom and for what comes back as GET showed it before."""
    reply: Reply = getattr(cancelled, seen)
    was, now = cancelled.before.at(key), reply.at(key)
    expect.that(
        expect.same(_or_null(was), _or_null(now)),
        expected=f"{key} to be {was!r}, as GET showed it before the cancel",
        observed=f"{key} is {now!r} in {'the 202' if seen == 'reply' else 'GET after the cancel'}",
        reply=reply,
    )


_SENT_ALONG = {
    "amount": "1",
    "currency": "XTS",
    "country": "ZZ",
    "merchant_reference": "sent along",
    "recipient": {
        "type": "bank_account",
        "account_last4": "0001",
        "bank_code": "X",
        "holder_name": "Mallory",
    },
}


@requirement("PI-21")
def test_fields_that_are_sent_change_no_order_data(api: PayoutIntents, given: Given) -> None:
    """The body has one field: whatever else it holds is refused or ignored, and the order is what it was."""
    intent, what = given("requires_approval"), "a body that has the order's own fields in it"
    before = api.seen(intent)

    reply = api.post(intent, encoded({"reason": "ordered twice", **_SENT_ALONG}))

    if not reply.ok:
        reply = api.still_cancels(intent, after=what)
    for seen in (reply, api.confirmed(intent)):
        taken = [
            key
            for key, sent in _SENT_ALONG.items()
            if not expect.same(_or_null(before.at(key)), _or_null(seen.at(key)))
            and (expect.same(seen.at(key), sent) or key == "recipient")
        ]
        expect.that(
            not taken,
            expected=f"nothing of the order to change by {what}",
            observed=f"{', '.join(taken)} changed ({expect.shown(seen)})",
            reply=seen,
            hint="Take the reason out of the body, and don't assign the rest to the stored record.",
        )


def _or_null(value: Any) -> Any:
    """A null may be written or left out."""
    return None if value is MISSING else value
