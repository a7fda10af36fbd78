"""Executes examples and sequences: sends their requests to leased resources, and has every answer judged.

An example is a sequence of one request, which follow-ups are appended to after a success, and a read after a refusal.
A run, shrinking and `replay` all use it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from uuid import uuid4

from conformance import openapi
from conformance.contracts import contract
from conformance.errors import NotTestable, TransportError
from conformance.fuzz import words
from conformance.fuzz.case import Case, Example, Mutation
from conformance.fuzz.execute import effects
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.execute.resource_pool import ODD, LeasedResource
from conformance.fuzz.execute.sequence_steps import Lease, SequenceSteps, family, leased
from conformance.fuzz.execute.unanswered import Unanswered
from conformance.fuzz.fuzz_contract import RequestStep, fuzzing
from conformance.fuzz.oracle.results import CheckResult, Finding, JudgedAnswer, SentRequest, Target
from conformance.fuzz.state_order import consumed, reading
from conformance.fuzz.stateful.sequence import Sequence
from conformance.http.polling import Polling
from conformance.http.reply import Reply
from conformance.model import Exchange

Answer = TypeVar("Answer")
# Parts of the ids of checks that judge by the state that an example has brought its resource to.
_BY_STATE = (".status.", ".read_back", ".key.", ".auth.")


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step that was taken, which `says` in words. `reply` is None after a `fault`, and for a settlement."""

    reply: Reply | None = None
    results: tuple[CheckResult, ...] = ()
    fault: TransportError | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class SequenceResult:
    """The results of a sequence, up to a step without an answer (`fault`); none where a resource is `missing` (why)."""

    sequence: Sequence
    taken: tuple[StepResult, ...] = ()
    missing: str | None = None
    fault: TransportError | None = None

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Returns all exchanges in the order sent."""
        return tuple(one.reply.exchange for one in self.taken if one.reply is not None)

    def wrong(self) -> list[tuple[int, CheckResult]]:
        """Returns every result with a finding, and the number of its step."""
        return [
            (number, result)
            for number, one in enumerate(self.taken)
            for result in one.results
            if result.finding is not None
        ]

    def wrong_about(self, check: str, cause: str | None = None) -> tuple[int, CheckResult, Finding] | None:
        """Returns the first finding of a check, or of one of its family (`StateMachine.family`), and its step.

        With a `cause`, one of the same cause.
        """
        same = family(self.sequence.api, check)
        for number, result in self.wrong():
            found = result.finding
            if found is not None and result.check in same and cause in (None, found.cause):
                return number, result, found
        return None

    def failing(self, check: str) -> tuple[int, CheckResult, Finding] | None:
        """Returns the same as `wrong_about`; for the check of further headers, whatever rule was broken."""
        if not check.endswith((".walk.headers", ".walk.label")):
            return self.wrong_about(check)
        return next(
            (
                (number, one, one.finding)
                for number, one in self.wrong()
                if one.finding is not None and ".walk." in one.check
            ),
            None,
        )


class Executor:
    """Executes examples and sequences, and tells `sink` what came. Follow-ups end once `stopped` returns True."""

    def __init__(
        self, context: ExecutionContext, sink: ResultSink, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._context, self._sink, self._stopped = context, sink, stopped
        self._sender, self._pool, self._oracle = context.sender, context.pool, context.oracle
        self._api, self._contract = context.api, contract(context.api)
        self._consumed = consumed(context.api)
        self._polling = Polling()
        self._unanswered = Unanswered(context, sink)
        # Requests that had no effect when they were sent again for the sake of what came after them.
        self._cleared: list[Case] = []
        self._guilty: set[str | None] = set()

    def perform(self, example: Example, held: LeasedResource | None, *, prove: bool = False) -> str | None:
        """Executes `example` on the resource that it got, if any. Raises BudgetError.

        Returns the state that the resource is in now, None where that isn't known. With `prove`, a documented cancel
        shows at once that a refusal had no effect, where no read does.
        """
        case = example.case
        if held is not None:
            example = replace(example, history=held.past())
            held.went_through(case)
        if self._unanswered.is_hopeless(case):
            self._sink.skipped(case)
            return example.state
        target, key, clock = self._place(case, example.state, held), _key(case), time.monotonic()
        before = tuple(sent for one in example.before for sent in self._led_up(one, target))
        step = RequestStep(case=case, target=target, key=key, judge=partial(self._confirmed, held))
        taken = self._take(step, before, example)
        if taken.fault is not None and not self._stopped():
            self._unanswered.met(example, target, taken.fault, time.monotonic() - clock)
        if held is None:
            return None
        if taken.reply is None:
            # Who knows what became of it, unless nothing could become of it.
            return self._given_up(held) if held.state in self._consumed else held.state
        reads = openapi.operation(case.operation).method == "GET"
        sent = (*before, SentRequest(taken.says, taken.reply.exchange))
        return held.state if reads else self._after(example, held, step, taken.reply, sent, prove=prove)

    def _given_up(self, held: LeasedResource) -> str | None:
        """Lets another resource replace this one, whose state isn't known any more, and returns None."""
        self._pool.replace(held.state)
        return None

    def perform_sequence(self, sequence: Sequence, lease: Lease | None = None) -> SequenceResult:
        """Executes a sequence on newly leased resources and new keys. Raises BudgetError.

        `lease` returns a resource, or None where none is available; without it they come from the session. It ends with
        the first step that breaks a rule: what came after would be blamed for it.
        """
        session = self._context.session
        try:
            subjects = leased(sequence, lease or session.leases.lease)
        except (NotTestable, TransportError) as fault:
            return SequenceResult(sequence, missing=session.redactor.text(fault.message))
        steps, taken = SequenceSteps(sequence, self._context, subjects), list[StepResult]()
        for step in sequence.steps:
            if step.verb == "settle":
                result = StepResult(fault=self._asked(steps.case(step), partial(steps.settle, step)))
            else:
                result = self._take(steps.request(step))
            if result.fault is not None:
                return SequenceResult(sequence, tuple(taken), fault=result.fault)
            taken.append(result)
            if steps.is_lost(result.results):
                break
        return SequenceResult(sequence, tuple(taken))

    # -- one step --------------------------------------------------------------------------------------------

    def _take(
        self, step: RequestStep, before: tuple[SentRequest, ...] = (), example: Example | None = None
    ) -> StepResult:
        """Sends a request, judges its answer, and tells the sink; `before` are requests that led up to it."""
        self._sink.sent(step.case)
        reply = self._asked(step.case, partial(self._answer, step))
        if isinstance(reply, TransportError):
            return StepResult(fault=reply)
        says = _says(step)
        results = tuple(_titled(one, says) for one in (*step.more(reply), *self._judged(step, reply)))
        self._sink.answered(JudgedAnswer(step.case, reply, results, before, example, says))
        return StepResult(reply, results, says=says)

    def _asked(self, case: Case, ask: Callable[[], Answer]) -> Answer | TransportError:
        """Returns the answer, or the fault where none came, which the sink is told of."""
        try:
            return ask()
        except TransportError as fault:
            self._sink.failed(case, fault.kind, self._sender.last_fault())
            return fault

    def _answer(self, step: RequestStep) -> Reply:
        """Returns the first answer; where it may lag, the first that shows what it has to, or the last one."""
        ask = partial(self._sender.send, step)
        first = ask()
        return first if step.shows is None else self._polling.until(ask, step.shows, first)

    def _judged(self, step: RequestStep, reply: Reply) -> list[CheckResult]:
        """Returns the results of the oracle, or of what replaces it."""
        results = (step.judge or self._oracle.judge)(step.case, step.target, reply)
        if not step.by_history:
            return results
        text = fuzzing(self._api).text
        first = reply.ok and step.target.state in self._contract.states.cancellable
        dropped = (".status.", ".key.", *(() if first or text is None else (f".{text.name}.",)))
        return [one for one in results if not any(part in one.check for part in dropped)]

    # -- examples --------------------------------------------------------------------------------------------

    def _place(self, case: Case, state: str | None, held: LeasedResource | None) -> Target:
        if held is not None:
            return Target(held.id, held.state)
        if case.segment is not None:
            return Target(None, None)
        name, certain = self._pool.unknown_id()
        return Target(name, state, certain)

    def _led_up(self, case: Case, target: Target) -> Iterator[SentRequest]:
        """Sends a request that only leads up to the one that is judged; nothing where it gets no answer."""
        step = RequestStep(case=case, target=target, key=_key(case))
        self._sink.sent(case)
        reply = self._asked(case, partial(self._sender.send, step))
        if not isinstance(reply, TransportError):
            yield SentRequest(_says(step), reply.exchange)

    def _after(
        self,
        example: Example,
        held: LeasedResource,
        first: RequestStep,
        reply: Reply,
        sent: tuple[SentRequest, ...],
        *,
        prove: bool,
    ) -> str | None:
        """Follows a cancel up; returns the state that the resource is in now, None where that isn't known.

        `sent` are the requests so far.
        """
        case = example.case
        if held.state not in self._consumed:
            # Whatever state it was in, it may be in another one now.
            return self._given_up(held) if reply.ok else held.state
        if reply.ok:
            if case.mutation in ODD:
                self._pool.used_up(held.state)
            if case.mutation in (Mutation.KEY, Mutation.MISSING, Mutation.WRONG):
                return None
            whole = self._follow_up(example, first, sent, reply)
            certain = whole and case.mutation is Mutation.DOCUMENTED
            return self._contract.states.cancelled if certain else None
        if case.mutation is Mutation.DOCUMENTED:
            # One that refused a documented request isn't to be trusted any more, unless it had to.
            expected = self._oracle.expected(openapi.operation(case.operation), held.state)
            due = expected is not None and not reply.ok and expected[1].met_by(reply)
            return held.state if due else self._given_up(held)
        if reading(self._api) is None and not prove:
            return held.state  # the documented cancel shows it that uses the resource up
        return self._given_up(held) if self._took_effect(example, first.target, reply, sent) else held.state

    def _follow_up(
        self, example: Example, first: RequestStep, before: tuple[SentRequest, ...], reply: Reply
    ) -> bool:
        """Sends what follows a success, up to the first answer that isn't as it should be; returns whether all were."""
        for step in fuzzing(self._api).follow_ups(example, first.target, first.key, reply):
            if self._stopped():
                return False
            follow_up = replace(step, case=replace(step.case, phase="follow-up"))
            taken = self._take(follow_up, before, example)
            if any(one.finding and any(part in one.check for part in _BY_STATE) for one in taken.results):
                return False  # what comes next would be judged by a state that it isn't in
            if taken.reply is not None:
                before = (*before, SentRequest(taken.says, taken.reply.exchange))
        return True

    def _took_effect(
        self, example: Example, target: Target, refusal: Reply, sent: tuple[SentRequest, ...]
    ) -> bool:
        """Returns whether a refused request changed its resource nevertheless: a read tells, or a documented cancel."""
        if self._stopped():
            return False
        step = effects.shown_by(self._api, example.case, target, refusal)
        taken = self._take(step, sent, example)
        return taken.reply is not None and effects.shows(self._api, taken.reply)

    def _confirmed(
        self, held: LeasedResource | None, case: Case, target: Target, reply: Reply
    ) -> list[CheckResult]:
        """Returns the oracle's results without those that a new resource doesn't confirm.

        A resource may have moved on since it was leased, or one of the requests before may have had an effect.
        """
        results = self._oracle.judge(case, target, reply)
        wrong = {result.check for result in results if result.finding is not None}
        stale = held is not None and not held.is_fresh() and case.mutation is Mutation.DOCUMENTED
        if not wrong or held is None or not stale or reply.ok:
            return results
        again = self._pool.take(held.state, extra=self._pool.extra, new=True)
        if again is None:
            return [result for result in results if result.check not in wrong]
        step = RequestStep(case=case, target=Target(again.id, again.state), key=_key(case))
        second = self._asked(case, partial(self._sender.send, step))
        if isinstance(second, TransportError):
            self._pool.give_back(again, None)
            return []
        judged = self._oracle.judge(case, step.target, second)
        still = {result.check for result in judged if result.finding is not None}
        self._pool.give_back(again, None if second.ok else again.state)
        if second.ok and effects.may_tell(self._api, case, reply):
            self._suspect(held)
        return [result for result in results if result.check not in wrong or result.check in still]

    def _suspect(self, held: LeasedResource) -> None:
        """Sends what a resource has gone through again, to find the requests that had an effect, one of each check.

        Each is sent to a new resource, once in a run; and all of them in their order to one, where none of them alone
        had one.
        """
        gone = tuple(case for case in held.history[:-1] if effects.check(self._api, case) is not None)
        suspects = [case for case in gone if case not in self._cleared]
        found = False
        for case in suspects:
            check = effects.check(self._api, case)
            if check in self._guilty or case in self._cleared:
                continue
            self._cleared.append(case)
            if self._had_effect(Example(case, held.state)):
                found = True
                self._guilty.add(check)
        if suspects and not found and not self._guilty and len(gone) > 1:
            self._had_effect(Example(gone[-1], held.state, before=gone[:-1]))

    def _had_effect(self, example: Example) -> bool:
        """Sends an example and what shows its effect to a new resource; returns whether it did. False where none is."""
        state = str(example.state)
        new = None if self._stopped() else self._pool.take(state, extra=self._pool.extra, new=True)
        if new is None:
            return False
        watched = effects.Watched(self._sink)
        Executor(self._context, watched, self._stopped).perform(example, new, prove=True)
        self._pool.give_back(new, None)
        return watched.found


def _says(step: RequestStep) -> str:
    return words.request(openapi.operation(step.case.operation), step.case, step.target.state)


def _titled(one: CheckResult, says: str) -> CheckResult:
    return one if one.finding is None else replace(one, finding=one.finding.titled(says))


def _key(case: Case) -> str | None:
    return str(uuid4()) if case.key == "fresh" else None
