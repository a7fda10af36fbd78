"""Before anybody is accused: pairs that are refused, a read path that knows nothing, sources that give nothing."""

import itertools
import json
import socket
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from conformance import catalogue
from conformance.demo import variable
from conformance.doctor import preflight as module
from conformance.doctor.preflight import preflight
from conformance.errors import ConformanceError, ProfileError
from conformance.plan.counting_proxy import opened
from conformance.profile import Profile, load
from conformance.sandbox import CREDENTIALS, Sandbox
from conformance.states import verify
from tests.doctor.support import ENVELOPE
from tests.states.lies import made
from tests.support import (
    CREDENTIAL_ENV,
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    always,
    certify,
    handed_on,
    record,
    reply_with,
    serving,
    write_profile,
)

APIS = catalogue.apis()
UNAUTHORIZED = b'{"success": false, "error": {"code": "UNAUTHORIZED", "message": "no"}}'


@pytest.fixture(autouse=True)
def _no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for connections to close is for the tests of that, and so is waiting for a copy that lags."""
    monkeypatch.setattr(module, "_MOMENT_S", 0.0)
    monkeypatch.setattr(verify, "_LAG_S", 0.2)


@pytest.fixture(scope="module")
def target() -> Iterator[Sandbox]:
    """A sandbox in this process."""
    with Sandbox() as sandbox:
        yield sandbox


def stopped(profile: Profile, folder: Path, *, insist: bool = False) -> ConformanceError | None:
    """Returns the error of the preflight, None where the run may go on."""
    try:
        preflight(profile, folder, insist=insist)
    except ConformanceError as fault:
        return fault
    return None


def at(url: str, tmp_path: Path, api: str = "withdraws", states: str = "") -> Profile:
    """A profile of the target at `url`."""
    return load(write_profile(tmp_path, api, url, states=states), CREDENTIAL_ENV)


@pytest.mark.parametrize(
    ("api", "name", "item"),
    [
        (api, name, item)
        for api, owners in CREDENTIALS.items()
        for name, pair in owners.items()
        for item in pair
    ],
)
def test_any_pair_that_is_refused_ends_the_run(
    target: Sandbox, tmp_path: Path, api: str, name: str, item: str
) -> None:
    """A typo in any half of any pair would convict the target of what it does to strangers: no half is let through."""
    mistyped = variable(api, name, item)
    profile = load(write_profile(tmp_path, api, target.url), {**CREDENTIAL_ENV, mistyped: "mistyped"})
    fault = stopped(profile, tmp_path / "run")
    assert stopped(profile, tmp_path / "insisting", insist=True) is None

    assert isinstance(fault, ProfileError)
    let_in = (
        "[credentials.other_merchant] are accepted" if name == "primary" else "lets [credentials.primary] in"
    )
    assert f"refuses [credentials.{name}]" in fault.message
    assert let_in in fault.message
    assert mistyped in fault.hint
    assert "mistyped" not in fault.message + fault.hint.replace(mistyped, "")


@pytest.mark.parametrize(("refuses_some", "stops"), [(False, True), (True, False)])
def test_a_refused_pair_is_tried_three_times(tmp_path: Path, refuses_some: bool, stops: bool) -> None:
    """More failures could lock an account; the primary pair shows whether the target refuses some of all requests."""
    other = CREDENTIAL_ENV["SANDBOX_OTHER_MERCHANT_API_KEY"].encode()
    sent: list[bool] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        sent.append(other in request)
        late = refuses_some and sent.count(False) > 5
        refused = reply_with(UNAUTHORIZED, "401 Unauthorized")
        peer.sendall(refused if sent[-1] or late else reply_with(ENVELOPE, "404 Not Found"))

    with serving(answer, keep=True) as server:
        fault = stopped(at(server.url, tmp_path, states=READ_PATH), tmp_path / "run")

    assert sent.count(True) == 3
    assert isinstance(fault, ProfileError) is stops
    assert fault is None or "refuses [credentials.other_merchant]" in fault.message


@pytest.mark.parametrize("path", ["/api/v2/withdraws/{id}", "/api/v1/withdraws/{id}/details"])
def test_a_read_path_that_knows_nothing_ends_the_run(target: Sandbox, tmp_path: Path, path: str) -> None:
    """A wrong `read_path` is a fault of the profile and ends the run before a resource is used for a cancel."""
    before = target.requests
    profile = at(target.url, tmp_path, states=f'sandbox = true\nread_path = "{path}"')
    fault = stopped(profile, tmp_path / "run")
    assert target.requests > before
    assert stopped(profile, tmp_path / "insisting", insist=True) is None

    assert isinstance(fault, ProfileError)
    assert f"states.read_path is {path}" in fault.message
    assert "404" in fault.message
    assert "Check states.read_path" in fault.hint


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply_with(UNAUTHORIZED, "401 Unauthorized"), "401"),
        (reply_with(b"{}", "403 Forbidden"), "403"),
        (reply_with(b"{}", "405 Method Not Allowed"), "405"),
        (reply_with(b"{}", "500 Internal Server Error"), "500"),
        (reply_with(b"<html>hello</html>", headers="Content-Type: text/html"), "no data.status"),
        (reply_with(b'{"success": true, "data": [{"status": "paid"}]}'), "no data.status"),
        (reply_with(b'{"success": true, "data": {"state": "paid"}}'), "no data.status"),
    ],
    ids=["401", "403", "405", "500", "page", "list", "another name"],
)
def test_a_read_that_shows_no_status_ends_the_run(
    target: Sandbox, tmp_path: Path, answer: bytes, says: str
) -> None:
    """No document has this endpoint: one that shows no withdraw is declared wrongly, and no cancel is judged by it."""

    def pass_on(peer: socket.socket, request: bytes) -> None:
        peer.sendall(answer if request.startswith(b"GET ") else handed_on(target.url, request))

    with serving(pass_on) as server:
        profile = at(server.url, tmp_path, states=f'url = "{target.states_url}"\n{READ_PATH}')
        fault = stopped(profile, tmp_path / "run")
        assert stopped(profile, tmp_path / "insisting", insist=True) is None

    assert isinstance(fault, ProfileError)
    assert "states.read_path is /api/v1/withdraws/{id}, and reading a" in fault.message
    assert says in fault.message
    assert "leave it out" in fault.hint


@pytest.mark.parametrize("api", APIS)
def test_what_is_refused_to_everybody_alike_is_rather_in_the_way(tmp_path: Path, api: str) -> None:
    """A gateway's own words, as they are, but for what would move a cursor; and the clock, where none is told."""
    words = b'{"message": "Forbidden by policy \x1b[31m' + b"x" * 400 + b'"}'
    with serving(always(reply_with(words, "403 Forbidden"))) as server:
        fault = stopped(at(server.url, tmp_path, api), tmp_path / "run")

    assert isinstance(fault, ProfileError)
    assert "refuses [credentials.primary]: 403" in fault.message
    assert "Forbidden by policy \\x1b[31mxxx" in fault.message
    assert 300 < len(fault.message) < 500
    assert "pairs of the profile are refused alike" in fault.message
    assert "gateway" in fault.hint
    assert "firewall" in fault.hint
    assert ("clock" in fault.hint) is (api == "withdraws")


