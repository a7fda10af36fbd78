"""Subjects of state machines, and the comparison of two answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.fuzz.oracle.results import CheckResult, result, text
from conformance.http.reply import MISSING, Reply, instant
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
        f"{key} was {text(before[key])} and is {text(shown.get(key, MISSING))}"
        for key in keys
        if key in before and not same(before[key], shown.get(key))
    ]


def showed(lines: list[str]) -> str:
    """Returns the new value of the first of some lines of `changed`, for a title: `amount 7, not 9`."""
    name, _, rest = (lines[0] if lines else "").partition(" ")
    was, _, now = rest.removeprefix("was ").partition(" and is ")
    return f"{name} {now}, not {was}" if now else f"{name} {rest.removeprefix('is ')}"


def order_data(check: str, wrong: list[str], reply: Reply) -> list[CheckResult]:
    """Returns the result of the check that an answer has the data of the order as the ones before it.

    `wrong` are lines of `changed`.
    """
    names = " and ".join(each.partition(" ")[0] for each in wrong)
    expected = f"{names} as in the answers before"
    did = f"was answered with {showed(wrong)}"
    return [result(check, not wrong, expected, reply, cause=names, observed="; ".join(wrong), did=did)]


def left_out(check: str, absent: list[str], reply: Reply) -> CheckResult:
    """Returns the finding that an answer leaves out keys whose values other answers show."""
    names = " and ".join(absent)
    expected, observed = f"{names} with the value that other answers show", f"{names} absent"
    did = f"was answered without {names}"
    return result(check, False, expected, reply, cause=f"absent {names}", observed=observed, did=did)


def moved(before: Mapping[str, Any], after: Any, key: str) -> bool:
    """Returns whether two answers name different moments under `key`; what can't be read as one isn't compared."""
    one, other = instant(before.get(key)), instant(after.get(key) if isinstance(after, Mapping) else None)
    return one is not None and other is not None and one != other
