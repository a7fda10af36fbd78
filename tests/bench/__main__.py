"""`python -m tests.bench`: what runs and certificates cost, and our client beside a plain one."""

import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import DEVNULL, run

import httpx

from conformance import demo
from conformance.http.client import Client, Recorder, Request
from conformance.http.gate import Gate
from conformance.http.redact import Redactor
from conformance.sandbox import Sandbox
from tests.bench import certificates, fuzzing
from tests.support import SandboxProcess
from tests.tap import Tap

REQUESTS = 1000
LATENCY_MS = 50


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The best of a few, which is what the machine can do when it isn't busy elsewhere."""
    best = float("inf")
    for _ in range(times):
        clock = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - clock)
    return best


def exchanges(url: str, folder: Path) -> None:
    """Our client, which records and redacts every exchange, beside httpx by itself."""
    gate = Gate(folder / "gate", requests_per_second=None, max_requests=10**9)
    redactor = Redactor({"primary.secret_key": "a-secret-of-some-length-0123456789"})
    recorder = Recorder()
    ours = Client(url, timeout_s=10, connections=8, gate=gate, redactor=redactor, recorder=recorder)
    request = Request("GET", "/payout_intents/nobody")

    def with_ours() -> None:
        for _ in range(REQUESTS):
            ours.send(lambda: request)
        recorder.drain()

    plain = httpx.Client(base_url=url)
    ratio = seconds(with_ours) / seconds(
        lambda: [plain.get("/payout_intents/nobody") for _ in range(REQUESTS)]
    )
    print(f"our client / plain httpx, {REQUESTS} requests: {ratio:.2f} of its time")
    ours.close()
    plain.close()
    gate.close()


def runs(url: str, folder: Path) -> None:
    """Whole runs, start-up included, in units of starting Python and importing pytest and httpx."""

    def command(*words: str) -> None:
        run([sys.executable, *words], stdout=DEVNULL, stderr=DEVNULL, check=True, cwd=folder)

    unit = seconds(lambda: command("-c", "import pytest, httpx"))
    print(f"start Python, import pytest and httpx: {unit:.2f} s = 1")
    for path in demo.profiles(url, folder, os.environ):
        for label, words in (("without fuzzing", ["--no-fuzz"]), ("with fuzzing", [])):
            taken = seconds(lambda: command("-m", "conformance", "run", str(path), *words), times=2)  # noqa: B023
            print(f"{path.stem}, {label}: {taken:.2f} s = {taken / unit:.1f}")


def far_away(folder: Path) -> None:
    """Whole runs without fuzzing against a target that is 50 ms away, beside the sum of what they waited for.

    The sum is that of one worker: every request that the target got from it (provider states among them), each as
    long as the target takes. In the second figure the same run has chosen its workers itself.
    """
    target = SandboxProcess()
    tap = Tap(target.url)
    try:
        target.post("/_control", {"variants": {"latency_ms": LATENCY_MS}, "reset": True})
        for path in demo.profiles(tap.url, folder, os.environ):
            _without_waits(path)
            command = [sys.executable, "-m", "conformance", "run", str(path), "--no-fuzz", "--quiet"]
            run([*command, "-n", "0"], stdout=DEVNULL, stderr=DEVNULL, check=True, cwd=folder)
            asked = tap.count() * LATENCY_MS / 1000
            tap.requests.clear()
            taken = seconds(
                lambda: run(command, stdout=DEVNULL, stderr=DEVNULL, check=True, cwd=folder),  # noqa: B023
                times=2,
            )
            tap.requests.clear()
            print(
                f"{path.stem}, {LATENCY_MS} ms away: {taken:.1f} s = {taken / asked:.2f} of {asked:.1f} s of latency"
            )
    finally:
        tap.close()
        target.close()


def close_by(folder: Path) -> None:
    """Whole runs without fuzzing against a sandbox in another process: wall time and processor time."""
    target = SandboxProcess()
    try:
        for path in demo.profiles(target.url, folder, os.environ):
            _without_waits(path)
            command = [sys.executable, "-m", "conformance", "run", str(path), "--no-fuzz", "--quiet"]
            before = _processor_s()
            taken = seconds(lambda: run(command, stdout=DEVNULL, stderr=DEVNULL, check=True, cwd=folder))  # noqa: B023
            used = (_processor_s() - before) / 3
            print(
                f"{path.stem}, close by, in a process of its own: {taken:.2f} s, {used:.2f} s of processor time"
            )
    finally:
        target.close()


def _without_waits(profile: Path) -> None:
    """Webhooks and settlement are waited for, on purpose: what is measured here is the rest."""
    text = profile.read_text().replace("settlement = true", "settlement = false")
    profile.write_text(text.replace("webhooks = true", "webhooks = false").partition("[webhooks]")[0])


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Everything, one line each."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPATH"] = str(Path.cwd())
        with redirect_stdout(sys.stdout), redirect_stderr(io.StringIO()):
            exchanges(sandbox.url, Path(folder))
            runs(sandbox.url, Path(folder))
            close_by(Path(folder))
            far_away(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        certificates.main(Path(folder))
    fuzzing.main()


if __name__ == "__main__":
    main()
