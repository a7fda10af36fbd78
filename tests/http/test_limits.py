"""Connections and limits of the client: reuse, hang-ups, 429, the budget, threads."""

import socket
import threading
import time

import pytest

from conformance.errors import BudgetError, TransportError
from conformance.http.client import Request
from tests.conftest import Clients
from tests.support import always, eventually, reply_with, serving

GET = Request("GET", "/x")


# -- connections ---------------------------------------------------------------------------------------------


def test_connections_are_used_again(clients: Clients) -> None:
    """A target that keeps connections open sees one of them."""
    with serving(always(reply_with()), keep=True) as server:
        client, _ = clients(server.url)
        for _ in range(5):
            client.send(lambda: GET)

    assert (len(server.requests), server.connections) == (5, 1)


def test_a_connection_that_was_closed_unannounced_is_replaced(clients: Clients) -> None:
    """No `Connection: close` came, the peer hung up all the same: the next request takes a new connection."""
    with serving(always(reply_with())) as server:
        client, recorder = clients(server.url)
        for _ in range(3):
            assert client.send(lambda: GET).status == 200
            server.hung_up(server.connections)

    assert (server.connections, len(recorder.exchanges)) == (3, 3)


def test_a_target_that_hangs_up_unannounced_is_noticed(clients: Clients) -> None:
    """`hung_up` tells a peer that closes behind its answer from one that keeps, and from one that says it closes."""
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    for answer, keep, expected in (
        (reply_with(), False, True),
        (reply_with(), True, False),
        (closing, False, False),
    ):
        with serving(always(answer), keep=keep) as server:
            client, _ = clients(server.url)
            client.send(lambda: GET)
            if not keep:
                server.hung_up(1)
            assert client.hung_up() is expected


def test_reuse_can_be_given_up(clients: Clients) -> None:
    """After `stop_reuse` each request has a connection of its own."""
    with serving(always(reply_with()), keep=True) as server:
        client, _ = clients(server.url)
        client.send(lambda: GET)
        client.stop_reuse()
        for _ in range(3):
            client.send(lambda: GET)

    assert server.connections == 4


# -- limits --------------------------------------------------------------------------------------------------


def test_a_429_is_obeyed_in_the_open(clients: Clients) -> None:
    """Retry-After is waited for, every attempt is an exchange, and each is built anew."""
    answers = iter(
        [
            reply_with(status="429 Slow", headers="Retry-After: 0.3"),
            reply_with(status="429 Slow"),
            reply_with(),
        ]
    )
    made = []

    def make() -> Request:
        made.append(1)
        return Request("GET", f"/{len(made)}")

    with serving(lambda peer, _: peer.sendall(next(answers))) as server:
        client, recorder = clients(server.url)
        began = time.monotonic()
        reply = client.send(make)

    assert reply.status == 200
    assert time.monotonic() - began > 0.8
    assert [exchange.status for exchange in recorder.exchanges] == [429, 429, 200]
    assert [exchange.url[-2:] for exchange in recorder.exchanges] == ["/1", "/2", "/3"]


@pytest.mark.parametrize("after", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT", "inf"])
def test_a_429_for_ever_is_no_verdict(clients: Clients, after: str) -> None:
    """A target that only ever says "later" is given up on at once where it asks for too much."""
    with serving(always(reply_with(status="429 Slow", headers=f"Retry-After: {after}"))) as server:
        client, _ = clients(server.url)
        with pytest.raises(TransportError) as caught:
            client.send(lambda: GET)

    assert caught.value.kind == "rate_limited"
    assert "requests_per_second" in caught.value.hint


@pytest.mark.parametrize("after", ["-5", "nan", "soon", ""])
def test_an_odd_retry_after_is_survived(clients: Clients, after: str) -> None:
    """Nonsense is waited for a little while, never negatively and never for ever."""
    answers = iter([reply_with(status="429 Slow", headers=f"Retry-After: {after}"), reply_with()])
    with serving(lambda peer, _: peer.sendall(next(answers))) as server:
        assert clients(server.url)[0].send(lambda: GET).status == 200


def test_the_budget_ends_the_sending(clients: Clients) -> None:
    """The request after the last one is not sent, and the fault says what to raise."""
    with serving(always(reply_with()), keep=True) as server:
        client, _ = clients(server.url, max_requests=2)
        client.send(lambda: GET)
        client.send(lambda: GET)
        with pytest.raises(BudgetError, match="budget of 2 requests"):
            client.send(lambda: GET)

    assert len(server.requests) == 2


def test_every_thread_has_its_own_deadline(clients: Clients) -> None:
    """A slow exchange in one thread takes nothing from a quick one in another."""

    def answer(peer: socket.socket, request: bytes) -> None:
        if b"/slow" in request:
            server.over.wait()
        peer.sendall(reply_with())

    kinds: list[object] = []

    def slow() -> None:
        try:
            client.send(lambda: Request("GET", "/slow"))
        except TransportError as fault:
            kinds.append(fault.kind)

    with serving(answer) as server:
        client, _ = clients(server.url, timeout_s=2)
        thread = threading.Thread(target=slow)
        thread.start()
        eventually(lambda: server.requests)
        while thread.is_alive():
            kinds.append(client.send(lambda: Request("GET", "/quick")).status)
            thread.join(0.1)

    assert kinds.count("timeout") == 1
    assert kinds.count(200) == len(kinds) - 1 > 1