def test_a_clock_that_is_off_comes_before_the_key(tmp_path: Path) -> None:
    """A signature is as good as its timestamp, also where the target's own wouldn't do either."""
    date = f"Content-Type: application/json\r\nDate: {formatdate(time() - 900, usegmt=True)}"
    with serving(always(reply_with(UNAUTHORIZED, "401 Unauthorized", date))) as server:
        fault = stopped(at(server.url, tmp_path), tmp_path / "run")

    assert isinstance(fault, ProfileError)
    assert fault.message.startswith("the clocks disagree: the target's is ")
    assert "behind this machine's" in fault.message
    assert fault.hint.index("clock") < fault.hint.index("SANDBOX_API_SECRET")


@pytest.mark.parametrize("api", APIS)
def test_the_checks_use_what_the_beginning_made(sandbox: SandboxProcess, tmp_path: Path, api: str) -> None:
    """Checks use the preflight's resources: no more are taken than without it, and unused ones are torn down."""
    sandbox.bend()
    more = {"withdraws": READ_PATH, "payout-intents": TERMINAL}[api]
    # Checks that look back on a run need no resource of their own.
    for words, fewer in (("-k", "matrix"), 0), (("-k", "no_other_request_was_a_server_error"), 1):
        with opened(f"{sandbox.url}/_states", lambda *_: "") as door:
            path = write_profile(tmp_path, api, sandbox.url, states=f'url = "{door.url}"\n{more}')
            insisted = certify(path, *words, "--insist", "-n", "1")
            without = door.setups.copy()
            quick_too = certify(path, *words, "-n", "1")
            again = door.setups - without
        assert insisted.returncode == quick_too.returncode, quick_too.stderr
        assert again.total() == without.total() + fewer, (again, without)
        assert door.actions["setup"] == door.actions["teardown"]


