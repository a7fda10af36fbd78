"""Whatever a target answers is text in every output: it hides nothing, moves nothing, runs nothing, commands nobody.

The target here is the sandbox behind somebody who writes control characters, markup, links, and commands of shells and
CI servers into all that can hold a text, and echoes the credentials beside it.
"""

import itertools
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from conformance.report import explain, labelled_rows
from conformance.report import record as records
from tests.report.test_hostile import Page, hidden
from tests.support import (
    CREDENTIAL_ENV,
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    command,
    environment,
    handed_on,
    serving,
    write_profile,
)

APIS = {
    "withdraws": (f"sandbox = true\n{READ_PATH}", "matrix or only_the_key or fuzz"),
    "payout-intents": (f"sandbox = true\n{TERMINAL}", "matrix_processing or nearly_right or fuzz"),
}
NASTY = (
    "\x1b[31mred\x1b]8;;http://evil.test\x07\u202e\u2066\u200b\ufeff\u2028\u2029\x00\x85\x9b2J",
    "\r\n::error::x\n  ::stop-commands::x\n##[group]y\n##vso[task.setvariable]z ##teamcity[x]",
    "\r\x1b[0Ksection_end:1:checks_1\r\x1b[0K\nsection_start:1:evil[collapsed=true]\r\x1b[0Kx",
    "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>'\"><svg/onload=alert(1)>",
    "```\n# title\n| a | b |\n~~~ @everyone #1 https://evil.test [a](javascript:alert(1)) ![x](https://evil.test/x)",
    "]]>&amp;<![CDATA[ <?xml?> \ud800 \ufffe\uffff",
    "$(touch ran) `touch ran`; touch ran ' \" \\ %s %n {{ 7*7 }}{% raw %}\n' \n touch ran",
)
SECTION = re.compile(r"\x1b\[0Ksection_(?:start|end):\d+:\w+(?:\[collapsed=true\])?\r\x1b\[0K")
# What Markdown of ours is made of, once it is rendered.
OURS = {
    *("h1", "h2", "h3", "p", "ul", "ol", "li", "b", "strong", "em", "br", "hr", "pre", "code", "sub"),
    *("details", "summary", "blockquote", "table", "thead", "tbody", "tr", "th", "td"),
}
# In code, no address becomes a link. No text of ours holds a backtick that begins none.
CODE = re.compile(r"(?s)(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)|<(pre|code)\b.*?</\2>")
COMMAND = re.compile(r"(?m)^[^\S\n]*::|##\w*\[")


class Nasty:
    """Passes requests on, and dresses up the answers: their texts, their headers, their bodies."""

    def __init__(self, url: str) -> None:
        self._url, self._number = url, itertools.count()

    def __call__(self, peer: socket.socket, request: bytes) -> None:
        answer = handed_on(self._url, request)
        head, _, body = answer.partition(b"\r\n\r\n")
        line = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        if line is None or request.split(b" ")[1].startswith(b"/_"):
            peer.sendall(answer)
            return
        number, status = next(self._number), line[1]
        sent = re.findall(rb"(?im)^(?:authorization|x-api-key|x-signature): *(?:basic )?(.*?)\r$", request)
        text = NASTY[number % len(NASTY)] * (400 if number % 29 == 0 else 1)
        said = text + " ".join(one.decode("latin-1") for one in sent)
        if number % 13 == 7:
            body = said.encode("utf-8", "surrogatepass")
        elif body.startswith(b"{"):
            body = json.dumps(_dressed(json.loads(body), said, number), ensure_ascii=number % 2 == 0).encode(
                "utf-8", "surrogatepass"
            )
        flat = re.sub(r"[\r\n\x00]", " ", said[-2000:]).encode("utf-8", "surrogatepass")
        names = (b"Server", b"X-Request-Id", b"Location", b"Set-Cookie", b"ETag")
        lines = [b"%s: %s" % (name, flat) for name in names]
        kind = b"application/json" + (b"; x=" + flat if number % 6 == 1 else b"")
        status = b"200" if number % 5 == 0 else status
        lines += [b"Content-Type: " + kind, b"Content-Length: %d" % len(body), b"", b""]
        peer.sendall(b"HTTP/1.1 %s %s\r\n" % (status, flat[:200]) + b"\r\n".join(lines) + body)


