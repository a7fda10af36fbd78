"""A comparison folds what fails only because of another requirement under that one, as reports do."""

import json
from dataclasses import replace

from conformance.model import Harm, Outcome, Problem, RunRecord
from conformance.report import compare_views
from conformance.report.compare import Change, Kind, compare
from tests.report import sample
from tests.report.test_causes import CONFLICT, REQUIREMENTS, run

WRONG = (
    ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
    ("a::state[failed]", "WD-05", CONFLICT, ("status 409",)),
    ("a::status", "WD-07", CONFLICT, ("status 409",)),
)


def good(made: RunRecord) -> RunRecord:
    """The run, with everything passed."""
    passed = [replace(one, outcome=Outcome.PASSED, problem=None) for one in made.checks]
    return sample.folded([*REQUIREMENTS], passed, list(made.exchanges))


def follows(changes: tuple[Change, ...]) -> dict[str, str]:
    """Each requirement that changed, with the one that it follows from."""
    return {one.requirement.id: one.follows for one in changes}


def test_a_regression_that_follows_from_another_is_told_under_it() -> None:
    """In text, Markdown, HTML and JSON; the exit code and the number are what they were."""
    bad = run(*WRONG)
    found = compare(good(bad), bad)
    assert follows(found.changes) == {"WD-07": "", "WD-04": "WD-07", "WD-05": "WD-07"}
    assert found.exit_code == 1
    assert found.sentence == "3 regressions (2 follow from another)"
    said = compare_views.text(found)
    assert said.count("rule     ") + said.count("is       failed") == 1
    assert "follows  WD-04 failed (" in said
    assert "and what follows from it: WD-04, WD-05" in compare_views.markdown(found)
    assert "and 2 requirements that build on it" in compare_views.html(found)
    told = json.loads(compare_views.as_json(found))["regressions"]
    assert {one["id"]: one.get("follows") for one in told} == {
        "WD-07": None,
        "WD-04": "WD-07",
        "WD-05": "WD-07",
    }


def test_a_fix_of_the_cause_brings_the_others_along() -> None:
    """A finding that followed from another in the older run is folded under its fix."""
    bad = run(*WRONG)
    found = compare(bad, good(bad))
    assert [one.kind for one in found.changes] == [Kind.FIX] * 3
    assert follows(found.changes)["WD-05"] == "WD-07"


def test_a_regression_whose_cause_failed_before_stands_by_itself() -> None:
    """It has no change to be told under."""
    bad = run(*WRONG)
    before = [one if one.id == "a::status" else replace(one, outcome=Outcome.PASSED) for one in bad.checks]
    old = sample.folded([*REQUIREMENTS], before, list(bad.exchanges))
    assert set(follows(compare(old, bad).changes).values()) == {""}


def test_what_could_not_begin_for_one_reason_is_told_once() -> None:
    """Requirements whose request that has to work first failed alike are named with the first of them."""
    requirements = [sample.requirement(name, harm=Harm.MONEY) for name in ("WD-01", "WD-04", "WD-05")]
    kept = Problem("x", "503", control=True, fault="The cancel that begins it was refused")
    lost = [
        sample.check(
            f"a::{requirement.id}", Outcome.NOT_TESTABLE, requirement.id, problem=kept, message="no way"
        )
        for requirement in requirements
    ]
    tested = [replace(one, outcome=Outcome.PASSED, problem=None) for one in lost]
    found = compare(sample.folded(requirements, tested), sample.folded(requirements, lost))
    assert follows(found.changes) == {"WD-01": "", "WD-04": "WD-01", "WD-05": "WD-01"}
    assert "also     WD-04 not testable" in compare_views.text(found)
    assert "<br>also WD-04, WD-05" in compare_views.markdown(found)
