"""Odd requests that get no answer: whether that is their doing, and when no more of their kind are waited for."""

import threading
from collections import Counter
from uuid import uuid4

from conformance import openapi
from conformance.errors import TransportError
from conformance.fuzz.crew import Book, Crew
from conformance.fuzz.extra import plain
from conformance.fuzz.judge import crash_check
from conformance.fuzz.probes import Aim, Case, Probe
from conformance.fuzz.resources import CONSUMED
from conformance.fuzz.rulings import Finding, Ruling, Steered
from conformance.http.reply import Reply
from conformance.oracles import expect, odd_requests
from conformance.oracles.lines import LONG

NO_ANSWER = "no answer"
# So often at most it is tried whether a kind of request never gets an answer.
_TRIES = 2
# After so many in vain, and so many seconds of waiting, no more of a kind are sent.
_ENOUGH, _ENOUGH_S = 4, 20.0
# An answer by 502, 503 or 504, a connection that was cut, a time limit that passed.
_SILENT = ("unavailable", "timeout", "reset", "protocol")
# What the HTTP library refuses to write.
_UNSENT = "LocalProtocolError"


class Silence:
    """Follows up what got no answer. Safe to use from several threads."""

    def __init__(self, crew: Crew, book: Book) -> None:
        self._crew, self._book = crew, book
        self._lock = threading.Lock()
        self._tried: Counter[str] = Counter()
        self._often: Counter[tuple[str, Aim]] = Counter()
        self._seconds: dict[tuple[str, Aim], float] = {}

    def is_hopeless(self, probe: Probe) -> bool:
        """Whether enough odd requests of this kind were waited for in vain."""
        kind = (probe.operation, probe.aim)
        with self._lock:
            return self._often[kind] >= _ENOUGH and self._seconds[kind] >= _ENOUGH_S

    def met(self, case: Case, at: Steered, fault: TransportError, waited_s: float) -> None:
        """Looks whether an odd request that ended in `fault` ever gets an answer, and tells the book where it doesn't.

        It is sent once more, to a new resource where it may have had an effect, between two documented requests. Where
        these get no answer either, the target was unavailable, and nothing is said. Raises BudgetError.
        """
        probe = case.probe
        check = crash_check(probe)
        if check is None or fault.kind not in _SILENT or fault.message.startswith(_UNSENT):
            return
        if fault.kind == "reset" and _longest_line(probe) > LONG:
            return
        kind, name = (probe.operation, probe.aim), openapi.operation(probe.operation).name
        with self._lock:
            self._often[kind] += 1
            self._seconds[kind] = self._seconds.get(kind, 0.0) + waited_s
            self._tried[f"{name}.{check}"] += 1
            if self._tried[f"{name}.{check}"] > _TRIES:
                return
        first = self._crew.writer.last_fault()
        pending = [fault]

        def ask() -> Reply:
            # The first time is over already.
            if pending:
                raise pending.pop()
            return self._again(probe, at)

        try:
            odd_requests.odd(ask, lambda: self._documented(probe), to=probe.summary())
        except TransportError:
            return
        except expect.Violation as found:
            finding = Finding(found.expected, found.observed, f"{NO_ANSWER}: {fault.kind}", found.hint)
            exchange = self._crew.writer.last_fault() or first
            self._book.unanswered(Ruling(f"{name}.{check}", finding), exchange, case)

    def _again(self, probe: Probe, at: Steered) -> Reply:
        key = str(uuid4()) if probe.key == "fresh" else None
        supply = self._crew.supply
        held = None
        if at.state in CONSUMED[self._crew.api]:
            held = supply.take(str(at.state), extra=3, new=True)
        try:
            return self._crew.writer.send(probe, held.id if held is not None else at.id, key)
        finally:
            if held is not None:
                supply.give_back(held, good=False)

    def _documented(self, probe: Probe) -> Reply:
        """An answer to a documented request of the same operation, about an id that names nothing."""
        name, _ = self._crew.supply.unknown_id()
        return self._crew.writer.send(plain(openapi.operation(probe.operation)), name, str(uuid4()))


def _longest_line(probe: Probe) -> int:
    return max(len(text) for text in (probe.segment or "", *(v for _, v in (*probe.headers, *probe.altered))))
