"""Faults of a target, the client's result, and the outcome in a run: the parameters of the tests, and README.md.

`python -m tests.worst_day.table` writes the README anew.
"""

# ruff: noqa: E501 - a row is a line, however long

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import PATIENCE_S
from tests.worst_day import authority as tls
from tests.worst_day.faults import (
    ENVELOPE,
    LOGIN,
    Fault,
    answer,
    bomb,
    enveloped,
    every_third,
    goes_on,
    head,
    hesitates,
    in_turn,
    listens_and_resets,
    many_keys,
    resets,
    says,
    says_and_ends,
    silence,
    trickles,
    zipped,
)

README = Path(__file__).with_name("README.md")
NOBODY = ("reset", "timeout", "protocol", "tls", "refused", "rate_limited", "unavailable")


@dataclass(frozen=True, slots=True)
class Case:
    """One row. `becomes` is what the client makes of each request of a series, in the words of `tests.worst_day`.

    `tls` makes the server's context for its nth connection; `url` changes the scheme that it is called by;
    `timeout_s` is for those that only the end of it tells.
    """

    name: str
    fault: Fault
    becomes: tuple[str, ...]
    tls: Callable[[], Callable[[int], ssl.SSLContext]] | None = None
    reads: bool = True
    url: Callable[[str], str] = str
    connections: int | None = None
    timeout_s: float = PATIENCE_S

    def __post_init__(self) -> None:
        if "timeout" in self.becomes:
            object.__setattr__(self, "timeout_s", 0.3)

    @property
    def blamed(self) -> str:
        """The outcome in a run: no failure, an error of the transport, or a failure of the target."""
        bad = [one for one in self.becomes if not one.endswith(": fine")]
        if not bad:
            return "no failure"
        return "transport: error" if bad[-1].split(":")[0] in NOBODY else "the target: failed"


FINE = "404: fine"
CUT = "cut at the cap"


def _nothing_heard(peer: socket.socket, number: int) -> None:
    """Half of the connection is closed, and nothing comes."""
    peer.shutdown(socket.SHUT_RD)
    silence(peer, number)


