"""Executes one example once more, on a new resource and with a new key, and keeps what one check showed."""

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz import words
from conformance.fuzz.case import UNKNOWN, Case, Example, Mutation
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.execute.executor import Executor
from conformance.fuzz.oracle.results import CheckResult, Finding, JudgedAnswer, SentRequest
from conformance.model import Exchange

# So many letters and digits of a key are renewed: fewer may be what is odd about it.
_UNIQUE = 8


@dataclass(slots=True)
class Trial(ResultSink):
    """A sink for one execution: keeps what `check` showed. `cause` None keeps any.

    `fresh` tells whether the resource was a new one. `before` were sent for it already, `sent_requests` are its own.
    """

    check: str
    cause: str | None = None
    judged: bool = False
    requests: int = 0
    finding: Finding | None = None
    shown: tuple[SentRequest, ...] = ()
    answers: list[Exchange] = field(default_factory=list)
    fault: Exchange | None = None
    fresh: bool = True
    before: tuple[SentRequest, ...] = ()
    sent_requests: tuple[SentRequest, ...] = ()

    def sent(self, case: Case) -> None:
        """Counts a request."""
        self.requests += 1

    def answered(self, answer: JudgedAnswer) -> None:
        """Keeps the first finding of the check and cause."""
        self.answers.append(answer.reply.exchange)
        self.sent_requests = (*self.sent_requests, answer.shown[-1])
        for one in answer.results:
            self.judged |= one.check == self.check
            found = one.finding if one.check == self.check else None
            if found is not None and self.cause in (None, found.cause) and self.finding is None:
                self.finding = found
                self.shown = (*self.before, *answer.shown)

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Keeps the exchange: a request without an answer is no finding."""
        self.fault = exchange

    def unanswered(
        self, result: CheckResult, exchange: Exchange | None, example: Example, says: str = ""
    ) -> None:
        """Keeps the finding that no answer ever comes."""
        if result.check != self.check or exchange is None or result.finding is None:
            return
        self.judged = True
        self.answers.append(exchange)
        if self.cause in (None, result.finding.cause):
            self.finding, self.shown = result.finding, (SentRequest(says, exchange),)


def attempt(
    context: ExecutionContext,
    example: Example,
    trial: Trial,
    stopped: Callable[[], bool] = lambda: False,
    *,
    new: bool = False,
    prove: bool = False,
) -> bool:
    """Executes `example` once more, with `trial` as sink. Returns False where no resource is available.

    `prove` as in `Executor.perform`. With `new`, on a resource that was never used, if there is one: what a case has
    done to one may not be done twice. An idempotency key of its own is a new one: the target may remember what it
    answered to the last.
    Raises BudgetError.
    """
    example = renewed(example)
    if trial.check.endswith(f".key.other_{words.noun(context.api)}"):
        # Another resource has to have had the key before.
        first = Trial(trial.check)
        if not _attempt(context, example, first, stopped, new=new, prove=prove):
            return False
        trial.requests, trial.before = first.requests, first.sent_requests[:1]
    return _attempt(context, example, trial, stopped, new=new, prove=prove)


def _attempt(
    context: ExecutionContext,
    example: Example,
    trial: Trial,
    stopped: Callable[[], bool],
    *,
    new: bool,
    prove: bool,
) -> bool:
    held, pool = None, context.pool
    if example.state not in (None, UNKNOWN):
        held = pool.take(str(example.state), extra=pool.extra, new=True) if new else None
        trial.fresh = held is not None
        held = held or pool.take(str(example.state), extra=pool.extra)
        if held is None:
            return False
    executor = Executor(context, trial, lambda: stopped() or trial.finding is not None)
    now = None
    try:
        now = executor.perform(example, held, prove=prove)
    finally:
        if held is not None:
            # A defect may have changed what it should have left alone.
            pool.give_back(held, now if trial.finding is None else None)
    return True


def renewed(example: Example) -> Example:
    """Returns the example with a new idempotency key of the same make-up: the target may remember the old one."""
    case, name = example.case, contract(openapi.operation(example.case.operation).api).requests.key_header
    if case.mutation is not Mutation.KEY or name is None:
        return example
    headers = tuple((one, _renewed(text) if one == name else text) for one, text in case.headers)
    return replace(example, case=replace(case, headers=headers))


def _renewed(key: str) -> str:
    """Returns a key with other letters and digits, if it has enough of them to be a new one."""
    if sum(letter.isascii() and letter.isalnum() for letter in key) < _UNIQUE:
        return key
    digits = iter(lambda: secrets.choice(string.digits), "")
    letters = iter(lambda: secrets.choice(string.ascii_lowercase), "")
    return "".join(
        letter
        if not (letter.isascii() and letter.isalnum())
        else next(digits)
        if letter.isdigit()
        else next(letters)
        for letter in key
    )
