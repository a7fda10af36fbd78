"""Requests that are written at the same moment."""

import threading
import time

import pytest

from conformance.errors import BudgetError, TransportError
from conformance.http.client import Request
from conformance.oracles import concurrency
from tests.conftest import Clients
from tests.support import PATIENCE_S, reply_with, serving


def test_a_race_is_one(clients: Clients) -> None:
    """A race's requests all arrive before any is answered, each on its own connection; replies keep their order."""
    everybody = threading.Barrier(6, timeout=PATIENCE_S)

    def answer(peer: object, request: bytes) -> None:
        everybody.wait()
        peer.sendall(reply_with(request.split(b" ")[1]))  # type: ignore[attr-defined]

    with serving(answer, keep=True) as server:
        client, recorder = clients(server.url)
        calls = [
            lambda number=number: client.send(lambda: Request("POST", f"/{number}")) for number in range(6)
        ]
        race = concurrency.race(client, calls)

    assert [each.text for each in race.replies] == [f"/{number}" for number in range(6)]
    assert race.in_flight == 6
    assert not race.faults
    assert server.connections == 6
    assert len(recorder.exchanges) == 6


def test_a_race_waits_for_the_rate_limit_together(clients: Clients) -> None:
    """Racers that the limit lets through one by one still write at once, and nobody's time runs out meanwhile."""
    everybody = threading.Barrier(5, timeout=PATIENCE_S)

    def answer(peer: object, _: bytes) -> None:
        # Nobody is answered before all of them are in.
        everybody.wait()
        peer.sendall(reply_with())  # type: ignore[attr-defined]

    with serving(answer, keep=True) as server:
        # The rate lets the last one through after 2.4 s, when the time of the first would be over.
        client, _ = clients(server.url, requests_per_second=1.7, timeout_s=2)
        race = concurrency.race(client, [lambda: client.send(lambda: Request("POST", "/"))] * 5)

    assert (len(race.replies), race.in_flight) == (5, 5)


def test_a_racer_that_gets_no_answer_is_a_fault_not_a_reply(clients: Clients) -> None:
    """The others' answers still count."""
    counted = iter(range(100))

    def answer(peer: object, _: bytes) -> None:
        if next(counted):
            peer.sendall(reply_with())  # type: ignore[attr-defined]
        else:
            peer.close()  # type: ignore[attr-defined]

    with serving(answer) as server:
        client, _ = clients(server.url)
        race = concurrency.race(client, [lambda: client.send(lambda: Request("POST", "/"))] * 4)

    assert len(race.replies) == 3
    assert [fault.kind for fault in race.faults] == ["reset"]


def test_a_race_that_cannot_begin_ends(clients: Clients) -> None:
    """A race in which one request can't connect, or has no budget left, ends without blocking the others."""
    with serving(lambda peer, _: peer.sendall(reply_with())) as server:
        url = server.url
        client, _ = clients(url, max_requests=2)
        began = time.monotonic()
        with pytest.raises(BudgetError):
            concurrency.race(client, [lambda: client.send(lambda: Request("POST", "/"))] * 4)
    client, _ = clients(url)
    race = concurrency.race(client, [lambda: client.send(lambda: Request("POST", "/"))] * 4)

    assert not race.replies
    assert {fault.kind for fault in race.faults} <= {"refused", "connect"}
    assert "refused" in {fault.kind for fault in race.faults}
    assert all(isinstance(fault, TransportError) for fault in race.faults)
    # Whoever is left standing at the line gives up after two minutes.
    assert time.monotonic() - began < 100
