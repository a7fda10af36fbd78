"""Results that forked workers have in common: one of them makes each, the others take it."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.common_results import CommonResults
from tests.support import READ_PATH, SandboxProcess, certify, record, write_profile
from tests.takes_table import TERMINAL

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs files in memory")


@pytest.fixture
def results() -> CommonResults:
    """An empty one."""
    found = CommonResults.opened()
    assert found is not None
    return found


def in_a_fork(do: Callable[[], bool]) -> None:
    """Runs a function in another process; it has to return True there."""
    child = os.fork()
    if child == 0:
        os._exit(0 if do() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def never() -> str:
    """Fails: nobody should make this again."""
    raise AssertionError("made twice")


def test_what_one_process_made_another_takes(results: CommonResults) -> None:
    """In both directions, by the value of the key; what `keep` refuses is made by each."""
    assert results.once(("a", 1), lambda: "mine") == "mine"
    assert results.once("refused", lambda: "own", lambda _: False) == "own"

    def other() -> bool:
        took = results.once(("a", 1), never) == "mine"
        made = results.once("b", lambda: ["theirs"]) == ["theirs"]
        return took and made and results.once("refused", lambda: "another") == "another"

    in_a_fork(other)
    assert results.once("b", never) == ["theirs"]


def test_a_process_that_comes_later_waits(results: CommonResults) -> None:
    """While one makes a result, nobody else makes it; others are made meanwhile."""
    begun, go = os.pipe(), os.pipe()

    def slowly() -> str:
        os.write(begun[1], b".")
        os.read(go[0], 1)
        return "slow"

    child = os.fork()
    if child == 0:
        results.once("slow", slowly)
        os._exit(0)
    os.read(begun[0], 1)
    assert results.once("quick", lambda: "quick") == "quick"
    threading.Timer(0.05, os.write, (go[1], b".")).start()
    assert results.once("slow", never) == "slow"
    os.waitpid(child, 0)


def test_the_maker_that_failed_leaves_it_to_the_next(results: CommonResults) -> None:
    """A fault is the maker's own, and so is a process that ended."""

    def fails() -> str:
        raise KeyError("no such resource")

    with pytest.raises(KeyError):
        results.once("a", fails)
    child = os.fork()
    if child == 0:
        results.once("a", lambda: os._exit(3))
    os.waitpid(child, 0)
    assert results.once("a", lambda: "made") == "made"


def test_bound_objects_are_each_process_own(results: CommonResults) -> None:
    """An object of the session stands for the same one of the other process; what can't be written isn't shared."""
    mine: list[str] = ["mine"]
    results.bind("recorder", mine)
    assert results.once("a", lambda: {"recorder": mine})["recorder"] is mine
    assert results.once("lock", threading.Lock) is not results.once("lock", threading.Lock)

    def other() -> bool:
        theirs: list[str] = []
        results.bind("recorder", theirs)
        return results.once("a", dict)["recorder"] is theirs

    in_a_fork(other)


def test_a_value_is_carried_to_others(results: CommonResults) -> None:
    """The first value of a key stays."""
    in_a_fork(lambda: results.put("why", "first") is None)
    results.put("why", "second")
    assert results.get("why") == "first"
    assert results.get("other") is None


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_workers_take_little_more_than_one(bendable: SandboxProcess, tmp_path: Path, api: str) -> None:
    """Evidence that checks share is made once, however many processes run them."""
    bendable.bend()
    taken = {}
    for workers in ("1", "4"):
        folder = tmp_path / workers
        folder.mkdir()
        states = (
            f"sandbox = true\n{READ_PATH}"
            if api == "withdraws"
            else f"sandbox = true\nterminal = {json.dumps(TERMINAL)}"
        )
        profile = write_profile(folder, api, bendable.url, states=states)
        done = certify(profile, "-n", workers, "--watch", "0")
        failed = [one for one in record(folder)["checks"] if one["outcome"] == "failed"]
        assert done.returncode == 0, failed or done.stderr
        first = "pending" if api == "withdraws" else "requires_approval"
        named = {
            name
            for check in record(folder)["checks"]
            for name, kind in (check.get("resources") or {}).items()
            if kind == first
        }
        taken[workers] = len(named)
    assert taken["4"] <= taken["1"] + 5, taken
