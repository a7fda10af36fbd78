"""What a bare assert can't say."""

import json
import threading
import time
from typing import Any

import pytest

from conformance.errors import BudgetError, TransportError
from conformance.http import summary
from conformance.http.client import Request
from conformance.http.reply import MISSING
from conformance.oracles import concurrency, equality, expect, odd_requests
from conformance.oracles.expect import Answer, Violation
from tests.conftest import Clients
from tests.http.test_reply import reply
from tests.support import PATIENCE_S, reply_with, serving

REFUSED = Answer(400, "VALIDATION_ERROR", (("success", False),))


def body(**values: object) -> bytes:
    """A JSON object."""
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (1, 1),
        (1, 1.0),
        ("a", "a"),
        (None, None),
        (True, True),
        ([1, {"a": None}], [1, {"a": None}]),
        ({}, {}),
    ],
)
def test_the_same_json(value: object, other: object) -> None:
    """Numbers by value, the rest by type and content."""
    assert equality.same(value, other)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (True, 1),
        (False, 0),
        (1, "1"),
        (None, MISSING),
        (None, False),
        ("", None),
        ([1], [1, 2]),
        ([True], [1]),
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": [0]}, {"a": [False]}),
        ("a", "A"),
        ([], {}),
        (MISSING, MISSING.__class__),
    ],
)
def test_not_the_same_json(value: object, other: object) -> None:
    """`true` is not 1, a missing key is not null, at any depth."""
    assert not equality.same(value, other)
    assert not equality.same(other, value)


def test_the_documented_answer_is_handed_back() -> None:
    """More than was asked for is tolerated."""
    good = reply(body(success=False, error={"code": "VALIDATION_ERROR", "message": "no"}, more=1), 400)

    assert expect.answered(good, REFUSED) is good


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (reply(body(success=False, error={"code": "VALIDATION_ERROR"}), 409), "status 409"),
        (
            reply(body(success=False, error={"code": "validation_error"}), 400),
            "error.code is 'validation_error'",
        ),
        (reply(body(success="false", error={"code": "VALIDATION_ERROR"}), 400), "success is 'false'"),
        (reply(body(success=0, error={"code": "VALIDATION_ERROR"}), 400), "success is 0"),
        (reply(b"<html>", 400), "error.code is <missing>"),
        (reply(b"", 500), "status 500, error.code is <missing>, success is <missing>"),
    ],
)
def test_every_difference_is_named(given: object, says: str) -> None:
    """What was expected, what came, and the answer itself."""
    with pytest.raises(Violation) as caught:
        expect.answered(given, REFUSED, to="a cancel")  # type: ignore[arg-type]

    assert says in caught.value.observed
    assert caught.value.expected == "400 with error.code 'VALIDATION_ERROR', success False to a cancel"
    assert caught.value.reply is given


def test_unchanged_reads_an_absent_key_as_null() -> None:
    """Either way of saying nothing is the same; a value that comes, goes or differs is a change, at any depth."""
    answer = reply(b"{}")
    whole: dict[str, Any] = {"a": 1, "b": None, "c": {"d": 2, "e": None}, "f": [{"g": None}]}
    for after in (whole, {"a": 1, "c": {"d": 2}, "f": [{}]}, {**whole, "more": 3}):
        expect.unchanged(whole, after, ("a", "b", "c", "f"), reply=answer, after_what="reading")
        expect.unchanged(after, whole, ("a", "b", "c", "f"), reply=answer, after_what="reading")
    for after in ({**whole, "a": "1"}, {**whole, "b": ""}, {**whole, "c": {"d": 2, "e": 0}}, {}, [], MISSING):
        with pytest.raises(Violation):
            expect.unchanged(whole, after, ("a", "b", "c", "f"), reply=answer, after_what="reading")


def test_a_field_is_handed_back_if_it_is_good() -> None:
    """And named if it is not."""
    answer = reply(body(data={"id": "x"}))
    assert expect.field(answer, "data.id", lambda value: value == "x", "x") == "x"
    with pytest.raises(Violation, match=r"data\.no to be there; observed data\.no is <missing>"):
        expect.field(answer, "data.no", bool, "there")


def test_a_reply_is_shown_as_it_is_recorded() -> None:
    """Cut after the secrets are out: half of one would not be known for a secret."""
    from dataclasses import replace

    answer = reply(b"x" * 195 + b"the-secret")
    answer = replace(answer, exchange=replace(answer.exchange, response_body=b"x" * 195 + b"[redacted:a]"))

    assert "the-" not in summary.of(answer)
    assert summary.of(answer).endswith("...")


# -- races ---------------------------------------------------------------------------------------------------


def test_a_race_is_one(clients: Clients) -> None:
    """All requests arrive before any is answered, each on a connection of its own; replies keep their order."""
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
    """One that can't connect, or whose budget is spent, doesn't leave the others waiting at the line."""
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


# -- odd requests ----------------------------------------------------------------------------------------------


def _asking(*came: TransportError | int) -> "tuple[list[str], object]":
    """What is asked of a target, and a function that asks it: each thing that comes in turn."""
    asked: list[str] = []
    left = list(came)

    def ask() -> object:
        asked.append("odd")
        one = left.pop(0)
        if isinstance(one, TransportError):
            raise one
        return reply(b"{}", one)

    return asked, ask


def test_an_odd_request_that_is_answered_is_asked_once() -> None:
    """Its answer is for the check to judge."""
    asked, ask = _asking(404)

    found = odd_requests.odd(ask, lambda: pytest.fail("nothing to find out"), to="an odd id")

    assert (found.status, asked) == (404, ["odd"])


@pytest.mark.parametrize(
    ("kind", "times"), [("timeout", 2), ("reset", 6), ("protocol", 6), ("unavailable", 6)]
)
def test_an_odd_request_that_is_never_answered_is_the_targets_doing(kind: str, times: int) -> None:
    """Each time, while what is documented is answered in between; a connection may be lost by chance."""
    asked, ask = _asking(*[TransportError(kind, "gone")] * times)

    with pytest.raises(Violation, match=f"an odd id to be answered.*{times} times, gone"):
        odd_requests.odd(ask, lambda: asked.append("documented"), to="an odd id")

    assert asked == ["odd", "documented"] * times


def test_an_odd_request_that_is_answered_in_the_end_accuses_nobody() -> None:
    """The connection was lost once."""
    _, ask = _asking(TransportError("reset", "gone"), 404)

    assert odd_requests.odd(ask, reply, to="an odd id").status == 404


def test_an_odd_request_to_a_target_that_is_gone_is_an_error() -> None:
    """Documented requests get no answer either: nothing is known of the odd one."""

    def documented() -> object:
        raise TransportError("refused", "nobody is there")

    _, ask = _asking(TransportError("timeout", "slow"))

    with pytest.raises(TransportError, match="nobody is there"):
        odd_requests.odd(ask, documented, to="an odd id")


def test_an_odd_request_that_was_not_sent_is_an_error() -> None:
    """A pause that the target asked for says nothing of the request."""
    _, ask = _asking(TransportError("rate_limited", "later"))

    with pytest.raises(TransportError, match="later"):
        odd_requests.odd(ask, lambda: pytest.fail("not now"), to="an odd id")
