"""Collects the results of checks: one Check per id, with the exchanges that show it, and the statistics."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from conformance import openapi
from conformance.fuzz.case import SEQUENCES, Case, Example
from conformance.fuzz.execute.context import ResultSink
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.oracle.checks import SUITE, FuzzCheck
from conformance.fuzz.oracle.results import ACCEPTED, CheckResult, Finding, JudgedAnswer, SentRequest
from conformance.http.redact import Redactor
from conformance.http.reply import Reply
from conformance.model import Check, Exchange, Level, Outcome, Problem, Requirement

_SAMPLES = 3
_PLACES = 4
SHOWN_CAUSES = 4
"""The number of causes that a check shows at most, each by the requests that lead to it."""

Shown = tuple[SentRequest, ...]


class Repeatable(Protocol):
    """Something that was performed and can be performed again: a `case.Case`, or a sequence."""

    def size(self) -> int:
        """Returns a number that grows with what there is to look at."""

    def to_json(self) -> dict[str, Any]:
        """Returns JSON values."""


@dataclass(slots=True)
class Failure:
    """One cause: the smallest case that it was seen with, and how often, under which statuses.

    `again` tells whether it was seen once more when the case was sent again to a new resource; None where that couldn't
    be tried. `places` are addresses that it was seen at, a few of them. `traced` is the example whose resource had gone
    through least before, among those whose resource had gone through anything.
    """

    finding: Finding
    shown: Shown
    size: int
    seen: int = 1
    example: Repeatable | None = None
    traced: Example | None = None
    statuses: Counter[int] = field(default_factory=Counter)
    again: bool | None = None
    places: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Entry:
    """The results of one check. `samples` are the first that held, one for each status."""

    started: datetime
    clock: float
    results: int = 0
    spent_s: float = 0.0
    causes: dict[str, Failure] = field(default_factory=dict)
    samples: dict[int, Shown] = field(default_factory=dict)


class Findings(ResultSink):
    """Collects results from every thread; safe to write to from several threads."""

    def __init__(
        self,
        api: str,
        wanted: Iterable[FuzzCheck],
        requirements: Mapping[str, Requirement],
        redactor: Redactor,
    ) -> None:
        self._api = api
        self._checks = tuple(wanted)
        self._requirements = requirements
        self._redactor = redactor
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._keys = {check.key for check in self._checks}
        self.statuses: dict[str, Counter[str]] = {}
        self.phases: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.fault_sample: Exchange | None = None
        self._in_vain: Counter[str] = Counter()
        self.unsent: Counter[str] = Counter()
        self.unconfirmed: list[dict[str, Any]] = []
        self.cases = self.answers = 0

    def sent(self, case: Case) -> None:
        """Counts a generated request that is sent."""
        with self._lock:
            self.cases += 1
            self.phases[case.phase] += 1

    def answered(self, answer: JudgedAnswer) -> None:
        """Collects the results of an answer."""
        case, reply = answer.case, answer.reply
        operation = openapi.operation(case.operation)
        with self._lock:
            self.answers += 1
            # No histogram holds the status of a read that no document describes.
            if case.phase != SEQUENCES or case.method == operation.method:
                self.statuses.setdefault(operation.name, Counter())[str(reply.status)] += 1
            for result in answer.results:
                if result.check in self._keys:
                    self._note_on(answer.example or Example(case, None), reply, result, answer.shown)

    def also(
        self, reply: Reply, result: CheckResult, shown: Shown, example: Repeatable, again: bool | None
    ) -> None:
        """Collects a result in an answer that was counted already (the last of `shown`).

        `again` tells whether it was seen on new resources, too; None where there were none to try it on.
        """
        with self._lock:
            if result.check in self._keys and result.finding is not None:
                self._note_on(example, reply, result, shown)
                known = self._entries[result.check].causes[result.finding.cause]
                known.again = again or known.again

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Counts a request without an answer, in the statistics only."""
        with self._lock:
            self.faults[f"{kind} ({case.mutation})"] += 1
            self._in_vain[kind] += 1
            self.fault_sample = self.fault_sample or exchange

    def unanswered(
        self, result: CheckResult, exchange: Exchange | None, example: Repeatable, says: str = ""
    ) -> None:
        """Collects the finding that `example` never gets an answer while documented requests do."""
        with self._lock:
            if result.check in self._keys and result.finding is not None and exchange is not None:
                now = datetime.now(UTC)
                shown = (SentRequest(says, exchange),)
                self._note(example, now, exchange.duration_s, exchange.status or 0, result, shown)
                self._entries[result.check].causes[result.finding.cause].again = True

    def skipped(self, case: Case) -> None:
        """Counts a request that wasn't sent: enough of its kind got no answer."""
        with self._lock:
            self.unsent[case.mutation.value] += 1

    def nobody(self, kinds: Iterable[str], often: int) -> str | None:
        """Returns the first of `kinds` of failure once there were `often` of them and never an answer, None before."""
        with self._lock:
            met = [kind for kind in kinds if self._in_vain[kind]]
            return met[0] if met and not self.answers and sum(self._in_vain.values()) >= often else None

    def failing(self) -> list[tuple[FuzzCheck, Failure]]:
        """Returns the failures in the order of the checks, the smallest of each check first."""
        with self._lock:
            return [
                (check, seen)
                for check in self._checks
                if self._is_told(check)
                for seen in _ordered(self._entries[check.key])
            ]

    def drop(self, check: FuzzCheck, seen: Failure, why: str) -> None:
        """Drops a failure that is no fault of the target, or wasn't seen again; `why` says so in words."""
        with self._lock:
            entry = self._entries[check.key]
            entry.causes.pop(seen.finding.cause, None)
            if not entry.causes and not entry.samples:
                del self._entries[check.key]  # nothing that held is left to be told either
            self.unconfirmed.append(
                {
                    "check": check.id,
                    "expected": self._redactor.text(seen.finding.expected)[:500],
                    "observed": self._redactor.text(seen.finding.observed)[:500],
                    "seen": seen.seen,
                    "why": self._redactor.text(why),
                }
            )

    @property
    def count(self) -> int:
        """Returns the number of checks that failed or warned."""
        return sum(bool(self._entries[check.key].causes) for check in self._checks if self._is_told(check))

    def finished(self) -> list[tuple[Check, list[Exchange]]]:
        """Returns the checks with results, in the order of the list; all in error if no answer ever came."""
        with self._lock:
            if not self.answers and self.faults:
                return [self._error(check) for check in self._checks]
            return [
                self._check(check, self._entries[check.key]) for check in self._checks if self._is_told(check)
            ]

    def idle(self) -> list[str]:
        """Returns the ids of the checks without a result."""
        return [check.id for check in self._checks if not self._is_told(check)]

    def reached(self) -> dict[str, dict[str, Any]]:
        """Per operation: the histogram of statuses, and which of the documented ones were never seen."""
        found = {}
        for operation in {check.key.partition(".")[0]: None for check in self._checks}:
            one = next(each for each in openapi.operations(self._api) if each.name == operation)
            seen = self.statuses.get(operation, Counter())
            found[operation] = {
                "statuses": dict(sorted(seen.items())),
                "documented": list(one.statuses),
                "never_reached": [status for status in one.statuses if not seen[str(status)]],
            }
        return found

    def _is_told(self, check: FuzzCheck) -> bool:
        """Returns whether it has a result that no other check's failure explains."""
        entry = self._entries.get(check.key)
        if entry is None:
            return False
        if not entry.causes or any(cause.startswith(ACCEPTED) for cause in entry.causes):
            return True
        return not any(self._explains(check.key, each) for each in fuzzing(self._api).explanations(check.key))

    def _explains(self, key: str, cause: str) -> bool:
        entry = self._entries.get(cause)
        return entry is not None and bool(entry.causes) and cause != key

    # -- entries ---------------------------------------------------------------------------------------------

    def _note_on(self, example: Repeatable, reply: Reply, result: CheckResult, shown: Shown) -> None:
        self._note(example, reply.sent_at, reply.duration_s, reply.status, result, shown)

    def _note(
        self, example: Repeatable, at: datetime, took_s: float, status: int, result: CheckResult, shown: Shown
    ) -> None:
        entry = self._entries.setdefault(result.check, Entry(at, time.perf_counter()))
        entry.results += 1
        entry.spent_s += took_s
        finding = result.finding
        if finding is None:
            if len(entry.samples) < _SAMPLES:
                entry.samples.setdefault(status, shown)
            return
        size = example.size()
        known = entry.causes.setdefault(finding.cause, Failure(finding, shown, size, 0, example))
        known.seen += 1
        known.traced = _shorter_history(known.traced, example)
        known.statuses[status] += 1
        if len(known.places) < _PLACES:
            known.places.add(shown[-1].exchange.url)
        if size < known.size or (size == known.size and repr(example) < repr(known.example)):
            known.finding, known.shown, known.size, known.example = finding, shown, size, example

    def _check(self, check: FuzzCheck, entry: Entry) -> tuple[Check, list[Exchange]]:
        causes = _ordered(entry)
        if not causes:
            exchanges = [each.exchange for kept in entry.samples.values() for each in kept]
            return self._made(check, Outcome.PASSED, entry, exchanges), exchanges
        exchanges = [each.exchange for example in causes[:SHOWN_CAUSES] for each in example.shown]
        worst = causes[0].finding
        problem = Problem(
            expected=self._redactor.text(worst.expected),
            observed=self._redactor.text(worst.observed),
            exchange=len(causes[0].shown) - 1,
            hint=self._redactor.text(worst.hint),
            fault=self._redactor.text(worst.fault),
        )
        often = sum(example.seen for example in causes)
        more = f"; {len(causes) - 1} more ways of failing" if len(causes) > 1 else ""
        seen = f"in {often} of {entry.results} answers{more}"
        message = f"expected {problem.expected}; observed {problem.observed} ({seen})"
        outcome = Outcome.WARNED if check.level(self._requirements) is Level.SHOULD else Outcome.FAILED
        return self._made(check, outcome, entry, exchanges, message=message, problem=problem), exchanges

    def _error(self, check: FuzzCheck) -> tuple[Check, list[Exchange]]:
        kind, count = self.faults.most_common(1)[0]
        exchanges = [self.fault_sample] if self.fault_sample is not None else []
        why = exchanges[0].error if exchanges and exchanges[0].error else kind
        message = self._redactor.text(f"no request got an answer: {why} ({count} times)")
        entry = Entry(datetime.now(UTC), time.perf_counter())
        return self._made(check, Outcome.ERROR, entry, exchanges, message=message), exchanges

    def _made(
        self,
        check: FuzzCheck,
        outcome: Outcome,
        entry: Entry,
        exchanges: list[Exchange],
        *,
        message: str = "",
        problem: Problem | None = None,
    ) -> Check:
        return Check(
            id=check.id,
            suite=SUITE,
            title=check.title,
            requirements=check.requirements,
            level=check.level(self._requirements),
            outcome=outcome,
            message=message,
            started_at=entry.started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            duration_s=round(entry.spent_s, 6),
            exchanges=tuple(range(len(exchanges))),
            problem=problem,
        )


def _shorter_history(known: Example | None, example: Repeatable) -> Example | None:
    if not isinstance(example, Example) or not example.history:
        return known
    return example if known is None or len(example.history) < len(known.history) else known


def _ordered(entry: Entry) -> list[Failure]:
    return sorted(entry.causes.values(), key=lambda seen: (seen.size, seen.finding.cause))
