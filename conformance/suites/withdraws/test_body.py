"""What a successful cancel tells about the withdraw. A few cancels serve all of these checks."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from conformance.errors import NotApplicable
from conformance.http.reply import MISSING, instant
from conformance.oracles import equality, expect
from conformance.oracles.every_response import hides_account, needs_account
from conformance.oracles.expect import requirement
from conformance.oracles.instants import moved, not_after
from conformance.oracles.keys import has_value, lacking
from conformance.plugin import Given
from conformance.session import Session
from conformance.states.accounts import account_numbers, unmasked
from conformance.suites.withdraws.assertions import KEYS, data
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.fields import (
    FACTS,
    date_of,
    differs,
    has_instant,
    has_its_id,
    has_text_types,
    is_code,
    is_decimal_text,
    is_masked,
    is_unpaid,
    of_another_type,
)
from conformance.suites.withdraws.observations import Cancelled, Evidence, of_each

# Gathering the evidence takes more requests than all of these checks otherwise send.
pytestmark = pytest.mark.together

# Clocks of target and harness may differ, and one instant may be cut to seconds.
_SLACK = timedelta(seconds=150)
_UNCHANGING = ("amount", *FACTS)
# These an API may write otherwise than its state provider does.
_UNCHANGING_WHEN_READ = (*_UNCHANGING, "bankAccountName", "bankCode")


@pytest.fixture(scope="session")
def evidence(api: Withdraws, given: Given, conformance_session: Session) -> Evidence:
    """A few withdraws, looked at, cancelled and looked at again."""
    return Evidence(api, given, conformance_session.recorder)


@pytest.fixture
def cancelled(evidence: Evidence) -> Evidence:
    """The shared evidence, the first of it on record with every check that looks at it."""
    evidence.cite(evidence.all[:1])
    return evidence


@requirement("WD-15")
@of_each
def test_id_is_the_requested_one(cancelled: Cancelled) -> None:
    """The answer is about the withdraw that was asked for."""
    has_its_id(cancelled.reply, cancelled.withdraw)


@requirement("WD-16")
@pytest.mark.parametrize("key", [key for key in KEYS if key != "status"])
@of_each
def test_documented_key_is_present(cancelled: Cancelled, key: str) -> None:
    """Every documented key that has a value is there: a read, or the state source, tells that it has one."""
    shown = data(cancelled.reply)
    if not shown:
        raise NotApplicable("there is no data, which is another requirement's affair")
    later = [data(cancelled.read)] if cancelled.read is not None else []

    expect.that(
        key not in lacking("withdraws", shown, *cancelled.known(), *later).valued,
        expected=f"data.{key} to be present, for it has a value",
        observed=f"data has only {', '.join(shown)}",
        reply=cancelled.reply,
        hint="The answer to a cancel shows all of the withdraw, as the document does.",
    )


@requirement("WD-17")
@of_each
def test_canceled_at_is_an_instant(cancelled: Cancelled) -> None:
    """CanceledAt is an ISO 8601 instant with an offset, not null."""
    has_instant(cancelled.reply, "canceledAt")


@requirement("WD-17", level="SHOULD")
@of_each
def test_canceled_at_is_in_utc(cancelled: Cancelled) -> None:
    """CanceledAt is told in UTC, as the document shows it."""
    moment = has_instant(cancelled.reply, "canceledAt")

    expect.that(
        moment is None or not moment.utcoffset(),
        expected="data.canceledAt to be in UTC, with a Z or an offset of zero",
        observed=f"it is {cancelled.reply.at('data.canceledAt')!r}",
        reply=cancelled.reply,
    )


@requirement("WD-17", level="SHOULD")
@of_each
def test_canceled_at_is_now(cancelled: Cancelled) -> None:
    """CanceledAt is the time of this request, give or take the clocks."""
    moment = has_instant(cancelled.reply, "canceledAt")
    sent = cancelled.reply.sent_at
    came = sent + timedelta(seconds=cancelled.reply.duration_s)
    # The target's own clock may be off, which its Date tells; one that is off by more accepts no timestamp.
    at = date_of(cancelled.reply)
    expect.that(
        moment is None
        or sent - _SLACK <= moment <= came + _SLACK
        or (at is not None and abs(moment - at) <= _SLACK),
        expected=f"data.canceledAt to be about {sent.isoformat(timespec='seconds')}, when the request was sent",
        observed=f"data.canceledAt is {cancelled.reply.at('data.canceledAt')!r}",
        reply=cancelled.reply,
        hint="Local time marked as UTC, or a clock that is off?",
    )


@requirement("WD-17", level="SHOULD")
@of_each
def test_canceled_at_is_stored(cancelled: Cancelled) -> None:
    """CanceledAt is read as the answer told it, to the second."""
    if cancelled.read is None:
        raise NotApplicable("the profile declares no read endpoint")
    told = has_instant(cancelled.reply, "canceledAt")
    kept = has_instant(cancelled.read, "canceledAt")

    expect.that(
        told is None or kept is None or abs(kept - told) < timedelta(seconds=2),
        expected=f"data.canceledAt to be read as it was answered, {cancelled.reply.at('data.canceledAt')!r}",
        observed=f"reading it shows {cancelled.read.at('data.canceledAt')!r}",
        reply=cancelled.read,
        hint="Is a time zone added or lost on the way to the database?",
    )


@requirement("WD-18")
@of_each
def test_paid_at_is_null(cancelled: Cancelled) -> None:
    """A canceled withdraw was never paid: paidAt is null."""
    is_unpaid(cancelled.reply)


@requirement("WD-19")
@of_each
def test_amount_is_a_decimal_string(cancelled: Cancelled) -> None:
    """Amount is text with a decimal number in it, never a JSON number."""
    is_decimal_text(cancelled.reply)


@requirement("WD-20")
@of_each
def test_currency_is_a_code(cancelled: Cancelled) -> None:
    """Currency is three upper-case letters."""
    is_code(cancelled.reply)


@requirement("WD-21")
@of_each
def test_account_number_is_masked(cancelled: Cancelled) -> None:
    """bankAccountNumber is masked, not left empty: it is null only where there is no account."""
    known = bool(account_numbers(cancelled.withdraw.facts)) or any(
        map(has_value, cancelled.told("bankAccountNumber"))
    )

    is_masked(cancelled.reply, known=known)


@requirement("WD-21")
@of_each
def test_account_number_is_nowhere(cancelled: Cancelled) -> None:
    """The full account number stands nowhere in the answer, nor in what a read shows."""
    hides_account(cancelled.reply, cancelled.withdraw.facts, to="a cancel")
    if cancelled.read is not None:
        hides_account(cancelled.read, cancelled.withdraw.facts, to="a read")
        value = cancelled.read.at("data.bankAccountNumber")
        expect.that(
            not isinstance(value, str) or not unmasked(value),
            expected="bankAccountNumber to be masked when read",
            observed=f"it is {value!r}",
            reply=cancelled.read,
        )


@requirement("WD-21")
@of_each
def test_account_number_is_not_behind_its_mask(api: Withdraws, cancelled: Cancelled) -> None:
    """Nothing that fits the mask stands elsewhere in the answer, nor in a later refusal's message."""
    shown = re.fullmatch(r"(\d{2,})\D+(\d{2,})", str(cancelled.reply.at("data.bankAccountNumber")), re.ASCII)
    if shown is None or len(shown[1] + shown[2]) < 6:
        raise NotApplicable("the mask shows too little to look for the number behind it")
    behind = re.compile(rf"(?<!\d){shown[1]}\d{{1,24}}{shown[2]}(?!\d)", re.ASCII)

    again = api.cancel(cancelled.withdraw, by=cancelled.withdraw.wanted.owner or "primary")
    for reply in (cancelled.reply, again):
        where = next((text for text in reply.strings() if behind.search(text)), None)
        expect.that(
            where is None,
            expected=f"no number that fits the mask {shown[0]} anywhere in an answer",
            observed=f"{(where or '')[:160]!r}",
            reply=reply,
            hint="Mask it where the answer is made, error messages and headers included.",
        )


