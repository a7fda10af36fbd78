"""Says in one line what worked of the kind of which something failed, so that nobody infers it from absence.

From the record alone: its matrix of states, the other cases of the same check, the other checks of the requirement
in the same suite. Where nearly all cases failed, only the few that didn't are worth a word.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence

from conformance.model import Check, MatrixRow, Outcome, Requirement, RunRecord
from conformance.report.answers import at
from conformance.report.clause import stems
from conformance.report.safe import line

_MOST = 4
# So much of a value is shown.
_SHOWN = 60
_READS = ("GET", "HEAD", "OPTIONS")
# So many words that a title shares with a fault make it read as its opposite.
_ALIKE = 3
# From this share of its cases on, and so many of them, it is the rule that a check fails.
_RULE, _FEW = 0.8, 5
# So many cases that all fail do so for another reason than chance.
_SOME = 3
GOT_THROUGH = "Nearly all of these got through"
NOTHING_VERIFIED = (
    f"{GOT_THROUGH}: is this verified at all, or is a caller trusted for a while after one good request?"
)
OF_WHOM = ", of "
"""Between a state and the owner of a resource, where that isn't the caller."""
# The name of a field, as JSON has it: with a dot, an underscore or a capital within.
_FIELD = re.compile(r"\b[a-z]+(?:[._][a-z0-9]+|[A-Z][a-z0-9]+)+\b")
REQUIREMENT = re.compile(r"[A-Z]+-\d+")
"""The id of a requirement."""
CASES = ("these cases: ", "this case: ", "every case of these: ")
"""How a list of the cases that passed begins."""
ORDINALS = ("first", "second", "third")
"""Cases that are only numbered, which tells nobody anything."""
_WRONG = (Outcome.FAILED, Outcome.WARNED)
_TESTED = (Outcome.PASSED, *_WRONG)


def worked(record: RunRecord, check: Check, requirement: Requirement) -> str:
    """Returns what passed of the same kind as the failing `check` of `requirement`; empty where nothing did."""
    if any(one.requirement == requirement.id for one in record.matrix):
        said = _states(record, {state for _, state in check.resources})
        alike = _alike(record, check)
        said += f"; {alike}" if said and alike else ""
        if said:
            # Of others' resources the matrix says nothing.
            of_others = any(OF_WHOM in state for _, state in check.resources)
            return f"with the primary's own, {said}" if of_others else said
    return _cases(record, check) or (
        "" if fails_nearly_always(record, check) else _others(record, check, requirement)
    )


def fails_nearly_always(record: RunRecord, check: Check) -> bool:
    """Returns whether nearly all of the many cases of a check failed, or were warned of."""
    tested = _ended(record, check)
    wrong = sum(one is not Outcome.PASSED for one in tested)
    return len(tested) >= _FEW and wrong >= _RULE * len(tested)


def is_always_wrong(record: RunRecord, requirement: Requirement) -> bool:
    """Returns whether a check of a requirement has some cases, and none of them passed: it is no matter of chance."""
    checks = [one for one in record.checks if requirement.id in one.requirements]
    return any(
        len(ended) >= _SOME and Outcome.PASSED not in ended
        for ended in (_ended(record, one) for one in checks if one.outcome in _WRONG)
    )


def _ended(record: RunRecord, check: Check) -> list[Outcome]:
    """Returns how each case of a check ended that was tested."""
    ended = [one.outcome for one in record.checks if "[" in one.id and _name(one) == _name(check)]
    return [one for one in ended if one in _TESTED]


def _states(record: RunRecord, failing: Collection[str]) -> str:
    """Each state of the matrix whose documented answer came: `as documented: cancelled for processing; 422 for paid`.

    What is to be told as failing isn't among them.
    """
    groups: dict[str, list[str]] = {}
    for row in record.matrix:
        for state, checks in _expanded(row, record.checks):
            if (
                state not in failing
                and checks
                and all(_as_documented(record, row, check) for check in checks)
            ):
                kind = row.value if row.status // 100 == 2 else f"{row.status} {row.value}"
                groups.setdefault(kind, []).append(state)
    told = "; ".join(
        f"{line(kind, 60)} for {', '.join(_aside(line(state, 40)) for state in states)}"
        for kind, states in groups.items()
    )
    return f"answered as documented: {told}" if told else ""


def _alike(record: RunRecord, check: Check) -> str:
    """Returns the states in which a request got the value that fails the check, though none of their checks fails.

    Such as `but likewise "done" for open`; empty where none did.
    """
    if check.shown_by is None:
        return ""
    shown = record.exchanges[check.shown_by]
    if shown.method in _READS:
        return ""
    found: dict[str, list[str]] = {}
    for row in record.matrix:
        came = at(shown, row.field)
        if shown.status != row.status or came in (None, row.value):
            continue
        for state, checks in _expanded(row, record.checks):
            answers = [
                record.exchanges[index]
                for one in checks
                if one.outcome is Outcome.PASSED
                for index in one.exchanges
            ]
            same = [one for one in answers if one.method == shown.method and one.status == shown.status]
            if any(at(one, row.field) == came for one in same):
                found.setdefault(json.dumps(came, ensure_ascii=False)[:_SHOWN], []).append(
                    _aside(line(state, 40))
                )
    return "; ".join(f"but likewise {value} for {', '.join(states)}" for value, states in found.items())


