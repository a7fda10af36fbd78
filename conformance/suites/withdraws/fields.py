"""Assertions on the fields of a canceled withdraw, for a few answers (test_body) and for all (test_successes).

A key that is left out passes all of these: WD-16 judges whether it may be left out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

from conformance.http.reply import MISSING, Reply, instant
from conformance.oracles import equality, expect, wording
from conformance.oracles.instants import is_instant, not_after
from conformance.oracles.missing_keys import has_value
from conformance.states import Resource
from conformance.states.accounts import unmasked

# A cancel leaves these as they were; and the amount, which a state source may write in another way.
FACTS = ("currency", "referenceId", "description", "metadata", "destinationType", "destinationId")
# An API may write these in another way than its state source, but loses none of them.
KEPT = ("bankAccountName", "bankCode")
# The documented dates of a canceled withdraw, as they have to follow each other.
ORDER = ("createdAt", "canceledAt", "updatedAt")
# Clocks of target and harness may differ, and one instant may be cut to seconds.
_SLACK = timedelta(seconds=150)
# Minor units other than two (ISO 4217): nothing is said about the decimals of these.
_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)
_CODE = 3
# Minutes by which the offset of a zone, and the time between two requests, may be missed.
_ZONE_MIN = 1.5
# Longer values don't fit into a title.
_SHORT = 100
_OTHER_DECIMALS = (
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BHD IQD JOD KWD LYD OMR TND CLF UYW"
)


A_CANCEL = "the answer to a cancel"
"""An answer, for a title that names no withdraw."""


def _field(
    reply: Reply,
    key: str,
    good: Callable[[Any], bool],
    expected: str,
    *,
    where: str,
    read: Reply | None,
    hint: Callable[[Any], str] = lambda _: "",
) -> None:
    """Asserts that a value is good, or left out. `hint` is asked what the value that came suggests."""
    expect.field(
        reply,
        f"data.{key}",
        lambda value: value is MISSING or good(value),
        expected,
        hint=hint(reply.at(f"data.{key}")),
        where=where,
        read=read,
    )


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


# `where` names the answer in a title, and `read` is an answer to a read, which shows whether a wrong value is kept.


def is_decimal_text(reply: Reply, *, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """The amount is text with a decimal number in it, never a JSON number."""

    def hint(value: Any) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "A JSON number loses cents on its way through a float: write it as text." if is_number else ""

    expected = 'a decimal string, like "1000.00"'

    def good(value: Any) -> bool:
        return _matches(r"\d+(\.\d+)?", value)

    _field(reply, "amount", good, expected, where=where, read=read, hint=hint)


def is_code(reply: Reply, *, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """The currency is three upper-case letters."""
    expected = "three upper-case letters (ISO 4217)"
    _field(reply, "currency", lambda value: _matches(r"[A-Z]{3}", value), expected, where=where, read=read)


def has_its_id(reply: Reply, withdraw: Resource, *, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """The answer is about the withdraw that was asked for."""

    def hint(value: Any) -> str:
        same = isinstance(value, str) and value.lower() == withdraw.id.lower()
        return "The same id, but spelt otherwise: clients compare ids as texts." if same else ""

    expected = f"the requested id {withdraw.id}"
    try:
        _field(
            reply, "id", lambda value: bool(value == withdraw.id), expected, where=where, read=read, hint=hint
        )
    except expect.Violation as fault:
        fault.fault += ", not the requested one"
        raise


def is_unpaid(reply: Reply, *, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """A canceled withdraw was never paid: paidAt is null, or left out."""
    expected = "null on a canceled withdraw"
    _field(reply, "paidAt", lambda value: value is None, expected, where=where, read=read)


def has_instant(
    reply: Reply, key: str, *, where: str = A_CANCEL, read: Reply | None = None
) -> datetime | None:
    """A date with an offset, not null; None where the key is left out, which WD-16 judges."""
    if reply.at(f"data.{key}") is MISSING:
        return None
    try:
        return is_instant(reply, f"data.{key}", where=where, read=read)
    except expect.Violation as fault:
        if key == "canceledAt":
            fault.differs = not_canceled_yet(reply) or fault.differs
        raise


def not_canceled_yet(reply: Reply) -> tuple[str, ...]:
    """Returns the status alone as the difference of an answer that shows the withdraw as it was before its cancel."""
    status = reply.at("data.status")
    return (expect.came_at(reply, "data.status"),) if status in ("pending", "processing") else ()


def differs(key: str, was: Any, now: Any) -> bool:
    """Whether a fact about a withdraw is another one after a cancel than it was before.

    WD-19, 20 and 22 judge another form, WD-16 a key that is left out. A state source may spell an amount in another way
    than the API: amounts are compared as numbers.
    """
    if now is MISSING or not (has_value(was) or has_value(now)):
        return False
    if key == "amount":
        return amount_of(now) is not None and amount_of(now) != amount_of(was)
    if key == "currency" and isinstance(was, str) and isinstance(now, str):
        return len(now) == len(was) and now.upper() != was.upper()
    if key == "metadata" and isinstance(was, dict):
        return not _same_but_types(was, now)
    return not equality.same_but_nulls(was, now)


def changed(reply: Reply, key: str, was: Any, where: str) -> str:
    """The title of a fact that is another one in an answer than it was before the cancel."""
    path = f"data.{key}"
    before, now = wording.whole(was), wording.of(reply, path)
    if has_value(was) and not has_value(reply.at(path)):
        return f"{path} came back {'empty' if reply.at(path) is not None else 'null'} in {where}"
    values = f" from {before} to {now}" if len(before) + len(now) <= _SHORT else ""
    return f"{path} changed{values} in {where}"


def spelt_otherwise(missing: Sequence[str], shown: Iterable[str]) -> str:
    """The hint for a key that is there in another spelling: `reference_id` for `referenceId`; empty without one."""
    forms = {key.replace("_", "").replace("-", "").lower(): key for key in shown}
    found = [(key, forms[key.lower()]) for key in missing if key.lower() in forms]
    return f"It is there as {found[0][1]}, and documented as {found[0][0]}." if found else ""


def read_has(read: Reply | None, key: str) -> str:
    """Whether a read shows a field that an answer lacks, for `persisted`; empty without a read."""
    if read is None or not read.ok:
        return ""
    path = f"data.{key}"
    return (
        "a read lacks it, too" if read.at(path) is MISSING else f"a read shows it, {wording.of(read, path)}"
    )


def retyped(was: Any, now: Any, paths: list[str]) -> str:
    """The title of metadata whose values have other types: its first path, with both values."""
    steps = re.findall(r"[^.\[\]]+", paths[0])[1:] if paths else []
    for step in steps:
        at = int(step) if isinstance(was, list) else step
        was, now = was[at], now[at]
    return (
        f"data.{paths[0] if paths else 'metadata'} changed from {wording.whole(was)} to {wording.whole(now)}"
    )


def out_of_order(reply: Reply) -> str:
    """The title of dates that don't follow each other: the first two, in words."""
    known = [(key, reply.at(f"data.{key}")) for key in ORDER]
    dated = [(key, value) for key, value in known if instant(value) is not None]
    for (one, first), (other, second) in pairwise(dated):
        if not not_after(first, second):
            return f"data.{one} was {how_far(_moment(first) - _moment(second), f'data.{other}')}"
    return "The dates were out of order"


