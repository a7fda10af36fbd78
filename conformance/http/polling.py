"""Polls a target until an answer shows a change: a replica that is read from may lag behind a write."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Seen = TypeVar("Seen")

# How long a read may lag behind the change that it is to show, in seconds.
_LAG_S = 2.0
# After a timeout, later polls last so long.
_BRIEF_S = 0.1
# The first pause between two requests; each is twice as long as the one before, up to the longest.
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25


class Polling:
    """Polls up to `seconds`, 2 unless told otherwise; after the first timeout only 0.1 s."""

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float = _LAG_S) -> None:
        self._seconds = seconds

    def until(self, ask: Callable[[], Seen], good: Callable[[Seen], bool], first: Seen | None = None) -> Seen:
        """Returns the first good answer, or the last one before the timeout; `first` is an answer that came already."""
        deadline = time.monotonic() + self._seconds
        pause = _FIRST_PAUSE_S
        seen = ask() if first is None else first
        while not good(seen):
            if time.monotonic() + pause > deadline:
                self._seconds = _BRIEF_S
                break
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            seen = ask()
        return seen

    def dissent(self, ask_all: Callable[[], Sequence[Seen]], good: Callable[[Seen], bool]) -> Seen | None:
        """Returns one of several answers that still isn't good at the timeout; None as soon as all are."""
        deadline = time.monotonic() + self._seconds
        while (other := next((seen for seen in ask_all() if not good(seen)), None)) is not None:
            if time.monotonic() + _LONGEST_PAUSE_S > deadline:
                self._seconds = _BRIEF_S
                return other
            time.sleep(_LONGEST_PAUSE_S)
        return None