def _as_documented(record: RunRecord, row: MatrixRow, check: Check) -> bool:
    """Returns whether a check passed by the documented answer: where others are wrong alike, some let that be."""
    answers = (record.exchanges[index] for index in check.exchanges)
    return check.outcome is Outcome.PASSED and (
        not check.exchanges
        or any(one.status == row.status and at(one, row.field) == row.value for one in answers)
    )


def _aside(state: str) -> str:
    """Returns a state with what qualifies it in brackets: `processing (can be called back)`."""
    name, mark, rest = state.partition(", ") if ", " in state else state.partition(": ")
    return f"{name} ({rest})" if mark else name


def _expanded(row: MatrixRow, checks: Iterable[Check]) -> list[tuple[str, list[Check]]]:
    """The states of a row, each with the tested checks that ask for it."""
    pattern = re.escape(row.checks).replace(r"\*", ".*").replace(r"\{state\}", "(?P<state>[^],-]+)")
    found: dict[str, list[Check]] = {}
    for check in checks:
        match = re.fullmatch(pattern, check.id)
        if match and check.outcome in _TESTED:
            state = match.groupdict().get("state", "")
            found.setdefault(row.state.replace("{state}", line(state, 30)), []).append(check)
    return list(found.items())


def _cases(record: RunRecord, check: Check) -> str:
    name, bracket, _ = check.id.partition("[")
    if not bracket:
        return ""
    passed = [
        case_in_words(one.id.partition("[")[2].removesuffix("]"))
        for one in record.checks
        if one.id.partition("[")[0] == name and one.outcome is Outcome.PASSED
    ]
    # Cases that are requirements ask for something else each.
    passed = [one for one in passed if not REQUIREMENT.fullmatch(one) and one not in ORDINALS]
    whole = _whole_kinds(record, name) if len(passed) > _MOST else []
    if whole:
        return f"every case of these: {_listed(whole)}"
    few = "only " if passed and fails_nearly_always(record, check) else ""
    return f"{few}{'this case' if len(passed) == 1 else 'these cases'}: {_listed(passed)}" if passed else ""


def _whole_kinds(record: RunRecord, name: str) -> list[str]:
    """Returns the first words of cases that have more, where all that begin so passed.

    Empty where others passed, too. Of `a, read`, `a, cancel` and `b, read` these are `a` and `b`.
    """
    kinds: dict[str, list[Outcome]] = {}
    for one in record.checks:
        case = one.id.partition("[")[2].removesuffix("]")
        if _name(one) == name and one.outcome in _TESTED:
            kinds.setdefault(case_in_words(case).partition(", ")[0], []).append(one.outcome)
    whole = [kind for kind, ended in kinds.items() if all(each is Outcome.PASSED for each in ended)]
    none_else = all(Outcome.PASSED not in ended for kind, ended in kinds.items() if kind not in whole)
    return whole if none_else and len(whole) <= _MOST and all(len(one) > 1 for one in kinds.values()) else []


def _others(record: RunRecord, check: Check, requirement: Requirement) -> str:
    """Returns the titles of what passed of the requirement: no failing cases, and none that reads as its opposite."""
    wrong = {_name(one) for one in record.checks if one.outcome in (Outcome.FAILED, Outcome.WARNED)}
    about = stems(check.problem.fault if check.problem else "")
    faults = [
        stems(one.problem.fault)
        for one in record.checks
        if one.problem
        and one.outcome in (Outcome.FAILED, Outcome.WARNED)
        and requirement.id in one.requirements
    ]
    titles = dict.fromkeys(
        one.title.rstrip(".")
        for one in record.checks
        if requirement.id in one.requirements
        and one.outcome is Outcome.PASSED
        and one.suite == check.suite
        and _name(one) not in wrong
    )
    fields = set(_FIELD.findall(check.problem.fault if check.problem else ""))
    told = [
        title
        for title in titles
        if all(len(stems(title) & one) < _ALIKE for one in (about, *faults))
        and not any(one.rpartition(".")[2].lower() in title.lower() for one in fields)
    ]
    return "; ".join(line(title, 120) for title in told[:2])


def _name(check: Check) -> str:
    return check.id.partition("[")[0]


def case_in_words(case: str) -> str:
    """Returns the case of a check, as pytest has it in brackets, in words: `at_first-read` is `at first, read`."""
    parts = re.split(r"(?<=[a-z0-9])-(?=[a-z])", case.replace("_and_then_", ", then ").replace("_", " "))
    # A content type is one word, hyphens and all.
    type_ = next((at for at, part in enumerate(parts) if "/" in part), len(parts))
    return ", ".join([*parts[:type_], "-".join(parts[type_:])] if type_ < len(parts) else parts)


def _listed(names: Sequence[str]) -> str:
    between = "; " if any("," in name for name in names) else ", "
    shown = between.join(line(name, 40) for name in names[:_MOST])
    return f"{shown} and {len(names) - _MOST} more" if len(names) > _MOST else shown
