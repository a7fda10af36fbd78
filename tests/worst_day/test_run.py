"""Whole runs, fuzzing included, against targets that turn nasty on the way: bounded, named rightly, never a traceback.

The outcomes of a run are the checks' affair; what has to hold here is whom they blame.
`python -m tests.worst_day.whole` does the same with every row of the table.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import SandboxProcess
from tests.worst_day.table import DEEDS, Deed
from tests.worst_day.whole import GOOD, against, wrong

CHECKS = ("-k", "fuzz or unknown or race or malformed", "--fuzz-examples", "2", "-n", "2")
# One after the other, over and over: most of what can be wrong with an answer, and with its lack.
IN_TURN = [
    DEEDS[name]
    for name in (
        "resets it in the middle of the body",
        "trickles the body",
        "sends a body without end",
        "sends headers without end",
        "sends a gzip bomb",
        "announces less than it sends",
        "announces two lengths",
        "sends a chunk of no size",
        "sends invalid UTF-8",
        "nests 100 000 deep",
        "sends 1e400",
        "sends an integer of 100 000 digits",
        "sends a key twice",
        "sends NaN",
        "sends half a surrogate pair",
        "sends a megabyte of line ends",
        "shows a login page with 200",
        "redirects to itself for ever",
        "is a Redis server",
        "answers 503 for ever",
    )
]


def turns(number: int) -> Deed | None:
    """Each connection another misdeed, every fourth one none."""
    return None if number % 4 == 3 else IN_TURN[number % len(IN_TURN)]


@pytest.mark.parametrize(
    ("api", "words"),
    [("withdraws", CHECKS), ("payout-intents", (*CHECKS, "--no-fuzz"))],
    ids=["fuzzed", "not"],
)
def test_everything_in_turn(
    sandbox: SandboxProcess, tmp_path: Path, api: str, words: tuple[str, ...]
) -> None:
    """A target that does something else with each request: what is found wrong rests on answers."""
    found = against(sandbox, tmp_path, api, turns, *words, limits="timeout_s = 1")

    assert not wrong(found)
    assert found.code == 1, found.stderr
    outcomes = found.outcomes()
    assert outcomes["failed"] >= 1
    assert outcomes.get("error") or any("began again" in note for note in found.record["notes"])
    if api == "withdraws":
        kinds = {kind.split(" ")[0] for kind in found.record["fuzz"]["transport_errors"]}
        assert {"reset", "timeout", "protocol"} & kinds


@pytest.mark.parametrize(
    ("name", "bad", "code"),
    [
        (
            "resets every third",
            lambda number: DEEDS["resets it once it has the request"] if number % 3 == 2 else None,
            3,
        ),
        ("never answers again", lambda _: DEEDS["trickles the head"], 3),
        (
            "answers 429 for ever after",
            lambda _: DEEDS["answers 429 for ever, Retry-After: an hour"],
            3,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_answer_is_no_failure(
    sandbox: SandboxProcess, tmp_path: Path, name: str, bad: Callable[[int], Deed | None], code: int
) -> None:
    """Where the target answers well or not at all, nothing is held against it."""
    # A good answer is to come in time on a slow machine, too; the silent one takes all of it, each time.
    limits = f"timeout_s = {1 if name == 'never answers again' else 60}"
    words = ("-k", "malformed or unknown", "-n", "2") if name == "never answers again" else CHECKS
    # Some checks are over by then, however the run's workers came to share the good answers.
    good = 6 * GOOD if "429" in name else 3 * GOOD
    found = against(sandbox, tmp_path, "withdraws", bad, *words, "--no-fuzz", good_for=good, limits=limits)

    assert not wrong(found)
    assert found.code == code, found.stdout + found.stderr
    outcomes = found.outcomes()
    assert not outcomes.keys() & {"failed", "warned"}, name
    assert outcomes["error"] >= 1
    slowed = [note for note in found.record["notes"] if "slow down" in note]
    assert bool(slowed) is ("429" in name)