def _moment(value: Any) -> datetime:
    moment = instant(value)
    assert moment is not None
    return moment


def how_far(apart: timedelta, than: str = "the request") -> str:
    """A distance in time, in words: `7 h 0 min later than the request`."""
    seconds = abs(apart.total_seconds())
    days, rest = divmod(round(seconds), 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    if seconds < 120:
        told = f"{seconds:.1f} s"
    elif days:
        told = f"{days} d {hours} h" if hours else f"{days} d"
    else:
        told = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"{told} {'later' if apart.total_seconds() > 0 else 'earlier'} than {than}"


def off_by(apart: timedelta) -> str:
    """Returns the hint for a distance in time: whole quarters of an hour, up to 14 hours, are the offset of a zone."""
    minutes = abs(apart.total_seconds()) / 60
    whole = abs(minutes - 15 * round(minutes / 15)) < _ZONE_MIN
    if whole and 15 - _ZONE_MIN <= minutes <= 14 * 60 + _ZONE_MIN:
        return "So far apart are local time and UTC somewhere: was an offset added, or lost, on the way?"
    return ""


def amount_of(value: Any) -> Decimal | None:
    """The number that an amount stands for, whether told as text or as a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _same_but_types(was: Any, now: Any) -> bool:
    """Whether two JSON values are the same, but for values that have another type."""
    if type(was) is not type(now):
        return now is not None or not has_value(was)
    if isinstance(was, dict):
        known = {*was, *now}
        return all(_same_but_types(was.get(key), now.get(key)) for key in known)
    if isinstance(was, list):
        return len(was) == len(now) and all(map(_same_but_types, was, now))
    return equality.same(was, now)


def of_another_type(was: Any, now: Any, path: str = "metadata") -> list[str]:
    """The paths under which two JSON values differ in their type, but for null on either side."""
    if was is None or now is None:
        return []
    kinds = [float if isinstance(one, int) and not isinstance(one, bool) else type(one) for one in (was, now)]
    if kinds[0] is not kinds[1]:
        return [path]
    if isinstance(was, dict):
        pairs = [(f"{path}.{key}", was[key], now[key]) for key in was if key in now]
    elif isinstance(was, list):
        pairs = [(f"{path}[{at}]", one, other) for at, (one, other) in enumerate(zip(was, now, strict=False))]
    else:
        pairs = []
    return [found for at, one, other in pairs for found in of_another_type(one, other, at)]


def is_masked(reply: Reply, *, known: bool, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """The account number is masked; where there is one (`known`), it isn't left empty either."""

    def good(value: Any) -> bool:
        if not known and not has_value(value):
            return True
        return isinstance(value, str) and bool(value.strip()) and not unmasked(value)

    def hint(value: Any) -> str:
        if not has_value(value):
            return "It had a value before the cancel: does a later step, or another query, drop it?"
        return "Mask it where the answer is made." if unmasked(str(value)) else ""

    wanted = "masked text, like 1234****7890" + ("" if known else ", or null")
    try:
        _field(reply, "bankAccountNumber", good, wanted, where=where, read=read, hint=hint)
    except expect.Violation as fault:
        came = reply.at("data.bankAccountNumber")
        if isinstance(came, str) and unmasked(came):
            fault.fault = fault.fault.replace('" in ', '", unmasked, in ', 1)
        raise


def has_text_code(reply: Reply, *, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """The bank code is text, unless it is null."""

    def hint(value: Any) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "Bank codes are no numbers: leading zeros count." if is_number else ""

    def good(value: Any) -> bool:
        return isinstance(value, str | None)

    _field(reply, "bankCode", good, 'a text, like "004"', where=where, read=read, hint=hint)


def has_object(reply: Reply, *, where: str = A_CANCEL, read: Reply | None = None) -> None:
    """The metadata are an object, unless they are null."""

    def hint(value: Any) -> str:
        return "Not the JSON text of an object, but the object." if isinstance(value, str) else ""

    def good(value: Any) -> bool:
        return isinstance(value, dict | None)

    _field(reply, "metadata", good, "an object", where=where, read=read, hint=hint)


def lacks_decimals(amount: Any, currency: Any) -> bool:
    """Whether an amount of a currency that has hundredths is written without two decimals."""
    if currency is None or currency in _OTHER_DECIMALS.split() or not isinstance(amount, str):
        return False
    return not _matches(r"\d+\.\d\d", amount)


def date_of(reply: Reply) -> datetime | None:
    """The target's clock, as its Date tells it (RFC 9110 section 6.6.1)."""
    try:
        return parsedate_to_datetime(reply.header("Date") or "")
    except ValueError:
        return None


def is_canceled_now(reply: Reply, where: str) -> None:
    """`canceledAt` in the answer to a cancel is the time of its request, give or take the clocks."""
    moment = has_instant(reply, "canceledAt")
    sent = reply.sent_at
    came = sent + timedelta(seconds=reply.duration_s)
    # The target's own clock may be off, which its Date tells; one that is off by more accepts no timestamp.
    at = date_of(reply)
    expect.that(
        moment is None
        or sent - _SLACK <= moment <= came + _SLACK
        or (at is not None and abs(moment - at) <= _SLACK),
        expected=f"data.canceledAt to be about {sent.isoformat(timespec='seconds')}, when the request was sent",
        observed=expect.observed(reply, "data.canceledAt"),
        reply=reply,
        hint=off_by(moment - sent if moment else timedelta()),
        fault=f"data.canceledAt was {how_far(moment - sent if moment else timedelta())} in {where}",
    )


def is_not_in_the_future(reply: Reply, where: str) -> None:
    """`updatedAt` isn't later than the answer that has it, give or take the clocks."""
    moment, at = instant(reply.at("data.updatedAt")), date_of(reply)
    came = reply.sent_at + timedelta(seconds=reply.duration_s)
    known = moment is not None and moment.tzinfo is not None
    expect.that(
        moment is None or not known or moment <= came + _SLACK or (at is not None and moment <= at + _SLACK),
        expected=f"data.updatedAt not to be later than {came.isoformat(timespec='seconds')}, when the answer came",
        observed=expect.observed(reply, "data.updatedAt"),
        reply=reply,
        hint=off_by(moment - came if moment and known else timedelta()),
        fault=f"data.updatedAt was {how_far(moment - came if moment and known else timedelta())} in {where}",
    )


def compared(reply: Reply) -> dict[str, Any]:
    """The facts of an answer that later checks compare with; an amount or a currency only where its form is one."""
    amount, currency = reply.at("data.amount"), reply.at("data.currency")
    return {
        "paid": bool(reply.at("data.paidAt")),
        "amount": amount if isinstance(amount, str) and _AMOUNT.fullmatch(amount) else None,
        "currency": currency if isinstance(currency, str) and len(currency) == _CODE else None,
    }
