"""Fields of a canceled withdraw: each deviation is seen by the requirement about it, and by no other."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from conformance.http.reply import MISSING, Reply
from conformance.oracles.expect import Violation
from conformance.suites.withdraws import fields
from conformance.suites.withdraws.fields import differs, lacks_decimals, of_another_type
from tests.http.test_reply import reply

GOOD = {
    "id": "660e8400-e29b-41d4-a716-446655440001",
    "amount": "1000.00",
    "currency": "THB",
    "bankAccountNumber": "1234****7890",
    "bankCode": "004",
    "metadata": {"n": 1},
    "paidAt": None,
    "canceledAt": "2024-01-01T00:10:00.000Z",
}


def answer(**changed: Any) -> Reply:
    """A success with some fields changed; MISSING leaves one out."""
    data = {key: value for key, value in {**GOOD, **changed}.items() if value is not MISSING}
    return reply(json.dumps({"success": True, "data": data}).encode())


CHECKS: dict[str, Callable[[Reply], object]] = {
    "amount": fields.is_decimal_text,
    "currency": fields.is_code,
    "paidAt": fields.is_unpaid,
    "canceledAt": lambda one: fields.has_instant(one, "canceledAt"),
    "bankAccountNumber": lambda one: fields.is_masked(one, known=True),
    "bankCode": fields.has_text_code,
    "metadata": fields.has_object,
}
WRONG = [
    ("amount", 1000.0),
    ("amount", None),
    ("amount", "1,000.00"),
    ("currency", "thb"),
    ("currency", None),
    ("paidAt", "2024-01-01T00:10:00.000Z"),
    ("canceledAt", None),
    ("canceledAt", "2024-01-01 07:10:00"),
    ("bankAccountNumber", "1234567890"),
    ("bankAccountNumber", None),
    ("bankAccountNumber", ""),
    ("bankCode", 4),
    ("metadata", '{"n": 1}'),
]


@pytest.mark.parametrize(("key", "value"), WRONG, ids=[f"{key}-{value!r}" for key, value in WRONG])
def test_a_wrong_value_is_told_by_its_own_requirement(key: str, value: object) -> None:
    """And by nobody else's."""
    wrong = answer(**{key: value})

    with pytest.raises(Violation, match=key):
        CHECKS[key](wrong)
    for other, check in CHECKS.items():
        if check is not CHECKS[key]:
            check(wrong)
            assert other != key


@pytest.mark.parametrize("key", CHECKS)
def test_a_key_that_is_left_out_passes(key: str) -> None:
    """Whether it may be left out is for WD-16 to judge, and for no requirement besides."""
    for check in CHECKS.values():
        check(answer(**{key: MISSING}))


@pytest.mark.parametrize(
    ("key", "was", "now"),
    [
        ("amount", "1000.00", "1000"),
        ("amount", 1000, "1000.00"),
        ("amount", "1000.00", "THB 1,000.00"),
        ("currency", "THB", "thb"),
        ("currency", "THB", "฿"),
        ("metadata", {"a": 1, "b": None}, {"a": "1"}),
        ("metadata", {"a": 1}, '{"a": 1}'),
        ("metadata", None, {}),
        ("description", "", None),
        ("destinationId", None, MISSING),
        ("referenceId", "r", MISSING),
    ],
)
def test_another_form_is_no_other_value(key: str, was: object, now: object) -> None:
    """The requirements about the form (WD-19, 20, 22) and about missing keys (WD-16) tell it."""
    assert not differs(key, was, now)


@pytest.mark.parametrize(
    ("key", "was", "now"),
    [
        ("amount", "1000.00", "0.00"),
        ("currency", "THB", "USD"),
        ("currency", "THB", None),
        ("metadata", {"a": 1}, {}),
        ("metadata", {"a": 1}, None),
        ("metadata", {"a": {"b": [1]}}, {"a": {"b": [2]}}),
        ("description", "d", None),
        ("description", "d", ""),
        ("referenceId", "r", "r-canceled"),
    ],
)
def test_another_value_is_told(key: str, was: object, now: object) -> None:
    """A field that has become null is judged as a changed one."""
    assert differs(key, was, now)


def test_types_are_compared_where_both_have_a_value() -> None:
    """At any depth; a whole number is as good as one with a fraction."""
    was = {"a": 1, "b": True, "c": {"d": [None, "x"]}, "e": None, "f": 1.5}

    assert of_another_type(was, {"a": 1.0, "b": True, "c": {"d": [1, "x"]}, "e": 2, "f": 2}) == []
    assert of_another_type(was, {"a": "1", "b": 1, "c": {"d": [None, 0]}}) == [
        "metadata.a",
        "metadata.b",
        "metadata.c.d[1]",
    ]


def test_decimals_count_where_the_currency_has_them() -> None:
    """A value that is no text is judged by the MUST of the requirement."""
    assert lacks_decimals("1000.0", "THB")
    assert lacks_decimals("1000", "THB")
    assert not any(
        lacks_decimals(amount, currency)
        for amount, currency in (("1000.00", "THB"), ("1000", "JPY"), (None, "THB"), ("1", None))
    )


@pytest.mark.parametrize(
    ("value", "number"), [("1000.00", "1000"), (1000, "1000"), (10.5, "10.5"), ("1e3", "1000")]
)
def test_amounts_are_numbers_however_they_are_written(value: object, number: str) -> None:
    """For comparing what a state source told with what an answer holds."""
    assert fields.amount_of(value) == Decimal(number)


@pytest.mark.parametrize("value", [None, True, "", "1,000.00", [], {}])
def test_what_is_no_amount(value: object) -> None:
    """A value that is no decimal amount is read as None."""
    assert fields.amount_of(value) is None
