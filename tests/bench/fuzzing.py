"""The cost of fuzzing beside `st run`: the same server, the same specification, one run after the other.

Schemathesis' command runs as it comes, and then as fast as it can be made to: without the example database that costs
it most of its time, without the stateful phase, with as many workers as it likes. Both begin with starting Python.
"""

import json
import os
import resource
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, run

from conformance import demo
from conformance.sandbox import CREDENTIALS
from tests.support import ROOT, TERMINAL, SandboxProcess, environment, write_profile

API = "payout-intents"
SPECIFICATION = ROOT / "specs" / "payout_intents" / "openapi.yaml"
BEST = ("--phases", "examples,coverage,fuzzing", "--workers", "auto", "--no-shrink")
NO_DATABASE = '[generation]\ndatabase = "none"\n'


@dataclass(frozen=True)
class Took:
    """Wall time and CPU time (s), and how many requests the server got to judge."""

    wall: float
    cpu: float
    cases: int

    @property
    def rate(self) -> float:
        return self.cases / self.wall

    def __str__(self) -> str:
        return f"{self.cases} cases in {self.wall:.1f} s, {self.rate:.0f} per s ({self.cpu:.1f} s of CPU)"


class Bench:
    """A sandbox in a process of its own, which all measurements ask in turn."""

    def __init__(self, sandbox: SandboxProcess, folder: Path) -> None:
        self._sandbox, self._folder = sandbox, folder
        self._numbers = iter(range(1000))

    def ours(self, examples: int, concurrency: int = 8, latency_ms: int = 0) -> Took:
        folder = self._new(latency_ms)
        limits = f"concurrency = {concurrency}\nmax_requests = 1000000"
        states = f"sandbox = true\n{TERMINAL}"
        profile = write_profile(folder, API, self._sandbox.url, limits=limits, states=states)
        words = ["--profile", str(profile), "--run", str(folder / "run"), "--seed", "1"]
        return self._timed(
            [sys.executable, "-m", "conformance.fuzz", *words, "--examples", str(examples)], folder
        )

    def theirs(self, examples: int, *flags: str, latency_ms: int = 0, database: bool = True) -> Took:
        folder = self._new(latency_ms)
        # Without an id that exists it gives up on operations that only ever answer 404.
        given = f'[parameters]\n"path.id" = "{self._sandbox.make(API, "paid")}"\n'
        (folder / "schemathesis.toml").write_text(given if database else NO_DATABASE + given)
        pair = CREDENTIALS[API]["primary"]
        command = [str(Path(sys.executable).with_name("st")), "run", str(SPECIFICATION), "--seed", "1"]
        command += ["--url", self._sandbox.url, "--auth", f"{pair['public_key']}:{pair['secret_key']}"]
        # It would stop at the first failure of an operation, and count fewer cases.
        command += ["--max-examples", str(examples), "--continue-on-failure", *flags]
        return self._timed(command, folder)

    def whole(self, examples: int) -> tuple[Took, int]:
        """Suites and fuzzing of both APIs, as `run` does them; and the fewest cases that an operation got."""
        folder = self._new(0)
        paths = demo.profiles(self._sandbox.url, folder, os.environ)
        words = ["run", *map(str, paths), "--fuzz-examples", str(examples), "--quiet"]
        took = self._timed([sys.executable, "-m", "conformance", *words], folder)
        records = [json.loads(path.read_text()) for path in folder.glob("reports/*-*/run.json")]
        reached = [one for record in records for one in record["fuzz"]["operations"].values()]
        return took, min(sum(one["statuses"].values()) for one in reached)

    def _new(self, latency_ms: int) -> Path:
        self._sandbox.post(
            "/_control", {"defects": [], "variants": {"latency_ms": latency_ms}, "reset": True}
        )
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder

    def _timed(self, command: list[str], folder: Path) -> Took:
        before, used, clock = self._requests(), _cpu(), time.perf_counter()
        run(command, cwd=folder, env=environment(), stdout=DEVNULL, stderr=DEVNULL, check=False)
        wall, cpu = time.perf_counter() - clock, _cpu() - used
        return Took(wall, cpu, self._requests() - before)

    def _requests(self) -> int:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self._sandbox.url}/_control/auth-log") as answer:
            log = json.load(answer)
        return sum(log[api]["accepted"] + log[api]["failed"] for api in ("withdraws", "payout-intents"))


