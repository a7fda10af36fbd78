"""A run keeps the limits of its profile, as the server sees it: requests at once, per second, in all, and whose.

A relay in front of a sandbox writes down what comes and when; resources are obtained through it, too.
"""

import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import (
    READ_PATH,
    TERMINAL,
    RawServer,
    SandboxProcess,
    command,
    handed_on,
    record,
    reply_with,
    serving,
    write_profile,
)

WORKERS, AT_ONCE, PER_SECOND = 4, 3, 150
# Long enough that whoever is held up on a busy machine has heard of it by half of it.
PAUSE_S = 2


@dataclass(slots=True)
class Relay:
    """Hands requests on to `url`; keeps when each came, how many there were at once, and what was answered.

    The state source is an endpoint of its own: the limits of the target don't hold for it, so it isn't counted.
    """

    url: str
    slow_downs: int = 0
    came: list[float] = field(default_factory=list)
    answered: list[tuple[bytes, bytes]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    inside: list[socket.socket] = field(default_factory=list)
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, peer: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST /_states "):
            answer = self.handed_on(request)
            with self.lock:
                self.answered.append((request, answer))
            peer.sendall(answer)
            return
        with self.lock:
            self.came.append(time.time())
            self.inside.append(peer)
            self.busiest = max(self.busiest, sum(map(is_waiting, self.inside)))
            refuse = self.slow_downs and len(self.came) % self.slow_downs == 0
        answer = (
            reply_with(b"{}", "429 Slow", f"Retry-After: {PAUSE_S}") if refuse else self.handed_on(request)
        )
        with self.lock:
            self.inside.remove(peer)
            self.answered.append((request, answer))
            if refuse:
                self.refused.append(time.time())
        peer.sendall(answer)

    def handed_on(self, request: bytes) -> bytes:
        """Answers as the sandbox does, but so late that more requests overlap than there are places for."""
        time.sleep(0.03)
        return handed_on(self.url, request)

    def handed_out(self) -> set[str]:
        """The ids of the resources that the state source made."""
        found = set()
        for request, answer in self.answered:
            if b"/_states" in request.split(b"\r\n")[0] and b'"setup"' in request:
                body = json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}")
                found.add(str(body.get("id")))
        return found


def is_waiting(peer: socket.socket) -> bool:
    """Whether a sender waits for its answer: some checks hang up before, and what they asked for is in work still."""
    try:
        return peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def relaying(sandbox: SandboxProcess, **more: int) -> "tuple[Relay, RawServer]":
    """A relay, and the server that it works in."""
    relay = Relay(sandbox.url, **more)
    return relay, RawServer(relay)


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_limits_are_kept_by_all_workers_and_the_fuzzing(
    sandbox: SandboxProcess, tmp_path: Path, api: str
) -> None:
    """Four workers and the fuzzing, with three places: never more at once, nor per second, nor in all.

    And whatever was cancelled had been handed out; whatever else was named is nobody's.
    """
    bystanders = [
        sandbox.make(api, status)
        for status in ("pending" if api == "withdraws" else "requires_approval", "processing")
        for _ in range(10)
    ]
    most = 420
    relay, server = relaying(sandbox)
    try:
        states = f'url = "{server.url}/_states"\n' + (READ_PATH if api == "withdraws" else TERMINAL)
        limits = f"concurrency = {AT_ONCE}\nrequests_per_second = {PER_SECOND}\nmax_requests = {most}"
        profile = write_profile(tmp_path, api, server.url, states=states, limits=limits)
        done = command(
            "run", profile, "-n", str(WORKERS), "--fuzz-examples", "40", "--seed", "3", cwd=tmp_path
        )
    finally:
        server.close()

    assert done.returncode == 3, done.stdout + done.stderr
    assert "failed" not in {check["outcome"] for check in record(tmp_path)["checks"]}
    assert relay.busiest == AT_ONCE
    # What the harness broke off itself may not have come as a whole.
    har = json.loads((tmp_path / "reports" / "latest" / "exchanges.har").read_text())
    broken_off = sum(entry["response"]["status"] == 0 for entry in har["log"]["entries"])
    assert most - broken_off <= len(relay.came) <= most
    # Those of a race come at once, once there was time for all of them.
    fullest = max(sum(at <= one < at + 1 for one in relay.came) for at in relay.came)
    assert fullest <= PER_SECOND + AT_ONCE

    ids = relay.handed_out()
    pattern = (
        r"/api/v1/withdraws/([^/ ]+)/cancel" if api == "withdraws" else r"/payout_intents/([^/ ]+)/cancel"
    )
    cancelled, strangers = set(), set()
    for request, answer in relay.answered:
        found = re.search(rf"^POST \S*{pattern}", request.split(b"\r\n")[0].decode("latin-1"))
        if found is None:
            continue
        if found[1] not in ids:
            strangers.add(found[1])
        if re.match(rb"HTTP/1.1 2\d\d", answer):
            cancelled.add(found[1])
    assert len(cancelled) > 5
    assert cancelled <= ids
    assert len(strangers) > 5
    everything = b"".join(request for request, _ in relay.answered)
    assert not [one for one in bystanders if one.encode() in everything]


