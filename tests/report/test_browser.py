"""The pages in a real browser: harmless, readable without script, on a phone, by keyboard, by everybody, when huge."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from conformance.model import MatrixRow, Outcome, Problem, RunRecord
from conformance.report import html

from . import browser as browsers
from . import sample
from .browser import visit
from .strategies import NASTY

# One browser serves them all.
pytestmark = pytest.mark.xdist_group("browser")
PHONE = {"viewport": {"width": 390, "height": 844}}
MATRIX = (
    MatrixRow("pending", "cancellation::pending", 200, "data.status", "canceled", "WD-01"),
    MatrixRow("{state}", "cancellation::refused[{state}]", 400, "error.code", "VALIDATION_ERROR", "WD-04"),
)
SCRIPTS = (
    "<script>window.ran=1;alert(1)</script>",
    "</script><script>window.ran=1;alert(1)</script>",
    "</style></title></pre></textarea></template><img src=x onerror='window.ran=1;alert(1)'>",
    '\'"><svg onload=window.ran=1><a href="javascript:window.ran=1">click</a>',
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe><object data=https://evil.test></object>",
    "<link rel=stylesheet href=https://evil.test/x.css><meta http-equiv=refresh content='0;url=https://evil.test'>",
    "<base href=https://evil.test/><form action=https://evil.test><button>x</button></form>",
    "--><!--<![CDATA[ &lt;script&gt; &#60;script&#62; {{ 7*7 }} ${alert(1)}",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of this module."""
    with browsers.chromium() as found:
        yield found


def everything() -> RunRecord:
    """The showcase with all that its page can have."""
    run = replace(sample.showcase(), matrix=MATRIX)
    told = {
        "cases": 412,
        "operations": {
            "cancel_withdraw": {"statuses": {"200": 31, "400": 240, "500": 2}, "documented": [200, 400, 404]}
        },
        "phases": {"coverage": 12, "fuzzing": 400},
        "failing": {
            "fuzz::cancel.status": [
                {
                    "cause": "500",
                    "seen": 2,
                    "again": True,
                    "expected": "400",
                    "observed": "500 oops",
                    "curl": "curl x",
                }
            ]
        },
    }
    return replace(run, fuzz=told)


def hostile() -> RunRecord:
    """A run in which whatever anybody can choose is out for harm, a megabyte and invalid UTF-8 included."""
    text = "\u202e" + " ".join((*SCRIPTS, *NASTY)).replace("\ud800", "")
    run = sample.hostile(text)
    first, *rest = run.exchanges
    bodies = [
        first.response_body,
        b"\xff\xfe\x80<script>window.ran=1</script>",
        b"<img src=x onerror=ran=1>" * 40_000,
    ]
    sent = [
        replace(
            first, response_body=raw, url=f"https://sandbox.acme.test/{text}", signed=text, method=text[:30]
        )
        for raw in bodies
    ]
    checks = [
        replace(check, id=f"{check.id}{text}", suite=text[:60], title=text, exchanges=(0, 1, 2))
        for check in run.checks
    ]
    names = {check.id: f"{check.id}{text}" for check in run.checks}
    results = [
        replace(result, reason=text, checks=tuple(names[one] for one in result.checks))
        for result in run.requirements
    ]
    return replace(
        run,
        target=replace(run.target, name=text, environment=text),
        exchanges=(*sent, *rest),
        checks=tuple(checks),
        requirements=tuple(results),
        matrix=MATRIX,
        options={text: text},
        fuzz={
            text: text,
            "operations": {text: {"statuses": {text: 1}, "documented": [text]}},
            "failing": {text: [{"cause": text, "expected": text, "observed": text, "curl": text}]},
            "walks": [{text: text}],
        },
    )


@pytest.mark.parametrize(
    "page", [html.html(hostile()), html.overview([hostile(), hostile()])], ids=["report", "overview"]
)
def test_nothing_of_a_hostile_target_runs_or_loads(browser: Browser, tmp_path: Path, page: str) -> None:
    """Hostile content is visible text, also with every element opened and every link of the page clicked."""
    with visit(browser, tmp_path, page, **PHONE) as seen:
        seen.open_all()
        for link in seen.page.locator("main a[href^='#']").all()[:20]:
            link.dispatch_event("click")
        shown = seen.page.locator("body").inner_text()

        assert "<script>window.ran=1;alert(1)</script>" in shown
        assert "<U+202E>" in shown
        assert not {"\u202e", "\x00", "\x1b", "\u200b", "\u2066"} & set(seen.page.content())
        assert seen.page.evaluate("window.ran") is None
        assert seen.page.evaluate("document.scripts.length") == 1
        assert (seen.asked, seen.dialogs, seen.errors, seen.stopped()) == (
            [seen.page.url.partition("#")[0]],
            [],
            [],
            [],
        )
        assert seen.overflow() <= 0


