"""Windows that races go through: held until somebody has come, and not for ever."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from conformance.sandbox import windows
from conformance.sandbox.windows import Window


def played(*steps: Callable[[Window, list[str]], Coroutine[Any, Any, None]]) -> list[str]:
    """The notes of the steps, started one after the other."""

    async def play() -> list[str]:
        window, noted = Window(), list[str]()
        await asyncio.gather(*(step(window, noted) for step in steps))
        return noted

    return asyncio.run(play())


def meets(name: str, subject: str) -> Callable[[Window, list[str]], Coroutine[Any, Any, None]]:
    """Notes that it is there, and afterwards whether it has met anybody."""

    async def step(window: Window, noted: list[str]) -> None:
        noted.append(f"{name} comes")
        noted.append(f"{name} {'meets' if await window.meet(subject) else 'is alone'}")

    return step


def test_of_two_who_meet_the_second_goes_on_first() -> None:
    """The second of two requests in a window goes on first, however little time has passed."""
    assert played(meets("one", "a"), meets("other", "a")) == [
        "one comes",
        "other comes",
        "other meets",
        "one meets",
    ]


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anybody met who came for something else."""
    monkeypatch.setattr(windows, "TURNS", 2)

    assert played(meets("one", "a"), meets("other", "b")) == [
        "one comes",
        "other comes",
        "one is alone",
        "other is alone",
    ]


def test_those_who_hold_the_same_are_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests of one caller wait for one of another."""

    def calls(own: str) -> Callable[[Window, list[str]], Coroutine[Any, Any, None]]:
        async def step(window: Window, noted: list[str]) -> None:
            noted.append(f"{own} {await window.meet_others(own)}")

        return step

    assert played(calls("a"), calls("a"), calls("b")) == ["b True", "a True", "a True"]
    monkeypatch.setattr(windows, "TURNS", 2)
    assert played(calls("a"), calls("a")) == ["a False", "a False"]


def test_a_window_that_was_given_up_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that comes after a window's timeout meets no other."""
    monkeypatch.setattr(windows, "TURNS", 1)

    async def play() -> bool:
        window = Window()
        await window.hold("a")
        return window.comes("a")

    assert not asyncio.run(play())
