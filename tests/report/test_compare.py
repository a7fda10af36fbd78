"""Two runs of one API: what got worse, what got better, what isn't known any more."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance.errors import UsageError
from conformance.model import Effect, Level, Outcome, Problem, RunRecord, Waiver
from conformance.report import compare_views, record
from conformance.report.compare import Comparison, Kind, compare
from tests.support import ROOT, command

from . import sample

UNTESTED = (Outcome.NOT_TESTABLE, Outcome.DESELECTED, Outcome.ERROR)


def run(
    outcome: Outcome | None, level: Level = Level.MUST, *, name: str = "WD-04", **more: object
) -> RunRecord:
    """A run of WD-01, which passes, and of another requirement that ended as told (None: not in the catalogue)."""
    requirements = [sample.requirement("WD-01")]
    checks = [sample.check("a::first", Outcome.PASSED, "WD-01")]
    left_out: dict[str, str] = {}
    if outcome is not None:
        requirements.append(sample.requirement(name, level))
        if outcome is Outcome.DESELECTED:
            left_out = {name: "Not selected."}
        else:
            checks.append(sample.check("a::second", outcome, name, level=level))
    return sample.folded(requirements, checks, deselected=left_out, declared={"settlement": True}, **more)


def kind(old: Outcome | None, new: Outcome | None) -> tuple[Kind | None, int]:
    """The kind of change between two runs with these outcomes of a MUST, and the exit code."""
    found = compare(run(old), run(new))
    assert len(found.changes) <= 1
    return (found.changes[0].kind if found.changes else None), found.exit_code


def test_worse_is_a_regression() -> None:
    """From passed to warned or failed, from warned to failed; and whatever fails without having failed before."""
    for old in (Outcome.PASSED, Outcome.WARNED, *UNTESTED):
        assert kind(old, Outcome.FAILED) == (Kind.REGRESSION, 1)
    assert kind(Outcome.PASSED, Outcome.WARNED) == (Kind.REGRESSION, 1)


def test_better_is_a_fix_only_where_it_was_seen() -> None:
    """An untested requirement that passes is newly tested; one that isn't tested any more is never a fix."""
    assert kind(Outcome.FAILED, Outcome.PASSED) == (Kind.FIX, 0)
    assert kind(Outcome.FAILED, Outcome.WARNED) == (Kind.FIX, 0)
    for other in UNTESTED:
        assert kind(other, Outcome.PASSED) == (Kind.NEWLY_TESTED, 0)
        assert kind(Outcome.FAILED, other) == (Kind.NEWLY_UNTESTED, 3)


def test_what_is_no_longer_tested_is_not_green() -> None:
    """A MUST that isn't tested any more makes it inconclusive, a SHOULD doesn't; it is listed in any case."""
    for other in UNTESTED:
        assert kind(Outcome.PASSED, other) == (Kind.NEWLY_UNTESTED, 3)
        found = compare(run(Outcome.PASSED, Level.SHOULD), run(other, Level.SHOULD))
        assert ([change.kind for change in found.changes], found.exit_code) == ([Kind.NEWLY_UNTESTED], 0)
    assert compare(run(Outcome.PASSED), run(Outcome.PASSED, complete=False)).exit_code == 3


def test_requirements_of_another_catalogue_are_named() -> None:
    """A new requirement that fails is red: nobody said yet that it may."""
    assert kind(None, Outcome.PASSED) == (Kind.ADDED, 0)
    assert kind(None, Outcome.FAILED) == (Kind.ADDED, 1)
    assert kind(Outcome.FAILED, None) == (Kind.REMOVED, 0)
    assert kind(None, Outcome.NOT_TESTABLE) == (Kind.ADDED, 3)
    assert kind(Outcome.PASSED, Outcome.PASSED) == (None, 0)


def failing(**answers: tuple[Outcome, int]) -> RunRecord:
    """A run of WD-04 with a check of each name, its outcome, and the status of the answer that decides."""
    checks = [
        sample.check(
            f"a::{name}",
            outcome,
            "WD-04",
            exchanges=(index,),
            problem=None if outcome is Outcome.PASSED else Problem("400", str(status), exchange=index),
        )
        for index, (name, (outcome, status)) in enumerate(answers.items())
    ]
    exchanges = [sample.refusal(status) for _, status in answers.values()]
    return sample.folded([sample.requirement("WD-04")], checks, exchanges)


