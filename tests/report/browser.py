"""Debian's Chromium over a page of ours, watched: what it asked for, what its policy stopped, what ran."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import PATIENCE_S, ROOT

expect.set_options(timeout=PATIENCE_S * 1000)

# CI sets it: there nothing that these tests need may be missing.
ALL_TESTS = "PAYOUT_CONFORMANCE_ALL_TESTS"
AXE = ROOT / "tests" / "web" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WATCH = """
window.stopped = [];
document.addEventListener("securitypolicyviolation", (event) => window.stopped.push(event.effectiveDirective));
"""


def needed(thing: object, what: str) -> None:
    """Skips where `thing` isn't there, except where all tests are to run: there it fails."""
    if not thing:
        if os.environ.get(ALL_TESTS) == "1":
            pytest.fail(f"{what}, and {ALL_TESTS}=1 asks for all tests")
        pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. Skips where there is none (see `needed`)."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    needed(path, "Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET, timeout=PATIENCE_S * 1000)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page. `asked` are the addresses that it wanted, `dialogs` and `errors` what it said."""

    page: Page
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def stopped(self) -> list[str]:
        """The directives of the page's policy that something ran into."""
        found: list[str] = self.page.evaluate("window.stopped")
        return found

    def open_all(self) -> None:
        """Opens whatever can be opened."""
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wider

    def axe(self) -> list[str]:
        """The serious and critical findings of axe-core, with their elements."""
        needed(AXE.exists(), "axe-core is not installed (npm ci --prefix tests/web)")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]


@contextmanager
def opened(browser: Browser, **how: Any) -> Iterator[Visit]:
    """An empty page that is watched whatever it opens; `how` is about the browser's window and tastes."""
    context = browser.new_context(**how)
    try:
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        seen = Visit(page)
        page.on("request", lambda request: seen.asked.append(request.url))
        page.on("pageerror", lambda fault: seen.errors.append(str(fault)))

        def dialog(shown: Any) -> None:
            seen.dialogs.append(shown.message)
            shown.dismiss()

        page.on("dialog", dialog)
        if how.get("java_script_enabled", True):
            page.add_init_script(_WATCH)
        yield seen
    finally:
        context.close()


@contextmanager
def visit(browser: Browser, folder: Path, text: str, **how: Any) -> Iterator[Visit]:
    """Opens `text` as the file that it will be; `how` as for `opened`."""
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    with opened(browser, **how) as seen:
        seen.page.goto(path.as_uri())
        yield seen
