"""Makes a failing case smaller, for as long as it fails in the same way.

Each candidate is simpler than the one before: a header less, a key less, a shorter text, plainer letters. It is sent to
a resource that is as it should be, signed anew, and judged as in the run. So what a report shows is the least that
makes the target fail, and it was seen twice.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from conformance import openapi
from conformance.errors import BudgetError
from conformance.fuzz.crew import Crew
from conformance.fuzz.ledger import Ledger, Seen
from conformance.fuzz.perform import Performer
from conformance.fuzz.probes import Aim, Case, Probe, body_aim, meant
from conformance.fuzz.resources import UNKNOWN
from conformance.fuzz.rulings import Finding, Ruling
from conformance.fuzz.silence import NO_ANSWER
from conformance.http.reply import MISSING, Reply
from conformance.model import Exchange

# Of one cause: so many requests and seconds. Of one run: so many causes of a check, and so many seconds.
_REQUESTS = 40
_SECONDS = 4.0
CAUSES = 3
WHOLE_S = 15.0
# What a run may lease more than it had planned, so that there is something left to shrink with.
_EXTRA = 200
_BY_BODY = (Aim.DOCUMENTED, Aim.OPEN, Aim.REASON, Aim.LONG, Aim.BODY)
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)


@dataclass(slots=True)
class Trial:
    """A book for one performance: remembers what `check` showed. `cause` None takes any.

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

    def sent(self, probe: Probe) -> None:
        """Counts."""
        del probe
        self.requests += 1

    def ruled(
        self,
        probe: Probe,
        reply: Reply,
        rulings: Iterable[Ruling],
        before: tuple[Exchange, ...] = (),
        read: Probe | None = None,
        case: object = None,
    ) -> None:
        """Keeps the first finding that is looked for."""
        del probe, read, case
        self.answers.append(reply.exchange)
        for one in rulings:
            self.ruled_on |= one.check == self.check
            found = one.finding if one.check == self.check else None
            if found is not None and self.cause in (None, found.cause) and self.finding is None:
                self.finding, self.shown = found, (*before, reply.exchange)

    def failed(self, probe: Probe, kind: str, exchange: Exchange | None) -> None:
        """No answer is no finding."""
        del probe, kind
        self.fault = exchange

    def unanswered(self, ruling: Ruling, exchange: Exchange | None, case: object) -> None:
        """Never an answer is one."""
        del case
        if ruling.check != self.check or exchange is None or ruling.finding is None:
            return
        self.ruled_on = True
        self.answers.append(exchange)
        if self.cause in (None, ruling.finding.cause):
            self.finding, self.shown = ruling.finding, (exchange,)

    def skipped(self, probe: Probe) -> None:
        """Nothing was sent."""


def attempt(
    crew: Crew, case: Case, trial: Trial, stopped: Callable[[], bool] = lambda: False, *, new: bool = False
) -> bool:
    """Performs `case` once more and lets `trial` see it. False where there is no resource for it.

    With `new`, on a resource that was never used, if there is one: what a case has done to one may not be done twice.
    Raises BudgetError.
    """
    held = None
    if case.state not in (None, UNKNOWN):
        extra = 0 if crew.supply.frugal else _EXTRA
        held = crew.supply.take(str(case.state), extra=extra, new=True) if new else None
        trial.fresh = held is not None
        held = held or crew.supply.take(str(case.state), extra=extra)
        if held is None:
            return False
    performer = Performer(crew, trial, lambda: stopped() or trial.finding is not None)
    good = False
    try:
        good = performer.perform(case, held)
    finally:
        if held is not None:
            # A defect may have changed what it should have left alone.
            crew.supply.give_back(held, good=good and trial.finding is None)
    return True


