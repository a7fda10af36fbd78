"""`run --resume`: a run that was ended goes on, uses nothing twice, and comes to the verdict it would have come to."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.report import journal
from conformance.report import record as records
from tests.support import (
    PATIENCE_S,
    READ_PATH,
    SandboxProcess,
    command,
    environment,
    eventually,
    launched,
    outcomes,
    record,
    write_profile,
)
from tests.tap import Tap
from tests.test_crash import ended, group_is_alive, halfway
from tests.test_runner import pools

PACE = "requests_per_second = 250"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for state of later runs, away from the person's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def lists(sandbox: SandboxProcess, runs: int = 1) -> str:
    """Lists of ids for so many runs."""
    return f"{READ_PATH}\n{pools(sandbox, 'withdraws', runs)}"


def test_a_run_over_lists_goes_on_without_using_an_id_again(
    sandbox: SandboxProcess, tap: Tap, tmp_path: Path
) -> None:
    """Killed at any request: the checks that were finished stand, the rest follows, and no id serves both halves."""
    number = random.randint(40, 400)

    def has_finished_one() -> bool:
        """Checks may wait for a later cancel, which proves them: until then, the journal doesn't have them."""
        return any(path.stat().st_size for path in tmp_path.glob(f"reports/*/{journal.FOLDER}/*.ndjson"))

    tap.manner = lambda request: "hold" if request >= number and has_finished_one() else "pass"
    profile = write_profile(
        tmp_path,
        "withdraws",
        tap.url,
        states=lists(sandbox),
        # What is held is no error, however long it takes to notice that it is.
        limits=f"{PACE}\ntimeout_s = {2 * PATIENCE_S:g}",
        capabilities="cancel_processing = true\nsettlement = false",
    )
    with halfway(profile, "--no-fuzz", checks=1) as (process, folder):
        assert tap.holds.wait(PATIENCE_S)
        ended(process)
    killed = tap.deserted()
    before = records.load(folder)

    done = command("run", "--resume", folder, cwd=tmp_path)

    assert (done.returncode, done.stdout.split()[0]) == (0, "CONFORMANT"), (number, done.stdout, done.stderr)
    pooled = set(json.dumps(profile.read_text()).replace("\\", "").split('"'))
    # One that was only looked at is as unused as before.
    assert not pooled & tap.ids(until=killed, reads=False) & tap.ids(since=killed, reads=False), number
    found = record(tmp_path)
    assert found["complete"]
    checks = [check["id"] for check in found["checks"]]
    assert len(checks) == len(set(checks)) > 200
    assert {check.id for check in before.checks} < set(checks)
    kept = {check.id: check.started_at for check in before.checks}
    assert {
        check["id"]: check["outcome"]
        for check in found["checks"]
        if check["started_at"] != kept.get(check["id"], check["started_at"])
    } == {}, number
    assert "gone on with at" in " ".join(found["notes"])
    assert found["started_at"] == before.started_at
    assert not (folder / "journal").exists()

    again = command("run", "--resume", folder, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    assert "nothing to resume" in again.stderr


def test_workers_and_the_fuzzing_end_with_the_run_and_are_gone_on_with(
    sandbox: SandboxProcess, tap: Tap, tmp_path: Path
) -> None:
    """The process that was started is killed, and nobody else: nothing more is cancelled, by the target's own log."""
    source = f'read_path = "/api/v1/withdraws/{{id}}"\nurl = "{sandbox.url}/_states"'
    profile = write_profile(tmp_path, "withdraws", tap.url, states=source, limits="requests_per_second = 60")
    with halfway(
        profile, "--fuzz-examples", "1", "-n", "5", "-k", "matrix or auth or fuzz", checks=20, workers=3
    ) as (
        process,
        folder,
    ):
        process.kill()
        process.wait(PATIENCE_S)
        eventually(lambda: not group_is_alive(process.pid), what="the workers and the fuzzing end")
    killed = tap.deserted()
    assert len(list(folder.glob("journal/w*.ndjson"))) >= 3

    done = command("run", "--resume", folder, "-n", "0", cwd=tmp_path)

    assert done.returncode == 3, done.stdout + done.stderr
    found = record(tmp_path)
    assert found["complete"]
    assert found["fuzz"]["ended_early"] == "no"
    assert found["options"]["examples"] == 1
    assert found["options"]["expression"] == "matrix or auth or fuzz"
    assert {"error", "failed", "not_testable"}.isdisjoint(outcomes(tmp_path).values())
    cancelled = {path.split("/")[-2] for _, path in tap.requests[:killed] if path.endswith("/cancel")}
    assert len(cancelled) > 10


def test_what_ended_in_an_error_begins_again(sandbox: SandboxProcess, tap: Tap, tmp_path: Path) -> None:
    """The target was away for a while, which says nothing of it: what passed or failed stands, an error doesn't."""
    source = f'read_path = "/api/v1/withdraws/{{id}}"\nurl = "{sandbox.url}/_states"'
    profile = write_profile(tmp_path, "withdraws", tap.url, states=source, limits=PACE)
    words = ("--no-fuzz", "-n", "1", "-k", "forged or missing or body")
    tap.manner = lambda request: "hang up" if 60 <= request < 90 else "hold" if request >= 150 else "pass"
    with halfway(profile, *words, checks=1) as (process, folder):
        assert tap.holds.wait(PATIENCE_S)
        ended(process)
    tap.deserted()
    before = {check.id: check for check in records.load(folder).checks}
    errors = {name for name, check in before.items() if check.outcome == "error"}
    assert len(errors) >= 3
    # Others wait for the cancel that proves them, and begin again, too.
    assert len(before) > len(errors) + 3

    done = command("run", "--resume", folder, cwd=tmp_path)

    assert done.returncode == 3, done.stdout + done.stderr
    found = record(tmp_path)
    assert found["complete"]
    assert found["counts"]["error"] == 0
    assert f"{len(errors)} checks that had ended in an error began again" in " ".join(found["notes"])
    after = {check["id"]: check for check in found["checks"]}
    assert {after[name]["outcome"] for name in errors} <= {"passed", "warned", "not_applicable"}
    assert all(after[name]["started_at"] > before[name].started_at for name in errors)
    assert all(
        after[name]["started_at"] == check.started_at for name, check in before.items() if name not in errors
    )


def test_what_is_left_is_done_as_the_run_was_begun(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Neither with other options, nor with another profile, nor while it goes on."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, limits="requests_per_second = 40")
    with halfway(profile, "--no-fuzz", checks=3) as (process, folder):
        busy = command("run", "--resume", folder, cwd=tmp_path)
        ended(process)
    assert (busy.returncode, "still in progress" in busy.stderr) == (2, True), busy.stderr

    for words, says in (
        (("--seed", "4"), "--seed can't be given with --resume"),
        ((profile,), "PROFILE can't be given with --resume"),
        (("-k", "x"), "-k can't be given with --resume"),
    ):
        done = command("run", "--resume", folder, *words, cwd=tmp_path)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    profile.write_text(profile.read_text().replace("Acme", "Another"))
    done = command("run", "--resume", folder, cwd=tmp_path)
    assert done.returncode == 2
    assert "has changed since the run" in done.stderr

    empty = command("run", "--resume", tmp_path, cwd=tmp_path)
    assert (empty.returncode, "holds no run" in empty.stderr) == (2, True)


def test_two_runs_at_once_share_no_id_and_a_third_finds_them_used(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """Each id once, whichever run has it; where the target was set up anew, they may be used again."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, states=lists(sandbox, 2))
    words = ["run", str(profile), "--no-fuzz", "--quiet", "-k", "auth"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "conformance", *words, "--output", output],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        for output in ("one", "two")
    ]
    assert [process.wait(PATIENCE_S) for process in both] == [3, 3]

    taken = [named(tmp_path / output / "latest") for output in ("one", "two")]
    assert min(map(len, taken)) > 10
    assert not set.intersection(*taken)

    number = sum(map(len, taken))
    few = profile.read_text().split("[states]")[0] + "[states]\n[states.ids]\npending = "
    profile.write_text(few + json.dumps(sorted(set.union(*taken))[:30]) + "\n")
    third = command(*words, cwd=tmp_path)
    assert number > 20
    assert third.returncode == 2, third.stdout + third.stderr
    assert "of them by other runs" in third.stderr
    assert "run --fresh-ids" in third.stderr
    assert not (tmp_path / "reports" / "latest").exists()

    sandbox.post("/_states", {"action": "setup", "params": {"contract": "withdraws", "status": "pending"}})
    fourth = command(*words, "--fresh-ids", cwd=tmp_path)
    assert fourth.returncode != 4
    assert named(tmp_path / "reports" / "latest") <= set.union(*taken)
    assert named(tmp_path / "reports" / "latest")


def named(folder: Path) -> set[str]:
    """The ids that a run's cancels named, without the made-up ones (which no pool holds)."""
    pool = (folder / "profile.toml").read_text()
    entries = json.loads((folder / "exchanges.har").read_text())["log"]["entries"]
    ids = {
        entry["request"]["url"].split("/")[-2]
        for entry in entries
        if entry["request"]["url"].endswith("/cancel")
    }
    return {one for one in ids if one in pool}


@pytest.mark.parametrize("kibibytes", [120, 300])
def test_a_full_disk_ends_the_run_with_a_sentence(
    sandbox: SandboxProcess, tmp_path: Path, kibibytes: int
) -> None:
    """The journal, or the record that is made of it: what was finished stays readable, and can be gone on with."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    words = f"run {profile} --no-fuzz -n 0 -k auth"
    limited = f"ulimit -f {kibibytes * 2}; exec {sys.executable} -m conformance {words}"
    done = launched("sh", "-c", limited, cwd=tmp_path)

    assert done.returncode == 4, done.stdout + done.stderr
    assert "can't be written: File too large" in done.stderr
    assert "--resume" in done.stderr
    assert "Traceback" not in done.stderr
    (folder,) = (path for path in (tmp_path / "reports").iterdir() if path.is_dir())
    kept = records.load(folder)
    assert not kept.complete
    assert kept.verdict == "inconclusive"
    assert kept.checks

    after = command("run", "--resume", folder, cwd=tmp_path)

    assert after.returncode == 3, after.stderr
    assert record(tmp_path)["complete"]
    assert {check.id for check in kept.checks} <= {check["id"] for check in record(tmp_path)["checks"]}


def test_killed_at_any_moment_a_run_stays_readable(sandbox: SandboxProcess, tap: Tap, tmp_path: Path) -> None:
    """SIGKILL, from the first request to the last report: no journal is ever beyond reading."""
    profile = write_profile(tmp_path, "withdraws", tap.url)
    words = ["run", str(profile), "--no-fuzz", "--quiet", "-k", "auth or body"]

    def there(pattern: str) -> Callable[[], bool]:
        return lambda: bool(list(tmp_path.glob(f"reports/*-withdraws-*/{pattern}")))

    def has_lines(number: int) -> Callable[[], bool]:
        files = f"reports/*-withdraws-*/{journal.FOLDER}/*.ndjson"
        return lambda: sum(path.read_bytes().count(b"\n") for path in tmp_path.glob(files)) >= number

    moments: dict[str, Callable[[], bool]] = {
        "its folder": there(""),
        "its header": there(f"{journal.FOLDER}/{journal.HEADER}"),
        "its third check": has_lines(3),
        "its first report": there("*.har"),
        "its page": there("report.html"),
    }
    for number in random.sample(range(30, 250), 2):
        moments[f"its request {number}"] = tap.holds.is_set
    read = []
    for name, moment in moments.items():
        shutil.rmtree(tmp_path / "reports", ignore_errors=True)
        held = int(name.rpartition(" ")[2]) if "request" in name else None
        seen = tap.count()
        tap.holds.clear()
        tap.manner = lambda request, last=held, seen=seen: (
            "hold" if last and request >= seen + last else "pass"
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "conformance", *words],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        eventually(lambda: moment() or process.poll() is not None, what=name)  # noqa: B023 - called here and now
        ended(process)
        for header in tmp_path.glob(f"reports/*-withdraws-*/{journal.FOLDER}/{journal.HEADER}"):
            kept = records.load(header.parents[1])
            assert kept.verdict == "inconclusive", moments
            assert {check.outcome for check in kept.checks} <= {"passed", "warned", "not_applicable"}, moments
            read.append(name)
        tap.deserted()
    assert set(read) >= {"its header", "its third check", *list(moments)[-2:]}
