"""The part of GitHub's API that a comment needs, on this machine."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Forge(ThreadingHTTPServer):
    """The part of GitHub's API that the comment needs; with `refuses` every answer is 403."""

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
