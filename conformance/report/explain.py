"""Words the results of a run, in the order in which a developer reads them, for every report for people.

The findings are those of `findings`, which reports take from here. Texts are still as the target sent them: their
renderers make them harmless (`safe`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from conformance.model import (
    Basis,
    Check,
    Effect,
    Exchange,
    Level,
    Outcome,
    RequirementResult,
    RunRecord,
    Target,
    Verdict,
    Waiver,
)
from conformance.report import scope
from conformance.report.curl import curl
from conformance.report.finding import Finding
from conformance.report.findings import by_check, problems, requirements_of, waiting, warnings
from conformance.report.safe import counted, line
from conformance.report.unjudged import unjudged
from conformance.report.verdict import UNPROVEN, binding

__all__ = [
    "BASES",
    "LEVELS",
    "OUTCOMES",
    "VERDICTS",
    "Finding",
    "Gap",
    "begun",
    "by_check",
    "command",
    "counted_as_unproven",
    "duration",
    "gaps",
    "headline",
    "one_reason",
    "problems",
    "requirements_of",
    "said",
    "sentence",
    "status_line",
    "title",
    "unreached",
    "verdict_in_words",
    "waived",
    "waiver",
    "waivers",
    "waiving",
    "warnings",
]

# How a reason ends that is that of several checks.
_MORE = re.compile(r" \(and \d+ more checks?\)$")
# So many answers that never came are named.
_UNREACHED = 12

VERDICTS = {
    Verdict.CONFORMANT: "Conformant",
    Verdict.NON_CONFORMANT: "Non-conformant",
    Verdict.INCONCLUSIVE: "Inconclusive",
}
OUTCOMES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.WARNED: "warned",
    Outcome.NOT_TESTABLE: "not testable",
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.DESELECTED: "deselected",
    Outcome.ERROR: "error",
}
LEVELS = {
    Level.MUST: "the target fails the run by not meeting it",
    Level.SHOULD: "not meeting it is a warning",
    Level.MAY: "it counts because the profile declares it",
}
BASES = {
    Basis.DOC: "the API's document says or shows it",
    Basis.SAFETY: "money or the separation of merchants is at stake",
    Basis.RFC: "a convention of HTTP",
    Basis.CUSTOM: "good practice",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Requirements that stayed unproven for one and the same reason."""

    outcome: Outcome
    reason: str
    results: tuple[RequirementResult, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the requirements."""
        return tuple(result.requirement.id for result in self.results)


def headline(record: RunRecord) -> str:
    """One sentence that says how the run ended, and what it couldn't judge, without the verdict's own name."""
    rest = unjudged(record)
    return _ending(record) + (f"; {rest}" if rest else "")


def _ending(record: RunRecord) -> str:
    counts = record.counts()
    tested = counts["passed"] + counts["failed"] + counts["warned"]
    asked = counted(tested, "requirement")
    if record.verdict is Verdict.NON_CONFORMANT:
        return f"fails {counts['failed']} of {asked} tested{_of_which_waived(record)}"
    if record.verdict is Verdict.CONFORMANT:
        warned = f", {counts['warned']} of them with warnings" if counts["warned"] else ""
        return f"meets {'all ' if tested > 1 else ''}{asked} tested{warned}"
    if not record.complete:
        return f"was not tested to the end; nothing failed in {asked} tested"
    unproven = sum(counted_as_unproven(result) for result in record.requirements)
    if unproven:
        return f"leaves {counted(unproven, 'requirement')} unproven; nothing failed in {asked} tested"
    return "was not tested for anything that it must do"


def _of_which_waived(record: RunRecord) -> str:
    failed = [result for result in record.requirements if result.outcome is Outcome.FAILED]
    number = sum(record.waived(result.requirement.id) is not None for result in failed)
    if not number:
        return ""
    return ", waived" if number == len(failed) else f", {number} of them waived"


def sentence(record: RunRecord) -> str:
    """The whole result in one safe line: `Non-conformant: Acme (API, test) fails ...`."""
    return f"{verdict_in_words(record)}: {line(title(record.target))} {headline(record)}."


def verdict_in_words(record: RunRecord) -> str:
    """Returns the verdict and its scope: `Conformant (scope: one merchant)`."""
    return VERDICTS[record.verdict] + scope.suffix(record.target)


def counted_as_unproven(result: RequirementResult) -> bool:
    """Returns whether this result keeps the run from being conformant without being a failure."""
    return result.outcome in UNPROVEN and result.requirement.level is not Level.SHOULD


def title(target: Target) -> str:
    """Returns the name, API and environment of the target."""
    return f"{target.name} ({target.api}, {target.environment})"


def said(check: Check) -> str:
    """Returns what a check says of its outcome; its title where it says nothing."""
    return check.message or (check.problem.observed if check.problem else "") or check.title


def gaps(record: RunRecord, *outcomes: Outcome) -> tuple[Gap, ...]:
    """The requirements that ended in one of `outcomes`, by reason; the most common reason first.

    One cause is told once, for however many checks of each it is the reason.
    """
    groups: dict[tuple[Outcome, str], list[RequirementResult]] = {}
    causes = waiting(record) if Outcome.NOT_TESTABLE in outcomes else {}
    for result in record.requirements:
        if result.outcome in outcomes:
            reason = _waits_for(result, causes) or one_reason(result.reason)
            groups.setdefault((result.outcome, reason), []).append(result)
    found = [Gap(outcome, reason, tuple(results)) for (outcome, reason), results in groups.items()]
    return tuple(sorted(found, key=lambda gap: (outcomes.index(gap.outcome), -len(gap.results))))


def _waits_for(result: RequirementResult, causes: Mapping[str, Finding]) -> str:
    """Says what failed where that is all that a requirement waits for; empty otherwise."""
    if result.outcome is not Outcome.NOT_TESTABLE:
        return ""
    found = [causes[name] for name in result.checks if name in causes]
    if not found:
        return ""
    return f"They begin with what failed: {line(found[0].title)} ({found[0].requirement.id})."


def one_reason(reason: str) -> str:
    """Returns a reason without the remark that several checks had it."""
    return _MORE.sub("", reason)


def waived(record: RunRecord, check: Check) -> tuple[Waiver, ...]:
    """The waivers that hold for all that `check` breaks; none where it breaks anything that isn't waived."""
    named = requirements_of(record)
    broken = [name for name in check.requirements if binding(check, named[name])] or check.requirements
    found = [record.waived(name) for name in broken]
    return tuple(one for one in found if one is not None) if all(found) else ()


def waiver(one: Waiver) -> str:
    """Returns a waiver in words, to stand beside its failure: `waived until 2026-09-30 by payments: reason`."""
    by = f" by {one.by}" if one.by else ""
    return f"waived until {one.expires}{by}: {one.reason}"


def waiving(one: Waiver | None) -> str:
    """Returns the effect of a waiver, to stand beside the outcome of its requirement; empty where it has none."""
    if one is None:
        return ""
    match one.effect:
        case Effect.WAIVES:
            return waiver(one)
        case Effect.EXPIRED:
            return f"the waiver expired on {one.expires}"
        case Effect.UNNEEDED:
            return "the waiver isn't needed"
        case _:
            return ""


def waivers(record: RunRecord) -> tuple[str, ...]:
    """Returns a sentence on each waiver of the run; those with an effect first."""
    outcomes = {result.requirement.id: OUTCOMES[result.outcome] for result in record.requirements}

    def said(one: Waiver) -> str:
        name, outcome = one.requirement, outcomes.get(one.requirement, "unknown")
        match one.effect:
            case Effect.WAIVES:
                return f"{name} {outcome}, {waiver(one)}"
            case Effect.EXPIRED:
                return f"{name}: the waiver expired on {one.expires} and no longer holds ({outcome})"
            case Effect.UNNEEDED:
                return f"{name}: the waiver isn't needed ({outcome}): take it out"
            case _:
                return f"{name}: whether the waiver is needed can't be told ({outcome})"

    return tuple(said(one) for one in sorted(record.waivers, key=lambda one: one.effect is not Effect.WAIVES))


def begun(finding: Finding) -> str:
    """`14 checks could not even begin`: the heading of a control failure."""
    return f"{counted(1 + len(finding.more), 'check')} could not even begin"


def command(record: RunRecord, index: int) -> str:
    """The command that repeats the exchange at `index` of `record`."""
    return curl(record.exchanges[index], record.target, index=index)


def status_line(exchange: Exchange) -> str:
    """Returns the answer in words: `200 in 12 ms`, or why none came."""
    took = f"{exchange.duration_s * 1000:.0f} ms"
    if exchange.status is None:
        return f"no answer after {took}: {exchange.error or 'unknown cause'}"
    return f"{exchange.status} in {took}" + (", cut at the size limit" if exchange.truncated else "")


def unreached(record: RunRecord) -> str:
    """Returns a sentence on documented answers that fuzzing never got; empty where it got all, or was left out."""
    told = (record.fuzz or {}).get("shallow")
    names = [line(str(one), 100) for one in told] if isinstance(told, list | tuple) else []
    if not names:
        return ""
    more = f" and {len(names) - _UNREACHED} more" if len(names) > _UNREACHED else ""
    missing = (record.fuzz or {}).get("missing_states")
    states = [line(str(one), 100) for one in missing] if isinstance(missing, dict) else []
    why = f"; no resource was available in: {', '.join(states)}" if states else ""
    return f"Fuzzing never got these documented answers: {', '.join(names[:_UNREACHED])}{more}{why}."


def duration(record: RunRecord) -> float | None:
    """Returns the duration of the run in seconds; None where an instant can't be read."""
    try:
        began, ended = (
            datetime.fromisoformat(instant) for instant in (record.started_at, record.finished_at)
        )
        return (ended - began).total_seconds()
    except (ValueError, TypeError):
        return None
