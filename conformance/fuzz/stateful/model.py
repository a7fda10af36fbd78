"""What state machines have in common: their subjects, and comparing what two answers show."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.fuzz.oracle.results import text
from conformance.http.reply import MISSING, instant
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


def same(value: Any, other: Any) -> bool:
    """Equality as JSON has it: `true` is not 1."""
    if value is MISSING or other is MISSING:
        return value is other
    return json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)


def moved(before: Mapping[str, Any], after: Any, key: str) -> bool:
    """Returns whether two answers name different moments under `key`; what can't be read as one isn't compared."""
    one, other = instant(before.get(key)), instant(after.get(key) if isinstance(after, Mapping) else None)
    return one is not None and other is not None and one != other
