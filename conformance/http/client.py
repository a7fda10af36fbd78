"""One call, one recorded exchange.

The client adds nothing that a caller didn't ask for but Host, Content-Length and three plain headers: no cookies,
no redirects, no credentials. An answer that says nothing of the contract (429, 502, 503, 504) never reaches a caller:
the request is sent again where that is safe, each attempt an exchange of its own; at last a TransportError is raised.
"""

import copy
import math
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

import httpx

from conformance import __version__
from conformance.errors import TransportError
from conformance.http.gate import SET_A_LIMIT, Gate
from conformance.http.guard import Guard
from conformance.http.redact import Redactor, sent_credentials
from conformance.http.reply import Reply
from conformance.http.transport import DeadlineTransport
from conformance.model import Auth, Exchange, Headers

BODY_CAP = 1_000_000
# The record keeps so much of an answer's body: a run makes thousands of them.
KEPT_CAP = 32_000
# The record keeps so much of a fault's message, which may quote the answer.
_SAID_CAP = 400
# As the sample clients of documents send it: any type is accepted, and JSON has to come all the same.
_PLAIN: Headers = (
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
    ("User-Agent", f"payout-conformance/{__version__}"),
)
# A request is sent so often to a target that asks to slow down.
_ATTEMPTS = 8
# So often one is sent that meets a target which can't serve it now; less often once that was in vain twice running.
_TRIES, _FEW_TRIES = 5, 2
_FIRST_PAUSE_S = 0.1
UNAVAILABLE = frozenset({502, 503, 504})
# A repeat of these asks for nothing that the first one didn't ask for (RFC 9110 section 9.2.1).
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# The same one for every request of a client.
_url = lru_cache(maxsize=16)(httpx.URL)
# Nothing was sent yet.
_UNSENT = frozenset({"refused", "connect"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is sent. `target` is the raw path (and query) below the base URL, sent as it stands.

    `body` None sends no body and no content type. `signed` is the string under the HMAC, for the report.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes | None = None
    auth: Auth = Auth.NONE
    signed: str | None = None


@dataclass(slots=True)
class Recorder:
    """The exchanges since the last `drain`, safe to append to from racing threads.

    `sent` is what their authentication headers carried: in what is said of them, it is blanked too.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)

    def cite(self, exchanges: Iterable[Exchange]) -> None:
        """Adds exchanges that were made earlier to the evidence of the present check."""
        self.exchanges += [exchange for exchange in exchanges if exchange not in self.exchanges]

    def drain(self) -> tuple[Exchange, ...]:
        """Returns the exchanges, and forgets them."""
        taken, self.exchanges = self.exchanges, []
        self.sent = set()
        return tuple(taken)


class Client:
    """Sends requests to one base URL within the profile's limits. Raises TransportError where no answer came.

    `headers` go out with every request that doesn't have them; `proxy` is the address of an HTTP proxy to go through;
    `witness` is told each request before it is sent.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        connections: int,
        gate: Gate,
        redactor: Redactor,
        recorder: Recorder | None = None,
        guard: Guard | None = None,
        headers: Headers = (),
        proxy: str | None = None,
        witness: Callable[[Request], object] = lambda request: None,
    ) -> None:
        self._guard = guard or Guard(())
        self._witness = witness
        self._headers = headers
        self._base = base_url.rstrip("/")
        parts = urlsplit(self._base)
        self._path = parts.path
        self._gate = gate
        self._redactor = redactor
        self._recorder = recorder
        self._transport = DeadlineTransport(
            timeout_s=timeout_s, verify=parts.scheme == "https", connections=connections, proxy=proxy
        )
        # Whether the target has answered yet, and how many requests in a row were sent again in vain.
        self._answered, self._in_vain = False, 0
        self.start = self._transport.start
        self.stop_reuse = self._transport.stop_reuse
        self.hung_up = self._transport.hung_up

    def send(self, make: Callable[[], Request]) -> Reply:
        """Returns the target's answer to the request that `make` builds, which is never a 429, 502, 503 or 504.

        `make` runs once per attempt, so that a request sent again gets a timestamp of its own. Raises TransportError:
        `rate_limited` or `unavailable` where such an answer is all that came, and as it stands where none came.
        A request that may have had an effect, without its answer having come back, isn't sent again.
        """
        slowed, tries = 0, 0
        while True:
            asked_at = time.time()
            request, reply, fault = self._try(make)
            if reply is not None and reply.status == 429:
                slowed += 1
                self._gate.slow_down(_retry_after(reply.header("Retry-After")), asked_at)
                if slowed == _ATTEMPTS:
                    raise TransportError(
                        "rate_limited", f"the target answered 429 to {slowed} attempts", hint=SET_A_LIMIT
                    )
            elif reply is not None and reply.status not in UNAVAILABLE:
                self._gate.went_well()
                self._answered, self._in_vain = True, 0
                return reply
            else:
                tries += 1
                self._gate.unavailable()
                if not self._may_repeat(request, reply, fault, tries):
                    raise fault or self._unavailable(reply, tries)
                asked = _retry_after(reply.header("Retry-After")) if reply is not None else None
                if asked:
                    # All workers wait: the target has said for how long.
                    self._gate.slow_down(asked, asked_at)
                else:
                    time.sleep(_FIRST_PAUSE_S * 2 ** (tries - 1))

    def _try(self, make: Callable[[], Request]) -> tuple[Request, Reply | None, TransportError | None]:
        """Makes one attempt, and records it."""
        with self._seat():
            self._gate.pass_one()
            self.start.line_up()
            request = make()
            try:
                return request, self._exchange(request), None
            except TransportError as fault:
                return request, None, fault

    def _may_repeat(
        self, request: Request, reply: Reply | None, fault: TransportError | None, tries: int
    ) -> bool:
        """Returns whether a request that the target didn't serve is sent again: where it can't have had an effect.

        One without an answer isn't, before the target has answered anything: then it can't be reached.
        """
        if tries >= (_TRIES if self._in_vain < _FEW_TRIES else _FEW_TRIES):
            return False
        if reply is not None:
            return reply.status == 503 or request.method in _SAFE
        assert fault is not None
        safe = fault.kind in _UNSENT or (fault.kind == "reset" and request.method in _SAFE)
        return safe and self._answered

    def _unavailable(self, reply: Reply | None, tries: int) -> TransportError:
        self._in_vain += 1
        assert reply is not None
        return TransportError(
            "unavailable",
            f"the target answered {reply.status}{f', each of {tries} times' if tries > 1 else ''}",
            hint="What stands in front of the target, or its log, says why.",
            status=reply.status,
        )

    def abandon(self, make: Callable[[], Request], *, linger_s: float = 0.0, half: bool = False) -> None:
        """Sends a request and hangs up before its answer, as a caller does whose time is up.

        It hangs up `linger_s` seconds after the last byte; with `half`, that is in the middle of the body. Raises
        TransportError where the request couldn't be sent.
        """
        self.start.hang_up, self.start.linger_s, self.start.half = True, linger_s, half
        try:
            fault = self._try(make)[2]
        finally:
            self.start.hang_up, self.start.half = False, False
        if fault is not None and fault.kind != "reset":
            raise fault

    def unrecorded(self) -> "Client":
        """Returns the same client, over the same connections, whose exchanges aren't recorded."""
        other = copy.copy(self)
        other._recorder = None  # noqa: SLF001 - one of us
        return other

    def together(self, number: int) -> AbstractContextManager[object]:
        """Holds places for so many requests at once in the block: those of a race, whose threads are `seated`."""
        return self._gate.seats(number)

    def _seat(self) -> AbstractContextManager[object]:
        return nullcontext() if self.start.seated else self._gate.seat()

    def close(self) -> None:
        """Closes every connection."""
        self._transport.close()

    def _exchange(self, request: Request) -> Reply:
        self._guard.check(request.method, request.target, request.headers, request.body)
        self._witness(request)
        target = (self._path + request.target).encode("utf-8", "surrogateescape")
        built = httpx.Request(
            request.method,
            _url(self._base),
            headers=_encoded(_completed(_completed(request.headers, self._headers), _PLAIN)),
            content=_framed(request),
            extensions={"target": target},
        )
        began, clock = datetime.now(UTC), time.perf_counter()
        answer: httpx.Response | None = None
        body, truncated, fault = b"", False, None
        try:
            answer = self._transport.handle_request(built)
            try:
                body, truncated = _read(answer)
            finally:
                answer.close()
        except TransportError as error:
            fault = TransportError(error.kind, self._said(request, error.message), hint=error.hint)
        duration = time.perf_counter() - clock
        exchange = self._recorded(request, built, answer, body, truncated, fault, began, duration)
        if self._recorder is not None:
            self._recorder.exchanges.append(exchange)
        if fault is not None:
            raise fault from None
        assert answer is not None
        return Reply(
            status=answer.status_code,
            headers=tuple(_decoded(answer.headers.raw)),
            body=body,
            truncated=truncated,
            sent_at=began,
            duration_s=duration,
            written=self.start.first_write or clock,
            finished=clock + duration,
            exchange=exchange,
        )

    def _said(self, request: Request, message: str) -> str:
        """Returns the message of a fault, without secrets, and short."""
        extra = sent_credentials(request.headers)
        if len(message) <= _SAID_CAP:
            return self._redactor.text(message, extra)
        raw = message.encode("utf-8", "surrogatepass")
        return self._redactor.head(raw, _SAID_CAP, extra, whole=False).decode("utf-8", "replace") + "..."

    def _recorded(
        self,
        request: Request,
        built: httpx.Request,
        answer: httpx.Response | None,
        body: bytes,
        truncated: bool,
        fault: TransportError | None,
        began: datetime,
        duration: float,
    ) -> Exchange:
        extra = sent_credentials(request.headers)
        clean = self._redactor
        if self._recorder is not None:
            self._recorder.sent.update(extra)
        came = _decoded(answer.headers.raw) if answer is not None else []
        cut = truncated or len(body) > KEPT_CAP
        parts = [part for name, value in came for part in (name.encode(), value.encode())]
        if cut or not clean.is_clean((*parts, body), extra):
            came = [(clean.text(name, extra), clean.text(value, extra)) for name, value in came]
            body = clean.head(body, KEPT_CAP, extra, whole=not truncated)
        return Exchange(
            started_at=began.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            duration_s=duration,
            method=request.method,
            url=clean.text(self._base + request.target),
            request_headers=clean.own_headers(
                tuple(_decoded(built.headers.raw)), request.body or b"", altered=request.auth is Auth.ALTERED
            ),
            request_body=clean.raw(request.body or b""),
            auth=request.auth,
            status=answer.status_code if answer is not None else None,
            http_version=_version(answer),
            response_headers=tuple(came),
            response_body=body,
            signed=clean.text(request.signed) if request.signed is not None else None,
            error=f"{fault.kind}: {fault.message}" if fault is not None else None,
            truncated=cut,
        )


def _framed(request: Request) -> bytes | list[bytes] | None:
    """Returns the body, as one chunk where the request says that it comes in chunks: httpx announces no length then."""
    chunked = any(name.lower() == "transfer-encoding" for name, _ in request.headers)
    return [request.body] if chunked and request.body is not None else request.body


def _completed(headers: Headers, more: Headers) -> Headers:
    """Returns headers with those of `more` behind them whose names aren't there yet."""
    given = {name.lower() for name, _ in headers}
    return (*headers, *((name, value) for name, value in more if name.lower() not in given))


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    # As bytes, because httpx would refuse the malformed values that some checks have to send.
    return [(name.encode("latin-1"), value.encode("utf-8", "surrogateescape")) for name, value in headers]


def _decoded(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def _version(answer: httpx.Response | None) -> str:
    raw = answer.extensions.get("http_version", b"") if answer is not None else b""
    return raw.decode("latin-1") if isinstance(raw, bytes) else ""


def _read(answer: httpx.Response) -> tuple[bytes, bool]:
    """Returns the body up to BODY_CAP bytes, and whether there was more.

    Content codings are undone here and not by httpx, which would inflate a compressed bomb whole before anybody
    could count its bytes. One that isn't known is left as it came: the checks will find no JSON in it.
    """
    coded = answer.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip", "deflate")
    inflate = zlib.decompressobj(wbits=47) if coded else None
    body = bytearray()
    came = False
    for chunk in answer.stream:  # type: ignore[union-attr]
        came = came or bool(chunk)
        try:
            body += inflate.decompress(chunk, BODY_CAP + 1 - len(body)) if inflate is not None else chunk
        except zlib.error as fault:
            raise TransportError("protocol", f"the compressed body is damaged: {fault}") from fault
        if len(body) > BODY_CAP:
            return bytes(body[:BODY_CAP]), True
    if inflate is not None and came and not inflate.eof:
        raise TransportError("protocol", "the compressed body is damaged: it ends too early")
    return bytes(body), False


def _retry_after(value: str | None) -> float | None:
    """Returns the seconds that the target asked for (RFC 9110 section 10.2.3), None where it named none."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = datetime.strptime(value, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        except ValueError:
            return None
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return seconds if seconds >= 0 and not math.isnan(seconds) else None
