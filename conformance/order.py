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
    found = order(candidates, by_id, have, lasting(items, api))
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


def order(
    candidates: Sequence[Candidate],
    by_id: Mapping[str, Requirement],
    have: Mapping[str, int] | None = None,
    lasts: Collection[str] = (),
) -> Order:
    """Returns the order of checks; `have` is what there is of each kind of resource, None for plenty of all.

    What checks share is used up by one of them at last, but for kinds of `lasts`: of these one is needed to the end.
    """
    if have is None:
        return _ordered(candidates, by_id, _Queue(candidates, None, lasts))
    # No way of choosing is the best for each number of resources.
    tried = [_ordered(candidates, by_id, _Queue(candidates, have, lasts, way)) for way in _Worth]
    return max(tried, key=lambda one: _whole(candidates, by_id, one))


def _whole(candidates: Sequence[Candidate], by_id: Mapping[str, Requirement], found: Order) -> int:
    """Returns how many requirements that have to hold are complete in an order, before what there isn't enough for."""
    return sum(
        requirement.level is Level.MUST
        and not any(
            requirement.id in one.requirements and one.id in found.beyond and _counts(one, requirement)
            for one in candidates
        )
        for requirement in by_id.values()
    )


def _ordered(candidates: Sequence[Candidate], by_id: Mapping[str, Requirement], queue: "_Queue") -> Order:
    first: set[str] = set()
    have = queue.have
    by_level = [
        {
            requirement.id: [
                one for one in candidates if requirement.id in one.requirements and _counts(one, requirement)
            ]
            for requirement in by_id.values()
            if requirement.level is weight
        }
        for weight in _LEVELS
    ]
    if have is not None:
        # What takes nothing of its own comes before what uses up the resources that these share.
        queue.take(one for one in candidates if not any(map(_is_own, one.units)))
        first |= {one.id for one in candidates if one.units and not any(map(_is_own, one.units))}
    for weight, proofs in zip(_LEVELS, by_level, strict=True):
        if have is not None:
            # What decides most comes before what begins most.
            queue.complete(proofs)
        begun = queue.one_of_each(proofs)
        first |= begun if weight is not Level.SHOULD else set()
        queue.complete(proofs)
        queue.single(proofs)
    early = set(queue.ids)
    for proofs in by_level:
        queue.rest(proofs)
    queue.take(candidates)
    # A block that begins with such a check comes as a whole: its evidence ends with its last check.
    urgent = {one.block for one in candidates if one.id in first} - {""}
    begins = first | {one.id for one in candidates if one.block in urgent}
    ids = sorted(queue.ids, key=lambda name: name not in begins)
    beyond = set(ids) - early if have is not None else set()
    return Order(tuple(ids), frozenset(first), frozenset(beyond - begins), frozenset(beyond))


def decided(
    candidates: Sequence[Candidate],
    by_id: Mapping[str, Requirement],
    have: Mapping[str, int],
    lasts: Collection[str] = (),
) -> int:
    """Returns how many requirements that have to hold can be decided with so many resources of each kind."""
    musts = {name: requirement for name, requirement in by_id.items() if requirement.level is Level.MUST}
    proofs = {
        requirement.id: [
            one for one in candidates if requirement.id in one.requirements and _counts(one, requirement)
        ]
        for requirement in musts.values()
    }
    about = [one for one in candidates if musts.keys() & set(one.requirements)]
    beyond = order(about, musts, have, lasts).beyond
    return sum(bool(found) and not any(one.id in beyond for one in found) for found in proofs.values())


def _is_own(unit: str) -> bool:
    """Returns whether a unit isn't the one that all checks share which have no effect on it."""
    return not unit.endswith(" 0")


def _counts(check: Candidate, requirement: Requirement) -> bool:
    return requirement.level is Level.SHOULD or binding(check, requirement)


class _Worth(Enum):
    """What makes a requirement the next one to complete.

    It takes the least more, or the most others are complete with it: for each part of what is left, or in all.
    """

    LEAST = "least"
    EACH = "each"
    MOST = "most"


