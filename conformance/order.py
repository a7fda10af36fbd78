"""Orders the checks of a run: those that decide come first, so that a source with few resources proves the most.

1. Of each requirement that has to hold one check, the cheapest in resources first.
2. What is missing to complete each of these requirements, those first that take the least more.
3. The same for the requirements that a target should meet.

Where lists of ids tell how many there are, a check that would take more than are left comes after all those that do
with less. What checks take was learned against the sandbox: `takes.json` beside the specification of an API. Pure, but
for reading that file.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pytest

from conformance import catalogue
from conformance.errors import NotTestable
from conformance.items import check_id, level, requirements
from conformance.model import Level, Requirement
from conformance.report.depth import kind
from conformance.report.verdict import binding

FILE = "takes.json"
FIRST = pytest.StashKey[bool]()
_LEVELS = (Level.MUST, Level.MAY, Level.SHOULD)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A check that waits for its place, and the `units` that it takes: names of resources, some shared with others.

    Checks of the same `block` stay side by side.
    """

    id: str
    requirements: tuple[str, ...]
    level: Level
    units: frozenset[str]
    block: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """The ids of checks in their order; `first` are those that are the first of a requirement that has to hold."""

    ids: tuple[str, ...]
    first: frozenset[str]


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
    items: Sequence[pytest.Item], api: str, rows: Mapping[str, Requirement], have: Mapping[str, int] | None
) -> list[pytest.Item]:
    """Returns the items in their order, and marks those that are the first of a requirement.

    `have` tells how many resources of each kind there are, None where the source makes them.
    """
    known, by_id = takes(api), {check_id(item): item for item in items}
    candidates = [
        Candidate(
            name,
            requirements(item),
            level(item, rows),
            frozenset((f"? {name}",)) if known is None else known.get(name, frozenset()),
            _block(item),
        )
        for name, item in by_id.items()
    ]
    found = order(candidates, rows, have)
    for name in found.first:
        by_id[name].stash[FIRST] = True
    return [by_id[name] for name in found.ids]


def is_first(item: pytest.Item) -> bool:
    """Returns whether a check is the first of a requirement that has to hold."""
    return item.stash.get(FIRST, False)


def _block(item: pytest.Item) -> str:
    """Returns what keeps a check beside others: a fixture of its module, which a check of another would end."""
    named = getattr(item, "_fixtureinfo", None)
    scopes = (one[-1].scope for one in named.name2fixturedefs.values()) if named is not None else ()
    return str(item.path) if {"module", "class", "package"} & set(scopes) else ""


def order(
    candidates: Sequence[Candidate], rows: Mapping[str, Requirement], have: Mapping[str, int] | None = None
) -> Order:
    """Returns the order of checks; `have` is what there is of each kind of resource, None for plenty of all."""
    queue = _Queue(candidates, have)
    first: set[str] = set()
    by_level = [
        {
            row.id: [one for one in candidates if row.id in one.requirements and _counts(one, row)]
            for row in rows.values()
            if row.level is weight
        }
        for weight in _LEVELS
    ]
    for weight, proofs in zip(_LEVELS, by_level, strict=True):
        begun = queue.one_of_each(proofs)
        first |= begun if weight is not Level.SHOULD else set()
        queue.complete(proofs)
    for proofs in by_level:
        queue.rest(proofs)
    queue.take(candidates)
    if have is not None:
        # What takes nothing of its own comes before what uses up the resources that these share.
        first |= {one.id for one in candidates if one.units and not any(map(_is_own, one.units))}
    # A block that begins with such a check comes as a whole: its evidence ends with its last check.
    urgent = {one.block for one in candidates if one.id in first} - {""}
    early = first | {one.id for one in candidates if one.block in urgent}
    ids = sorted(queue.ids, key=lambda name: name not in early)
    return Order(tuple(ids), frozenset(first))


def _is_own(unit: str) -> bool:
    """Returns whether a unit isn't the one that all checks share which have no effect on it."""
    return not unit.endswith(" 0")


def _counts(check: Candidate, row: Requirement) -> bool:
    return row.level is Level.SHOULD or binding(check, row)


class _Queue:
    """The checks that have their place, and the resources that are taken by then."""

    def __init__(self, candidates: Sequence[Candidate], have: Mapping[str, int] | None) -> None:
        self.ids: dict[str, None] = {}
        self._taken: set[str] = set()
        self._have = have
        self._left = Counter(have or {})
        self._blocks: dict[str, list[Candidate]] = {}
        for one in candidates:
            self._blocks.setdefault(one.block, []).append(one)

    def one_of_each(self, proofs: Mapping[str, Sequence[Candidate]]) -> set[str]:
        """Puts one check of each requirement in, the cheapest first; returns their ids.

        Of checks that take as much, the one that is about the most requirements that have none yet.
        """
        begun: set[str] = set()
        without = {
            row: found for row, found in proofs.items() if not any(one.id in self.ids for one in found)
        }
        while without:
            waiting = {one.id: one for found in without.values() for one in found if self._affords([one])}
            if not waiting:
                break
            new = Counter(name for row in without for name in {one.id for one in without[row]})
            best = min(waiting.values(), key=lambda one: (len(self._more([one])), -new[one.id]))
            self.take([best])
            begun.add(best.id)
            without = {
                row: found for row, found in without.items() if not any(one.id in self.ids for one in found)
            }
        return begun

    def complete(self, proofs: Mapping[str, Sequence[Candidate]]) -> None:
        """Puts in the checks of these requirements that there is enough for, those that take the least more first."""
        while found := self._open(proofs, affordable=True):
            self.take(found)
        # Of the others single checks.
        for found in proofs.values():
            for one in sorted(found, key=lambda one: len(self._more([one]))):
                if self._affords([one]):
                    self.take([one])

    def rest(self, proofs: Mapping[str, Sequence[Candidate]]) -> None:
        """Puts all checks of these requirements in, whatever is left: of those first that take the least more."""
        while found := self._open(proofs, affordable=False):
            self.take(found)

    def _open(self, proofs: Mapping[str, Sequence[Candidate]], *, affordable: bool) -> Sequence[Candidate]:
        """Returns the checks of the requirement that takes the least more to be complete; none where all are."""
        open_ = (found for found in proofs.values() if any(one.id not in self.ids for one in found))
        fit = [found for found in open_ if not affordable or self._affords(found)]
        return min(fit, key=lambda found: len(self._more(found)), default=())

    def take(self, checks: Iterable[Candidate]) -> None:
        """Puts checks in that aren't, each with its block."""
        for one in checks:
            for member in self._blocks[one.block] if one.block else (one,):
                self._left.subtract(Counter(map(kind, self._more([member]))))
                self._taken |= member.units
                self.ids[member.id] = None

    def _more(self, checks: Iterable[Candidate]) -> set[str]:
        """Returns what these checks take that isn't taken yet."""
        return {unit for one in checks if one.id not in self.ids for unit in one.units} - self._taken

    def _affords(self, checks: Collection[Candidate]) -> bool:
        return self._have is None or not Counter(map(kind, self._more(checks))) - self._left
