"""Judges requests that get no answer, and decides when no more of their kind are sent."""

import threading
from collections import Counter
from uuid import uuid4

from conformance import openapi
from conformance.errors import TransportError
from conformance.fuzz import words
from conformance.fuzz.case import UNKNOWN, Case, Example, Mutation
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.fuzz_contract import RequestStep
from conformance.fuzz.generate.strategies import plain
from conformance.fuzz.oracle.check_of import crash_check
from conformance.fuzz.oracle.results import CheckResult, Finding, Target
from conformance.fuzz.state_order import consumed
from conformance.http.reply import Reply
from conformance.oracles import expect, odd_requests
from conformance.oracles.lines import LONG

NO_ANSWER = "no answer"
# So often at most it is tried whether a kind of request never gets an answer; more often where the documented requests
# beside it got none either.
_TRIES, _ALL_TRIES = 2, 6
# The most unanswered requests of a kind, and the most seconds of waiting, before no more of it are sent.
_ENOUGH, _ENOUGH_S = 4, 20.0
# An answer by 502, 503 or 504, a connection that was cut, a time limit that passed.
_SILENT = ("unavailable", "timeout", "reset", "protocol")
# What the HTTP library refuses to write.
_UNSENT = "LocalProtocolError"


class Unanswered:
    """Follows up what got no answer. Safe to use from several threads."""

    def __init__(self, context: ExecutionContext, sink: ResultSink) -> None:
        self._context, self._sink = context, sink
        self._lock = threading.Lock()
        self._tried: Counter[str] = Counter()
        self._often: Counter[tuple[str, Mutation]] = Counter()
        self._seconds: dict[tuple[str, Mutation], float] = {}

    def is_hopeless(self, case: Case) -> bool:
        """Returns whether enough odd requests of this kind were waited for in vain."""
        kind = (case.operation, case.mutation)
        with self._lock:
            return self._often[kind] >= _ENOUGH and self._seconds[kind] >= _ENOUGH_S

    def met(self, example: Example, target: Target, fault: TransportError, waited_s: float) -> None:
        """Sends an odd request that ended in `fault` again, and reports where it never gets an answer.

        It is sent once more, to a new resource where it may have had an effect, between two documented requests. Where
        these get no answer either, the target was unavailable, and nothing is said. Raises BudgetError.
        """
        case = example.case
        check = crash_check(case)
        if check is None or fault.kind not in _SILENT or fault.message.startswith(_UNSENT):
            return
        if fault.kind == "reset" and _longest_line(case) > LONG:
            return
        kind, name = (case.operation, case.mutation), openapi.operation(case.operation).name
        with self._lock:
            self._often[kind] += 1
            self._seconds[kind] = self._seconds.get(kind, 0.0) + waited_s
            self._tried[f"{name}.{check}"] += 1
            if self._tried[f"{name}.{check}"] > _TRIES:
                return
        first = self._context.sender.last_fault()
        pending = [fault]

        def ask() -> Reply:
            # The first time is over already.
            if pending:
                raise pending.pop()
            return self._again(case, target)

        try:
            odd_requests.odd(ask, lambda: self._documented(case), to=self._request(case, target))
        except TransportError:
            with self._lock:
                if self._often[kind] < _ALL_TRIES:
                    self._tried[f"{name}.{check}"] -= 1
        except expect.Violation as found:
            said = {
                "timeout": "was never answered",
                "unavailable": "was answered by nothing but 502, 503 or 504",
            }
            finding = Finding(
                found.expected,
                found.observed,
                f"{NO_ANSWER}: {fault.kind}",
                found.hint,
                did=said.get(fault.kind, "ended in a lost connection each time"),
            ).titled(self._request(case, target))
            exchange = self._context.sender.last_fault() or first
            says = self._request(case, target)
            self._sink.unanswered(CheckResult(f"{name}.{check}", finding), exchange, example, says)

    def _request(self, case: Case, target: Target) -> str:
        return words.request(openapi.operation(case.operation), case, target.state)

    def _again(self, case: Case, target: Target) -> Reply:
        pool, changes = self._context.pool, target.state in consumed(self._context.api)
        held = pool.take(str(target.state), extra=3, new=True) if changes else None
        place = target if held is None else Target(held.id, held.state)
        key = str(uuid4()) if case.key == "fresh" else None
        try:
            return self._context.sender.send(RequestStep(case=case, target=place, key=key))
        finally:
            if held is not None:
                pool.give_back(held, None)

    def _documented(self, case: Case) -> Reply:
        """Returns the answer to a documented request of the same operation, about an id that names nothing."""
        target = Target(self._context.pool.unknown_id()[0], UNKNOWN)
        documented = plain(openapi.operation(case.operation))
        return self._context.sender.send(RequestStep(case=documented, target=target, key=str(uuid4())))


def _longest_line(case: Case) -> int:
    return max(len(text) for text in (case.segment or "", *(v for _, v in (*case.headers, *case.altered))))
