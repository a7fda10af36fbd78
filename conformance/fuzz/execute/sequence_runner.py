"""Runs sequences beside the single requests of a run, within a budget of resources of their own."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from conformance.fuzz.case import Case, Example
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.execute.executor import Executor, SequenceResult
from conformance.fuzz.execute.sequence_steps import family, headers_check, wanted
from conformance.fuzz.execute.shrink import shrunk
from conformance.fuzz.findings import Findings
from conformance.fuzz.oracle.results import CheckResult, SentRequest
from conformance.fuzz.stateful import telling
from conformance.fuzz.stateful.sequence import Sequence
from conformance.http.reply import Reply
from conformance.model import Exchange

# How many sequences in a row end for want of a resource before no more are tried.
_GIVE_UP = 8
# A check that failed in so many sequences is known well enough.
_ENOUGH = 3


class _Passed(ResultSink):
    """Hands on what passed; what failed is reported by the smallest sequence that shows it again."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def answered(
        self,
        case: Case,
        reply: Reply,
        results: Iterable[CheckResult],
        before: tuple[SentRequest, ...] = (),
        example: Example | None = None,
        says: str = "",
    ) -> None:
        """Counts a request and its answer."""
        self._findings.sent(case)
        self._findings.answered(case, reply, [one for one in results if one.finding is None])

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Counts a request without an answer."""
        self._findings.failed(case, kind, None)


class SequenceRunner:
    """Performs sequences, shrinks those that fail, and adds to the findings; safe to call from several threads.

    `many` is how many `sequences` there are. `stopped` is asked before a sequence that failed is made smaller.
    """

    def __init__(
        self, context: ExecutionContext, findings: Findings, sequences: Iterable[Sequence], many: int
    ) -> None:
        self._pool, self._findings = context.pool, findings
        executor = Executor(context, _Passed(findings))
        self._perform = partial(executor.perform_sequence, lease=context.pool.for_sequence)
        # Drawn as they are taken: a run that is ended early doesn't wait for those that it never takes.
        self._sequences = iter(sequences)
        self._left = many
        self.stopped: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()
        self._missing = 0
        self._known: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def one(self) -> bool:
        """Performs the next sequence; returns False where none is left. Raises BudgetError."""
        with self._lock:
            sequence = next(self._sequences, None) if self._left and self._missing < _GIVE_UP else None
            if sequence is None:
                self.counts["untried"] += self._left
                self._left = 0
                return False
            self._left -= 1
        performed = self._perform(sequence)
        with self._lock:
            self.counts["without resources" if performed.missing is not None else "walked"] += 1
            self._missing = self._missing + 1 if performed.missing is not None else 0
        pursued: set[tuple[str, str]] = set()
        for _, result in performed.wrong():
            check, cause = result.check, result.finding.cause if result.finding is not None else ""
            if (check, cause) in pursued:
                continue
            pursued |= {(each, cause) for each in family(sequence.api, check)}
            with self._lock:
                self._known[check] += 1
                enough = self._known[check] > _ENOUGH
            if not enough:
                self._pursue(performed, check)
        return True

    def _pursue(self, performed: SequenceResult, check: str) -> None:
        """Reports a finding by the smallest sequence that shows it, if it shows again."""
        best, again = performed, None
        if not self.stopped():
            found = shrunk(performed, check, self._perform)
            if found is None:
                return
            best, again = found, found is not performed or None
        blamed = best.wrong_about(check)
        reply = best.taken[blamed[0]].reply if blamed is not None else None
        if blamed is None or reply is None:
            return
        number, result, finding = blamed
        sequence = replace(best.sequence, steps=best.sequence.steps[: number + 1])
        if any(self._pool.fault(wanted(sequence.api, entry)) for entry in sequence.start):
            return  # its source hands out something else
        shown = tuple(
            SentRequest(says, one.reply.exchange)
            for says, one in zip(telling.told(sequence), best.taken, strict=False)
            if one.reply is not None
        )
        told = finding.titled(telling.title(sequence), telling.after(sequence))
        self._findings.also(reply, CheckResult(_blamed(sequence, result.check), told), shown, sequence, again)


def _blamed(sequence: Sequence, check: str) -> str:
    """Returns the check to blame: a sequence that passes without its further headers is about these."""
    names = {name for step in sequence.steps for name, _ in step.headers}
    if not names or not any(part in check for part in (".walk.", ".crash.", ".accepts.")):
        return check
    return headers_check(check.partition(".")[0], names)
