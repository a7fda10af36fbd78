"""Certificates whose signer wrote control and invisible characters, markup and CI commands into every field.

A certificate is signed by anybody who wants to: what it says reaches terminals, logs, pages and pull requests.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.certificate import envelope, statement
from conformance.certificate.verify import Verified
from conformance.certificate.verify import verify as verify_content
from conformance.cli import certificates, main
from tests.certificate import runs
from tests.certificate.forging import ours, resigned, rewritten
from tests.certificate.runs import KEY, LATER
from tests.report.test_hostile import Page, hidden

# Long words, so that each wrapping of the lines puts a command at the beginning of one.
NASTY = (
    "\x1b[31m\x1b]8;;http://evil.test\x07\u202e\u200b\u2028\r\n::error::x ##[group]y ::error::" + "z" * 60
    + " ::add-mask::a <script>alert(1)</script> | @everyone [x](https://evil.test) \x85\x9b2J"
)  # fmt: skip
EVIL = "https://evil.test/\x1b[31m\u202e::error::x<script>"
AT = LATER.isoformat()


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """Returns `value` with every text in it changed, and no name of a field."""
    if isinstance(value, dict):
        return {name: _texts(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _fields(data: dict[str, Any]) -> None:
    """Puts it into every text that the published schema leaves to the signer."""
    said = ours(data)
    said["target"].update(name=NASTY, environment=NASTY, baseUrl=EVIL, scope={NASTY: NASTY})
    said["run"]["notes"] = [NASTY]
    said["terminalStatesTried"] = [NASTY]
    said["certifiedWith"]["version"] = NASTY
    for row in said["notObservable"]:
        row.update(title=NASTY, reason=NASTY)
    for row in said["requirements"]:
        row["reason"] = NASTY
    said["extent"].update(statesTried=[NASTY], capabilities={NASTY: False})
    said["extent"]["selection"] = {"expression": NASTY, "requirements": [NASTY]}
    waiver = {"requirement": said["requirements"][0]["id"], "expires": NASTY, "reason": NASTY}
    said["extent"]["waivers"] = [waiver]
    said["attestation"] = {
        "kind": "ci", "provider": NASTY, "repository": EVIL, "url": EVIL, "commit": "a" * 40,
        "workflow": NASTY, "note": NASTY,
    }  # fmt: skip
    data["predicate"]["url"] = said["attestation"]["url"]
    for row in data["predicate"]["configuration"]:
        if row["name"] == statement.HARNESS:
            # Of this build the version is known.
            row.update(annotations={"version": NASTY}, digest={"dirHash": "0" * 64})


def _is_inert(shown: str) -> None:
    assert hidden(shown) == set()
    assert not re.search(r"(?m)^[^\S\n]*::|##\w*\[", shown)


def _do(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A registry's folder with one run, whose certificate says nothing but such things."""
    content = runs.certified(tmp_path / "registry" / "acme").content
    path = tmp_path / "registry" / "acme" / "certificate.json"
    path.write_bytes(resigned(content, _fields))
    # The certificate alone: the run's files would contradict it.
    for name in ("run.json", "exchanges.har", "profile.toml"):
        (path.parent / name).unlink()
    (tmp_path / "registry" / "keys").mkdir()
    (tmp_path / "registry" / "keys" / "acme.pub.pem").write_bytes(KEY.public.pem)
    return tmp_path / "registry"


