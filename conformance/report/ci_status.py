"""How each check counts in JUnit XML and in Allure, the same in both, and what else they list. Pure; no errors.

Red is what keeps the run from being conformant, and only that: what `failed` is a failure; an `error` or
`not_testable` that leaves a MUST unproven is an error; the rest is passed or skipped. A failure that is waived is
skipped. The verdict is a test case of its own, red wherever the run's verdict is, unless all that fails is waived; so
is each requirement without a check, so that none goes missing.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from conformance.model import Check, Level, Outcome, Requirement, RequirementResult, RunRecord, Verdict
from conformance.report import explain
from conformance.report.verdict import binding, exit_code

UNPROVEN = (Outcome.NOT_TESTABLE, Outcome.ERROR)


class Standing(StrEnum):
    """The four results of a test case that CI servers know."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


def of_check(record: RunRecord, check: Check, requirements: Mapping[str, Requirement]) -> Standing:
    """Returns how a check counts; `requirements` are the requirements of the run by their ids."""
    if check.outcome is Outcome.FAILED:
        return Standing.SKIPPED if explain.waived(record, check) else Standing.FAILED
    if check.outcome in UNPROVEN:
        named = [requirements[name] for name in check.requirements if name in requirements]
        weighs = any(
            requirement.level is not Level.SHOULD and binding(check, requirement) for requirement in named
        )
        return Standing.ERROR if weighs else Standing.SKIPPED
    return Standing.PASSED if check.outcome in (Outcome.PASSED, Outcome.WARNED) else Standing.SKIPPED


def of_verdict(record: RunRecord) -> Standing:
    """Returns how the run as a whole counts."""
    if record.verdict is Verdict.NON_CONFORMANT:
        return Standing.FAILED if exit_code(record) == 1 else Standing.SKIPPED
    return Standing.ERROR if record.verdict is Verdict.INCONCLUSIVE else Standing.PASSED


def of_requirement(result: RequirementResult) -> Standing:
    """Returns how a requirement without a check counts."""
    red = result.outcome in UNPROVEN and explain.counted_as_unproven(result)
    return Standing.ERROR if red else Standing.SKIPPED


def unchecked(record: RunRecord) -> Sequence[RequirementResult]:
    """Returns the requirements that no check of the run speaks of."""
    return [result for result in record.requirements if not result.checks]
