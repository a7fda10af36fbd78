"""Reports survive whatever a target sends: none breaks, moves a cursor, runs, links or hides anything."""

import base64
import hashlib
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given

from conformance.model import Outcome, RunRecord
from conformance.report import html, junit, summary, terminal
from conformance.report.safe import line, visible
from conformance.report.text import exchange_text

from . import sample
from .strategies import NASTY, quick, text

_LEGAL = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


class Page(HTMLParser):
    """Which elements and attributes a page has, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def page(run: RunRecord) -> Page:
    parsed = Page()
    parsed.feed(html.html(run))
    return parsed


def hidden(shown: str) -> set[str]:
    """The characters that a reader can't see, line feeds and tabs aside."""
    return {
        char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    } - {"\n", "\t"}


@quick
@given(text)
def test_visible_text_hides_nothing(value: str) -> None:
    """Every invisible character is spelled out; printable text stays as it is."""
    assert not hidden(visible(value, newlines=True))
    assert "\n" not in visible(value)
    assert len(line(value, 20)) <= 20
    if value.isprintable():
        assert visible(value) == value


@quick
@given(text)
def test_the_terminal_shows_but_never_obeys(value: str) -> None:
    """No control character reaches it but line feeds."""
    assert hidden(terminal.text(sample.hostile(value))) == set()
    assert hidden(exchange_text(sample.hostile(value).exchanges[0])) == set()


@quick
@given(text)
def test_junit_is_always_well_formed(value: str) -> None:
    """XML 1.0 that any parser takes, red where the run is."""
    written = junit.junit(sample.hostile(value))
    assert _LEGAL.fullmatch(written)
    root = ET.fromstring(written)
    assert int(root.get("failures", "0")) == 2


@quick
@given(text)
def test_the_page_keeps_its_structure(value: str) -> None:
    """The same elements as with harmless text, and none that loads or runs anything but our own script."""
    harmless = page(sample.hostile("harmless"))
    parsed = page(sample.hostile(value))
    for tag in ("article", "section", "details", "style", "meta", "a", "table", "form"):
        assert parsed.tags.get(tag) == harmless.tags.get(tag) or not value.strip()
    assert not {"img", "iframe", "object", "link", "base"} & parsed.tags.keys()
    assert parsed.tags["script"] == 1
    assert not {name for name in parsed.attributes if name.startswith("on")} | parsed.attributes & {
        "src",
        "style",
    }
    assert hidden(html.html(sample.hostile(value))) == set()


@pytest.mark.parametrize("value", NASTY)
def test_the_summary_is_inert(value: str) -> None:
    """No markup, link, mention or issue number of the target's comes alive; no fence is closed."""
    written = summary.summary(sample.hostile(value))
    # Word joiners are ours: they keep a mention from being one.
    assert hidden(written) <= {"\u2060"}
    outside, fence = [], ""
    for row in written.splitlines():
        if (ticks := re.match("`{3,}", row)) and (not fence or row == fence):
            fence = "" if fence else ticks[0]
        elif not fence:
            # Neither Markdown nor links are looked for in code; nothing but our own tag ends it.
            outside.append(re.sub(r"<(pre|code)>[^<]*</\1>|(`+).*?\2", "", row))
    assert not fence
    plain = "\n".join(outside)
    assert not re.search(
        r"@\w|(?<!\\)https?://|www\.|\*\*bold|\[a\]\(|(?<![\w&#])#\d"
        r"|<(?!/?(?:details|summary|sub|ul|li|b|br|p|pre|code)>)",
        plain,
    )
    # What is folded is HTML, one line each, which holds no Markdown.
    assert all("|" not in row for row in outside if not row.startswith("<details>"))


@pytest.mark.parametrize("written", [html.html(sample.showcase()), html.overview([sample.showcase()])])
def test_the_policy_allows_what_is_ours(written: str) -> None:
    """The one style sheet and the one script are allowed by their hashes, and nothing else is."""
    hashes = []
    for tag in ("style", "script"):
        assert written.count(f"<{tag}") == 1
        own = written.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        assert "http" not in own
        assert "url(" not in own
        hashes.append("sha256-" + base64.b64encode(hashlib.sha256(own.encode()).digest()).decode())
    style, script = hashes
    policy = (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
    )
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in written.replace("&#39;", "'")
    assert not re.search(r"(?:src|href)=\"(?!#)", written)


def test_links_lead_somewhere() -> None:
    """Every anchor of the page exists, and no id twice."""
    written = html.html(sample.showcase())
    ids = re.findall(r'\bid="([^"]+)"', written)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', written)) <= set(ids)


MEGABYTE = "<b onclick=alert(1)>\x1b[31m\u202e" * 40_000
# A body whose bytes are text in no encoding that anybody would guess.
NO_TEXT = b"\xff\xfe\x00<script>alert(1)</script>\x1b[2J\xed\xa0\x80\xc0\xaf"


@pytest.mark.parametrize(
    ("report", "limit"),
    [
        (terminal.text, 30_000),
        (summary.summary, 30_000),
        (junit.junit, 300_000),
        (lambda run: exchange_text(run.exchanges[0]), 3_000_000),
    ],
    ids=["terminal", "summary", "junit", "exchange"],
)
@pytest.mark.parametrize("body", [MEGABYTE.encode(), NO_TEXT * 20_000], ids=["text", "bytes"])
def test_fields_of_a_megabyte_are_cut(report: Callable[[RunRecord], str], limit: int, body: bytes) -> None:
    """Messages, notes, headers and bodies: a report stays one that people can read, and shows all as text."""
    run = sample.hostile(MEGABYTE)
    sent = replace(run.exchanges[0], request_body=body, response_body=body, signed=MEGABYTE, error=None)
    written = report(replace(run, exchanges=(sent,)))
    assert hidden(written) <= {"\u2060"}
    assert len(written) < limit
    assert "\\x1b" in written or "u202E" in written.upper() or "U+202E" in written


@pytest.mark.parametrize(
    "value", ["::error::x", "  ::stop-commands::x", "a\n::add-mask::a", "b ##[group]x", "##vso[x]"]
)
def test_a_log_gives_no_commands_to_the_server_that_keeps_it(value: str) -> None:
    """GitHub, Azure and TeamCity take orders from what a job prints; not from what a target answered."""
    said = terminal.text(sample.hostile(value), width=40)
    assert not re.search(r"(?m)^\s*::|##\w*\[", said)
    assert value.rsplit(maxsplit=1)[-1].removeprefix("::").removeprefix("##")[:3] in said


def test_a_huge_body_is_cut_and_said_to_be() -> None:
    """The page stays small; the HAR is named as the place of the rest."""
    run = sample.folded(
        [sample.requirement("WD-01")],
        [sample.check("a::1", Outcome.PASSED, "WD-01", exchanges=(0,))],
        [sample.exchange(response_body=b"x" * 1_000_000, request_body=b"y" * 1_000_000)],
    )
    written = html.html(run)
    assert len(written) < 60_000
    assert "the body has 1,000,000 bytes, exchanges.har has them all" in written
