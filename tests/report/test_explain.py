"""The order and the wording that all reports for people share."""

import pytest

from conformance.model import Basis, Level, Outcome, Problem, RunRecord
from conformance.report import allure, explain, html, junit, summary, terminal

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
    requirements = [sample.requirement("WD-27", Level.SHOULD), sample.requirement("WD-04")]
    run = sample.folded(
        requirements, [sample.check("a::1", F, "WD-27", "WD-04", problem=Problem("400", "200"))]
    )
    assert [item.requirement.id for item in explain.problems(run)] == ["WD-04"]


def test_every_failing_check_is_in_some_entry() -> None:
    """Every failing check is in an entry, with or without a Problem."""
    checks = [
        sample.check("a::1", F, "WD-04"),
        sample.check("a::2", F, "WD-08", problem=Problem("a", "b")),
        sample.check("a::3", F, "WD-04", problem=Problem("a", "b", control=True)),
    ]
    requirements = [sample.requirement("WD-04"), sample.requirement("WD-08", basis=Basis.SAFETY)]
    found = explain.problems(sample.folded(requirements, checks))
    assert {check.id for item in found for check in (item.check, *item.more)} == {"a::1", "a::2", "a::3"}


def refused(*statuses: int) -> RunRecord:
    """A run whose premise fails last and in two checks, over exchanges that ended in these statuses."""
    requirements = [
        sample.requirement("WD-08", basis=Basis.SAFETY),
        sample.requirement("WD-30", premise=True),
    ]
    checks = [
        sample.check("a::race", F, "WD-08", problem=Problem("a", "b")),
        sample.check("auth::odd[0]", F, "WD-30", problem=Problem("a", "b", hint="leading zeros")),
        sample.check("auth::plain", F, "WD-30", problem=Problem("a", "b")),
        sample.check("a::begin", F, "WD-08", problem=Problem("a", "b", control=True)),
    ]
    return sample.folded(requirements, checks, [sample.refusal(status) for status in statuses])


def test_a_premise_comes_first_where_nothing_succeeded_and_says_that_the_rest_follows() -> None:
    """By its plainest check; nothing goes missing, and no other entry says it."""
    first, *rest = explain.problems(refused(401, 401))
    assert (first.requirement.id, first.check.id, [one.id for one in first.more]) == (
        "WD-30",
        "auth::plain",
        ["auth::odd[0]"],
    )
    assert "probably follows" in " ".join(first.remarks)
    assert [(one.requirement.id, one.control, one.remarks) for one in rest] == [
        ("WD-08", False, ()),
        ("WD-08", True, ()),
    ]


def test_a_premise_is_not_what_its_own_checks_wait_for() -> None:
    """The request that has to work first is what it is about: an entry of its own, ahead of all that couldn't begin."""
    requirements = [sample.requirement("PI-39", premise=True), sample.requirement("PI-40")]
    problem = Problem("200", "401", control=True)
    checks = [
        *(sample.check(f"auth::wrong[{n}]", F, "PI-40", problem=problem) for n in range(9)),
        sample.check("auth::documented", F, "PI-39", problem=problem),
    ]
    first, rest = explain.problems(sample.folded(requirements, checks))
    assert (first.requirement.id, first.control, first.more) == ("PI-39", False, ())
    assert (rest.control, explain.begun(rest)) == (True, "9 checks could not even begin")


def test_a_premise_that_fails_now_and_then_is_one_problem_among_others() -> None:
    """A single request that was accepted proves that the rest doesn't follow."""
    found = explain.problems(refused(401, 200, 401))
    assert [one.requirement.id for one in found] == ["WD-08", "WD-30", "WD-08"]
    assert not any(one.remarks for one in found)


def test_a_premise_alone_has_nothing_that_follows() -> None:
    """It is the only problem: no remark."""
    checks = [sample.check("auth::plain", F, "WD-30", problem=Problem("a", "b"))]
    (found,) = explain.problems(sample.folded([sample.requirement("WD-30", premise=True)], checks))
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("failing", "doubted"),
    [
        ({"fuzz::x": [{"cause": "500", "again": False}]}, True),
        ({"fuzz::x": [{"again": False}, {"again": True}]}, True),
        ({"fuzz::x": [{"again": True}, {"again": False}]}, False),
        ({"fuzz::x": [{"again": None}]}, False),
        ({"fuzz::y": [{"again": False}]}, False),
        ({"fuzz::x": []}, False),
        ({"fuzz::x": "odd"}, False),
        ([], False),
    ],
)
def test_a_case_that_did_not_fail_again_is_told_of(failing: object, doubted: bool) -> None:
    """Wherever the finding is shown, warnings included; by the case that shows it, whatever shape the record has."""
    requirements = [sample.requirement("WD-04"), sample.requirement("WD-27", Level.SHOULD)]
    checks = [
        sample.check("fuzz::x", F, "WD-04", problem=Problem("400", "500")),
        sample.check("fuzz::x2", Outcome.WARNED, "WD-27", level=Level.SHOULD, problem=Problem("400", "500")),
    ]
    also = {"fuzz::x2": failing["fuzz::x"]} if isinstance(failing, dict) and "fuzz::x" in failing else {}
    told = {**failing, **also} if isinstance(failing, dict) else failing
    run = sample.folded(requirements, checks, fuzz={"failing": told})
    for found in (*explain.problems(run), *explain.warnings(run)):
        assert any("did not fail again" in remark for remark in found.remarks) is doubted
    shown = (
        " ".join(terminal.text(run).split()),
        html.html(run),
        summary.summary(run),
        junit.junit(run),
        "".join(str(text) for _, text in allure.files(run, {})),
    )
    for number, text in enumerate(shown):
        often = text.count("did not fail again")
        assert (often >= 2) if doubted else (often == 0), number


def test_an_entry_says_how_to_repeat_it() -> None:
    """The cited exchange, or else the last; the string that was signed with it."""
    first = explain.problems(sample.showcase())[0]
    assert first.exchange == 1
    assert first.signed == "1772366400000."
    assert first.curl.splitlines()[0].startswith("sign() {")


def test_gaps_are_grouped_by_what_is_missing() -> None:
    """Requirements that lack the same thing are one gap with one reason."""
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
    """The headline is one sentence per kind of ending."""
    assert explain.headline(run).startswith(says)
    assert explain.sentence(run).endswith(f"Acme staging (withdraws, test) {explain.headline(run)}.")
