"""Runs sequences beside the single requests of a run, within a budget of resources of their own."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Items
from dataclasses import replace
from functools import partial

from conformance.errors import NotTestable
from conformance.fuzz.case import UNKNOWN, Case
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.execute.executor import Executor, SequenceResult
from conformance.fuzz.execute.resource_pool import LeasedResource
from conformance.fuzz.execute.sequence_steps import family, headers_check, wanted
from conformance.fuzz.execute.shrink import shrunk
from conformance.fuzz.findings import Findings
from conformance.fuzz.oracle.results import CheckResult, JudgedAnswer, SentRequest
from conformance.fuzz.state_order import consumed
from conformance.fuzz.stateful import telling
from conformance.fuzz.stateful.sequence import Sequence
from conformance.model import Exchange
from conformance.states.resource import Resource, Wanted

# How many sequences in a row end for want of a resource before no more are tried.
_GIVE_UP = 8
_WAIT_S = 0.2
# A check that failed in so many sequences is known well enough.
_ENOUGH = 3


class _Passed(ResultSink):
    """Hands on what passed; what failed is reported by the smallest sequence that shows it again."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def answered(self, answer: JudgedAnswer) -> None:
        """Counts a request and its answer."""
        self._findings.sent(answer.case)
        passed = tuple(one for one in answer.results if one.finding is None)
        self._findings.answered(JudgedAnswer(answer.case, answer.reply, passed))

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Counts a request without an answer."""
        self._findings.failed(case, kind, None)


class SequenceRunner:
    """Performs sequences, shrinks those that fail, and adds to the findings; safe to call from several threads.

    `many` is how many `sequences` there are. Where there are long ones, `together`, these come first, and the others
    only if one of the long ones failed, or got no answer: they show what it takes, each on new resources. `failed`
    tells whether they are due. `why` says why resources were missing. `stopped` is asked before a sequence that failed
    is made smaller.
    """

    def __init__(
        self,
        context: ExecutionContext,
        findings: Findings,
        sequences: Iterable[Sequence],
        many: int,
        together: Items[Sequence] = (),
    ) -> None:
        self._context, self._pool, self._findings = context, context.pool, findings
        self._executor = Executor(context, _Passed(findings))
        self._perform = partial(self._executor.perform_sequence, lease=context.pool.for_sequence)
        # Drawn as they are taken: a run that is ended early doesn't wait for those that it never takes.
        self._sequences, self._many = iter(sequences), many
        self._together, self._left = deque(together), 0 if together else many
        self._first = bool(together)
        for sequence in together:
            self._pool.reserved |= {one for one in sequence.start if self._is_borrowed(one)}
        self._suspicions: deque[tuple[SequenceResult, str]] = deque()
        self.stopped: Callable[[], bool] = lambda: False
        self._changed = threading.Condition(threading.Lock())
        self._at_work = self._missing = 0
        self._known: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.failed, self.why = not together, ""

    def _is_borrowed(self, entry: str) -> bool:
        """Returns whether a resource of one's own is meant that no cancel changes."""
        return ":" not in entry and entry != UNKNOWN and entry not in consumed(self._pool.api)

    def one(self, *, patient: bool = True) -> bool:
        """Performs the next sequence; returns False where none is left, or none yet unless `patient`.

        Raises BudgetError.
        """
        with self._changed:
            work = self._next()
            while work is None and self._at_work and self._first and patient and not self.stopped():
                # What others are at may still bring work.
                self._changed.wait(_WAIT_S)
                work = self._next()
            if work is None and not patient:
                return False
            if work is None:
                self.counts["untried"] += self._left
                self._left = 0
                return False
            self._at_work += 1
        try:
            work()
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()
        return True

    def _next(self) -> Callable[[], None] | None:
        """Returns the next piece of work; None where there is none, or none yet. The lock has to be held."""
        if self._together:
            return partial(self._one_of_many_steps, self._together.popleft())
        if self._first and self.failed and not self._left and self._many:
            self._left, self._many = self._many, 0
        if self._left and self._missing < _GIVE_UP:
            sequence = next(self._sequences, None)
            if sequence is not None:
                self._left -= 1
                return partial(self._one, sequence)
        if self._at_work:
            return None
        if self._suspicions:
            return partial(self._pursue_unless_known, *self._suspicions.popleft())
        return None

    def _one_of_many_steps(self, sequence: Sequence) -> None:
        """Performs a long sequence; one about a resource that nothing changes borrows it."""
        borrowed, new = list[LeasedResource](), list[Resource]()

        def lease(wanted: Wanted) -> Resource | None:
            own = wanted.owner is None and wanted.environment is None
            if not own or not self._is_borrowed(wanted.status):
                new.append(leases.lease(wanted))
                return new[-1]
            held = self._pool.borrow(wanted.status, self.stopped)
            if held is not None:
                borrowed.append(held)
                return held.resource
            # The source's own reason says what to do about it.
            if wanted.status in self._pool.source_faults:
                raise NotTestable(self._pool.source_faults[wanted.status])
            return None

        leases = self._context.session.leases
        performed = self._executor.perform_sequence(sequence, lease)
        for resource in new if performed.missing is not None else ():
            leases.set_aside(resource)  # somebody else may have a use for it
        wrong = performed.wrong()
        for held in borrowed:
            spoilt = bool(wrong) or performed.fault is not None
            if spoilt:
                self._pool.replace(held.state)
            self._pool.give_back(held, None if spoilt else held.state)
        with self._changed:
            self.counts["without resources" if performed.missing is not None else "walked"] += 1
            self.why = self.why or performed.missing or ""
            self.failed |= bool(wrong) or performed.fault is not None
            self._suspicions += [(performed, check) for check in dict.fromkeys(one.check for _, one in wrong)]

    def _pursue_unless_known(self, performed: SequenceResult, check: str) -> None:
        """Reports what a long sequence found, unless a short one found it, too."""
        if not any(self._known[one] for one in family(performed.sequence.api, check)):
            self._known[check] += 1
            self._pursue(performed, check)

    def _one(self, sequence: Sequence) -> None:
        performed = self._perform(sequence)
        with self._changed:
            self.counts["without resources" if performed.missing is not None else "walked"] += 1
            self._missing = self._missing + 1 if performed.missing is not None else 0
        pursued: set[tuple[str, str]] = set()
        for _, result in performed.wrong():
            check, cause = result.check, result.finding.cause if result.finding is not None else ""
            if (check, cause) in pursued:
                continue
            pursued |= {(each, cause) for each in family(sequence.api, check)}
            with self._changed:
                self._known[check] += 1
                enough = self._known[check] > _ENOUGH
            if not enough:
                self._pursue(performed, check)

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
