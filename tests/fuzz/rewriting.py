"""An honest server that differs in one thing: requests go on to the sandbox, and answers come back changed."""

import contextlib
import http.client
import json
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_DROPPED = {"host", "content-length", "connection", "transfer-encoding"}


@dataclass
class Change:
    """`body` changes the JSON of answers, `sent` the JSON of requests; `answer` answers in the sandbox's place.

    `answer` gets the number of the request, its method, target and headers, and returns a status (0 for closing the
    connection without a word), headers and a body, or None for letting the request through.
    """

    body: Callable[[Any], Any] = lambda body: body
    sent: Callable[[Any], Any] = lambda body: body
    answer: Callable[[int, str, str, Any], tuple[int, dict[str, str], bytes] | None] = lambda *_: None


@dataclass
class Front:
    url: str
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    """Serves requests of any method."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._one
        raise AttributeError(name)

    def _one(self) -> None:
        front, change = self.server.front, self.server.change
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        with front.lock:
            front.requests += 1
            number = front.requests
        found = change.answer(number, self.command, self.path, self.headers)
        if found is not None and not found[0]:
            self.close_connection = True
            return
        status, headers, data = found or self._forwarded(body)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        sent = _changed(body, self.server.change.sent)
        connection = http.client.HTTPConnection(self.server.upstream.removeprefix("http://"), timeout=600)
        # Closed whatever comes of it, and if the client hangs up.
        with contextlib.closing(connection):
            return self._answer(connection, body, sent)

    def _answer(
        self, connection: http.client.HTTPConnection, body: bytes, sent: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", "sandbox")
        for name, value in self.headers.items():
            if name.lower() not in _DROPPED:
                connection.putheader(name, value.encode("latin-1"))
        if body or "Content-Length" in self.headers:
            connection.putheader("Content-Length", str(len(sent)))
        connection.endheaders(sent or None)
        answer = connection.getresponse()
        data = _changed(answer.read(), self.server.change.body)
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _DROPPED}
        return answer.status, headers, data

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, change: Change) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.change = upstream, change
        self.front = Front(f"http://127.0.0.1:{self.server_port}")

    def handle_error(self, *_: object) -> None:
        """A client may hang up."""


def _changed(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """JSON changed; the bytes as they are where nothing changes, or where they are no JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    changed = change(value)
    return data if changed == value else json.dumps(changed).encode()


@contextmanager
def rewriting(upstream: str, change: Change) -> Iterator[Front]:
    """The server, for the length of a with block."""
    server = _Server(upstream, change)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server.front
    finally:
        server.shutdown()
        server.server_close()


def without_nulls(value: Any) -> Any:
    """JSON as Go's omitempty writes it: without nulls, empty objects, lists and texts."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item not in (None, "", {}, [])}
    return value


def at_eight_hours(value: Any) -> Any:
    """Instants with an offset of +08:00."""
    if isinstance(value, dict):
        return {key: at_eight_hours(item) for key, item in value.items()}
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T" and value.endswith("Z"):
        moment = datetime.fromisoformat(value)
        return moment.astimezone(timezone(timedelta(hours=8))).isoformat(timespec="milliseconds")
    return value


def with_reason(change: Callable[[str], str]) -> Callable[[Any], Any]:
    """Requests with another reason."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("reason"), str):
            return {**value, "reason": change(value["reason"])}
        return value

    return changed


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
