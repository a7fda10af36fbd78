"""Places for requests in flight: shared by processes, here by two openings of the same files."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.errors import HarnessError
from conformance.http.slots import Slots
from tests.support import PATIENCE_S, eventually


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Slots, Slots]]:
    """Two slots objects as two processes have them: a lock of one keeps the other out."""
    made = Slots(tmp_path / "slots", 3), Slots(tmp_path / "slots", 3)
    yield made
    for one in made:
        one.close()


def started(work: "list[str]", said: str, slots: Slots, number: int) -> threading.Thread:
    """A thread that takes so many places, and says so."""

    def take() -> None:
        with slots.one() if number == 1 else slots.several(number):
            work.append(said)

    thread = threading.Thread(target=take)
    thread.start()
    return thread


@pytest.mark.parametrize("whose", [0, 1], ids=["of the same process", "of another process"])
def test_whoever_gathers_comes_first(two: tuple[Slots, Slots], whose: int) -> None:
    """A place that is free while a race waits for two more is the race's, however many others ask for one."""
    order: list[str] = []
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(two[0].one())
        race = started(order, "race", two[0], 3)
        eventually(lambda: two[0]._gathers)
        eventually(lambda: len(two[0]._held) == 3)
        others = [started(order, "one", two[whose], 1) for _ in range(3)]
        time.sleep(0.05)  # enough to go wrong; whoever comes later finds the same
        assert order == []
    for thread in (race, *others):
        thread.join(PATIENCE_S)

    assert order == ["race", "one", "one", "one"]


def test_two_races_gather_one_after_the_other(two: tuple[Slots, Slots]) -> None:
    """Two races gather one after the other, without waiting for each other's slots."""
    order: list[str] = []
    races = [started(order, "race", one, 2) for one in (*two, *two)]
    for thread in races:
        thread.join(PATIENCE_S)

    assert order == ["race"] * 4
    with two[0].several(3):
        assert order


def test_more_than_there_are_is_a_mistake_of_ours(two: tuple[Slots, Slots]) -> None:
    """A race with more requests than slots raises at once instead of waiting for ever."""
    with pytest.raises(HarnessError, match="limits.concurrency = 3"), two[0].several(4):
        raise AssertionError
