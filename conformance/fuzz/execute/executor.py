"""Executes one example: sends its request to a leased resource, confirms a surprise, follows up a success.

A run, shrinking and `replay` all use it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from conformance import openapi
from conformance.contracts import contract
from conformance.errors import TransportError
from conformance.fuzz.case import Case, Example, Mutation
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.execute.pool import LeasedResource
from conformance.fuzz.execute.unanswered import Unanswered
from conformance.fuzz.fuzzing import MEMORY_S, FollowUp, fuzzing
from conformance.fuzz.oracle.oracle import effect_check
from conformance.fuzz.oracle.results import CheckResult, Finding, Target, told
from conformance.fuzz.states import consumed, reading
from conformance.http.patience import Patience
from conformance.http.reply import Reply
from conformance.openapi import Operation


class Executor:
    """Executes examples and tells `sink` what came. Follow-ups end once `stopped` returns True."""

    def __init__(self, context: ExecutionContext, sink: ResultSink, stopped: Callable[[], bool]) -> None:
        self._sender, self._pool, self._oracle = context.sender, context.pool, context.oracle
        self._api = context.api
        self._contract = contract(context.api)
        self._consumed = consumed(context.api)
        self._sink = sink
        self._stopped = stopped
        self._patience = Patience()
        self._unanswered = Unanswered(context, sink)

    def perform(self, example: Example, held: LeasedResource | None) -> bool:
        """Executes `example` on the resource that it got, if any. Raises BudgetError.

        Returns True if the resource is unchanged and can be used again.
        """
        case, operation = example.case, openapi.operation(example.case.operation)
        if self._unanswered.is_hopeless(case):
            self._sink.skipped(case)
            return True
        target = self._place(case, example.state, held)
        self._sink.sent(case)
        key = str(uuid4()) if case.key == "fresh" else None
        clock = time.monotonic()
        try:
            reply = self._sender.send(case, target.id, key)
        except TransportError as fault:
            self._sink.failed(case, fault.kind, self._sender.last_fault())
            if not self._stopped():
                self._unanswered.met(example, target, fault, time.monotonic() - clock)
            # Who knows what became of it, unless nothing could become of it.
            return held is not None and held.state not in self._consumed
        results = self._confirmed(case, held, reply, self._oracle.judge(case, target, reply))
        self._sink.answered(case, reply, results, example=example)
        return held is None or operation.method == "GET" or self._after(example, held, target, key, reply)

    def _after(
        self, example: Example, held: LeasedResource, target: Target, key: str | None, reply: Reply
    ) -> bool:
        """Follows a cancel up; returns True if the resource is unchanged and can be used again."""
        case = example.case
        if held.state not in self._consumed:
            # Whatever state it was in, it may be in another one now.
            return not reply.ok
        if reply.ok:
            if case.mutation not in (Mutation.KEY, Mutation.MISSING, Mutation.WRONG):
                for one in fuzzing(self._api).follow_ups(example, target, key, reply):
                    if self._stopped():
                        break
                    self._follow(example, one, reply)
            return False
        if reading(self._api) is None:
            return True
        # One that refused a documented request isn't to be trusted any more.
        return case.mutation is not Mutation.DOCUMENTED and not self._took_effect(
            openapi.operation(case.operation), example, target, reply
        )

    def _place(self, case: Case, state: str | None, held: LeasedResource | None) -> Target:
        if held is not None:
            return Target(held.id, held.state)
        if case.segment is not None:
            return Target(None, None)
        name, certain = self._pool.unknown_id()
        return Target(name, state, certain)

    def _send(self, case: Case, target: Target, key: str | None) -> Reply | None:
        try:
            return self._sender.send(case, target.id, key)
        except TransportError as fault:
            self._sink.failed(case, fault.kind, self._sender.last_fault())
            return None

    # -- confirming --------------------------------------------------------------------------------------------

    def _confirmed(
        self, case: Case, held: LeasedResource | None, reply: Reply, results: list[CheckResult]
    ) -> list[CheckResult]:
        """Returns the results without those that a new resource doesn't confirm.

        A resource may have moved on since it was leased.
        """
        wrong = {result.check for result in results if result.finding is not None}
        stale = held is not None and not held.is_fresh() and case.mutation is Mutation.DOCUMENTED
        if not wrong or held is None or not stale or reply.ok:
            return results
        again = self._pool.take(held.state, extra=3, new=True)
        if again is None:
            return [result for result in results if result.check not in wrong]
        second_at = Target(again.id, again.state)
        second = self._send(case, second_at, str(uuid4()) if case.key == "fresh" else None)
        if second is None:
            self._pool.give_back(again, good=False)
            return []
        still = {one.check for one in self._oracle.judge(case, second_at, second) if one.finding is not None}
        self._pool.give_back(again, good=not second.ok)
        return [result for result in results if result.check not in wrong or result.check in still]

    def _took_effect(self, operation: Operation, example: Example, target: Target, refusal: Reply) -> bool:
        """Returns whether a refused request cancelled its resource nevertheless, as reading it tells."""
        case, read = example.case, reading(self._api)
        check = effect_check(operation, case)
        if self._stopped() or read is None:
            return False
        get = Case(read.id, "follow-up", "GET", Mutation.DOCUMENTED)
        self._sink.sent(get)
        reply = self._send(get, target, None)
        if reply is None:
            return False
        cancelled = self._contract.states.cancelled
        effective = reply.ok and reply.at(self._contract.answers.status) == cancelled
        expected = f"{case.summary()}, once refused with {refusal.status}, to have no effect"
        observed = f"the {self._contract.noun} is {cancelled}: {told(reply)}"
        finding = Finding(expected, observed, "effect") if effective else None
        results = [CheckResult(f"{operation.name}.{check}", finding)] if check is not None else []
        self._sink.answered(case, reply, results, (refusal.exchange,), read=get, example=example)
        return effective

    # -- follow-ups ------------------------------------------------------------------------------------------

    def _follow(self, example: Example, one: FollowUp, first: Reply) -> None:
        """Sends one request after a success."""
        case = replace(one.case, phase="follow-up")
        self._sink.sent(case)
        reply = self._send(case, one.target, one.key)
        if reply is None:
            return
        if one.lags:
            settled = self._confirming(case, one, reply)
            if settled is None:
                return
            reply = settled
        name = openapi.operation(case.operation).name
        late = one.by_key and reply.finished - first.finished > MEMORY_S
        shown = [] if late else one.more(reply)
        results = [CheckResult(f"{name}.{result.check}", result.finding) for result in shown]
        text = fuzzing(self._api).text
        by_key = (".status.", ".key.", *((f".{text.name}.",) if text is not None else ()))
        results += [
            result
            for result in self._oracle.judge(case, one.target, reply)
            if not one.by_key or not any(part in result.check for part in by_key)
        ]
        self._sink.answered(case, reply, results, (first.exchange,), example=example)

    def _confirming(self, case: Case, one: FollowUp, reply: Reply) -> Reply | None:
        """Returns the first answer that shows what it is to show, or the last one; None where one didn't come."""

        def good(reply: Reply) -> bool:
            return not any(result.finding for result in one.more(reply))

        try:
            return self._patience.until(lambda: self._sender.send(case, one.target.id, None), good, reply)
        except TransportError as fault:
            self._sink.failed(case, fault.kind, self._sender.last_fault())
            return None
