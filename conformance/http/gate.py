"""Limits that all workers of a run share: the request rate, the request budget, pauses, and unique timestamps.

The state is a few numbers in one file under an exclusive lock, so that it holds across processes and a killed
worker leaves nothing behind (the kernel drops its lock). How many requests are in flight is `slots`.
"""

import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeVar

from conformance.errors import BudgetError, TransportError
from conformance.http.slots import Slots

SET_A_LIMIT = "Set limits.requests_per_second in the profile to what the target allows."
_T = TypeVar("_T")
_DAY_S = 86_400.0
# After so many "slow down" in a row, however short their pauses, a target isn't going to answer.
_MOST_IN_A_ROW = 8
# A little less than the limit: a request that was held up would make one second too full.
_MARGIN = 1.02


class _State(NamedTuple):
    """Instants are ns since the epoch, lengths are ns; `tick` is the last timestamp given out, in ms."""

    free: int = 0  # when the next request may start, by the rate
    sent: int = 0
    tick: int = 0
    paused: int = 0  # no request is sent before this
    shut: int = 0  # requests before this fail at once, without waiting
    heard: int = 0  # when the present pause was asked for
    slowed: int = 0  # answers that asked to slow down
    row: int = 0  # of these, since the last other answer
    row_waited: int = 0
    waited: int = 0
    unavailable: int = 0  # requests that met a target which couldn't serve them then


_FORM = struct.Struct(f"<{len(_State())}Q")


