"""Compares two runs of one API: the older one is the baseline. Pure; no files.

A requirement got worse where it fails or warns and did better before, or fails now and was never seen to pass. What
was tested before and isn't any more is told apart: it neither passed nor failed, and it is never called a fix. Where
it ended as before, its checks are looked at: one that fails now, and shows what none of them showed before, is a new
finding, which stops CI as any other regression does. What follows from the finding of another requirement isn't told
twice. A waiver softens the exit code, as it does that of a run, and nothing else; one that held and holds no longer is
a change of its own, though the requirement fails as it did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from conformance.errors import UsageError
from conformance.model import (
    Basis,
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
from conformance.report import explain
from conformance.report.findings import waiting
from conformance.report.safe import counted, line

# Tested outcomes from best to worst.
_RANK = {Outcome.PASSED: 0, Outcome.WARNED: 1, Outcome.FAILED: 2}


class Kind(StrEnum):
    """The changes of a requirement, the worst first."""

    REGRESSION = "regression"
    NEW_FINDING = "new_finding"
    NO_LONGER_WAIVED = "no_longer_waived"
    NEWLY_UNTESTED = "newly_untested"
    ADDED = "added"
    REMOVED = "removed"
    NEWLY_TESTED = "newly_tested"
    NEWLY_WAIVED = "newly_waived"
    FIX = "fix"


@dataclass(frozen=True, slots=True)
class Change:
    """One requirement whose outcome differs. `old` is None where the catalogue got it, `new` where it lost it.

    `check` is the check of the new run that shows what is wrong, where one does; of a new finding it is the first of
    `checks`, those that show what the older run didn't. The waivers are those that each run
    had for the requirement, whatever became of them. `follows` is the id of the requirement whose change is the cause
    of this one, as the findings of the run say; empty where the change is one of its own.
    """

    kind: Kind
    old: RequirementResult | None
    new: RequirementResult | None
    check: Check | None = None
    old_waiver: Waiver | None = None
    new_waiver: Waiver | None = None
    checks: tuple[Check, ...] = ()
    follows: str = ""

    @property
    def requirement(self) -> Requirement:
        """The requirement, as the newer catalogue that has it words it."""
        result = self.new or self.old
        assert result is not None
        return result.requirement

    @property
    def fails(self) -> bool:
        """True if the requirement fails now, and didn't before."""
        was = None if self.old is None else self.old.outcome
        return self.new is not None and self.new.outcome is Outcome.FAILED and was is not Outcome.FAILED

    @property
    def waived(self) -> bool:
        """True if the requirement fails or warns now, and a waiver holds for it."""
        return _holds(self.new_waiver)

    @property
    def stops(self) -> bool:
        """True if the comparison fails because of it: worse than before, and not waived."""
        failed = self.new is not None and self.new.outcome is Outcome.FAILED
        lapsed = self.kind is Kind.NO_LONGER_WAIVED and failed
        worse = self.kind in (Kind.REGRESSION, Kind.NEW_FINDING)
        return (worse or self.fails or lapsed) and not self.waived

    @property
    def levels(self) -> str:
        """`MUST`, or `SHOULD, was MUST` where the two catalogues weigh it differently."""
        level = str(self.requirement.level)
        old = None if self.old is None else str(self.old.requirement.level)
        return level if old in (None, level) else f"{level}, was {old}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs and what differs: `changes` with the worst first, how many results stayed as they were by outcome.

    `waived` counts those among the unchanged for which a waiver holds. `notes` are sentences on what else differs
    between the runs and may explain the changes.
    """

    old: RunRecord
    new: RunRecord
    changes: tuple[Change, ...]
    unchanged: Mapping[Outcome, int]
    waived: Mapping[Outcome, int]
    notes: tuple[str, ...]

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind, in order."""
        return tuple(change for change in self.changes if change.kind is kind)

    def told(self, kind: Kind) -> tuple[tuple[Change, tuple[Change, ...]], ...]:
        """Returns the changes of one kind that are changes of their own, each with those that follow from it."""
        return tuple(
            (one, tuple(other for other in self.changes if other.follows == one.requirement.id))
            for one in self.of(kind)
            if not one.follows
        )

    @property
    def sentence(self) -> str:
        """The whole result in one line."""
        parts = [_counted(kind, found) for kind in Kind if (found := self.of(kind))]
        return ", ".join(parts) or "nothing changed"

    @property
    def same(self) -> str:
        """Returns the unchanged requirements in words: `40 passed, 3 failed (2 waived)`."""
        return ", ".join(
            f"{count} {explain.OUTCOMES[outcome]}"
            + (f" ({self.waived[outcome]} waived)" if self.waived.get(outcome) else "")
            for outcome, count in self.unchanged.items()
            if count
        )

    @property
    def exit_code(self) -> int:
        """1 where anything got worse or fails anew, 3 where something that has to hold is no longer tested, or 0.

        What a waiver holds for now counts for nothing; a failure that is no longer waived is one that fails anew. A
        run that was ended early, where its baseline wasn't, is 3 as well.
        """
        if any(change.stops for change in self.changes):
            return 1
        lost = [change.new for change in self.of(Kind.NEWLY_UNTESTED)]
        cut = self.old.complete and not self.new.complete
        unsettled = self.old.verdict is Verdict.CONFORMANT and self.new.verdict is Verdict.INCONCLUSIVE
        binding = any(result is not None and explain.counted_as_unproven(result) for result in lost)
        return 3 if binding or cut or unsettled else 0


