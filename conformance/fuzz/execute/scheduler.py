"""Schedules the examples of a run over threads, at most `limits.concurrency` of them.

Each thread takes the first queued example whose resource is available. Requests to one resource never overlap, requests
to different ones do, so that a slow target doesn't make a slow run. The seed alone decides which examples there are.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from conformance import openapi
from conformance.errors import BudgetError
from conformance.fuzz.case import UNKNOWN, Case, Example, Mutation
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.execute.executor import Executor
from conformance.fuzz.execute.resource_pool import ODD, Availability, LeasedResource, ResourcePool
from conformance.fuzz.findings import Findings

# Where so many wait that use their resource up, they no longer wait for others to have it before them.
_PATIENT = 20
_WAIT_S = 0.2
# As many failures to connect in a row, with no answer ever, and nobody is there.
_GIVE_UP = 6
_NOBODY = ("refused", "dns", "tls", "connect")


class Queue:
    """Cases that wait for a thread, in their order; one whose resource is in use lets others pass.

    Those that are likely to use their resource up wait in a line of their own, until others have had it before them.
    One whose state isn't available goes to one of the states `instead`, in turn.
    """

    def __init__(self, pool: ResourcePool, instead: Sequence[str] = ()) -> None:
        self._pool = pool
        self._changed = pool.changed
        self._waiting: dict[_Line, deque[tuple[int, Example]]] = {}
        self._numbers = itertools.count()
        self._turns = itertools.cycle(instead or (UNKNOWN,))
        self._instead = instead
        self._ended = False

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def put(self, example: Example) -> None:
        """Queues a case."""
        with self._changed:
            line = example.state, _uses_up(example)
            self._waiting.setdefault(line, deque()).append((next(self._numbers), example))
            self._changed.notify()

    def end(self) -> None:
        """Ends the queue: nothing will be put any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(
        self, stopped: Callable[[], bool], meanwhile: Callable[[], bool] = lambda: False
    ) -> tuple[Example, LeasedResource | None] | None:
        """Returns the next example and its resource (None where it has none); None once all are done.

        While all resources are in use, `meanwhile` is called; it says whether it has done anything.
        """
        nothing_else = False
        while not stopped():
            with self._changed:
                found = self._first()
                if found is None and self._ended and not any(self._waiting.values()):
                    return None
                if found is None and nothing_else:
                    self._changed.wait(_WAIT_S)
            if found is None:
                nothing_else = not nothing_else and not meanwhile()
                continue
            example, availability = found
            if availability is Availability.NEW:
                availability = self._pool.fetch(str(example.state), odd=_is_odd(example)) or Availability.NONE
            if isinstance(availability, LeasedResource):
                return example, availability
            if example.state in (None, UNKNOWN):
                return example, None
            self.put(self._elsewhere(example))
        return None

    def _first(self) -> tuple[Example, LeasedResource | Availability] | None:
        """Removes and returns the first example whose resource is available."""
        for _, line in sorted((line[0][0], name) for name, line in self._waiting.items() if line):
            example = self._waiting[line][0][1]
            none = line[0] in (None, UNKNOWN)
            availability = Availability.NONE if none else self._availability(example, line)
            if availability is not Availability.LATER:
                self._waiting[line].popleft()
                return example, availability
        return None

    def _availability(self, example: Example, line: "_Line") -> LeasedResource | Availability:
        state, uses_up = line
        others = bool(self._waiting.get((state, False)))
        patient = uses_up and (others or (not self._ended and len(self._waiting[line]) < _PATIENT))
        return self._pool.availability(
            str(state),
            uses_up=uses_up,
            patient=patient,
            odd=_is_odd(example),
        )

    def _elsewhere(self, example: Example) -> Example:
        """Returns the example for another state; for an id that names nothing after that."""
        state = str(example.state)
        if state in self._pool.missing:
            with self._changed:
                self._pool.unavailable[state] += 1
        other = UNKNOWN
        if state not in self._instead:
            known = [
                one
                for one in itertools.islice(self._turns, len(self._instead))
                if one not in self._pool.missing
            ]
            next(self._turns)
            other = known[0] if known else UNKNOWN
        return Example(example.case, other, example.turn)


