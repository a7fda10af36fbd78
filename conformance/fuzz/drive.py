"""Sends the generated requests, each to a resource that suits it, and follows up what succeeded.

One lane per state: requests for one resource never overlap, while lanes run side by side, so that a slow target
doesn't make a slow run. Which cases a lane gets, and in which order, depends on the seed alone.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from conformance import openapi
from conformance.errors import BudgetError, TransportError
from conformance.fuzz.judge import Judge, effect_check
from conformance.fuzz.ledger import Ledger
from conformance.fuzz.probes import Aim, Probe, reason_check
from conformance.fuzz.resources import CONSUMED, UNKNOWN, Held, Supply
from conformance.fuzz.rulings import Finding, Ruling, Steered, Wanted, differs, told
from conformance.fuzz.writer import Writer
from conformance.http.reply import Reply
from conformance.openapi import Operation

# As many failures to connect in a row, with no answer ever, and nobody is there.
_GIVE_UP = 6
_NOBODY = ("refused", "dns", "tls", "connect")
_GATEWAY = (502, 503, 504)
_JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Crew:
    """Whom a driver works with."""

    api: str
    writer: Writer
    supply: Supply
    judge: Judge
    ledger: Ledger


class Driver:
    """Takes requests with `put`, works them off in lanes, and tells the ledger what the judge says."""

    def __init__(self, crew: Crew, lanes: int) -> None:
        self._writer, self._supply, self._judge, self._ledger = (
            crew.writer,
            crew.supply,
            crew.judge,
            crew.ledger,
        )
        self._api = crew.api
        self._queues: list[queue.Queue[tuple[Probe, str | None] | None]] = [
            queue.Queue() for _ in range(lanes)
        ]
        self._lanes: dict[str | None, int] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(one,), daemon=True, name=f"fuzz-{number}")
            for number, one in enumerate(self._queues)
        ]
        self._unreachable = self._follow_ups = 0
        self.stop = threading.Event()
        self.why: str | None = None
        self.fault: BaseException | None = None

    def start(self) -> None:
        """Begins to work off what is put."""
        for thread in self._threads:
            thread.start()

    def put(self, probe: Probe, state: str | None) -> None:
        """Queues a request; `state` None for one that is about no resource."""
        lane = self._lanes.setdefault(state, len(self._lanes) % len(self._queues))
        self._queues[lane].put((probe, state))

    def waiting(self) -> int:
        """How many requests are queued."""
        return sum(one.qsize() for one in self._queues)

    @property
    def unsent(self) -> int:
        """How many requests were generated and never sent."""
        return sum(item is not None for one in self._queues for item in tuple(one.queue))

    def finish(self, poll: Callable[[], None]) -> None:
        """Waits for the lanes to run empty, or for `stop`; calls `poll` now and then."""
        for one in self._queues:
            one.put(None)
        while any(thread.is_alive() for thread in self._threads) and not self.stop.is_set():
            for thread in self._threads:
                thread.join(0.02)
            poll()

    def is_idle(self) -> bool:
        """Whether no lane is at work any more; waits a moment for those that are about to end."""
        until = time.monotonic() + 0.5
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def end(self, why: str) -> None:
        """No more requests; `why` is for the statistics."""
        self.why = self.why or why
        self.stop.set()

    # -- one lane --------------------------------------------------------------------------------------------

    def _work(self, mine: "queue.Queue[tuple[Probe, str | None] | None]") -> None:
        while not self.stop.is_set():
            item = mine.get()
            if item is None:
                return
            try:
                self._one(*item)
            except BudgetError as fault:
                self.end(fault.message)
            except BaseException as fault:
                self.fault = self.fault or fault
                self.end(f"{type(fault).__name__}")

    def _one(self, probe: Probe, state: str | None) -> None:
        held = None
        if state is not None and state != UNKNOWN:
            likely = (
                probe.aim in (Aim.DOCUMENTED, Aim.OPEN, Aim.KEY)
                and openapi.operation(probe.operation).method == "POST"
            )
            held = self._supply.take(state, spare=likely)
            # Nothing to be had in this state: an id that names nothing gets the request instead.
            state = state if held is not None else UNKNOWN
        at = self._place(probe, state, held)
        self._ledger.sent(probe)
        key = str(uuid4()) if probe.key == "fresh" else None
        reply = self._send(probe, at, key)
        if reply is None:
            # Who knows what became of it, unless nothing could become of it.
            if held is not None and held.state not in CONSUMED[self._api]:
                self._supply.give_back(held)
            return
        rulings = self._confirmed(probe, at, held, reply, self._judge.rule(probe, at, reply))
        self._ledger.ruled(probe, reply, rulings)
        if held is None:
            return
        operation = openapi.operation(probe.operation)
        if operation.method == "GET" or held.state not in CONSUMED[self._api]:
            self._supply.give_back(held)
        elif reply.ok:
            if probe.aim not in (Aim.KEY, Aim.MISSING, Aim.WRONG):
                self._follow(operation, probe, at, key, reply)
        elif self._api == "withdraws":
            self._supply.give_back(held)
        elif probe.aim is not Aim.DOCUMENTED and not self._took_effect(operation, probe, at, reply):
            # One that refused a documented request isn't to be trusted any more.
            self._supply.give_back(held)

    def _place(self, probe: Probe, state: str | None, held: Held | None) -> Steered:
        if held is not None:
            return Steered(held.id, held.state)
        if probe.segment is not None:
            return Steered(None, None)
        name, certain = self._supply.unknown_id()
        return Steered(name, state, certain)

    def _send(self, probe: Probe, at: Steered, key: str | None) -> Reply | None:
        try:
            reply = self._writer.send(probe, at.id, key)
        except TransportError as fault:
            self._ledger.failed(probe, fault.kind, self._writer.last_fault())
            self._unreachable += fault.kind in _NOBODY
            if self._unreachable >= _GIVE_UP and not self._ledger.answered:
                self.end(f"nobody answers: {fault.kind}")
            return None
        self._unreachable = 0
        return reply

    # -- second thoughts -------------------------------------------------------------------------------------

    def _confirmed(
        self, probe: Probe, at: Steered, held: Held | None, reply: Reply, rulings: list[Ruling]
    ) -> list[Ruling]:
        """The rulings, without those that a second look doesn't bear out.

        A resource may have moved on since it was leased, and a gateway may have had a bad moment.
        """
        wrong = {ruling.check for ruling in rulings if ruling.finding is not None}
        stale = held is not None and not held.is_fresh() and probe.aim is Aim.DOCUMENTED
        if not wrong or not (stale or reply.status in _GATEWAY) or (held is not None and reply.ok):
            return rulings
        again = held
        if stale and held is not None:
            again = self._supply.take(held.state, extra=3, new=True)
            if again is None:
                return [ruling for ruling in rulings if ruling.check not in wrong]
        second_at = at if again is None else Steered(again.id, again.state)
        second = self._send(probe, second_at, str(uuid4()) if probe.key == "fresh" else None)
        if second is None:
            return []
        still = {one.check for one in self._judge.rule(probe, second_at, second) if one.finding is not None}
        if again is not None and again is not held and not second.ok:
            self._supply.give_back(again)
        return [ruling for ruling in rulings if ruling.check not in wrong or ruling.check in still]

    def _took_effect(self, operation: Operation, probe: Probe, at: Steered, refusal: Reply) -> bool:
        """Whether a refused request cancelled its intent nevertheless, as reading it back tells."""
        check = effect_check(operation, probe)
        if self.stop.is_set():
            return False
        get = self._reading()
        self._ledger.sent(get)
        reply = self._send(get, at, None)
        if reply is None:
            return False
        effective = reply.ok and reply.at("status") == "cancelled"
        expected = f"{probe.summary()}, once refused with {refusal.status}, to have no effect"
        finding = (
            Finding(expected, f"the intent is cancelled: {told(reply)}", "effect") if effective else None
        )
        rulings = [Ruling(f"{operation.name}.{check}", finding)] if check is not None else []
        self._ledger.ruled(probe, reply, rulings, (refusal.exchange,), read=get)
        return effective

    def _reading(self) -> Probe:
        read = next(one for one in openapi.operations(self._api) if one.method == "GET")
        return Probe(read.id, "follow-up", "GET", Aim.DOCUMENTED)

    # -- follow-ups ------------------------------------------------------------------------------------------

    def _follow(self, operation: Operation, probe: Probe, at: Steered, key: str | None, first: Reply) -> None:
        """After a success: is it real, is it final, and does its key remember it?"""
        self._follow_ups += 1
        if self._api == "withdraws":
            again = Probe(operation.id, "follow-up", "POST", Aim.DOCUMENTED)
            self._also(again, replace(at, state="canceled"), None, first, _again)
            return
        turn = self._follow_ups % 3
        after = replace(at, state="cancelled")
        self._also(self._reading(), after, None, first, lambda reply: _read_back(probe, first, reply))
        if probe.aim is Aim.DOCUMENTED and key is not None and turn:
            self._also(
                probe,
                after,
                key,
                first,
                lambda reply: [Ruling("key.replay", _replay(first, reply))],
                alone=True,
            )
        if probe.aim is Aim.DOCUMENTED and key is not None and turn == 2:
            conflict = Wanted(409, "idempotency_conflict")
            to = "the same key with another reason"
            self._also(
                _with_other_reason(probe),
                after,
                key,
                first,
                lambda reply: [Ruling("key.conflict", differs(conflict, reply, to))],
                alone=True,
            )
        once_more = replace(
            probe,
            aim=Aim.DOCUMENTED,
            headers=_JSON,
            body=b'{"reason": "once_more"}',
            value={"reason": "once_more"},
        )
        once_more = replace(once_more, key="fresh" if turn else "absent")
        self._also(once_more, after, str(uuid4()) if turn else None, first, lambda reply: [])

    def _also(
        self,
        probe: Probe,
        at: Steered,
        key: str | None,
        first: Reply,
        more: Callable[[Reply], list[Ruling]],
        *,
        alone: bool = False,
    ) -> None:
        """One request after a success. `alone` where the state doesn't decide the answer, but the key."""
        if self.stop.is_set():
            return
        probe = replace(probe, phase="follow-up")
        self._ledger.sent(probe)
        reply = self._send(probe, at, key)
        if reply is None:
            return
        name = openapi.operation(probe.operation).name
        rulings = [Ruling(f"{name}.{ruling.check}", ruling.finding) for ruling in more(reply)]
        by_key = (".status.", ".reason.", ".key.") if alone else ()
        rulings += [
            ruling
            for ruling in self._judge.rule(probe, at, reply)
            if not any(part in ruling.check for part in by_key)
        ]
        self._ledger.ruled(probe, reply, rulings, (first.exchange,))


