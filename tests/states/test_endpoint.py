"""Resources from a provider-state endpoint, on a real socket."""

import json
import socket

import pytest

from conformance.errors import NotTestable, SourceSilent
from conformance.states.endpoint import StateEndpoint
from conformance.states.resource import Resource, Wanted
from tests.conftest import Clients
from tests.support import always, reply_with, serving

PENDING = Wanted("withdraws", "pending")


def test_the_message_is_pacts(clients: Clients) -> None:
    """Setup, teardown with the same params and the id, settle: as the interface says."""
    with serving(always(reply_with(b'{"id": "one", "amount": "1.00"}')), keep=True) as server:
        endpoint = StateEndpoint(clients(server.url)[0], "/_states/?token=x")
        made = endpoint.setup(Wanted("withdraws", "paid", owner="other_merchant"))
        endpoint.teardown(made)
        endpoint.settle(made)

    assert (made.id, made.facts["amount"]) == ("one", "1.00")
    assert server.requests[0].startswith(b"POST /_states/?token=x HTTP/1.1\r\n")
    messages = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    params = {"contract": "withdraws", "status": "paid", "owner": "other_merchant"}
    assert messages == [
        {"action": "setup", "state": "a withdraw with status paid", "params": params},
        {
            "action": "teardown",
            "state": "a withdraw with status paid",
            "params": {**params, "id": "one"},
            "id": "one",
        },
        {
            "action": "settle",
            "state": "a withdraw with status paid",
            "params": {**params, "id": "one"},
            "id": "one",
        },
    ]


def test_what_was_made_may_be_called_created(clients: Clients) -> None:
    """201 is what many a handler says of a resource that wasn't there before."""
    with serving(always(reply_with(b'{"id": "a"}', status="201 Created"))) as server:
        assert StateEndpoint(clients(server.url)[0], "/_states").setup(PENDING).id == "a"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply_with(b"<html>Welcome</html>", headers="Content-Type: text/html"), "'<html>Welcome</html>'"),
        (reply_with(b"oops", status="500 No"), "answers 500: 'oops'"),
        (reply_with(b'{"id": null}'), "makes no sense"),
        (reply_with(b'{"id": ""}'), "makes no sense"),
        (reply_with(b'{"id": true}'), "makes no sense"),
        (reply_with(b'{"id": ["a"]}'), "makes no sense"),
        (reply_with(b'["a"]'), "makes no sense"),
        (reply_with(b'"a"'), "makes no sense"),
        (reply_with(b""), "makes no sense (200 without a body)"),
        (reply_with(b'{"id": "a"}', status="202 Accepted"), "makes no sense (202:"),
        (reply_with(b"", status="302 Found", headers="Location: /login"), "makes no sense (302"),
        (
            reply_with(b"no such state", status="404 Not Found"),
            "can't make a pending withdraw (404: 'no such state')",
        ),
        (reply_with(b"", status="422 No"), "can't make a pending withdraw (422"),
        (b"", "gave no answer (reset"),
        (b"hello\r\n\r\n", "gave no answer (protocol"),
    ],
)
def test_nonsense_is_not_testable_and_quoted(clients: Clients, answer: bytes, says: str) -> None:
    """The message quotes the source's answer; nothing of it is held against the target."""
    with serving(always(answer)) as server, pytest.raises(NotTestable) as caught:
        StateEndpoint(clients(server.url)[0], "/_states").setup(PENDING)

    assert says in caught.value.message
    assert caught.value.hint


def test_numbers_are_ids_too(clients: Clients) -> None:
    """A database key is often one."""
    with serving(always(reply_with(b'{"id": 42}'))) as server:
        assert StateEndpoint(clients(server.url)[0], "/_states").setup(PENDING).id == "42"


def test_an_endpoint_that_is_down_costs_its_timeout_once(clients: Clients) -> None:
    """An unreachable endpoint costs its timeout once, not once per check."""
    with serving(lambda *_: server.over.wait()) as server:
        endpoint = StateEndpoint(clients(server.url, timeout_s=0.3)[0], "/_states")
        for _ in range(5):
            with pytest.raises(NotTestable, match="gave no answer .timeout"):
                endpoint.setup(PENDING)

    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [reply_with(status="500 No"), reply_with(status="404 No"), b""])
def test_a_teardown_is_the_endpoints_own_affair(clients: Clients, answer: bytes) -> None:
    """Whatever it answers, and where the budget is used up."""
    with serving(always(answer)) as server:
        endpoint = StateEndpoint(clients(server.url, max_requests=1)[0], "/_states")
        endpoint.teardown(Resource("a", PENDING))
        endpoint.teardown(Resource("b", PENDING))

    assert len(server.requests) == 1


def test_an_endpoint_that_does_not_settle(clients: Clients) -> None:
    """Says so, and the check that needs it is not testable."""
    with (
        serving(always(reply_with(b"what?", status="422 No"))) as server,
        pytest.raises(NotTestable, match="settle"),
    ):
        StateEndpoint(clients(server.url)[0], "/_states").settle(Resource("a", PENDING))


@pytest.mark.parametrize(
    "lost", [reply_with(status="502 Bad Gateway"), reply_with(status="504 Too Late"), b""]
)
@pytest.mark.parametrize("then", ["200 OK", "409 Conflict"])
def test_a_settle_without_an_answer_is_asked_for_again(clients: Clients, lost: bytes, then: str) -> None:
    """One that is refused the second time may have been carried out the first time: that is no refusal."""

    def answer(peer: socket.socket, _: bytes) -> None:
        peer.sendall(lost if len(server.requests) == 1 else reply_with(status=then))

    with serving(answer) as server:
        endpoint = StateEndpoint(clients(server.url)[0], "/_states")
        if then == "200 OK":
            endpoint.settle(Resource("a", PENDING))
        else:
            with pytest.raises(SourceSilent):
                endpoint.settle(Resource("a", PENDING))

    assert len(server.requests) == 2
