"""A whole run, as a process of its own, against a target that is a good one until it isn't.

`python -m tests.worst_day.whole [WORDS]` puts every row of the table (or a section, or those named so) through
runs with fuzzing: of both APIs, bad from the start and bad on the way. It prints what each cost and came to, and ends
with 1 where one isn't bounded or blames the wrong side.
"""

import itertools
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import PATIENCE_S, SandboxProcess, environment, handed_on, write_profile
from tests.worst_day.authority import authority, good
from tests.worst_day.faults import LAST, Fault, Manner, Target, serving
from tests.worst_day.table import CASES, SECTIONS, Case

Whose = Callable[[bytes], Fault | None]
# As many connections, of one request each, as a run's first look at its target takes.
GOOD = 12
# What a run may cost, however bad the target: seconds of wall time, megabytes in memory and on disk.
WALL_S, RSS_MB, DISK_MB = 600, 320, 200
KINDS = ("reset", "timeout", "protocol", "tls", "refused", "connect", "rate_limited", "no request got")
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
    folder: Path, *words: str | Path, env: dict[str, str] | None = None, timeout: float = 2 * PATIENCE_S
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


def relayed(backend: str) -> Fault:
    """Does what the server at `backend` does: no fault at all."""

    def relay(peer: socket.socket, _: int) -> None:
        peer.sendall(handed_on(backend, LAST.request))
        raise ConnectionAbortedError

    return relay


def nobodys(_: bytes) -> Fault | None:
    """No request is treated for what it says."""
    return None


def turning(
    backend: str, bad: Callable[[int], Case | None], good_for: int, *, secure: bool, whose: Whose = nobodys
) -> Target:
    """A target that is good for its first connections; then each is as `bad` says, or good where that says None.

    What `whose` makes of a request comes before what `bad` says of its connection, from the first one on.
    """
    relay = Case("is good", relayed(backend), (), tls=good if secure else None)
    contexts = {
        name: case.tls() for name, case in {**CASES, "is good": relay}.items() if case.tls is not None
    }
    since = itertools.count()

    def manner(connection: int) -> Manner:
        number = connection - good_for - 1
        case = (bad(number) if number >= 0 else None) or relay
        tls = contexts.get(case.name)

        def fault(peer: socket.socket, request: int) -> None:
            own = whose(LAST.request)
            (own or case.fault)(peer, request if own or case is relay else next(since))

        # Whoever is to be treated for the request has to be heard.
        reads = case.reads or whose is not nobodys
        return Manner(fault, None if tls is None else partial(tls, number + 1), reads)

    return Target(manner, scheme="https" if secure else "http")


def against(
    sandbox: SandboxProcess,
    folder: Path,
    api: str,
    bad: Callable[[int], Case | None],
    *words: str,
    good_for: int = GOOD,
    secure: bool = False,
    limits: str = "timeout_s = 0.3",
    env: dict[str, str] | None = None,
    whose: Whose = nobodys,
) -> Outcome:
    """A run against the sandbox, seen through somebody who misbehaves; resources come past him."""
    with serving(turning(sandbox.url, bad, good_for, secure=secure, whose=whose)) as target:
        states = f'url = "{sandbox.url}/_states"'
        if api == "payout-intents":
            states += '\nterminal = ["cancelled", "paid", "failed"]'
        profile = write_profile(
            folder, api, target.url, states=states, limits=limits, capabilities="cancel_processing = true"
        )
        env = {**(env or environment()), "SSL_CERT_FILE": str(authority().file)}
        return measured(folder, "run", profile, "--quiet", *words, env=env)


def wrong(found: Outcome) -> list[str]:
    """Returns the promises that a run breaks: those that hold of every run, however it ended."""
    said = found.stdout + found.stderr
    written = b"".join(data for name, data in found.files.items() if "allure" not in name)
    broken = {
        "a traceback is shown": "Traceback" in said,
        "the harness failed": "harness failed" in said or b"the harness failed" in written,
        "a traceback is written": b"Traceback (most recent" in written,
        f"took {found.wall_s:.0f} s": found.wall_s > WALL_S,
        f"took {found.rss_mb:.0f} MB": found.rss_mb > RSS_MB,
        "fills the disk": sum(map(len, found.files.values())) > DISK_MB * 1e6,
    }
    unnamed = [
        check["message"][:300]
        for check in found.record.get("checks", ())
        if check["outcome"] == "error" and not check["message"].startswith(KINDS)
    ]
    return [*(what for what, holds in broken.items() if holds), *unnamed]


def blamed_wrongly(case: Case, found: Outcome) -> list[str]:
    """How a run with this case blames somebody else than the table does."""
    outcomes = found.outcomes()
    if case.blamed.startswith("transport"):
        held = {"failed", "warned"} & outcomes.keys()
        return (
            [f"{found.code} with {', '.join(sorted(held)) or 'nothing'} held against it"]
            if (held or found.code not in (3, 4))
            else []
        )
    return [] if found.code in (0, 1, 2, 4) else [f"ended with {found.code}"]


def main() -> None:
    """One line per row of the table."""
    sandbox = SandboxProcess()
    wanted = " ".join(sys.argv[1:])
    bad = 0
    rows = [
        case
        for section, cases in SECTIONS.items()
        for case in cases
        if wanted in (section, "") or wanted in case.name
    ]
    for case, api, good_for in itertools.product(rows, ("withdraws", "payout-intents"), (0, GOOD)):
        with tempfile.TemporaryDirectory() as folder:
            found = against(
                sandbox,
                Path(folder),
                api,
                lambda _, case=case: case,
                *("--fuzz-examples", "20", "-n", "4"),
                good_for=good_for,
                secure=case.url("https:" if case.tls else "http:") == "https:",
            )
        complaints = [*wrong(found), *blamed_wrongly(case, found)]
        bad += bool(complaints)
        print(
            f"{case.name:46} {api:14} {'on the way' if good_for else 'at once':10} {case.blamed:18} "
            f"exit {found.code} {found.wall_s:5.1f} s {found.cpu_s:5.1f} s cpu {found.rss_mb:4.0f} MB "
            f"{sum(map(len, found.files.values())) / 1e6:5.1f} MB on disk {found.outcomes()} "
            f"{' '.join(found.stderr.split())[:200]} {'WRONG: ' if complaints else ''}{'; '.join(complaints)}",
            flush=True,
        )
    sandbox.close()
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