# A change in words, where these aren't `2 requirements newly tested`.
_COUNTED = {
    Kind.REGRESSION: ("regression", None),
    Kind.NEW_FINDING: ("new finding", None),
    Kind.ADDED: ("new requirement", None),
    Kind.REMOVED: ("removed requirement", None),
    Kind.FIX: ("fix", "fixes"),
}


def compare(old: RunRecord, new: RunRecord) -> Comparison:
    """Returns the changes from `old` to `new`. Raises UsageError where they speak of different APIs."""
    if old.target.api != new.target.api:
        raise UsageError(
            f"these runs are of different APIs: {line(old.target.api)} and {line(new.target.api)}",
            hint="Compare runs of the same API; `payout-conformance report` puts runs of several side by side.",
        )
    before = {result.requirement.id: result for result in old.requirements}
    after = {result.requirement.id: result for result in new.requirements}
    order = {name: position for position, name in enumerate([*after, *before])}
    checks = {check.id: check for check in new.checks}
    had, has = ({one.requirement: one for one in run.waivers} for run in (old, new))
    changes, unchanged, waived = [], dict.fromkeys(Outcome, 0), dict.fromkeys(Outcome, 0)
    fresh = new_findings(old, new)
    for name in dict.fromkeys([*after, *before]):
        kind = _kind(before.get(name), after.get(name))
        found = fresh.get(name, ()) if kind is None else ()
        kind = kind or (Kind.NEW_FINDING if found else None)
        kind = kind or _waiving(had.get(name), has.get(name), after[name])
        if kind is None:
            unchanged[after[name].outcome] += 1
            waived[after[name].outcome] += _holds(has.get(name))
            continue
        new_result = after.get(name)
        check = found[0] if found else None if new_result is None else _telling(new_result, checks)
        changes.append(Change(kind, before.get(name), new_result, check, had.get(name), has.get(name), found))
    kinds = list(Kind)

    def weight(change: Change) -> tuple[int, bool, bool, bool, bool, int]:
        requirement = change.requirement
        failed = change.new is not None and change.new.outcome is Outcome.FAILED
        safety = requirement.basis is Basis.SAFETY
        light = change.waived, not failed, requirement.level is Level.SHOULD, not safety
        return kinds.index(change.kind), *light, order[requirement.id]

    ordered = tuple(sorted(_following(old, new, changes), key=weight))
    return Comparison(old, new, ordered, unchanged, waived, tuple(_notes(old, new)))


# Kinds whose changes have a cause in the newer run, or had one in the older run.
_WORSE, _BETTER = (Kind.REGRESSION, Kind.NEW_FINDING), (Kind.FIX,)


def _following(old: RunRecord, new: RunRecord, changes: Sequence[Change]) -> Iterator[Change]:
    """Yields the changes; what the report of its run folds under another one that changed, too, follows from that."""
    kept, lost = waiting(new), dict[str, str]()
    for change in changes:
        name, check = change.requirement.id, change.check
        kinds, run = (_BETTER, old) if change.kind in _BETTER else (_WORSE, new)
        cause = folded_under(run).get(name) if change.kind in (*_WORSE, *_BETTER) else None
        if change.kind is Kind.NEWLY_UNTESTED and check is not None:
            cause = kept[check.id].requirement.id if check.id in kept else None
        is_told = any(one.requirement.id == cause and one.kind in kinds for one in changes)
        if not is_told and change.kind is Kind.NEWLY_UNTESTED and check is not None and check.problem:
            # What could not begin for the same reason is told once.
            first = lost.setdefault(check.problem.fault or name, name)
            cause, is_told = first, first != name
        yield replace(change, follows=cause) if cause is not None and is_told else change


def folded_under(run: RunRecord) -> dict[str, str]:
    """Returns for each requirement that fails or warns only because of another one the id of that one."""
    told = (*explain.problems(run), *explain.warnings(run))
    heads = {finding.requirement.id for finding in told}
    return {
        one.requirement.id: finding.requirement.id
        for finding in told
        for one in finding.folded
        if one.requirement.id not in heads
    }


def _kind(old: RequirementResult | None, new: RequirementResult | None) -> Kind | None:
    if new is None:
        return Kind.REMOVED
    if old is None:
        return Kind.ADDED
    was, now = _RANK.get(old.outcome), _RANK.get(new.outcome)
    if old.outcome is new.outcome or (was is None and now is None):
        return None
    if now is None:
        return Kind.NEWLY_UNTESTED
    if new.outcome is Outcome.FAILED or (was is not None and now > was):
        return Kind.REGRESSION
    return Kind.NEWLY_TESTED if was is None else Kind.FIX


