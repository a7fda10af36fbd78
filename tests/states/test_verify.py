"""Whether a resource is what its source says: what the owner reads, what a cancel says of that, and who is believed."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import NotTestable
from conformance.profile import load
from conformance.session import Session
from conformance.states import Wanted, verify
from tests.support import (
    CREDENTIAL_ENV,
    READ_PATH,
    TERMINAL,
    RawServer,
    reply_with,
    serving,
    write_profile,
)

INTENT, WITHDRAW = "payout-intents", "withdraws"
NOT_FOUND = 404, "not_found", "No such thing."
REFUSED = 422, "approval_required", 'It is in status "{}"; only requires_approval can be cancelled.'


@dataclass
class Stub:
    """Source and target in one: ids come in their order, and what is read of each is scripted.

    `reads` holds a status per read of an id, the last one for ever; a number is the status of an error. `cancel` is
    the answer to any cancel: True for a success, or status, code and message.
    """

    api: str
    reads: list[list[str | int]]
    cancel: bool | tuple[int, str, str] = True
    facts: dict[str, Any] = field(default_factory=dict)
    made: int = 0
    cancelled: list[str] = field(default_factory=list)

    def answer(self, peer: socket.socket, request: bytes) -> None:
        line, body = request.partition(b"\r\n")[0].decode(), request.partition(b"\r\n\r\n")[2]
        path = line.split()[1]
        if path == "/_states":
            made = json.loads(body)["action"] == "setup"
            said = {"id": f"thing_{self.made:08d}", **self.facts} if made else {}
            self.made += made
            peer.sendall(reply_with(json.dumps(said).encode()))
        elif line.startswith("GET"):
            self._read(peer, path.rpartition("_")[2])
        else:
            self._cancel(peer, path.split("/")[-2])

    def _read(self, peer: socket.socket, number: str) -> None:
        script = self.reads[int(number)] if number.isdigit() and int(number) < len(self.reads) else [404]
        said = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(said, int):
            peer.sendall(_error(said, "x", "no"))
        else:
            shown = {"status": said}
            peer.sendall(reply_with(json.dumps(shown if self.api == INTENT else {"data": shown}).encode()))

    def _cancel(self, peer: socket.socket, one: str) -> None:
        self.cancelled.append(one)
        known = one.startswith("thing_0000")
        if self.cancel is True and known:
            peer.sendall(reply_with(b'{"success": true}', "202 Accepted"))
        else:
            peer.sendall(_error(*(self.cancel if isinstance(self.cancel, tuple) and known else NOT_FOUND)))


def _error(status: int, code: str, message: str) -> bytes:
    body = {"success": False, "error": {"code": code, "message": message}}
    return reply_with(json.dumps(body).encode(), f"{status} No")


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that lags does so for a fifth of a second."""
    monkeypatch.setattr(verify, "_LAG_S", 0.2)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Any]:
    """Opens a session over a stub."""
    opened: list[tuple[Session, Any]] = []

    def over(stub: Stub) -> Session:
        running = serving(stub.answer, keep=True)
        server: RawServer = running.__enter__()
        more = TERMINAL if stub.api == INTENT else READ_PATH
        path = write_profile(tmp_path, stub.api, server.url, states=f'url = "{server.url}/_states"\n{more}')
        opened.append((Session(load(path, CREDENTIAL_ENV), tmp_path / "run"), running))
        return opened[-1][0]

    yield over
    for one, running in opened:
        one.close()
        running.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("api", "status", "reads"),
    [
        (INTENT, "paid", ["paid"]),
        (INTENT, "paid", [404, 404, "paid"]),
        (INTENT, "paid", ["requires_approval", "processing", "paid"]),
        (INTENT, "requires_approval", ["Requires-Approval"]),
        (INTENT, "cancelled", ["canceled"]),
        (INTENT, "paid", [500]),
        (INTENT, "paid", [401]),
        (WITHDRAW, "paid", ["PAID"]),
        (WITHDRAW, "paid", ["completed"]),
        (WITHDRAW, "processing", ["pending", "processing"]),
    ],
)
def test_a_resource_that_is_as_asked_is_handed_out(
    session: Any, monkeypatch: pytest.MonkeyPatch, api: str, status: str, reads: list[str | int]
) -> None:
    """A copy may lag, a source may be a little early, and how a status is spelt is for the checks to judge."""
    monkeypatch.setattr(verify, "_LAG_S", 60.0)
    stub = Stub(api, [reads])
    assert session(stub).leases.lease(Wanted(api, status)).id == "thing_00000000"
    assert (stub.made, stub.cancelled) == (1, [])


@pytest.mark.parametrize(
    ("api", "status", "later"),
    [
        (INTENT, "processing", "paid"),
        (INTENT, "requires_approval", "processing"),
        (WITHDRAW, "pending", "failed"),
        (WITHDRAW, "processing", "paid"),
    ],
)
def test_one_that_has_gone_on_by_itself_is_replaced(session: Any, api: str, status: str, later: str) -> None:
    """That is no lie: the next one is in time. No cancel is spent on it."""
    stub = Stub(api, [[later], [later], [status]])
    assert session(stub).leases.lease(Wanted(api, status)).id == "thing_00000002"
    assert (stub.made, stub.cancelled) == (3, [])


