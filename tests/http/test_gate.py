"""The gate that the workers of a run share, with real processes."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.errors import BudgetError, HarnessError, TransportError
from conformance.http.gate import Gate, slow_downs
from tests.support import PATIENCE_S, ROOT, environment

WORKER = """
import sys, time
from pathlib import Path
from conformance.errors import BudgetError
from conformance.http.gate import Gate
path, task, number, rate, budget = sys.argv[1:]
gate = Gate(Path(path), requests_per_second=float(rate) or None, max_requests=int(budget))
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
if task == "pass":
    print(time.time())
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


class Clock:
    """A clock for gates that goes on by as much as they sleep, and by nothing else."""

    def __init__(self) -> None:
        self.now_ns = time.time_ns()
        self.slept: list[float] = []

    def time_ns(self) -> int:
        """The clock's counterpart of time.time_ns."""
        return self.now_ns

    def time(self) -> float:
        """The clock's counterpart of time.time."""
        return self.now_ns / 1e9

    def sleep(self, seconds: float) -> None:
        """The clock's counterpart of time.sleep, without the wait."""
        self.slept.append(seconds)
        self.now_ns += int(seconds * 1e9) + 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that every gate of this process goes by."""
    made = Clock()
    monkeypatch.setattr("conformance.http.gate.time", made)
    return made


def together(path: Path, task: str, number: int, *, rate: float = 0, budget: int = 10_000) -> list[str]:
    """The results of two processes that do the same at the same time."""
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
        said += worker.communicate(timeout=PATIENCE_S)[0].split()
    return said


def test_timestamps_are_unique_across_processes(tmp_path: Path) -> None:
    """Two processes in a hurry never use the same millisecond."""
    stamps = together(tmp_path / "gate", "timestamp", 500)

    assert len(set(stamps)) == 1000
    assert all(stamp.isdigit() and len(stamp) == 13 for stamp in stamps)
    assert abs(int(min(stamps)) / 1000 - time.time()) < PATIENCE_S


def test_timestamps_are_unique_across_threads(tmp_path: Path) -> None:
    """Threads of one worker share the file and its lock."""
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=1)
    with ThreadPoolExecutor(16) as pool:
        stamps = list(pool.map(lambda _: gate.timestamp(), range(400)))
    gate.close()

    assert len(set(stamps)) == 400


def test_the_rate_holds_across_processes(tmp_path: Path) -> None:
    """Twenty requests at 20 per second take about a second from the start, whoever sends them."""
    times = sorted(map(float, together(tmp_path / "gate", "pass", 10, rate=20)))

    assert len(times) == 2 + 20
    assert times[-1] - times[0] > 0.9


def test_the_budget_holds_across_processes(tmp_path: Path) -> None:
    """Of two times ten requests a budget of 7 lets 7 through."""
    assert together(tmp_path / "gate", "pass", 10, budget=7).count("budget") == 13


def test_a_pause_holds_everybody(tmp_path: Path, clock: Clock) -> None:
    """After a 429, another opening of the same file waits; without a rate limit nobody waits otherwise."""
    one, other = (Gate(tmp_path / "gate", requests_per_second=None, max_requests=10) for _ in range(2))
    one.pass_one()
    other.pass_one()
    assert clock.slept == []
    one.slow_down(0.3, clock.time())

    other.pass_one()

    assert clock.slept == [pytest.approx(0.3)]
    assert one.sent() == other.sent() == 3
    one.close()
    other.close()


def test_what_several_requests_hear_at_once_is_one_pause(tmp_path: Path, clock: Clock) -> None:
    """Eight in flight that all come back with 429 don't wait eight times as long, nor for eight times longer."""
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=10)
    sent = clock.time() - 0.01
    for _ in range(8):
        gate.slow_down(None, sent)
    times, waited = gate.slowed()
    gate.close()

    assert times == 8
    assert waited == pytest.approx(0.5)
    assert slow_downs(tmp_path / "gate") == (
        "The target asked to slow down 8 times (429 or Retry-After): the run waited 0.5 s for it. "
        "No requirement is judged by such an answer."
    )