def _waiving(was: Waiver | None, now: Waiver | None, result: RequirementResult) -> Kind | None:
    """Returns the change of the waiver of a requirement that ended as before."""
    if _holds(was) is _holds(now) or result.outcome not in (Outcome.FAILED, Outcome.WARNED):
        return None
    return Kind.NEWLY_WAIVED if _holds(now) else Kind.NO_LONGER_WAIVED


def new_findings(old: RunRecord, new: RunRecord) -> dict[str, tuple[Check, ...]]:
    """Returns the checks that show what the older run didn't, by the requirement that they are reported under.

    A check that failed before, or shows the deviation that another one of its requirement showed before, shows nothing
    new; nor does one of which the newer run itself says that it follows from something else. Chance decides which of
    several cases fuzzing meets.
    """
    shown: dict[str, set[object]] = {}
    for check in old.checks:
        if check.outcome in _RANK and check.outcome is not Outcome.PASSED:
            for name in check.requirements:
                shown.setdefault(name, set()).update((check.id, _deviation(old, check)))
    worse = {check.id for check in old.checks if check.outcome is Outcome.FAILED}
    found: dict[str, tuple[Check, ...]] = {}
    for finding in (*explain.problems(new), *explain.warnings(new)):
        name = finding.requirement.id
        fresh = tuple(
            check
            for check in finding.checks
            if not finding.control
            and _deviation(new, check) not in shown.get(name, ())
            and (check.id not in shown.get(name, ()) or _is_told_apart(old, new, check))
            and (check.outcome is Outcome.FAILED or check.id not in worse)
        )
        if fresh:
            found[name] = (*found.get(name, ()), *fresh)
    return found


def _deviation(run: RunRecord, check: Check) -> tuple[object, ...]:
    """Returns the outcome, the method and the status of the answer that decides, and the places that differ."""
    answer = None if check.shown_by is None else run.exchanges[check.shown_by]
    places = () if check.problem is None else check.problem.differs
    sent = (None, None) if answer is None else (answer.method, answer.status)
    return check.outcome, *sent, frozenset(places)


def _is_told_apart(old: RunRecord, new: RunRecord, check: Check) -> bool:
    """Returns whether a check that failed before shows another status now: values may differ from run to run."""
    before = next(one for one in old.checks if one.id == check.id)
    return _deviation(old, before)[:3] != _deviation(new, check)[:3] and check.suite != "fuzz"


def _holds(waiver: Waiver | None) -> bool:
    return waiver is not None and waiver.effect is Effect.WAIVES


def _counted(kind: Kind, changes: Sequence[Change]) -> str:
    words = kind.replace("_", " ")
    one, many = _COUNTED.get(kind, (f"requirement {words}", f"requirements {words}"))
    return counted(len(changes), one, many) + _of_which(changes)


def _of_which(changes: Sequence[Change]) -> str:
    waived = sum(change.waived for change in changes if change.kind is not Kind.NEWLY_WAIVED)
    follow = sum(bool(change.follows) for change in changes)
    rest = f" ({follow} {'follows' if follow == 1 else 'follow'} from another)" if follow else ""
    if not waived:
        return rest
    return rest + " (waived)" if waived == len(changes) == 1 else f" ({waived} waived)"


def _telling(result: RequirementResult, checks: Mapping[str, Check]) -> Check | None:
    """The first check that makes the result what it is, where that isn't simply passed."""
    if result.outcome is Outcome.PASSED:
        return None
    found = [checks[name] for name in result.checks if checks[name].outcome is result.outcome]
    return found[0] if found else None


def _notes(old: RunRecord, new: RunRecord) -> list[str]:
    notes = []
    if old.verdict is not new.verdict:
        notes.append(f"The verdict was {_verdict(old)}, and is {_verdict(new)}.")
    if (old.target.name, old.target.base_url) != (new.target.name, new.target.base_url):
        notes.append(f"The targets differ: {_target(old)}, then {_target(new)}.")
    if old.target.environment != new.target.environment:
        notes.append(f"The environments differ: {old.target.environment}, then {new.target.environment}.")
    if old.catalogue_digest != new.catalogue_digest:
        notes.append(
            f"The catalogues differ: revision {old.catalogue_revision}, then {new.catalogue_revision}. "
            "The same requirement may ask for something else, or be checked otherwise."
        )
    if old.harness_version != new.harness_version:
        notes.append(f"The harness was {old.harness_version}, then {new.harness_version}.")
    if (old.fuzz is None) is not (new.fuzz is None):
        notes.append(f"Fuzzing was left out of the {'older' if old.fuzz is None else 'newer'} run.")
    runs = (("older", old), ("newer", new))
    notes += [f"The {which} run was ended early." for which, run in runs if not run.complete]
    if old.started_at > new.started_at:
        notes.append("The run that is named as the older one began later: are they the right way round?")
    return notes


def _verdict(run: RunRecord) -> str:
    return explain.verdict_in_words(run).lower()


def _target(run: RunRecord) -> str:
    return f"{run.target.name} at {run.target.base_url}"
