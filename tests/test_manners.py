"""Honest targets behind servers with manners of their own: an edge that adds and rewrites, a window of maintenance."""

import json
import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import (
    READ_PATH,
    TERMINAL,
    Handler,
    SandboxProcess,
    certify,
    handed_on,
    outcomes,
    record,
    reply_with,
    serving,
    write_profile,
)

APIS = ["withdraws", "payout-intents"]
_OWN = re.compile(rb"(?i)(content-length|transfer-encoding|connection):")
_ADDED = (
    b"strict-transport-security: max-age=63072000",
    b"set-cookie: sid=abc123; Path=/; HttpOnly",
    b"vary: Accept, Origin",
    b"server-timing: db;dur=1",
    b"via: 1.1 edge",
)


def _asked(url: str, request: bytes) -> tuple[bytes, list[bytes], bytes]:
    """The status line, headers and body of the target's answer."""
    answer = handed_on(url, re.sub(rb"(?im)^connection:.*\r\n", b"", request, count=1))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    return first, [one for one in headers if not _OWN.match(one)], body


def edge(url: str) -> Handler:
    """103 before each answer, names in small letters, more headers and keys, JSON escaped and in reverse, trailers."""

    def answer(peer: socket.socket, request: bytes) -> None:
        first, headers, body = _asked(url, request)
        names = [one.partition(b":") for one in headers]
        lines = [first, *(name.lower() + b":" + value for name, _, value in names), *_ADDED]
        said = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
        if request.startswith(b"HEAD "):
            peer.sendall(said + b"\r\n".join(lines) + b"\r\ncontent-length: 0\r\n\r\n")
            return
        if body:
            told = dict(reversed(json.loads(body).items())) | {"_links": {"self": "/x"}, "requestTime": 12.5}
            body = json.dumps(told).replace("/", "\\/").encode()
        lines += [b"trailer: x-checksum", b"transfer-encoding: chunked"]
        parts = [body[at : at + 97] for at in range(0, len(body), 97)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in parts)
        peer.sendall(said + b"\r\n".join(lines) + b"\r\n\r\n" + chunks + b"0\r\nx-checksum: 1\r\n\r\n")

    return answer


def maintenance(url: str) -> Handler:
    """The 100th to 102nd request meet a page of maintenance: 503, and a date to come back at (RFC 9110 10.2.3)."""
    counting, seen = threading.Lock(), [0]

    def answer(peer: socket.socket, request: bytes) -> None:
        with counting:
            seen[0] += 1
            number = seen[0]
        if 100 <= number < 103:
            when = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
            page = b"<html><body><h1>Back soon</h1></body></html>"
            peer.sendall(
                reply_with(page, "503 Maintenance", f"Content-Type: text/html\r\nRetry-After: {when}")
            )
            return
        first, headers, body = _asked(url, request)
        length = b"" if request.startswith(b"HEAD ") else b"\r\nContent-Length: %d" % len(body)
        peer.sendall(b"\r\n".join([first, *headers]) + length + b"\r\n\r\n" + body)

    return answer


@pytest.mark.parametrize("front", [edge, maintenance])
@pytest.mark.parametrize("api", APIS)
def test_server_in_front_is_nobodys_fault(sandbox: SandboxProcess, tmp_path: Path, api: str, front) -> None:  # type: ignore[no-untyped-def]
    """Nothing is failed, warned or left open, whatever stands in front of an honest target."""
    sandbox.bend()
    with serving(front(sandbox.url), keep=True) as server:
        more = READ_PATH if api == "withdraws" else TERMINAL
        states = f'url = "{sandbox.url}/_states"\n{more}'
        done = certify(write_profile(tmp_path, api, server.url, states=states))

    found = set(outcomes(tmp_path).values())
    assert found <= {"passed", "not_applicable"}, done.stdout
    assert done.returncode == 0
    notes = " ".join(record(tmp_path)["notes"])
    assert ("asked to slow down" in notes) is (front is maintenance)
