"""Checks in several processes: the same outcomes as in one, and no run outlives a worker that died unnoticed."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.profile import load
from conformance.runner import job
from tests.support import (
    CREDENTIAL_ENV,
    PATIENCE_S,
    SandboxProcess,
    certify,
    command,
    launched,
    outcomes,
    record,
    write_profile,
)
from tests.test_crash import halfway


def test_any_number_of_workers_comes_to_the_same(bendable: SandboxProcess, tmp_path: Path) -> None:
    """Outcomes of every requirement and of every check; each check once."""
    profile = write_profile(tmp_path, "withdraws", bendable.url)
    found = []
    for workers in ("0", "2", "16"):
        bendable.bend("wd-check-then-act", "wd-amount-is-a-number")
        done = certify(profile, "-n", workers, "-k", "matrix or concurrency or amount or unknown")
        checks = {check["id"]: check["outcome"] for check in record(tmp_path)["checks"]}
        assert len(checks) == len(record(tmp_path)["checks"]) > 15
        found.append((done.returncode, outcomes(tmp_path), checks))

    assert found[0] == found[1] == found[2]
    assert found[0][0] == 1
    assert {"passed", "failed", "deselected"} <= set(found[0][1].values())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_looks_back_comes_last(bendable: SandboxProcess, tmp_path: Path, workers: str) -> None:
    """A check that looks back begins after the others of its worker, and sees what has happened since."""
    profile = write_profile(tmp_path, "payout-intents", bendable.url)
    bendable.bend("pi-stranger-cancels-later")
    certify(profile, "-n", workers, "-k", "afterwards or unknown or answers")

    checks = {check["id"]: check for check in record(tmp_path)["checks"]}
    late = "afterwards::turned_away_request_has_no_late_effect[a_stranger]"
    assert checks[late]["outcome"] == "failed"
    begun = [one["started_at"] for name, one in checks.items() if "has_no_effect" in name]
    looking_back = [one["started_at"] for name, one in checks.items() if "has_no_late_effect" in name]
    assert len(begun) == len(looking_back) == 4
    assert max(begun) < min(looking_back)
    unknown = [one["started_at"] for name, one in checks.items() if name.startswith("not_found::")]
    assert workers != "1" or max(unknown) < min(looking_back)


BESIDE_A_THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
from conformance.cli import main
main()
"""


def test_beside_other_threads_workers_are_started_anew(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """There nothing may be forked, and pytest-xdist has to do, as in a demo with its sandbox in the same process."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    words = ["run", str(profile), "--no-fuzz", "-n", "2", "-k", "matrix"]
    done = launched(sys.executable, "-c", BESIDE_A_THREAD, *words, cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "DeprecationWarning" not in done.stderr
    assert record(tmp_path)["complete"]
    assert {check["outcome"] for check in record(tmp_path)["checks"]} == {"passed"}


def test_a_worker_that_dies_ends_the_run(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The harness failed, not the target: 4, and what was finished is kept."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, limits="requests_per_second = 100")
    with halfway(profile, "--no-fuzz", "-n", "2", "-k", "auth") as (process, folder):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            pytest.skip("only Linux tells of a process's children")
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 4, out + err
    assert "a worker ended with -9" in err
    assert "--resume" in err
    assert "Traceback" not in err
    assert command("report", folder, cwd=tmp_path).returncode == 3


def test_a_far_target_gets_more_workers_within_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By latency; never more than may be in flight, than the rate keeps busy, or than lists of ids can feed."""
    for name, value in CREDENTIAL_ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(job, "forkable", lambda: True)

    def workers(latency_s: float, limits: str = "", states: str = "sandbox = true") -> int:
        profile = write_profile(tmp_path, "withdraws", "http://127.0.0.1:9", limits=limits, states=states)
        return job.workers(load(profile), latency_s)

    assert [workers(one) for one in (0.001, 0.05, 2.0)] == [2, 8, 8]
    events = replace(load(tmp_path / "withdraws.toml"), capabilities={"webhooks": True})
    assert job.workers(events, 0.001) == 4, "whoever waits for events leaves the processors to others"
    assert workers(0.05, "concurrency = 3") == 3
    assert workers(0.05, "concurrency = 64") == 9
    assert workers(2.0, "concurrency = 64") == 16
    assert workers(0.05, "requests_per_second = 20") == 2
    assert workers(0.05, "concurrency = 1") == 1
    assert workers(0.05, states='[states.ids]\npending = ["a"]') == 1
