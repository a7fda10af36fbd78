"""Answers that say nothing of the contract: sent again where that is safe, and never handed to a check."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.errors import TransportError
from conformance.http.client import Request
from conformance.http.gate import slow_downs
from tests.conftest import Clients
from tests.support import (
    SandboxProcess,
    command,
    eventually,
    handed_on,
    record,
    reply_with,
    serving,
    write_profile,
)

Handler = Callable[[socket.socket, bytes], None]
GOOD = reply_with(b"{}", "404 Not Found")


def in_turn(*answers: bytes | None, then: bytes = GOOD) -> Handler:
    """A server that gives one answer after the other (None breaks the connection), then `then` for ever."""
    left = list(answers)

    def answer(peer: socket.socket, _: bytes) -> None:
        said = left.pop(0) if left else then
        if said is not None:
            peer.sendall(said)

    return answer


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_a_read_is_sent_again(clients: Clients, tmp_path: Path, status: str) -> None:
    """A GET asks for nothing twice, so that it is repeated whatever kept its answer back."""
    with serving(in_turn(reply_with(b"", status), reply_with(b"", status))) as server:
        client, recorder = clients(server.url)

        reply = client.send(lambda: Request("GET", "/x"))

    assert reply.status == 404
    assert [one.status for one in recorder.exchanges] == [int(status[:3])] * 2 + [404]
    assert slow_downs(tmp_path / "gate0") == (
        "The target was unavailable 2 times (502, 503, 504, no connection). No requirement is judged by such an answer."
    )


def test_a_cancel_is_sent_again_after_503(clients: Clients) -> None:
    """RFC 9110 section 15.6.4: the server was not able to handle the request."""
    with serving(in_turn(reply_with(b"", "503 Busy", "Retry-After: 0.2"))) as server:
        client, _ = clients(server.url)
        stamps = iter("12")

        reply = client.send(lambda: Request("POST", "/x", (("X-Stamp", next(stamps)),)))

    assert reply.status == 404
    assert [b"X-Stamp: 2" in one for one in server.requests] == [False, True]


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
def test_a_cancel_that_may_have_had_an_effect_is_not_sent_again(clients: Clients, status: str) -> None:
    """A gateway that lost the answer doesn't know what the request did: its repeat may meet another state."""
    with serving(in_turn(reply_with(b"", status))) as server:
        client, _ = clients(server.url)

        with pytest.raises(TransportError, match=status[:3]) as caught:
            client.send(lambda: Request("POST", "/x"))

    assert (caught.value.kind, caught.value.status) == ("unavailable", int(status[:3]))
    assert len(server.requests) == 1


def test_a_target_that_stays_unavailable_is_an_error(clients: Clients) -> None:
    """Five tries; two of them once that was in vain twice running; five again once there was an answer."""
    bad = reply_with(b"", "503 Busy")
    with serving(in_turn(*[bad] * 12, GOOD, *[bad] * 4), keep=True) as server:
        client, _ = clients(server.url)
        for _ in range(3):
            with pytest.raises(TransportError, match="503") as caught:
                client.send(lambda: Request("GET", "/x"))
            assert caught.value.kind == "unavailable"
        assert client.send(lambda: Request("GET", "/x")).status == 404
        assert client.send(lambda: Request("GET", "/x")).status == 404

    assert len(server.requests) == 5 + 5 + 2 + 1 + 5


def test_a_lost_connection_is_made_again_for_a_read_alone(clients: Clients) -> None:
    """Once the target has answered something; a cancel may have arrived before the connection broke."""
    with serving(in_turn(GOOD, None, GOOD, None, then=GOOD)) as server:
        client, _ = clients(server.url)
        for _ in range(2):
            assert client.send(lambda: Request("GET", "/x")).status == 404
            server.hung_up(server.connections)
        with pytest.raises(TransportError) as caught:
            client.send(lambda: Request("POST", "/x"))

    assert caught.value.kind == "reset"
    assert len(server.requests) == 4


def test_checks_without_a_resource_begin_again(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A state source that is unavailable for a while, and says so, leaves nothing untested."""
    count = iter(range(10**6))

    def answer(peer: socket.socket, request: bytes) -> None:
        away = request.startswith(b"POST /_states ") and 12 <= next(count) < 24
        peer.sendall(reply_with(b"", "503 Busy") if away else handed_on(sandbox.url, request))

    with serving(answer) as server:
        states = f'url = "{server.url}/_states"'
        profile = write_profile(tmp_path, "withdraws", server.url, states=states)
        words = ("--no-fuzz", "-n", "1", "-k", "missing or cancellation")
        done = command("run", profile, *words, cwd=tmp_path)

    found = record(tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr  # the rest was left out
    assert found["counts"]["not_testable"] == found["counts"]["error"] == 0, done.stdout
    assert any("began again" in note for note in found["notes"]), found["notes"]


def test_a_caller_that_hangs_up_reads_nothing(clients: Clients) -> None:
    """The request is written whole and the connection closed; what is sent later goes over another one."""
    left: list[bytes] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        if b"/left" in request:
            left.append(peer.recv(1))
        else:
            peer.sendall(GOOD)

    with serving(answer) as server:
        client, recorder = clients(server.url)

        client.abandon(lambda: Request("POST", "/left", (("X-Key", "1"),), b"{}"))
        reply = client.send(lambda: Request("GET", "/x"))

        # Each connection has a thread of its own: the later request may be read first.
        eventually(lambda: left == [b""])

    assert reply.status == 404
    assert next(one for one in server.requests if b"/left" in one).endswith(b"\r\n\r\n{}")
    assert [one.status for one in recorder.exchanges] == [None, 404]
    assert "on purpose" in str(recorder.exchanges[0].error)


def test_a_caller_that_hangs_up_halfway_sends_half_of_the_body(clients: Clients) -> None:
    """The head goes out whole, then half of what it announces; nothing of that is read as another request."""
    left: list[bytes] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        if b"/left" in request:
            left.append(request)
        else:
            peer.sendall(GOOD)

    with serving(answer) as server:
        client, recorder = clients(server.url)

        client.abandon(lambda: Request("POST", "/left", (), b"0123456789"), half=True)
        eventually(lambda: left)
        reply = client.send(lambda: Request("POST", "/x", (), b"0123456789"))

    assert left[0].endswith(b"\r\n\r\n01234")
    assert b"Content-Length: 10\r\n" in left[0]
    assert reply.status == 404
    assert server.requests[-1].endswith(b"\r\n\r\n0123456789")
    assert "after half of the body" in str(recorder.exchanges[0].error)


def test_a_caller_that_waits_before_it_hangs_up_keeps_the_connection_open(clients: Clients) -> None:
    """The answer is still being made when the connection is closed."""
    with serving(lambda peer, request: eventually(lambda: peer.recv(1) == b"")) as server:
        client, recorder = clients(server.url)
        client.abandon(lambda: Request("POST", "/left", (), b"{}"), linger_s=0.2)

    assert recorder.exchanges[0].duration_s >= 0.2
    assert recorder.exchanges[0].status is None
