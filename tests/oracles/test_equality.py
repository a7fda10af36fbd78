"""Equality of JSON values."""

import pytest

from conformance.http.reply import MISSING
from conformance.oracles import equality


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (1, 1),
        (1, 1.0),
        ("a", "a"),
        (None, None),
        (True, True),
        ([1, {"a": None}], [1, {"a": None}]),
        ({}, {}),
    ],
)
def test_the_same_json(value: object, other: object) -> None:
    """Numbers by value, the rest by type and content."""
    assert equality.same(value, other)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (True, 1),
        (False, 0),
        (1, "1"),
        (None, MISSING),
        (None, False),
        ("", None),
        ([1], [1, 2]),
        ([True], [1]),
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": [0]}, {"a": [False]}),
        ("a", "A"),
        ([], {}),
        (MISSING, MISSING.__class__),
    ],
)
def test_not_the_same_json(value: object, other: object) -> None:
    """`true` is not 1, a missing key is not null, at any depth."""
    assert not equality.same(value, other)
    assert not equality.same(other, value)
