"""How wide a problem is, what counts of it, and what is told with it."""

from dataclasses import replace

import pytest

from conformance.model import Level, Outcome, Problem, RunRecord
from conformance.report import clause, explain, labelled_rows, passing_cases, terminal

from . import sample

F, P, W = Outcome.FAILED, Outcome.PASSED, Outcome.WARNED


def run(*checks: tuple[str, Outcome, Level], level: Level = Level.MUST) -> RunRecord:
    """A run of checks of one requirement."""
    made = [
        sample.check(name, outcome, "WD-01", level=weight, problem=None if outcome is P else problem())
        for name, outcome, weight in checks
    ]
    return sample.folded([sample.requirement("WD-01", level)], made)


def problem() -> Problem:
    """A problem that a check tells."""
    return Problem("it to be refused", "it was accepted", control=False, fault="It was accepted (200)")


def test_the_cases_that_fail_are_told_in_words() -> None:
    """With how many were tried; further checks by their ids."""
    record = run(
        ("auth::forged[one_more]", F, Level.MUST),
        ("auth::forged[two_more-first]", F, Level.MUST),
        ("auth::forged[none]", P, Level.MUST),
        ("auth::other", F, Level.MUST),
    )
    (finding,) = explain.problems(record)
    assert finding.check.id == "auth::forged[one_more]"
    assert labelled_rows.cases(record, finding) == "2 of 3 failed: one more; two more, first"
    assert (
        labelled_rows.checks(finding)
        == "auth::forged[one_more]; and 1 more case of it; and 1 more check: auth::other"
    )
    assert "cases     2 of 3 failed" in terminal.text(record)


def test_one_case_of_several_is_told_with_how_many_passed() -> None:
    """That it is the only one isn't left to be inferred; where the others are named, they aren't counted, too."""
    record = run(
        ("foreign::read[processing]", F, Level.MUST),
        ("foreign::read[paid]", P, Level.MUST),
        ("foreign::read[failed]", P, Level.MUST),
    )
    (finding,) = explain.problems(record)
    assert labelled_rows.cases(record, finding) == "1 of 3 failed: processing"
    assert finding.worked == "these cases: paid, failed"
    unnamed = replace(finding, worked="")
    assert labelled_rows.cases(record, unnamed) == "1 of 3 failed: processing. The other 2 passed."


def test_kinds_of_cases_that_passed_as_a_whole_are_told_by_their_names() -> None:
    """Of many cases, what the failing ones have in common is told by what the others have."""
    states, asks = ("open", "paid", "failed", "cancelled"), ("cancel", "read")
    cases = [(f"foreign::asked[{state}-{ask}]", state, ask) for state in states for ask in asks]
    record = run(*((name, F if state == "cancelled" else P, Level.MUST) for name, state, _ in cases))
    assert explain.problems(record)[0].worked == "every case of these: open, paid, failed"
    mixed = run(
        *((name, F if (state, ask) == ("paid", "read") else P, Level.MUST) for name, state, ask in cases)
    )
    assert explain.problems(mixed)[0].worked.endswith("and 3 more")


@pytest.mark.parametrize(
    ("level", "part", "outcome", "says"),
    [
        (Level.MUST, Level.MUST, F, "WD-01 MUST"),
        (Level.MUST, Level.SHOULD, F, "WD-01 SHOULD (this part of it; the rest is a MUST)"),
        (Level.SHOULD, Level.MUST, F, "WD-01 MUST (this part of it; the rest is a SHOULD)"),
    ],
)
def test_the_level_is_the_one_that_counted(level: Level, part: Level, outcome: Outcome, says: str) -> None:
    """A check may hold a part of a requirement to another level."""
    record = run(("auth::one", outcome, part), ("auth::two", P, level), level=level)
    (finding,) = (*explain.problems(record), *explain.warnings(record))
    assert labelled_rows.weighed(finding) == says


def test_the_clause_is_one_of_the_level_that_was_broken() -> None:
    """However much another has in common with what was seen."""
    said = "A null that was sent MUST NOT cancel. A null SHOULD be rejected."
    assert clause.broken(said, "A null that was sent was accepted") == "A null that was sent MUST NOT cancel."
    assert (
        clause.broken(said, "A null that was sent was accepted", level="SHOULD")
        == "A null SHOULD be rejected."
    )


def test_what_worked_does_not_read_as_the_opposite() -> None:
    """A case that passed isn't named in the words of the fault, nor by a check that has a failing case."""
    checks = [
        sample.check(
            "a::1", F, "WD-01", problem=Problem("x", "y", control=False, fault="A refusal had no error code")
        ),
        sample.check("a::2", P, "WD-01", title="A refusal has an error with a code."),
        sample.check("a::3[one]", P, "WD-01", title="Something else holds."),
        sample.check("a::3[two]", F, "WD-01", problem=problem()),
        sample.check("a::4", P, "WD-01", title="A body of any length is read."),
    ]
    record = sample.folded([requirement := sample.requirement("WD-01")], checks)
    assert passing_cases.worked(record, checks[0], requirement) == "A body of any length is read"
