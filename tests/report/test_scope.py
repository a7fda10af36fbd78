"""Each place that shows a verdict shows its scope: the files of a run, comparisons, and the output for CI."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.model import Outcome, RunRecord
from conformance.report import compare_views, explain, html, render, several, terminal
from conformance.report.compare import compare
from conformance.report.several import Ended

from . import sample

WHY = "the sandbox has one account"
SHORT = "scope: one merchant"


@pytest.fixture(scope="module")
def run() -> RunRecord:
    """A conformant run of a sandbox with one merchant."""
    found = sample.folded([sample.requirement("WD-01")], [sample.check("a::1", Outcome.PASSED, "WD-01")])
    return replace(found, target=replace(found.target, scope=(("other_merchant", WHY),)))


def test_every_file_of_a_run_that_has_its_verdict_has_its_scope(run: RunRecord, tmp_path: Path) -> None:
    """In short where people read it, with the reason where programs do; the archive has no verdict."""
    written = render.write_all(run, tmp_path)
    texts = {name: path.read_text() for name, path in written.items() if path.is_file()}

    people = {"report.html", "summary.md", "badge.json", "badge.svg", "allurerc.json", "junit.xml"}
    assert {name for name, text in texts.items() if SHORT in text.replace("\\", "")} >= people
    programs = {"run.json", "sarif.json", "junit.xml"}
    assert {name for name, text in texts.items() if WHY in text} >= programs
    assert texts.keys() - people - programs == {"exchanges.har"}
    (found,) = json.loads(texts["sarif.json"])["runs"]
    assert found["properties"]["scope"] == {"other_merchant": WHY}


def test_terminal_overview_and_ci_have_it(run: RunRecord) -> None:
    """The first line, also of `--quiet`; the page over several runs; the summary of a job; `--json`."""
    ended = [Ended("Acme", "withdraws", 0, run, "f", "f/report.html")] * 2
    texts = [
        terminal.text(run).partition("\n")[0],
        explain.sentence(run),
        html.overview([run, run]),
        several.in_markdown(ended).replace("\\", ""),
        ended[0].title,
    ]
    assert [SHORT in text for text in texts] == [True] * len(texts)
    told = json.loads(several.as_json(ended, exit_code=0, report=""))
    assert [one["scope"] for one in told["runs"]] == [{"other_merchant": WHY}] * 2


def test_comparisons_have_that_of_each_run(run: RunRecord) -> None:
    """One that left nothing out has none."""
    whole = replace(run, target=replace(run.target, scope=()))
    found = compare(run, whole)

    for view in (compare_views.text, compare_views.markdown, compare_views.html):
        assert view(found).replace("\\", "").count(SHORT) == 1, view.__name__
    told = json.loads(compare_views.as_json(found))
    assert told["old"]["scope"] == {"other_merchant": WHY}
    assert "scope" not in told["new"]
