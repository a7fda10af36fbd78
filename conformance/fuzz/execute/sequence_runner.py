"""Runs sequences beside the single requests of a run, within a budget of resources of their own."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from conformance.fuzz.execute.pool import ResourcePool
from conformance.fuzz.execute.sequence_executor import (
    SequenceResult,
    family,
    is_undocumented,
    perform,
    wanted,
)
from conformance.fuzz.execute.shrink import shrunk
from conformance.fuzz.findings import Findings
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import CheckResult, Finding
from conformance.fuzz.stateful.sequence import Sequence
from conformance.http.patience import Patience
from conformance.session import Session
from conformance.states.resource import Resource

# How many sequences in a row end for want of a resource before no more are tried.
_GIVE_UP = 8
# A check that failed in so many sequences is known well enough.
_ENOUGH = 3


class SequenceRunner:
    """Performs sequences, shrinks those that fail, and adds to the findings; safe to call from several threads.

    `many` is how many `sequences` there are. `stopped` is asked before a sequence that failed is made smaller.
    """

    def __init__(
        self,
        session: Session,
        oracle: Oracle,
        pool: ResourcePool,
        findings: Findings,
        sequences: Iterable[Sequence],
        many: int,
    ) -> None:
        self._session, self._oracle, self._pool, self._findings = session, oracle, pool, findings
        # Drawn as they are taken: a run that is ended early doesn't wait for those that it never takes.
        self._sequences = iter(sequences)
        self._left = many
        self.stopped: Callable[[], bool] = lambda: False
        self._patience = Patience()
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
        performed = self._performed(sequence)
        with self._lock:
            self.counts["without resources" if performed.missing is not None else "walked"] += 1
            self._missing = self._missing + 1 if performed.missing is not None else 0
        pursued: set[str] = set()
        for check in dict.fromkeys(result.check for _, result in performed.wrong()):
            if check in pursued:
                continue
            pursued |= family(sequence.api, check)
            with self._lock:
                self._known[check] += 1
                enough = self._known[check] > _ENOUGH
            if not enough:
                self._pursue(performed, check)
        return True

    def _performed(self, sequence: Sequence) -> SequenceResult:
        performed = perform(
            sequence, self._session, oracle=self._oracle, lease=self._lease, patience=self._patience
        )
        for one in performed.taken:
            if one.case is None or one.reply is None:
                continue
            self._findings.sent(one.case)
            tell = (
                self._findings.aside if is_undocumented(sequence.api, one.step) else self._findings.answered
            )
            tell(one.case, one.reply, [result for result in one.results if result.finding is None])
        if performed.fault is not None and performed.unanswered is not None:
            self._findings.failed(performed.unanswered, performed.fault.kind, None)
        return performed

    def _lease(self, entry: str) -> Resource | None:
        return self._pool.for_sequence(wanted(self._oracle.api, entry))

    def _pursue(self, performed: SequenceResult, check: str) -> None:
        """Reports a finding by the smallest sequence that shows it, if it shows again."""
        best = shrunk(performed, check, self._performed) if not self.stopped() else performed
        found = best.wrong_about(check) if best is not None else None
        if best is None or found is None:
            return
        number, result, finding = found
        end = number + 1
        reply = best.taken[number].reply
        if reply is None:
            return
        sequence = replace(best.sequence, steps=best.sequence.steps[:end])
        if any(self._pool.fault(wanted(sequence.api, entry)) for entry in sequence.start):
            return  # its source hands out something else
        shown = tuple(one.reply.exchange for one in best.taken[:end] if one.reply is not None)
        self._findings.also(
            reply, CheckResult(_blamed(sequence, result.check), _told(sequence, finding)), shown, sequence
        )


def _blamed(sequence: Sequence, check: str) -> str:
    """Returns the check to blame: a sequence that passes without its further headers is about these."""
    if ".walk." in check and any(step.headers for step in sequence.steps):
        return f"{check.partition('.')[0]}.walk.headers"
    return check


def _told(sequence: Sequence, finding: Finding) -> Finding:
    steps = len(sequence.steps)
    where = f" (step {steps} of {steps}, with {sequence})" if steps > 1 or sequence.steps[0].headers else ""
    return replace(finding, expected=finding.expected + where)