def test_a_finding_inside_a_requirement_that_failed_before_is_seen() -> None:
    """A check that passed and fails now, or fails with another status, is a regression unless it shows nothing new."""
    bad, good = Outcome.FAILED, Outcome.PASSED
    before = failing(first=(bad, 409), second=(good, 400))

    worse = compare(before, failing(first=(bad, 409), second=(bad, 500)))
    (change,) = worse.changes
    assert (change.kind, worse.exit_code, worse.sentence) == (Kind.NEW_FINDING, 1, "1 new finding")
    assert [check.id for check in change.checks] == ["a::second"]
    assert change.check is change.checks[0]

    assert compare(before, failing(first=(bad, 500), second=(good, 400))).of(Kind.NEW_FINDING)
    assert compare(before, failing(first=(bad, 409), second=(bad, 409))).changes == ()
    assert compare(before, before).changes == ()
    assert compare(failing(first=(bad, 409), second=(bad, 500)), before).changes == ()


def test_a_new_finding_can_be_waived() -> None:
    """With its requirement; it is told all the same."""
    bad, good = Outcome.FAILED, Outcome.PASSED
    old, new = failing(first=(bad, 409), second=(good, 400)), failing(first=(bad, 409), second=(bad, 500))
    found = compare(waived(old), waived(new))
    assert ([change.kind for change in found.changes], found.exit_code) == ([Kind.NEW_FINDING], 0)


def waived(run_: RunRecord, effect: Effect = Effect.WAIVES, expires: str = "2027-01-31") -> RunRecord:
    """The run with a waiver for WD-04 that had this effect."""
    return replace(run_, waivers=(Waiver("WD-04", "mended in 4.2", expires, by="payments", effect=effect),))


def views(found: Comparison) -> dict[str, str]:
    """The comparison in each form for people, white space folded."""
    made = (compare_views.text(found), compare_views.markdown(found), compare_views.html(found))
    return {
        name: " ".join(text.split()) for name, text in zip(("text", "markdown", "html"), made, strict=True)
    }


F, W, P = Outcome.FAILED, Outcome.WARNED, Outcome.PASSED
EXPIRED = Effect.EXPIRED


@pytest.mark.parametrize(
    ("old", "new", "kind_", "code"),
    [
        (run(P), waived(run(F)), Kind.REGRESSION, 0),
        (run(P), waived(run(F), EXPIRED), Kind.REGRESSION, 1),
        (run(None), waived(run(F)), Kind.ADDED, 0),
        (waived(run(F)), run(F), Kind.NO_LONGER_WAIVED, 1),
        (waived(run(F)), waived(run(F), EXPIRED), Kind.NO_LONGER_WAIVED, 1),
        (waived(run(W, Level.SHOULD)), run(W, Level.SHOULD), Kind.NO_LONGER_WAIVED, 0),
        (run(F), waived(run(F)), Kind.NEWLY_WAIVED, 0),
        (waived(run(F), EXPIRED), waived(run(F)), Kind.NEWLY_WAIVED, 0),
        (waived(run(F)), waived(run(P), Effect.UNNEEDED), Kind.FIX, 0),
        (waived(run(F)), waived(run(F)), None, 0),
        (run(F), waived(run(F), EXPIRED), None, 0),
        (waived(run(P), Effect.UNNEEDED), run(P), None, 0),
    ],
)  # fmt: skip
def test_what_a_waiver_holds_for_is_told_and_stops_nobody(
    old: RunRecord, new: RunRecord, kind_: Kind | None, code: int
) -> None:
    """One that expired or was taken out is a change, and what it held for counts again."""
    found = compare(old, new)
    assert ([change.kind for change in found.changes], found.exit_code) == ([kind_] if kind_ else [], code)


