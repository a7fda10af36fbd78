"""Sends the generated requests, each to a resource that suits it.

As many lanes as the target is to bear: each takes the first request in line whose resource is to be had. Requests for
one resource never overlap, while lanes run side by side, so that a slow target doesn't make a slow run. Which requests
there are, and for which state each of them is, depends on the seed alone.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from conformance import openapi
from conformance.errors import BudgetError
from conformance.fuzz.crew import Crew
from conformance.fuzz.ledger import Ledger
from conformance.fuzz.perform import Performer
from conformance.fuzz.probes import Aim, Case, Probe
from conformance.fuzz.resources import UNKNOWN, Held, Offer, Supply

# As many failures to connect in a row, with no answer ever, and nobody is there.
_GIVE_UP = 6
_NOBODY = ("refused", "dns", "tls", "connect")


class Line:
    """Cases that wait for a lane, in their order; one whose resource is in use lets others pass."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply
        self._changed = supply.changed
        self._waiting: dict[str | None, deque[tuple[int, Case]]] = {}
        self._numbers = itertools.count()
        self._ended = False

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def put(self, case: Case) -> None:
        """Queues a case."""
        with self._changed:
            self._waiting.setdefault(case.state, deque()).append((next(self._numbers), case))
            self._changed.notify()

    def end(self) -> None:
        """Nothing will be put any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, stopped: Callable[[], bool]) -> tuple[Case, Held | None] | None:
        """The next case and its resource, None for neither state nor resource; None once all is done."""
        while not stopped():
            with self._changed:
                found = self._first()
                if found is None:
                    if self._ended and not any(self._waiting.values()):
                        return None
                    self._changed.wait(0.2)
                    continue
            case, offer = found
            held = self._supply.fetch(str(case.state)) if offer is Offer.NEW else offer
            return (case, held) if isinstance(held, Held) else (_unknown(case), None)
        return None

    def _first(self) -> tuple[Case, Held | Offer] | None:
        """Takes the foremost that can be sent out of the line."""
        for _, state in sorted((line[0][0], state) for state, line in self._waiting.items() if line):
            case = self._waiting[state][0][1]
            offer = Offer.NONE if state in (None, UNKNOWN) else self._offer(case)
            if offer is not Offer.LATER:
                self._waiting[state].popleft()
                return case, offer
        return None

    def _offer(self, case: Case) -> Held | Offer:
        likely = (
            case.probe.aim in (Aim.DOCUMENTED, Aim.OPEN, Aim.KEY)
            and openapi.operation(case.probe.operation).method == "POST"
        )
        return self._supply.offer(str(case.state), spare=likely)


class Driver:
    """Takes requests with `put`, works them off in lanes, and tells the ledger what the judge says.

    `aside` does a piece of other work, and says whether there was any: some lanes begin with it, while requests are
    still being made, and all end with it.
    """

    def __init__(
        self, crew: Crew, ledger: Ledger, lanes: int, aside: Callable[[], bool] = lambda: False
    ) -> None:
        self._ledger = ledger
        self._supply = crew.supply
        self._aside = aside
        self._line = Line(crew.supply)
        self.stop = threading.Event()
        self._performer = Performer(crew, ledger, self.stop.is_set)
        self._turns: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True, name=f"fuzz-{number}")
            for number in range(max(1, lanes))
        ]
        self.why: str | None = None
        self.fault: BaseException | None = None

    def start(self) -> None:
        """Begins to work off what is put."""
        for thread in self._threads:
            thread.start()

    def put(self, probe: Probe, state: str | None) -> None:
        """Queues a request; `state` None for one that is about no resource."""
        turn = self._turns.get(probe.operation, 0)
        if probe.aim in (Aim.DOCUMENTED, Aim.OPEN):
            self._turns[probe.operation] = turn + 1
        self._line.put(Case(probe, state, turn % 3))

    def waiting(self) -> int:
        """How many requests are queued."""
        return len(self._line)

    def finish(self, poll: Callable[[], object]) -> None:
        """Waits for the lanes to run empty, or for `stop`; calls `poll` now and then."""
        self._line.end()
        while any(thread.is_alive() for thread in self._threads) and not self.stop.is_set():
            for thread in self._threads:
                thread.join(0.02)
            poll()

    def is_idle(self) -> bool:
        """Whether no lane is at work any more; waits a moment for those that are about to end."""
        until = time.monotonic() + 0.5
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def end(self, why: str) -> None:
        """No more requests; `why` is for the statistics."""
        self.why = self.why or why
        self.stop.set()
        with self._supply.changed:
            self._supply.changed.notify_all()

    def _work(self, number: int) -> None:
        try:
            if number < len(self._threads) // 3:
                self._beside()
            while (taken := self._line.take(self.stop.is_set)) is not None:
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

    def _one(self, case: Case, held: Held | None) -> None:
        good = False
        try:
            good = self._performer.perform(case, held)
        finally:
            if held is not None:
                self._supply.give_back(held, good=good)
        nobody = self._ledger.nobody(_NOBODY, _GIVE_UP)
        if nobody is not None:
            self.end(f"nobody answers: {nobody}")


def _unknown(case: Case) -> Case:
    """Nothing to be had in that state: an id that names nothing gets the request instead."""
    return case if case.state is None else Case(case.probe, UNKNOWN, case.turn)
