"""Whether honest servers stand the fuzzing: `python -m tests.proof.fuzzed [--seeds N] [--whole] [API]...`

Every variant of the sandbox is fuzzed, once per seed; with `--whole`, the suites run with it, as `run` does. Prints
what warns, and ends with 1 if anything failed, or warned that the variant doesn't excuse.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance import catalogue, demo
from conformance.fuzz.run import Order, run
from conformance.profile import load
from tests.fuzz.support import result
from tests.support import CREDENTIAL_ENV, SandboxProcess

from .prove import adapted, control
from .variants import VARIANTS, excused


def fuzzed(path: Path, folder: Path, examples: int, seed: int) -> dict[str, set[str]]:
    """The rows by the outcome of a check of theirs, for those that didn't pass."""
    found = result(folder, run(load(path, CREDENTIAL_ENV), folder, Order(examples, seed)))
    told: dict[str, set[str]] = {}
    for check in found.checks.values():
        if check["outcome"] != "passed":
            told.setdefault(check["outcome"], set()).update(check["requirements"])
    return told


def whole(path: Path, folder: Path, examples: int, seed: int) -> dict[str, set[str]]:
    """As `fuzzed`, of a whole run."""
    words = ["run", str(path), "--output", str(folder), "--fuzz-examples", str(examples), "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "conformance", *words, "--watch", "0"],
        env={**os.environ, **CREDENTIAL_ENV},
        capture_output=True,
        text=True,
        check=False,
    )
    if not (folder / "latest" / "run.json").exists():
        return {f"exit {done.returncode}: {done.stderr[-300:]}": set()}
    told: dict[str, set[str]] = {}
    for row in json.loads((folder / "latest" / "run.json").read_text())["requirements"]:
        if row["outcome"] not in ("passed", "not_applicable"):
            told.setdefault(row["outcome"], set()).add(row["id"])
    return told


def unfair(api: str, variant: Mapping[str, Any], told: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """What of `told` the variant doesn't excuse. Short of resources, states may be missing."""
    allowed = excused(api, dict(variant)) if variant else set()
    short = {"not_testable"} if variant.get("budget") else set()
    left = {outcome: rows - (allowed if outcome == "warned" else set()) for outcome, rows in told.items()}
    return {outcome: sorted(rows) for outcome, rows in left.items() if rows and outcome not in short}


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("apis", nargs="*")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--whole", action="store_true")
    chosen = parser.parse_args()
    judge = whole if chosen.whole else fuzzed
    bad, clock, number = 0, time.monotonic(), 0
    sandbox = SandboxProcess()
    try:
        for api in chosen.apis or catalogue.apis():
            for variant in [{}, *VARIANTS[api]]:
                for seed in range(1, chosen.seeds + 1):
                    with tempfile.TemporaryDirectory() as name:
                        control(sandbox.url, [], variant)
                        path = adapted(demo.profiles(sandbox.url, Path(name), os.environ), api, variant)
                        told = judge(path, Path(name) / "run", chosen.examples, seed)
                    wrong = unfair(api, variant, told)
                    bad, number = bad + bool(wrong), number + 1
                    rows = {outcome: sorted(some) for outcome, some in told.items()}
                    sys.stdout.write(
                        f"{'WRONG' if wrong else 'ok'} | {api} | {variant} | {seed} | {wrong or rows}\n"
                    )
                    sys.stdout.flush()
    finally:
        sandbox.close()
    sys.stdout.write(f"\n{number} runs in {time.monotonic() - clock:.0f} s: {bad or 'none'} accused\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
