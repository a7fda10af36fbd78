"""Targets that lock an account as a whole after failed authentications: no document forbids that, nor asks for it."""

import re
import socket
import threading
from pathlib import Path

import pytest

from conformance.sandbox import CREDENTIALS
from tests.support import (
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    certify,
    handed_on,
    outcomes,
    record,
    reply_with,
    serving,
    write_profile,
)

_KEY = CREDENTIALS["withdraws"]["primary"]["api_key"].encode()
_LOCKED = b'{"success": false, "error": {"code": "%s", "message": "%s"}}'


class Guard:
    """Passes requests on, and locks the first merchant's account after so many failures, for so many requests."""

    def __init__(self, url: str, after: int, lasts: int, answer: bytes) -> None:
        self._url, self._after, self._lasts, self._answer = url, after, lasts, answer
        self._counting = threading.Lock()
        self._failed = self._left = 0

    def pass_on(self, peer: socket.socket, request: bytes) -> None:
        """Answers one request."""
        own = re.search(rb"(?im)^x-api-key: *" + re.escape(_KEY) + rb"\r", request) is not None
        with self._counting:
            is_locked = own and self._left > 0
            self._left -= is_locked
        if is_locked:
            peer.sendall(self._answer)
            return
        bare = re.sub(rb"(?im)^connection:.*\r\n", b"", request, count=1)
        said = re.sub(rb"(?im)^connection: close\r\n", b"", handed_on(self._url, bare))
        with self._counting:
            self._failed += own and said.split(b" ", 2)[1] == b"401"
            if self._failed >= self._after:
                self._failed, self._left = 0, self._lasts
        peer.sendall(said)


@pytest.mark.parametrize(
    ("after", "lasts", "status"),
    [(5, 10**6, "401 Unauthorized"), (40, 10**6, "423 Locked"), (12, 60, "403 Forbidden")],
    ids=["soon_for_good", "later_for_good", "again_and_again"],
)
def test_locked_account_is_one_cause_and_no_fault(
    sandbox: SandboxProcess, tmp_path: Path, after: int, lasts: int, status: str
) -> None:
    """Nothing is failed, and the reason is the lock with its answer's own words, whose account, and what to do."""
    sandbox.bend()
    answer = reply_with(_LOCKED % (b"ACCOUNT_LOCKED", b"Too many failed attempts."), status)
    guard = Guard(sandbox.url, after, lasts, answer)
    with serving(guard.pass_on, keep=True) as server:
        states = f'url = "{sandbox.url}/_states"\n{READ_PATH}'
        done = certify(write_profile(tmp_path, "withdraws", server.url, states=states))

    assert "failed" not in outcomes(tmp_path).values(), done.stdout
    assert done.returncode == 3
    told = {check["message"] for check in record(tmp_path)["checks"] if "locked" in check["message"]}
    assert told
    for message in told:
        assert "the target locked the account of [credentials.primary] as a whole" in message
        assert "ACCOUNT_LOCKED" in message
        assert "Have the lock lifted" in message


@pytest.mark.parametrize("defect", ["wd-failed-signature-locks-the-withdraw", "wd-second-attempt-is-let-in"])
def test_lock_of_a_single_withdraw_is_still_judged(
    bendable: SandboxProcess, tmp_path: Path, defect: str
) -> None:
    """A failed signature that locks the withdraw which it was about locks no account."""
    bendable.bend(defect)
    done = certify(write_profile(tmp_path, "withdraws", bendable.url), "-k", "auth")

    assert done.returncode == 1, done.stdout


@pytest.mark.parametrize(
    ("api", "defect", "requirement"),
    [
        ("withdraws", "wd-unknown-is-403", "WD-11"),
        ("withdraws", "wd-other-methods-are-403", "WD-41"),
        ("payout-intents", "pi-unknown-is-403", "PI-10"),
    ],
)
def test_what_is_always_refused_is_no_lock(
    bendable: SandboxProcess, tmp_path: Path, api: str, defect: str, requirement: str
) -> None:
    """Ids that name nothing, and other methods, refused so many times in turn are judged: the account's own aren't."""
    bendable.bend(defect)
    states = f"sandbox = true\n{READ_PATH if api == 'withdraws' else TERMINAL}"
    certify(write_profile(tmp_path, api, bendable.url, states=states), "--no-fuzz")

    assert outcomes(tmp_path)[requirement] in ("failed", "warned")
    assert not [check for check in record(tmp_path)["checks"] if "locked the account" in check["message"]]
