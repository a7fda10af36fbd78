"""Effects of refused requests: the step that shows one, a read or the documented cancel, and how it is told."""

from dataclasses import replace

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz import words
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.execute.context import ResultSink
from conformance.fuzz.fuzz_contract import RequestStep
from conformance.fuzz.generate.strategies import plain
from conformance.fuzz.oracle.check_of import effect_check
from conformance.fuzz.oracle.results import (
    EFFECT,
    CheckResult,
    Finding,
    JudgedAnswer,
    Target,
    answers,
)
from conformance.fuzz.state_order import cancelling, reading
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Exchange


def check(api: str, case: Case) -> str | None:
    """Returns the check (without its operation) that a refused request breaks if it took effect; None for a read."""
    operation = openapi.operation(case.operation)
    return effect_check(operation, case) if operation.id == cancelling(api).id else None


def may_tell(api: str, case: Case, reply: Reply) -> bool:
    """Returns whether this answer to a documented cancel says that its resource is none that can be cancelled."""
    operation = openapi.operation(case.operation)
    refused = answers(operation)[1]
    return operation.id == cancelling(api).id and refused.is_met_but_for_the_code(reply)


def shows(api: str, reply: Reply) -> bool:
    """Returns whether the answer to the step of `shown_by` shows an effect."""
    if reading(api) is None:
        return answers(cancelling(api))[1].is_met_but_for_the_code(reply)
    described = contract(api)
    return reply.ok and bool(reply.at(described.answers.status) == described.states.cancelled)


def shown_by(api: str, case: Case, target: Target, refusal: Reply) -> RequestStep:
    """Returns the step after a refused request that shows whether it took effect, judged by its check."""
    operation, read = openapi.operation(case.operation), reading(api)
    name = effect_check(operation, case)
    request = words.request(operation, case, target.state)
    how = "refused" if refusal.status < 500 else "answered by an error"

    def judge(sent: Case, place: Target, reply: Reply) -> list[CheckResult]:
        if name is None:
            return []
        found = None
        if shows(api, reply):
            found = _by_a_read(api, request, how, refusal, reply)
            if read is None:
                found = _by_a_cancel(api, target, request, how, refusal, reply)
        return [CheckResult(f"{operation.name}.{name}", found)]

    if read is not None:
        step = Case(read.id, "follow-up", "GET", Mutation.DOCUMENTED)
        return RequestStep(case=step, target=target, judge=judge)
    return RequestStep(case=plain(operation), target=target, judge=judge)


def _by_a_read(api: str, request: str, how: str, refusal: Reply, reply: Reply) -> Finding:
    described = contract(api)
    status, cancelled = described.answers.status, described.states.cancelled
    expected = f"{request}, once refused with {refusal.status}, to have no effect"
    observed = f"{status} is {words.value(cancelled)} in a read: {summary.of(reply)}"
    fault = f"{request} was {how} ({refusal.status}), and cancelled the {words.noun(api)} all the same"
    return Finding(expected, observed, EFFECT, fault=fault)


def _by_a_cancel(api: str, target: Target, request: str, how: str, refusal: Reply, reply: Reply) -> Finding:
    ok = answers(cancelling(api))[0]
    expected = f"{ok} to cancelling {words.resource(api, target.state)} after {request} was refused ({refusal.status})"
    answer = words.answer(contract(api), reply)
    then = f"the documented cancel that followed was refused, too ({answer})"
    fault = f"{request} was {how} ({refusal.status}), and {then}"
    return Finding(expected, summary.of(reply), EFFECT, fault=fault)


class Watched(ResultSink):
    """A sink that hands on what tells of an effect, and notes whether anything did (`found`)."""

    def __init__(self, sink: ResultSink) -> None:
        self._sink = sink
        self.found = False

    def sent(self, case: Case) -> None:
        """Counts a request."""
        self._sink.sent(case)

    def answered(self, answer: JudgedAnswer) -> None:
        """Hands the results on."""
        kept = [one for one in answer.results if one.finding is not None and one.finding.cause == EFFECT]
        self.found |= bool(kept)
        self._sink.answered(replace(answer, results=tuple(kept)))

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Hands it on."""
        self._sink.failed(case, kind, exchange)