def test_a_waived_regression_says_who_answers_for_it_in_every_form() -> None:
    """Beside the outcome; counted in the sentence; as a whole in the JSON."""
    found = compare(run(P), waived(run(F)))
    for name, said in views(found).items():
        assert "waived until 2027-01-31 by payments: mended in 4.2" in said.replace("\\", ""), name
        assert "1 regression (waived)" in said, name
    (told,) = compare_views.to_json(found)["regressions"]
    assert told["old"]["waiver"] is None
    assert told["new"]["waiver"] == {
        "requirement": "WD-04",
        "reason": "mended in 4.2",
        "expires": "2027-01-31",
        "by": "payments",
        "effect": "waives",
    }


def test_a_waiver_that_holds_no_longer_is_told_with_its_end_in_every_form() -> None:
    """It was waived, and is not; what is waived still is told of among the unchanged."""
    found = compare(waived(run(F)), waived(run(F), EXPIRED, "2026-02-28"))
    for name, said in views(found).items():
        assert "waived until 2027-01-31 by payments" in said, name
        assert "the waiver expired on 2026-02-28" in said, name
        assert "1 requirement no longer waived" in said, name
        assert "No longer waived" in said, name
    same = compare(waived(run(F)), waived(run(F)))
    for name, said in views(same).items():
        assert "1 failed (1 waived)" in said, name
    assert compare_views.to_json(same)["unchanged_waived"] == {"failed": 1}


def test_every_comparison_has_the_form_that_its_schema_gives() -> None:
    """Each kind of change, with and without waivers, of runs with everything in them."""
    schema = json.loads((ROOT / "specs" / "formats" / "comparison.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema)
    ends = [*Outcome, None]
    runs = [run(one, Level.MAY if one is Outcome.NOT_APPLICABLE else Level.MUST) for one in ends]
    runs += [waived(run(F)), waived(run(F), EXPIRED), waived(run(P), Effect.UNNEEDED), sample.showcase()]
    runs += [sample.conformant(), run(P, complete=False, fuzz={}), run(W, Level.SHOULD)]
    kinds = set()
    for old in runs:
        for new in runs:
            found = compare(old, new)
            kinds |= {change.kind for change in found.changes}
            assert not [
                f"{fault.json_path}: {fault.message}"
                for fault in valid.iter_errors(json.loads(compare_views.as_json(found)))
            ]
    assert kinds == set(Kind)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("no_longer_waived"),
        lambda told: told.update(surprise=1),
        lambda told: told.update(exit_code=2),
        lambda told: told["no_longer_waived"][0]["old"].update(waiver=None),
        lambda told: told["no_longer_waived"][0]["new"].update(outcome="green"),
        lambda told: told["no_longer_waived"][0].update(old=None),
        lambda told: told["unchanged"].pop("failed"),
        lambda told: told["old"]["target"].update(env={}),
        lambda told: told.update(added=told["no_longer_waived"]),
    ],
)
def test_the_schema_is_not_too_wide(change: Callable[[dict[str, Any]], object]) -> None:
    """A comparison with a missing, additional or contradictory part doesn't satisfy its schema."""
    schema = json.loads((ROOT / "specs" / "formats" / "comparison.schema.json").read_text())
    told = compare_views.to_json(compare(waived(run(F)), run(F)))
    assert Draft202012Validator(schema).is_valid(told)
    change(told)
    assert not Draft202012Validator(schema).is_valid(told)


def test_a_level_that_was_lowered_is_said_to_be() -> None:
    """A lowered level is named, since it can look like a fix."""
    found = compare(run(Outcome.FAILED), run(Outcome.WARNED, Level.SHOULD))
    assert found.changes[0].levels == "SHOULD, was MUST"
    assert "SHOULD, was MUST" in compare_views.text(found)
    assert "SHOULD, was MUST" in compare_views.markdown(found)
    assert "SHOULD, was MUST" in compare_views.html(found)


