"""What came of the rulings: one Check per id of the fixed list, with the exchanges that show it, and the statistics."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from conformance import openapi
from conformance.catalogue import apis
from conformance.fuzz.checks import SUITE, FuzzCheck
from conformance.fuzz.consequences import explanations
from conformance.fuzz.probes import Case, Probe
from conformance.fuzz.rulings import Finding, Ruling
from conformance.http.redact import Redactor
from conformance.http.reply import Reply
from conformance.model import Check, Exchange, Level, Outcome, Problem, Requirement

_SAMPLES = 3
_PLACES = 4
_SHOWN_CAUSES = 4
Shown = tuple[Exchange, ...]


class Repeatable(Protocol):
    """Something that was performed and can be performed again: a `probes.Case`, or a walk."""

    def size(self) -> int:
        """How much of it there is to look at."""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""


@dataclass(slots=True)
class Seen:
    """One cause: the smallest case that it was seen with, and how often, under which statuses.

    `again` tells whether it was seen once more when the case was sent again to a new resource; None where that couldn't
    be tried. `places` are addresses that it was seen at, a few of them.
    """

    finding: Finding
    shown: Shown
    size: int
    seen: int = 1
    case: Repeatable | None = None
    statuses: Counter[int] = field(default_factory=Counter)
    again: bool | None = None
    places: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Entry:
    """All that is known of one check. `samples` are the first that held, one for each status."""

    started: datetime
    clock: float
    rulings: int = 0
    spent_s: float = 0.0
    causes: dict[str, Seen] = field(default_factory=dict)
    samples: dict[int, Shown] = field(default_factory=dict)


class Ledger:
    """Collects rulings from every lane; safe to write to from several threads."""

    def __init__(
        self, wanted: Iterable[FuzzCheck], rows: Mapping[str, Requirement], redactor: Redactor
    ) -> None:
        self._checks = tuple(wanted)
        self._rows = rows
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
        self.cases = self.answered = 0

    def sent(self, probe: Probe) -> None:
        """A generated request is on its way."""
        with self._lock:
            self.cases += 1
            self.phases[probe.phase] += 1

    def ruled(
        self,
        probe: Probe,
        reply: Reply,
        rulings: Iterable[Ruling],
        before: Shown = (),
        read: Probe | None = None,
        case: Repeatable | None = None,
    ) -> None:
        """An answer came, and this is what it shows of `probe`.

        `before` are the exchanges that led up to it; `read` is what was really asked, where that was another request;
        `case` is what has to be performed to see it again.
        """
        operation = openapi.operation((read or probe).operation).name
        with self._lock:
            self.answered += 1
            self.statuses.setdefault(operation, Counter())[str(reply.status)] += 1
            for ruling in rulings:
                if ruling.check in self._keys:
                    self._rule_on(case or Case(probe, None), reply, ruling, (*before, reply.exchange))

    def aside(self, probe: Probe, reply: Reply, rulings: Iterable[Ruling]) -> None:
        """As `ruled`, for an answer of an operation that no document describes: no histogram holds its status."""
        with self._lock:
            self.answered += 1
            for ruling in rulings:
                if ruling.check in self._keys:
                    self._rule_on(Case(probe, None), reply, ruling, (reply.exchange,))

    def also(self, reply: Reply, ruling: Ruling, shown: Shown, case: Repeatable) -> None:
        """What `case` shows in an answer that was counted already, the last of `shown`, and has shown before."""
        with self._lock:
            if ruling.check in self._keys and ruling.finding is not None:
                self._rule_on(case, reply, ruling, shown)
                self._entries[ruling.check].causes[ruling.finding.cause].again = True

    def failed(self, probe: Probe, kind: str, exchange: Exchange | None) -> None:
        """No answer came. Said in the statistics, and held against nobody."""
        with self._lock:
            self.faults[f"{kind} ({probe.aim})"] += 1
            self._in_vain[kind] += 1
            self.fault_sample = self.fault_sample or exchange

    def unanswered(self, ruling: Ruling, exchange: Exchange | None, case: Repeatable) -> None:
        """What `case` shows by never getting an answer while documented requests do."""
        with self._lock:
            if ruling.check in self._keys and ruling.finding is not None and exchange is not None:
                now = datetime.now(UTC)
                self._rule(case, now, exchange.duration_s, exchange.status or 0, ruling, (exchange,))
                self._entries[ruling.check].causes[ruling.finding.cause].again = True

    def skipped(self, probe: Probe) -> None:
        """A request wasn't sent: enough of its kind were waited for in vain."""
        with self._lock:
            self.unsent[probe.aim.value] += 1

    def nobody(self, kinds: Iterable[str], often: int) -> str | None:
        """The first of `kinds` of failure, once there were `often` of them and never an answer."""
        with self._lock:
            met = [kind for kind in kinds if self._in_vain[kind]]
            return met[0] if met and not self.answered and sum(self._in_vain.values()) >= often else None

    def failing(self) -> list[tuple[FuzzCheck, Seen]]:
        """What was found, in the order of the checks and of their causes, each check's smallest first."""
        with self._lock:
            return [
                (check, seen)
                for check in self._checks
                if self._is_told(check)
                for seen in _ordered(self._entries[check.key])
            ]

    def drop(self, check: FuzzCheck, seen: Seen, why: str) -> None:
        """Takes back a cause that proved to be no fault of the target, or couldn't be seen again; `why` in words."""
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
    def findings(self) -> int:
        """How many checks found something wrong."""
        return sum(bool(self._entries[check.key].causes) for check in self._checks if self._is_told(check))

    def finished(self) -> list[tuple[Check, list[Exchange]]]:
        """The checks that were put to the test, in the order of the list. All in error if nobody ever answered."""
        with self._lock:
            if not self.answered and self.faults:
                return [self._error(check) for check in self._checks]
            return [
                self._check(check, self._entries[check.key]) for check in self._checks if self._is_told(check)
            ]

    def idle(self) -> list[str]:
        """The ids of the checks that nothing put to the test."""
        return [check.id for check in self._checks if not self._is_told(check)]

    def reached(self) -> dict[str, dict[str, Any]]:
        """Per operation: the histogram of statuses, and which of the documented ones were never seen."""
        found = {}
        for operation in {check.key.partition(".")[0]: None for check in self._checks}:
            one = next(each for each in _operations() if each.name == operation)
            seen = self.statuses.get(operation, Counter())
            found[operation] = {
                "statuses": dict(sorted(seen.items())),
                "documented": list(one.statuses),
                "never_reached": [status for status in one.statuses if not seen[str(status)]],
            }
        return found

    def _is_told(self, check: FuzzCheck) -> bool:
        """Whether it was put to the test, and found nothing that another check tells of already."""
        entry = self._entries.get(check.key)
        if entry is None:
            return False
        return not entry.causes or not any(
            self._explains(check.key, each) for each in explanations(check.key)
        )

    def _explains(self, key: str, cause: str) -> bool:
        entry = self._entries.get(cause)
        return entry is not None and bool(entry.causes) and cause != key

    # -- entries ---------------------------------------------------------------------------------------------

    def _rule_on(self, case: Repeatable, reply: Reply, ruling: Ruling, shown: Shown) -> None:
        self._rule(case, reply.sent_at, reply.duration_s, reply.status, ruling, shown)

    def _rule(
        self, case: Repeatable, at: datetime, took_s: float, status: int, ruling: Ruling, shown: Shown
    ) -> None:
        entry = self._entries.setdefault(ruling.check, Entry(at, time.perf_counter()))
        entry.rulings += 1
        entry.spent_s += took_s
        finding = ruling.finding
        if finding is None:
            if len(entry.samples) < _SAMPLES:
                entry.samples.setdefault(status, shown)
            return
        size = case.size()
        known = entry.causes.setdefault(finding.cause, Seen(finding, shown, size, 0, case))
        known.seen += 1
        known.statuses[status] += 1
        if len(known.places) < _PLACES:
            known.places.add(shown[-1].url)
        if size < known.size or (size == known.size and repr(case) < repr(known.case)):
            known.finding, known.shown, known.size, known.case = finding, shown, size, case

    def _check(self, check: FuzzCheck, entry: Entry) -> tuple[Check, list[Exchange]]:
        causes = _ordered(entry)
        if not causes:
            exchanges = [each for kept in entry.samples.values() for each in kept]
            return self._made(check, Outcome.PASSED, entry, exchanges), exchanges
        exchanges = [each for case in causes[:_SHOWN_CAUSES] for each in case.shown]
        worst = causes[0].finding
        problem = Problem(
            expected=self._redactor.text(worst.expected),
            observed=self._redactor.text(worst.observed),
            exchange=len(causes[0].shown) - 1,
            hint=self._redactor.text(worst.hint),
        )
        often = sum(case.seen for case in causes)
        more = f"; {len(causes) - 1} more ways of failing" if len(causes) > 1 else ""
        seen = f"in {often} of {entry.rulings} answers{more}"
        message = f"expected {problem.expected}; observed {problem.observed} ({seen})"
        outcome = Outcome.WARNED if check.level(self._rows) is Level.SHOULD else Outcome.FAILED
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
            level=check.level(self._rows),
            outcome=outcome,
            message=message,
            started_at=entry.started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            duration_s=round(entry.spent_s, 6),
            exchanges=tuple(range(len(exchanges))),
            problem=problem,
        )


def _ordered(entry: Entry) -> list[Seen]:
    return sorted(entry.causes.values(), key=lambda seen: (seen.size, seen.finding.cause))


def _operations() -> list[openapi.Operation]:
    return [one for api in apis() for one in openapi.operations(api)]
