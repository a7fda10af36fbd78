"""The order and the wording that all reports for people share."""

import pytest

from conformance.model import Basis, Level, Outcome, Problem, RunRecord
from conformance.report import explain

from . import sample

F = Outcome.FAILED


def test_violations_come_before_controls_and_safety_before_the_rest() -> None:
    """The worst is read first."""
    found = explain.problems(sample.showcase())
    assert [(item.requirement.id, item.control) for item in found] == [
        ("WD-08", False),
        ("WD-04", False),
        ("WD-32", True),
    ]


def test_checks_that_failed_for_one_cause_are_one_entry() -> None:
    """Ids of different resources don't make a different cause; another status does."""
    problems = [
        Problem("200", "500 for 660e8400-e29b-41d4-a716-446655440001", control=True),
        Problem("200", "500 for 660e8400-e29b-41d4-a716-446655440002", control=True),
        Problem("200", "404 for 660e8400-e29b-41d4-a716-446655440003", control=True),
    ]
    checks = [sample.check(f"a::{n}", F, "WD-32", problem=problem) for n, problem in enumerate(problems)]
    found = explain.problems(sample.folded([sample.requirement("WD-32")], checks))
    assert [explain.begun(item) for item in found] == [
        "2 checks could not even begin",
        "1 check could not even begin",
    ]


def test_the_checks_of_one_requirement_are_one_entry() -> None:
    """Twenty failing cells of a matrix are one thing to mend."""
    checks = [sample.check(f"a::{n}", F, "WD-04", "WD-10", problem=Problem("400", "200")) for n in range(20)]
    (found,) = explain.problems(
        sample.folded([sample.requirement("WD-04"), sample.requirement("WD-10")], checks)
    )
    assert (found.requirement.id, found.also, len(found.more)) == ("WD-04", ("WD-10",), 19)


def test_a_check_is_shown_under_what_fails_by_it() -> None:
    """A SHOULD named first doesn't hide the MUST."""
    rows = [sample.requirement("WD-27", Level.SHOULD), sample.requirement("WD-04")]
    run = sample.folded(rows, [sample.check("a::1", F, "WD-27", "WD-04", problem=Problem("400", "200"))])
    assert [item.requirement.id for item in explain.problems(run)] == ["WD-04"]


def test_every_failing_check_is_in_some_entry() -> None:
    """Nothing that failed goes missing, with or without a Problem."""
    checks = [
        sample.check("a::1", F, "WD-04"),
        sample.check("a::2", F, "WD-08", problem=Problem("a", "b")),
        sample.check("a::3", F, "WD-04", problem=Problem("a", "b", control=True)),
    ]
    rows = [sample.requirement("WD-04"), sample.requirement("WD-08", basis=Basis.SAFETY)]
    found = explain.problems(sample.folded(rows, checks))
    assert {check.id for item in found for check in (item.check, *item.more)} == {"a::1", "a::2", "a::3"}


def test_an_entry_says_how_to_repeat_it() -> None:
    """The cited exchange, or else the last; the string that was signed with it."""
    first = explain.problems(sample.showcase())[0]
    assert first.exchange == 1
    assert first.signed == "1772366400000."
    assert first.curl.splitlines()[0].startswith("TS=")


def test_gaps_are_grouped_by_what_is_missing() -> None:
    """One reason, all requirements that wait for it."""
    (gap,) = explain.gaps(sample.showcase(), Outcome.NOT_TESTABLE)
    assert gap.ids == ("WD-12", "WD-13")
    assert "other merchant" in gap.reason


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (sample.showcase(), "fails 4 of 7 requirements tested"),
        (sample.conformant(), "meets all 2 requirements tested"),
        (sample.folded([sample.requirement("WD-01")], []), "leaves 1 requirement unproven; nothing failed"),
        (sample.folded([sample.requirement("WD-01")], [], complete=False), "was not tested to the end"),
        (sample.folded([], []), "was not tested for anything"),
    ],
)
def test_the_headline(run: RunRecord, says: str) -> None:
    """One sentence per kind of ending."""
    assert explain.headline(run).startswith(says)
    assert explain.sentence(run).endswith(f"Acme staging (withdraws, test) {explain.headline(run)}.")
