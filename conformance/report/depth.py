"""Tells how deep a requirement was tested where resources ran out: how many checks ran, and what the others lack. Pure.

Outcome and verdict are those of `verdict`, whatever ran: a requirement isn't met while one of its checks is missing.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance import contracts
from conformance.errors import HarnessError
from conformance.model import Check, Level, Outcome, RequirementResult, RunRecord
from conformance.report.safe import counted
from conformance.report.verdict import EXECUTED

_NUMBER = re.compile(r" \d+$")
_ORDER = (Level.MUST, Level.MAY, Level.SHOULD)


@dataclass(frozen=True, slots=True)
class Depth:
    """The number of `checks` of a requirement, of those that `ran`, and of those that are `short` of resources.

    `lacks` has at most how many more of each kind these take: a state, and the owner where that isn't the caller.
    """

    checks: int
    ran: int
    short: int
    lacks: tuple[tuple[str, int], ...]


def kind(unit: str) -> str:
    """Returns the kind of a numbered resource: its state, and another owner, without the number."""
    return _NUMBER.sub("", unit)


def of(record: RunRecord, result: RequirementResult) -> Depth | None:
    """Returns how deep a requirement was tested; None where no check of it was short of resources.

    A run that was ended early may never have come to the others: it tells nothing.
    """
    return _of(result, {check.id: check for check in record.checks}) if record.complete else None


def every(record: RunRecord) -> Iterator[tuple[RequirementResult, Depth]]:
    """Yields each requirement that wasn't tested in full for want of resources; those that have to hold first."""
    if not record.complete:
        return
    checks = {check.id: check for check in record.checks}
    for result in sorted(record.requirements, key=lambda result: _ORDER.index(result.requirement.level)):
        found = _of(result, checks)
        if found is not None:
            yield result, found


def _of(result: RequirementResult, checks: Mapping[str, Check]) -> Depth | None:
    if result.outcome is Outcome.NOT_APPLICABLE:
        return None
    own = [checks[name] for name in result.checks if checks[name].outcome is not Outcome.NOT_APPLICABLE]
    short = [check for check in own if check.lacks]
    if not short:
        return None
    lacks = Counter(map(kind, {unit for check in short for unit in check.lacks}))
    ran = sum(check.outcome in EXECUTED for check in own)
    return Depth(len(own), ran, len(short), tuple(sorted(lacks.items())))


def sentence(found: Depth, api: str) -> str:
    """Returns the depth in words: `3 of 7 checks; 4 need up to 2 more` of a state."""
    more = " and ".join(_more(one, number, _noun(api)) for one, number in found.lacks)
    need = "needs" if found.short == 1 else "need"
    others = found.checks - found.ran - found.short
    rest = f"; {others} couldn't run for another reason" if others else ""
    return f"{found.ran} of {counted(found.checks, 'check')}; {found.short} {need} {more}{rest}"


def _more(one: str, number: int, noun: str) -> str:
    status, comma, whose = one.partition(", ")
    few = "1 more" if number == 1 else f"up to {number} more"
    return f"{few} {status} {noun}{'' if number == 1 else 's'}{f' {whose}' if comma else ''}"


def _noun(api: str) -> str:
    try:
        return contracts.contract(api).noun
    except HarnessError:
        return "resource"
