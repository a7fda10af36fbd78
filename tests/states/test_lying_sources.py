"""A check gets only the state that it asked for, whatever a source hands out; nothing is held against the target."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from conformance.doctor import preflight as module
from conformance.doctor.preflight import preflight
from conformance.doctor.profile_faults import _wishes
from conformance.errors import NotTestable, ProfileError
from conformance.profile import Profile, load
from conformance.sandbox import Sandbox
from conformance.session import Session
from conformance.states import Wanted, verify
from tests.states.lies import lied
from tests.support import (
    CREDENTIAL_ENV,
    READ_PATH,
    ROOT,
    TERMINAL,
    SandboxProcess,
    handed_on,
    record,
    reply_with,
    serving,
    write_profile,
)
from tests.support import command as run

BOTH = ("withdraws", "payout-intents")
MORE = {"withdraws": READ_PATH, "payout-intents": TERMINAL}
LIES = [
    "cancelled for paid",
    "cancelled for all",
    "open for all",
    "somebody else's",
    "nothing",
    "always the same",
    "another status",
]
KINDS = ("endpoint", "command", "lists")
CASES = [
    (api, lie, kind)
    for api, lie in [*((api, lie) for api in BOTH for lie in LIES), ("payout-intents", "elsewhere")]
    for kind in KINDS
    # A profile that names an id twice is refused when it is read.
    if (kind, lie) != ("lists", "always the same")
]
STATES = {
    "withdraws": ("pending", "processing", "paid", "failed", "canceled"),
    "payout-intents": ("requires_approval", "processing", "paid", "failed", "cancelled"),
}

pytestmark = pytest.mark.usefixtures("_alone")


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Used ids of nobody else's, credentials, and no waiting for connections to close."""
    monkeypatch.setattr(module, "_MOMENT_S", 0.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in CREDENTIAL_ENV.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def target() -> Iterator[Sandbox]:
    """A target that does nothing wrong."""
    with Sandbox() as sandbox:
        yield sandbox


@contextmanager
def endpoint(states_url: str, lie: str, more: str) -> Iterator[str]:
    """[states] with a provider-state endpoint."""
    kept: dict[str, str] = {}

    def answer(peer: socket.socket, request: bytes) -> None:
        message = json.loads(request.partition(b"\r\n\r\n")[2])
        said = (
            lied(lie, states_url, message["params"], kept.setdefault) if message["action"] == "setup" else {}
        )
        peer.sendall(reply_with(json.dumps(said).encode()))

    with serving(answer, keep=True) as server:
        yield f'url = "{server.url}/states"\n{more}'


@contextmanager
def command(states_url: str, lie: str, more: str) -> Iterator[str]:
    """[states] with a program."""
    words = [sys.executable, "-m", "tests.states.lies", states_url, lie]
    yield f"command = {json.dumps(words)}\n{more}"


@contextmanager
def lists(states_url: str, lie: str, more: str, api: str) -> Iterator[str]:
    """[states] with lists of ids: four of each state, or of what is taken for it."""
    lines = [more]
    for table, whose in (("", {}), (".other_merchant", {"owner": "other_merchant"})):
        lines.append(f"[states.ids{table}]")
        for status in STATES[api]:
            ids = [
                lied(lie, states_url, {"contract": api, "status": status, **whose}, str)["id"]
                for _ in range(4)
            ]
            lines.append(f"{status} = {json.dumps(ids)}")
    yield "\n".join(lines)


def profile_of(
    api: str, lie: str, kind: str, target: Sandbox, folder: Path, stack: Callable[[object], str]
) -> Profile:
    """A profile whose source is of that kind, and has that vice."""
    more = MORE[api]
    if kind == "endpoint":
        states = stack(endpoint(target.states_url, lie, more))
    elif kind == "command":
        states = stack(command(target.states_url, lie, more))
    else:
        states = stack(lists(target.states_url, lie, more, api))
    owners = ("primary", "other_merchant")
    return load(write_profile(folder, api, target.url, states=states, owners=owners), CREDENTIAL_ENV)


@pytest.mark.parametrize(("api", "lie", "kind"), CASES)
def test_a_check_gets_what_it_asks_for_or_nothing(
    target: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, lie: str, kind: str
) -> None:
    """Either the run ends before it begins, or whatever is handed out is in its state when its owner reads it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(verify, "_LAG_S", 0.2)
    with ExitStack() as stack:
        profile = profile_of(api, lie, kind, target, tmp_path, stack.enter_context)  # type: ignore[arg-type]
        ended = _ended(profile, tmp_path / "run")
        if ended is not None:
            assert (ended.exit_code, "states." in ended.message, bool(ended.hint)) == (2, True, True)
            return
        had, refused = _leased(profile, tmp_path / "run")
    assert had
    assert bool(refused) is (lie != "another status")
    assert all("states." in one or "twice" in one for one in refused), refused


def _ended(profile: Profile, folder: Path) -> ProfileError | None:
    try:
        preflight(profile, folder)
    except ProfileError as fault:
        return fault
    return None


def _leased(profile: Profile, folder: Path) -> tuple[int, list[str]]:
    """How many of two resources of each kind were to be had, all of them what they should be; why others weren't."""
    session = Session(profile, folder)
    had, refused = 0, []
    for wanted in [one for part in (*_wishes(profile), *_wishes(profile)) for one in part]:
        try:
            resource = session.leases.lease(wanted)
        except NotTestable as fault:
            refused.append(fault.message)
            continue
        had += 1
        reply = session.documented.read(resource.id, wanted.whose)
        assert session.documented.status(reply) == wanted.status
    session.close()
    return had, refused


@pytest.mark.parametrize("lie", ["nothing", "somebody else's"])
def test_ids_that_the_target_does_not_know_end_the_run(target: Sandbox, tmp_path: Path, lie: str) -> None:
    """Where nothing can be read, the cancel of what is final already tells."""
    with endpoint(target.states_url, lie, "") as states:
        path = write_profile(tmp_path, "withdraws", target.url, states=states, owners=("primary",))
        with pytest.raises(ProfileError, match="ids that this target doesn't know") as caught:
            preflight(load(path, CREDENTIAL_ENV), tmp_path / "run")
    assert "environment and merchant" in caught.value.hint


def test_a_source_that_contradicts_itself(target: Sandbox, tmp_path: Path) -> None:
    """Where nothing can be read, its own word on the status counts."""
    with endpoint(target.states_url, "another status", "") as states:
        path = write_profile(tmp_path, "withdraws", target.url, states=states, owners=("primary",))
        session = Session(load(path, CREDENTIAL_ENV), tmp_path / "run")
        with pytest.raises(NotTestable, match="asked for a paid withdraw.*says itself that its status is"):
            session.leases.lease(Wanted("withdraws", "paid"))
        session.close()


def test_what_one_worker_found_holds_for_all(target: Sandbox, tmp_path: Path) -> None:
    """The second one asks nobody, and says the same."""
    with endpoint(target.states_url, "cancelled for paid", MORE["withdraws"]) as states:
        path = write_profile(tmp_path, "withdraws", target.url, states=states, owners=("primary",))
        profile = load(path, CREDENTIAL_ENV)
        first, second = (Session(profile, tmp_path / "run") for _ in range(2))
        said = []
        for session in (first, second):
            before = target.requests
            with pytest.raises(NotTestable) as caught:
                session.leases.lease(Wanted("withdraws", "paid"))
            said.append((caught.value.message, target.requests - before))
        first.close()
        second.close()
    assert said[0][0] == said[1][0]
    assert said[0][1] > 0
    assert said[1][1] == 0
    assert "asked for a paid withdraw" in said[0][0]
    assert "'canceled'" in said[0][0]


@pytest.mark.parametrize(
    ("api", "lie", "code"),
    [
        ("withdraws", "cancelled for paid", 3),
        ("payout-intents", "cancelled for paid", 3),
        ("payout-intents", "open for all", 3),
        ("withdraws", "somebody else's", 2),
    ],
)
def test_no_requirement_fails_for_a_lying_source(
    sandbox: SandboxProcess, tmp_path: Path, api: str, lie: str, code: int
) -> None:
    """A whole run: inconclusive or not begun, and what was asked and read is told. Fuzzing is part of one of them."""
    sandbox.bend()
    words = ("--fuzz-examples", "10", "-n", "2") if lie == "open for all" else ("--no-fuzz",)
    with endpoint(f"{sandbox.url}/_states", lie, MORE[api]) as states:
        path = write_profile(tmp_path, api, sandbox.url, states=states, owners=("primary", "other_merchant"))
        done = run("run", path, *words, cwd=tmp_path)
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    if code == 2:
        assert "cancel" not in told.partition("states.url")[0]
        return
    found = record(tmp_path)
    assert not [
        requirement["id"] for requirement in found["requirements"] if requirement["outcome"] == "failed"
    ]
    said = " ".join(
        requirement["reason"]
        for requirement in found["requirements"]
        if requirement["outcome"] == "not_testable"
    )
    assert "was asked for" in said
    assert "reading it says" in said


@pytest.mark.parametrize("api", BOTH)
def test_no_requirement_fails_for_a_payment_that_nobody_tried(
    sandbox: SandboxProcess, tmp_path: Path, api: str
) -> None:
    """A source that hangs up when it is to settle, but for the first time: what needs a payment isn't judged."""
    sandbox.bend()
    settled: list[str] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        message = json.loads(request.partition(b"\r\n\r\n")[2])
        if message["action"] == "settle":
            settled.append(message["id"])
        if message["action"] != "settle" or message["id"] == settled[0]:
            peer.sendall(handed_on(f"{sandbox.url}", request.replace(b"/states", b"/_states", 1)))

    with serving(answer) as source:
        states = f'url = "{source.url}/states"\n{MORE[api]}'
        path = write_profile(tmp_path, api, sandbox.url, states=states, owners=("primary", "other_merchant"))
        run("run", path, "--no-fuzz", "-n", "1", "-k", "settlement or payouts or never_paid", cwd=tmp_path)

    checks = record(tmp_path)["checks"]
    assert len(set(settled)) > 1
    wrong = [one["id"] for one in checks if one["outcome"] in ("failed", "warned")]
    assert wrong == []
    assert any("gave no answer" in one["message"] for one in checks if one["outcome"] == "not_testable")
