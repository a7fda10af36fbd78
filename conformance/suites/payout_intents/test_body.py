"""What a successful cancel tells about the intent. One cancel serves most of these checks."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply, instant
from conformance.oracles import equality, expect
from conformance.oracles.every_response import hides_account, needs_account
from conformance.oracles.expect import requirement
from conformance.oracles.instants import is_instant, is_same_instant
from conformance.oracles.keys import lacking
from conformance.plugin import Given
from conformance.states import Resource
from conformance.states.accounts import account_numbers, unmasked
from conformance.suites.payout_intents.evidence import Evidence
from conformance.suites.payout_intents.pieces import ORDER, Cancelled
from conformance.suites.payout_intents.verbs import KEYS, PayoutIntents, encoded, succeeded

# The clocks of a target's machines may differ by so much.
_SKEW = timedelta(minutes=5)
RECIPIENT = ("type", "account_last4", "bank_code", "holder_name")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


@requirement("PI-15")
@pytest.mark.parametrize("key", KEYS)
def test_key_is_there(cancelled: Cancelled, key: str) -> None:
    """Every documented key that has a value is there, in an answer that says what was cancelled and why."""
    known = (_shown(cancelled.before), cancelled.intent.facts)
    lacks = lacking("payout-intents", _shown(cancelled.reply), *known, {"failure_message": cancelled.reason})
    # A reason that isn't kept either is no value: then it is for PI-22 to say.
    dropped = key == "failure_message" and not cancelled.after.at(key)
    expect.that(
        key not in lacks.valued or dropped,
        expected=f"{key} in the body of the {cancelled.reply.status}, as it has a value",
        observed=f"the body has {_keys(cancelled.reply)}",
        reply=cancelled.reply,
        hint="One and the same function should render an intent, whoever asks.",
    )


@requirement("PI-15", level="SHOULD")
def test_keys_without_a_value_are_null(api: PayoutIntents, given: Given) -> None:
    """Without a reason, too, every key is there: null where there is nothing to say."""
    intent = given("requires_approval")
    before = api.seen(intent)
    reply = api.cancels(intent, reason=None)

    missing = lacking("payout-intents", _shown(reply), _shown(before), intent.facts).empty
    expect.that(
        not missing or not isinstance(reply.json, dict),
        expected="each of the thirteen keys in the body, null where there is no value",
        observed=f"{', '.join(missing)} missing from {_keys(reply)}",
        reply=reply,
        hint="Serialisers that leave out nulls have to be told not to.",
    )


def _shown(reply: Reply) -> dict[str, Any]:
    return reply.json if isinstance(reply.json, dict) else {}


def _keys(reply: Reply) -> str:
    return f"the keys {', '.join(reply.json)}" if isinstance(reply.json, dict) else "no JSON object in it"


def _told(reply: Reply, path: str, good: Callable[[Any], bool], expected: str, *, hint: str = "") -> None:
    """The value under `path` is good; a key that isn't there at all is for PI-15 to judge."""
    if reply.at(path.partition(".")[0]) is not MISSING:
        expect.field(reply, path, good, expected, hint=hint)


@requirement("PI-15")
def test_object_is_payout_intent(cancelled: Cancelled) -> None:
    """object says what it is: payout_intent."""
    _told(cancelled.reply, "object", lambda value: value == "payout_intent", "'payout_intent'")


@requirement("PI-15")
def test_id_is_the_requested_one(cancelled: Cancelled) -> None:
    """The answer is about the intent that was asked for."""
    _told(
        cancelled.reply,
        "id",
        lambda value: value == cancelled.intent.id,
        f"the requested id {cancelled.intent.id!r}",
    )


@requirement("PI-16")
def test_failure_code_is_cancelled(cancelled: Cancelled) -> None:
    """failure_code is cancelled, spelt as the status is."""
    _told(
        cancelled.reply,
        "failure_code",
        lambda value: value == "cancelled",
        "'cancelled', in the 202 and with two l's",
    )


@requirement("PI-16")
@pytest.mark.parametrize("how", ["without_a_reason", "without_a_key"])
def test_failure_code_is_always_cancelled(api: PayoutIntents, given: Given, how: str) -> None:
    """However little was sent, failure_code is cancelled."""
    intent = given("requires_approval")

    reply = api.cancels(intent, **({"reason": None} if how == "without_a_reason" else {"key": None}))

    _told(
        reply,
        "failure_code",
        lambda value: value == "cancelled",
        f"'cancelled' in the answer to a cancel {how.replace('_', ' ')}",
    )


