"""Assertions on the fields of a canceled withdraw, for a few answers (test_body) and for all (test_successes).

A key that is left out passes all of these: WD-16 judges whether it may be left out.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, keys
from conformance.oracles.instants import is_instant
from conformance.states import Resource
from conformance.states.accounts import unmasked

# A cancel leaves these as they were; and the amount, which a state provider may write in another way.
FACTS = ("currency", "referenceId", "description", "metadata", "destinationType", "destinationId")
# Minor units other than two (ISO 4217): nothing is said about the decimals of these.
_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)
_CODE = 3
_OTHER_DECIMALS = (
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BHD IQD JOD KWD LYD OMR TND CLF UYW"
)


def _field(reply: Reply, key: str, good: Callable[[Any], bool], expected: str, *, hint: str = "") -> None:
    """Asserts that a value is good, or left out."""
    expect.field(reply, f"data.{key}", lambda value: value is MISSING or good(value), expected, hint=hint)


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def is_decimal_text(reply: Reply) -> None:
    """The amount is text with a decimal number in it, never a JSON number."""
    hint = "A JSON number loses cents on its way through a float."
    expected = 'a decimal string, like "1000.00"'
    _field(reply, "amount", lambda value: _matches(r"\d+(\.\d+)?", value), expected, hint=hint)


def is_code(reply: Reply) -> None:
    """The currency is three upper-case letters."""
    expected = "three upper-case letters (ISO 4217)"
    _field(reply, "currency", lambda value: _matches(r"[A-Z]{3}", value), expected)


def has_its_id(reply: Reply, withdraw: Resource) -> None:
    """The answer is about the withdraw that was asked for."""
    _field(reply, "id", lambda value: bool(value == withdraw.id), f"the requested id {withdraw.id}")


def is_unpaid(reply: Reply) -> None:
    """A canceled withdraw was never paid: paidAt is null, or left out."""
    _field(reply, "paidAt", lambda value: value is None, "null on a canceled withdraw")


def has_instant(reply: Reply, key: str) -> datetime | None:
    """A date with an offset, not null; None where the key is left out, which WD-16 judges."""
    return None if reply.at(f"data.{key}") is MISSING else is_instant(reply, f"data.{key}")


def differs(key: str, was: Any, now: Any) -> bool:
    """Whether a fact about a withdraw is another one after a cancel than it was before.

    WD-19, 20 and 22 judge another form, WD-16 a key that is left out. A state source may spell an amount in another way
    than the API: amounts are compared as numbers.
    """
    if now is MISSING or not (keys.has_value(was) or keys.has_value(now)):
        return False
    if key == "amount":
        return amount_of(now) is not None and amount_of(now) != amount_of(was)
    if key == "currency" and isinstance(was, str) and isinstance(now, str):
        return len(now) == len(was) and now.upper() != was.upper()
    if key == "metadata" and isinstance(was, dict):
        return not _same_but_types(was, now)
    return not equality.same_but_nulls(was, now)


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
        return now is not None or not keys.has_value(was)
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


def is_masked(reply: Reply, *, known: bool) -> None:
    """The account number is masked; where there is one (`known`), it isn't left empty either."""

    def good(value: Any) -> bool:
        if not known and not keys.has_value(value):
            return True
        return isinstance(value, str) and bool(value.strip()) and not unmasked(value)

    wanted = "masked text, like 1234****7890" + ("" if known else ", or null")
    _field(reply, "bankAccountNumber", good, wanted)


def has_text_types(reply: Reply) -> None:
    """The bank code is text, and the metadata an object, unless they are null."""
    hint = "Bank codes are no numbers: leading zeros count."
    _field(reply, "bankCode", lambda value: isinstance(value, str | None), 'a text, like "004"', hint=hint)
    hint = "Not the JSON text of one."
    _field(reply, "metadata", lambda value: isinstance(value, dict | None), "an object", hint=hint)


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


def compared(reply: Reply) -> dict[str, Any]:
    """The facts of an answer that later checks compare with; an amount or a currency only where its form is one."""
    amount, currency = reply.at("data.amount"), reply.at("data.currency")
    return {
        "paid": bool(reply.at("data.paidAt")),
        "amount": amount if isinstance(amount, str) and _AMOUNT.fullmatch(amount) else None,
        "currency": currency if isinstance(currency, str) and len(currency) == _CODE else None,
    }
