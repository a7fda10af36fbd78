"""Subjects of state machines, and the comparison of two answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.fuzz.oracle.results import text
from conformance.http.reply import instant
from conformance.oracles.equality import same
from conformance.states.resource import Resource


@dataclass(frozen=True, slots=True)
class Subject:
    """A resource of a sequence, or an id that names none. `owner` names its credentials; `certain` as in `Target`."""

    id: str
    owner: str | None
    state: str
    resource: Resource | None
    certain: bool = True


def changed(before: Mapping[str, Any], after: Any, keys: Iterable[str]) -> list[str]:
    """Returns the keys whose values differ, in words; what `before` doesn't have isn't compared.

    A null may be written or left out.
    """
    shown = after if isinstance(after, Mapping) else {}
    return [
        f"{key} was {text(before[key])} and is {text(shown.get(key))}"
        for key in keys
        if key in before and not same(before[key], shown.get(key))
    ]


def moved(before: Mapping[str, Any], after: Any, key: str) -> bool:
    """Returns whether two answers name different moments under `key`; what can't be read as one isn't compared."""
    one, other = instant(before.get(key)), instant(after.get(key) if isinstance(after, Mapping) else None)
    return one is not None and other is not None and one != other