@requirement("WD-21")
@of_each
def test_mask_hides_a_digit(cancelled: Cancelled) -> None:
    """A mask takes the place of digits: a star put between them hides none."""
    needs_account(cancelled.withdraw.facts)
    whole = {re.sub(r"\D", "", number) for number in account_numbers(cancelled.withdraw.facts)}
    # The documented way to mask leaves eight digits to be seen: of a number of eight those are all.
    whole = {digits for digits in whole if len(digits) > 8}

    for reply in (cancelled.reply, cancelled.read):
        value = MISSING if reply is None else reply.at("data.bankAccountNumber")
        expect.that(
            not isinstance(value, str) or re.sub(r"\D", "", value) not in whole,
            expected="a masked bankAccountNumber to hide at least one digit",
            observed=f"all of them are in {value!r}",
            reply=reply,
            hint="Put the mask in the place of the digits, not between them.",
        )


@requirement("WD-21")
@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_account_number_is_in_no_refusal(api: Withdraws, given: Given, status: str) -> None:
    """The full account number stands in no refusal, whatever the message says."""
    withdraw = given.lasting(status)
    needs_account(withdraw.facts)

    hides_account(api.cancel(withdraw), withdraw.facts, to=f"cancelling a {status} withdraw")


@requirement("WD-21")
@pytest.mark.parametrize("status", ["pending", "paid"])
def test_account_number_is_in_no_answer_to_strangers(api: Withdraws, given: Given, status: str) -> None:
    """Another merchant's account number stands in no answer to this one."""
    withdraw = given.lasting(status, owner="other_merchant")
    needs_account(withdraw.facts)

    hides_account(api.cancel(withdraw), withdraw.facts, to=f"cancelling another merchant's {status} withdraw")


@requirement("WD-22")
@of_each
def test_bank_code_is_text(cancelled: Cancelled) -> None:
    """BankCode is text, leading zeros and all."""
    has_text_types(cancelled.reply)
    for told in cancelled.told("bankCode"):
        if isinstance(told, str) and has_value(cancelled.reply.at("data.bankCode") or None):
            expect.field(cancelled.reply, "data.bankCode", equality.is_same_as(told), f"{told!r} as before")