class _Queue:
    """The checks that have their place, and the resources that are taken by then."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        have: Mapping[str, int] | None,
        lasts: Collection[str],
        worth: _Worth = _Worth.LEAST,
    ) -> None:
        self.ids: dict[str, None] = {}
        every = {unit for one in candidates for unit in one.units}
        # What all share costs nothing where one of them uses it up at last.
        self._taken = {
            unit
            for unit in every
            if not _is_own(unit) and kind(unit) not in lasts and (have or {}).get(kind(unit))
        }
        self.have, self._worth = have, worth
        self._left = Counter(have or {})
        wanted = Counter(map(kind, every - self._taken))
        self._scarce = frozenset(one for one in wanted if wanted[one] > (have or wanted).get(one, 0))
        self._blocks: dict[str, list[Candidate]] = {}
        for one in candidates:
            self._blocks.setdefault(one.block, []).append(one)

    def one_of_each(self, proofs: Mapping[str, Sequence[Candidate]]) -> set[str]:
        """Puts one check of each requirement in, the cheapest first; returns their ids. Leaves out what is dear.

        Of checks that take as much, the one that is about the most requirements that have none yet.
        """
        begun: set[str] = set()
        without = {
            requirement_id: found
            for requirement_id, found in proofs.items()
            if not any(one.id in self.ids for one in found)
        }
        while without:
            every = (one for found in without.values() for one in found)
            waiting = {one.id: one for one in every if self._affords([one]) and not self._is_dear(one)}
            if not waiting:
                break
            new = Counter(
                name for requirement_id in without for name in {one.id for one in without[requirement_id]}
            )
            best = min(waiting.values(), key=lambda one: (self._cost([one]), -new[one.id]))
            self.take([best])
            begun.add(best.id)
            without = {
                requirement_id: found
                for requirement_id, found in without.items()
                if not any(one.id in self.ids for one in found)
            }
        return begun

    def complete(self, proofs: Mapping[str, Sequence[Candidate]]) -> None:
        """Puts in the checks of these requirements that there is enough for, those that take the least more first."""
        while found := self._open(proofs, affordable=True):
            self.take(found)

    def single(self, proofs: Mapping[str, Sequence[Candidate]]) -> None:
        """Puts in those checks of these requirements that there is enough for, the cheapest of each first."""
        for found in proofs.values():
            for one in sorted(found, key=lambda one: self._cost([one])):
                if self._affords([one]):
                    self.take([one])

    def rest(self, proofs: Mapping[str, Sequence[Candidate]]) -> None:
        """Puts all checks of these requirements in, whatever is left: of those first that take the least more."""
        while found := self._open(proofs, affordable=False):
            self.take(found)

    def _open(self, proofs: Mapping[str, Sequence[Candidate]], *, affordable: bool) -> Sequence[Candidate]:
        """Returns the checks of the requirement that comes next to be complete; none where all are.

        That is the one with the most `worth`.
        """
        open_ = [found for found in proofs.values() if any(one.id not in self.ids for one in found)]
        fit = [found for found in open_ if not affordable or self._affords(found)]
        if self._worth is _Worth.LEAST or not affordable:
            return min(fit, key=self._cost, default=())
        needs = [self._more(found) for found in open_]

        def worth(found: Sequence[Candidate]) -> tuple[float, float, int]:
            more = self._more(found)
            kinds = [one for one in map(kind, more) if one in self._scarce]
            part = sum(1 / max(1, self._left[one]) for one in kinds)
            complete = sum(need <= more for need in needs)
            return (
                (-complete if self._worth is _Worth.MOST and part else -complete / (part or _NOTHING)),
                part,
                len(more),
            )

        return min(fit, key=worth, default=())

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

    def _cost(self, checks: Iterable[Candidate]) -> tuple[int, int]:
        """Returns how much more checks take: of what there isn't enough of for all checks, and in all."""
        more = self._more(checks)
        return sum(kind(unit) in self._scarce for unit in more), len(more)

    def _is_dear(self, check: Candidate) -> bool:
        """Returns whether a check takes a large part of a kind of resource, as far as that is known."""
        have = self.have or {}
        return any(
            number > max(1, have[one] // _DEAR)
            for one, number in Counter(map(kind, self._more([check]))).items()
            if one in have
        )

    def _affords(self, checks: Collection[Candidate]) -> bool:
        return self.have is None or not Counter(map(kind, self._more(checks))) - self._left
