"""Runs checks in several processes, forked once everything is imported and collected.

Why not pytest-xdist: a fork takes milliseconds, where each new interpreter of xdist imports and collects for half a
second; and batches keep checks that share evidence in one worker. Every worker takes the next free batch; nothing but
the order differs from a run in one process.
"""

import gc
import math
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn, Protocol

import pytest

from conformance.common_results import CommonResults
from conformance.items import cancels, needs_whole_run, runs_last, watches
from conformance.order import is_first
from conformance.plugin import RUN

_INDEX = struct.Struct("<H")
# The bytes that a pipe holds before it is read (Linux; POSIX asks for less, but forks are for Linux).
_PIPE = 65_536
_INTERRUPTED = 130
# Up to so many workers, for a target nearby, evidence that is gathered twice costs more than an uneven end.
_FEW = 4


class Counter(Protocol):
    """The pytest plugin that counts finished checks, in the parent process; workers report theirs through a pipe."""

    def one_more(self) -> None:
        """Counts a finished check."""


class ForkedWorkers:
    """A pytest plugin that runs the session's items in `workers` processes. The parent calls `meanwhile`, and counts.

    Workers end by themselves when the parent is gone, however it ended.
    """

    def __init__(
        self, workers: int, counter: Counter, timeout_s: float, meanwhile: Callable[[], object]
    ) -> None:
        self._workers, self._counter, self._meanwhile = workers, counter, meanwhile
        # A worker that was told to end may first wait for an answer, and return its resources.
        self._grace_s = 2 * timeout_s + 5.0
        self._children: list[int] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Replaces pytest's own loop; returns None, which runs that loop, for a single worker."""
        workers = min(self._workers, len(session.items))
        work = batches(session.items, workers)
        if session.testsfailed or workers < 2 or len(work) * _INDEX.size > _PIPE:
            return None
        turns, tell = _filled(len(work)), os.pipe()
        alive = os.pipe()
        session.config.stash[RUN].prepare(CommonResults.opened())
        gc.freeze()
        for number in range(workers):
            child = os.fork()
            if child == 0:
                os.close(alive[1])
                os.close(tell[0])
                session.config.pluginmanager.unregister(self._counter)
                _Worker(session, work, number, (turns, tell[1], alive[0])).work()
            self._children.append(child)
        for one in (turns, tell[1], alive[0]):
            os.close(one)
        try:
            with signals_blocked():
                self._meanwhile()
            said = self._listen(tell[0])
        except KeyboardInterrupt:
            self._end()
            raise
        finally:
            gc.unfreeze()
            os.close(tell[0])
            os.close(alive[1])
        self._wait(said)
        return True

    def _listen(self, pipe: int) -> str:
        """Counts finished checks until every worker has closed the pipe; returns the error of a worker, if any."""
        said = b""
        while chunk := os.read(pipe, 65_536):
            for _ in range(chunk.count(b"\0")):
                self._counter.one_more()
            said += chunk.replace(b"\0", b"")
        return said.decode(errors="replace").strip()

    def _wait(self, said: str) -> None:
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in self._children]
        if said:
            raise pytest.exit.Exception(said.splitlines()[0])
        if _INTERRUPTED in ends:
            raise KeyboardInterrupt
        if any(ends):
            raise pytest.exit.Exception(f"a worker ended with {next(filter(None, ends))}")

    def _end(self) -> None:
        """Signals every worker to end; kills those that don't in time."""
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGINT)
        until = time.monotonic() + self._grace_s
        left = list(self._children)
        while left:
            left = [child for child in left if os.waitpid(child, os.WNOHANG)[0] == 0]
            if left and time.monotonic() > until:
                for child in left:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                return
            time.sleep(0.01)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Delays Ctrl-C and SIGTERM to the end of the block: during imports Python may drop the exception of a signal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """One forked process, which never returns from `work`."""

    def __init__(
        self, session: pytest.Session, work: "list[Batch]", number: int, pipes: tuple[int, int, int]
    ) -> None:
        self._session, self._batches, self._number = session, work, number
        self._turns, self._tell, self._alive = pipes
        self._last: Batch = []
        self._in_the_end: Batch = []

    def work(self) -> NoReturn:
        """Runs checks until none is left, returns the resources to their source, and ends the process."""
        code = 1
        try:
            signal.signal(signal.SIGINT, self._interrupted)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            threading.Thread(target=self._end_with_parent, daemon=True).start()
            code = self._run()
        except KeyboardInterrupt:
            code = _INTERRUPTED
        except BaseException as fault:
            self._say(str(getattr(fault, "msg", "")) or f"a worker failed: {type(fault).__name__}: {fault}")
        finally:
            os._exit(code)

    def _run(self) -> int:
        run = self._session.config.stash[RUN]
        run.called(f"w{self._number}")
        try:
            batch = self._batch()
            while batch:
                item = batch.pop(0)
                # pytest keeps fixtures that the next check needs too, so that check has to be known now.
                batch = batch or self._batch()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=next(iter(batch), None))
                os.write(self._tell, b"\0")
        finally:
            run.pytest_sessionfinish()
        return 0

    def _batch(self) -> "Batch":
        """Returns the next batch; checks that look back on their module before those that look back on the run.

        The latter wait until the other workers have finished all the rest, so nothing else may be left behind them.
        """
        if self._in_the_end:
            batch, self._in_the_end = self._in_the_end, []
            return batch
        while raw := os.read(self._turns, _INDEX.size):
            batch = self._batches[_INDEX.unpack(raw)[0]]
            if all(map(needs_whole_run, batch)):
                if not self._last:
                    return batch
                self._in_the_end = batch
                break
            self._last += [item for item in batch if runs_last(item)]
            if now := [item for item in batch if not runs_last(item)]:
                return now
        batch, self._last = self._last, []
        return batch

    def _say(self, text: str) -> None:
        # At most so many bytes are written to a pipe in one piece.
        os.write(self._tell, (" ".join(text.split()) + "\n").encode()[:1000])

    def _end_with_parent(self) -> None:
        """Ends this worker when the parent is killed, whose end closes the pipe: no further resource is cancelled."""
        os.read(self._alive, 1)
        os._exit(1)

    @staticmethod
    def _interrupted(*_: object) -> None:
        """Ends the worker in order at the first signal; ignores the second: terminal and parent may both send one."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt


Batch = list[pytest.Item]


def batches(items: Sequence[pytest.Item], workers: int) -> list[Batch]:
    """Returns the items in batches, in the order in which workers take them.

    1. The first check of each requirement that has to hold: where resources run out, it shouldn't be missing.
    2. Modules marked `waits`: each is one batch, since only one worker can listen on its address.
    3. Modules marked `together`: each is one batch, since its checks share evidence.
    4. The cases of one test, the largest batches first; none is so large that the others would wait for it in the end.
       Among few workers each module is one batch, if there are enough of them. Of both those come last that cancel
       resources which other checks leave (`cancels`).
    5. The cases of one test that looks back on the run (`last`), and then, as one batch, the checks marked `watch`.
    """
    parts: dict[str, dict[Hashable, Batch]] = {part: {} for part in ("waits", "together", "busy")}
    looking_back: dict[Hashable, Batch] = {}
    for item in filter(needs_whole_run, items):
        looking_back.setdefault("watch" if watches(item) else (item.path, _test(item)), []).append(item)
    in_the_end = sorted(looking_back.values(), key=lambda batch: (watches(batch[0]), -len(batch)))
    urgent = [item for item in items if _is_urgent(item)]
    share = max(1, math.ceil(len(urgent) / max(1, workers)))
    by_module = workers <= _FEW and len({item.path for item in items}) >= 2 * workers
    for item in items:
        if needs_whole_run(item) or _is_urgent(item):
            continue
        part = next((mark for mark in ("waits", "together") if item.get_closest_marker(mark)), "busy")
        # A check that looks back within a module that waits goes to the worker with the rest of it.
        whole = part != "busy" or by_module
        parts[part].setdefault(item.path if whole else (item.path, _test(item)), []).append(item)
    number = sum(map(len, parts["busy"].values()))
    most = max(1, number if by_module else math.ceil(number / (4 * workers)))
    busy = [cases[at : at + most] for cases in parts["busy"].values() for at in range(0, len(cases), most)]
    shared_out = (parts["waits"].values(), parts["together"].values(), busy)
    first = [batch for part in shared_out for batch in sorted(part, key=len, reverse=True)]
    first.sort(key=lambda batch: all(map(cancels, batch)))
    return [*(urgent[at : at + share] for at in range(0, len(urgent), share)), *first, *in_the_end]


def _is_urgent(item: pytest.Item) -> bool:
    """Returns whether a check is the first of a requirement, and free to run in any worker."""
    bound = needs_whole_run(item) or any(
        item.get_closest_marker(mark) for mark in ("waits", "together", "cancels")
    )
    return is_first(item) and not bound


def _test(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


def _filled(number: int) -> int:
    """Returns the reading end of a pipe with the numbers below `number`: each is read by one reader only."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(map(_INDEX.pack, range(number))))
    os.close(writing)
    return reading
