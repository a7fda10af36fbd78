"""Equality of JSON values, for suites and fuzzing: `true` is not 1, and a key that is missing is not null."""

from collections.abc import Callable
from typing import Any

from conformance.http.reply import MISSING


def is_same_as(other: Any) -> Callable[[Any], bool]:
    """Tells whether a value is `other`, as JSON has it."""
    return lambda value: same(value, other)


def same(value: Any, other: Any) -> bool:
    """Equality as JSON has it: `true` is not 1, and 1 is not 1.0-as-a-string."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(same(value[key], other[key]) for key in value)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(same(a, b) for a, b in zip(value, other, strict=True))
    return bool(value == other)


def same_but_nulls(value: Any, other: Any) -> bool:
    """Equality as `same` has it, but a key that is left out reads as null: serialisers do either."""
    return same(without_nulls(value), without_nulls(other))


def without_nulls(value: Any) -> Any:
    """A JSON value without the keys that are null in it, at any depth; MISSING is null, too."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return None if value is MISSING else value


def says(value: object, word: str) -> bool:
    """Whether a value is that word, in any letter case: one requirement judges the letter case."""
    return isinstance(value, str) and value.lower() == word