def shrink_all(crew: Crew, ledger: Ledger, lanes: int, stopped: Callable[[], bool]) -> int:
    """Makes the cases of every check smaller that are worth showing; returns how many requests that took."""
    until = time.monotonic() + WHOLE_S
    chosen = [
        (check.key, seen)
        for _, group in itertools.groupby(ledger.failing(), key=lambda pair: pair[0].key)
        for check, seen in itertools.islice(group, CAUSES)
        if isinstance(seen.case, Case) and not seen.finding.cause.startswith(NO_ANSWER)
    ]
    over = threading.Event()

    def one(pair: tuple[str, Seen]) -> int:
        if over.is_set():
            return 0
        try:
            return shrink(crew, *pair, lambda: stopped() or over.is_set() or time.monotonic() > until)
        except BudgetError:
            over.set()
            return 0

    pool = ThreadPoolExecutor(max_workers=max(1, lanes), thread_name_prefix="shrink")
    futures = [pool.submit(one, pair) for pair in chosen]
    pending: set[Future[int]] = set(futures)
    while pending and not stopped():
        pending = wait(pending, 0.05).not_done
    # A request that is under way when the run is stopped is not waited for.
    pool.shutdown(wait=not pending, cancel_futures=True)
    return sum(each.result() for each in futures if each not in pending)


def shrink(crew: Crew, check: str, seen: Seen, stopped: Callable[[], bool]) -> int:
    """Puts the smallest case with the same cause in the place of the one that was `seen`; returns the requests."""
    work = _Work(crew, check, seen, stopped)
    if not work.is_over():
        work.begin()
    tried: set[int] = set()
    while seen.again and not work.is_over() and work.step(tried):
        pass
    return work.sent


class _Work:
    """The shrinking of one cause, within its bounds."""

    def __init__(self, crew: Crew, check: str, seen: Seen, stopped: Callable[[], bool]) -> None:
        self._crew, self._check, self._seen, self._stopped = crew, check, seen, stopped
        self._until = time.monotonic() + _SECONDS
        self._possible = True
        self.sent = 0

    def is_over(self) -> bool:
        """Whether a bound is reached."""
        late = self.sent >= _REQUESTS or time.monotonic() > self._until
        return late or not self._possible or self._stopped()

    def begin(self) -> None:
        """The case as it was found, by itself."""
        assert isinstance(self._seen.case, Case)
        if self._seen.again is not None:
            return
        trial = Trial(self._check, self._seen.finding.cause)
        failed = self._fails(self._seen.case, trial, new=True)
        if failed or (self._possible and trial.fresh and trial.answers and not self._stopped()):
            self._seen.again = failed

    def step(self, tried: set[int]) -> bool:
        """Replaces the case by the first simpler one that fails too; whether there was one."""
        case = self._seen.case
        assert isinstance(case, Case)
        for probe in simpler(case.probe):
            mark = hash((probe.segment, probe.headers, probe.body, probe.key, probe.altered, probe.omitted))
            if mark in tried:
                continue
            if self.is_over():
                return False
            tried.add(mark)
            if self._fails(replace(case, probe=probe)):
                return True
        return False

    def _fails(self, case: Case, trial: Trial | None = None, *, new: bool = False) -> bool:
        """Whether it fails in the same way, and then it is the one to keep."""
        trial = trial or Trial(self._check, self._seen.finding.cause)
        self._possible = attempt(self._crew, case, trial, self._stopped, new=new)
        self.sent += trial.requests
        if trial.finding is None:
            return False
        seen = self._seen
        seen.case, seen.finding, seen.shown, seen.size = case, trial.finding, trial.shown, case.size()
        return True


def weight(probe: Probe) -> tuple[int, ...]:
    """What has to go down: the parts, the length, the letters that aren't plain."""
    texts = [
        probe.segment or "",
        (probe.body or b"").decode("latin-1"),
        *(value for _, value in (*probe.headers, *probe.altered)),
    ]
    whole = "".join(texts)
    plain = sum(letter.isascii() and letter.isalnum() for letter in whole)
    parts = len(probe.headers) + len(probe.omitted) + len(probe.altered) + (probe.key == "fresh")
    return parts, probe.size(), len(whole) - plain, sum(map(ord, whole))


