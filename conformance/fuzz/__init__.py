"""Fuzzing: generated requests, sent to real resources, judged by what the documents say.

It runs as a process of its own beside the hand-written suites and leaves two files in the run's folder:
`journal/fuzz.ndjson` (its checks) and `fuzz.json` (what it sent and reached). What is specific to an API is data in
its specification and in the module that its contract names (`Contract.fuzzing`).

The rooms: `generate` makes requests, `execute` sends them, `oracle` judges the answers, `stateful` describes sequences;
`findings` collects results, `corpus` and `replay` keep failing examples and send them again.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from conformance import apart
from conformance.fuzz.fuzz_contract import checks, selected
from conformance.fuzz.state_order import DEFAULT as EXAMPLES


def check_ids(api: str) -> dict[str, tuple[str, ...]]:
    """Returns every check that fuzzing an API may leave in a journal, with the requirements that it speaks of.

    A run leaves out those that nothing put to the test (`idle_checks` in `fuzz.json`), and those of a capability
    that the profile declares otherwise.
    """
    return {check.id: check.requirements for check in checks(api)}


def start(
    profile: Path,
    run: Path,
    *,
    seed: int,
    examples: int = EXAMPLES,
    requirements: Sequence[str] = (),
    only: Sequence[str] = (),
    budget_s: float | None = None,
    allow_live: bool = False,
) -> "subprocess.Popen[bytes]":
    """Starts fuzzing as a process of its own, with this one's environment, apart from the current folder.

    `only` are ids of checks; empty means all. It ends with 0 when it worked, whatever it found, with 2 for a profile
    that can't be used, and with 4 for a fault of the harness; the last line on stderr then says which. SIGTERM ends it
    early, keeping what it found.
    """
    command = [*apart.python("conformance.fuzz"), "--profile", str(profile), "--run", str(run)]
    command += ["--seed", str(seed), "--examples", str(examples), "--parent", str(os.getpid())]
    for one in requirements:
        command += ["--requirement", one]
    for one in only:
        command += ["--check", one]
    if budget_s is not None:
        command += ["--budget-s", str(budget_s)]
    if allow_live:
        command.append("--allow-live")
    return subprocess.Popen(
        command,
        env=apart.environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


__all__ = ["EXAMPLES", "check_ids", "checks", "selected", "start"]
