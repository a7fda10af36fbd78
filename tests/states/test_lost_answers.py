"""Sources that are unavailable now and then: they are asked again a few times, and nothing is done twice unsaid."""

import re
import socket
import sys
from pathlib import Path

import pytest

from conformance.errors import SourceSilent, StateRefused, TransportError
from conformance.profile import load
from conformance.session import Session
from conformance.states.command import StateCommand
from conformance.states.endpoint import StateEndpoint
from conformance.states.resource import Wanted
from tests.conftest import Clients
from tests.support import (
    SandboxProcess,
    always,
    certify,
    outcomes,
    record,
    reply_with,
    serving,
    write_profile,
)

PENDING = Wanted("withdraws", "pending")
_BAD = reply_with(b"<h1>Bad Gateway</h1>", "502 Bad Gateway", "Content-Type: text/html")
_SHOP = """
[target]
name = "Shop"
api = "payout-intents"
base_url = "{url}"
environment = "test"
[credentials.primary]
public_key = "${{PK}}"
secret_key = "${{SK}}"
[states.requests.create]
path = "/payouts"
id = "/id"
[states.requests.requires_approval]
"""


@pytest.mark.parametrize(("bad", "number"), [(4, 5), (9, 5)])
def test_endpoint_is_asked_five_times_at_most(clients: Clients, bad: int, number: int) -> None:
    """Four lost answers cost four resources; one that always fails is the source's fault."""
    asked: list[bytes] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        asked.append(request)
        peer.sendall(_BAD if len(asked) <= bad else reply_with(b'{"id": "a"}'))

    with serving(answer) as server:
        endpoint = StateEndpoint(clients(server.url)[0], "/_states")
        if bad < number:
            assert endpoint.setup(PENDING).id == "a"
        else:
            with pytest.raises(SourceSilent, match="the state source answers 502 each time"):
                endpoint.setup(PENDING)

    assert len(asked) == number


@pytest.mark.parametrize("bad", [3, 9])
def test_create_without_an_answer_is_begun_anew_and_told(tmp_path: Path, bad: int) -> None:
    """Each time with an idempotency key of its own, four times at most, and said of each."""
    asked: list[bytes] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        asked.append(request)
        peer.sendall(_BAD if len(asked) <= bad else reply_with(b'{"id": "a"}', "201 Created"))

    with serving(answer) as server:
        (tmp_path / "shop.toml").write_text(_SHOP.format(url=server.url))
        session = Session(
            load(tmp_path / "shop.toml", {"PK": "pk_1234567", "SK": "sk_1234567"}), tmp_path / "run"
        )
        wanted = Wanted("payout-intents", "requires_approval")
        try:
            if bad == 3:
                assert session.leases.unseen(wanted).id == "a"
            else:
                with pytest.raises(TransportError, match="502"):
                    session.leases.unseen(wanted)
        finally:
            session.close()

    keys = {re.findall(rb"(?im)^idempotency-key: (.*?)\r$", one)[0] for one in asked}
    assert len(asked) == len(keys) == 4
    assert [did.answer for did in session.told if "begun anew" in did.answer] == [
        "the target answered 502: begun anew"
    ] * 3


def test_command_that_has_made_such_a_resource_is_run_again(tmp_path: Path) -> None:
    """Every second start fails; one that never made such a resource isn't asked again, one that fails on is told."""
    code = (
        "import pathlib, sys; f = pathlib.Path('n'); n = int(f.read_text()) + 1 if f.exists() else 1; "
        "f.write_text(str(n)); sys.exit('502') if sys.argv[1] == 'paid' or n % 2 == 0 or n > 6 else print(n)"
    )
    source = StateCommand([sys.executable, "-c", code, "{status}"], tmp_path)

    assert [source.setup(PENDING).id for _ in range(3)] == ["1", "3", "5"]
    with pytest.raises(StateRefused, match="exit 1, '502'"):
        source.setup(PENDING)
    assert (tmp_path / "n").read_text() == "9"
    with pytest.raises(StateRefused):
        source.setup(Wanted("withdraws", "paid"))
    assert (tmp_path / "n").read_text() == "10"


def test_source_that_fails_now_and_then_is_told_of_and_accuses_nobody(
    bendable: SandboxProcess, tmp_path: Path
) -> None:
    """Each sixth answer of the source is a 503: the verdict is the target's, and a note tells of the source."""
    bendable.bend(source_unavailable_every=6)
    done = certify(write_profile(tmp_path, "withdraws", bendable.url), "-k", "matrix or settle")

    assert set(outcomes(tmp_path).values()) <= {"passed", "deselected", "not_applicable"}, done.stdout
    notes = " ".join(record(tmp_path)["notes"])
    assert re.search(r"The state source was unavailable (once|\d+ times)", notes), notes
    assert "The target was unavailable" not in notes


def test_source_that_never_answers_is_the_profiles_fault(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The run ends before anything is judged, and names the source and its answer."""
    with serving(always(_BAD)) as server:
        done = certify(
            write_profile(tmp_path, "withdraws", sandbox.url, states=f'url = "{server.url}/_states"')
        )

    assert done.returncode == 2, done.stdout
    assert "the state source answers 502 each time" in " ".join(done.stderr.split())
