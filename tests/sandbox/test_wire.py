"""The server below both APIs, spoken to byte by byte."""

import base64
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.sandbox import Sandbox
from tests.support import PATIENCE_S, eventually


class Line:
    """A connection to a sandbox."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def until(self, pattern: bytes) -> bytes:
        """Receive until something has come."""
        received = b""
        while not re.search(pattern, received):
            more = self.socket.recv(65536)
            if not more:
                break
            received += more
        return received


@pytest.fixture
def line(shared_sandbox: Sandbox) -> Iterator[Line]:
    """A connection to the sandbox."""
    line = Line(shared_sandbox.url)
    yield line
    line.socket.close()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_not_http_is_400_in_json(line: Line, garbage: bytes) -> None:
    """Bytes that aren't HTTP are answered 400 in JSON, and the connection is closed."""
    line.send(garbage)
    reply = line.until(b"}}")
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")
    assert line.socket.recv(1) == b""


def test_an_oversized_header_section_is_400(line: Line) -> None:
    """A quarter of a megabyte is more than enough."""
    line.send(b"GET / HTTP/1.1\r\n" + b"X-Filler: " + b"x" * (1 << 19) + b"\r\n\r\n")
    assert b"400 Bad Request" in line.until(b"}}")


def test_pipelined_requests_are_answered_in_order(line: Line) -> None:
    """RFC 9112, 9.3.2."""
    pair = b"GET /payout_intents/x/y HTTP/1.1\r\n\r\nDELETE /_control HTTP/1.1\r\n\r\n"
    line.send(20 * pair + b"GET /_states HTTP/1.1\r\n\r\n")
    replies = line.until(b"Only POST here")
    assert re.findall(rb"HTTP/1\.1 (\d+)", replies) == [b"404", b"405"] * 20 + [b"405"]


def test_a_body_can_wait_for_100_continue(line: Line) -> None:
    """RFC 9110, 10.1.1."""
    line.send(b"POST /_control HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert line.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.send(b"{}")
    assert line.until(b"}}").startswith(b"HTTP/1.1 200 OK")


def test_a_chunked_body_is_one_body(line: Line) -> None:
    """RFC 9112, 7.1."""
    line.send(b"POST /_control HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    assert line.until(b"}}").startswith(b"HTTP/1.1 200 OK")


def test_http_1_0_is_closed_after_the_answer(line: Line) -> None:
    """RFC 9112, 9.3."""
    line.send(b"GET /_control HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in line.until(b"never")


def test_the_absolute_form_is_understood(line: Line) -> None:
    """RFC 9112, 3.2.2."""
    line.send(b"GET http://proxied.example/_control HTTP/1.1\r\nHost: proxied.example\r\n\r\n")
    assert line.until(b"}}").startswith(b"HTTP/1.1 200 OK")


def test_other_forms_of_a_target_find_nothing(line: Line) -> None:
    """The asterisk, and bytes beyond ASCII."""
    for target in (b"*", b"/payout_intents/\xc3\xa9"):
        line.send(b"OPTIONS " + target + b" HTTP/1.1\r\n\r\n")
        assert re.match(rb"HTTP/1\.1 40[045] ", line.until(b"}}"))


def test_a_client_that_hangs_up_does_not_undo_its_cancel(bent: Any) -> None:
    """A cancel is carried out although its client has disconnected."""
    opened = bent(latency_ms=30)
    identifier = opened.client.given("withdraws", "pending")["id"]
    line = Line(opened.sandbox.url)
    headers = "".join(f"{name}: {value}\r\n" for name, value in opened.client.signed().items())
    line.send(f"POST /api/v1/withdraws/{identifier}/cancel HTTP/1.1\r\n{headers}\r\n".encode())
    line.socket.close()

    def status() -> str:
        return str(opened.client.read_withdraw(identifier).json()["data"]["status"])

    eventually(lambda: status() != "pending")
    assert status() == "canceled"


def test_half_of_a_body_is_no_request(bent: Any) -> None:
    """A request that is cut off is dropped (RFC 9112, section 8), unless a defect takes it."""
    statuses = []
    for defects in ((), ("pi-half-a-body-cancels",)):
        opened = bent(*defects)
        identifier = opened.client.given("payout-intents", "requires_approval")["id"]
        pair = base64.b64encode(":".join(opened.client.basic()).encode()).decode()
        line = Line(opened.sandbox.url)
        head = f"POST /payout_intents/{identifier}/cancel HTTP/1.1\r\nAuthorization: Basic {pair}\r\n"
        line.send(f'{head}Content-Length: 20\r\n\r\n{{"reason'.encode())
        line.socket.close()

        def status(opened: Any = opened, identifier: str = identifier) -> str:
            return str(opened.client.read_intent(identifier)["status"])

        if defects:
            eventually(lambda status=status: status() == "cancelled")
        statuses.append(status())

    assert statuses == ["requires_approval", "cancelled"]