def simpler(probe: Probe) -> Iterator[Probe]:
    """Simpler requests of the same aim, the simplest first; none is as complicated as `probe`."""
    most = weight(probe)
    for one in (*_fewer(probe), *_other_id(probe), *_other_body(probe), *_other_texts(probe)):
        # What it tries has to stay the same, or the answer means something else.
        if one.aim is probe.aim and weight(one) < most:
            yield one


def _fewer(probe: Probe) -> Iterator[Probe]:
    for index, (name, _) in enumerate(probe.headers):
        if name.lower() not in ("content-type", "idempotency-key"):
            yield replace(probe, headers=(*probe.headers[:index], *probe.headers[index + 1 :]))
    if probe.key == "fresh" and probe.aim is not Aim.DOCUMENTED:
        yield replace(probe, key="absent")
    if len(probe.omitted) > 1:
        yield from (replace(probe, omitted=(name,)) for name in probe.omitted)


def _other_id(probe: Probe) -> Iterator[Probe]:
    if probe.segment:
        parts = _ESCAPED.findall(probe.segment)
        yield from (replace(probe, segment="".join(some)) for some in _shorter(parts) if some)
        plainer = ["0" if len(part) == 1 and part != "." else part for part in parts]
        yield replace(probe, segment="".join(plainer))


def _other_body(probe: Probe) -> Iterator[Probe]:
    if probe.body is None:
        return
    if probe.aim in (Aim.PATH, Aim.METHOD, Aim.MISSING, Aim.WRONG, Aim.KEY, Aim.TYPE):
        operation = openapi.operation(probe.operation)
        if operation.has_body and probe.aim is not Aim.METHOD:
            yield replace(probe, body=b"{}", value={})
        return
    value = probe.value if probe.value is not MISSING else meant(probe.body)
    if value is MISSING:
        yield from (_with_body(probe, some) for some in _halved(probe.body))
        return
    yield from (
        _with_body(probe, json.dumps(other, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        for other in _values(value)
    )


def _with_body(probe: Probe, body: bytes) -> Probe:
    value = meant(body)
    aim = body_aim(body, value) if probe.aim in _BY_BODY else probe.aim
    return replace(probe, body=body, value=value, aim=aim)


def _values(value: Any) -> Iterator[Any]:
    """Simpler JSON values of the same type, or of its parts."""
    if isinstance(value, dict):
        yield {}
        if "reason" in value:
            yield {"reason": value["reason"]}
        yield from ({key: item for key, item in value.items() if key != gone} for gone in list(value)[:8])
        for key, item in list(value.items())[:4]:
            yield from ({**value, key: other} for other in itertools.islice(_values(item), 14))
        if len(value) == 1 and "reason" not in value:
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


def _other_texts(probe: Probe) -> Iterator[Probe]:
    """Shorter values of what is odd: a key, a content type, a credential."""
    for index, (name, value) in enumerate(probe.altered):
        scheme, _, rest = value.rpartition(" " if " " in value else "=" if value.startswith("sha") else "\0")
        lead = value[: len(value) - len(rest)] if scheme else ""
        for some in _shorter(list(rest)):
            other = (name, (lead + "".join(some)).strip())
            yield replace(probe, altered=(*probe.altered[:index], other, *probe.altered[index + 1 :]))
    for index, (name, value) in enumerate(probe.headers):
        if probe.aim is Aim.KEY and name == "Idempotency-Key":
            for some in _shorter(list(value)):
                text = "".join(some)
                if text == text.strip():
                    yield replace(
                        probe, headers=(*probe.headers[:index], (name, text), *probe.headers[index + 1 :])
                    )


def _shorter(items: list[Any]) -> Iterator[list[Any]]:
    """Nothing, each half, each quarter left out, and so on; single items only where there are few."""
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
