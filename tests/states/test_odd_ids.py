"""Ids may be any text: they are quoted wherever they go, and never end a run nor accuse a target."""

import json
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from conformance.errors import NotTestable
from conformance.http.segment import segment
from conformance.states.command import StateCommand
from conformance.states.leases import Claims, Leases
from conformance.states.resource import Resource, Wanted
from tests.support import (
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    certify,
    command,
    handed_on,
    record,
    serving,
    write_profile,
)

ODD = (
    "a b",
    "a?b=c#d",
    "a%2fb/../c",
    "\x00nul\r\n",
    "é\U0001f4b8",
    "'\"$(touch x)`",
    "x" * 300,
    "{id}:;,@&=+",
)
NOT_IN_A_URL = ("", ".", "..", "\ud800", "a\udfffb")


@pytest.mark.parametrize("one", [*ODD, "...", "%2e", "~", "..a"])
def test_an_id_is_one_segment_of_a_path(one: str) -> None:
    """Every id is one path segment: it comes back unchanged, without a separator, a query or a dot segment."""
    found = segment(one)

    assert unquote(found) == one
    assert re.fullmatch(r"(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+", found)
    assert found not in (".", "..")


@pytest.mark.parametrize("one", NOT_IN_A_URL)
def test_an_id_that_no_url_can_name_is_the_sources_fault(one: str, tmp_path: Path) -> None:
    """Not testable, named in letters that everybody can print; nothing is handed out."""

    class Source:
        def setup(self, wanted: Wanted) -> Resource:
            return Resource(one, wanted)

        def teardown(self, resource: Resource) -> None:
            raise AssertionError

        def settle(self, resource: Resource) -> None:
            raise AssertionError

    leases = Leases(Source(), Claims(tmp_path))
    with pytest.raises(NotTestable, match="which no URL can name") as caught:
        leases.lease(Wanted("withdraws", "pending"))

    assert ascii(one) in caught.value.message
    assert caught.value.message.isascii()
    assert leases.handed == {}
    leases.return_all(2)


def test_a_command_that_hands_out_what_it_cannot_be_told_is_no_crash(tmp_path: Path) -> None:
    """An id with a NUL, in JSON: nobody can give it back on a command line."""
    script = 'print(\'{"id": "a\\\\u0000b"}\')'
    source = StateCommand((sys.executable, "-c", script, "{action}", "{id}"), tmp_path)
    resource = source.setup(Wanted("withdraws", "pending"))

    assert resource.id == "a\x00b"
    source.teardown(resource)
    with pytest.raises(NotTestable, match="can't be told 'a\\\\x00b'"):
        source.settle(resource)


# A text in JSON without anything escaped, as the sandbox's ids are.
_TEXT = re.compile(r'"([A-Za-z0-9_-]+)"')


class Renamed:
    """Stands before the sandbox, whose resources have other ids here: the real one, and something odd before it."""

    def __init__(self, url: str, odd: tuple[str, ...]) -> None:
        self._url, self._odd = url, odd
        self._real: dict[str, str] = {}
        self._odd_of: dict[str, str] = {}
        self.paths: set[str] = set()

    def __call__(self, peer: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        line, _, headers = head.decode("latin-1").partition("\r\n")
        method, target, version = line.split(" ", 2)
        self.paths.add(target)
        if "/_states" in target:
            message = json.loads(body)
            for where in (message, message.get("params", {})):
                if "id" in where:
                    where["id"] = self._real.get(where["id"], where["id"])
            body = json.dumps(message).encode()
        else:
            path, mark, query = target.partition("?")
            parts = [self._real.get(unquote(part), part) for part in path.split("/")]
            target = "/".join(parts) + mark + query
        headers = re.sub(r"(?i)content-length: *\d+", f"Content-Length: {len(body)}", headers)
        answer = handed_on(
            self._url, f"{method} {target} {version}\r\n{headers}".encode("latin-1") + b"\r\n\r\n" + body
        )
        peer.sendall(self._named(answer, made="/_states" in target))

    def _named(self, answer: bytes, *, made: bool) -> bytes:
        head, _, body = answer.partition(b"\r\n\r\n")
        try:
            found = json.loads(body)
        except ValueError:
            return answer
        if made and isinstance(found.get("id"), str):
            odd = self._odd[len(self._real) % len(self._odd)] + found["id"]
            self._real[odd] = found["id"]
            self._odd_of.setdefault(found["id"], odd)
        text = _TEXT.sub(lambda one: json.dumps(self._odd_of.get(one[1], one[1])), json.dumps(found))
        head = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(text), head)
        return head + b"\r\n\r\n" + text.encode()


@pytest.fixture
def renamed(sandbox: SandboxProcess) -> Iterator[tuple[Renamed, str]]:
    """The sandbox under odd ids, and its URL."""
    relay = Renamed(sandbox.url, ODD)
    with serving(relay) as server:
        yield relay, server.url


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_a_target_whose_ids_are_odd_is_conformant(
    renamed: tuple[Renamed, str], tmp_path: Path, api: str
) -> None:
    """Suites and fuzzing, with what they read, cancel, and report; the doctor too."""
    relay, url = renamed
    states = f'url = "{url}/_states"\n{TERMINAL if api == "payout-intents" else READ_PATH}'
    profile = write_profile(tmp_path, api, url, states=states)

    done = command("run", profile, "--fuzz-examples", "8", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert command("doctor", profile, cwd=tmp_path).returncode == 0
    named = [path for path in relay.paths if "_states" not in path]
    assert any("a%3Fb%3Dc%23d" in path for path in named)
    assert any("%00nul%0D%0A" in path for path in named)


@pytest.mark.parametrize("one", [".", "\ud800"])
def test_a_source_of_unnamable_ids_ends_in_a_sentence(
    sandbox: SandboxProcess, tmp_path: Path, one: str
) -> None:
    """Nothing is sent about them, nobody is accused, and every report can be written."""
    (tmp_path / "make.py").write_text(f"print({json.dumps(json.dumps({'id': one}))})\n")
    states = f'command = ["{sys.executable}", "make.py", "{{status}}", "{{owner}}"]'
    profile = write_profile(tmp_path, "withdraws", sandbox.url, states=states)

    done = certify(profile, "-k", "matrix or unknown", "--insist")

    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert "which no URL can name" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 3:
        assert {check["outcome"] for check in record(tmp_path)["checks"]} <= {
            "passed",
            "not_testable",
            "not_applicable",
        }
