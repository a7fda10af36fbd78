"""Each report of a run is written, and says what it has to."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from conformance.model import Level, Outcome, Problem, RunRecord, Verdict
from conformance.report import html, junit, render, summary, terminal

from . import sample

REQUIREMENTS = [
    sample.requirement("WD-01"),
    sample.requirement("WD-27", Level.SHOULD),
    sample.requirement("WD-42", Level.MAY),
]


FILES = {
    "run.json",
    "exchanges.har",
    "junit.xml",
    "sarif.json",
    "summary.md",
    "report.html",
    "badge.json",
    "badge.svg",
    "allure-results",
    "allurerc.json",
}


def _runs() -> list[RunRecord]:
    must = [Outcome.PASSED, Outcome.FAILED, Outcome.NOT_TESTABLE, Outcome.ERROR, Outcome.DESELECTED]
    should = [*must, Outcome.WARNED]
    return [
        sample.folded(
            REQUIREMENTS,
            [sample.check("a::1", one, "WD-01"), sample.check("a::2", other, "WD-27")],
            complete=complete,
        )
        for one in must
        for other in should
        for complete in (True, False)
    ]


@pytest.mark.parametrize("run", _runs())
def test_junit_is_red_exactly_where_the_run_is_not_conformant(run: RunRecord) -> None:
    """A CI server that reads nothing but JUnit comes to the same answer as the exit code."""
    root = ET.fromstring(junit.junit(run))
    red = int(root.get("failures", "0")) + int(root.get("errors", "0"))
    assert (red == 0) is (run.verdict is Verdict.CONFORMANT)
    assert int(root.get("tests", "0")) == len(root.findall(".//testcase"))


def test_junit_has_a_case_per_check_and_per_requirement_without_one() -> None:
    """With the request to repeat in each failure, and warnings readable in a passed case."""
    run = sample.showcase()
    root = ET.fromstring(junit.junit(run))
    assert {suite.get("name") for suite in root} == {
        "verdict",
        "requirements without a check",
        *(check.suite for check in run.checks),
    }
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["cancellation::refused[paid]"].find("failure")
    assert failure is not None
    assert failure.text is not None
    assert "curl -sS" in failure.text
    assert "expected: 400 with code VALIDATION_ERROR" in failure.text
    assert cases["errors::envelope"].find("system-out") is not None
    assert cases["tenancy::other"].find("error") is not None
    assert cases["tenancy::alike"].find("skipped") is not None
    assert cases["WD-42 A canceled withdraw is never paid"].find("skipped") is not None


def test_the_terminal_says_what_to_do() -> None:
    """Verdict, problems with their requests, what is missing, warnings, counts, the report."""
    said = terminal.text(sample.showcase(), report="reports/latest/report.html")
    assert said.startswith(
        "NON-CONFORMANT  Acme staging (withdraws, test) fails 4 of 7 requirements tested; "
        "1 could not be judged: WD-40 (no answer); 2 not testable: WD-12, WD-13.\n"
    )
    for part in (
        "1. Of parallel cancels exactly one wins\n   rule      WD-08 MUST\n",
        "4 checks could not even begin",
        "observed  200 with data.status canceled",
        "steps     1. POST /api/v1/withdraws/ID/cancel: 200",
        "payout-conformance replay reports/latest 'cancellation::refused[paid]'",
        "Paste this once, before any of the commands above:",
        "$ACME_API_SECRET  api_secret of [credentials.primary]",
        "curl -sS",
        "The profile has no other merchant.\n    WD-12 (",
        "Warnings (1)",
        "2 passed, 4 failed, 1 warned, 2 not testable, 1 error, 2 not applicable",
        "Report: reports/latest/report.html",
    ):
        assert part in said
    assert said.index("WD-08") < said.index("WD-04") < said.index("could not even begin")


def test_the_terminal_shows_a_few_problems_only() -> None:
    """The terminal shows a few problems, and the number of the others."""
    requirements = [sample.requirement(f"WD-{n:02}") for n in range(1, 15)]
    checks = [
        sample.check(f"a::{requirement.id}", Outcome.FAILED, requirement.id, problem=Problem("a", "b"))
        for requirement in requirements
    ]
    said = terminal.text(sample.folded(requirements, checks), limit=3)
    assert said.count("expected  a\n") == 3
    assert "... and 11 more problems; the report has them all." in said


def test_colours_are_the_callers() -> None:
    """Without a style there is none; with one every verdict is dressed."""
    assert "\x1b" not in terminal.text(sample.showcase())
    assert "<good>CONFORMANT</good>" in terminal.text(
        sample.conformant(), style=lambda text, kind: f"<{kind}>{text}</{kind}>"
    )


def test_the_summary_counts_and_explains() -> None:
    """Counts, problems with commands, all requirements, in no more lines than a pull request has room for."""
    said = summary.summary(sample.showcase())
    assert said.startswith("## ❌ Non-conformant: Acme staging\n")
    assert (
        "✅ 2 passed · ❌ 4 failed · ⚠️ 1 warned · 🚫 2 not testable · 💥 1 error · ▫️ 2 not applicable" in said
    )
    assert "**1. WD-08 MUST\\: Of parallel cancels exactly one wins**" in said
    assert "⚠️ 1 warning: WD-27" in said
    assert "payout-conformance replay RUN concurrency::one_winner" in said
    assert len(re.findall(r"<li>\S+ WD-\d+ MUST ", said)) == 8
    assert len(said.splitlines()) <= 40


def test_the_page_has_everything() -> None:
    """All requirements, statements, checks, requests, gaps, fuzzing, what nobody can see."""
    run = sample.showcase()
    page = html.html(run)
    for result in run.requirements:
        assert f'id="{result.requirement.id}"' in page
        assert result.requirement.statement in page
    for check in run.checks:
        assert check.id in page
    for part in (
        "Reserved money is released",
        "Fuzzing",
        '<td class="num">240</td>',
        "exchanges.har",
        "Non-conformant",
    ):
        assert part in page


@pytest.mark.parametrize(
    "fuzz", [{}, {"statuses": 3}, {"operations": {"a": {"cases": 2, "statuses": {"200": 2}}}}, {"x": [1]}]
)
def test_the_page_takes_whatever_the_fuzzing_tells(fuzz: dict[str, object]) -> None:
    """The summary of the fuzzing has no fixed shape."""
    assert "Fuzzing" in html.html(sample.folded(REQUIREMENTS, [], fuzz=fuzz))


def test_all_files_are_written(tmp_path: Path) -> None:
    """Each file is written under its documented name, readable by others, the same each time, and no other file."""
    run = sample.showcase()
    written = render.write_all(run, tmp_path / "run")
    assert set(written) == FILES
    first = _contents(tmp_path / "run")
    assert {path.parts[0] for path in first} == FILES
    assert written["report.html"].stat().st_mode & 0o777 == 0o644
    render.write_all(run, tmp_path / "run")
    assert _contents(tmp_path / "run") == first


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_latest_points_at_the_newest(tmp_path: Path) -> None:
    """Relative, so that the folder can be moved; replaced in place."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        link = render.latest(tmp_path, tmp_path / name)
        assert link.resolve() == tmp_path / name
        assert str(link.readlink()) == name
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "latest"}


def test_latest_is_a_text_file_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`latest` is a text file on file systems without links."""

    def refused(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refused)
    (tmp_path / "one").mkdir()
    assert render.latest(tmp_path, tmp_path / "one").read_text() == "one\n"


def test_latest_leaves_a_real_folder_alone(tmp_path: Path) -> None:
    """A folder called `latest` that isn't ours is kept."""
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "kept").touch()
    render.latest(tmp_path, tmp_path)
    assert (tmp_path / "latest" / "kept").exists()


def test_the_template_engine_is_not_imported_before_it_is_needed() -> None:
    """Workers import the journal; they shouldn't pay for the page."""
    code = (
        "import sys; from conformance.report import journal, record, render, terminal; "
        "sys.exit('jinja2' in sys.modules)"
    )
    root = str(Path(render.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=False)
    assert done.returncode == 0
