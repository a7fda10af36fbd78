"""An httpx transport with a deadline over the whole exchange, and a start line for races.

httpx's own timeouts are per read, so a target that trickles a byte every half second would hold a run for ever.
Here every socket operation gets what is left of the exchange's time, headers included.
"""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from conformance.errors import TransportError
from conformance.http import tls

# At level DEBUG it would log every answer's headers, and the secrets that they echo.
logging.getLogger("httpcore").setLevel(logging.WARNING)

# Until the rate limit has let every racer through; 429s are waited for no longer either.
_LONGEST_QUEUE_S = 120.0


# More than is ever quoted: a secret that is cut in half can't be told for one any more.
_FIRST_BYTES = 4096
_LONG_LINE = 8_000
_PER_CONNECTION = 24
# How a request to a proxy begins, for a tunnel to the target.
_TUNNEL = b"CONNECT "


class Start(threading.local):
    """The state of the exchange that this thread is in: its deadline, and a barrier to write behind.

    `seated` tells that a place among the requests in flight is kept for this thread already. With `hang_up` the
    connection is closed `linger_s` seconds after the request is written, and no answer is read; with `half` only half
    of the body is written before.
    """

    deadline: float = float("inf")
    barrier: threading.Barrier | None = None
    first_write: float | None = None
    first_bytes: bytes = b""
    seated: bool = False
    hang_up: bool = False
    linger_s: float = 0.0
    half: bool = False

    def line_up(self) -> None:
        """Waits until every racer may send; the deadline of the exchange begins after that."""
        if self.barrier is not None:
            try:
                self.barrier.wait(timeout=_LONGEST_QUEUE_S)
            except threading.BrokenBarrierError as fault:
                raise named(fault) from fault

    def remaining(self) -> float:
        """Returns the seconds left. Raises httpcore.ReadTimeout where there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left


class DeadlineTransport(httpx.BaseTransport):
    """Sends one request over httpcore; no retries, no redirects, no cookies, no proxy but `proxy`.

    Connections are reused while `reuse` says so and they have been idle for less than half a second: a server
    whose own limit is a second, the shortest that most can be set to, doesn't close one just as it is taken up.
    None is used for more than a few exchanges: behind a balancer the next one may meet another copy of the target.
    Failures are TransportErrors with a stable `kind`.
    """

    def __init__(self, *, timeout_s: float, verify: bool, connections: int, proxy: str | None = None) -> None:
        self.start = Start()
        self._timeout_s = timeout_s
        self._context = tls.context() if verify else None
        self._connections = connections
        self._backend = _Backend(self.start)
        self._proxy = proxy
        self._pool = self._new_pool(reuse=True)

    def _new_pool(self, *, reuse: bool) -> httpcore.ConnectionPool:
        options: dict[str, Any] = {
            "ssl_context": self._context,
            "max_connections": self._connections,
            "max_keepalive_connections": self._connections if reuse else 0,
            "keepalive_expiry": 0.5,
            "network_backend": self._backend,
        }
        if self._proxy is not None:
            return httpcore.HTTPProxy(self._proxy, **options)
        return httpcore.ConnectionPool(**options)

    def stop_reuse(self) -> None:
        """Opens a connection per exchange from here on: the target closes connections without saying so."""
        self._pool.close()
        self._pool = self._new_pool(reuse=False)

    def hung_up(self) -> bool:
        """Returns whether the peer has closed a connection without announcing it."""
        for idle in self._pool.connections:
            idle.has_expired()
        return self._backend.hung_up

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the answer, its body still to be read. Raises TransportError."""
        self.start.deadline = time.monotonic() + self._timeout_s
        self.start.first_write, self.start.first_bytes = None, b""
        # Puma never answers a request line that is too long for it where the connection has been used before.
        long = len(request.extensions["target"]) > _LONG_LINE
        pool = self._new_pool(reuse=False) if long else self._pool
        try:
            answer = pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.extensions["target"],
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                )
            )
        except Exception as fault:
            raise self._named(fault) from fault
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream, lambda: self._leftover(answer)),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Closes every connection."""
        self._pool.close()

    def _named(self, fault: Exception) -> TransportError:
        found = named(fault, self.start.first_bytes)
        if self._proxy is None or found.kind not in ("dns", "refused", "connect"):
            return found
        return TransportError(
            found.kind,
            f"no connection by the proxy {self._proxy}: {found.message}",
            hint="Check target.proxy.",
        )

    def _leftover(self, answer: httpcore.Response) -> None:
        """Gives up a connection on which more came than the answer: the next one would be read from that."""
        stream = answer.extensions.get("network_stream")
        if not isinstance(stream, _Stream):
            return
        for connection in self._pool.connections:
            # httpcore has no public way to its buffer.
            inner: Any = getattr(connection, "_connection", None)
            while hasattr(inner, "_connection"):
                inner = inner._connection  # noqa: SLF001 - of a proxy, there is one inside the other
            if inner is not None and getattr(inner, "_network_stream", None) == stream:
                stream.exchanges += 1
                more = inner._h11_state.trailing_data[0]  # noqa: SLF001
                stream.spoiled = bool(more) or stream.exchanges >= _PER_CONNECTION


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes], done: Callable[[], None]) -> None:
        self._stream = stream
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except Exception as fault:
            raise named(fault) from fault

    def close(self) -> None:
        self._done()
        if hasattr(self._stream, "close"):
            self._stream.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, start: Start) -> None:
        self.start = start
        self.hung_up = False
        self._sync = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as fault:
            raise httpcore.ConnectError(str(fault)) from fault
        # One after the other within what is left: the standard library gives each address the whole time.
        refusal = httpcore.ConnectError("the host name has no address")
        for address in dict.fromkeys(str(one[4][0]) for one in found):
            kwargs["timeout"] = self.start.remaining()
            try:
                return _Stream(self._sync.connect_tcp(address, port, *args, **kwargs), self)
            except httpcore.ConnectError as fault:
                refusal = fault
        raise refusal


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend
        self._start = backend.start
        self.exchanges = 0
        # More came on it than was asked for, or it has done enough.
        self.spoiled = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._start.hang_up:
            time.sleep(self._start.linger_s)
            self._stream.close()
            what = "after half of the body" if self._start.half else "before any answer"
            raise httpcore.ReadError(f"this end hung up, on purpose, {what}")
        came = self._stream.read(max_bytes, self._start.remaining())
        if len(self._start.first_bytes) < _FIRST_BYTES:
            self._start.first_bytes += came[:_FIRST_BYTES]
        return came

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._start.first_write is None and not buffer.startswith(_TUNNEL):
            # Connected (TLS included) and ready: racers wait here, so that all write at once.
            barrier, self._start.barrier = self._start.barrier, None
            if barrier is not None:
                barrier.wait(timeout=self._start.remaining())
            self._start.first_write = time.perf_counter()
        elif self._start.half and buffer:
            # The head went out by itself. httpcore goes on to read where a body can't be written whole.
            self._stream.write(buffer[: len(buffer) // 2], self._start.remaining())
            raise httpcore.WriteError("half of the body is enough")
        self._stream.write(buffer, self._start.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            secured = self._stream.start_tls(ssl_context, server_hostname, self._start.remaining())
        except httpcore.ConnectError as fault:
            raise _no_tls(fault) from fault
        return _Stream(secured, self._backend)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self.spoiled:
            return True
        found = self._stream.get_extra_info(info)
        # httpcore asks this of idle connections only: something to read there is the end of it.
        self._backend.hung_up |= info == "is_readable" and bool(found)
        return found


def named(fault: Exception, came: bytes = b"") -> TransportError:
    """Returns the fault between the two machines, in one of a few stable kinds; `came` is how the answer began."""
    if isinstance(fault, TransportError):
        return fault
    if came and not b"HTTP/".startswith(came[:5]):
        return _no_http(came)
    text = str(fault)
    if isinstance(fault, threading.BrokenBarrierError):
        return TransportError("connect", "not sent: another request of the same race couldn't be")
    if isinstance(fault, httpcore.TimeoutException):
        return TransportError(
            "timeout",
            "no complete answer within limits.timeout_s",
            hint="Is the target up, or is the limit too low?",
        )
    if _caused_by(fault, ssl.SSLError):
        return _no_tls(fault)
    if isinstance(fault, httpcore.ConnectError | httpcore.ProxyError):
        return _no_connection(fault)
    if isinstance(fault, httpcore.ReadError | httpcore.WriteError):
        return TransportError("reset", f"the connection broke: {text or type(fault).__name__}")
    if isinstance(fault, httpcore.RemoteProtocolError):
        if "disconnected" in text and not came:
            return TransportError("reset", "the connection was closed before any answer")
        text = "it ended in the middle of its head" if "disconnected" in text else text
        return TransportError("protocol", f"not a complete HTTP answer: {text}")
    return TransportError("protocol", f"{type(fault).__name__}: {text}")


def _no_http(came: bytes) -> TransportError:
    # A TLS record begins with its type (alert, handshake) and its version.
    hint = "Does base_url need https?" if came[:1] in b"\x15\x16" and came[1:2] == b"\x03" else ""
    return TransportError(
        "protocol",
        f"what answers speaks {'TLS' if hint else 'no HTTP'}: it began with {came!r}",
        hint=hint or "Is this the right port in target.base_url?",
    )


def _no_connection(fault: Exception) -> TransportError:
    if _caused_by(fault, socket.gaierror):
        return TransportError("dns", "the host name can't be resolved", hint="Check target.base_url.")
    if _caused_by(fault, ConnectionRefusedError):
        return TransportError("refused", "the connection was refused", hint="Is the target running there?")
    if _caused_by(fault, ConnectionResetError):
        # Connected, and reset before the connect was noticed.
        return TransportError("reset", "the connection broke as soon as it was there")
    if isinstance(fault, httpcore.ProxyError):
        return TransportError("connect", f"it answers {fault}", hint="Check target.proxy.")
    return TransportError("connect", f"no connection: {fault}", hint="Check target.base_url and the network.")


def _no_tls(fault: Exception) -> TransportError:
    text = str(fault)
    hint = tls.advice(text)
    if not _caused_by(fault, ssl.SSLError) or _caused_by(fault, ssl.SSLEOFError):
        # It hung up, or was reset, before anything could be agreed on.
        hint = "Is this a port for https, and does it speak TLS 1.2 or later?"
    return TransportError("tls", f"TLS failed: {text}", hint=hint)


def _caused_by(fault: BaseException, kind: type[BaseException]) -> bool:
    cause: BaseException | None = fault
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