@pytest.mark.parametrize(
    ("bait", "directive"),
    [
        ("<script>window.ran=1</script>", "script-src-elem"),
        ("<p onclick='window.ran=1'>x</p>", "script-src-attr"),
        ("<p style='color:red'>x</p>", "style-src-attr"),
        ("<img src='https://evil.test/x.png'>", "img-src"),
    ],
)
def test_what_slipped_through_would_be_stopped(
    browser: Browser, tmp_path: Path, bait: str, directive: str
) -> None:
    """The second line of defence holds, and the listener of the test above hears it."""
    page = html.html(sample.conformant()).replace("</main>", f"{bait}</main>")
    with visit(browser, tmp_path, page) as seen:
        seen.page.wait_for_function("window.stopped.length > 0")
        assert seen.stopped() == [directive]
        assert seen.page.evaluate("window.ran") is None


def test_all_is_there_without_script(browser: Browser, tmp_path: Path) -> None:
    """Without scripts every element opens; elements that need a script are hidden."""
    with visit(browser, tmp_path, html.html(everything()), java_script_enabled=False) as seen:
        expect(seen.page.locator("form.filters")).to_be_hidden()
        expect(seen.page.locator("button.copy")).to_have_count(0)
        for section in ("problems", "matrix", "untested", "requirements", "fuzzing", "timeline", "latency"):
            expect(seen.page.locator(f"#{section}")).to_be_visible()
        statement = seen.page.locator("#WD-04 .facts").get_by_text("Statement of WD-04.")
        expect(statement).to_be_hidden()
        seen.page.locator("#WD-04 > summary").click()
        expect(statement).to_be_visible()
        seen.page.locator(".findings > li summary").first.click()
        expect(seen.page.locator(".findings pre.command").first).to_contain_text("curl -sS")


def test_an_answer_is_marked_where_it_differs(browser: Browser, tmp_path: Path) -> None:
    """In the problem that is about it, beside the command and the string that was signed."""
    with visit(browser, tmp_path, html.html(everything())) as seen:
        problem = seen.page.locator(".findings > li", has_text="A paid withdraw is refused")
        problem.locator("summary").first.click()
        expect(problem.locator("mark")).to_have_text(["HTTP/1.1 200"])
        # The step before it has one of its own, which is closed.
        expect(problem.get_by_text("1772366400000.", exact=True).last).to_be_visible()
        assert "[redacted:primary.api_key]" in problem.inner_text()


