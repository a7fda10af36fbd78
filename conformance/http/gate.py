"""What all workers of a run share: the request rate, the request budget, and timestamps that nobody else uses.

The state is a few numbers in one file under an exclusive lock, so that it holds across processes and a killed
worker leaves nothing behind (the kernel drops its lock).
"""

import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from conformance.errors import BudgetError

_STATE = struct.Struct("<QQQ")
_T = TypeVar("_T")
# When the next request may start (ns since the epoch), how many were sent, the last timestamp given out (ms).
_State = tuple[int, int, int]


class Gate:
    """Opened by every worker on the same file; the first one creates it.

    `requests_per_second` None means no limit. Raises BudgetError once `max_requests` were let through.
    """

    def __init__(self, path: Path, *, requests_per_second: float | None, max_requests: int) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._interval_ns = int(1e9 / requests_per_second) if requests_per_second else 0
        self._max_requests = max_requests
        # flock is per open file, so it doesn't keep the threads of one worker apart.
        self._lock = threading.Lock()

    def pass_one(self) -> None:
        """Waits until one more request may be sent, and counts it."""
        wait = self._update(self._take)
        if wait > 0:
            time.sleep(wait)

    def timestamp(self) -> str:
        """Milliseconds since the epoch, never the same twice in a run.

        Two requests with one timestamp and the same body carry one signature, and a target with a replay cache
        would be right to refuse the second.
        """
        return str(self._update(self._tick))

    def hold(self, seconds: float) -> None:
        """Nobody sends anything for so long: the target asked for it (429, Retry-After)."""
        until = time.time_ns() + int(seconds * 1e9)
        self._update(lambda free, sent, tick: (0, (max(free, until), sent, tick)))

    def sent(self) -> int:
        """How many requests were let through so far."""
        return self._update(lambda free, sent, tick: (sent, (free, sent, tick)))

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._file)

    def _take(self, free: int, sent: int, tick: int) -> tuple[float, _State]:
        if sent >= self._max_requests:
            raise BudgetError(
                f"the run's budget of {self._max_requests} requests is used up",
                hint="Raise limits.max_requests in the profile.",
            )
        now = time.time_ns()
        start = max(now, free)
        # Without a rate limit nobody waits, but a pause that the target asked for is kept.
        following = start + self._interval_ns if self._interval_ns else free
        return (start - now) / 1e9, (following, sent + 1, tick)

    @staticmethod
    def _tick(free: int, sent: int, tick: int) -> tuple[int, _State]:
        tick = max(time.time_ns() // 1_000_000, tick + 1)
        return tick, (free, sent, tick)

    def _update(self, change: Callable[[int, int, int], tuple[_T, _State]]) -> _T:
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                raw = os.pread(self._file, _STATE.size, 0)
                free, sent, tick = _STATE.unpack(raw) if len(raw) == _STATE.size else (0, 0, 0)
                answer, state = change(free, sent, tick)
                os.pwrite(self._file, _STATE.pack(*state), 0)
                return answer
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
