"""The documented keys that the answer to a successful cancel lacks, and whether they have a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance import contracts


@dataclass(frozen=True, slots=True)
class MissingKeys:
    """The documented keys that an answer lacks: those that have a value (a MUST), and those without (a SHOULD)."""

    valued: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def missing_keys(api: str, shown: Mapping[str, Any], *known: Mapping[str, Any]) -> MissingKeys:
    """Returns the keys that `shown`, the object with the resource in it, lacks.

    `known` is what was known of the resource before: what a read showed, what the state source told, the reason that
    was sent. Serialisers leave out nulls, and some leave out empty texts, lists and objects as well: none is a value.
    """
    answers = contracts.contract(api).answers
    absent = [key for key in answers.keys if key not in shown]
    valued = [key for key in absent if key in answers.valued or any(has_value(one.get(key)) for one in known)]
    return MissingKeys(tuple(valued), tuple(key for key in absent if key not in valued))


def has_value(value: Any) -> bool:
    """Returns whether a JSON value says anything: null, an empty text, list or object don't; 0 and false do."""
    return value is not None and value not in ("", [], {})
