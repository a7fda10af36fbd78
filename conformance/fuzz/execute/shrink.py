"""Shrinks a failing example, for as long as it fails in the same way.

Each candidate is simpler than the one before: a header less, a key less, a shorter text, plainer letters. It is sent to
a resource that is as it should be, signed anew, and judged as in the run. So what a report shows is the least that
makes the target fail, and it was seen twice.
"""

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from conformance import openapi
from conformance.contracts import contract
from conformance.errors import BudgetError
from conformance.fuzz.case import UNKNOWN, Case, Example, Mutation, meant
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.execute.executor import Executor
from conformance.fuzz.execute.unanswered import NO_ANSWER
from conformance.fuzz.findings import Failure, Findings
from conformance.fuzz.fuzzing import fuzzing
from conformance.fuzz.generate import bodies
from conformance.fuzz.oracle.results import CheckResult, Finding
from conformance.fuzz.text_field import body_mutation
from conformance.http.reply import MISSING, Reply
from conformance.model import Exchange

# Of one cause: so many requests and seconds. Of one run: so many causes of a check, and so many seconds.
_REQUESTS = 40
_SECONDS = 4.0
CAUSES = 3
WHOLE_S = 15.0
# What a run may lease more than it had planned, so that there is something left to shrink with.
_EXTRA = 200
_BY_BODY = (Mutation.DOCUMENTED, Mutation.OPEN, Mutation.FIELD_TYPE, Mutation.FIELD_LENGTH, Mutation.BODY)
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)


@dataclass(slots=True)
class Trial:
    """A sink for one execution: keeps what `check` showed. `cause` None keeps any.

    `fresh` tells whether the resource was a new one.
    """

    check: str
    cause: str | None = None
    ruled_on: bool = False
    requests: int = 0
    finding: Finding | None = None
    shown: tuple[Exchange, ...] = ()
    answers: list[Exchange] = field(default_factory=list)
    fault: Exchange | None = None
    fresh: bool = True

    def sent(self, case: Case) -> None:
        """Counts a request."""
        del case
        self.requests += 1

    def answered(
        self,
        case: Case,
        reply: Reply,
        results: Iterable[CheckResult],
        before: tuple[Exchange, ...] = (),
        read: Case | None = None,
        example: object = None,
    ) -> None:
        """Keeps the first finding of the check and cause."""
        del case, read, example
        self.answers.append(reply.exchange)
        for one in results:
            self.ruled_on |= one.check == self.check
            found = one.finding if one.check == self.check else None
            if found is not None and self.cause in (None, found.cause) and self.finding is None:
                self.finding, self.shown = found, (*before, reply.exchange)

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Keeps the exchange: a request without an answer is no finding."""
        del case, kind
        self.fault = exchange

    def unanswered(self, result: CheckResult, exchange: Exchange | None, example: object) -> None:
        """Keeps the finding that no answer ever comes."""
        del example
        if result.check != self.check or exchange is None or result.finding is None:
            return
        self.ruled_on = True
        self.answers.append(exchange)
        if self.cause in (None, result.finding.cause):
            self.finding, self.shown = result.finding, (exchange,)

    def skipped(self, case: Case) -> None:
        """Does nothing."""


def attempt(
    context: ExecutionContext,
    example: Example,
    trial: Trial,
    stopped: Callable[[], bool] = lambda: False,
    *,
    new: bool = False,
) -> bool:
    """Executes `example` once more, with `trial` as sink. Returns False where no resource is available.

    With `new`, on a resource that was never used, if there is one: what a case has done to one may not be done twice.
    Raises BudgetError.
    """
    held = None
    if example.state not in (None, UNKNOWN):
        extra = 0 if context.pool.frugal else _EXTRA
        held = context.pool.take(str(example.state), extra=extra, new=True) if new else None
        trial.fresh = held is not None
        held = held or context.pool.take(str(example.state), extra=extra)
        if held is None:
            return False
    executor = Executor(context, trial, lambda: stopped() or trial.finding is not None)
    good = False
    try:
        good = executor.perform(example, held)
    finally:
        if held is not None:
            # A defect may have changed what it should have left alone.
            context.pool.give_back(held, good=good and trial.finding is None)
    return True


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


def shrink(context: ExecutionContext, check: str, seen: Failure, stopped: Callable[[], bool]) -> int:
    """Replaces the example that was `seen` by the smallest with the same cause; returns the number of requests."""
    work = _Work(context, check, seen, stopped)
    if not work.is_over():
        work.begin()
    tried: set[int] = set()
    while seen.again and not work.is_over() and work.step(tried):
        pass
    return work.sent


class _Work:
    """Shrinks the example of one cause, within bounds of requests and seconds."""

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
        trial = Trial(self._check, self._seen.finding.cause)
        failed = self._fails(self._seen.example, trial, new=True)
        if failed or (self._possible and trial.fresh and trial.answers and not self._stopped()):
            self._seen.again = failed

    def step(self, tried: set[int]) -> bool:
        """Replaces the example by the first simpler one that fails too; returns whether there was one."""
        example = self._seen.example
        assert isinstance(example, Example)
        for case in simpler(example.case):
            mark = hash((case.segment, case.headers, case.body, case.key, case.altered, case.omitted))
            if mark in tried:
                continue
            if self.is_over():
                return False
            tried.add(mark)
            if self._fails(replace(example, case=case)):
                return True
        return False

    def _fails(self, example: Example, trial: Trial | None = None, *, new: bool = False) -> bool:
        """Returns whether it fails in the same way; keeps it then."""
        trial = trial or Trial(self._check, self._seen.finding.cause)
        self._possible = attempt(self._context, example, trial, self._stopped, new=new)
        self.sent += trial.requests
        if trial.finding is None:
            return False
        seen = self._seen
        seen.example, seen.finding, seen.shown, seen.size = (
            example,
            trial.finding,
            trial.shown,
            example.size(),
        )
        return True


def weight(case: Case) -> tuple[int, ...]:
    """Returns what shrinking makes smaller: number of parts, length, letters that aren't plain, code points."""
    texts = [
        case.segment or "",
        (case.body or b"").decode("latin-1"),
        *(value for _, value in (*case.headers, *case.altered)),
    ]
    whole = "".join(texts)
    plain = sum(letter.isascii() and letter.isalnum() for letter in whole)
    parts = len(case.headers) + len(case.omitted) + len(case.altered) + (case.key == "fresh")
    return parts, case.size(), len(whole) - plain, sum(map(ord, whole))


