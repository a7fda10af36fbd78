"""The comment on a pull request: made once, and edited from then on."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conformance.cli.comment import main


class Forge(ThreadingHTTPServer):
    """What of GitHub's API the comment needs; `refuses` answers everything with 403."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = [{"id": n, "body": f"No {n}"} for n in range(1, 151)]
        self.asked: list[str] = []
        self.refuses = False


class _Handler(BaseHTTPRequestHandler):
    server: Forge

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(403 if self.server.refuses else status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> str:
        self.server.asked.append(f"{self.command} {self.path}")
        assert self.headers["Authorization"] == "Bearer t0ken"
        return str(
            json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}").get("body")
        )

    def do_GET(self) -> None:
        self._body()
        page = int(self.path.rpartition("page=")[2])
        self._answer(200, self.server.comments[100 * (page - 1) : 100 * page])

    def do_POST(self) -> None:
        self.server.comments.append({"id": len(self.server.comments) + 1, "body": self._body()})
        self._answer(201, {})

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.server.comments[number - 1]["body"] = self._body()
        self._answer(200, {})

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def forge() -> Iterator[Forge]:
    """A server on this machine."""
    with Forge() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _environ(forge: Forge, folder: Path, event: object) -> dict[str, str]:
    (folder / "event.json").write_text(json.dumps(event))
    return {
        "GITHUB_API_URL": f"http://127.0.0.1:{forge.server_port}",
        "GITHUB_REPOSITORY": "acme/payouts",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_TOKEN": "t0ken",
    }


def test_a_comment_is_made_once_and_edited_from_then_on(forge: Forge, tmp_path: Path) -> None:
    """Also behind the first page of comments; another profile has a comment of its own; long ones are cut."""
    environ = _environ(forge, tmp_path, {"pull_request": {"number": 7}})
    summary = tmp_path / "summary.md"
    for text, name in (("first", "a.toml"), ("second", "a.toml"), ("third\n" * 20_000, "b.toml")):
        summary.write_text(text)
        assert main([str(summary), name], environ) == 0

    one, other = forge.comments[150:]
    assert one["body"].endswith("\nsecond")
    assert other["body"].endswith("The rest stands in the summary of the job.\n")
    assert len(other["body"]) < 65_536
    changes = [each for each in forge.asked if not each.startswith("GET")]
    assert changes == [
        "POST /repos/acme/payouts/issues/7/comments",
        "PATCH /repos/acme/payouts/issues/comments/151",
        "POST /repos/acme/payouts/issues/7/comments",
    ]


@pytest.mark.parametrize("event", [{"pull_request": {"number": 7}}, [], {"ref": "main"}])
def test_what_keeps_from_commenting_is_a_warning(
    forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str], event: object
) -> None:
    """A refusal, an event that can't be read; a push is no pull request, and no warning."""
    forge.refuses = True
    (tmp_path / "summary.md").write_text("text")

    assert main([str(tmp_path / "summary.md"), "a.toml"], _environ(forge, tmp_path, event)) == 0

    said = capsys.readouterr().out
    pushed = isinstance(event, dict) and "ref" in event
    assert said.startswith("No pull request" if pushed else "::warning title=payout-conformance::")