_Line = tuple[str | None, bool]
"""A line of waiting examples: the state, and whether they are likely to use its resources up."""


def _is_odd(example: Example) -> bool:
    """Returns whether some servers accept the request and others refuse it."""
    return example.case.mutation in ODD


def _uses_up(example: Example) -> bool:
    """Returns whether the request is likely to succeed."""
    likely = example.case.mutation in (Mutation.DOCUMENTED, Mutation.OPEN, Mutation.KEY)
    return likely and openapi.operation(example.case.operation).method == "POST"


class Aside(Protocol):
    """A piece of work beside the examples."""

    def __call__(self, *, patient: bool) -> bool:
        """Does a piece, and returns whether there was any; waits for it where it may still come, if `patient`."""


class Scheduler:
    """Takes cases with `put`, executes them in threads, and adds the results to the findings.

    `aside` does a piece of other work, and says whether there was any: most threads begin with it, while requests are
    still being made, and all end with it; one whose work waits for others does a piece meanwhile, without being
    `patient`. `instead` are the states that take what no resource is left for.
    """

    def __init__(
        self,
        context: ExecutionContext,
        findings: Findings,
        workers: int,
        aside: Aside = lambda *, patient: False,
        instead: Sequence[str] = (),
    ) -> None:
        self._findings = findings
        self._pool = context.pool
        self._aside = aside
        self._queue = Queue(context.pool, instead)
        self.stop = threading.Event()
        self._executor = Executor(context, findings, self.stop.is_set)
        self._turns: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True, name=f"fuzz-{number}")
            for number in range(max(1, workers))
        ]
        self.why: str | None = None
        self.fault: BaseException | None = None

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def put(self, case: Case, state: str | None) -> None:
        """Queues a request; `state` None for one that is about no resource."""
        turn = self._turns.get(case.operation, 0)
        if case.mutation in (Mutation.DOCUMENTED, Mutation.OPEN):
            self._turns[case.operation] = turn + 1
        self._queue.put(Example(case, state, turn % 3))

    def waiting(self) -> int:
        """Returns the number of queued examples."""
        return len(self._queue)

    def finish(self, poll: Callable[[], object]) -> None:
        """Waits for the threads to run empty, or for `stop`; calls `poll` now and then."""
        self._queue.end()
        while any(thread.is_alive() for thread in self._threads) and not self.stop.is_set():
            for thread in self._threads:
                thread.join(0.02)
            poll()

    def is_idle(self) -> bool:
        """Returns whether no thread is at work; waits up to 0.5 s for those that are about to end."""
        until = time.monotonic() + 0.5
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def end(self, why: str) -> None:
        """Ends sending; `why` is for the statistics."""
        self.why = self.why or why
        self.stop.set()
        with self._pool.changed:
            self._pool.changed.notify_all()

    def _work(self, number: int) -> None:
        def meanwhile() -> bool:
            return self._aside(patient=False)

        try:
            if number < len(self._threads) * 3 // 4:
                self._beside()
            while (taken := self._queue.take(self.stop.is_set, meanwhile)) is not None:
                self._one(*taken)
            self._beside()
        except BudgetError as fault:
            self.end(fault.message)
        except BaseException as fault:
            self.fault = self.fault or fault
            self.end(f"{type(fault).__name__}")

    def _beside(self) -> None:
        while not self.stop.is_set() and self._aside(patient=True):
            pass

    def _one(self, example: Example, held: LeasedResource | None) -> None:
        now = None
        try:
            now = self._executor.perform(example, held)
        finally:
            if held is not None:
                self._pool.give_back(held, now, odd=_is_odd(example))
        nobody = self._findings.nobody(_NOBODY, _GIVE_UP)
        if nobody is not None:
            self.end(f"nobody answers: {nobody}")
