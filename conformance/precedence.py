"""Which checks come first, reckoned from what each takes: those that decide the most with the fewest resources.

1. Of each requirement that has to hold one check, the cheapest in resources first.
2. What is missing to complete each of these requirements, those first that take the least more.
3. The same for the requirements that a target should meet.

Where lists of ids tell how many there are, checks that use nothing up come first, then whole requirements, as many as
can be decided, and then single checks of the others; one that would take more than are left comes after all those that
do with less. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from conformance.model import Level, Requirement
from conformance.report.depth import kind
from conformance.report.verdict import binding

_LEVELS = (Level.MUST, Level.MAY, Level.SHOULD)
# A check is dear that takes more than this part of what there is of a kind.
_DEAR = 4
# What takes nothing that is scarce is worth more than anything else.
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A check that waits for its place, and the `units` that it takes: names of resources, some shared with others.

    Checks of the same `block` stay side by side. One that `looks_back` on the run comes in the end, and needs what it
    shares with others until then.
    """

    id: str
    requirements: tuple[str, ...]
    level: Level
    units: frozenset[str]
    block: str = ""
    looks_back: bool = False

    def shares(self) -> set[str]:
        """Returns the kinds of resources of which it shares one with other checks."""
        return {kind(unit) for unit in self.units if not is_own(unit)}


@dataclass(frozen=True, slots=True)
class Order:
    """The ids of checks in their order; `first` are those that are the first of a requirement that has to hold.

    There isn't enough for those `beyond`. Most of these are `late`: they come after all others, and take what is left
    after all. `spare` is what there is of each kind beside that.
    """

    ids: tuple[str, ...]
    first: frozenset[str]
    late: frozenset[str] = frozenset()
    beyond: frozenset[str] = frozenset()
    spare: Mapping[str, int] = field(default_factory=dict)


def order(
    candidates: Sequence[Candidate],
    by_id: Mapping[str, Requirement],
    have: Mapping[str, int] | None = None,
) -> Order:
    """Returns the order of checks; `have` is what there is of each kind of resource, None for plenty of all.

    What checks share is used up by one of them at last. Of a kind that a check needs which looks back on the run, one
    stays to the end, unless more is decided without that check; none for a requirement that a target should meet.
    """
    if have is None:
        return _ordered(candidates, by_id, _Queue(candidates, None, ()))
    back = (one for one in candidates if one.looks_back and one.level is not Level.SHOULD)
    stay = {one_kind for one in back for one_kind in one.shares()}
    # No way of choosing is the best for each number of resources.
    tried = [
        _ordered(candidates, by_id, _Queue(candidates, have, lasts, way))
        for lasts in (stay, *(stay - {one} for one in sorted(stay)), set())
        for way in _Worth
    ]
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
        shared = [one for one in candidates if not any(map(is_own, one.units))]
        for one in shared:
            if queue.affords([one]):
                queue.take([one])
        first |= {one.id for one in shared if one.units and one.id in queue.ids}
    for weight, proofs in zip(_LEVELS, by_level, strict=True):
        if have is not None:
            # What decides most comes before what begins most.
            queue.complete(proofs)
        begun = queue.one_of_each(proofs)
        first |= begun if weight is not Level.SHOULD else set()
        queue.complete(proofs)
        queue.single(proofs)
    early, spare = set(queue.ids), queue.left()
    for proofs in by_level:
        queue.rest(proofs)
    queue.take(candidates)
    begins = _with_blocks(candidates, first)
    beyond = set(queue.ids) - early if have is not None else set()
    # What shares a resource with others needs it before the last of its kind is cancelled.
    shares = {one.id for one in candidates if have is not None and not all(map(is_own, one.units))}
    soon = _with_blocks(candidates, shares - beyond)
    ids = sorted(queue.ids, key=lambda name: (name not in soon, name not in begins))
    if have is not None:
        ids = _at_once(candidates, ids, beyond)
    return Order(tuple(ids), frozenset(first), frozenset(beyond - begins), frozenset(beyond), dict(spare))


def _at_once(candidates: Sequence[Candidate], ids: Sequence[str], beyond: Collection[str]) -> list[str]:
    """Returns the ids so that each check which takes nothing that isn't taken by then comes right behind the last one.

    Evidence grows old: what several checks look at would have to be made anew. Blocks stay as they are.
    """
    waiting = {
        one.id: one.units for one in candidates if not (one.block or one.looks_back or one.id in beyond)
    }
    units = {one.id: one.units for one in candidates}
    taken: set[str] = set()
    found: dict[str, None] = {}
    for name in ids:
        if name in found:
            continue
        found[name] = None
        waiting.pop(name, None)
        if units[name] <= taken:
            continue
        taken |= units[name]
        for one in [one for one in ids if one in waiting and waiting[one] <= taken]:
            found[one] = None
            del waiting[one]
    return [*found]


def _with_blocks(candidates: Sequence[Candidate], chosen: Collection[str]) -> set[str]:
    """Returns the checks and those of their blocks: a block comes as a whole, as its evidence ends with its last."""
    blocks = {one.block for one in candidates if one.id in chosen} - {""}
    return {*chosen, *(one.id for one in candidates if one.block in blocks)}


def decided(
    candidates: Sequence[Candidate],
    by_id: Mapping[str, Requirement],
    have: Mapping[str, int],
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
    beyond = order(about, musts, have).beyond
    return sum(bool(found) and not any(one.id in beyond for one in found) for found in proofs.values())


def is_own(unit: str) -> bool:
    """Returns whether a unit isn't the one that all checks share which have no effect on it."""
    return not unit.endswith(" 0")


def _counts(check: Candidate, requirement: Requirement) -> bool:
    return requirement.level is Level.SHOULD or binding(check, requirement)


class _Worth(Enum):
    """How the next requirement to complete is chosen.

    It takes the fewest further resources, or completes the most others with it: per part of what is left, or in all.
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
            if not is_own(unit) and kind(unit) not in lasts and (have or {}).get(kind(unit))
        }
        self.have, self._lasts, self._worth = have, lasts, worth
        self._left = Counter(have or {})
        # What checks take beside a resource that they share with others: as long as that isn't cancelled.
        self._beside: dict[str, set[str]] = {}
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
            waiting = {one.id: one for one in every if self.affords([one]) and not self._is_dear(one)}
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
                if self.affords([one]):
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
        fit = [found for found in open_ if not affordable or self.affords(found)]
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
                for one_kind, units in _beside(member).items():
                    self._beside.setdefault(one_kind, set()).update(units)

    def left(self) -> Mapping[str, int]:
        """Returns how many resources of each kind no check has taken."""
        return dict(self._left)

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

    def affords(self, checks: Collection[Candidate]) -> bool:
        """Returns whether there is enough for these checks beside those that have their place."""
        if self.have is None:
            return True
        if Counter(map(kind, self._more(checks))) - self._left:
            return False
        if any(one.looks_back and not one.shares() <= set(self._lasts) for one in checks):
            return False
        beside: dict[str, set[str]] = {}
        for check in checks:
            for one, units in _beside(check).items():
                beside.setdefault(one, set(self._beside.get(one, ()))).update(units)
        return all(len(units) < self.have.get(one, 0) for one, units in beside.items())


def _beside(check: Candidate) -> Mapping[str, set[str]]:
    """Returns what a check takes for itself of each kind of which it shares a resource, too."""
    return {
        one: {unit for unit in check.units if kind(unit) == one and is_own(unit)} for one in check.shares()
    }
