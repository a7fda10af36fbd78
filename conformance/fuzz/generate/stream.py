"""The stream of requests: the same for a seed, whatever the target does, and however many processes make it.

Drawing a request costs more than sending it, so it is done by processes of their own. They are forked when Schemathesis
is imported and before any thread runs; each takes the next unit of the stream, and the units are put in order again.
"""

import gc
import os
import pickle
import signal
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait

from conformance import openapi
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.generate import strategies
from conformance.fuzz.generate.schemathesis_source import BATCH, Source
from conformance.openapi import Operation

_TICKET = struct.Struct("!I")
# More processes than this are of no use to one that sends what they make.
_MOST = 8
# Made ahead by each process, so that none of them waits and a stop loses little.
_AHEAD = 2
_PATIENCE_S = 0.05


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of the stream that can be made by itself. `phase` is examples, coverage or batch."""

    operation: Operation
    phase: str
    number: int = 0
    size: int = 0


def units(api: str, examples: int) -> list[Unit]:
    """The whole stream in its order, for so many random requests per operation."""
    operations = openapi.operations(api)
    found = [Unit(one, phase) for one in operations for phase in ("examples", "coverage")]
    for number, start in enumerate(range(0, examples, BATCH)):
        found += [Unit(one, "batch", number, min(BATCH, examples - start)) for one in operations]
    return found


def stream(api: str, seed: int, examples: int) -> Iterator[Case]:
    """Every request of a run in its order, made here and now."""
    source = Source(api, seed)
    return distinct(case for unit in units(api, examples) for case in made(source, seed, unit))


def made(source: Source, seed: int, unit: Unit) -> Iterator[Case]:
    """The requests of one unit."""
    operation, number, size = unit.operation, unit.number, unit.size
    match unit.phase:
        case "examples":
            yield from source.examples(operation)
        case "coverage":
            yield from source.coverage(operation)
        case _:
            # What is refused leaves its resource to the next one: it goes first.
            yield from strategies.ids(operation, seed, number, max(4, size // 5))
            yield from strategies.credentials(operation, seed, number, max(4, size // 3))
            yield from strategies.odd(operation, seed, number, max(6, size // 2))
            yield from strategies.documented(operation, seed, number, max(8, size // 2))
            yield from source.fuzzing(operation, number, size)


def distinct(cases: Iterable[Case]) -> Iterator[Case]:
    """Without repetitions, except of documented requests: those are for another resource each time."""
    seen: set[int] = set()
    for case in cases:
        mark = hash(
            (case.operation, case.mutation, case.method, case.segment, case.headers, case.body)
        ) ^ hash((case.omitted, case.altered))
        if case.mutation is Mutation.DOCUMENTED or mark not in seen:
            seen.add(mark)
            yield case


def useful(parts: int) -> int:
    """How many processes are worth having for so many units; none where threads run, since then none can be forked."""
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        return 0
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus, _MOST, parts // 6)


class Generator:
    """Makes the stream with `processes` of its own, or in this one where that is 0.

    A process that fails is no matter: what it owes is made here. None outlives this process, however it ends: they
    read from a pipe whose other end only this one has.
    """

    def __init__(self, api: str, seed: int, examples: int, processes: int | None = None) -> None:
        self._seed = seed
        self._source = Source(api, seed)
        self._units = units(api, examples)
        self._tickets: int | None = None
        self._pids: list[int] = []
        self._pipes: list[Connection] = []
        count = useful(len(self._units)) if processes is None else processes
        if count:
            self._fork(count)

    @property
    def processes(self) -> int:
        """How many are at work."""
        return len(self._pids)

    def cases(self, poll: Callable[[], bool] = lambda: True) -> Iterator[Case]:
        """The stream. `poll` is called while nothing is there yet; the stream ends once it says no."""
        return distinct(case for part in self._parts(poll) for case in part)

    def close(self) -> None:
        """Ends the processes."""
        if self._tickets is not None:
            os.close(self._tickets)
            self._tickets = None
        for pid in self._pids:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with suppress(OSError):
                os.waitpid(pid, 0)
        for pipe in self._pipes:
            pipe.close()
        self._pids, self._pipes = [], []

    def _parts(self, poll: Callable[[], bool]) -> Iterator[Iterable[Case]]:
        ready: dict[int, Iterable[Case]] = {}
        issued = 0
        for number, unit in enumerate(self._units):
            while self._pids and number not in ready:
                while issued < min(len(self._units), number + _AHEAD * len(self._pids)):
                    self._issue(issued)
                    issued += 1
                self._receive(ready)
                if not poll():
                    return
            yield ready.pop(number) if number in ready else made(self._source, self._seed, unit)

    def _issue(self, number: int) -> None:
        assert self._tickets is not None
        try:
            os.write(self._tickets, _TICKET.pack(number))
        except BrokenPipeError:
            self.close()

    def _receive(self, ready: dict[int, Iterable[Case]]) -> None:
        for pipe in wait(self._pipes, _PATIENCE_S):
            assert isinstance(pipe, Connection)
            try:
                number, cases = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from a process of our own
            except (EOFError, OSError):
                # One has failed; whoever owes what isn't known, and all of it can be made here.
                self.close()
                return
            ready[number] = cases

    # -- the processes ---------------------------------------------------------------------------------------

    def _fork(self, count: int) -> None:
        tickets, self._tickets = os.pipe()
        ends = [Pipe(duplex=False) for _ in range(count)]
        # What is there already is shared for good, and not copied because a counter in it changes.
        gc.collect()
        gc.freeze()
        for _, mine in ends:
            pid = os.fork()
            if not pid:
                self._work(tickets, mine, [end for pair in ends for end in pair if end is not mine])
            self._pids.append(pid)
        gc.unfreeze()
        os.close(tickets)
        for theirs, mine in ends:
            mine.close()
            self._pipes.append(theirs)

    def _work(self, tickets: int, mine: Connection, others: list[Connection]) -> None:
        """The life of a process: never returns."""
        try:
            # Ctrl-C reaches the whole group; when to end is for the parent to say.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            assert self._tickets is not None
            os.close(self._tickets)
            for end in others:
                end.close()
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is what is wanted
                for standard in (1, 2):
                    os.dup2(nowhere.fileno(), standard)
            while len(ticket := os.read(tickets, _TICKET.size)) == _TICKET.size:
                (number,) = _TICKET.unpack(ticket)
                cases = list(made(self._source, self._seed, self._units[number]))
                mine.send_bytes(pickle.dumps((number, cases), pickle.HIGHEST_PROTOCOL))
        finally:
            os._exit(0)