@pytest.mark.parametrize(
    ("asked", "times"),
    [(3600.0, 1), (float("inf"), 1), (None, 2), (0.0, 5), (0.9, 2)],
    ids=["an hour", "for ever", "no word", "at once", "less than a second"],
)
def test_a_target_that_only_says_later_is_given_up_on_by_everybody(
    tmp_path: Path, clock: Clock, asked: float | None, times: int
) -> None:
    """Waited for as long as the patience allows, then not at all: nothing is sent, in whatever worker."""
    one, other = (
        Gate(tmp_path / "gate", requests_per_second=None, max_requests=10, patience_s=1) for _ in range(2)
    )
    heard = 0
    while not (slow_downs(tmp_path / "gate") or "").count("given up on"):
        one.slow_down(asked, clock.time() + 1)
        one._update(lambda state: (None, state._replace(paused=0)))  # as if it had been waited for
        heard += 1
    for gate in (one, other):
        with pytest.raises(TransportError, match="asked to slow down") as caught:
            gate.pass_one()
        assert caught.value.kind == "rate_limited"
        assert "requests_per_second" in caught.value.hint
    assert (heard, one.sent()) == (times, 0)
    one.close()
    other.close()


def test_another_answer_ends_the_row(tmp_path: Path, clock: Clock) -> None:
    """A target that says "later" now and then is waited for each time from the start, within a total."""
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=100, patience_s=0.1)
    for _ in range(5):
        gate.slow_down(0.09, clock.time())
        gate.pass_one()
        gate.went_well()
    gate.slow_down(0.09, clock.time())
    with pytest.raises(TransportError, match="6 times"):
        gate.pass_one()
    gate.close()


def test_a_pause_that_grows_while_somebody_waits_is_kept_too(tmp_path: Path) -> None:
    """A caller that waits 0.2 s, and meanwhile a second pause of 0.5 s begins, sends after 0.5 s."""
    one, other = (Gate(tmp_path / "gate", requests_per_second=None, max_requests=10) for _ in range(2))
    began = time.monotonic()
    one.slow_down(0.2, time.time())
    waiting = threading.Thread(target=other.pass_one)
    waiting.start()
    one.slow_down(0.5, time.time())
    waiting.join(PATIENCE_S)
    took = time.monotonic() - began
    one.close()
    other.close()

    assert took > 0.45


def test_places_hold_across_processes_and_threads(tmp_path: Path) -> None:
    """Two openings of one file, four threads each, races between them: never more than three at once."""
    gates = [
        Gate(tmp_path / "gate", requests_per_second=None, max_requests=1, concurrency=3) for _ in range(2)
    ]
    inside, busiest, lock = 0, 0, threading.Lock()

    def move(by: int) -> None:
        nonlocal inside, busiest
        with lock:
            inside += by
            busiest = max(busiest, inside)

    def work(number: int) -> None:
        for turn in range(15):
            many = 3 if (number + turn) % 5 == 0 else 1
            with gates[number % 2].seats(many) if many > 1 else gates[number % 2].seat():
                move(many)
                time.sleep(0.0005)
                move(-many)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with pytest.raises(HarnessError, match="4 requests at once"), gates[0].seats(4):
        pass
    for gate in gates:
        gate.close()

    assert (inside, busiest) == (0, 3)


def test_the_places_of_a_killed_worker_are_free_again(tmp_path: Path) -> None:
    """The kernel unlocks them."""
    code = (
        "import sys; from pathlib import Path; from conformance.http.gate import Gate\n"
        "g = Gate(Path(sys.argv[1]), requests_per_second=None, max_requests=1, concurrency=2)\n"
        "with g.seats(2): print(1, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "gate")]
    holder = subprocess.Popen(words, cwd=ROOT, env=environment(), stdin=-1, stdout=-1)
    assert holder.stdout is not None
    holder.stdout.readline()
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=1, concurrency=2)
    taken = threading.Event()

    def take() -> None:
        with gate.seat():
            taken.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    assert not taken.wait(0.2)

    holder.kill()

    assert taken.wait(PATIENCE_S)
    holder.communicate()
    thread.join(PATIENCE_S)
    gate.close()


def test_a_killed_worker_leaves_no_lock(tmp_path: Path) -> None:
    """A process that dies inside leaves the file to the others."""
    code = (
        "import fcntl, os, sys; f = os.open(sys.argv[1], os.O_RDWR); fcntl.flock(f, 2); print(1, flush=True)"
    )
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=10)
    gate.pass_one()
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "; sys.stdin.read()", str(tmp_path / "gate")], stdin=-1, stdout=-1
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    waiting = threading.Thread(target=gate.pass_one)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()

    holder.kill()
    waiting.join(PATIENCE_S)

    assert not waiting.is_alive()
    holder.communicate()
    gate.close()


def test_a_spent_budget_says_what_to_raise(tmp_path: Path) -> None:
    """A spent budget names the limit to raise, and stays spent."""
    gate = Gate(tmp_path / "gate", requests_per_second=None, max_requests=1)
    gate.pass_one()
    for _ in range(2):
        with pytest.raises(BudgetError) as caught:
            gate.pass_one()
        assert "limits.max_requests" in caught.value.hint
    gate.close()
