"""What a successful cancel tells about the withdraw. A few cancels serve all of these checks."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conformance import expect
from conformance.errors import NotApplicable
from conformance.expect import requirement
from conformance.http.reply import MISSING, instant
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.common import (
    account_numbers,
    amount_of,
    hides_account,
    is_instant,
    moved,
    needs_account,
    not_after,
    unmasked,
)
from conformance.suites.withdraws.evidence import FACTS, Cancelled, Evidence, is_decimal_text, of_each
from conformance.suites.withdraws.verbs import KEYS, Withdraws, data

# Gathering the evidence takes more requests than all of these checks otherwise send.
pytestmark = pytest.mark.together

# Minor units other than two (ISO 4217): nothing is said about the decimals of these.
_OTHER_DECIMALS = (
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BHD IQD JOD KWD LYD OMR TND CLF UYW"
)
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
    expect.field(
        cancelled.reply,
        "data.id",
        lambda value: value == cancelled.withdraw.id,
        f"the requested id {cancelled.withdraw.id}",
    )


@requirement("WD-16")
@pytest.mark.parametrize("key", KEYS)
@of_each
def test_documented_key_is_present(cancelled: Cancelled, key: str) -> None:
    """Every documented key is there, its value null where there is nothing to say."""
    expect.that(
        key in data(cancelled.reply),
        expected=f"data.{key} to be present, null if it has no value",
        observed=f"data has only {', '.join(data(cancelled.reply))}",
        reply=cancelled.reply,
        hint="Serialisers that leave out nulls have to be told not to.",
    )


@requirement("WD-17")
@of_each
def test_canceled_at_is_an_instant(cancelled: Cancelled) -> None:
    """CanceledAt is an ISO 8601 instant in UTC, not null."""
    is_instant(cancelled.reply, "data.canceledAt", utc=True)


@requirement("WD-17", level="SHOULD")
@of_each
def test_canceled_at_is_now(cancelled: Cancelled) -> None:
    """CanceledAt is the time of this request, give or take the clocks."""
    moment = is_instant(cancelled.reply, "data.canceledAt")
    sent = cancelled.reply.sent_at
    expect.that(
        sent - _SLACK <= moment <= datetime.now(UTC) + _SLACK,
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
    told = is_instant(cancelled.reply, "data.canceledAt")
    kept = is_instant(cancelled.read, "data.canceledAt")

    expect.that(
        abs(kept - told) < timedelta(seconds=2),
        expected=f"data.canceledAt to be read as it was answered, {cancelled.reply.at('data.canceledAt')!r}",
        observed=f"reading it shows {cancelled.read.at('data.canceledAt')!r}",
        reply=cancelled.read,
        hint="Is a time zone added or lost on the way to the database?",
    )


@requirement("WD-18")
@of_each
def test_paid_at_is_null(cancelled: Cancelled) -> None:
    """A canceled withdraw was never paid: paidAt is null."""
    expect.field(cancelled.reply, "data.paidAt", lambda value: value is None, "null on a canceled withdraw")


@requirement("WD-19")
@of_each
def test_amount_is_a_decimal_string(cancelled: Cancelled) -> None:
    """Amount is text with a decimal number in it, never a JSON number."""
    is_decimal_text(cancelled.reply)


@requirement("WD-19", level="SHOULD")
@of_each
def test_amount_has_the_currencys_decimals(cancelled: Cancelled) -> None:
    """Amount has two decimals where its currency has two."""
    if cancelled.reply.at("data.currency") in _OTHER_DECIMALS.split():
        raise NotApplicable("the withdraw's currency doesn't have two decimals")
    expect.field(
        cancelled.reply,
        "data.amount",
        lambda value: re.fullmatch(r"\d+\.\d\d", str(value), re.ASCII) is not None,
        'written with two decimals, like "1000.00"',
    )


@requirement("WD-20")
@of_each
def test_currency_is_a_code(cancelled: Cancelled) -> None:
    """Currency is three upper-case letters."""
    expect.field(
        cancelled.reply,
        "data.currency",
        lambda value: isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value) is not None,
        "three upper-case letters (ISO 4217)",
    )


@requirement("WD-21")
@of_each
def test_account_number_is_masked(cancelled: Cancelled) -> None:
    """bankAccountNumber, where present, is masked."""
    expect.field(
        cancelled.reply,
        "data.bankAccountNumber",
        lambda value: value is None or value is MISSING or (isinstance(value, str) and not unmasked(value)),
        "masked text, like 1234****7890, or null",
    )


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
    expect.field(
        cancelled.reply,
        "data.bankCode",
        lambda value: value is None or value is MISSING or isinstance(value, str),
        'a text, like "004"',
        hint="Bank codes are no numbers: leading zeros count.",
    )
    for told in _told(cancelled, "bankCode"):
        if isinstance(told, str):
            expect.field(cancelled.reply, "data.bankCode", expect.is_same_as(told), f"{told!r} as before")


@requirement("WD-22")
@of_each
def test_metadata_keeps_its_types(cancelled: Cancelled) -> None:
    """Metadata is an object, and its values have the types that they were given with."""
    told = _told(cancelled, "metadata")
    expect.field(
        cancelled.reply,
        "data.metadata",
        lambda value: isinstance(value, dict) or value is MISSING or (value is None and not any(told)),
        "an object",
        hint="Not the JSON text of one.",
    )
    for given in told:
        expect.field(cancelled.reply, "data.metadata", expect.is_same_as(given), f"{given!r} as before")


@requirement("WD-23")
@pytest.mark.parametrize("key", _UNCHANGING)
@of_each
def test_cancelling_changes_no_fact(cancelled: Cancelled, key: str) -> None:
    """What the withdraw is about comes back as it was before."""
    told = _told(cancelled, key)
    if not told:
        raise NotApplicable(f"neither the state provider nor a read endpoint tells {key} before the cancel")

    # A state provider may write 1000 where the API writes "1000.00"; what was read is the API's own spelling.
    for number, was in enumerate(told):
        exact = key != "amount" or (cancelled.before is not None and number == 0)
        good = expect.is_same_as(was) if exact else _amounts_to(was)
        expect.field(cancelled.reply, f"data.{key}", good, f"{was!r} as before the cancel")


@requirement("WD-23")
@pytest.mark.parametrize("key", _UNCHANGING_WHEN_READ)
@of_each
def test_cancelling_changes_no_stored_fact(cancelled: Cancelled, key: str) -> None:
    """What the withdraw is about is read after the cancel as it was read before."""
    if cancelled.before is None or cancelled.read is None or key not in cancelled.before:
        raise NotApplicable(f"no read endpoint shows {key} before the cancel")

    was = cancelled.before[key]
    expect.field(cancelled.read, f"data.{key}", expect.is_same_as(was), f"{was!r}, as it was read before")


@requirement("WD-24")
@of_each
def test_instants_are_in_order(cancelled: Cancelled) -> None:
    """createdAt, canceledAt and updatedAt follow each other."""
    values = [cancelled.reply.at(f"data.{key}") for key in ("createdAt", "canceledAt", "updatedAt")]
    expect.that(
        not_after(values[0], values[1]) and not_after(values[1], values[2]),
        expected="createdAt <= canceledAt <= updatedAt",
        observed=", ".join(map(repr, values)),
        reply=cancelled.reply,
    )


@requirement("WD-24")
@of_each
def test_updated_at_moves_and_created_at_does_not(cancelled: Cancelled) -> None:
    """Cancelling moves updatedAt, and never createdAt."""
    created = [was for was in _told(cancelled, "createdAt") if instant(was)]
    updated = [was for was in _told(cancelled, "updatedAt") if instant(was)]
    if not created and not updated:
        raise NotApplicable(
            "neither the state provider nor a read endpoint tells the times before the cancel"
        )
    for reply in filter(None, (cancelled.reply, cancelled.read)):
        when = " when read" if reply is cancelled.read else ""
        for was in created:
            expect.field(reply, "data.createdAt", _at_the_time_of(was), f"{was!r} as before{when}")
        for was in updated:
            hint = "Cancelling is a change."
            expect.field(reply, "data.updatedAt", _later_than(was), f"later than {was!r}{when}", hint=hint)


@requirement("WD-25")
@pytest.mark.parametrize("key", ["createdAt", "updatedAt"])
@of_each
def test_time_is_an_instant(cancelled: Cancelled, key: str) -> None:
    """CreatedAt and updatedAt are ISO 8601 instants."""
    is_instant(cancelled.reply, f"data.{key}")


def _told(cancelled: Cancelled, key: str) -> list[Any]:
    """What is known of a field before the cancel: what a read showed, then what the state provider told."""
    sources = [cancelled.before or {}, cancelled.withdraw.facts]
    return [source[key] for source in sources if key in source]


def _amounts_to(was: Any) -> Callable[[Any], bool]:
    return lambda value: amount_of(value) is not None and amount_of(value) == amount_of(was)


def _at_the_time_of(was: Any) -> Callable[[Any], bool]:
    return lambda value: not_after(value, was) and not_after(was, value)


def _later_than(was: Any) -> Callable[[Any], bool]:
    return lambda value: moved(was, value)
