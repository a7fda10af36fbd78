"""Makes the findings of a run: the defects to mend, each once, in the order in which a developer reads them.

What shows the deviation of another finding, and is declared to build on it, is folded under it (`causes`). The rest is
sorted by what is at stake, what fails plainly before what needs several requests, and causes before consequences.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.model import Basis, Check, Outcome, Requirement, RunRecord
from conformance.report import remarks
from conformance.report.causes import Causes
from conformance.report.curl import curl
from conformance.report.declared_causes import begins_with_any, harm, ordered, presumes
from conformance.report.finding import Finding, Findings
from conformance.report.leading import leading_to
from conformance.report.passing_cases import GOT_THROUGH, NOTHING_VERIFIED, worked
from conformance.report.safe import line, same_but_ids
from conformance.report.script import after_a_good_one, replay, script
from conformance.report.verdict import binding

_last: "list[tuple[RunRecord, Findings]]" = []


def problems(record: RunRecord) -> tuple[Finding, ...]:
    """Returns the results that make the run non-conformant: violations first, then failed controls.

    Where nothing that was sent as documented succeeded, and a premise failed, that is the first: the rest would be a
    list of what follows from it. A premise is never what kept its own checks from beginning: it is what they are about.
    A finding of a warning is among them where something that fails follows from it.
    """
    return findings(record).problems


def warnings(record: RunRecord) -> tuple[Finding, ...]:
    """Returns the results that are worth mending without failing the run, in the same order."""
    return findings(record).warnings


def by_check(record: RunRecord) -> dict[str, Finding]:
    """Returns the problems and warnings by the ids of their checks; those that were folded, too."""
    found = findings(record)
    return {
        check.id: finding
        for finding in (*found.folded, *found.problems, *found.warnings)
        for check in finding.checks
    }


def findings(record: RunRecord) -> Findings:
    """Returns all findings of a run, folded and in order.

    Those of the last record are kept: one report asks for them many times over, and a record never changes.
    """
    if not _last or _last[0][0] is not record:
        _last[:] = [(record, _found(record))]
    return _last[0][1]


def waiting(record: RunRecord) -> dict[str, Finding]:
    """Returns the finding that kept a check from beginning, by the id of the check.

    It is the one that shows the same answer to the same request as the one which had to work first.
    """
    kept = [check for check in record.checks if check.outcome is Outcome.NOT_TESTABLE and _control(check)]
    if not kept:
        return {}
    causes, found = Causes(record), findings(record)
    told = [(one, check) for one in (*found.problems, *found.warnings) for check in one.checks]
    pairs = ((check.id, next((one for one, by in told if causes.keeps(check, by)), None)) for check in kept)
    return {name: one for name, one in pairs if one is not None}


@dataclass(frozen=True, slots=True)
class _Group:
    """Failing checks of one requirement with one outcome, the one that shows it first."""

    requirement: Requirement
    checks: tuple[Check, ...]

    @property
    def fails(self) -> bool:
        return self.checks[0].outcome is Outcome.FAILED


def _found(record: RunRecord) -> Findings:
    requirements = requirements_of(record)
    wrong = [check for check in record.checks if check.outcome in (Outcome.FAILED, Outcome.WARNED)]
    kept = [check for check in wrong if _control(check) and not _primary(check, requirements).premise]
    begun = {check.id for check in kept}
    causes = Causes(record)
    groups = _groups([check for check in wrong if check.id not in begun], requirements, causes)
    parents, groups = _folding(record, groups, causes)
    roots = [position for position in range(len(groups)) if position not in parents]
    found = _sorted([groups[position] for position in roots], causes)
    under: dict[int, list[_Group]] = {position: [] for position in roots}
    for position in parents:
        under[_root(position, parents)].append(groups[position])
    told = [_told(record, group, under[groups.index(group)], causes) for group in found]
    problems = [one for one in told if any(check.outcome is Outcome.FAILED for check in _all_checks(one))]
    problems += _controls(record, (check for check in kept if check.outcome is Outcome.FAILED))
    warned = [one for one in told if one not in problems]
    warned += _controls(record, (check for check in kept if check.outcome is Outcome.WARNED))
    folded = tuple(one for finding in told for one in finding.folded)
    return Findings(_with_premise_first(problems, causes), tuple(warned), folded)


def _with_premise_first(found: list[Finding], causes: Causes) -> tuple[Finding, ...]:
    alone = len(found) == 1 and not found[0].folded
    if alone or causes.any_succeeded:
        return tuple(found)
    said = remarks.of_premise(causes)
    first = [replace(one, remarks=(said, *one.remarks)) for one in found if one.requirement.premise]
    return (*first, *(one for one in found if not one.requirement.premise))


def _groups(checks: Iterable[Check], requirements: Mapping[str, Requirement], causes: Causes) -> list[_Group]:
    """The checks by requirement and outcome; in each the plainest first, that of the worst harm before others.

    Cases of a premise have a twist each, and hints to match, which would mislead where the plain request fails too.
    """
    by_requirement: dict[tuple[str, Outcome], list[Check]] = {}
    for check in checks:
        by_requirement.setdefault((_primary(check, requirements).id, check.outcome), []).append(check)
    return [
        _Group(
            requirements[name],
            tuple(
                sorted(
                    found,
                    key=lambda check: (
                        begins_with_any(check, requirements[name], found),
                        *_plainness(check, requirements[name], causes),
                    ),
                )
            ),
        )
        for (name, _), found in by_requirement.items()
    ]


def _plainness(check: Check, requirement: Requirement, causes: Causes) -> tuple[Any, ...]:
    fuzzed = check.suite == "fuzz"
    twisted = requirement.premise and (fuzzed or "[" in check.id)
    return (
        harm(check, requirement),
        causes.is_wrongly_refused(check, requirement),
        twisted,
        -causes.presumed_by(check),
        not causes.took_effect(check),
        causes.only_reads(check, requirement),
        causes.is_a_replay(check),
        causes.is_concurrent(check),
        causes.is_put_off(check),
        fuzzed,
        causes.looks_back(check),
        _is_sequence(check),
    )


def _is_sequence(check: Check) -> bool:
    """Returns whether the request that decides came after others."""
    return bool(check.exchanges) and check.shown_by != check.exchanges[0]


def _folding(record: RunRecord, groups: list[_Group], causes: Causes) -> tuple[dict[int, int], list[_Group]]:
    """Returns the position of the group that each folded one follows from, and the groups.

    In those that aren't folded, checks that nothing explains come first: these show what else is wrong. Of groups that
    would explain each other, the one that can't be judged without the other is folded.
    """
    waived = {name for name in requirements_of(record) if record.waived(name) is not None}
    parents: dict[int, int] = {}
    left = list(groups)
    for position in sorted(range(len(groups)), key=lambda one: not _presumes_any(groups[one], groups)):
        group = groups[position]
        others = [
            (number, other)
            for number, other in enumerate(groups)
            if _root(number, parents) != position
            and (other.requirement.id not in waived or group.requirement.id in waived)
        ]
        found = {check.id: _cause(check, group, others, causes) for check in group.checks}
        _like_their_neighbours(group, found, causes)
        first = found[group.checks[0].id]
        if first is not None and None not in found.values():
            parents[position] = first
        else:
            left[position] = replace(
                group, checks=tuple(sorted(group.checks, key=lambda check: found[check.id] is not None))
            )
    return parents, left


def _presumes_any(group: _Group, others: Iterable[_Group]) -> bool:
    failing = [
        check for other in others if other.requirement.id != group.requirement.id for check in other.checks
    ]
    return any(presumes(check, group.requirement, by) for check in group.checks for by in failing)


def _like_their_neighbours(group: _Group, found: dict[str, int | None], causes: Causes) -> None:
    """Explains what is like a check of the same requirement that is explained.

    These are cases of fuzzing that ended as it did, reads where it got an answer that was kept, and checks that can't
    be judged without it.
    """
    told = [check for check in group.checks if found[check.id] is not None]
    for check in group.checks:
        if check.suite == "fuzz" and found[check.id] is None:
            like = next((one for one in told if causes.ended_alike(check, one)), None)
            found[check.id] = None if like is None else found[like.id]
        if found[check.id] is None and causes.kept.shows(check):
            like = next((one for one in told if causes.kept.is_kept(one)), None)
            found[check.id] = None if like is None else found[like.id]
        if found[check.id] is None:
            before = next((one for one in told if presumes(check, group.requirement, one)), None)
            found[check.id] = None if before is None else found[before.id]


def _cause(check: Check, group: _Group, others: Iterable[tuple[int, _Group]], causes: Causes) -> int | None:
    """Returns the position of the first group that explains a failing check."""
    for position, other in others:
        if other.requirement.id == group.requirement.id:
            if other.fails and not group.fails:
                return position
        elif any(causes.explained(check, group.requirement, by, other.requirement) for by in other.checks):
            return position
    return None


def _root(position: int, parents: Mapping[int, int]) -> int:
    while position in parents:
        position = parents[position]
    return position


def _sorted(groups: Sequence[_Group], causes: Causes) -> list[_Group]:
    order = {result.requirement.id: number for number, result in enumerate(causes.record.requirements)}

    def weight(group: _Group) -> tuple[Any, ...]:
        shown, requirement = group.checks[0], group.requirement
        return (
            harm(shown, requirement),
            not group.fails,
            causes.is_concurrent(shown),
            requirement.basis is not Basis.SAFETY,
            order[requirement.id],
        )

    return ordered(
        groups,
        {position: weight(group) for position, group in enumerate(groups)},
        [
            (mine, its)
            for mine, group in enumerate(groups)
            for its, other in enumerate(groups)
            if other.requirement.id in causes.ancestors(group.requirement.id)
            or (
                other.requirement.premise
                and any(map(causes.is_about_a_premise, other.checks))
                and not group.requirement.premise
            )
        ],
    )


def _told(record: RunRecord, group: _Group, under: Sequence[_Group], causes: Causes) -> Finding:
    found, under = _finding(record, group.requirement, group.checks, control=False), _sorted(under, causes)
    said = remarks.of(record, found.check, found.fault, causes)
    found = replace(found, remarks=(*said, *found.remarks), hint=remarks.hint(found.hint, said))
    if any(one.startswith(GOT_THROUGH) for one in said):
        again = after_a_good_one(record, found.check, found.steps, together=NOTHING_VERIFIED in said)
        found = replace(found, script=again or found.script)
    if found.fault and causes.kept.since_before(found.check) is not None:
        found = replace(found, fault=f"{found.fault}: the same answer, byte for byte, as before")
        # What a caller gets who isn't the owner tells most of a cache.
        under = sorted(under, key=lambda one: not causes.is_altered(one.checks[0]))
    remark = f"This follows from {group.requirement.id}: {line(found.title)}."
    folded = [_finding(record, one.requirement, one.checks, control=False) for one in under]
    return replace(
        found,
        folded=tuple(replace(one, remarks=(remark, *one.remarks)) for one in folded),
        worked=worked(record, found.check, found.requirement),
    )


def _all_checks(finding: Finding) -> Iterator[Check]:
    yield from finding.checks
    for one in finding.folded:
        yield from one.checks


def _controls(record: RunRecord, checks: Iterable[Check]) -> tuple[Finding, ...]:
    """One finding per cause, that of most checks first."""
    groups: dict[tuple[str, str], list[Check]] = {}
    requirements = requirements_of(record)
    for check in checks:
        assert check.problem is not None
        cause = same_but_ids(check.problem.expected), same_but_ids(check.problem.observed)
        groups.setdefault(cause, []).append(check)
    ordered = sorted(groups.values(), key=lambda group: -len(group))
    return tuple(_finding(record, _primary(group[0], requirements), group, control=True) for group in ordered)


def _finding(
    record: RunRecord, requirement: Requirement, checks: Sequence[Check], *, control: bool
) -> Finding:
    check = checks[0]
    problem = check.problem
    index = check.shown_by
    exchange = None if index is None else record.exchanges[index]
    named = dict.fromkeys(name for check in checks for name in check.requirements)
    return Finding(
        requirement=requirement,
        check=check,
        expected=problem.expected if problem else "",
        observed=problem.observed if problem else check.message,
        hint=problem.hint if problem else "",
        control=control,
        also=tuple(name for name in named if name != requirement.id),
        more=tuple(checks[1:]),
        exchange=index,
        curl="" if index is None else curl(record.exchanges[index], record.target, index=index),
        signed=exchange.signed if exchange else None,
        fault=problem.fault if problem else "",
        persisted=problem.persisted if problem else "",
        remarks=remarks.not_again(record, check),
        steps=(led := leading_to(record, check)),
        script=script(record, check, led),
        replay=replay(check.id),
    )


def requirements_of(record: RunRecord) -> dict[str, Requirement]:
    """Returns the requirements of a run by their ids."""
    return {result.requirement.id: result.requirement for result in record.requirements}


def _primary(check: Check, requirements: Mapping[str, Requirement]) -> Requirement:
    """The requirement to show a check under: the first that fails by it, or else the first."""
    named = [requirements[name] for name in check.requirements]
    return next((requirement for requirement in named if binding(check, requirement)), named[0])


def _control(check: Check) -> bool:
    return check.problem is not None and check.problem.control
