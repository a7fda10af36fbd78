"""The pages in a real browser: for everybody, in the dark, on a phone, on paper, without script, with hostile names."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from conformance.model import Outcome
from conformance.registry import site as pages
from tests.certificate.runs import LATER, MUSTS
from tests.report import browser as browsers
from tests.report.browser import Visit, opened

from .folders import add, built, five, named

# One browser serves them all.
pytestmark = pytest.mark.xdist_group("browser")
PHONE = {"viewport": {"width": 390, "height": 844}}
HOSTILE = "</title><script>window.ran=1;alert(1)</script><img src=x onerror=window.ran=1>\u202e\u2066 https://evil.test"
PAGES = ("index.html", "implementations/acme-payouts.html", "implementations/dune.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of this module."""
    with browsers.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five implementations, and a sixth whose target has a hostile name."""
    folder = tmp_path_factory.mktemp("registry")
    root = five(folder / "in")
    add(root, "hostile", outcomes={MUSTS[0]: Outcome.FAILED}, **named(HOSTILE))
    pages.write(built(root), root, folder / "site")
    return folder / "site"


def go(seen: Visit, site: Path, name: str, at: datetime = LATER) -> None:
    """Opens a page from disk, at the moment that the registry was made for."""
    seen.page.clock.set_fixed_time(at)
    seen.page.goto((site / name).as_uri())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("how", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_everybody_can_read_it(browser: Browser, site: Path, name: str, how: dict[str, object]) -> None:
    """axe-core finds nothing serious, nothing is wider than the window, nothing is loaded or stopped."""
    with opened(browser, **how) as seen:
        go(seen, site, name)

        assert (seen.asked, seen.errors, seen.stopped()) == ([(site / name).as_uri()], [], [])
        assert seen.overflow() <= 0
        assert seen.axe() == []


@pytest.mark.parametrize("name", ["index.html", "implementations/hostile.html"])
def test_a_hostile_name_is_text(browser: Browser, site: Path, name: str) -> None:
    """A hostile name is shown as text: nothing runs, loads or changes the direction of the line."""
    with opened(browser, **PHONE) as seen:
        go(seen, site, name)

        assert "<script>window.ran=1;alert(1)</script>" in seen.page.locator("body").inner_text()
        assert "<U+202E><U+2066>" in seen.page.locator("body").inner_text()
        assert seen.page.evaluate("window.ran") is None
        assert seen.page.evaluate("document.scripts.length") == 1
        assert (seen.asked, seen.dialogs, seen.errors) == ([(site / name).as_uri()], [], [])
        assert seen.overflow() <= 0


def test_without_script_the_table_is_whole(browser: Browser, site: Path) -> None:
    """Without scripts the table has all rows, no filters, and working links."""
    with opened(browser, java_script_enabled=False) as seen:
        seen.page.goto((site / "index.html").as_uri())
        expect(seen.page.locator("tr[data-standing]")).to_have_count(6)
        expect(seen.page.locator("form.filters")).to_be_hidden()
        expect(seen.page.locator("tr.isrefused")).to_contain_text("run.json is not what was signed")
        seen.page.get_by_role("link", name="cinder-pay").click()
        expect(seen.page.locator("h1")).to_have_text("cinder-pay")
        expect(seen.page.locator(".verdict")).to_contain_text("Expired")
        seen.page.get_by_role("link", name="Conformance registry").click()
        expect(seen.page.locator("h1")).to_have_text("6 implementations")


def test_filters_and_search_narrow_the_table(browser: Browser, site: Path) -> None:
    """By verdict, by who vouches, by word; what is hidden is counted, and one key clears it."""
    with opened(browser) as seen:
        go(seen, site, "index.html")
        shown = seen.page.locator("tr[data-standing]:visible")
        expect(shown).to_have_count(6)
        seen.page.get_by_label("expired").check(force=True)
        seen.page.get_by_label("refused").check(force=True)
        expect(shown).to_have_count(2)
        expect(seen.page.locator("output")).to_have_text("2 of 6 rows")
        seen.page.get_by_role("button", name="Clear").click()
        seen.page.get_by_label("Who vouches").select_option("ci")
        expect(shown).to_have_count(1)
        expect(shown).to_contain_text("ember")
        seen.page.get_by_role("button", name="Clear").click()
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("nobody has this")
        expect(seen.page.locator("tr.empty")).to_be_visible()
        seen.page.keyboard.press("Escape")
        expect(shown).to_have_count(6)


def test_a_page_that_grew_old_says_so(browser: Browser, site: Path) -> None:
    """Certificates that expired since the site was made are marked by the page."""
    with opened(browser) as seen:
        go(seen, site, "index.html", datetime(2026, 12, 1, tzinfo=UTC))

        expect(seen.page.locator(".late")).to_have_count(4)
        expect(seen.page.locator("tr.isexpired .late")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_paper_has_the_tables_and_no_filters(browser: Browser, site: Path, name: str) -> None:
    """A print on A4 has the whole tables and no filters."""
    with opened(browser, viewport={"width": 794, "height": 1123}) as seen:
        go(seen, site, name)
        seen.page.emulate_media(media="print")

        expect(seen.page.locator("form.filters:visible")).to_have_count(0)
        expect(seen.page.locator("tr[data-standing]:visible")).to_have_count(6 if name == "index.html" else 0)
        assert seen.overflow() <= 0
