"""Says in one line what worked of the kind of which something failed, so that nobody infers it from absence.

From the record alone: its matrix of states, the other cases of the same check, the other checks of the requirement.
"""

import re
from collections.abc import Iterable, Sequence

from conformance.model import Check, MatrixRow, Outcome, Requirement, RunRecord
from conformance.report.safe import line

_MOST = 4
_TESTED = (Outcome.PASSED, Outcome.FAILED, Outcome.WARNED)


def worked(record: RunRecord, check: Check, row: Requirement) -> str:
    """Returns what passed of the same kind as the failing `check` of `row`; empty where nothing did."""
    if any(one.requirement == row.id for one in record.matrix):
        said = _states(record)
        if said:
            return said
    return _cases(record, check) or _others(record, row)


def _states(record: RunRecord) -> str:
    """Each state of the matrix whose documented answer came: `cancelled: processing; refused: paid, failed`."""
    groups: dict[str, list[str]] = {}
    for row in record.matrix:
        for state, checks in _expanded(row, record.checks):
            if checks and all(check.outcome is Outcome.PASSED for check in checks):
                kind = row.value if row.status // 100 == 2 else f"{row.status} {row.value}"
                groups.setdefault(kind, []).append(state)
    return "; ".join(f"{line(kind, 60)}: {_listed(states)}" for kind, states in groups.items())


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
        one.id.partition("[")[2].removesuffix("]")
        for one in record.checks
        if one.id.partition("[")[0] == name and one.outcome is Outcome.PASSED
    ]
    return f"the same with {_listed(passed)}" if passed else ""


def _others(record: RunRecord, row: Requirement) -> str:
    titles = list(
        dict.fromkeys(
            one.title.rstrip(".")
            for one in record.checks
            if row.id in one.requirements and one.outcome is Outcome.PASSED and one.suite != "fuzz"
        )
    )
    return "; ".join(line(title, 120) for title in titles[:2])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(line(name, 40) for name in names[:_MOST])
    return f"{shown} and {len(names) - _MOST} more" if len(names) > _MOST else shown
