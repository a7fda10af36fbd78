"""The outcome of what a test raised: only a broken expectation is ever held against the target."""

from pathlib import Path

import pytest

from conformance import suites
from conformance.errors import BudgetError, HarnessError, NotApplicable, NotTestable, TransportError
from conformance.http.redact import Redactor
from conformance.model import Check, Level, Outcome
from conformance.oracles.expect import Violation
from conformance.outcome import classify, described, raised
from tests.http.test_reply import reply

VIOLATION = Violation(expected="200", observed="409", hint="look here")


def in_a_suite() -> AssertionError:
    """The exception of a bare assert in one of our suites."""
    folder = Path(suites.__file__ or "").parent
    code = compile("assert 409 == 200, '409 == 200'", str(folder / "withdraws" / "test_x.py"), "exec")
    try:
        exec(code, {})
    except AssertionError as fault:
        return fault
    raise RuntimeError


def here() -> AssertionError:
    """The exception of an assert of the harness, of pytest or of a library."""
    try:
        assert not suites, "an invariant of ours"
    except AssertionError as fault:
        return fault
    raise RuntimeError


@pytest.mark.parametrize(
    ("fault", "must", "should"),
    [
        (None, Outcome.PASSED, Outcome.PASSED),
        (VIOLATION, Outcome.FAILED, Outcome.WARNED),
        (in_a_suite(), Outcome.FAILED, Outcome.WARNED),
        (here(), Outcome.ERROR, Outcome.ERROR),
        (TransportError("timeout", "late"), Outcome.ERROR, Outcome.ERROR),
        (HarnessError("ours"), Outcome.ERROR, Outcome.ERROR),
        (KeyError("x"), Outcome.ERROR, Outcome.ERROR),
        (RecursionError(), Outcome.ERROR, Outcome.ERROR),
        (NotTestable("no pending"), Outcome.NOT_TESTABLE, Outcome.NOT_TESTABLE),
        (BudgetError("spent"), Outcome.NOT_TESTABLE, Outcome.NOT_TESTABLE),
        (pytest.skip.Exception("because"), Outcome.NOT_TESTABLE, Outcome.NOT_TESTABLE),
        (NotApplicable("undeclared"), Outcome.NOT_APPLICABLE, Outcome.NOT_APPLICABLE),
        (pytest.fail.Exception("Timeout >60s, says a plugin"), Outcome.ERROR, Outcome.ERROR),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_fault_has_its_outcome(fault: BaseException | None, must: Outcome, should: Outcome) -> None:
    """A MUST fails, a SHOULD warns, a fault of ours or of the wire is neither."""
    assert classify(fault, Level.MUST) is must
    assert classify(fault, Level.MAY) is must
    assert classify(fault, Level.SHOULD) is should


def test_a_failed_control_is_no_judgement() -> None:
    """Nothing was tested: the requirement that is about the controlling request judges it."""
    fault = Violation(expected="200", observed="409", control=True)

    assert {classify(fault, level) for level in Level} == {Outcome.NOT_TESTABLE}


def test_a_violation_becomes_a_problem_with_its_exchange() -> None:
    """Expected, observed, hint, and which of the requests to repeat."""
    first, second = reply(b"1"), reply(b"2", 409)
    fault = Violation(expected="200", observed="409", reply=second, hint="look", control=True)

    message, problem = described(
        fault, "It works.", [first.exchange, second.exchange, first.exchange], Redactor({}), ()
    )

    assert message == "expected 200; observed 409"
    assert problem is not None
    assert (problem.exchange, problem.control, problem.hint) == (1, True, "look")


def test_a_bare_assert_is_told_with_the_last_answer() -> None:
    """It can't say what it expected: the promise of the check does."""
    message, problem = described(in_a_suite(), "It works.", [reply(b"no", 409).exchange], Redactor({}), ())

    assert message == "expected It works.; observed 409 == 200; the last answer was 409 no"
    assert problem is not None


@pytest.mark.parametrize(
    "fault", [here(), KeyError("x"), TransportError("reset", "gone"), NotTestable("none", hint="Add one.")]
)
def test_a_fault_of_ours_is_no_problem_of_the_targets(fault: BaseException) -> None:
    """A sentence, and nothing to mend at the target."""
    message, problem = described(fault, "It works.", [reply().exchange], Redactor({}), ())

    assert problem is None
    assert message
    assert "expected" not in message


def test_what_is_said_holds_no_secret() -> None:
    """Neither the profile's nor one that the check made up."""
    texts = "s3cret-1 and altered-1"
    for fault in (
        Violation(expected=texts, observed=texts, hint=texts),
        KeyError(texts),
        NotTestable(texts, hint=texts),
    ):
        said = described(fault, "title", [], Redactor({"a": "s3cret-1"}), ["altered-1"])
        assert "s3cret-1" not in repr(said)
        assert "altered-1" not in repr(said)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.FAILED, pytest.fail.Exception),
        (Outcome.WARNED, pytest.xfail.Exception),
        (Outcome.NOT_APPLICABLE, pytest.skip.Exception),
        (Outcome.NOT_TESTABLE, NotTestable),
        (Outcome.ERROR, Exception),
    ],
)
def test_pytest_is_told_the_same(outcome: Outcome, kind: type[BaseException]) -> None:
    """Red for what fails or can't be tested, not for a SHOULD or what doesn't apply."""
    check = Check(
        "a::b", "a", "t", ("WD-01",), Level.MUST, outcome, "the message", "2026-01-01T00:00:00Z", 0.1
    )

    fault = raised(check, [])

    assert isinstance(fault, kind)
    assert "the message" in str(fault)


@pytest.mark.parametrize("before", range(1960, 2005, 4))
def test_a_long_message_is_cut_after_the_secrets_are_out(before: int) -> None:
    """A target may put a megabyte into any field; wherever the cut is, no half of a secret stands before it."""
    secret = "the-secret-of-somebody"
    fault = Violation(expected="200", observed="." * before + secret + "x" * 100_000)

    message, problem = described(fault, "title", (), Redactor({"p.secret": secret}), ())

    assert problem is not None
    assert len(message) < 2200
    assert "(10" in problem.observed
    assert "the-secret" not in message
