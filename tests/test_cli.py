"""The command line as people and CI meet it."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.cli import main
from tests.support import PATIENCE_S, SandboxProcess, command, environment, launched, write_profile


@pytest.mark.parametrize("name", main.commands)
def test_every_command_explains_itself(tmp_path: Path, name: str) -> None:
    """`--help` of every command describes it and its options, quickly and without a profile."""
    done = command(name, "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert f"Usage: python -m conformance {name}" in done.stdout or f" {name} " in done.stdout.splitlines()[0]
    assert "--help" in done.stdout
    assert done.stderr == ""


def test_the_group_names_every_command(tmp_path: Path) -> None:
    """`--help` names every command, and `--version` the version."""
    told = command("-h", cwd=tmp_path).stdout
    assert all(f"  {name} " in told for name in main.commands)
    assert re.fullmatch(
        r"payout-conformance, version \d+\.\d+\.\d+\S*\n", command("--version", cwd=tmp_path).stdout
    )


# -- mistakes: see test_mistakes --------------------------------------------------------------------------


def test_live_is_possible_when_it_is_asked_for(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A live environment is permitted only with `--allow-live`."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, environment="live")
    assert (
        command("run", profile, "--no-fuzz", "--allow-live", "-k", "only_the_key", cwd=tmp_path).returncode
        == 3
    )


def test_a_fault_of_the_machine_is_not_called_a_defect(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A report that can't be written: which file, and exit 4."""
    command(
        "run",
        write_profile(tmp_path, "withdraws", sandbox.url),
        "--no-fuzz",
        "-k",
        "only_the_key",
        cwd=tmp_path,
    )
    folder = (tmp_path / "reports" / "latest").resolve()
    (folder / "summary.md").unlink()
    (folder / "summary.md").mkdir()
    (folder / "summary.md" / "x").write_text("")

    done = command("report", folder, cwd=tmp_path)

    assert done.returncode == 4
    assert "summary.md" in done.stderr
    assert "defect of payout-conformance" not in done.stderr


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    """`catalogue | head -1`."""
    piped = f"{sys.executable} -m conformance catalogue | head -1"
    done = launched("bash", "-o", "pipefail", "-c", piped, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


# -- catalogue and sandbox -----------------------------------------------------------------------------------


def test_the_catalogue_of_both_and_of_one(tmp_path: Path) -> None:
    """`catalogue` lists all requirements, with `--api` those of one API."""
    both, one = (command("catalogue", *words, cwd=tmp_path).stdout for words in ((), ("--api", "withdraws")))

    assert "WD-42" in both
    assert "PI-50" in both
    assert "WD-42" in one
    assert "PI-" not in one


@pytest.mark.parametrize("one", ["wd-04", "PI-31"])
def test_one_requirement_in_full(tmp_path: Path, one: str) -> None:
    """`catalogue ID` shows a requirement, whatever the letter case of its id."""
    done = command("catalogue", one, cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith(one.upper())
    assert "::" in done.stdout
    assert done.stderr == ""


def test_defects_are_listed(tmp_path: Path) -> None:
    """`--list-defects` lists each defect with the requirements that it breaks."""
    told = command("sandbox", "--list-defects", cwd=tmp_path).stdout

    assert "wd-paid-is-cancelled  breaks WD-04" in told
    assert told.count("  breaks ") > 100


def test_the_sandbox_ends_with_ctrl_c(sandbox: SandboxProcess) -> None:
    """Quietly, and with 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "sandbox", "--port", "0"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, errors) == (0, "")


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("openssl"), reason="needs curl and openssl")
def test_the_lines_that_the_sandbox_prints_work_in_bash(tmp_path: Path) -> None:
    """Pasted whole into a shell: a withdraw and a payout intent are made, cancelled and read."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "conformance", "sandbox", "--port", "0"],
        env=environment(),
        stdout=-1,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("# resources in any state")):
        lines.append(process.stdout.readline())
    try:
        env = {"PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            ["bash"],
            input="".join(lines[1:]),
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        process.terminate()
        process.communicate()

    assert done.stderr == ""
    withdraw, cancelled, read = map(json.loads, done.stdout.splitlines())
    assert (withdraw["success"], withdraw["data"]["status"]) == (True, "canceled")
    assert (cancelled["status"], cancelled["failure_message"]) == ("cancelled", "entered twice")
    assert read == cancelled


# -- progress ------------------------------------------------------------------------------------------------


def on_a_terminal(words: list[str], cwd: Path, **more: str) -> tuple[int, str]:
    """Exit code and everything that a terminal of 100 columns would be sent."""
    parent, child = pty.openpty()
    env = {**environment(**more), "COLUMNS": "100", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words],
        cwd=cwd,
        env=env,
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    said, ends = b"", time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if select.select([parent], [], [], 0.2)[0]:
            try:
                said += os.read(parent, 65536)
            except OSError:
                break
        elif process.poll() is not None:
            break
    os.close(parent)
    return process.wait(PATIENCE_S), said.decode()


def test_a_terminal_gets_a_bar_and_colours(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A terminal shows a progress bar, which disappears when the verdict comes."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    code, said = on_a_terminal(["run", str(profile), "--no-fuzz", "-k", "matrix"], tmp_path)

    assert code == 3
    assert re.search(r"\rwithdraws \[#+\.+\] \d+/\d+ checks", said)
    assert re.search(r"\rwithdraws \[#{30}\] (\d+)/\1 checks\r +\r", said)
    assert "\x1b[33m\x1b[1mINCONCLUSIVE" in said


def test_no_color_is_honoured(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """On a terminal too."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    code, said = on_a_terminal(
        ["run", str(profile), "--no-fuzz", "-k", "only_the_key"], tmp_path, NO_COLOR="1"
    )

    assert code == 3
    assert "INCONCLUSIVE" in said
    assert "\x1b[" not in said


def test_a_log_gets_plain_lines(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A handful, each on its own; the verdict goes to standard output."""
    done = command(
        "run", write_profile(tmp_path, "withdraws", sandbox.url), "--no-fuzz", "-k", "matrix", cwd=tmp_path
    )

    lines = done.stderr.splitlines()
    assert 3 <= len(lines) <= 6
    assert all(re.fullmatch(r"withdraws: \d+ of \d+ checks", line) for line in lines)
    assert "\r" not in done.stderr + done.stdout
    assert "\x1b" not in done.stderr + done.stdout
    assert "Report: reports/acme-withdraws-" in done.stdout


def test_quiet_is_two_lines(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The verdict, and where the report is."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    done = command("run", profile, "--no-fuzz", "-k", "matrix", "--quiet", cwd=tmp_path)

    assert done.stderr == ""
    verdict, report = done.stdout.splitlines()
    assert verdict.startswith("Inconclusive: Acme (withdraws, test)")
    assert (tmp_path / report).is_file()
