"""Shrinks a failing example or sequence, for as long as it fails in the same way.

Each candidate is simpler than the one before: a header less, a key less, a shorter text, plainer letters. It is sent to
a resource that is as it should be, signed anew, and judged as in the run. So what a report shows is the least that
makes the target fail, and it was seen twice.
"""

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from conformance.errors import BudgetError
from conformance.fuzz.case import Example
from conformance.fuzz.execute.attempt import Trial, attempt
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.execute.executor import SequenceResult
from conformance.fuzz.execute.reductions import C, Reductions, of_example, of_sequence
from conformance.fuzz.execute.unanswered import NO_ANSWER
from conformance.fuzz.findings import Failure, Findings
from conformance.fuzz.oracle.results import EFFECT
from conformance.fuzz.stateful.sequence import Sequence

# Of one cause: so many requests and seconds. Of one run: so many causes of a check, and so many seconds.
_REQUESTS = 40
_SECONDS = 4.0
CAUSES = 3
WHOLE_S = 15.0


def shrink_all(
    context: ExecutionContext, findings: Findings, workers: int, stopped: Callable[[], bool]
) -> int:
    """Shrinks the failing examples that a report shows; returns the number of requests."""
    until = time.monotonic() + WHOLE_S
    chosen = [
        (check.key, seen)
        for _, group in itertools.groupby(findings.failing(), key=lambda pair: pair[0].key)
        for check, seen in itertools.islice(group, CAUSES)
        if isinstance(seen.example, Example) and not seen.finding.cause.startswith(NO_ANSWER)
    ]
    over = threading.Event()

    def one(pair: tuple[str, Failure]) -> int:
        if over.is_set():
            return 0
        try:
            return shrink(context, *pair, lambda: stopped() or over.is_set() or time.monotonic() > until)
        except BudgetError:
            over.set()
            return 0

    pool = ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="shrink")
    futures = [pool.submit(one, pair) for pair in chosen]
    pending: set[Future[int]] = set(futures)
    while pending and not stopped():
        pending = wait(pending, 0.05).not_done
    # A request that is under way when the run is stopped is not waited for.
    pool.shutdown(wait=not pending, cancel_futures=True)
    return sum(each.result() for each in futures if each not in pending)


def smallest(
    reductions: Reductions[C], attempt: Callable[[C], C | None], is_over: Callable[[], bool]
) -> None:
    """Attempts one reduction after the other until `is_over`.

    `attempt` returns the part of a candidate that failed in the same way, None where it passed.
    """
    candidate = next(reductions, None)
    while candidate is not None and not is_over():
        try:
            candidate = reductions.send(attempt(candidate))
        except StopIteration:
            return


def shrink(context: ExecutionContext, check: str, seen: Failure, stopped: Callable[[], bool]) -> int:
    """Replaces the example that was `seen` by the smallest with the same cause; returns the number of requests."""
    work = _OfExample(context, check, seen, stopped)
    if not work.is_over():
        work.begin()
    if seen.again and isinstance(seen.example, Example):
        work.shrink()
    return work.sent


class _OfExample:
    """Attempts the reductions of one failing example, within bounds of requests and seconds."""

    def __init__(
        self, context: ExecutionContext, check: str, seen: Failure, stopped: Callable[[], bool]
    ) -> None:
        self._context, self._check, self._seen, self._stopped = context, check, seen, stopped
        self._until = time.monotonic() + _SECONDS
        self._possible = True
        self.sent = 0

    def is_over(self) -> bool:
        """Returns whether a bound is reached."""
        late = self.sent >= _REQUESTS or time.monotonic() > self._until
        return late or not self._possible or self._stopped()

    def begin(self) -> None:
        """Executes the example as it was found, on a new resource."""
        assert isinstance(self._seen.example, Example)
        if self._seen.again is not None:
            return
        example, said = self._seen.example, None
        for one in (example, (self._seen.traced or example).after_its_history()):
            if one is not example and not one.before:
                break
            trial = Trial(self._check, self._seen.finding.cause)
            failed = self.attempt(one, trial, new=True) is not None
            if not self._possible or self._stopped() or not (failed or (trial.fresh and trial.answers)):
                return
            said = failed
            if failed:
                break
        self._seen.again = said

    def shrink(self) -> None:
        """Goes on to the smallest example, if that one fails on a new resource, too."""
        seen = self._seen
        assert isinstance(seen.example, Example)
        kept = seen.example, seen.finding, seen.shown, seen.size
        smallest(of_example(seen.example), self.attempt, self.is_over)
        if seen.example is kept[0] or not self._possible or self._stopped():
            return
        trial = Trial(self._check, seen.finding.cause)
        last = seen.example
        assert isinstance(last, Example)
        if self.attempt(last, trial, new=True) is None and trial.fresh and trial.answers:
            # It had failed for what the resource went through before.
            seen.example, seen.finding, seen.shown, seen.size = kept

    def attempt(self, example: Example, trial: Trial | None = None, *, new: bool = False) -> Example | None:
        """Executes an example; keeps and returns it if it fails in the same way."""
        trial = trial or Trial(self._check, self._seen.finding.cause)
        self._possible = attempt(
            self._context,
            example,
            trial,
            self._stopped,
            new=new or bool(example.before),
            prove=self._seen.finding.cause == EFFECT,
        )
        self.sent += trial.requests
        if trial.finding is None:
            return None
        seen, size = self._seen, example.size()
        seen.example, seen.finding, seen.shown, seen.size = example, trial.finding, trial.shown, size
        return example


def shrunk(
    performed: SequenceResult, check: str, again: Callable[[Sequence], SequenceResult], tries: int = 30
) -> SequenceResult | None:
    """Returns the smallest sequence found that fails `check` with the same cause as this one, performed anew.

    `again` performs a sequence, at most `tries` times. Returns None where the sequence passes on new resources, and the
    sequence as it was where there are none left to try it on.
    """
    found = performed.wrong_about(check)
    if found is None:
        return None
    work = _OfSequence(check, again, tries)
    whole = work.attempt(replace(performed.sequence, steps=performed.sequence.steps[: found[0] + 1]))
    if whole is None:
        return performed if work.hindered else None
    last = work.best.wrong_about(check) if work.best is not None else None
    work.cause = last[2].cause if last is not None else None
    smallest(of_sequence(whole), work.attempt, lambda: work.left <= 0)
    return work.best


@dataclass(slots=True)
class _OfSequence:
    """Attempts the reductions of one failing sequence, for as long as there are tries and resources `left`."""

    check: str
    again: Callable[[Sequence], SequenceResult]
    left: int
    cause: str | None = None
    hindered: bool = False
    best: SequenceResult | None = None

    def attempt(self, sequence: Sequence) -> Sequence | None:
        """Performs a sequence; keeps and returns it, without the steps after the failure, if the check failed."""
        self.left -= 1
        performed = self.again(sequence)
        if performed.fault is not None:
            # No answer says nothing: it is tried once more, with other resources.
            performed = self.again(sequence)
        self.hindered = performed.missing is not None or performed.fault is not None
        if self.hindered:
            self.left = 0
            return None
        found = performed.wrong_about(self.check, self.cause)
        if found is None:
            return None
        end = found[0] + 1
        failing = replace(sequence, steps=sequence.steps[:end])
        self.best = replace(performed, sequence=failing, taken=performed.taken[:end])
        return failing
