"""Live credentials beside a test environment: nothing but reads goes out with them, whoever asks for it."""

from pathlib import Path

import pytest

from conformance.errors import NotTestable
from conformance.http.auth import basic
from conformance.http.client import Request
from conformance.profile import load
from conformance.session import Session
from tests.support import CREDENTIAL_ENV, always, reply_with, serving, write_profile

LIVE = (
    CREDENTIAL_ENV["SANDBOX_OTHER_ENVIRONMENT_PUBLIC_KEY"],
    CREDENTIAL_ENV["SANDBOX_OTHER_ENVIRONMENT_SECRET_KEY"],
)
TEST = CREDENTIAL_ENV["SANDBOX_PUBLIC_KEY"], CREDENTIAL_ENV["SANDBOX_SECRET_KEY"]
READ, CANCEL = "/payout_intents/word_1", "/payout_intents/word_1/cancel"


def profile_at(folder: Path, url: str, environment: str = "", *, states: str = "") -> Path:
    """A profile of a test target whose other environment is `environment`, or says nothing of that."""
    path = write_profile(folder, "payout-intents", url, states=states)
    said = f'environment = "{environment}"\n' if environment else ""
    text = path.read_text()
    head, mark, tail = text.partition("[credentials.other_environment]")
    path.write_text(head + mark + tail.replace('environment = "test"\n', said, 1))
    return path


@pytest.mark.parametrize(
    ("says", "states", "allow_live", "reads_only"),
    [
        ("", "", False, True),
        ("live", "", False, True),
        ("test", "", False, False),
        ("", "", True, False),
        ("", "sandbox = true", False, False),
        ("live", "sandbox = true", False, True),
    ],
)
def test_which_pair_only_reads(
    tmp_path: Path, says: str, states: str, allow_live: bool, reads_only: bool
) -> None:
    """The other one of a test target counts as live, unless it says otherwise or is the sandbox's."""
    path = profile_at(tmp_path, "http://127.0.0.1:1", says, states=states)
    profile = load(path, CREDENTIAL_ENV, allow_live=allow_live)
    assert profile.reads_only("other_environment") is reads_only
    assert not profile.reads_only("primary")
    assert not profile.reads_only("other_merchant")
    assert not profile.reads_only("nobody")


@pytest.mark.parametrize(
    ("method", "target", "headers", "body"),
    [
        ("POST", CANCEL, (("Authorization", basic(*LIVE)),), b"{}"),
        ("POST", CANCEL, (("authorization", f"Bearer {LIVE[1]}"),), None),
        ("DELETE", READ, (("Authorization", basic(*LIVE)),), None),
        ("GET", CANCEL, (("Authorization", basic(*LIVE)),), None),
        ("GET", READ, (("Authorization", basic(*LIVE)), ("X-HTTP-Method-Override", "POST")), None),
        ("GET", f"{READ}?_method=POST", (("Authorization", basic(*LIVE)),), None),
        ("GET", READ, (("Authorization", basic(*LIVE)),), b'{"status": "cancelled"}'),
        ("POST", CANCEL, (("Authorization", basic(TEST[0], LIVE[1])),), b"{}"),
    ],
    ids=["cancel", "bearer", "delete", "get-cancel", "override", "query", "body", "secret"],
)
def test_what_might_change_something_is_never_sent(
    tmp_path: Path, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes | None
) -> None:
    """A request that could change a live resource isn't sent: the check is not testable, and names the remedy."""
    with serving(always(reply_with(b"{}"))) as server:
        session = Session(load(profile_at(tmp_path, server.url), CREDENTIAL_ENV), tmp_path / "run")
        with pytest.raises(NotTestable) as caught:
            session.client.send(lambda: Request(method, target, headers, body))
        session.close()

    assert server.requests == []
    assert "[credentials.other_environment] are live" in caught.value.message
    assert "--allow-live" in caught.value.hint
    assert LIVE[1] not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("method", "target", "pair"), [("GET", READ, LIVE), ("POST", CANCEL, TEST)], ids=["read", "test"]
)
def test_reads_and_the_test_environment_are_let_through(
    tmp_path: Path, method: str, target: str, pair: tuple[str, str]
) -> None:
    """A live resource is looked at, and the test credentials do everything."""
    with serving(always(reply_with(b"{}"))) as server:
        session = Session(load(profile_at(tmp_path, server.url), CREDENTIAL_ENV), tmp_path / "run")
        reply = session.client.send(lambda: Request(method, target, (("Authorization", basic(*pair)),)))
        session.close()

    assert reply.status == 200
    assert len(server.requests) == 1
