"""Whether fuzzing finds the defects that only fuzzing finds: `python -m tests.proof.rare [--seeds N] [DEFECT]...`

Each is switched on by itself and fuzzed as by a default run, once per seed. Prints a table, and ends with 1 if one of
them wasn't found with one of the seeds by a check of a requirement that it breaks.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from conformance.fuzz import EXAMPLES
from conformance.sandbox import Defect, list_defects
from tests.fuzz.support import Result, fuzz
from tests.support import SandboxProcess

SEEDS = 5


def rare() -> list[Defect]:
    """The defects that hand-written checks can't be expected to find."""
    return [defect for defect in list_defects() if defect.needs == "fuzzing"]


def found(defect: Defect, sandbox: SandboxProcess, seed: int) -> Result:
    """A default run's fuzzing of a sandbox with this defect."""
    sandbox.bend(defect.id)
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(Path(folder), defect.api, sandbox.url, examples=EXAMPLES, seed=seed)


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("defects", nargs="*")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    chosen = parser.parse_args()
    seeds = range(1, chosen.seeds + 1)
    wanted = [defect for defect in rare() if not chosen.defects or defect.id in chosen.defects]
    missed, clock = 0, time.monotonic()
    sandbox = SandboxProcess()
    sys.stdout.write(
        f"| defect | {' | '.join(f'seed {seed}' for seed in seeds)} |\n|---|{'---|' * len(seeds)}\n"
    )
    try:
        for defect in wanted:
            cells = []
            for seed in seeds:
                result = found(defect, sandbox, seed)
                wrong = result.wrong
                requirement_ids = {
                    requirement_id for name in wrong for requirement_id in result.checks[name]["requirements"]
                }
                hit = bool(requirement_ids & set(defect.breaks))
                names = ", ".join(name.partition(".")[2] for name in wrong)
                cells.append(names if hit else f"MISSED {names}".strip())
                missed += not hit
            sys.stdout.write(f"| {defect.id} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    finally:
        sandbox.close()
    sys.stdout.write(
        f"\n{len(wanted)} defects, {len(seeds)} seeds each, in {time.monotonic() - clock:.0f} s: "
        f"{missed or 'none'} missed\n"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
