"""Folds checks into requirements and requirements into the verdict: the whole policy, in one place.

A requirement's level decides. A check's own level softens it: a SHOULD-level check of a MUST is a soft part of it,
whose failure warns. A SHOULD may hold a sentence that is a MUST (what was refused has no effect): a MUST-level check
that is about that requirement alone makes it fail. Pure functions; nothing is read or written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from conformance.errors import HarnessError
from conformance.model import (
    Catalogue,
    Check,
    Effect,
    Level,
    Outcome,
    Requirement,
    RequirementResult,
    RunRecord,
    Verdict,
    Waiver,
)
from conformance.report.safe import counted

EXECUTED = (Outcome.PASSED, Outcome.FAILED, Outcome.WARNED)
"""The outcomes of a check that put the target to the test."""
# What keeps a requirement that has to hold from being proven.
UNPROVEN = (Outcome.NOT_TESTABLE, Outcome.DESELECTED, Outcome.ERROR)


class Weighing(Protocol):
    """The part of a check that a verdict weighs, whether the check is finished or not."""

    @property
    def level(self) -> Level:
        """The level of the check itself."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """The ids of the requirements that it is about."""


def binding(check: Weighing, requirement: Requirement) -> bool:
    """Returns whether `check` failing would make `requirement` fail, rather than warn."""
    if requirement.level is Level.SHOULD:
        return check.level is Level.MUST and check.requirements == (requirement.id,)
    return check.level is not Level.SHOULD


def softened(catalogue: Catalogue, checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks, with `failed` turned into `warned` where none of their requirements can fail by it.

    Raises HarnessError for a check that names no requirement of the catalogue: it would count for nothing.
    """
    known = catalogue.by_id()
    result = []
    for check in checks:
        strangers = [name for name in check.requirements if name not in known]
        if strangers or not check.requirements:
            raise HarnessError(
                f"check {check.id} is about {', '.join(strangers) or 'no requirement'}, "
                f"which the {catalogue.api} catalogue doesn't have",
                hint="Give the check the id of a catalogued requirement.",
            )
        soft = not any(binding(check, known[name]) for name in check.requirements)
        failed = check.outcome is Outcome.FAILED
        result.append(replace(check, outcome=Outcome.WARNED) if soft and failed else check)
    return tuple(result)


def results(
    catalogue: Catalogue,
    checks: Sequence[Check],
    *,
    deselected: Mapping[str, str],
    declared: Mapping[str, bool | None],
    scope: Mapping[str, str],
) -> tuple[RequirementResult, ...]:
    """Returns the result of each requirement, in the catalogue's order.

    `deselected` maps a requirement to why some of its checks were left out; `declared` a capability to what
    the profile says of it (None: nothing), `scope` what isn't certified to the reason.
    """
    about: dict[str, list[Check]] = {requirement.id: [] for requirement in catalogue.requirements}
    for check in checks:
        for name in dict.fromkeys(check.requirements):
            about[name].append(check)
    found = (
        (
            requirement,
            _result(requirement, about[requirement.id], deselected.get(requirement.id), declared, scope),
        )
        for requirement in catalogue.requirements
    )
    return tuple(
        RequirementResult(requirement, *one, tuple(check.id for check in about[requirement.id]))
        for requirement, one in found
    )


def _result(
    requirement: Requirement,
    checks: Sequence[Check],
    left_out: str | None,
    declared: Mapping[str, bool | None],
    scope: Mapping[str, str],
) -> tuple[Outcome, str]:
    found = _within(requirement, checks, left_out, declared)
    outside = next((name for name in requirement.needs if name in scope), None)
    # What failed all the same has been seen to fail.
    if outside is not None and found[0] not in (Outcome.FAILED, Outcome.WARNED):
        return Outcome.NOT_APPLICABLE, out_of_scope(outside, scope[outside])
    return found


def out_of_scope(name: str, reason: str) -> str:
    """Returns the reason of what isn't applicable because the profile's `[scope]` leaves it out."""
    return f"Out of scope (scope.{name}): {reason}"


def _within(
    requirement: Requirement,
    checks: Sequence[Check],
    left_out: str | None,
    declared: Mapping[str, bool | None],
) -> tuple[Outcome, str]:
    if requirement.not_tested_reason and not checks:
        return Outcome.NOT_APPLICABLE, requirement.not_tested_reason
    if requirement.level is Level.MAY and requirement.capability and not declared.get(requirement.capability):
        return Outcome.NOT_APPLICABLE, _undeclared(requirement.capability, declared)
    return _aggregated(requirement, checks, left_out)


