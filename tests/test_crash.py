"""A run that is ended in the middle keeps what it found, says that it is incomplete, and is never green."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import PATIENCE_S, SandboxProcess, command, environment, eventually, write_profile


@contextmanager
def halfway(
    profile: Path, *words: str | Path, checks: int = 8, workers: int = 1
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run, in a process group of its own, that has finished some checks and is far from its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "run", *map(str, (profile, *words))],
        cwd=profile.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, wait_for(profile.parent, checks, workers)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(parent: Path, checks: int, workers: int = 1) -> Path:
    """The folder of the run, once so many workers have left so many checks in its journal."""

    def begun() -> Path | None:
        lines = {path: path.read_bytes().count(b"\n") for path in parent.glob("reports/*/journal/*.ndjson")}
        told = [path for path, number in lines.items() if number and path.stem != "fuzz"]
        enough = sum(lines.values()) >= checks and len(told) >= workers
        return next(iter(lines)).parents[1] if enough else None

    folder: Path = eventually(begun, what="the run begins")
    return folder


def ended(process: "subprocess.Popen[str]") -> None:
    """Kills the run, and waits until all of its processes are gone."""
    process.kill()
    process.wait(PATIENCE_S)
    eventually(lambda: not group_is_alive(process.pid))


def slow(sandbox: SandboxProcess, tmp_path: Path) -> Path:
    """A profile whose rate limit makes a whole run take half a minute."""
    return write_profile(tmp_path, "withdraws", sandbox.url, limits="requests_per_second = 40")


def test_a_killed_run_is_rendered_from_its_journal(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """SIGKILL: nothing could be said any more; `report` says it, with every check that had finished."""
    with halfway(slow(sandbox, tmp_path), "--no-fuzz") as (process, folder):
        process.kill()
        process.wait(PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    finished = sum(path.read_bytes().count(b"\n") for path in folder.glob("journal/*.ndjson"))
    assert not (folder / "run.json").exists()

    done = command("report", folder, cwd=tmp_path)

    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("INCONCLUSIVE")
    assert "The run was ended early" in done.stdout
    record = json.loads((folder / "run.json").read_text())
    assert (record["verdict"], record["complete"]) == ("inconclusive", False)
    assert len(record["checks"]) == finished >= 8
    assert {"run.json", "exchanges.har", "junit.xml", "summary.md", "report.html"} <= {
        p.name for p in folder.iterdir()
    }
    again = command("report", folder, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (done.returncode, done.stdout)


def test_a_killed_parallel_run_leaves_no_workers(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Workers of a killed run end by themselves, and the results of both are rendered."""
    with halfway(slow(sandbox, tmp_path), "--no-fuzz", "-n", "2", checks=10, workers=2) as (process, folder):
        process.kill()
        process.wait(PATIENCE_S)
    eventually(lambda: not group_is_alive(process.pid))

    assert command("report", folder, cwd=tmp_path).returncode == 3


def group_is_alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("words", [("--no-fuzz",), ("--no-fuzz", "-n", "2")], ids=["alone", "in parallel"])
def test_ctrl_c_writes_the_reports(sandbox: SandboxProcess, tmp_path: Path, words: tuple[str, ...]) -> None:
    """As a terminal does it: SIGINT to the whole group. The verdict is inconclusive, the exit code 3."""
    with halfway(slow(sandbox, tmp_path), *words) as (process, folder):
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 3, out + err
    assert out.startswith("INCONCLUSIVE")
    assert "before its last check" in out
    assert "Traceback" not in err
    record = json.loads((folder / "run.json").read_text())
    assert not record["complete"]
    assert len(record["checks"]) >= 8
    assert (folder / "report.html").exists()
    assert not [check for check in record["checks"] if check["outcome"] == "failed"]


def test_sigterm_writes_the_reports_too(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """As a CI server does it when time is up: the process alone is told."""
    with halfway(slow(sandbox, tmp_path), "--no-fuzz") as (process, folder):
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 3, out + err
    assert out.startswith("INCONCLUSIVE")
    assert "Traceback" not in err
    assert (folder / "report.html").exists()


def test_ctrl_c_ends_the_whole_call(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Of two profiles the second isn't begun."""
    profile = slow(sandbox, tmp_path)
    with halfway(profile, profile, "--no-fuzz") as (process, _):
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 3
    assert out.count("INCONCLUSIVE") == 1


def test_a_failure_outlives_the_kill(bendable: SandboxProcess, tmp_path: Path) -> None:
    """A failure before the kill stays a failure, in a run that is incomplete."""
    bendable.bend("wd-signature-is-not-verified")
    with halfway(slow(bendable, tmp_path), "--no-fuzz", "-k", "auth", checks=40) as (process, folder):
        process.kill()

    done = command("report", folder, cwd=tmp_path)

    assert done.returncode == 1, done.stdout
    assert "WD-32" in done.stdout


def test_a_torn_last_line_is_left_out(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A machine that lost its power in the middle of a write."""
    with halfway(slow(sandbox, tmp_path), "--no-fuzz", "-n", "0") as (process, folder):
        process.kill()
        process.wait(PATIENCE_S)
    journal = next(folder.glob("journal/*.ndjson"))
    whole = journal.read_bytes()
    journal.write_bytes(whole[: whole.rstrip().rfind(b"\n") + 40])

    assert command("report", folder, cwd=tmp_path).returncode == 3
    assert len(json.loads((folder / "run.json").read_text())["checks"]) == whole.count(b"\n") - 1