def test_a_terminal_shows_every_field_and_obeys_none(folder: Path) -> None:
    """`verify` prints a genuine certificate without a raw control character, an override or a command."""
    done = _do("verify", folder / "acme", "--public-key", folder / "keys" / "acme.pub.pem", "--at", AT)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Valid certificate  CONFORMANT (scope: without \\x1b[31m")
    assert done.output.count("\\x1b[31m") > 7, "each field is shown"
    _is_inert(done.output)


def test_a_field_that_no_schema_guards_is_shown_as_well(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every text of a claim, ids and commit too, may be anything: the schema isn't what keeps a terminal safe."""
    found = verify_content((folder / "acme" / "certificate.json").read_bytes(), KEY.public, at=LATER)
    content = json.loads(json.dumps(found.claim.content))
    said = ours(content)
    said["target"].update(api=NASTY, baseUrl=NASTY, scope={NASTY: NASTY})
    said["attestation"].update(commit="\x1b[2J\u202e\n::error::x", url=NASTY)
    said["requirements"] = [
        {**requirement, "id": NASTY, "outcome": "failed"} for requirement in said["requirements"][:3]
    ]
    said["extent"].update(notApplicable=[NASTY], capabilities={NASTY: False}, statesTried=[NASTY])
    said["extent"]["waivers"][0]["requirement"] = NASTY
    claim = replace(found.claim, content=content)
    certificates._tell("Valid certificate", Verified(claim, (NASTY,), (NASTY,), remarks=(NASTY,)), KEY.public)
    shown = capsys.readouterr().out
    assert "\\x1b[2J" in shown
    _is_inert(shown)


def test_a_refusal_quotes_without_obeying(tmp_path: Path) -> None:
    """A refusal may quote anything that is signed, or that stands in the run's files: on stderr, escaped."""
    made = runs.certified(tmp_path / "run")
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.public.pem)
    path = made.folder / "certificate.json"
    statements = [
        _refuse_field("expiresAt"),
        lambda data: ours(data)["target"].update(api=NASTY),
        lambda data: ours(data)["requirements"][0].update(id=NASTY, outcome=NASTY),
        lambda data: ours(data).update(format="payout-conformance/certificate/" + NASTY),
        lambda data: data["subject"][0].update(name=NASTY),
    ]
    shown = []
    for change in statements:
        path.write_bytes(resigned(made.content, change))
        shown.append(_do("verify", path, "--public-key", key, "--at", AT))
    # Another type of payload, which is signed as well.
    kind = f"application/{NASTY}"
    signature = KEY.sign(envelope.pae(kind, b"{}"))
    path.write_bytes(envelope.Envelope(b"{}", NASTY, signature, kind).to_bytes())
    shown.append(_do("verify", path, "--public-key", key, "--at", AT))
    path.write_bytes(made.content)
    for change in (
        lambda data: data["target"].update(api=NASTY),
        lambda data: data["checks"][0].update(id=NASTY, outcome=NASTY),
        lambda data: data.update(_texts(data, lambda text: NASTY)),
    ):
        rewritten(made.folder, change)
        shown += [
            _do("verify", path, "--public-key", key, "--at", AT),
            _do("report", made.folder),
            _do("certify", made.folder, "--key", key),
        ]
    # `report` shows a record of an API that it doesn't know.
    assert [done.exit_code for done in shown].count(0) <= 1
    for done in shown:
        assert done.exit_code in {0, 2}, done.output
        _is_inert(done.output)


def _refuse_field(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda data: ours(data).update({name: NASTY})


def test_a_registry_shows_every_field_and_obeys_none(folder: Path, tmp_path: Path) -> None:
    """The lines of the terminal, the pages, the badges, registry.json and the comment on a pull request."""
    broken = folder / "broken" / "certificate.json"
    broken.parent.mkdir()
    broken.write_bytes(
        resigned((folder / "acme" / "certificate.json").read_bytes(), _refuse_field("certifiedAt"))
    )
    (folder / "keys" / "broken.pub.pem").write_bytes(KEY.public.pem)
    (folder / ("bad\u202e\x1b[31m name\n::error::x")).mkdir()
    site, comment = tmp_path / "site", tmp_path / "comment.md"
    done = _do("registry", folder, "--output", site, "--summary", comment, "--at", AT, "--jobs", "1")
    assert done.exit_code == 1, done.output
    _is_inert(done.output)
    texts = {path.name: path.read_text() for path in (*site.rglob("*"), comment) if path.is_file()}
    assert {"index.html", "acme.html", "registry.json", "comment.md"} <= texts.keys()
    for name, shown in texts.items():
        # Word joiners are ours: they keep a mention from being one.
        assert hidden(shown) <= ({"\u2060"} if name == "comment.md" else set()), name
        if name.endswith(".html"):
            page = Page()
            page.feed(shown)
            assert page.tags.get("script", 0) <= 1, name
            assert "alert(1)" in page.text or name != "acme.html"
    assert "<script" not in texts["comment.md"]
    assert not re.search(r"@everyone|\]\(https://evil", texts["comment.md"])