def _aggregated(
    requirement: Requirement, checks: Sequence[Check], left_out: str | None
) -> tuple[Outcome, str]:
    """The worst thing that happened to the requirement's own part; a soft part can only add a warning.

    All checks of a SHOULD are its own part; those of a MUST that it holds are its hard part.
    """
    should = requirement.level is Level.SHOULD
    hard = [check for check in checks if binding(check, requirement)]
    own = list(checks) if should else hard
    soft = [check for check in checks if check not in own]
    ladder = [
        (_with(hard, Outcome.FAILED), Outcome.FAILED),
        (_with(own, Outcome.FAILED), Outcome.WARNED),
        (_with(own, Outcome.WARNED) if should else [], Outcome.WARNED),
        (_with(own, Outcome.ERROR), Outcome.ERROR),
        (_with(own, Outcome.NOT_TESTABLE), Outcome.NOT_TESTABLE),
        (_with(own, Outcome.DESELECTED), Outcome.DESELECTED),
    ]
    softly = [*_with(own, Outcome.WARNED), *_with(soft, Outcome.FAILED, Outcome.WARNED)]
    for found, outcome in ladder:
        if found:
            return outcome, _reason(found)
    if left_out is not None:
        return Outcome.DESELECTED, left_out or "Its checks were not selected."
    if not own:
        return Outcome.NOT_TESTABLE, "Only softer parts of it were checked." if checks else "No check ran."
    if softly:
        return Outcome.WARNED, _reason(softly)
    if not _with(own, *EXECUTED):
        return Outcome.NOT_APPLICABLE, _reason(own)
    return Outcome.PASSED, ""


def verdict(requirements: Sequence[RequirementResult], *, complete: bool) -> Verdict:
    """A failure decides; then whatever is unproven makes it inconclusive; an empty run proves nothing."""
    if any(result.outcome is Outcome.FAILED for result in requirements):
        return Verdict.NON_CONFORMANT
    weighty = [result for result in requirements if result.requirement.level is not Level.SHOULD]
    if not complete or any(result.outcome in UNPROVEN for result in weighty):
        return Verdict.INCONCLUSIVE
    if not any(result.requirement.level is Level.MUST and result.outcome in EXECUTED for result in weighty):
        return Verdict.INCONCLUSIVE
    return Verdict.CONFORMANT


def weighed(
    waivers: Iterable[Waiver], results: Iterable[RequirementResult], *, started_at: str
) -> tuple[Waiver, ...]:
    """The waivers for these requirements, each with what it did. `started_at` (ISO 8601 UTC) has the day that counts.

    A waiver changes no outcome and no verdict: a waived failure is one that somebody knows of.
    """
    outcomes = {result.requirement.id: result.outcome for result in results}
    return tuple(
        replace(one, effect=_effect(one, outcomes[one.requirement], started_at[:10]))
        for one in waivers
        if one.requirement in outcomes
    )


def _effect(waiver: Waiver, outcome: Outcome, today: str) -> Effect:
    if waiver.expires < today:
        return Effect.EXPIRED
    if outcome in (Outcome.FAILED, Outcome.WARNED):
        return Effect.WAIVES
    if outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE):
        return Effect.UNNEEDED
    return Effect.UNTESTED


def exit_code(record: RunRecord, *, fail_on_warning: bool = False) -> int:
    """The process's answer to CI: 0 conformant, 1 not, 3 inconclusive, 4 where no check got an answer at all.

    With `fail_on_warning` a warning counts as a failure does: it wins over inconclusive. What a waiver holds for
    counts for neither: then what the rest came to is the answer, while the verdict stays what it is.
    """
    rest = [result for result in record.requirements if record.waived(result.requirement.id) is None]
    if any(result.outcome is Outcome.FAILED for result in rest):
        return 1
    ran = [check.outcome for check in record.checks if check.outcome in (*EXECUTED, Outcome.ERROR)]
    if ran and all(outcome is Outcome.ERROR for outcome in ran):
        return 4
    if fail_on_warning and any(result.outcome is Outcome.WARNED for result in rest):
        return 1
    of_the_rest = verdict(rest, complete=record.complete) if record.waivers else record.verdict
    return {Verdict.CONFORMANT: 0, Verdict.NON_CONFORMANT: 1, Verdict.INCONCLUSIVE: 3}[of_the_rest]


def _with(checks: Sequence[Check], *outcomes: Outcome) -> list[Check]:
    return [check for check in checks if check.outcome in outcomes]


def _reason(checks: Sequence[Check]) -> str:
    """The first message, those of violations before those of checks that couldn't begin."""
    worst = min(checks, key=lambda check: check.problem is not None and check.problem.control)
    observed = worst.problem.observed if worst.problem else ""
    said = worst.message or observed or f"{worst.title}: {worst.outcome}."
    others = len(checks) - 1
    return f"{said} (and {counted(others, 'more check')})" if others else said


def _undeclared(capability: str, declared: Mapping[str, bool | None]) -> str:
    if declared.get(capability) is False:
        return f"The profile says that the target doesn't do this (capabilities.{capability} = false)."
    return f"The profile doesn't declare capabilities.{capability}."
