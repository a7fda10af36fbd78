"""Whole runs, fuzzing included, against targets that turn nasty on the way: bounded, named rightly, never a traceback.

The outcomes of a run are the checks' affair; what has to hold here is whom they blame.
`python -m tests.worst_day.whole` does the same with every row of the table.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.sandbox import CREDENTIALS
from tests.support import SandboxProcess
from tests.worst_day.faults import ENVELOPE, Fault, answer, says, says_and_ends
from tests.worst_day.table import CASES, Case
from tests.worst_day.whole import GOOD, against, nobodys, wrong

CHECKS = ("-k", "fuzz or unknown or race or malformed or odd_id", "--fuzz-examples", "2", "-n", "2")
# One after the other, over and over: most of what can be wrong with an answer, and with its lack.
IN_TURN = [
    CASES[name]
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


KEYS = [pair["api_key"].encode() for pair in CREDENTIALS["withdraws"].values()]
LOST = says_and_ends(answer()[:-20])
GRANTED, CRASHED = says(answer(status="200 OK")), says(answer(ENVELOPE, "500 Oops"))


def turns(number: int) -> Case | None:
    """Each connection another fault, every fourth one none."""
    return None if number % 4 == 3 else IN_TURN[(number - number // 4) % len(IN_TURN)]


def to_strangers(request: bytes) -> Fault | None:
    """Treats a request for what it says, since chance decides which connection brings it: no answer, a 200, or a 500.

    A key that is a wildcard gets 200. No key, or another that is nobody's, gets no answer: checks send them, and the
    fuzzing of every run. So does an id of braces; another that is none gets 500.
    """
    path = request.split(b" ", 2)[1]
    if path.startswith(b"/api/v1/withdraws"):
        if any(key in request for key in KEYS):
            return CRASHED if b"/undefined/" in path else None
        return GRANTED if b"\r\nX-API-Key: %\r\n" in request else LOST
    if b"7*7" in path:
        return LOST
    return CRASHED if path.startswith(b"/payout_intents/-1") else None


def lost_for_strangers(request: bytes) -> Fault | None:
    """No answer for a key that is nobody's: each check of such a key, however its requests are counted, gets none."""
    return None if any(key in request for key in KEYS) else LOST


@pytest.mark.parametrize(
    ("api", "words"),
    [("withdraws", CHECKS), ("payout-intents", (*CHECKS, "--no-fuzz"))],
    ids=["fuzzed", "not"],
)
def test_everything_in_turn(
    sandbox: SandboxProcess, tmp_path: Path, api: str, words: tuple[str, ...]
) -> None:
    """A target that does something else with each request: what is found wrong rests on answers."""
    found = against(sandbox, tmp_path, api, turns, *words, limits="timeout_s = 1", whose=to_strangers)

    assert not wrong(found)
    outcomes = {check["id"]: check["outcome"] for check in found.record["checks"]}
    if api == "withdraws":
        assert found.code == 1, found.stderr
        assert outcomes["auth::unknown_key_is_refused[wildcard_as_key]"] == "failed"
        assert outcomes["auth::unknown_key_is_refused[unknown_key]"] == "error"
        assert outcomes["not_found::malformed_id_is_refused[undefined]"] == "warned"
        assert any(kind.startswith("protocol") for kind in found.record["fuzz"]["transport_errors"])
    else:
        # An intent is read before it is used, by the same target: what that costs is a matter of chance.
        assert found.code in (1, 3), found.stderr
        assert outcomes["http::odd_id_shows_no_insides[%7B%7B7*7%7D%7D]"] == "error"
        assert outcomes["not_found::malformed_id_is_turned_down[a_number-read]"] == "warned"


@pytest.mark.parametrize(
    ("name", "bad", "code"),
    [
        (
            "resets every third",
            lambda number: CASES["resets it once it has the request"] if number % 3 == 2 else None,
            3,
        ),
        ("never answers again", lambda _: CASES["trickles the head"], 3),
        (
            "answers 429 for ever after",
            lambda _: CASES["answers 429 for ever, Retry-After: an hour"],
            3,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_answer_is_no_failure(
    sandbox: SandboxProcess, tmp_path: Path, name: str, bad: Callable[[int], Case | None], code: int
) -> None:
    """Where the target answers well or not at all, nothing is held against it."""
    # A good answer is to come in time on a slow machine, too; the silent one takes all of it, each time.
    limits = f"timeout_s = {1 if name == 'never answers again' else 60}"
    words = ("-k", "malformed or unknown", "-n", "2") if name == "never answers again" else CHECKS
    # Some checks are over by then, however the run's workers came to share the good answers.
    good = {"resets every third": GOOD, "never answers again": 3 * GOOD}.get(name, 6 * GOOD)
    whose = lost_for_strangers if name == "resets every third" else nobodys
    found = against(
        sandbox, tmp_path, "withdraws", bad, *words, "--no-fuzz", good_for=good, limits=limits, whose=whose
    )

    assert not wrong(found)
    assert found.code == code, found.stdout + found.stderr
    outcomes = found.outcomes()
    assert not outcomes.keys() & {"failed", "warned"}, name
    assert outcomes["error"] >= 1
    slowed = [note for note in found.record["notes"] if "slow down" in note]
    assert bool(slowed) is ("429" in name)
