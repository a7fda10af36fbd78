"""The causes that a catalogue declares: the harm of a failing check, and the checks that others presume. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from conformance.model import Check, Harm, Requirement

_HARMS = list(Harm)


def harm(check: Check, requirement: Requirement) -> int:
    """Returns the weight of what is at stake where `check` of `requirement` fails; the worst is 0."""
    for pattern, value in requirement.harms:
        if matches(check, pattern):
            return _HARMS.index(Harm(value))
    return len(_HARMS) if requirement.harm is None else _HARMS.index(requirement.harm)


def matches(check: Check, pattern: str) -> bool:
    """Returns whether the id of a check is the one that a pattern means; `*` stands for anything."""
    return fnmatchcase(check.id, pattern.replace("[", "[[]"))


def presumes(check: Check, requirement: Requirement, by: Check) -> bool:
    """Returns whether `check` of `requirement` can't be judged while `by` fails."""
    return any(
        matches(check, one.checks) and any(matches(by, pattern) for pattern in one.without)
        for one in requirement.presumes
    )


def begins_with_any(check: Check, requirement: Requirement, others: Iterable[Check]) -> bool:
    """Returns whether a check can't be judged without another of its requirement that failed as well."""
    return any(presumes(check, requirement, by) for by in others if by is not check)


def ordered(items: Sequence[Any], weight: Mapping[int, Any], after: Iterable[tuple[int, int]]) -> list[Any]:
    """Returns items by their weight (by position), each after those that `after` (item, other) says it comes after."""
    left = sorted(range(len(items)), key=lambda position: weight[position])
    waits: dict[int, set[int]] = {position: set() for position in left}
    for item, other in after:
        waits[item].add(other)
    found: list[Any] = []
    while left:
        ready = next((one for one in left if not waits[one].intersection(left)), left[0])
        left.remove(ready)
        found.append(items[ready])
    return found
