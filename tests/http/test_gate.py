"""What the workers of a run share, with real processes."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.errors import BudgetError
from conformance.http.gate import Gate
from tests.support import ROOT, environment

WORKER = """
import sys, time
from pathlib import Path
from conformance.errors import BudgetError
from conformance.http.gate import Gate
path, task, number, rate, budget = sys.argv[1:]
gate = Gate(Path(path), requests_per_second=float(rate) or None, max_requests=int(budget))
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
for _ in range(int(number)):
    if task == "timestamp":
        print(gate.timestamp())
        continue
    try:
        gate.pass_one()
    except BudgetError:
        print("budget")
    else:
        print(time.time())
"""


def together(path: Path, task: str, number: int, *, rate: float = 0, budget: int = 10_000) -> list[str]:
    """What two processes say that do the same at the same time."""
    words = [sys.executable, "-c", WORKER, str(path), task, str(number), str(rate), str(budget)]
    workers = [
        subprocess.Popen(words, cwd=ROOT, env=environment(), stdin=-1, stdout=-1, text=True) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    said: list[str] = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        said += worker.communicate(timeout=20)[0].split()
    return said


def test_timestamps_are_unique_across_processes(tmp_path: Path) -> None:
    """Two processes in a hurry never use the same millisecond."""
    stamps = together(tmp_path / "gate", "timestamp", 500)

    assert len(set(stamps)) == 1000
    assert all(stamp.isdigit() and len(stamp) == 13 for stamp in stamps)
    assert abs(int(min(stamps)) / 1000 - time.time()) < 10


def test_timestamps_are_unique_across_threads(tmp_path: Path) -> None:
    """Threads of one worker share the file and its lock."""
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=1)
    with ThreadPoolExecutor(16) as pool:
        stamps = list(pool.map(lambda _: gate.timestamp(), range(400)))
    gate.close()

    assert len(set(stamps)) == 400


def test_the_rate_holds_across_processes(tmp_path: Path) -> None:
    """Twenty requests at 20 per second take about a second, whoever sends them."""
    times = sorted(map(float, together(tmp_path / "gate", "pass", 10, rate=20)))

    assert times[-1] - times[0] > 0.7


def test_the_budget_holds_across_processes(tmp_path: Path) -> None:
    """Of two times ten requests a budget of 7 lets 7 through."""
    assert together(tmp_path / "gate", "pass", 10, budget=7).count("budget") == 13


def test_a_pause_holds_everybody(tmp_path: Path) -> None:
    """After `hold`, another opening of the same file waits; without a rate limit nobody waits otherwise."""
    one, other = (Gate(tmp_path / "gate", requests_per_second=None, max_requests=10) for _ in range(2))
    began = time.monotonic()
    one.pass_one()
    other.pass_one()
    assert time.monotonic() - began < 0.1
    one.hold(0.3)

    other.pass_one()

    assert time.monotonic() - began > 0.25
    assert one.sent() == other.sent() == 3
    one.close()
    other.close()


def test_a_killed_worker_leaves_no_lock(tmp_path: Path) -> None:
    """A process that dies inside leaves the file to the others."""
    code = "import fcntl, os, sys, time; f = os.open(sys.argv[1], os.O_RDWR); fcntl.flock(f, 2); print(1, flush=True)"
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=10)
    gate.pass_one()
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "; time.sleep(60)", str(tmp_path / "gate")], stdout=-1
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    waiting = threading.Thread(target=gate.pass_one)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()

    holder.kill()
    waiting.join(5)

    assert not waiting.is_alive()
    holder.communicate()
    gate.close()


def test_a_spent_budget_says_what_to_raise(tmp_path: Path) -> None:
    """And it stays spent."""
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=1)
    gate.pass_one()
    for _ in range(2):
        with pytest.raises(BudgetError) as caught:
            gate.pass_one()
        assert "limits.max_requests" in caught.value.hint
    gate.close()