@requirement("WD-22")
@of_each
def test_metadata_keeps_its_types(cancelled: Cancelled) -> None:
    """Metadata is an object, and its values have the types that they were given with."""
    has_text_types(cancelled.reply)
    shown = cancelled.reply.at("data.metadata")
    for given in cancelled.told("metadata"):
        other = of_another_type(given, shown or {})
        expect.that(
            not other,
            expected=f"the values in data.metadata to have the types that they had: {given!r}",
            observed=f"other types in {', '.join(other)} of {shown!r}",
            reply=cancelled.reply,
        )


@requirement("WD-23")
@pytest.mark.parametrize("key", _UNCHANGING)
@of_each
def test_cancelling_changes_no_fact(cancelled: Cancelled, key: str) -> None:
    """What the withdraw is about comes back as it was before."""
    told = cancelled.told(key)
    if not told:
        raise NotApplicable(f"neither the state provider nor a read endpoint tells {key} before the cancel")

    # A state provider may write 1000 where the API writes "1000.00".
    for was in told:
        expect.field(
            cancelled.reply,
            f"data.{key}",
            partial(_unchanged, key, was),
            f"{was!r} as before the cancel",
        )


@requirement("WD-23")
@pytest.mark.parametrize("key", ["bankAccountName", "bankCode"])
@of_each
def test_cancelling_loses_no_fact(cancelled: Cancelled, key: str) -> None:
    """What an API may write otherwise than its state source is there still, where the source tells it."""
    told = [was for was in cancelled.told(key) if has_value(was)]
    if not told:
        raise NotApplicable(f"neither the state provider nor a read endpoint tells {key} before the cancel")

    expect.field(
        cancelled.reply,
        f"data.{key}",
        lambda value: value is MISSING or has_value(value),
        f"there, as {told[0]!r} was before the cancel",
    )


@requirement("WD-23")
@pytest.mark.parametrize("key", _UNCHANGING_WHEN_READ)
@of_each
def test_cancelling_changes_no_stored_fact(cancelled: Cancelled, key: str) -> None:
    """What the withdraw is about is read after the cancel as it was read before."""
    if cancelled.before is None or cancelled.read is None or not cancelled.read.ok:
        raise NotApplicable(f"no read endpoint shows {key} before the cancel and after it")

    was, now = cancelled.before.get(key), cancelled.read.at(f"data.{key}")
    expect.that(
        equality.same_but_nulls(was, now),
        expected=f"data.{key} to be {was!r}, as it was read before",
        observed=f"data.{key} is {now!r}",
        reply=cancelled.read,
    )


@requirement("WD-24")
@of_each
def test_instants_are_in_order(cancelled: Cancelled) -> None:
    """createdAt, canceledAt and updatedAt follow each other."""
    values = [cancelled.reply.at(f"data.{key}") for key in ("createdAt", "canceledAt", "updatedAt")]
    # What is no instant is for WD-17 and WD-25 to judge.
    known = [value for value in values if instant(value) is not None]
    expect.that(
        all(not_after(one, other) for one, other in pairwise(known)),
        expected="createdAt <= canceledAt <= updatedAt",
        observed=", ".join(map(repr, values)),
        reply=cancelled.reply,
    )


@requirement("WD-24")
@of_each
def test_updated_at_moves_and_created_at_does_not(cancelled: Cancelled) -> None:
    """Cancelling moves updatedAt, and never createdAt."""
    created = [was for was in cancelled.told("createdAt") if instant(was)]
    updated = [was for was in cancelled.told("updatedAt") if instant(was)]
    if not created and not updated:
        raise NotApplicable(
            "neither the state provider nor a read endpoint tells the times before the cancel"
        )
    at = cancelled.reply.at("data.canceledAt")
    for reply in filter(None, (cancelled.reply, cancelled.read)):
        when = " when read" if reply is cancelled.read else ""
        if instant(reply.at("data.createdAt")) is not None:
            for was in created:
                expect.field(reply, "data.createdAt", _at_the_time_of(was), f"{was!r} as before{when}")
        if instant(reply.at("data.updatedAt")) is not None:
            for was in updated:
                hint = "Cancelling is a change."
                good = _later_than(was, at)
                expect.field(reply, "data.updatedAt", good, f"later than {was!r}{when}", hint=hint)


@requirement("WD-25")
@pytest.mark.parametrize("key", ["createdAt", "updatedAt"])
@of_each
def test_time_is_an_instant(cancelled: Cancelled, key: str) -> None:
    """CreatedAt and updatedAt are ISO 8601 instants."""
    has_instant(cancelled.reply, key)


def _unchanged(key: str, was: Any, now: Any) -> bool:
    return not differs(key, was, now)


def _at_the_time_of(was: Any) -> Callable[[Any], bool]:
    return lambda value: not_after(value, was) and not_after(was, value)


def _later_than(was: Any, at: Any) -> Callable[[Any], bool]:
    return lambda value: moved(was, value, at)
