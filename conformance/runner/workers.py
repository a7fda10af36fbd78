"""Checks in several processes, forked off once everything is imported and collected.

A fork is there in milliseconds, where a new interpreter takes half a second to get as far. Every worker takes the
next batch of checks that nobody has taken; nothing but the order differs from a run in one process.
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

from conformance.plugin import RUN, looks_back, watches

_INDEX = struct.Struct("<H")
# What a pipe takes without anybody reading from it (Linux; POSIX asks for less, but forks are for Linux).
_PIPE = 65_536
_INTERRUPTED = 130
# So few workers are for a target nearby: there evidence that is gathered twice costs more than an uneven end.
_FEW = 4


class Counter(Protocol):
    """The pytest plugin that counts finished checks. Workers tell this process of theirs, and do without it."""

    def one_more(self) -> None:
        """A check is finished."""


class ForkedWorkers:
    """A pytest plugin: runs the session's items in `workers` processes. This one does `meanwhile`, and counts.

    Workers end by themselves when the process that forked them is gone, however it ended.
    """

    def __init__(
        self, workers: int, counter: Counter, timeout_s: float, meanwhile: Callable[[], object]
    ) -> None:
        self._workers, self._counter, self._meanwhile = workers, counter, meanwhile
        # A worker that was told to end may first wait for an answer, and offer its resources back.
        self._patience_s = 2 * timeout_s + 5.0
        self._children: list[int] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Replaces pytest's own loop; None, which lets that one run, where there is too little to share out."""
        workers = min(self._workers, len(session.items))
        work = batches(session.items, workers)
        if session.testsfailed or workers < 2 or len(work) * _INDEX.size > _PIPE:
            return None
        turns, tell = _filled(len(work)), os.pipe()
        alive = os.pipe()
        session.config.stash[RUN].prepare()
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
            with undisturbed():
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
        """Counts finished checks until every worker has hung up; what one of them complained of, if any did."""
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
        """Tells every worker to end, and sees to it."""
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGINT)
        until = time.monotonic() + self._patience_s
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
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM come when this is over: in the midst of imports Python may drop what a signal raises."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """The life of one forked process: it never returns from `work`."""

    def __init__(
        self, session: pytest.Session, work: "list[Batch]", number: int, pipes: tuple[int, int, int]
    ) -> None:
        self._session, self._batches, self._number = session, work, number
        self._turns, self._tell, self._alive = pipes
        self._last: Batch = []
        self._watching: Batch = []

    def work(self) -> NoReturn:
        """Runs checks until there are none left, offers the resources back, and ends the process."""
        code = 1
        try:
            signal.signal(signal.SIGINT, self._interrupted)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            threading.Thread(target=self._outlive_nobody, daemon=True).start()
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
                # Fixtures that the next check needs too are kept for it, so it has to be known now.
                batch = batch or self._batch()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=next(iter(batch), None))
                os.write(self._tell, b"\0")
        finally:
            run.pytest_sessionfinish()
        return 0

    def _batch(self) -> "Batch":
        """What to do next. What looks back is kept until nothing else is left, and what waits until after that."""
        while raw := os.read(self._turns, _INDEX.size):
            batch = self._batches[_INDEX.unpack(raw)[0]]
            if all(map(watches, batch)):
                self._watching += batch
                continue
            if all(map(looks_back, batch)):
                return list(batch)  # they stand behind all others
            self._last += [item for item in batch if looks_back(item)]
            if now := [item for item in batch if not looks_back(item)]:
                return now
        if self._last:
            batch, self._last = self._last, []
        else:
            batch, self._watching = self._watching, []
        return batch

    def _say(self, text: str) -> None:
        # At most so many bytes are written to a pipe in one piece.
        os.write(self._tell, (" ".join(text.split()) + "\n").encode()[:1000])

    def _outlive_nobody(self) -> None:
        """Nothing is cancelled on behalf of a run that was killed: the pipe that it held open says so."""
        os.read(self._alive, 1)
        os._exit(1)

    @staticmethod
    def _interrupted(*_: object) -> None:
        """The first signal asks for an orderly end; the terminal and the run may both have sent one."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt


Batch = list[pytest.Item]


def batches(items: Sequence[pytest.Item], workers: int) -> list[Batch]:
    """The items, shared out: cases of one test, or of a module that says so, stay with the evidence they look at.

    Among few workers so does every module, if there are enough of them. The largest batches come first, and none is
    so large otherwise that the others would wait for it in the end. Before them come the checks that mostly wait; a
    module of them stays in one piece, since they wait for the same, and an address that they listen on, only one
    worker can have. Then those that stay together. Those that look back on the others come late, and last of all, for
    one worker, those that wait until all others are over.
    """
    parts: dict[str, dict[Hashable, Batch]] = {
        part: {} for part in ("waits", "together", "busy", "last", "watch")
    }
    by_module = workers <= _FEW and len({item.path for item in items}) >= 2 * workers
    for item in items:
        marks = ("watch", "waits", "last", "together")
        part = next((mark for mark in marks if item.get_closest_marker(mark)), "busy")
        if part == "watch":
            parts[part].setdefault(part, []).append(item)
            continue
        # What looks back within a module that waits goes to the worker that has the rest of it.
        whole = part in ("waits", "together") or (part == "busy" and by_module)
        parts[part].setdefault(item.path if whole else (item.path, _test(item)), []).append(item)
    number = sum(map(len, parts["busy"].values()))
    most = max(1, number if by_module else math.ceil(number / (4 * workers)))
    busy = [cases[at : at + most] for cases in parts["busy"].values() for at in range(0, len(cases), most)]
    shared_out = (parts["waits"].values(), parts["together"].values(), busy)
    first = [batch for part in shared_out for batch in sorted(part, key=len, reverse=True)]
    return [*first, *parts["last"].values(), *parts["watch"].values()]


def _test(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


def _filled(number: int) -> int:
    """The reading end of a pipe that holds the numbers from 0, and then its end. Readers never share one."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(map(_INDEX.pack, range(number))))
    os.close(writing)
    return reading
