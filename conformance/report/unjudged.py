"""Says in one line, beside the verdict, which requirements a run couldn't judge. Pure."""

from collections.abc import Iterable

from conformance.model import Check, Outcome, RequirementResult, RunRecord
from conformance.report import depth

# So many ids are named; the reports have them all.
_NAMED = 8
# What a check says first that got no answer (the kind of a TransportError), for people.
_CAUSES = {
    **dict.fromkeys(("dns", "refused", "tls", "timeout", "reset", "protocol", "connect"), "no answer"),
    **dict.fromkeys(("unavailable", "rate_limited"), "unavailable"),
    "the harness failed": "the harness failed",
}
_OPEN = (Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED)


def unjudged(record: RunRecord) -> str:
    """Such as `3 could not be judged: WD-14, WD-27, WD-28 (no answer); 40 left out`; nothing where all was judged.

    Whatever their level: an error of a SHOULD leaves the verdict as it is, and is nothing to be silent about. What
    was judged, but for a softer part of it, is told too. Of a run that was ended early, only errors are: there
    "not testable" says no more than that its turn didn't come.
    """
    checks = {check.id: check for check in record.checks}
    by_outcome = {
        outcome: [result for result in record.requirements if result.outcome is outcome] for outcome in _OPEN
    }
    errors = by_outcome[Outcome.ERROR]
    said = []
    if errors:
        said.append(f"{len(errors)} could not be judged: {_ids(errors)}{_cause(errors, checks)}")
    if record.complete:
        if missing := by_outcome[Outcome.NOT_TESTABLE]:
            part = sum(found.ran > 0 for result, found in depth.every(record) if result in missing)
            partly_ran = f" ({part} of them tested in part)" if part else ""
            said.append(f"{len(missing)} not testable{partly_ran}: {_ids(missing)}")
        if partly := [result for result in record.requirements if _partly(result, checks)]:
            said.append(f"{len(partly)} judged only in part: {_ids(partly)}")
    if left_out := by_outcome[Outcome.DESELECTED]:
        said.append(f"{len(left_out)} left out")
    return "; ".join(said)


def number(record: RunRecord) -> int:
    """The number of requirements that were not judged at all."""
    return sum(result.outcome in _OPEN for result in record.requirements)


def _ids(results: Iterable[RequirementResult]) -> str:
    names = [result.requirement.id for result in results]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _cause(results: Iterable[RequirementResult], checks: dict[str, Check]) -> str:
    """Why, where it was the same for all."""
    members = [checks[name] for result in results for name in result.checks]
    causes = {
        _CAUSES.get(check.message.partition(":")[0], "")
        for check in members
        if check.outcome is Outcome.ERROR
    }
    (one,) = causes if len(causes) == 1 else ("",)
    return f" ({one})" if one else ""


def _partly(result: RequirementResult, checks: dict[str, Check]) -> bool:
    """Returns whether it was judged, except by some of its checks."""
    judged = result.outcome in (Outcome.PASSED, Outcome.WARNED)
    return judged and any(
        checks[name].outcome in (Outcome.ERROR, Outcome.NOT_TESTABLE) for name in result.checks
    )