def test_all_of_them_gone_on_is_told(session: Any) -> None:
    """Three are enough to see that a state can't be had so; who asks later is told without another try."""
    stub = Stub(INTENT, [["paid"]] * 9, (REFUSED[0], REFUSED[1], REFUSED[2].format("paid")))
    leases = session(stub).leases
    for _ in range(2):
        with pytest.raises(NotTestable, match="asked for a processing payout intent.*reading it says 'paid'"):
            leases.lease(Wanted(INTENT, "processing"))
    assert stub.made == 3


@pytest.mark.parametrize(
    ("api", "status", "read", "cancel"),
    [
        # Whoever takes the cancel of what was to be cancellable, and reads it otherwise, reads it wrong.
        (INTENT, "requires_approval", "cancelled", True),
        (INTENT, "requires_approval", 404, True),
        (WITHDRAW, "pending", "paid", True),
        (WITHDRAW, "pending", 404, True),
        # Whoever refuses as final what it shows as open, or says so in words, does so too.
        (INTENT, "paid", "requires_approval", (422, "approval_required", "no")),
        (INTENT, "paid", "cancelled", (REFUSED[0], REFUSED[1], REFUSED[2].format("paid"))),
        (INTENT, "paid", 404, (422, "approval_required", "no")),
        (WITHDRAW, "paid", "pending", (400, "VALIDATION_ERROR", "no")),
        # Whatever it is: what is cancelled can't have been what the read says, nor what was asked for.
        (INTENT, "processing", "paid", True),
    ],
)
def test_a_read_that_the_cancel_contradicts_is_the_targets_to_answer_for(
    session: Any, api: str, status: str, read: str | int, cancel: bool | tuple[int, str, str]
) -> None:
    """The source is believed, and the check gets a resource that no cancel has used up; from then on nobody looks."""
    stub = Stub(api, [[read]] * 9, cancel)
    leases = session(stub).leases
    first, second = leases.lease(Wanted(api, status)), leases.lease(Wanted(api, status))

    if cancel is True:
        assert first.id not in stub.cancelled
    assert second.id not in stub.cancelled
    assert first.id != second.id
    assert len([one for one in stub.cancelled if one.startswith("thing_0000")]) == 1


@pytest.mark.parametrize(
    ("api", "status", "read", "cancel"),
    [
        (INTENT, "requires_approval", "cancelled", (REFUSED[0], REFUSED[1], REFUSED[2].format("cancelled"))),
        (INTENT, "paid", "requires_approval", True),
        (INTENT, "paid", "cancelled", (REFUSED[0], REFUSED[1], REFUSED[2].format("cancelled"))),
        (INTENT, "paid", 404, NOT_FOUND),
        (INTENT, "paid", 403, NOT_FOUND),
        (WITHDRAW, "paid", "canceled", (400, "VALIDATION_ERROR", "no")),
        (WITHDRAW, "paid", "processing", True),
        (WITHDRAW, "pending", "canceled", (400, "VALIDATION_ERROR", "no")),
        (WITHDRAW, "pending", 404, NOT_FOUND),
    ],
)
def test_a_source_that_the_target_contradicts_twice_is_wrong(
    session: Any, api: str, status: str, read: str | int, cancel: bool | tuple[int, str, str]
) -> None:
    """The message has the wanted state, the given one and the read one; both answers are recorded."""
    opened = session(Stub(api, [[read]] * 9, cancel))
    with pytest.raises(NotTestable) as caught:
        opened.leases.lease(Wanted(api, status))

    noun = "withdraw" if api == WITHDRAW else "payout intent"
    assert f"states.url was asked for a {status} {noun}, and gave 'thing_00000000'" in caught.value.message
    assert str(read) in caught.value.message
    assert caught.value.hint
    assert [exchange.method for exchange in opened.recorder.drain()] == ["GET", "POST"]


def test_an_owner_who_may_read_nothing_says_nothing_of_one_resource(session: Any) -> None:
    """A 403 to everything is about the caller."""
    stub = Stub(INTENT, [[403]])
    stub._read = lambda peer, number: peer.sendall(_error(403, "forbidden", "no"))  # type: ignore[method-assign]
    assert session(stub).leases.lease(Wanted(INTENT, "paid")).id == "thing_00000000"
    assert stub.cancelled == []


@pytest.mark.parametrize("odd", ["\ud800", "a\udfffb", ".", ".."])
def test_an_id_that_no_url_can_name_is_not_testable(session: Any, odd: str) -> None:
    """It can't be sent, nor written down: told in plain characters."""
    with pytest.raises(NotTestable, match="which no URL can name") as caught:
        session(Stub(INTENT, [], facts={"id": odd})).leases.lease(Wanted(INTENT, "paid"))
    assert caught.value.message.isascii()


def test_what_nobody_has_read_comes_unread(session: Any) -> None:
    """A first one shows that the source can be relied on, and waits for whoever comes next."""
    stub = Stub(INTENT, [["paid"]] * 9)
    leases = session(stub).leases
    reads = len(stub.reads)
    one = leases.unread(Wanted(INTENT, "paid"))
    other = leases.lease(Wanted(INTENT, "paid"))

    assert reads == len(stub.reads)
    assert (one.id, other.id, stub.made) == ("thing_00000001", "thing_00000000", 2)