def test_a_429_holds_every_worker_and_fails_nothing(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """All workers wait for as long as a 429 asks, the checks pass all the same, and the record says so."""
    relay, server = relaying(sandbox, slow_downs=20)
    try:
        states = f'url = "{server.url}/_states"\n{READ_PATH}'
        profile = write_profile(tmp_path, "withdraws", server.url, states=states)
        done = command("run", profile, "--no-fuzz", "-n", "3", "-k", "cancellation", cwd=tmp_path)
    finally:
        server.close()

    assert done.returncode == 3, done.stdout + done.stderr
    outcomes = {check["outcome"] for check in record(tmp_path)["checks"]}
    assert "passed" in outcomes
    assert not outcomes & {"failed", "error", "warned", "not_testable"}
    assert len(relay.refused) >= 2
    for said in relay.refused:
        # What was on its way already, or was sent before anybody had heard, is on its way.
        early = [one - said for one in relay.came if PAUSE_S / 2 < one - said < 0.95 * PAUSE_S]
        assert not early, early
    note = next(note for note in record(tmp_path)["notes"] if "slow down" in note)
    assert f"{len(relay.refused)} times (429 or Retry-After)" in note
    assert float(re.search(r"waited ([\d.]+) s", note)[1]) >= 0.95 * PAUSE_S * len(relay.refused)  # type: ignore[index]


def test_a_target_that_only_ever_says_later_is_left_alone(tmp_path: Path) -> None:
    """Retry-After: an hour. One request, exit 4, and what to do."""
    later = reply_with(b"{}", "429 Slow", "Retry-After: 3600")
    with serving(lambda peer, _: peer.sendall(later)) as server:
        profile = write_profile(tmp_path, "withdraws", server.url, states="")
        done = command("run", profile, "--no-fuzz", "-n", "2", cwd=tmp_path)

    assert done.returncode == 4, done.stdout + done.stderr
    assert "429" in done.stderr
    assert "limits.requests_per_second" in done.stderr
    assert len(server.requests) == 1


def test_a_live_run_says_what_it_will_do_before_it_does_it(tmp_path: Path) -> None:
    """How many ids may be cancelled for good, that nothing else will be, and the limits; without consent nothing.

    Even to those who want to hear as little as may be.
    """
    ids = '[states.ids]\npending = ["7b0c0f8e-0000-4000-8000-000000000001", "7b0c0f8e-0000-4000-8000-000000000002"]'
    profile = write_profile(
        tmp_path,
        "withdraws",
        "http://127.0.0.1:9",
        states=ids,
        environment="live",
        limits="max_requests = 77",
    )
    refused = command("run", profile, "--no-fuzz", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--allow-live" in refused.stderr

    done = command("run", profile, "--no-fuzz", "--allow-live", "--quiet", cwd=tmp_path)

    assert done.returncode == 4
    assert "LIVE" in done.stderr
    assert "2 withdraws of [states.ids]" in done.stderr
    assert "for good" in done.stderr
    assert "at most 77 requests, 8 at once" in done.stderr
    assert done.stderr.index("LIVE") < done.stderr.index("refused")
