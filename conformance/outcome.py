"""Turns an exception of a test into the outcome of its check, and into a message without secrets."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from conformance import contracts
from conformance.errors import BudgetError, ConformanceError, NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.redact import Redactor
from conformance.model import Check, Exchange, Level, Outcome, Problem, Requirement
from conformance.oracles.expect import Violation

# A target may put a megabyte into any field, and a message quotes it.
_LONGEST = 2000


def classify(fault: BaseException | None, level: Level) -> Outcome:
    """Returns the outcome of a check of that level.

    Only a broken expectation is ever held against the target: a Violation, or an assert in a suite. An assert of ours,
    of pytest's or of a library's is a fault of the harness. A failed premise is no judgement: nothing was tested.
    """
    if fault is None:
        return Outcome.PASSED
    if isinstance(fault, NotApplicable):
        return Outcome.NOT_APPLICABLE
    if isinstance(fault, NotTestable | BudgetError | pytest.skip.Exception):
        return Outcome.NOT_TESTABLE
    if isinstance(fault, Violation) and fault.control:
        return Outcome.NOT_TESTABLE
    if _is_expectation(fault):
        return Outcome.WARNED if level is Level.SHOULD else Outcome.FAILED
    return Outcome.ERROR


def described(
    fault: BaseException | None,
    title: str,
    exchanges: Sequence[Exchange],
    redactor: Redactor,
    sent: Collection[str],
) -> tuple[str, Problem | None]:
    """Returns a sentence for the record, and the Problem where the target's answer broke an expectation.

    `sent` are credentials that the check made up: what it says of them is blanked with the profile's own.
    """
    if fault is None:
        return "", None

    def clean(text: str) -> str:
        # Without secrets first: half of one wouldn't be known any more.
        said = redactor.text(text, sent)
        return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}... ({len(said)} characters)"

    if isinstance(fault, ConformanceError):
        kind = f"{fault.kind}: " if hasattr(fault, "kind") else ""
        return clean(f"{kind}{fault.message}{'. ' + fault.hint if fault.hint else ''}"), None
    if isinstance(fault, Violation):
        problem = Problem(
            expected=clean(fault.expected),
            observed=clean(fault.observed),
            control=fault.control,
            exchange=_index(fault, exchanges),
            hint=clean(fault.hint),
            fault=clean(fault.fault),
            persisted=clean(fault.persisted),
            differs=tuple(map(clean, fault.differs)),
        )
        return f"expected {problem.expected}; observed {problem.observed}", problem
    if _is_expectation(fault):
        said = clean(" ".join(re.sub(r"^assert ", "", str(fault)).split()))
        last = f"; the last answer was {summary.of_exchange(exchanges[-1])}" if exchanges else ""
        problem = Problem(title, f"{said}{last}", exchange=len(exchanges) - 1 if exchanges else None)
        return f"expected {title}; observed {problem.observed}", problem
    where = _place(fault)
    return clean(f"the harness failed: {type(fault).__name__}: {fault}{where}"), None


def raised(check: Check, requirements: Sequence[Requirement]) -> BaseException:
    """Returns the exception that pytest reports instead of the original one, without a traceback or a secret."""
    asked = "\n".join(
        f"{requirement.id} ({requirement.level}): {requirement.statement}" for requirement in requirements
    )
    text = f"{asked}\n{check.message}"
    match check.outcome:
        case Outcome.WARNED:
            return pytest.xfail.Exception(text)
        case Outcome.NOT_APPLICABLE:
            return pytest.skip.Exception(check.message)
        case Outcome.NOT_TESTABLE:
            return NotTestable(f"not testable: {check.message}")
        case Outcome.ERROR:
            return ConformanceError(check.message)
        case _:
            return pytest.fail.Exception(text, pytrace=False)


def _index(fault: Violation, exchanges: Sequence[Exchange]) -> int | None:
    if fault.shown_by is not None and fault.shown_by in exchanges:
        return exchanges.index(fault.shown_by)
    return len(exchanges) - 1 if exchanges else None


def _is_expectation(fault: BaseException) -> bool:
    if not isinstance(fault, AssertionError):
        return False
    trace = _innermost(fault)
    if isinstance(fault, Violation):
        return True
    return trace is not None and _is_in_a_suite(Path(trace.tb_frame.f_code.co_filename))


def _is_in_a_suite(file: Path) -> bool:
    """Returns whether a file belongs to the checks of an API."""
    return any(contracts.checks_folder(name) in file.parents for name in contracts.names())


def _place(fault: BaseException) -> str:
    trace = _innermost(fault)
    return f" ({trace.tb_frame.f_code.co_name}, line {trace.tb_lineno})" if trace else ""


def _innermost(fault: BaseException) -> TracebackType | None:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace
