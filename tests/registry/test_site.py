"""The files of a site: what is told, what is escaped, what is left of an earlier one."""

import json
import re
import shutil
import unicodedata
from pathlib import Path

import yaml
from click.testing import CliRunner

from conformance.cli import main
from conformance.model import Outcome
from conformance.registry import site as pages
from conformance.registry import summary
from tests.certificate.runs import MUSTS
from tests.support import ROOT

from .folders import add, built, entry, five, named

HOSTILE = "<script>window.ran=1</script>\u202e\u200b{{ 7*7 }} | @everyone [x](https://evil.test) \x1b[2J"
AT = "2026-03-03T09:30:00Z"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_a_page_tells_the_history(tmp_path: Path) -> None:
    """Newest first, each with what changed since the run before it, and a copy of its certificate."""
    root, site = five(tmp_path / "in"), tmp_path / "site"
    pages.write(built(root), root, site)
    page = text(site / "implementations" / "acme-payouts.html")

    newer, older = page.index("2026-03-01 12:01:05 UTC</th>"), page.index("2026-02-20 12:01:05 UTC</th>")
    assert newer < older
    assert f"now passed: {MUSTS[3]}" in page
    assert page.index("first in this registry") > older
    left_out = (
        "Nothing was fuzzed: no answer to a generated request was compared with the documented schemas."
    )
    assert f"<dt>Not exercised</dt><dd>{left_out}" in page
    told = json.loads(text(site / "registry.json"))["implementations"][0]["certificates"][0]
    assert told["not_exercised"][0] == left_out
    copies = re.findall(r'href="\.\./(certificates/acme-payouts-[0-9a-f]{16}\.json)"', page)
    assert {(site / one).read_bytes() for one in copies} == {
        (root / "acme-payouts" / run / "certificate.json").read_bytes() for run in ("2026-02", "2026-03")
    }


def test_a_refused_certificate_is_shown_by_its_reason_only(tmp_path: Path) -> None:
    """A refused certificate is shown by its reason; none of its content is on a page or in the site."""
    root, site = five(tmp_path / "in"), tmp_path / "site"
    pages.write(built(root), root, site)
    page = text(site / "implementations" / "dune.html")

    assert "run.json is not what was signed" in page
    assert "Acme staging" not in page
    assert not list((site / "certificates").glob("dune-*"))
    assert json.loads(text(site / "badges" / "dune.json"))["message"] == "certificate refused"


def test_badges_say_what_holds_now(tmp_path: Path) -> None:
    """A verdict while it is valid; then that it expired. They load nothing."""
    root, site = five(tmp_path / "in"), tmp_path / "site"
    pages.write(built(root), root, site)
    said = {path.stem: json.loads(text(path)) for path in (site / "badges").glob("*.json")}

    assert {name: (one["message"], one["isError"]) for name, one in said.items()} == {
        "acme-payouts": ("conformant", False),
        "borealis": ("non-conformant", True),
        "cinder-pay": ("certificate expired 2026-03-02", True),
        "dune": ("certificate refused", True),
        "ember": ("inconclusive", True),
    }
    for path in (site / "badges").rglob("*.svg"):
        assert not re.search(r"href|style|script|url\(", text(path))
    assert (site / "badges" / "ember" / "withdraws.svg").exists()


def test_names_out_for_harm_are_text(tmp_path: Path) -> None:
    """On pages, in the badge, in registry.json and in the comment."""
    root, site = tmp_path / "in", tmp_path / "site"
    add(root, "acme", outcomes={MUSTS[0]: Outcome.FAILED}, **named(HOSTILE))
    (root / "<img src=x>").mkdir()
    found = built(root)
    pages.write(found, root, site)
    told = summary.markdown(found)

    written = [path for path in site.rglob("*") if path.suffix in (".html", ".svg")]
    for path in written:
        shown = text(path)
        assert "<script>window" not in shown
        assert "<img" not in shown
        assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cf")} - {"\n"}
    assert any("&lt;script&gt;window.ran=1&lt;/script&gt;&lt;U+202E&gt;" in text(path) for path in written)
    assert "<script" not in told
    assert "<img" not in told
    assert "@everyone" not in told
    assert not re.search(r"(?<!\\)\]\(", told)
    assert {line.count("|") - line.count("\\|") for line in told.splitlines() if line.startswith("|")} == {5}