class Gate:
    """Opened by every worker on the same file; the first one creates it.

    `requests_per_second` None means no limit. Raises BudgetError once `max_requests` were let
    through. `patience_s` is the longest that anybody waits for a target that asks to slow down, before one other
    answer comes; five times that is the longest in all.
    """

    def __init__(
        self,
        path: Path,
        *,
        requests_per_second: float | None,
        max_requests: int,
        concurrency: int = 8,
        patience_s: float = 60.0,
    ) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._interval_ns = int(1e9 / requests_per_second * _MARGIN) if requests_per_second else 0
        self._max_requests = max_requests
        self._patience_ns = int(patience_s * 1e9)
        self._slots = Slots(path.with_name(path.name + ".slots"), concurrency)
        # flock is per open file, so it doesn't keep the threads of one worker apart.
        self._lock = threading.Lock()
        self._in_a_row = False

    def pass_one(self) -> None:
        """Waits until one more request may be sent, and counts it.

        Raises BudgetError, or TransportError (`rate_limited`) while a pause lasts that is too long to be waited for.
        """
        wait, self._in_a_row = self._update(self._take)
        while wait > 0:
            time.sleep(wait)
            # The target may have asked meanwhile for a longer pause.
            wait = self._update(lambda state: ((state.paused - time.time_ns()) / 1e9, state))

    def seat(self) -> AbstractContextManager[object]:
        """Waits for one of the places for requests in flight, and holds it in the `with` block."""
        return self._slots.one()

    def seats(self, number: int) -> AbstractContextManager[object]:
        """Waits for several places at once. Raises HarnessError where there never will be so many."""
        return self._slots.several(number)

    def timestamp(self) -> str:
        """Returns milliseconds since the epoch, never the same twice in a run.

        Two requests with one timestamp and the same body carry one signature, and a target with a replay cache
        would be right to refuse the second.
        """
        return str(self._update(self._tick))

    def slow_down(self, asked_s: float | None, sent_at: float) -> None:
        """Notes a 429, or a 503 with Retry-After: no worker sends anything for as long as the target asked.

        Where it didn't say how long, the pause is twice as long each time.
        `sent_at` (seconds since the epoch) is when it was asked: what several requests hear at once is one pause.
        """
        self._in_a_row = True
        self._update(lambda state: (None, self._heard(state, asked_s, int(sent_at * 1e9))))

    def unavailable(self) -> None:
        """Counts a request that was answered by 502, 503 or 504, or lost, and may be sent again."""
        self._update(lambda state: (None, state._replace(unavailable=state.unavailable + 1)))

    def went_well(self) -> None:
        """Notes an answer that didn't ask to slow down."""
        if self._in_a_row:
            self._in_a_row = False
            self._update(lambda state: (None, state._replace(row=0, row_waited=0)))

    def slowed(self) -> tuple[int, float]:
        """Returns how often the target asked to slow down so far, and the seconds of pause in all."""
        return self._update(lambda state: ((state.slowed, state.waited / 1e9), state))

    def sent(self) -> int:
        """Returns the number of requests that were let through so far."""
        return self._update(lambda state: (state.sent, state))

    def close(self) -> None:
        """Closes the files."""
        os.close(self._file)
        self._slots.close()

    def _take(self, state: _State) -> tuple[tuple[float, bool], _State]:
        if state.sent >= self._max_requests:
            raise BudgetError(
                f"the run's budget of {self._max_requests} requests is used up",
                hint="Raise limits.max_requests in the profile.",
            )
        now = time.time_ns()
        if state.shut > now:
            raise TransportError(
                "rate_limited",
                f"not sent: the target asked to slow down {_times(state.slowed)} (429, or 503 with Retry-After), "
                f"and wants a pause of {(state.shut - now) / 1e9:.0f} s more",
                hint=SET_A_LIMIT,
            )
        # Without a rate limit no request waits, but a pause that the target asked for is kept.
        start = max(now, state.free, state.paused)
        following = start + self._interval_ns if self._interval_ns else state.free
        return ((start - now) / 1e9, state.row > 0), state._replace(free=following, sent=state.sent + 1)

    def _heard(self, state: _State, asked_s: float | None, sent_at: int) -> _State:
        now = time.time_ns()
        known = sent_at < state.heard
        row = state.row if known else state.row + 1
        if asked_s is None:
            pause = 0.0 if known else 0.5 * 2 ** (row - 1)
        else:
            # A target that says "at once" eight times in a row doesn't mean it.
            pause = min(max(asked_s, 0.05 * 2 ** (row - 1)), _DAY_S)
        until = max(state.paused, now + int(pause * 1e9))
        more = until - max(now, state.paused)
        state = state._replace(
            slowed=state.slowed + 1, row=row, heard=state.heard if known and not more else now
        )
        if (
            state.row_waited + more > self._patience_ns
            or state.waited + more > 5 * self._patience_ns
            or row > _MOST_IN_A_ROW
        ):
            return state._replace(shut=max(state.shut, until, now + self._patience_ns))
        return state._replace(paused=until, row_waited=state.row_waited + more, waited=state.waited + more)

    @staticmethod
    def _tick(state: _State) -> tuple[int, _State]:
        tick = max(time.time_ns() // 1_000_000, state.tick + 1)
        return tick, state._replace(tick=tick)

    def _update(self, change: Callable[[_State], tuple[_T, _State]]) -> _T:
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                state = _read(os.pread(self._file, _FORM.size, 0))
                answer, changed = change(state)
                if changed is not state:
                    os.pwrite(self._file, _FORM.pack(*changed), 0)
                return answer
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)


def slow_downs(path: Path, whose: str = "target") -> str | None:
    """Returns sentences on how often `whose` (a noun) asked to slow down or was unavailable, None where never."""
    try:
        state = _read(path.read_bytes())
    except OSError:
        return None
    said = []
    if state.slowed:
        gave_up = "; in the end it was given up on" if state.shut else ""
        said.append(
            f"The {whose} asked to slow down {_times(state.slowed)} (429 or Retry-After): the run waited "
            f"{state.waited / 1e9:.1f} s for it{gave_up}."
        )
    if state.unavailable:
        said.append(
            f"The {whose} was unavailable {_times(state.unavailable)} (502, 503, 504, no connection)."
        )
    return " ".join([*said, "No requirement is judged by such an answer."]) if said else None


def _read(raw: bytes) -> _State:
    return _State(*_FORM.unpack(raw)) if len(raw) == _FORM.size else _State()


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
