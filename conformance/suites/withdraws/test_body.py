"""The withdraw in the answer to a successful cancel.

All checks share the same cancels, or each would use up five withdraws. `@each_cancelled` runs a check once for each of
up to five withdraws (pending, processing, of the other merchant). Of each, `withdraw` is the resource and its facts,
`before` the `data` that a read showed, `reply` the answer to the documented cancel by its owner, and `read` what a read
showed afterwards; `before` and `read` are None without a read endpoint.
"""

import re
from datetime import timedelta
from itertools import pairwise

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, instant
from conformance.oracles import equality, expect, wording
from conformance.oracles.every_response import hides_account, needs_account
from conformance.oracles.expect import requirement
from conformance.oracles.instants import not_after
from conformance.oracles.missing_keys import has_value, missing_keys
from conformance.plugin import Given
from conformance.states.accounts import account_numbers, unmasked
from conformance.suites.withdraws.assertions import KEYS, data
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.comparisons import (
    dates_as_before,
    not_lost,
    same_code,
    same_fact,
    same_types,
)
from conformance.suites.withdraws.fields import (
    FACTS,
    KEPT,
    ORDER,
    changed,
    has_instant,
    has_its_id,
    has_object,
    has_text_code,
    is_canceled_now,
    is_code,
    is_decimal_text,
    is_masked,
    is_unpaid,
    off_by,
    out_of_order,
    read_has,
    spelt_otherwise,
)
from conformance.suites.withdraws.observations import Cancelled, each_cancelled

# Gathering the evidence takes more requests than all of these checks otherwise send.
pytestmark = [pytest.mark.together, pytest.mark.cancels]
_SHOWS_ALL = "The answer to a cancel shows all of the withdraw, as the document does."
_UNCHANGING = ("amount", *FACTS)
# An API may write these otherwise than its state source does.
_UNCHANGING_WHEN_READ = (*_UNCHANGING, *KEPT)


@requirement("WD-15")
@each_cancelled
def test_id_is_the_requested_one(cancelled: Cancelled) -> None:
    """The answer is about the withdraw that was asked for."""
    has_its_id(cancelled.reply, cancelled.withdraw, where=cancelled.where, read=cancelled.read)


@requirement("WD-16")
@pytest.mark.parametrize("key", [key for key in KEYS if key != "status"])
@each_cancelled
def test_documented_key_is_present(cancelled: Cancelled, key: str) -> None:
    """Every documented key that has a value is there: a read, or the state source, tells that it has one."""
    shown = data(cancelled.reply)
    if not shown:
        raise NotApplicable("there is no data, which is another requirement's affair")
    later = [data(cancelled.read)] if cancelled.read is not None else []

    expect.that(
        key not in missing_keys("withdraws", shown, *cancelled.known(), *later).valued,
        expected=f"data.{key} to be present, for it has a value",
        observed=f"data.{key} is absent; data has only {', '.join(shown)}",
        reply=cancelled.reply,
        hint=spelt_otherwise([key], shown)
        or (_SHOWS_ALL if any(has_value(one.get(key)) for one in later) else ""),
        fault=f"data.{key} was missing from {cancelled.where}",
        persisted=read_has(cancelled.read, key),
    )


@requirement("WD-17")
@each_cancelled
def test_canceled_at_is_an_instant(cancelled: Cancelled) -> None:
    """canceledAt is an ISO 8601 instant with an offset, not null."""
    has_instant(cancelled.reply, "canceledAt", where=cancelled.where, read=cancelled.read)


@requirement("WD-17", level="SHOULD")
@each_cancelled
def test_canceled_at_is_in_utc(cancelled: Cancelled) -> None:
    """canceledAt has the offset Z or +00:00, as the document shows it."""
    moment = has_instant(cancelled.reply, "canceledAt")

    expect.that(
        moment is None or not moment.utcoffset(),
        expected="data.canceledAt to be in UTC, with a Z or an offset of zero",
        observed=expect.observed(cancelled.reply, "data.canceledAt"),
        reply=cancelled.reply,
        fault=wording.was(cancelled.reply, "data.canceledAt", cancelled.where),
    )


@requirement("WD-17", level="SHOULD")
@each_cancelled
def test_canceled_at_is_now(cancelled: Cancelled) -> None:
    """canceledAt is the time of this request, give or take the clocks."""
    is_canceled_now(cancelled.reply, cancelled.where)


@requirement("WD-17", level="SHOULD")
@each_cancelled
def test_canceled_at_is_stored(cancelled: Cancelled) -> None:
    """A read shows the canceledAt of the cancel's answer, to the second."""
    if cancelled.read is None:
        raise NotApplicable("the profile declares no read endpoint")
    told = has_instant(cancelled.reply, "canceledAt")
    kept = has_instant(cancelled.read, "canceledAt")

    expect.that(
        told is None or kept is None or abs(kept - told) < timedelta(seconds=2),
        expected=f"data.canceledAt to be read as it was answered, {wording.of(cancelled.reply, 'data.canceledAt')}",
        observed=f"a read shows {expect.observed(cancelled.read, 'data.canceledAt')}",
        reply=cancelled.read,
        hint=off_by(kept - told if kept and told else timedelta()),
        fault=f"data.canceledAt was answered as {wording.of(cancelled.reply, 'data.canceledAt')} and read as "
        f"{wording.of(cancelled.read, 'data.canceledAt')}",
    )