@pytest.mark.parametrize(
    "page",
    [html.html(everything()), html.overview([everything(), sample.conformant()])],
    ids=["report", "overview"],
)
def test_it_fits_a_phone(browser: Browser, tmp_path: Path, page: str) -> None:
    """At 390 pixels nothing is wider than the screen, opened or not."""
    with visit(browser, tmp_path, page, **PHONE) as seen:
        assert seen.overflow() <= 0
        seen.open_all()
        assert seen.overflow() <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "page",
    [html.html(everything()), html.overview([everything(), sample.conformant()])],
    ids=["report", "overview"],
)
def test_axe_finds_nothing_serious(browser: Browser, tmp_path: Path, page: str, scheme: str) -> None:
    """Names, roles, order of headings, contrast: with everything opened, and in both schemes."""
    with visit(browser, tmp_path, page, color_scheme=scheme) as seen:
        seen.open_all()
        assert seen.axe() == []
        levels = seen.page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map((one) => +one.localName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_filters_and_search_work_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    """A slash leads to the search, Tab to the filters, Space sets them, Escape takes all back."""
    with visit(browser, tmp_path, html.html(everything())) as seen:
        page, keys = seen.page, seen.page.keyboard
        said = page.locator("form.filters output")
        rows = page.locator(".req:visible")
        expect(said).to_have_text("All 12 requirements")

        keys.press("/")
        keys.type("paid withdraw")
        expect(said).to_have_text("2 of 12 requirements")
        expect(rows.locator(".id")).to_have_text(["WD-04", "WD-42"])
        keys.press("Escape")
        expect(rows).to_have_count(12)

        keys.press("Tab")
        assert _focused(page.locator("input[name=outcome][value=failed]"))
        keys.press("Space")
        expect(said).to_have_text("4 of 12 requirements")
        expect(page.locator(".group:visible h3")).to_have_text(["Cancellation matrix", "Authentication"])
        page.locator("select[name=suite]").focus()
        keys.type("conc")
        expect(rows.locator(".id")).to_have_text(["WD-01", "WD-08"])

        page.locator("#WD-08 > summary").focus()
        keys.press("Enter")
        expect(page.locator("#WD-08 .facts")).to_be_visible()


def test_a_link_to_a_hidden_requirement_shows_it(browser: Browser, tmp_path: Path) -> None:
    """The filter gives way, and what is linked to is opened."""
    with visit(browser, tmp_path, html.html(everything())) as seen:
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("no such thing")
        expect(seen.page.locator(".req:visible")).to_have_count(0)
        seen.page.locator("#matrix a", has_text="WD-04").click()
        expect(seen.page.locator("#WD-04 .facts")).to_be_visible()


def test_a_command_is_copied_as_it_stands(browser: Browser, tmp_path: Path) -> None:
    """The copy button copies exactly the command, with the names of variables instead of values."""
    run = everything()
    with visit(browser, tmp_path, html.html(run), permissions=["clipboard-read", "clipboard-write"]) as seen:
        seen.page.locator(".findings > li summary").first.click()
        seen.page.get_by_role("button", name="Copy").first.click()
        expect(seen.page.get_by_role("button", name="Copied")).to_be_visible()
        copied = seen.page.evaluate("navigator.clipboard.readText()")
        assert copied == seen.page.locator("pre.command").first.text_content()
        assert 'sign "$TS" "$ACME_API_SECRET"' in copied


def test_paper_shows_what_is_behind_the_problems(browser: Browser, tmp_path: Path) -> None:
    """A print shows the details of problems, and hides what is only for a screen."""
    with visit(browser, tmp_path, html.html(everything()), java_script_enabled=False) as seen:
        seen.page.emulate_media(media="print")
        expect(seen.page.locator(".findings pre.command").first).to_be_visible()
        expect(seen.page.locator("nav.sections")).to_be_hidden()


def big(exchanges: int) -> RunRecord:
    """A run of so many exchanges, four to a check, every tenth check failed."""
    answer = sample.exchange().response_body[:-2] + b', "metadata": {"note": "%s"}}}' % (b"lorem ipsum " * 40)
    sent = [
        sample.exchange(
            url=f"https://sandbox.acme.test/api/v1/withdraws/{n:032x}/cancel", response_body=answer
        )
        for n in range(exchanges)
    ]
    requirements = [sample.requirement(f"WD-{n:02}") for n in range(1, 51)]
    checks = []
    for n in range(exchanges // 4):
        problem = Problem("400", "status 200", exchange=4 * n) if n % 10 == 0 else None
        outcome = Outcome.FAILED if problem else Outcome.PASSED
        name, requirement_id = f"suite_{n % 8}::check_{n}", requirements[n % 50].id
        checks.append(
            sample.check(
                name, outcome, requirement_id, exchanges=tuple(range(4 * n, 4 * n + 4)), problem=problem
            )
        )
    return sample.folded(requirements, checks, sent)


def test_five_thousand_exchanges_open_at_once(browser: Browser, tmp_path: Path) -> None:
    """Under 10 MB, usable in a few seconds (which is a minute where all is slow), with every failed check in full."""
    run = big(5000)
    page = html.html(run)
    assert len(page.encode()) < 10_000_000
    began = time.monotonic()
    with visit(browser, tmp_path, page) as seen:
        expect(seen.page.locator("form.filters output")).to_have_text("All 50 requirements")
        assert time.monotonic() - began < 60
        failed = seen.page.locator(".check.failed")
        assert failed.count() == 125
        assert seen.page.locator(".check.failed details.sent").count() == 4 * 125


def test_the_page_is_bounded_whatever_came() -> None:
    """Thousands of answers that take their full share each: shown while there is room, then listed."""
    run = big(4000)
    worst = sample.exchange(
        response_body=b"\x00<&\xe2\x80\xae" * 30_000, response_headers=(("X" * 900, "\x01" * 90),) * 60
    )
    page = html.html(replace(run, exchanges=(worst,) * 4000))
    assert len(page.encode()) < 10_000_000
    assert "entry 0 of exchanges.har" in page or "Entry 0 of exchanges.har" in page


def _focused(one: Locator) -> bool:
    found: bool = one.evaluate("(element) => element === document.activeElement")
    return found
