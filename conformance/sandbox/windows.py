"""Windows between two steps that should have been one, held open until somebody has come through them.

A race that rests on a pause of so many milliseconds is won or lost by luck: on a busy machine the others come later.
Here whoever opens a window waits until the others are in. Nobody knows beforehand whether others will come, so it
gives up after a while; that while is counted in turns of the event loop as well as in time, because on a machine that
is short of time the turns take longer, as the others do.
"""

import asyncio
from collections.abc import Hashable
from contextlib import suppress
from typing import Any

from conformance.sandbox.messages import Request

TURNS = 100
TURN_S = 0.003
"""A request that nobody comes beside takes `TURNS` of these longer, at least."""


class Window:
    """One window per subject (a resource, a key, a caller), each open while somebody holds it."""

    def __init__(self) -> None:
        self._held: dict[Hashable, list[asyncio.Event]] = {}

    async def hold(self, subject: Hashable) -> bool:
        """Waits until another request `comes` for the subject; False after a timeout."""
        came = asyncio.Event()
        self._held.setdefault(subject, []).append(came)
        try:
            for _ in range(TURNS):
                with suppress(TimeoutError):
                    await asyncio.wait_for(came.wait(), TURN_S)
                    return True
            return False
        finally:
            if not came.is_set():
                self._held[subject].remove(came)

    def comes(self, *subjects: Hashable) -> bool:
        """Releases every request that holds one of the subjects; returns whether there was one."""
        waiting = [came for subject in subjects for came in self._held.pop(subject, ())]
        for came in waiting:
            came.set()
        return bool(waiting)

    async def meet(self, subject: Hashable) -> bool:
        """Come for the subject, or else hold it: of two who meet, the second goes on first. Whether two met."""
        return self.comes(subject) or await self.hold(subject)

    async def meet_others(self, own: Hashable) -> bool:
        """Come for all subjects but one's own, or else hold that one: returns whether two met, as `meet` does."""
        return self.comes(*(self._held.keys() - {own})) or await self.hold(own)


async def hangs_up(request: Request, turns: int = 4) -> bool:
    """Whether the caller of a request is gone, or goes within so many turns of the event loop, of 5 ms at least."""
    for _ in range(turns):
        if request.gone():
            return True
        await asyncio.sleep(0.005)
    return False


class LeavesAWindow:
    """The part of a defect that needs a window for its race."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.window = Window()
