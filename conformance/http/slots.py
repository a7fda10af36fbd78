"""Limits the number of requests in flight, over all processes and threads of a run.

One empty file per place, locked while a request is under way: the kernel unlocks what a killed worker held.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.errors import HarnessError

# Polling interval: a process gets no event when another one returns a slot.
_LOOK_AGAIN_S = 0.002
_GATHERING = "gathering"


class Slots:
    """`limit` places; `folder` is shared by the processes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._files: dict[str, int] = {}
        # Of this process: a lock belongs to an open file, so it doesn't keep threads apart.
        self._held: set[int] = set()
        self._changed = threading.Condition()
        self._gathering = threading.Lock()
        self._gathers = False
        folder.mkdir(exist_ok=True)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a place, and keeps it for the length of the block."""
        place = self._take(self._lock_in_turn)
        try:
            yield
        finally:
            self._give(place)

    @contextmanager
    def several(self, number: int) -> Iterator[None]:
        """Waits for so many places, and keeps them for the length of the block.

        Only one caller at a time gathers, over all processes: two with half of their places would wait for ever.
        Meanwhile no other caller takes a place, or the gathered ones would stand empty for long.
        Raises HarnessError where `number` is more than there are.
        """
        if number > self._limit:
            raise HarnessError(f"{number} requests at once are more than limits.concurrency = {self._limit}")
        places: list[int] = []
        try:
            with self._gathering:
                with self._changed:
                    self._gathers = True
                    gathering = self._file(_GATHERING)
                try:
                    fcntl.flock(gathering, fcntl.LOCK_EX)
                    while len(places) < number:
                        places.append(self._take(self._lock))
                finally:
                    fcntl.flock(gathering, fcntl.LOCK_UN)
                    with self._changed:
                        self._gathers = False
            yield
        finally:
            for place in places:
                self._give(place)

    def close(self) -> None:
        """Closes the files, and so gives back every place that is still held."""
        with self._changed:
            files, self._files = self._files, {}
            for file in files.values():
                os.close(file)

    def _take(self, lock: Callable[[int], bool]) -> int:
        with self._changed:
            while True:
                for place in range(self._limit):
                    if place not in self._held and lock(place):
                        self._held.add(place)
                        return place
                self._changed.wait(_LOOK_AGAIN_S)

    def _give(self, place: int) -> None:
        with self._changed:
            self._held.discard(place)
            if str(place) in self._files:
                fcntl.flock(self._files[str(place)], fcntl.LOCK_UN)
            self._changed.notify()

    def _lock_in_turn(self, place: int) -> bool:
        """Locks a place unless a caller gathers several; the flag tells within a process, whose threads share locks."""
        if self._gathers:
            return False
        gathering = self._file(_GATHERING)
        try:
            fcntl.flock(gathering, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            return self._lock(place)
        finally:
            fcntl.flock(gathering, fcntl.LOCK_UN)

    def _lock(self, place: int) -> bool:
        try:
            fcntl.flock(self._file(str(place)), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _file(self, name: str) -> int:
        # On first use: most runs never have as many requests in flight as they may.
        if name not in self._files:
            self._files[name] = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        return self._files[name]
