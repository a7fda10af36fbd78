"""HTTP/1.1 on a socket: httptools parses, one task per connection answers its requests in order.

A server of our own, because a reference that plays defects must see what servers hide (the letter case of
header names, the undecoded path) and must answer JSON even to what no application ever gets to see.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

import httptools

from conformance.sandbox.messages import BODY_LIMIT, HANG_UP, Request, Response, encode

Answer = Callable[[Request], Awaitable[Response]]

_HEADER_LIMIT = 1 << 18
_PIPELINE_LIMIT = 16
_connections = itertools.count(1)
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Dialect:
    """How answers are put on the wire, whatever they say: what RFC 9112 leaves to the server."""

    def __init__(
        self,
        *,
        charset: bool = False,
        header_case: str = "title",
        keep_alive: bool = True,
        chunked: bool = False,
        clock_skew_s: float = 0.0,
    ) -> None:
        self.charset = charset
        self.keep_alive = keep_alive
        self.chunked = chunked
        self._clock_skew_s = clock_skew_s
        self._spell = {"title": str.title, "lower": str.lower, "odd": _odd}[header_case]
        self._date = (0, "")

    def head(self, response: Response, *, keep_alive: bool, framed: bool) -> bytes:
        """The status line and the header section; `framed` unless the body is chunked."""
        content_type = response.content_type
        if self.charset and ";" not in content_type:
            content_type += "; charset=utf-8"
        headers = [("content-type", content_type), ("date", self._now()), *response.headers]
        headers.append(
            ("content-length", str(len(response.body))) if framed else ("transfer-encoding", "chunked")
        )
        if not keep_alive:
            headers.append(("connection", "close"))
        spell = self._spell
        lines = "".join([f"{spell(name)}: {value}\r\n" for name, value in headers])
        status = _STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} \r\n"
        return f"{status}{lines}\r\n".encode("latin-1", "replace")

    def _now(self) -> str:
        second = int(time.time() + self._clock_skew_s)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


class Connection(asyncio.Protocol):
    """One client's connection. Pipelined requests wait for their turn (RFC 9112, 9.3.2)."""

    def __init__(
        self, answer: Answer, dialect: Callable[[], Dialect], open_connections: "set[Connection]"
    ) -> None:
        self._answer = answer
        self._dialect = dialect
        self._open = open_connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._number = next(_connections)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._body = bytearray()
        self._in_body = False

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        # A request that is being answered is finished: a client that hangs up doesn't undo a cancellation.
        self._open.discard(self)
        self._transport = None
        if self._in_body:
            self._take(whole=False)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # no other protocol is spoken here: the request was answered as plain HTTP
        except httptools.HttpParserError:
            self._refuse("The request is not HTTP/1.1.")

    def close(self) -> None:
        """Hang up, finished or not."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    # the parser calls these

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._header_bytes = 0
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _HEADER_LIMIT:
            raise ValueError("header section too large")
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_body = True
        expects = any(
            name.lower() == b"expect" and value.lower() == b"100-continue" for name, value in self._headers
        )
        if expects and self._transport is not None and not self._waiting and self._task is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body[: BODY_LIMIT + 1 - len(self._body)]

    def on_message_complete(self) -> None:
        self._take(whole=True)

    # answering

    def _take(self, *, whole: bool) -> None:
        self._in_body = False
        target = self._url
        if not target.startswith(b"/"):
            target = _origin_form(target)
        path, _, query = target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("ascii")
        request = Request(
            method,
            path,
            query,
            tuple(self._headers),
            bytes(self._body),
            self._number,
            lambda: self._transport is None,
            whole,
        )
        self._waiting.append((request, whole and bool(self._parser.should_keep_alive())))
        if self._transport is not None and len(self._waiting) > _PIPELINE_LIMIT:
            self._transport.pause_reading()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            request, keep_alive = self._waiting.popleft()
            self._write(request.method, await self._answer(request), keep_alive=keep_alive)
        self._task = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _write(self, method: str, response: Response, *, keep_alive: bool) -> None:
        transport, dialect = self._transport, self._dialect()
        if transport is None or transport.is_closing():
            return
        if response is HANG_UP:
            transport.close()
            return
        keep_alive = keep_alive and dialect.keep_alive
        chunked = dialect.chunked and self._parser.get_http_version() != "1.0"
        head = dialect.head(response, keep_alive=keep_alive, framed=not chunked)
        body = b"" if method == "HEAD" else _chunks(response.body) if chunked else response.body
        transport.write(head + body)
        if not keep_alive:
            transport.close()

    def _refuse(self, message: str) -> None:
        body = encode({"error": {"code": "bad_request", "message": message}})
        self._write("POST", Response(400, body), keep_alive=False)


def _origin_form(target: bytes) -> bytes:
    """A proxy's absolute form brought down to path and query (RFC 9112, 3.2.2); `*` stays as it is."""
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return target
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")


def _chunks(body: bytes) -> bytes:
    """The body in chunks of uneven size (RFC 9112, 7.1)."""
    cut = len(body) // 3
    parts = [part for part in (body[:cut], body[cut:]) if part]
    return b"".join([b"%x\r\n%s\r\n" % (len(part), part) for part in parts]) + b"0\r\n\r\n"


def _odd(name: str) -> str:
    return "".join(letter.upper() if index % 2 else letter for index, letter in enumerate(name.lower()))