@requirement("WD-18")
@each_cancelled
def test_paid_at_is_null(cancelled: Cancelled) -> None:
    """A canceled withdraw was never paid: paidAt is null."""
    is_unpaid(cancelled.reply, where=cancelled.where, read=cancelled.read)


@requirement("WD-19")
@each_cancelled
def test_amount_is_a_decimal_string(cancelled: Cancelled) -> None:
    """Amount is text with a decimal number in it, never a JSON number."""
    is_decimal_text(cancelled.reply, where=cancelled.where, read=cancelled.read)


@requirement("WD-20")
@each_cancelled
def test_currency_is_a_code(cancelled: Cancelled) -> None:
    """Currency is three upper-case letters."""
    is_code(cancelled.reply, where=cancelled.where, read=cancelled.read)


@requirement("WD-21")
@each_cancelled
def test_account_number_is_masked(cancelled: Cancelled) -> None:
    """bankAccountNumber is masked, not left empty: it is null only where there is no account."""
    known = bool(account_numbers(cancelled.withdraw.facts)) or any(
        map(has_value, cancelled.told("bankAccountNumber"))
    )

    is_masked(cancelled.reply, known=known, where=cancelled.where, read=cancelled.read)
    # What is null only in a read is lost all the same.
    if known and cancelled.read is not None and cancelled.read.ok:
        is_masked(cancelled.read, known=True, where="the answer to a read after the cancel")


@requirement("WD-21")
@each_cancelled
def test_account_number_is_nowhere(cancelled: Cancelled) -> None:
    """The account number that the state source tells stands in no other field, nor in what a read shows."""
    hides_account(cancelled.reply, cancelled.withdraw.facts, to=cancelled.cancel)
    if cancelled.read is not None:
        hides_account(cancelled.read, cancelled.withdraw.facts, to="a read")
        value = cancelled.read.at("data.bankAccountNumber")
        expect.that(
            not isinstance(value, str) or not unmasked(value),
            expected="data.bankAccountNumber to be masked when it is read",
            observed=expect.observed(cancelled.read, "data.bankAccountNumber"),
            reply=cancelled.read,
            hint="Mask it for every answer that shows a withdraw, not for that to a cancel alone.",
            fault=wording.was(cancelled.read, "data.bankAccountNumber", "the answer to a read, unmasked"),
        )


@requirement("WD-21")
@each_cancelled
def test_account_number_is_not_behind_its_mask(api: Withdraws, cancelled: Cancelled) -> None:
    """No number that the mask could hide stands elsewhere in the answer, nor in a later refusal's message."""
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
            observed=f"one in {wording.value(where or '', 160)} (the answer was {summary.of(reply)})",
            reply=reply,
            hint="Mask it where the answer is made, error messages and headers included.",
            fault=f"A number that fits the mask {shown[0]} stood in "
            + (
                cancelled.where
                if reply is cancelled.reply
                else f"the answer to a second cancel ({reply.status})"
            ),
        )


@requirement("WD-21")
@each_cancelled
def test_mask_hides_a_digit(cancelled: Cancelled) -> None:
    """A mask replaces at least one digit; stars between digits hide none."""
    needs_account(cancelled.withdraw.facts)
    whole = {re.sub(r"\D", "", number) for number in account_numbers(cancelled.withdraw.facts)}
    # The documented way to mask leaves eight digits to be seen: of a number of eight those are all.
    whole = {digits for digits in whole if len(digits) > 8}

    for reply in (cancelled.reply, cancelled.read):
        value = MISSING if reply is None else reply.at("data.bankAccountNumber")
        expect.that(
            not isinstance(value, str) or re.sub(r"\D", "", value) not in whole,
            expected="a masked bankAccountNumber to hide at least one digit",
            observed=f"data.bankAccountNumber is {wording.whole(value)}, with all the digits of the number",
            reply=reply,
            hint="Put the mask in the place of the digits, not beside or between them.",
            fault=f"The mask of data.bankAccountNumber hid none of its digits: {wording.whole(value)}",
        )


@requirement("WD-21")
@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_account_number_is_in_no_refusal(api: Withdraws, given: Given, status: str) -> None:
    """The full account number stands in no refusal, whatever the message says."""
    withdraw = given.shared(status)
    needs_account(withdraw.facts)

    hides_account(api.cancel(withdraw), withdraw.facts, to=f"a cancel of a {status} withdraw")