def _dressed(data: dict[str, Any], said: str, number: int) -> dict[str, Any]:
    error, inner = data.get("error"), data.get("data")
    if isinstance(error, dict):
        error["message"] = error[said[:60]] = said
        if number % 3 == 0:
            error["code"] = said
    elif number % 4 == 0:
        for place in (data, inner if isinstance(inner, dict) else {}):
            place.update({name: said for name, old in place.items() if isinstance(old, str) and name != "id"})
    return {**data, said: [said]}


# One run of each API serves all of these.
EACH = [pytest.param(api, marks=pytest.mark.xdist_group(f"nasty-{api}")) for api in APIS]


@pytest.fixture(scope="module", params=EACH)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the run of one API, and in `said` what each command printed about it."""
    api = request.param
    folder = tmp_path_factory.mktemp(api)
    states, checks = APIS[api]
    behind = SandboxProcess()
    said = folder / "said"
    said.mkdir()

    def keep(name: str, *words: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
        done = command(*words, cwd=folder, env=environment(**env))
        (said / f"{name}.out").write_bytes(done.stdout.encode())
        (said / f"{name}.err").write_bytes(done.stderr.encode())
        return done

    files = {name: str(said / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    ci = {"GITHUB_ACTIONS": "true", "GITLAB_CI": "true", **files}
    with serving(Nasty(behind.url), keep=True) as target:
        profile = write_profile(folder, api, target.url, states=states)
        words = ("run", profile, "--insist", "--fuzz-examples", "2", "-k", checks)
        ran = keep("run", *words, **ci)
        assert ran.returncode == 1, ran.stdout[-3000:] + ran.stderr
        again = keep("json", "run", profile, "--insist", "--no-fuzz", "--json", "-k", "matrix")
        first, second = sorted(one for one in (folder / "reports").iterdir() if (one / "run.json").exists())[
            :2
        ]
        keep("doctor", "doctor", profile)
        keep("doctor-json", "doctor", profile, "--json")
        failed = next(row["id"] for row in json.loads((second / "run.json").read_text())["checks"]
                      if row["outcome"] == "failed")  # fmt: skip
        keep("replay", "replay", second, failed)
    assert json.loads(again.stdout)["runs"][0]["problems"]
    keep("report", "report", first, second, "--output", folder / "both")
    for form in ("text", "markdown", "json", "html"):
        keep(f"compare-{form}", "compare", first, second, "--format", form)
    assert keep("keygen", "keygen", "--out", "acme").returncode == 0
    assert keep("certify", "certify", first, "--key", "acme.key.pem").returncode == 1
    assert keep("verify", "verify", first, "--public-key", "acme.pub.pem").returncode == 1
    registry = folder / "registry"
    (registry / "keys").mkdir(parents=True)
    (registry / "keys" / "acme.pub.pem").write_bytes((folder / "acme.pub.pem").read_bytes())
    (registry / "acme").symlink_to(first)
    keep("registry", "registry", registry, "--output", folder / "site", "--summary", said / "comment.md")
    yield folder
    behind.close()


def outputs(kept: Path) -> dict[str, str]:
    """Every text that anybody may read, by its path: strict UTF-8."""
    return {
        str(path.relative_to(kept)): path.read_bytes().decode()
        for part in ("said", "reports", "both", "site")
        for path in sorted((kept / part).rglob("*"))
        if path.is_file() and not path.is_symlink() and "latest" not in path.parts
    }


def test_no_output_hides_or_moves_anything(kept: Path) -> None:
    """No control or invisible character is raw in any file; terminals and pages decode to none either."""
    texts = outputs(kept)
    assert len(texts) > 60
    for name, text in texts.items():
        ours = {"\u2060"} if name.endswith(".md") or "SUMMARY" in name or "markdown" in name else set()
        assert hidden(SECTION.sub("", text)) <= ours, name
        # What the target sent stands in the record as it was, escaped by JSON; nobody reads it there.
        if name.endswith((".json", ".sarif")) and not name.endswith("run.json"):
            assert hidden("".join(_strings(json.loads(text)))) == set(), name
    assert any("\\x1b" in texts[name] for name in texts if name.endswith("report.html"))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, str):
        yield value


def test_no_line_of_a_log_commands_a_ci_server(kept: Path) -> None:
    """In what commands print, the only commands are our annotations, the only sections ours, each of them closed."""
    for path in sorted((kept / "said").iterdir()):
        text = path.read_bytes().decode()
        if path.suffix not in {".out", ".err"}:
            continue
        marks = SECTION.findall(text)
        assert len(marks) == (4 if path.name == "run.out" else 0), path.name
        ours = text.splitlines()
        if path.name == "run.err":
            ours = [one for one in ours if not re.match(r"::(error|warning) title=[^:]*::(?!.*##\w*\[)", one)]
            assert 0 < len(text.splitlines()) - len(ours) <= 10
        assert not COMMAND.search("\n".join(ours)), path.name


def test_pages_run_and_load_nothing_of_the_targets(kept: Path) -> None:
    """Each page has one script of ours, no element that loads, no handler, and no address but its own."""
    pages = {name: text for name, text in outputs(kept).items() if text.startswith("<!doctype html")}
    assert len(pages) == 6, sorted(pages)
    for name, text in pages.items():
        page = Page()
        page.feed(text)
        assert page.tags["script"] == 1, name
        assert not {"img", "iframe", "object", "link", "base", "form"} & page.tags.keys() - {"form"}, name
        assert not {one for one in page.attributes if one.startswith("on")} | page.attributes & {
            "src",
            "style",
        }
        assert not re.search(r'(?:href|action)="(?:\w+:|//)', text), name


def test_markdown_has_no_link_picture_or_markup_of_the_targets(kept: Path) -> None:
    """Rendered: the summaries of the run and of the job, the comparison, the comment on a pull request."""
    texts = {
        name: text
        for name, text in outputs(kept).items()
        if name.endswith((".md", "markdown.out")) or "SUMMARY" in name
    }
    assert len(texts) == 5, sorted(texts)
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for name, text in texts.items():
        page, shown = Page(), renderer.render(text)
        page.feed(shown)
        assert page.tags.keys() <= OURS, (name, page.tags.keys() - OURS)
        assert page.attributes <= {"class"}, name
        # What GitHub makes of a text that is no markup: mentions, issues, addresses.
        assert not re.search(r"@everyone|(?<!&)#1\b", re.sub(r"(?s)<(pre|code)\b.*?</\1>", "", shown)), name
        assert not re.search(r"https?://evil", CODE.sub("", text)), name


def test_files_for_programs_are_what_their_formats_say(kept: Path) -> None:
    """JUnit is XML, the badge is XML without a script, every JSON file and object is JSON."""
    for name, text in outputs(kept).items():
        if name.endswith((".xml", ".svg")):
            root = ET.fromstring(text)
            assert not [
                one for one in root.iter() if one.tag.endswith(("script", "image", "foreignObject"))
            ], name
        elif name.endswith((".json", ".har")) or name in {"said/json.out", "said/doctor-json.out"}:
            assert isinstance(json.loads(text), dict | list), name
    told = (kept / "said" / "GITHUB_OUTPUT").read_text()
    names = re.findall(r"(?m)^([\w-]+)<<(end_\w+)$", told)
    assert [name for name, _ in names] == ["verdict", "exit-code", "report-path", "run-paths", "counts"]


def test_scripts_to_repeat_run_nothing_of_the_targets(kept: Path, tmp_path: Path) -> None:
    """The scripts of all findings are run by bash, with a curl that does nothing: no file is made."""
    runs = [records.load(path) for path in sorted((kept / "reports").glob("acme-*"))]
    scripts = [
        labelled_rows.told(run, found, "RUN").script
        for run in runs
        for found in (*explain.problems(run), *explain.warnings(run))
    ]
    scripts = [one for one in scripts if one]
    assert len(scripts) > 5
    stubs = "".join(f"{name}() {{ :; }}\n" for name in ("curl", "openssl", "sign"))
    for one in scripts:
        done = subprocess.run(
            ["bash", "-s", "ID1", "ID2", "ID3"], input=f"{stubs}{one}\n", cwd=tmp_path,
            env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "syntax error" not in done.stderr, one
        assert "unexpected EOF" not in done.stderr, one
    assert not list(tmp_path.rglob("ran"))


def test_no_secret_is_in_any_of_them(kept: Path) -> None:
    """Secrets that the target echoes are left out of every output, those of `doctor` and `replay` among them."""
    for name, text in outputs(kept).items():
        assert not [one for one, secret in CREDENTIAL_ENV.items() if secret in text], name
