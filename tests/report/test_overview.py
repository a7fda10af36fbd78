"""Several runs on one page: a table per API, a column per run, and what differs between them."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from conformance.model import Outcome, RunRecord, Target
from conformance.report import html

from . import sample


class Cells(HTMLParser):
    """The words of each row of the tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in = False

    def handle_data(self, data: str) -> None:
        if self._in:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())


def run(*outcomes: Outcome, name: str = "Acme", api: str = "withdraws") -> RunRecord:
    """A run of as many requirements as there are outcomes."""
    requirements = [sample.requirement(f"WD-{n:02}") for n, _ in enumerate(outcomes, 1)]
    checks = [
        sample.check(f"a::{requirement.id}", one, requirement.id)
        for requirement, one in zip(requirements, outcomes, strict=True)
    ]
    return replace(sample.folded(requirements, checks), target=replace(sample.TARGET, name=name, api=api))


def test_rows_are_requirements_and_columns_are_runs() -> None:
    """Each outcome is in the row of its requirement and the column of its run."""
    first = run(Outcome.PASSED, Outcome.FAILED, name="Acme")
    second = run(Outcome.PASSED, Outcome.PASSED, Outcome.ERROR, name="Bolt")

    rows = {row[0].split()[0]: row[1:] for row in Cells(html.overview([first, second])).rows if len(row) == 3}

    assert rows["Requirement"] == ["1 Acme", "2 Bolt"]
    assert rows["WD-01"] == ["passed", "passed"]
    assert rows["WD-02"] == ["failed", "passed"]
    assert rows["WD-03"] == ["not in its catalogue", "error"]


def test_what_differs_is_told_apart() -> None:
    """By a class that the filter goes by, and by a number."""
    page = html.overview([run(Outcome.PASSED, Outcome.FAILED), run(Outcome.PASSED, Outcome.PASSED)])

    assert page.count('<tr class="differs">') == 1
    assert "only rows that differ (1)" in page


def test_apis_have_tables_of_their_own() -> None:
    """The overview has a table per API."""
    page = html.overview([run(Outcome.PASSED), run(Outcome.PASSED, api="payout-intents")])

    assert page.count('<table class="overview">') == 2
    assert "2 runs of 1 target" in page


def test_columns_lead_to_the_reports_of_their_runs() -> None:
    """To those beside the page only: a link that leaves the folder's site is left out."""
    runs = [run(Outcome.PASSED), run(Outcome.PASSED), run(Outcome.PASSED)]

    page = html.overview(runs, links=["a/report.html", "javascript:alert(1)", "//evil.test/x"])

    assert '<a href="a/report.html">' in page
    assert "alert(1)" not in page
    assert "evil" not in page
    with pytest.raises(ValueError, match="1 links for 3 runs"):
        html.overview(runs, links=["a"])


def test_a_hostile_name_is_text() -> None:
    """Targets are named by people, and records come from anywhere."""
    target = Target("<script>alert(1)</script>\u202e", "withdraws", "https://a.test", "test")

    page = html.overview([replace(run(Outcome.FAILED), target=target)])

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;U+202E&gt;" in page
