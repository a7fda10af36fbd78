"""Runs with lists of ids whose resources moved on since the list was written, where nothing shows their state."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import SandboxProcess, certify, environment, outcomes, record, write_profile

_FINAL = ("paid", "failed", "canceled")


@pytest.fixture
def target() -> Iterator[SandboxProcess]:
    """A sandbox of the test's own."""
    sandbox = SandboxProcess()
    yield sandbox
    sandbox.close()


def _listed(target: SandboxProcess, status: str, number: int, settled: int, **more: str) -> str:
    """The line of a list; evenly spread, so many of its withdraws are paid before the run."""
    ids = [target.make("withdraws", status, **more) for _ in range(number)]
    for one in ids[1 :: number // settled] if settled else ():
        target.post("/_states", {"action": "settle", "id": one, "params": {"contract": "withdraws"}})
    return f"{status} = {json.dumps(ids)}"


def _states(target: SandboxProcess, pending: int, processing: int) -> str:
    """Lists with so many settled withdraws among 60 pending and 6 processing ones, and no read endpoint."""
    own = [_listed(target, "pending", 60, pending), _listed(target, "processing", 6, processing)]
    own += [_listed(target, status, 4, 0) for status in _FINAL]
    other = [
        _listed(target, status, 6, 0, owner="other_merchant") for status in ("pending", "processing", *_FINAL)
    ]
    return "\n".join(["[states.ids]", *own, "[states.ids.other_merchant]", *other])


@pytest.mark.parametrize(("pending", "processing"), [(10, 0), (2, 6), (60, 6)])
def test_listed_withdraw_that_moved_on_accuses_nobody(
    target: SandboxProcess, tmp_path: Path, pending: int, processing: int
) -> None:
    """Whichever of the listed withdraws are paid by now: nothing is failed or warned, and no check gets lost."""
    profile = write_profile(tmp_path, "withdraws", target.url, states=_states(target, pending, processing))

    done = certify(profile, env=environment(XDG_STATE_HOME=str(tmp_path / "state")))

    assert done.returncode == 3, done.stdout
    assert "was not tested to the end" not in done.stdout
    assert set(outcomes(tmp_path).values()) <= {"passed", "not_testable", "not_applicable"}, done.stdout
    told = [check["message"] for check in record(tmp_path)["checks"] if "is in doubt" in check["message"]]
    assert told or pending < 60
    for message in told:
        assert "refused with 400 VALIDATION_ERROR" in message
        assert "Set states.read_path" in message


def test_refusal_that_other_requests_explain_is_still_judged(target: SandboxProcess, tmp_path: Path) -> None:
    """Withdraws that are cancelled by a request which is refused are no reason to doubt their list."""
    target.bend("wd-not-owned-yet-canceled")
    profile = write_profile(tmp_path, "withdraws", target.url, states=_states(target, 0, 0))

    done = certify(profile, "-k", "not_found", env=environment(XDG_STATE_HOME=str(tmp_path / "state")))

    assert done.returncode == 1, done.stdout
    assert outcomes(tmp_path)["WD-12"] == "failed"
