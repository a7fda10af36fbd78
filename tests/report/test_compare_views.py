"""Views of a comparison as text, Markdown and HTML obey no target."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.model import Outcome, RequirementResult
from conformance.report import compare_views
from conformance.report.compare import compare

from . import sample
from .browser import chromium, visit
from .strategies import NASTY
from .test_compare import run
from .test_hostile import Page, hidden


@pytest.mark.parametrize("value", [*NASTY, "<svg onload=alert(1)>" * 50_000], ids=range(len(NASTY) + 1))
def test_no_view_obeys_a_target(value: str) -> None:
    """Reasons come from answers: shown in every view, alive in none."""
    old, new = run(Outcome.PASSED), sample.hostile(value)
    results = [*new.requirements, RequirementResult(sample.requirement("WD-99"), Outcome.FAILED, value, ())]
    new = replace(new, requirements=tuple(results), target=replace(new.target, name=value))
    found = compare(old, new)
    assert found.exit_code == 1
    assert hidden(compare_views.text(found)) == set()
    assert hidden(compare_views.markdown(found)) <= {"\u2060"}
    page = compare_views.html(found)
    assert hidden(page) == set()
    parsed, harmless = Page(), Page()
    parsed.feed(page)
    harmless.feed(compare_views.html(compare(run(Outcome.PASSED), run(Outcome.FAILED))))
    assert parsed.tags.keys() <= {*harmless.tags, "code"}
    assert parsed.attributes <= harmless.attributes
    assert len(page) < 60_000
    assert json.loads(compare_views.as_json(found))["regressions"] or value.strip() == ""


def test_the_page_allows_its_own_style_and_script_only() -> None:
    """By hash, in a policy of its own; nothing is loaded, and links lead to both reports and nowhere else."""
    found = compare(run(Outcome.PASSED), run(Outcome.FAILED))
    page = compare_views.html(found, ["old/report.html", "../new/report.html"])
    allowed = []
    for tag in ("style", "script"):
        own = page.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        allowed.append(f"{tag}-src 'sha256-{digest}';")
    policy = f"default-src 'none'; {' '.join(allowed)} base-uri 'none'; form-action 'none'"
    assert f'content="{policy}"' in page.replace("&#39;", "'")
    assert re.findall(r'href="([^#][^"]*)"', page) == ["old/report.html", "../new/report.html"]
    assert not re.search(r"src=|url\(|@import", page)
    assert "evil" not in compare_views.html(found, ["https://evil.test/", "//evil.test/"])


def test_markdown_fits_a_pull_request() -> None:
    """Forty lines, however much changed; what is left out of the table is folded."""
    requirements = [sample.requirement(f"WD-{n:03}") for n in range(1, 101)]
    old, new = (
        sample.folded(
            requirements,
            [sample.check(f"a::{requirement.id}", outcome, requirement.id) for requirement in requirements],
        )
        for outcome in (Outcome.PASSED, Outcome.FAILED)
    )
    written = compare_views.markdown(compare(old, new))
    assert len(written.splitlines()) <= 40
    assert "WD-001" in written
    assert "<b>WD-100 MUST: Title of WD-100</b>" in written


def test_the_page_is_for_everybody(tmp_path: Path) -> None:
    """In a real browser: nothing serious for axe, no wider than a phone, light and dark; hostile text does nothing."""
    run_ = sample.hostile("<img src=x onerror=alert(1)><script>alert(1)</script>" + "x" * 300)
    page = compare_views.html(
        compare(run(Outcome.PASSED), replace(run_, target=replace(run_.target, name="<b>A")))
    )
    with chromium() as browser:
        for scheme in ("light", "dark"):
            how = {"color_scheme": scheme, "viewport": {"width": 390, "height": 800}}
            with visit(browser, tmp_path, page, **how) as seen:
                assert seen.axe() == []
                assert seen.overflow() <= 0
                assert (len(seen.asked), seen.dialogs, seen.errors) == (1, [], [])