def test_the_worst_comes_first_with_its_reasons_and_its_check() -> None:
    """Failed before warned; what was, what is, which check."""
    requirements = [sample.requirement(f"WD-0{n}") for n in range(1, 5)]
    before = [
        sample.check(f"a::{requirement.id}", Outcome.PASSED, requirement.id) for requirement in requirements
    ]
    after = [
        sample.check("a::WD-01", Outcome.PASSED, "WD-01"),
        sample.check("a::WD-02", Outcome.WARNED, "WD-02", message="a little worse"),
        sample.check("a::WD-03", Outcome.NOT_TESTABLE, "WD-03", message="no way there"),
        sample.check("a::WD-04", Outcome.FAILED, "WD-04", message="much worse"),
    ]
    found = compare(sample.folded(requirements, before), sample.folded(requirements, after))
    assert [change.requirement.id for change in found.changes] == ["WD-04", "WD-02", "WD-03"]
    said = compare_views.text(found)
    assert (
        said.index("is       failed: much worse") < said.index("a little worse") < said.index("no way there")
    )
    assert "was      passed" in said
    assert "check    a::WD-04" in said
    assert "2 regressions, 1 requirement newly untested." in said.lower()
    assert "The verdict was conformant, and is non-conformant." in said
    assert "Unchanged: 1 passed" in said


def test_what_else_differs_is_said() -> None:
    """Another target, another catalogue, another harness, a run cut short, the wrong way round."""
    old = replace(run(Outcome.PASSED), started_at="2027-01-01T00:00:00Z", fuzz={})
    new = run(Outcome.PASSED, complete=False)
    new = replace(
        new,
        catalogue_digest="sha256:" + "1" * 64,
        harness_version="9.9",
        target=replace(new.target, base_url="https://new.acme.test", environment="live"),
    )
    said = " ".join(compare(old, new).notes)
    for part in (
        "The targets differ",
        "https://new.acme.test",
        "The environments differ: test, then live",
        "The catalogues differ",
        "9.9",
        "Fuzzing was left out of the newer run",
        "The newer run was ended early",
        "the right way round",
    ):
        assert part in said


def test_another_api_is_refused() -> None:
    """Runs of different APIs can't be compared."""
    other = run(Outcome.PASSED)
    other = replace(other, target=replace(other.target, api="payout-intents"))
    with pytest.raises(UsageError, match="different APIs: withdraws and payout-intents"):
        compare(run(Outcome.PASSED), other)


# -- the commands --------------------------------------------------------------------------------------------


def folders(root: Path, **runs: RunRecord) -> None:
    """Folders of runs, each with its record only."""
    for name, one in runs.items():
        record.write(one, root / name)


def test_compare_prints_writes_and_exits(tmp_path: Path) -> None:
    """Each format, to the terminal or a file; 1 on a regression, 2 for what can't be compared."""
    other = run(Outcome.PASSED)
    other = replace(other, target=replace(other.target, api="payout-intents"))
    folders(tmp_path, old=run(Outcome.PASSED), new=run(Outcome.FAILED), other=other)

    done = command("compare", "old", "new", "--format", "json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["exit_code"] == 1
    assert told["regressions"][0]["new"] == {
        "level": "MUST",
        "outcome": "failed",
        "reason": "Message of a::second",
        "waiver": None,
    }
    done = command("compare", "new", "old", "--format", "html", "--output", "out/c.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 fix: out/c.html\n"), done.stderr
    assert (tmp_path / "out" / "c.html").read_text().startswith("<!doctype html>")
    done = command("compare", "old", "other", cwd=tmp_path)
    assert done.returncode == 2
    assert "different APIs" in done.stderr


def test_report_renders_several_runs_and_an_overview(tmp_path: Path) -> None:
    """All their files again, one page over them with links to each, the worst exit code."""
    folders(
        tmp_path / "runs", good=run(Outcome.PASSED), open=run(Outcome.NOT_TESTABLE), bad=run(Outcome.FAILED)
    )

    done = command("report", "runs/good", "runs/open", cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Overview: runs/overview.html" in done.stdout
    for name in ("good", "open"):
        assert (tmp_path / "runs" / name / "report.html").exists()
        assert (tmp_path / "runs" / name / "allure-results").is_dir()
        assert f'href="{name}/report.html"' in (tmp_path / "runs" / "overview.html").read_text()

    done = command("report", "runs/bad", "runs/good", "--output", "elsewhere", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'href="../runs/bad/report.html"' in (tmp_path / "elsewhere" / "overview.html").read_text()

    before = (tmp_path / "runs" / "bad" / "report.html").stat().st_mtime_ns
    done = command("report", "runs/bad", "runs", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert (tmp_path / "runs" / "bad" / "report.html").stat().st_mtime_ns == before
