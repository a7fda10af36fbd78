"""Schedules the examples of a run over threads, at most `limits.concurrency` of them.

Each thread takes the first queued example whose resource is available. Requests to one resource never overlap, requests
to different ones do, so that a slow target doesn't make a slow run. The seed alone decides which examples there are.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from conformance import openapi
from conformance.errors import BudgetError
from conformance.fuzz.case import UNKNOWN, Case, Example, Mutation
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.execute.executor import Executor
from conformance.fuzz.execute.pool import Availability, LeasedResource, ResourcePool
from conformance.fuzz.findings import Findings

# As many failures to connect in a row, with no answer ever, and nobody is there.
_GIVE_UP = 6
_NOBODY = ("refused", "dns", "tls", "connect")


class Queue:
    """Cases that wait for a thread, in their order; one whose resource is in use lets others pass."""

    def __init__(self, pool: ResourcePool) -> None:
        self._pool = pool
        self._changed = pool.changed
        self._waiting: dict[str | None, deque[tuple[int, Example]]] = {}
        self._numbers = itertools.count()
        self._ended = False

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def put(self, example: Example) -> None:
        """Queues a case."""
        with self._changed:
            self._waiting.setdefault(example.state, deque()).append((next(self._numbers), example))
            self._changed.notify()

    def end(self) -> None:
        """Ends the queue: nothing will be put any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, stopped: Callable[[], bool]) -> tuple[Example, LeasedResource | None] | None:
        """Returns the next example and its resource (None where it has none); None once all are done."""
        while not stopped():
            with self._changed:
                found = self._first()
                if found is None:
                    if self._ended and not any(self._waiting.values()):
                        return None
                    self._changed.wait(0.2)
                    continue
            example, availability = found
            held = self._pool.fetch(str(example.state)) if availability is Availability.NEW else availability
            return (example, held) if isinstance(held, LeasedResource) else (_unknown(example), None)
        return None

    def _first(self) -> tuple[Example, LeasedResource | Availability] | None:
        """Removes and returns the first example whose resource is available."""
        for _, state in sorted((line[0][0], state) for state, line in self._waiting.items() if line):
            example = self._waiting[state][0][1]
            availability = Availability.NONE if state in (None, UNKNOWN) else self._availability(example)
            if availability is not Availability.LATER:
                self._waiting[state].popleft()
                return example, availability
        return None

    def _availability(self, example: Example) -> LeasedResource | Availability:
        likely = (
            example.case.mutation in (Mutation.DOCUMENTED, Mutation.OPEN, Mutation.KEY)
            and openapi.operation(example.case.operation).method == "POST"
        )
        return self._pool.availability(str(example.state), spare=likely)


class Scheduler:
    """Takes cases with `put`, executes them in threads, and adds the results to the findings.

    `aside` does a piece of other work, and says whether there was any: some threads begin with it, while requests are
    still being made, and all end with it.
    """

    def __init__(
        self,
        context: ExecutionContext,
        findings: Findings,
        workers: int,
        aside: Callable[[], bool] = lambda: False,
    ) -> None:
        self._findings = findings
        self._pool = context.pool
        self._aside = aside
        self._queue = Queue(context.pool)
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
        try:
            if number < len(self._threads) // 3:
                self._beside()
            while (taken := self._queue.take(self.stop.is_set)) is not None:
                self._one(*taken)
            self._beside()
        except BudgetError as fault:
            self.end(fault.message)
        except BaseException as fault:
            self.fault = self.fault or fault
            self.end(f"{type(fault).__name__}")

    def _beside(self) -> None:
        while not self.stop.is_set() and self._aside():
            pass

    def _one(self, example: Example, held: LeasedResource | None) -> None:
        good = False
        try:
            good = self._executor.perform(example, held)
        finally:
            if held is not None:
                self._pool.give_back(held, good=good)
        nobody = self._findings.nobody(_NOBODY, _GIVE_UP)
        if nobody is not None:
            self.end(f"nobody answers: {nobody}")


def _unknown(example: Example) -> Example:
    """Returns the example for an id that names nothing: no resource in its state is available."""
    return example if example.state is None else Example(example.case, UNKNOWN, example.turn)