BROKEN = {
    "404": (
        reply_with(b"<html>not here</html>", "404 Not Found", "Content-Type: text/html"),
        "isn't its address",
    ),
    "422": (reply_with(b'{"error": "unknown status"}', "422 Unprocessable"), "by another name"),
    "401": (reply_with(b'{"error": "who are you"}', "401 Unauthorized"), "refuses its caller"),
    "403": (reply_with(b'{"error": "not you"}', "403 Forbidden"), "refuses its caller"),
    "500": (reply_with(b"Traceback: boom", "500 Oops"), "its own log"),
    "503": (reply_with(b"{}", "503 Unavailable"), "its own log"),
    "200": (reply_with(b'{"ok": true}'), "at least"),
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("answer", BROKEN)
def test_a_broken_source_is_one_cause_and_one_piece_of_advice(
    target: Sandbox, tmp_path: Path, api: str, answer: str
) -> None:
    """A source that gives every request the same wrong answer ends the run at once with 2, one cause and one hint."""
    said, advice = BROKEN[answer]
    before = target.requests
    with serving(always(said), keep=True) as source:
        fault = stopped(at(target.url, tmp_path, api, f'url = "{source.url}/states"'), tmp_path / "run")

    assert isinstance(fault, ProfileError)
    assert fault.message.startswith(
        "states.url gives nothing that could be tested, in no state: the state source"
    )
    assert fault.message.count(f" {answer}") == fault.message.count(f"({answer}") + 1 or answer == "200"
    assert len(fault.message) < 250
    assert advice in fault.hint
    assert target.requests - before < 10


def test_causes_that_differ_are_told_with_the_states_that_they_are_of(
    target: Sandbox, tmp_path: Path
) -> None:
    """Two of them are two clauses."""

    def answer(peer: socket.socket, request: bytes) -> None:
        paid = b'"status": "paid"' in request
        peer.sendall(reply_with(b"no", "500 Oops") if paid else reply_with(b"no", "404 Not Found"))

    with serving(answer, keep=True) as source:
        fault = stopped(
            at(target.url, tmp_path, "withdraws", f'url = "{source.url}/states"'), tmp_path / "run"
        )

    assert isinstance(fault, ProfileError)
    assert "answers 404: 'no' (asked for 4 of 5 states)" in fault.message
    assert "answers 500: 'no' (asked for a paid withdraw)" in fault.message


def test_a_quota_of_the_source_stops_nothing_that_goes_to_the_target(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """A 429 now and then is waited for at the source alone; every requirement that was asked for is judged."""
    sandbox.bend()
    asked = itertools.count()

    def answer(peer: socket.socket, request: bytes) -> None:
        order = json.loads(request.partition(b"\r\n\r\n")[2])
        if next(asked) % 3 == 1:
            peer.sendall(reply_with(b"{}", "429 Slow", "Retry-After: 0"))
        elif order["action"] == "setup":
            peer.sendall(reply_with(json.dumps(made(f"{sandbox.url}/_states", order["params"])).encode()))
        else:
            peer.sendall(reply_with(b"{}"))

    with serving(answer, keep=True) as source:
        path = write_profile(
            tmp_path, "withdraws", sandbox.url, states=f'url = "{source.url}/states"\n{READ_PATH}'
        )
        done = certify(path, "-k", "matrix", "-n", "2")
    assert {check["outcome"] for check in record(tmp_path)["checks"]} == {"passed"}, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "The target asked to slow down" not in said
    assert "The state source asked to slow down" in said