GENERATED = """
import sys
from conformance.fuzz.generate.stream import Generator
generator = Generator(sys.argv[1], 1, int(sys.argv[2]), int(sys.argv[3]))
for _ in generator.cases(): pass
generator.close()
"""


def generation(examples: int, times: int = 3) -> None:
    """Prints what processes (`multiprocessing`) save where requests are generated, and what they cost."""
    best = {count: (float("inf"), float("inf")) for count in (0, 2)}
    for _ in range(times):
        for count, (wall, cpu) in best.items():
            words = [sys.executable, "-c", GENERATED, API, str(examples), str(count)]
            used, clock = _cpu(), time.perf_counter()
            run(words, env=environment(), cwd=ROOT, check=True)
            best[count] = (min(wall, time.perf_counter() - clock), min(cpu, _cpu() - used))
    (alone, alone_cpu), (forked, forked_cpu) = best[0], best[2]
    print(
        f"generating {examples} examples in 2 processes / in this one: {forked / alone:.2f} of its time, "
        f"{forked_cpu / alone_cpu:.2f} of its CPU"
    )


def main(examples: int = 500, slow_examples: int = 30) -> None:
    """Everything, a line for each run and one for each ratio."""
    generation(examples)
    sandbox = SandboxProcess()
    try:
        with tempfile.TemporaryDirectory() as name:
            bench = Bench(sandbox, Path(name))
            _fast(bench, examples)
            _slow(bench, slow_examples)
            for number in (examples, examples // 3):
                both, fewest = bench.whole(number)
                print(f"suites and fuzzing of both APIs, {number} examples: {both}")
                print(f"  no operation got fewer than {fewest} cases (goal: 500 each in under 10 s)")
    finally:
        sandbox.close()


def _fast(bench: Bench, examples: int) -> None:
    print(f"no latency, {examples} examples per operation:")
    ours = bench.ours(examples)
    stock = bench.theirs(examples)
    best = bench.theirs(examples, *BEST, database=False)
    for label, took in (("ours", ours), ("st run", stock), ("st run at its best", best)):
        print(f"  {label}: {took}")
    _ratio("st run", ours, stock, 3)
    _ratio("st run at its best", ours, best, 1.6)


def _slow(bench: Bench, examples: int) -> None:
    print(f"50 ms of latency, {examples} examples per operation:")
    ours, alone = bench.ours(examples, 8, 50), bench.ours(examples, 1, 50)
    one = bench.theirs(examples, "--workers", "1", latency_ms=50)
    eight = bench.theirs(examples, *BEST[:2], "--workers", "8", "--no-shrink", latency_ms=50, database=False)
    for label, took in (
        ("ours, 8 at once", ours),
        ("ours, 1 at once", alone),
        ("st run --workers 1", one),
        ("st run --workers 8, at its best", eight),
    ):
        print(f"  {label}: {took}")
    _ratio("ours, 1 at once", ours, alone, 6)
    _ratio("st run --workers 1", ours, one, 6)
    _ratio("st run --workers 8, at its best", ours, eight, 1)


def _ratio(label: str, ours: Took, other: Took, goal: float) -> None:
    print(
        f"  ours / {label}: {ours.rate / other.rate:.1f} of its cases per second (goal: {goal:g}), "
        f"{ours.wall / other.wall:.2f} of its time, "
        f"{ours.cpu / ours.cases / (other.cpu / other.cases):.2f} of its CPU per case"
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