def test_what_is_gone_leaves_no_page_and_no_badge(tmp_path: Path) -> None:
    """A badge that says conformant must not outlive its certificate; files of others stay."""
    root, site = five(tmp_path / "in"), tmp_path / "site"
    pages.write(built(root), root, site)
    (site / "CNAME").write_text("registry.example")
    shutil.rmtree(root / "acme-payouts")
    pages.write(built(root), root, site)

    left = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert not {path for path in left if "acme-payouts" in path}
    assert {"CNAME", "index.html", "implementations/dune.html"} <= left


def test_files_of_others_are_not_removed_from_a_folder_that_is_no_site(tmp_path: Path) -> None:
    """Only a folder with a `registry.json` of ours is cleaned up."""
    root, site = five(tmp_path / "in"), tmp_path / "site"
    (site / "badges").mkdir(parents=True)
    (site / "badges" / "mine.svg").write_text("<svg/>")
    pages.write(built(root), root, site)

    assert (site / "badges" / "mine.svg").exists()


def test_the_command_ends_with_1_where_something_is_newly_refused(tmp_path: Path) -> None:
    """0 where it was refused before; 0 for expired and non-conformant ones; 2 for a folder that isn't there."""
    root, site, comment = five(tmp_path / "in"), tmp_path / "site", tmp_path / "comment.md"
    words = ["registry", str(root), "--output", str(site), "--at", AT, "--jobs", "1"]
    first = CliRunner().invoke(main, [*words, "--summary", str(comment)])
    told = text(comment)
    second = CliRunner().invoke(main, [*words, "--summary", str(comment)])
    absent = CliRunner().invoke(main, ["registry", str(tmp_path / "none"), "--output", str(site)])

    assert (first.exit_code, second.exit_code, absent.exit_code) == (1, 0, 2)
    assert "dune  refused (new)  dune/run: run.json is not what was signed" in first.output
    assert "5 implementations, 6 certificates; 1 certificate newly refused" in first.output
    assert "cinder-pay  withdraws  expired" in second.output
    assert "| dune | dune/run | refused |" in told
    assert "6 certificates new or changed, 1 **refused**." in told
    assert text(comment) == "### Conformance registry\n\nNothing changes in the registry.\n"


def test_the_workflows_in_the_document_are_whole() -> None:
    """YAML with triggers, permissions and jobs; the commands have the options that there are."""
    document = (ROOT / "REGISTRY.md").read_text()
    workflows = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)]
    command = next(one for name, one in main.commands.items() if name == "registry")
    options = {name for one in command.params for name in one.opts}
    calls = [line for line in document.splitlines() if "payout-conformance registry" in line]

    assert [one["name"] for one in workflows] == ["registry-check", "registry-comment", "registry-publish"]
    # YAML 1.1 takes the key `on` for true.
    assert all({True, "permissions", "jobs"} <= set(one) for one in workflows)
    assert workflows[0]["permissions"] == {"contents": "read"}
    assert len(calls) == 4
    assert {word for line in calls for word in re.findall(r"--[a-z]+", line)} <= options


def test_an_expiry_is_news_and_no_refusal(tmp_path: Path) -> None:
    """The comment tells it, the exit code doesn't."""
    root, site, comment = tmp_path / "in", tmp_path / "site", tmp_path / "comment.md"
    add(root, "cinder", days=1)
    words = ["registry", str(root), "--output", str(site), "--jobs", "1", "--summary", str(comment), "--at"]
    codes = [CliRunner().invoke(main, [*words, at]).exit_code for at in ("2026-03-02T10:00:00Z", AT)]

    assert codes == [0, 0]
    assert "| cinder | cinder/run | expired |" in text(comment)
    assert entry(built(root), "cinder").reason == ""