@requirement("PI-17")
def test_amount_is_a_string_of_digits(cancelled: Cancelled) -> None:
    """amount is a string of digits, never a JSON number."""
    _told(
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
    _told(
        cancelled.reply,
        key,
        lambda value: isinstance(value, str) and re.fullmatch(f"[A-Z]{{{length}}}", value) is not None,
        f"{length} capital letters",
    )


@requirement("PI-18")
@pytest.mark.parametrize("seen", ["before", "reply", "after"])
def test_environment_is_the_callers(api: PayoutIntents, cancelled: Cancelled, seen: str) -> None:
    """environment is that of the credentials, in the 202 and in GET."""
    told = _told if seen == "reply" else expect.field
    told(
        getattr(cancelled, seen),
        "environment",
        lambda value: value == api.environment,
        f"{api.environment!r}, as the profile says of these credentials",
    )


@requirement("PI-18")
def test_other_environment_is_told_apart(api: PayoutIntents, evidence: Evidence) -> None:
    """With the other environment's credentials, environment is the other one."""
    elsewhere = evidence.elsewhere()

    for seen in (elsewhere.before, elsewhere.twin):
        if seen is not None and seen.ok:
            told = _told if seen is elsewhere.twin else expect.field
            told(
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
        return _is_text(value) or (value in (None, MISSING) and other_type)

    four = key == "account_last4"
    _told(
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

    _told(
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
    reply: Reply = getattr(cancelled, seen)
    if seen == "after" or reply.at(key) is not MISSING:
        is_instant(reply, key)


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
def test_created_at_never_moves(evidence: Evidence) -> None:
    """Whatever is tried with an intent, created_at stays: refused cancels don't move it either."""
    refusal = evidence.refusal("cancelled")

    expect.that(
        is_same_instant(refusal.before.at("created_at"), refusal.after.at("created_at")),
        expected=f"created_at to stay {refusal.before.at('created_at')!r} when cancels are refused",
        observed=f"it is {refusal.after.at('created_at')!r}",
        reply=refusal.after,
        hint="It is the time of the order: nothing that is done to that changes it.",
    )


@requirement("PI-20", level="SHOULD")
@pytest.mark.parametrize("seen", ["reply", "after"])
def test_updated_at_moves(cancelled: Cancelled, seen: str) -> None:
    """Cancelling moves updated_at, in the 202 and for whoever reads later."""
    reply: Reply = getattr(cancelled, seen)
    was, now = instant(cancelled.before.at("updated_at")), instant(reply.at("updated_at"))
    # What is no instant, or isn't there, is told elsewhere. The intent was older than a clock's step when it was asked.
    expect.that(
        was is None or now is None or was.tzinfo is None or now.tzinfo is None or now > was,
        expected=f"updated_at after the cancel to be later than {cancelled.before.at('updated_at')!r}",
        observed=f"updated_at is {reply.at('updated_at')!r} in {'the 202' if seen == 'reply' else 'GET'}",
        reply=reply,
    )


@requirement("PI-21")
@pytest.mark.parametrize("seen", ["reply", "after"])
@pytest.mark.parametrize("key", [*ORDER, "created_at"])
def test_order_data_stays(cancelled: Cancelled, key: str, seen: str) -> None:
    """What is to be paid, to whom and for what, and since when, comes back as GET showed it before."""
    reply: Reply = getattr(cancelled, seen)
    was, now = cancelled.before.at(key), reply.at(key)
    if seen == "reply" and now is MISSING:
        return  # It is left out, which is for PI-15 to judge.
    expect.that(
        is_same_instant(was, now) if key == "created_at" else equality.same_but_nulls(was, now),
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
    what, body = "a body that has the order's own fields in it", encoded({"reason": "twice", **_SENT_ALONG})
    reads: dict[str, Reply] = {}

    def ask(one: Resource) -> Reply:
        reads[one.id] = api.seen(one)
        return api.post(one, body)

    try:
        intent, reply = api.odd_of(partial(given, "requires_approval"), ask, to=what)
    except expect.Violation as fault:
        raise NotApplicable(f"{what} is never answered: {fault.observed}") from None
    before = reads[intent.id]

    if not succeeded(reply):
        reply = api.still_cancels(intent, after=what)
    for seen in (reply, api.confirmed(intent)):
        taken = [
            key
            for key, sent in _SENT_ALONG.items()
            if seen.at(key) is not MISSING
            and not equality.same_but_nulls(before.at(key), seen.at(key))
            and (equality.same(seen.at(key), sent) or key == "recipient")
        ]
        expect.that(
            not taken,
            expected=f"nothing of the order to change by {what}",
            observed=f"{', '.join(taken)} changed ({summary.of(seen)})",
            reply=seen,
            hint="Take the reason out of the body, and don't assign the rest to the stored record.",
        )