SECTIONS: dict[str, tuple[Case, ...]] = {
    "Connections": (
        Case("resets the connection at once", resets(), ("reset",), reads=False),
        Case("closes it at once", says_and_ends(), ("reset",), reads=False),
        Case("resets it once it has the request", resets(), ("reset",)),
        Case("closes it once it has the request", says_and_ends(), ("reset",)),
        Case("resets it in the middle of the head", resets(b"HTTP/1.1 404 Not Fo"), ("reset",)),
        Case("closes it in the middle of the head", says_and_ends(b"HTTP/1.1 404 Not Fo"), ("protocol",)),
        Case("resets it in the middle of the body", resets(answer()[:-20]), ("reset",)),
        Case("closes it in the middle of the body", says_and_ends(answer()[:-20]), ("protocol",)),
        Case("stays connected and says nothing", silence, ("timeout",)),
        Case("closes its half and says nothing", _nothing_heard, ("timeout",)),
        Case("accepts, and never reads", silence, ("timeout",), reads=False),
        Case("trickles the head", trickles(answer()), ("timeout",)),
        Case("trickles the body", trickles(b"x" * 80, head("404 Not Found", "Content-Length: 80")), ("timeout",)),
        Case("trickles chunks", trickles(b"1\r\nx\r\n" * 20, head("200 OK", "Transfer-Encoding: chunked")), ("timeout",)),
        Case("is slow, but in time", hesitates(0.1, says(answer())), (FINE,)),
        Case("closes behind each answer without a word", says_and_ends(answer()), (FINE,) * 3, connections=3),
        Case("resets every third connection", every_third(resets(), says(answer())), (FINE,) * 4),
        Case("restarts: resets twice, then is back", in_turn(resets(), resets(), says(answer())), ("reset", "reset", FINE)),
    ),
    "Size": (
        Case("sends a body without end", goes_on(b"x", head("200 OK")), (f"200: {CUT}",)),
        Case("sends chunks without end", goes_on(b"1000\r\n" + b"x" * 4096 + b"\r\n", head("200 OK", "Transfer-Encoding: chunked")), (f"200: {CUT}",)),
        Case("sends headers without end", goes_on(b"X-More: more\r\n", b"HTTP/1.1 200 OK\r\n"), ("protocol",)),
        Case("sends one header without end", goes_on(b"x", b"HTTP/1.1 200 OK\r\nX-More: "), ("protocol",)),
        Case("sends a status line without end", goes_on(b"x", b"HTTP/1.1 200 "), ("protocol",)),
        Case("sends trailers without end", goes_on(b"X: y\r\n", head("200 OK", "Transfer-Encoding: chunked") + b"0\r\n"), ("protocol",)),
        Case("sends a chunk extension without end", goes_on(b"x", head("200 OK", "Transfer-Encoding: chunked") + b"1;"), ("protocol",)),
        Case("sends 50 MB", says(head("200 OK", "Content-Length: 50000000"), *[bytes(1_000_000)] * 50), (f"200: {CUT}",)),
        Case("sends a gzip bomb", says(bomb("gzip")), (f"200: {CUT}",)),
        Case("sends a deflate bomb", says(bomb("deflate")), (f"200: {CUT}",)),
        Case("sends a br bomb", says(bomb("br")), ("200: the body is not UTF-8",)),
        Case("sends gzip without end that holds nothing", goes_on(b"x", head("200 OK", "Content-Encoding: gzip") + b"\x1f\x8b\x08\x08" + bytes(6)), ("timeout",)),
    ),
    "Framing": (
        Case("announces more than it sends", says_and_ends(head("404 Not Found", "Content-Length: 500") + ENVELOPE), ("protocol",)),
        Case("announces less than it sends", says(head("404 Not Found", "Content-Length: 9") + ENVELOPE), ("404: the body is not JSON",) * 2, connections=2),
        Case("sends a second answer that nobody asked for", in_turn(says(answer() + answer(b'"not yours"', "200 OK")), says(answer())), (FINE, FINE), connections=2),
        Case("announces two lengths", says(head("404 Not Found", "Content-Length: 3", "Content-Length: 4") + b"{} {}"), ("protocol",)),
        Case("announces a negative length", says(head("404 Not Found", "Content-Length: -1")), ("protocol",)),
        Case("announces a length in words", says(head("404 Not Found", "Content-Length: some")), ("protocol",)),
        Case("announces chunks and a length", says(head("404 Not Found", "Transfer-Encoding: chunked", "Content-Length: 3") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(ENVELOPE), ENVELOPE)), (FINE,)),
        Case("sends a chunk of no size", says(head("404 Not Found", "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n"), ("protocol",)),
        Case("sends a chunk longer than it says", says(head("404 Not Found", "Transfer-Encoding: chunked") + b"1\r\n{}{}\r\n0\r\n\r\n"), ("protocol",)),
        Case("leaves the last chunk out", says_and_ends(head("404 Not Found", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n"), ("protocol",)),
        Case("names a transfer coding of its own", says(head("404 Not Found", "Transfer-Encoding: rot13") + b"{}"), ("protocol",)),
        Case("sends gzip that is cut off", says(zipped(ENVELOPE, -12)), ("protocol",)),
        Case("calls plain text gzip", says(answer(ENVELOPE, "404 Not Found", "Content-Encoding: gzip")), ("protocol",)),
        Case("sends gzip that nobody asked for", says(zipped(ENVELOPE)), (FINE,)),
        Case("puts NUL into a header", says(head("404 Not Found", "X-Nul: a\0b")), ("protocol",)),
        Case("sends a header without a colon", says(head("404 Not Found", "nonsense")), ("protocol",)),
        Case("sends a status of two digits", says(answer(status="40 What")), ("protocol",)),
        Case("sends a body with 204", says(answer(status="204 No Content")), ("204: the body is not JSON",) * 2, connections=2),
        Case("storms with 1xx", goes_on(b"HTTP/1.1 100 Continue\r\n\r\n"), ("timeout",)),
        Case("sends 103 before its answer", says(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer()), (FINE,)),
        Case("switches protocols unasked", says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), ("protocol",)),
    ),
    "Bodies": (
        Case("sends nothing", says(answer(b"")), ("404: the body is not JSON",)),
        Case("sends invalid UTF-8", says(enveloped(b'"\xff\xfe\xc3"')), ("404: the body is not UTF-8",)),
        Case("sends UTF-16", says(answer(ENVELOPE.decode().encode("utf-16"))), ("404: the body is not UTF-8",)),
        Case("sends a byte order mark", says(answer(b"\xef\xbb\xbf" + ENVELOPE)), ("404: the body is not JSON",)),
        Case("nests 100 000 deep", says(answer(b"[" * 100_000 + b"]" * 100_000)), ("404: the body is nested too deeply",)),
        Case("sends 1e400", says(enveloped(b"1e400")), (FINE,)),
        Case("sends an integer of 100 000 digits", says(enveloped(b"9" * 100_000)), (FINE,)),
        Case("sends a key twice", says(answer(b'{"success": false, "success": true}')), ("404: the key 'success' appears twice",)),
        Case("sends 50 000 keys", says(many_keys(50_000)), (FINE,)),
        Case("sends NaN", says(enveloped(b"NaN")), ("404: NaN is not a JSON number",)),
        Case("sends half a surrogate pair", says(enveloped(b'"\\ud800"')), (FINE,)),
        Case("sends a megabyte of line ends", says(answer(b"\n" * 900_000)), ("404: the body is not JSON",)),
        Case("sends a megabyte of backslashes", says(enveloped(b'"' + b"\\\\" * 400_000 + b'"')), (FINE,)),
        Case("sends a megabyte of a-a-a", says(enveloped(b'"' + b"a-" * 400_000 + b'"')), (FINE,)),
        Case("shows a login page with 200", says(answer(LOGIN, "200 OK", "Content-Type: text/html")), ("200: the body is not JSON",)),
        Case("is a captive portal (511)", says(answer(LOGIN, "511 Network Authentication Required", "Content-Type: text/html")), ("511: the body is not JSON",)),
    ),
    "Redirects and cookies": (
        Case("redirects to itself for ever", says(answer(b"{}", "302 Found", "Location: /x")), ("302: fine",) * 2),
        Case("redirects to another host, 307", says(answer(b"{}", "307 Temporary Redirect", "Location: http://{other}/x")), ("307: fine",)),
        Case("redirects to another host, 302", says(answer(b"{}", "302 Found", "Location: http://{other}/x")), ("302: fine",)),
        Case("redirects to a URL that is none", says(answer(b"{}", "308 Permanent Redirect", "Location: http://[bad")), ("308: fine",)),
        Case("sets cookies", says(answer(ENVELOPE, "404 Not Found", "Set-Cookie: session=1; Path=/")), (FINE,) * 2),
    ),
    "Protocols": (
        Case("speaks HTTP/1.0", says_and_ends(b"HTTP/1.0 404 Not Found\r\nContent-Type: application/json\r\n\r\n" + ENVELOPE), (FINE,) * 2, connections=2),
        Case("speaks HTTP/0.9", says_and_ends(ENVELOPE), ("protocol: speaks no HTTP",)),
        Case("offers HTTP/2, takes HTTP/1.1", says(answer()), (FINE,), tls=tls.offers_http2),
        Case("speaks HTTP/2 only", says(b"\0\0\x12\4\0\0\0\0\0" + bytes(18)), ("protocol",)),
        Case("is an SSH server", says(b"SSH-2.0-OpenSSH_9.6\r\n"), ("protocol: speaks no HTTP",), reads=False),
        Case("is a mail server", says(b"220 mail.example ESMTP ready\r\n"), ("protocol: speaks no HTTP",), reads=False),
        Case("is a Redis server", says(b"-ERR unknown command 'GET'\r\n"), ("protocol: speaks no HTTP",), timeout_s=2),
    ),
    "TLS": (
        Case("is all right", says(answer()), (FINE,), tls=tls.good),
        Case("signs its certificate itself", says(answer()), ("tls: self-signed",), tls=tls.signed_by_itself),
        Case("has another host's certificate", says(answer()), ("tls: mismatch",), tls=tls.for_another_host),
        Case("has an expired certificate", says(answer()), ("tls: expired",), tls=tls.expired),
        Case("has a certificate for tomorrow", says(answer()), ("tls: not yet valid",), tls=tls.not_yet_valid),
        Case("lets its certificate expire on the way", says_and_ends(answer()), (FINE, "tls: expired"), tls=tls.expires_on_the_way),
        Case("speaks TLS 1.1 at most", says(answer()), ("tls",), tls=tls.old_protocol),
        Case("asks for a client certificate", says(answer()), ("tls",), tls=tls.wants_ours),
        Case("speaks plain HTTP on the port of https", says(answer()), ("tls",), reads=False, url=lambda url: url.replace("http:", "https:")),
        Case("speaks TLS on the port of http", says(answer()), ("reset",), tls=tls.good, url=lambda url: url.replace("https:", "http:")),
        Case("answers http with a TLS alert", says(b"\x15\x03\x01\0\2\2\x46"), ("protocol: speaks TLS",)),
        Case("resets the handshake", listens_and_resets(), ("tls",), reads=False, url=lambda url: url.replace("http:", "https:")),
        Case("says nothing to the handshake", silence, ("timeout",), reads=False, url=lambda url: url.replace("http:", "https:")),
    ),
    "Storms": (
        Case("answers 429 for ever, without a word", says(answer(status="429 Slow")), ("rate_limited",)),
        Case("answers 429 for ever, Retry-After: 0", says(answer(ENVELOPE, "429 Slow", "Retry-After: 0")), ("rate_limited",)),
        Case("answers 429 for ever, Retry-After: an hour", says(answer(ENVELOPE, "429 Slow", "Retry-After: 3600")), ("rate_limited",) * 2, connections=1),
        Case("answers 429 for ever, Retry-After: in 2099", says(answer(ENVELOPE, "429 Slow", "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT")), ("rate_limited",) * 2, connections=1),
        Case("answers 429 once, Retry-After: 0.1", in_turn(says(answer(ENVELOPE, "429 Slow", "Retry-After: 0.1")), says(answer())), (FINE,)),
        Case("answers 429 once, Retry-After: in the past", in_turn(says(answer(ENVELOPE, "429 Slow", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT")), says(answer())), (FINE,)),
        Case("answers 429 once, Retry-After: soon", in_turn(says(answer(ENVELOPE, "429 Slow", "Retry-After: soon")), says(answer())), (FINE,)),
        Case("answers 429 every third time", every_third(says(answer(ENVELOPE, "429 Slow", "Retry-After: 0.05")), says(answer())), (FINE,) * 5),
        Case("answers 503 for ever", says(answer(ENVELOPE, "503 Service Unavailable")), ("unavailable: the target answered 503, each of 5 times",) * 2),
        Case("answers 503, Retry-After: an hour", says(answer(ENVELOPE, "503 Service Unavailable", "Retry-After: 3600")), ("rate_limited",) * 2),
        Case("answers 500 every third time", every_third(says(answer(ENVELOPE, "500 Oops")), says(answer())), (FINE, FINE, "500: fine", FINE)),
    ),
}  # fmt: skip
CASES = {case.name: case for cases in SECTIONS.values() for case in cases}


def page() -> str:
    """README.md."""
    lines = [
        "# Faults of a target",
        "",
        "Faults of connections and answers, the result of a request, and the outcome in a run. Each row is a test on",
        "a real socket:",
        "`python -m tests.worst_day.table` writes this page from the table that the tests run.",
        "",
        "Checks judge every answer, however malformed; `fine` says only that the body is JSON (RFC 8259). A request",
        "without an answer is a `transport: error`, and fails no requirement. The client waits after a 429, which is never",
        "judged.",
        "",
        f"{len(CASES)} rows; every request ends within `limits.timeout_s`, and keeps a megabyte of body at most.",
        "`python -m tests.worst_day.whole` does whole runs of both APIs with each fault, from the start and later on.",
    ]
    for section, cases in SECTIONS.items():
        lines += ["", f"## {section}", "", "| the target | result | outcome |", "|---|---|---|"]
        for case in cases:
            times = list(dict.fromkeys(case.becomes))
            lines.append(f"| {case.name} | {'; then '.join(times)} | {case.blamed} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(page(), encoding="utf-8")