def lanes(state_names: Sequence[str], most: int) -> int:
    """How many lanes are worth having: one per state and one for the rest, within the limit."""
    return max(1, min(len(state_names) + 1, most))


def _again(reply: Reply) -> list[Ruling]:
    if not reply.ok:
        return [Ruling("status.again")]
    expected = "a second cancel of a withdraw that was cancelled just now to be turned down"
    return [Ruling("status.again", Finding(expected, told(reply), str(reply.status)))]


def _replay(first: Reply, reply: Reply) -> Finding | None:
    to = "the same key with the same body"
    if reply.status == first.status and reply.json != first.json:
        return Finding(f"the first answer's body to {to}", told(reply), "another body")
    return differs(Wanted(first.status), reply, to)


def _read_back(probe: Probe, first: Reply, reply: Reply) -> list[Ruling]:
    if reply.status in (401, 403):
        return []  # told elsewhere
    facts: dict[str, Any] = {"status": "cancelled", "failure_code": "cancelled"}
    if probe.aim is Aim.DOCUMENTED and reason_check(probe.value) != "reason.absent":
        facts["failure_message"] = probe.value["reason"]
    # What the first answer had wrong already is told of there.
    wrong = [name for name, value in facts.items() if first.at(name) == value != reply.at(name)]
    if reply.status == 200 and not wrong:
        return [Ruling("read_back")]
    expected = (
        f"200 with the right {', '.join(wrong or facts)} to reading an intent that was cancelled just now"
    )
    return [Ruling("read_back", Finding(expected, told(reply), f"{reply.status} {','.join(wrong)}"))]


def _with_other_reason(probe: Probe) -> Probe:
    before = probe.value.get("reason") if isinstance(probe.value, dict) else None
    other = "another_reason" if before != "another_reason" else "a_third_reason"
    return replace(probe, headers=_JSON, body=f'{{"reason": "{other}"}}'.encode(), value={"reason": other})
