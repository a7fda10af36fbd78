"""The cost of certificates: `verify` of a run with 10,000 exchanges, and a registry of 200 certificates."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from conformance.certificate.issue import FILE, issue
from conformance.report import record
from conformance.report.codec import replace_file
from tests.certificate import runs
from tests.registry.folders import key_of
from tests.support import environment

EXCHANGES = 10_000
CERTIFICATES = 200


def _large(folder: Path) -> None:
    """Writes a run with so many exchanges, which its checks share, and signs it."""
    found = runs.write(folder)
    few = found.exchanges
    many = tuple(few[number % len(few)] for number in range(EXCHANGES))
    sends = next(number for number, check in enumerate(found.checks) if check.exchanges)
    more = replace(
        found.checks[sends],
        exchanges=(*found.checks[sends].exchanges, *range(len(few), EXCHANGES)),
    )
    checks = (*found.checks[:sends], more, *found.checks[sends + 1 :])
    record.write(replace(found, checks=checks, exchanges=many), folder)
    content = issue(folder, runs.KEY, now=runs.NOW, environ={}).content
    replace_file(folder / FILE, content.decode())
    (folder / "key.pem").write_bytes(runs.KEY.public.pem)


def _seconds(*words: str | Path) -> float:
    """Returns how long a command takes, Python's start included."""
    clock = time.perf_counter()
    command = [sys.executable, "-m", "conformance", *map(str, words), "--at", runs.LATER.isoformat()]
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - clock


def main(folder: Path) -> None:
    """Prints a line for each."""
    run = folder / "large"
    _large(run)
    best = min(_seconds("verify", run, "--public-key", run / "key.pem") for _ in range(3))
    print(f"verify of {EXCHANGES:,} exchanges: {best:.2f} s (to be under 3)")
    root = folder / "registry"
    key = key_of(root, "implementation-0")
    runs.certified(root / "implementation-0", key=key)
    for number in range(1, CERTIFICATES):
        name = f"implementation-{number}"
        # Signed a moment later, or it would be refused as a copy.
        runs.certified(root / name, key=key, now=runs.NOW + timedelta(seconds=number))
        shutil.copy(root / "keys" / "implementation-0.pub.pem", root / "keys" / f"{name}.pub.pem")
    taken = _seconds("registry", root, "--output", folder / "site")
    print(f"registry of {CERTIFICATES} certificates: {taken:.1f} s (to be under 60)")