def simpler(case: Case) -> Iterator[Case]:
    """Simpler requests of the same aim, the simplest first; none is as complicated as `case`."""
    most = weight(case)
    for one in (*_fewer(case), *_other_id(case), *_other_body(case), *_other_texts(case)):
        # What it tries has to stay the same, or the answer means something else.
        if one.mutation is case.mutation and weight(one) < most:
            yield one


def _fewer(case: Case) -> Iterator[Case]:
    for index, (name, _) in enumerate(case.headers):
        if name.lower() not in ("content-type", _key_header(case)):
            yield replace(case, headers=(*case.headers[:index], *case.headers[index + 1 :]))
    if case.key == "fresh" and case.mutation is not Mutation.DOCUMENTED:
        yield replace(case, key="absent")
    if len(case.omitted) > 1:
        yield from (replace(case, omitted=(name,)) for name in case.omitted)


def _other_id(case: Case) -> Iterator[Case]:
    if case.segment:
        parts = _ESCAPED.findall(case.segment)
        yield from (replace(case, segment="".join(some)) for some in _shorter(parts) if some)
        plainer = ["0" if len(part) == 1 and part != "." else part for part in parts]
        yield replace(case, segment="".join(plainer))


def _other_body(case: Case) -> Iterator[Case]:
    if case.body is None:
        return
    if case.mutation in (
        Mutation.PATH,
        Mutation.METHOD,
        Mutation.MISSING,
        Mutation.WRONG,
        Mutation.KEY,
        Mutation.TYPE,
    ):
        operation = openapi.operation(case.operation)
        if operation.has_body and case.mutation is not Mutation.METHOD:
            body, value = bodies.empty(operation)
            yield replace(case, body=body, value=value)
        return
    operation = openapi.operation(case.operation)
    value = case.value if case.value is not MISSING else meant(case.body)
    if value is MISSING:
        yield from (_with_body(case, some, meant(some)) for some in _halved(case.body))
        return
    text = fuzzing(operation.api).text
    for other in _values(value, None if text is None else text.name):
        yield _with_body(case, bodies.encoded(operation, other), other)


def _with_body(case: Case, body: bytes, value: Any) -> Case:
    text = fuzzing(openapi.operation(case.operation).api).text
    mutation = body_mutation(text, body, value) if case.mutation in _BY_BODY else case.mutation
    return replace(case, body=body, value=value, mutation=mutation)


def _key_header(case: Case) -> str:
    return (contract(openapi.operation(case.operation).api).requests.key_header or "").lower()


def _values(value: Any, text: str | None) -> Iterator[Any]:
    """Generates simpler JSON values of the same type, or of its parts; `text` is the key that is kept longest."""
    if isinstance(value, dict):
        yield {}
        if text in value:
            yield {text: value[text]}
        yield from ({key: item for key, item in value.items() if key != gone} for gone in list(value)[:8])
        for key, item in list(value.items())[:4]:
            yield from ({**value, key: other} for other in itertools.islice(_values(item, text), 14))
        if len(value) == 1 and text not in value:
            (key, item), *_ = value.items()
            yield from ({"".join(some): item} for some in _shorter(list(key)))
    elif isinstance(value, list):
        yield []
        yield from _shorter(value)
    elif isinstance(value, str):
        yield from ("".join(some) for some in _shorter(list(value)))
        yield "".join(letter if letter.isascii() and letter.isalnum() else "a" for letter in value)
        yield "a" * len(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (0, 1, -1)


def _other_texts(case: Case) -> Iterator[Case]:
    """Generates shorter values of what is odd: a key, a content type, a credential."""
    for index, (name, value) in enumerate(case.altered):
        scheme, _, rest = value.rpartition(" " if " " in value else "=" if value.startswith("sha") else "\0")
        lead = value[: len(value) - len(rest)] if scheme else ""
        for some in _shorter(list(rest)):
            other = (name, (lead + "".join(some)).strip())
            yield replace(case, altered=(*case.altered[:index], other, *case.altered[index + 1 :]))
    for index, (name, value) in enumerate(case.headers):
        if case.mutation is Mutation.KEY and name.lower() == _key_header(case):
            for some in _shorter(list(value)):
                text = "".join(some)
                if text == text.strip():
                    yield replace(
                        case, headers=(*case.headers[:index], (name, text), *case.headers[index + 1 :])
                    )


def _shorter(items: list[Any]) -> Iterator[list[Any]]:
    """Generates the empty list, then the list without each half, each quarter and so on."""
    size = len(items)
    if not size:
        return
    yield []
    part = (size + 1) // 2
    while part and size > 1:
        yield from (items[:at] + items[at + part :] for at in range(0, size, part))
        if part == 1 or size // part >= 8:
            break
        part = (part + 1) // 2


def _halved(body: bytes) -> Iterator[bytes]:
    yield from (bytes(some) for some in _shorter(list(body)))
