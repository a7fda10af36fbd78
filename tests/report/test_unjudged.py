"""The verdict is told with the requirements that couldn't be judged, wherever it is told."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from conformance.cli.terminal import tell
from conformance.model import Level, Outcome, RunRecord
from conformance.report import badge, compare_views, explain, html, junit, summary, terminal, verdict
from conformance.report.compare import compare
from conformance.report.unjudged import unjudged
from tests.report import sample

SHOULD = Level.SHOULD
SAYS = "meets all 3 requirements tested; 3 could not be judged: WD-14, WD-27, WD-28 (no answer)"


def plain(page: str) -> str:
    """The page without the marks that keep ids whole."""
    return re.sub(r'<span class="whole">([A-Z]+-\d+)</span>', r"\1", page)


def run(*messages: str, **more: object) -> RunRecord:
    """Two MUSTs and a SHOULD that passed, and a SHOULD in error for each message."""
    names = ["WD-14", "WD-27", "WD-28", *(f"WD-{number}" for number in range(50, 70))][: len(messages)]
    requirements = [sample.requirement(name) for name in ("WD-01", "WD-04")]
    requirements += [sample.requirement(name, SHOULD) for name in ("WD-41", *names)]
    checks = [sample.check(f"a::{name}", Outcome.PASSED, name) for name in ("WD-01", "WD-04", "WD-41")]
    checks += [
        sample.check(f"b::{name}", Outcome.ERROR, name, level=SHOULD, message=message)
        for name, message in zip(names, messages, strict=True)
    ]
    return sample.folded(requirements, checks, **more)


def test_errors_of_shoulds_leave_the_verdict_and_are_told_with_it() -> None:
    """The exit code stays 0, and nobody has to look for what wasn't judged."""
    found = run(*["timeout: the target didn't answer in 10 s"] * 3)

    assert verdict.exit_code(found) == 0
    assert explain.headline(found) == SAYS


def test_every_report_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal's first line, --quiet, the summary, both pages, the comparison, JUnit and the badge."""
    found = run(*["reset: the connection was reset"] * 3)

    assert terminal.text(found).splitlines()[0].endswith(f"{SAYS}.")
    assert explain.sentence(found).endswith(f"{SAYS}.")
    tell(found, Path("/nowhere/report.html"), quiet=True)
    assert capsys.readouterr().out.splitlines()[0].endswith(f"{SAYS}.")
    assert SAYS in summary.summary(found).splitlines()[2]
    page = plain(html.html(found))
    assert SAYS in page[page.index('<p class="verdict">') :].split("</p>")[0]
    assert SAYS in plain(html.overview([found]))
    assert SAYS in plain(compare_views.html(compare(found, found)))
    case = ET.fromstring(junit.junit(found)).find("testsuite/testcase[@name='verdict']/system-out")
    assert case is not None
    assert SAYS in str(case.text)
    assert json.loads(badge.endpoint(found))["message"] == "conformant, 3 not judged"
    assert SAYS in badge.svg(found)


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ((), ""),
        (("unavailable: 503 each time",), "1 could not be judged: WD-14 (unavailable)"),
        (("timeout: a", "rate_limited: b"), "2 could not be judged: WD-14, WD-27"),
        (("the harness failed: KeyError: 'x'",), "1 could not be judged: WD-14 (the harness failed)"),
        (("something else",), "1 could not be judged: WD-14"),
        (
            ("tls: a",) * 10,
            "10 could not be judged: WD-14, WD-27, WD-28, WD-50, WD-51, WD-52, WD-53, WD-54 and 2 more (no answer)",
        ),
    ],
)
def test_the_cause_is_told_where_it_is_one(messages: tuple[str, ...], says: str) -> None:
    """In a word or two; the ids are named as far as there is room."""
    assert unjudged(run(*messages)) == says


def test_what_is_not_testable_and_what_was_left_out_are_told_apart() -> None:
    """Checks that aren't testable and deselected checks are named apart, at every level."""
    requirements = [
        sample.requirement("WD-01"),
        sample.requirement("WD-12"),
        sample.requirement("WD-13", SHOULD),
    ]
    requirements += [sample.requirement("WD-29", SHOULD)]
    checks = [
        sample.check("a::1", Outcome.PASSED, "WD-01"),
        sample.check("a::2", Outcome.NOT_TESTABLE, "WD-12", "WD-13", message="no other merchant"),
    ]
    found = sample.folded(requirements, checks, deselected={"WD-29": "1 check of it was not selected."})

    assert unjudged(found) == "2 not testable: WD-12, WD-13; 1 left out"
    assert explain.headline(found).startswith(
        "leaves 1 requirement unproven; nothing failed in 1 requirement"
    )


def test_a_softer_part_that_was_not_judged_is_told() -> None:
    """The requirement passed all the same."""
    checks = [
        sample.check("a::1", Outcome.PASSED, "WD-01"),
        sample.check("a::2", Outcome.ERROR, "WD-01", level=SHOULD, message="timeout: no answer"),
    ]
    found = sample.folded([sample.requirement("WD-01")], checks)

    assert found.requirements[0].outcome is Outcome.PASSED
    assert unjudged(found) == "1 judged only in part: WD-01"


def test_of_a_run_that_was_ended_early_only_errors_are_told() -> None:
    """That it didn't come to the rest is the first thing that its sentence says."""
    found = run("timeout: a", complete=False)

    assert explain.headline(found) == (
        "was not tested to the end; nothing failed in 3 requirements tested; 1 could not be judged: WD-14 (no answer)"
    )


def test_the_longest_line_is_whole_wherever_it_stands() -> None:
    """Many of each kind: ids are counted rather than cut."""
    kinds = [("e", Outcome.ERROR, "tls: no"), ("n", Outcome.NOT_TESTABLE, "none"), ("p", Outcome.PASSED, "")]
    requirements, checks = [], []
    for base, (kind, outcome, message) in zip((100, 200, 300), kinds, strict=True):
        for number in range(base, base + 20):
            requirements.append(sample.requirement(f"WD-{number}"))
            checks.append(sample.check(f"{kind}::{number}", outcome, f"WD-{number}", message=message))
    checks += [
        sample.check(f"s::{number}", Outcome.ERROR, f"WD-{number}", level=SHOULD, message="tls: no")
        for number in range(300, 320)
    ]
    found = sample.folded(requirements, checks)

    said = explain.headline(found)
    assert said.count(" and 12 more") == 3
    assert said in plain(html.html(found))
    assert said in plain(html.overview([found]))
    assert said in junit.junit(found)
    assert said in summary.summary(found)
