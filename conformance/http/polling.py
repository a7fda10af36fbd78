"""Waiting for what a read is to show: a copy that is read from may lag behind what was written."""

import time
from collections.abc import Callable, Sequence

from conformance.http.reply import Reply

# How long a read may lag behind the change that it is to show, in seconds.
_LAG_S = 2.0
# Between looking at all copies and looking at them again.
_PAUSE_S = 0.25
# How long it is waited for once that has been in vain.
_BRIEFLY_S = 0.1


class Polling:
    """Two seconds of it; waiting in vain so long is done once per worker."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds = _LAG_S

    def until(
        self, ask: Callable[[], Reply], good: Callable[[Reply], bool], reply: Reply | None = None
    ) -> Reply:
        """The first good answer, or the last one before the patience ended; `reply` is what came already."""
        deadline = time.monotonic() + self._seconds
        pause = 0.02
        if reply is None:
            reply = ask()
        while not good(reply):
            if time.monotonic() + pause > deadline:
                self._seconds = _BRIEFLY_S
                break
            time.sleep(pause)
            pause = min(2 * pause, 0.25)
            reply = ask()
        return reply

    def dissent(self, ask_all: Callable[[], Sequence[Reply]], good: Callable[[Reply], bool]) -> Reply | None:
        """One of several answers that still isn't good when the patience has ended; None once all of them are."""
        deadline = time.monotonic() + self._seconds
        while (other := next((reply for reply in ask_all() if not good(reply)), None)) is not None:
            if time.monotonic() + _PAUSE_S > deadline:
                self._seconds = _BRIEFLY_S
                return other
            time.sleep(_PAUSE_S)
        return None
