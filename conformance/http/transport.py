"""An httpx transport with a deadline over the whole exchange, and a start line for races.

httpx's own timeouts are per read, so a target that trickles a byte every half second would hold a run for ever.
Here every socket operation gets what is left of the exchange's time, headers included.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from conformance.errors import TransportError

# Until the rate limit has let every racer through; 429s are waited for no longer either.
_LONGEST_QUEUE_S = 120.0


class Start(threading.local):
    """What holds for the exchange that this thread is in: its deadline, and a barrier to write behind."""

    deadline: float = float("inf")
    barrier: threading.Barrier | None = None
    first_write: float | None = None

    def line_up(self) -> None:
        """Waits until every racer may send; the deadline of the exchange begins after that."""
        if self.barrier is not None:
            try:
                self.barrier.wait(timeout=_LONGEST_QUEUE_S)
            except threading.BrokenBarrierError as fault:
                raise named(fault) from fault

    def remaining(self) -> float:
        """Seconds left, raising httpcore.ReadTimeout when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left


class DeadlineTransport(httpx.BaseTransport):
    """Sends one request over httpcore; no retries, no redirects, no cookies, no proxies from the environment.

    Connections are reused while `reuse` says so and they have been idle for less than a second, which is under
    every server's own idle limit that we know of. Failures are TransportErrors with a stable `kind`.
    """

    def __init__(self, *, timeout_s: float, verify: bool, connections: int) -> None:
        self.start = Start()
        self._timeout_s = timeout_s
        self._context = httpx.create_ssl_context() if verify else None
        self._connections = connections
        self._backend = _Backend(self.start)
        self._pool = self._new_pool(reuse=True)

    def _new_pool(self, *, reuse: bool) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._context,
            max_connections=self._connections,
            max_keepalive_connections=self._connections if reuse else 0,
            keepalive_expiry=1.0,
            network_backend=self._backend,
        )

    def stop_reuse(self) -> None:
        """One connection per exchange from here on: the target closes connections without saying so."""
        self._pool.close()
        self._pool = self._new_pool(reuse=False)

    def hung_up(self) -> bool:
        """Whether the peer has closed a connection that it had not said it would."""
        for idle in self._pool.connections:
            idle.has_expired()
        return self._backend.hung_up

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body still to be read. Raises TransportError."""
        self.start.deadline = time.monotonic() + self._timeout_s
        self.start.first_write = None
        try:
            answer = self._pool.handle_request(
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
            raise named(fault) from fault
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Closes every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except Exception as fault:
            raise named(fault) from fault

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, start: Start) -> None:
        self.start = start
        self.hung_up = False
        self._sync = httpcore.SyncBackend()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        kwargs["timeout"] = self.start.remaining()
        return _Stream(self._sync.connect_tcp(*args, **kwargs), self)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend
        self._start = backend.start

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._start.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._start.first_write is None:
            # Connected (TLS included) and ready: whoever races waits here, so that all write at once.
            barrier, self._start.barrier = self._start.barrier, None
            if barrier is not None:
                barrier.wait(timeout=self._start.remaining())
            self._start.first_write = time.perf_counter()
        self._stream.write(buffer, self._start.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._start.remaining())
        return _Stream(secured, self._backend)

    def get_extra_info(self, info: str) -> Any:
        found = self._stream.get_extra_info(info)
        # httpcore asks this of idle connections only: something to read there is the end of it.
        self._backend.hung_up |= info == "is_readable" and bool(found)
        return found


def named(fault: Exception) -> TransportError:
    """What went wrong between the two machines, in one of a few stable kinds."""
    if isinstance(fault, TransportError):
        return fault
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
        return TransportError(
            "tls", f"TLS failed: {text}", hint="Check the certificate; SSL_CERT_FILE names a private CA."
        )
    if isinstance(fault, httpcore.ConnectError):
        if _caused_by(fault, socket.gaierror):
            return TransportError("dns", "the host name can't be resolved", hint="Check target.base_url.")
        if _caused_by(fault, ConnectionRefusedError):
            return TransportError(
                "refused", "the connection was refused", hint="Is the target running there?"
            )
        return TransportError(
            "connect", f"no connection: {text}", hint="Check target.base_url and the network."
        )
    if isinstance(fault, httpcore.ReadError | httpcore.WriteError):
        return TransportError("reset", f"the connection broke: {text or type(fault).__name__}")
    if isinstance(fault, httpcore.RemoteProtocolError):
        kind = "reset" if "disconnected" in text else "protocol"
        return TransportError(kind, f"not a complete HTTP answer: {text}")
    return TransportError("protocol", f"{type(fault).__name__}: {text}")


def _caused_by(fault: BaseException, kind: type[BaseException]) -> bool:
    cause: BaseException | None = fault
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