@requirement("WD-21")
@pytest.mark.parametrize("status", ["pending", "paid"])
def test_account_number_is_in_no_answer_to_strangers(api: Withdraws, given: Given, status: str) -> None:
    """Another merchant's account number stands in no answer to this one."""
    withdraw = given.shared(status, owner="other_merchant")
    needs_account(withdraw.facts)

    hides_account(
        api.cancel(withdraw), withdraw.facts, to=f"a cancel of another merchant's {status} withdraw"
    )


@requirement("WD-22")
@each_cancelled
def test_bank_code_is_text(cancelled: Cancelled) -> None:
    """bankCode is text, leading zeros and all."""
    has_text_code(cancelled.reply, where=cancelled.where, read=cancelled.read)
    for told in cancelled.told("bankCode"):
        if isinstance(told, str) and has_value(cancelled.reply.at("data.bankCode") or None):
            same_code(cancelled, told)


@requirement("WD-22")
@each_cancelled
def test_metadata_keeps_its_types(cancelled: Cancelled) -> None:
    """Metadata is an object, and its values have the types that they were given with."""
    has_object(cancelled.reply, where=cancelled.where, read=cancelled.read)
    for was in cancelled.told("metadata"):
        same_types(cancelled, was)


@requirement("WD-23")
@pytest.mark.parametrize("key", _UNCHANGING)
@each_cancelled
def test_cancelling_changes_no_fact(cancelled: Cancelled, key: str) -> None:
    """The facts of the withdraw come back as they were before."""
    told = cancelled.told(key)
    if not told:
        raise NotApplicable(f"neither the state source nor a read endpoint tells {key} before the cancel")

    # A state source may write 1000 where the API writes "1000.00".
    for was in told:
        same_fact(cancelled, key, was)


@requirement("WD-23")
@pytest.mark.parametrize("key", KEPT)
@each_cancelled
def test_cancelling_loses_no_fact(cancelled: Cancelled, key: str) -> None:
    """A fact that an API may write otherwise than its state source is there still, where the source tells it."""
    told = [was for was in cancelled.told(key) if has_value(was)]
    if not told:
        raise NotApplicable(f"neither the state source nor a read endpoint tells {key} before the cancel")

    not_lost(cancelled, key, told[0])


@requirement("WD-23")
@pytest.mark.parametrize("key", _UNCHANGING_WHEN_READ)
@each_cancelled
def test_cancelling_changes_no_stored_fact(cancelled: Cancelled, key: str) -> None:
    """The facts of the withdraw are read after the cancel as they were read before."""
    if cancelled.before is None or cancelled.read is None or not cancelled.read.ok:
        raise NotApplicable(f"no read endpoint shows {key} before the cancel and after it")

    was, now = cancelled.before.get(key), cancelled.read.at(f"data.{key}")
    expect.that(
        equality.same_but_nulls(was, now),
        expected=f"data.{key} to be {wording.whole(was)}, as it was read before the cancel",
        observed=f"a read shows {expect.observed(cancelled.read, f'data.{key}')}",
        reply=cancelled.read,
        fault=changed(cancelled.read, key, was, "a read after the cancel"),
    )


@requirement("WD-24")
@each_cancelled
def test_instants_are_in_order(cancelled: Cancelled) -> None:
    """createdAt, canceledAt and updatedAt follow each other."""
    values = [cancelled.reply.at(f"data.{key}") for key in ORDER]
    # WD-17 and WD-25 judge a value that is no instant.
    if values[-1] in cancelled.told("updatedAt"):
        values.pop()  # The next check tells of one that stood still.
    known = [value for value in values if instant(value) is not None]
    expect.that(
        all(not_after(one, other) for one, other in pairwise(known)),
        expected="createdAt <= canceledAt <= updatedAt",
        observed=expect.observed(cancelled.reply, *(f"data.{key}" for key in ORDER)),
        reply=cancelled.reply,
        fault=f"{out_of_order(cancelled.reply)} in {cancelled.where}",
    )


@requirement("WD-24")
@each_cancelled
def test_updated_at_moves_and_created_at_does_not(cancelled: Cancelled) -> None:
    """Cancelling moves updatedAt, and never createdAt."""
    created = [was for was in cancelled.told("createdAt") if instant(was)]
    updated = [was for was in cancelled.told("updatedAt") if instant(was)]
    if not created and not updated:
        raise NotApplicable("neither the state source nor a read endpoint tells the times before the cancel")
    at = cancelled.reply.at("data.canceledAt")
    for reply in filter(None, (cancelled.reply, cancelled.read)):
        dates_as_before(cancelled, reply, created, updated, at)


@requirement("WD-25")
@pytest.mark.parametrize("key", ["createdAt", "updatedAt"])
@each_cancelled
def test_time_is_an_instant(cancelled: Cancelled, key: str) -> None:
    """createdAt and updatedAt are ISO 8601 instants."""
    has_instant(cancelled.reply, key, where=cancelled.where, read=cancelled.read)
