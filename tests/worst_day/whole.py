"""A whole run, as a process of its own, against a target that is a good one until it isn't.

`python -m tests.worst_day.whole [WORDS]` puts every row of the table (or those whose names hold the words) through a
run with fuzzing, and prints what each cost and came to.
"""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support import SandboxProcess, environment, write_profile
from tests.worst_day.misdeeds import LAST, Misdeed, misbehaving
from tests.worst_day.table import DEEDS

# As long as a run's first look at its target takes: a target that is bad from the start gets no further.
GOOD = 12
_MEASURED = """
import json, resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run(sys.argv[2:], capture_output=True, check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump({"code": done.returncode, "stdout": done.stdout.decode(errors="replace"),
           "stderr": done.stderr.decode(errors="replace"), "wall_s": time.monotonic() - began,
           "rss_mb": used.ru_maxrss / 1000, "cpu_s": used.ru_utime + used.ru_stime}, open(sys.argv[1], "w"))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its exit code, what it printed, its cost, its record (empty where it got to none)."""

    code: int
    stdout: str
    stderr: str
    wall_s: float
    rss_mb: float
    cpu_s: float
    record: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def outcomes(self) -> dict[str, int]:
        """How many checks ended in each way."""
        found: dict[str, int] = {}
        for check in self.record.get("checks", ()):
            found[check["outcome"]] = found.get(check["outcome"], 0) + 1
        return found


def measured(
    folder: Path, *words: str | Path, env: dict[str, str] | None = None, timeout: float = 400
) -> Outcome:
    """Runs `payout-conformance` in `folder`, and measures the processes that it takes."""
    result = folder / "measured.json"
    command = [
        sys.executable,
        "-c",
        _MEASURED,
        str(result),
        sys.executable,
        "-m",
        "conformance",
        *map(str, words),
    ]
    subprocess.run(command, cwd=folder, env=env or environment(), timeout=timeout, check=True)
    cost = json.loads(result.read_text())
    latest = (folder / "reports" / "latest").resolve()
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "reports").rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    record = json.loads((latest / "run.json").read_text()) if (latest / "run.json").exists() else {}
    return Outcome(**cost, record=record, files=files)


def relayed(backend: str) -> Misdeed:
    """Does what the server at `backend` does: no misdeed at all."""
    parts = urlsplit(backend)

    def relay(peer: socket.socket, _: int) -> None:
        request = LAST.request
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as other:
            head, _, body = request.partition(b"\r\n\r\n")
            other.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            while more := other.recv(65536):
                peer.sendall(more)
        raise ConnectionAbortedError

    return relay


def sometimes(bad: Callable[[int], Misdeed | None], good: Misdeed) -> Misdeed:
    """Good for the first GOOD requests; then as `bad` says of each, good where it says None."""

    def misdeed(peer: socket.socket, number: int) -> None:
        chosen = bad(number - GOOD) if number >= GOOD else None
        (chosen or good)(peer, max(0, number - GOOD))

    return misdeed


def against(
    sandbox: SandboxProcess,
    folder: Path,
    api: str,
    bad: Callable[[int], Misdeed | None],
    *words: str,
    limits: str = "timeout_s = 0.3",
    env: dict[str, str] | None = None,
) -> Outcome:
    """A run against the sandbox, seen through somebody who misbehaves; resources come past him."""
    with misbehaving(sometimes(bad, relayed(sandbox.url))) as target:
        states = f'url = "{sandbox.url}/_states"'
        if api == "payout-intents":
            states += '\nterminal = ["cancelled", "paid", "failed"]'
        profile = write_profile(
            folder, api, target.url, states=states, limits=limits, capabilities="cancel_processing = true"
        )
        return measured(folder, "run", profile, "--quiet", *words, env=env)


def main() -> None:
    """One line per row of the table."""
    sandbox = SandboxProcess()
    wanted = " ".join(sys.argv[1:])
    for name, deed in DEEDS.items():
        if wanted not in name or deed.tls or not deed.reads:
            continue
        with tempfile.TemporaryDirectory() as folder:
            words = ("--fuzz-examples", "20", "-n", "4")
            found = against(sandbox, Path(folder), "withdraws", lambda _, deed=deed: deed.misdeed, *words)
            traceback = "TRACEBACK " if "Traceback" in found.stdout + found.stderr else ""
            print(
                f"{name:52} {deed.blamed:20} exit {found.code} {found.wall_s:5.1f} s {found.cpu_s:5.1f} s cpu "
                f"{found.rss_mb:4.0f} MB {sum(map(len, found.files.values())) / 1e6:6.1f} MB on disk "
                f"{traceback}{found.outcomes()} {found.stderr.strip()[-150:]}",
                flush=True,
            )
    sandbox.close()


if __name__ == "__main__":
    main()
