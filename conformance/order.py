"""Orders the checks of a run: those that decide come first, so that a source with few resources proves the most.

`precedence` reckons the order; what checks take was learned against the sandbox: `takes.json` beside the specification
of an API.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

import pytest

from conformance import catalogue
from conformance.errors import NotTestable
from conformance.items import check_id, level, requirements, runs_last, turn
from conformance.model import Requirement
from conformance.precedence import Candidate, Order, is_own, order
from conformance.report.depth import kind

FILE = "takes.json"
FIRST = pytest.StashKey[bool]()
LATE = pytest.StashKey[bool]()
NEEDED = pytest.StashKey[Collection[str]]()
"""The kinds of resources of which checks behind this one need one to share, where lists tell how many there are."""
SPARE = pytest.StashKey[Mapping[str, int]]()
"""The number of resources of each kind that no check takes which there is enough for, where lists tell it."""


@cache
def takes(api: str) -> Mapping[str, frozenset[str]] | None:
    """Returns the resources that each check of an API takes, by its id; None where nobody has learned that."""
    file = catalogue.api_folder(api) / FILE
    if not file.is_file():
        return None
    return {check: frozenset(units) for check, units in json.loads(file.read_text("utf-8")).items()}


def lacks(api: str, check: str, fault: BaseException | None) -> tuple[str, ...]:
    """Returns the units whose lack ended a check, none where it ended otherwise: others may share some."""
    if not isinstance(fault, NotTestable) or not fault.lacks:
        return ()
    units = (takes(api) or {}).get(check, frozenset())
    return tuple(sorted(unit for unit in units if kind(unit) == fault.lacks)) or (f"{fault.lacks} 0",)


def arranged(
    items: Sequence[pytest.Item],
    api: str,
    by_id: Mapping[str, Requirement],
    have: Mapping[str, int] | None,
    applies: Callable[[pytest.Item], bool] = lambda _: True,
) -> list[pytest.Item]:
    """Returns the items in their order, and marks those that are the first of a requirement, and those that come late.

    `have` tells how many resources of each kind there are, None where the source makes them. A check takes none where
    it doesn't apply to the target.
    """
    known, checks = takes(api), {check_id(item): item for item in items}
    candidates = [
        Candidate(
            name,
            requirements(item),
            level(item, by_id),
            _units(name, known) if applies(item) else frozenset(),
            _block(item),
            runs_last(item),
        )
        for name, item in checks.items()
    ]
    found = order(candidates, by_id, have)
    for name in found.first:
        checks[name].stash[FIRST] = True
    for name in found.late:
        checks[name].stash[LATE] = True
    # Sorting is stable: the others stay as they were.
    result = sorted(
        (checks[name] for name in found.ids), key=lambda item: _turn(item, is_short=have is not None)
    )
    if have is not None:
        _keep_shared(result, by_id, {one.id: one.units for one in candidates}, found)
    return result


def _keep_shared(
    items: Sequence[pytest.Item],
    by_id: Mapping[str, Requirement],
    units: Mapping[str, frozenset[str]],
    found: Order,
) -> None:
    """Tells each check which shared resources others behind it need, of those that there is enough for."""
    needed: frozenset[str] = frozenset()
    for item in reversed(items):
        item.stash[NEEDED], item.stash[SPARE] = needed, found.spare
        name = check_id(item)
        if name not in found.beyond:
            needed |= {kind(unit) for unit in units[name] if not is_own(unit)}


def _units(check: str, known: Mapping[str, frozenset[str]] | None) -> frozenset[str]:
    return frozenset((f"? {check}",)) if known is None else known.get(check, frozenset())


def is_first(item: pytest.Item) -> bool:
    """Returns whether a check is the first of a requirement that has to hold."""
    return item.stash.get(FIRST, False)


def _turn(item: pytest.Item, *, is_short: bool) -> tuple[bool, ...]:
    *before, cancels = turn(item)
    # Of lists, what only shares comes before all that cancels anyway.
    return (*before, item.stash.get(LATE, False), cancels and not is_short)


def _block(item: pytest.Item) -> str:
    """Returns what keeps a check beside others: a fixture of its module, which a check of another would end."""
    named = getattr(item, "_fixtureinfo", None)
    scopes = (one[-1].scope for one in named.name2fixturedefs.values()) if named is not None else ()
    return str(item.path) if {"module", "class", "package"} & set(scopes) else ""
