"""Computes how many MUSTs a run decides with so many ids of one state, and enough of the others.

Reckoned from what each check takes, without a run; the rehearsal tells what the lists decide as they are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance import catalogue, coverage, order, precedence
from conformance.fuzz.oracle.checks import SUITE
from conformance.model import Outcome, RunRecord
from conformance.report.depth import kind
from conformance.states.resource import Wanted

# So many lengths of a list are tried between what it holds and what a run takes.
_STEPS = 6


@dataclass(frozen=True, slots=True)
class Step:
    """A list of `ids` unused ids of a state, with which `decided` MUSTs are decided."""

    owner: str
    status: str
    ids: int
    decided: int


@dataclass(frozen=True, slots=True)
class Listed:
    """The ids of one state and owner: those that a run takes, and those that its list holds unused."""

    owner: str
    status: str
    needed: int
    have: int


def ladder(record: RunRecord, lists: Sequence[Listed]) -> tuple[Step, ...]:
    """Returns the steps of each list that is too short: the lengths at which more MUSTs are decided than before.

    `record` is that of a run with enough of all. Empty where nobody has learned what the checks of its API take.
    """
    api = record.target.api
    known = order.takes(api)
    if known is None:
        return ()
    # Those that look back are the same for each profile, but for states that take nothing which others share.
    back = {name for name, one in coverage.known(api, ()).items() if not (one.sends or one.fuzz)}
    candidates = [
        precedence.Candidate(
            check.id,
            check.requirements,
            check.level,
            frozenset() if check.outcome is Outcome.NOT_APPLICABLE else known.get(check.id, frozenset()),
            looks_back=check.id in back,
        )
        for check in record.checks
        if check.suite != SUITE
    ]
    enough = Counter(map(kind, {unit for one in candidates for unit in one.units}))
    requirements = catalogue.load(api).by_id()

    def decided(more: Mapping[str, int]) -> int:
        return precedence.decided(candidates, requirements, {**enough, **more})

    steps: list[Step] = []
    for one in lists:
        if one.have >= one.needed:
            continue
        before = decided({_kind(api, one): one.have})
        for ids in _lengths(one):
            now = decided({_kind(api, one): ids})
            if now > before:
                steps.append(Step(one.owner, one.status, ids, now))
                before = now
    return tuple(steps)


def _kind(api: str, one: Listed) -> str:
    return Wanted.of(api, one.status, one.owner).of_whom()


def _lengths(one: Listed) -> list[int]:
    missing = one.needed - one.have
    return sorted({one.have + max(1, missing * step // _STEPS) for step in range(1, _STEPS + 1)})
