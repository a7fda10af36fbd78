"""Performs one case: sends its request to a resource that suits it, looks twice at what is odd, follows up a success.

The same code does it in a run, when a failing case is made smaller, and when it is sent again long after.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from conformance import openapi
from conformance.errors import TransportError
from conformance.fuzz.crew import Book, Crew
from conformance.fuzz.judge import effect_check
from conformance.fuzz.probes import Aim, Case, Probe, reason_check
from conformance.fuzz.resources import CONSUMED, Held
from conformance.fuzz.rulings import Finding, Ruling, Steered, Wanted, differs, told
from conformance.fuzz.silence import Silence
from conformance.http.polling import Polling
from conformance.http.reply import Reply
from conformance.openapi import Operation
from conformance.oracles.texts import Returned, returned

# What a key has to remember is asked for within so many seconds: some targets forget it after a minute.
MEMORY_S = 20.0
_JSON = (("Content-Type", "application/json"),)
_KEPT = (Returned.SAME, Returned.TIDIED)


class Performer:
    """Performs cases and tells `book`. Follow-ups end once `stopped` says so. Raises BudgetError."""

    def __init__(self, crew: Crew, book: Book, stopped: Callable[[], bool]) -> None:
        self._writer, self._supply, self._judge = crew.writer, crew.supply, crew.judge
        self._api = crew.api
        self._book = book
        self._stopped = stopped
        self._patience = Polling()
        self._silence = Silence(crew, book)

    def perform(self, case: Case, held: Held | None) -> bool:
        """Performs `case` on the resource that it got, if any; True where that is sure to be as it was."""
        probe, operation = case.probe, openapi.operation(case.probe.operation)
        if self._silence.is_hopeless(probe):
            self._book.skipped(probe)
            return True
        at = self._place(probe, case.state, held)
        self._book.sent(probe)
        key = str(uuid4()) if probe.key == "fresh" else None
        clock = time.monotonic()
        try:
            reply = self._writer.send(probe, at.id, key)
        except TransportError as fault:
            self._book.failed(probe, fault.kind, self._writer.last_fault())
            if not self._stopped():
                self._silence.met(case, at, fault, time.monotonic() - clock)
            # Who knows what became of it, unless nothing could become of it.
            return held is not None and held.state not in CONSUMED[self._api]
        rulings = self._confirmed(probe, held, reply, self._judge.rule(probe, at, reply))
        self._book.ruled(probe, reply, rulings, case=case)
        if held is None or operation.method == "GET":
            return True
        if held.state not in CONSUMED[self._api]:
            # Whatever state it was in, it may be in another one now.
            return not reply.ok
        if reply.ok:
            if probe.aim not in (Aim.KEY, Aim.MISSING, Aim.WRONG):
                self._follow(operation, case, at, key, reply)
            return False
        if self._api == "withdraws":
            return True
        # One that refused a documented request isn't to be trusted any more.
        return probe.aim is not Aim.DOCUMENTED and not self._took_effect(operation, case, at, reply)

    def _place(self, probe: Probe, state: str | None, held: Held | None) -> Steered:
        if held is not None:
            return Steered(held.id, held.state)
        if probe.segment is not None:
            return Steered(None, None)
        name, certain = self._supply.unknown_id()
        return Steered(name, state, certain)

    def _send(self, probe: Probe, at: Steered, key: str | None) -> Reply | None:
        try:
            return self._writer.send(probe, at.id, key)
        except TransportError as fault:
            self._book.failed(probe, fault.kind, self._writer.last_fault())
            return None

    # -- second thoughts -------------------------------------------------------------------------------------

    def _confirmed(
        self, probe: Probe, held: Held | None, reply: Reply, rulings: list[Ruling]
    ) -> list[Ruling]:
        """The rulings, without those that a second look doesn't bear out.

        A resource may have moved on since it was leased: a surprise is confirmed on a new one.
        """
        wrong = {ruling.check for ruling in rulings if ruling.finding is not None}
        stale = held is not None and not held.is_fresh() and probe.aim is Aim.DOCUMENTED
        if not wrong or held is None or not stale or reply.ok:
            return rulings
        again = self._supply.take(held.state, extra=3, new=True)
        if again is None:
            return [ruling for ruling in rulings if ruling.check not in wrong]
        second_at = Steered(again.id, again.state)
        second = self._send(probe, second_at, str(uuid4()) if probe.key == "fresh" else None)
        if second is None:
            self._supply.give_back(again, good=False)
            return []
        still = {one.check for one in self._judge.rule(probe, second_at, second) if one.finding is not None}
        self._supply.give_back(again, good=not second.ok)
        return [ruling for ruling in rulings if ruling.check not in wrong or ruling.check in still]

    def _took_effect(self, operation: Operation, case: Case, at: Steered, refusal: Reply) -> bool:
        """Whether a refused request cancelled its intent nevertheless, as reading it back tells."""
        probe = case.probe
        check = effect_check(operation, probe)
        if self._stopped():
            return False
        get = self._reading()
        self._book.sent(get)
        reply = self._send(get, at, None)
        if reply is None:
            return False
        effective = reply.ok and reply.at("status") == "cancelled"
        expected = f"{probe.summary()}, once refused with {refusal.status}, to have no effect"
        finding = (
            Finding(expected, f"the intent is cancelled: {told(reply)}", "effect") if effective else None
        )
        rulings = [Ruling(f"{operation.name}.{check}", finding)] if check is not None else []
        self._book.ruled(probe, reply, rulings, (refusal.exchange,), read=get, case=case)
        return effective

    def _reading(self) -> Probe:
        read = next(one for one in openapi.operations(self._api) if one.method == "GET")
        return Probe(read.id, "follow-up", "GET", Aim.DOCUMENTED)

    # -- follow-ups ------------------------------------------------------------------------------------------

    def _follow(self, operation: Operation, case: Case, at: Steered, key: str | None, first: Reply) -> None:
        """After a success: is it real, is it final, and does its key remember it?"""
        probe, turn = case.probe, case.turn % 3
        if self._api == "withdraws":
            again = Probe(operation.id, "follow-up", "POST", Aim.DOCUMENTED)
            self._also(case, again, replace(at, state="canceled"), None, first, _again)
            return
        after = replace(at, state="cancelled")
        self._also(
            case,
            self._reading(),
            after,
            None,
            first,
            lambda reply: _read_back(probe, first, reply),
            lags=True,
        )
        if probe.aim is Aim.DOCUMENTED and key is not None and turn:
            self._also(
                case,
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
                case,
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
        self._also(case, once_more, after, str(uuid4()) if turn else None, first, lambda reply: [])

    def _also(
        self,
        case: Case,
        probe: Probe,
        at: Steered,
        key: str | None,
        first: Reply,
        more: Callable[[Reply], list[Ruling]],
        *,
        alone: bool = False,
        lags: bool = False,
    ) -> None:
        """One request after a success. `alone` where the state doesn't decide the answer, but the key.

        One that `lags` is sent again for a while, until it shows what it is to confirm: a copy may be read from.
        """
        if self._stopped():
            return
        probe = replace(probe, phase="follow-up")
        self._book.sent(probe)
        reply = self._send(probe, at, key)
        if reply is None:
            return
        if lags:
            settled = self._confirming(probe, at, more, reply)
            if settled is None:
                return
            reply = settled
        name = openapi.operation(probe.operation).name
        late = alone and reply.finished - first.finished > MEMORY_S
        shown = [] if late else more(reply)
        rulings = [Ruling(f"{name}.{ruling.check}", ruling.finding) for ruling in shown]
        by_key = (".status.", ".reason.", ".key.") if alone else ()
        rulings += [
            ruling
            for ruling in self._judge.rule(probe, at, reply)
            if not any(part in ruling.check for part in by_key)
        ]
        self._book.ruled(probe, reply, rulings, (first.exchange,), case=case)

    def _confirming(
        self, probe: Probe, at: Steered, more: Callable[[Reply], list[Ruling]], reply: Reply
    ) -> Reply | None:
        """The first answer that shows what it is to show, or the last one; None where one didn't come."""

        def good(reply: Reply) -> bool:
            return not any(ruling.finding for ruling in more(reply))

        try:
            return self._patience.until(lambda: self._writer.send(probe, at.id, None), good, reply)
        except TransportError as fault:
            self._book.failed(probe, fault.kind, self._writer.last_fault())
            return None


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
    facts = {"status": "cancelled", "failure_code": "cancelled"}
    # What the first answer had wrong already is told of there.
    wrong = [name for name, value in facts.items() if first.at(name) == value != reply.at(name)]
    if probe.aim is Aim.DOCUMENTED and reason_check(probe.value) != "reason.absent":
        reason = probe.value["reason"]
        echoed, kept = (returned(reason, one.at("failure_message")) for one in (first, reply))
        wrong += ["failure_message"] if echoed in _KEPT and kept not in _KEPT else []
    if reply.status == 200 and not wrong:
        return [Ruling("read_back")]
    what = ", ".join(wrong or (*facts, "failure_message"))
    expected = f"200 with the right {what} to reading an intent that was cancelled just now"
    return [Ruling("read_back", Finding(expected, told(reply), f"{reply.status} {','.join(wrong)}"))]


def _with_other_reason(probe: Probe) -> Probe:
    before = probe.value.get("reason") if isinstance(probe.value, dict) else None
    other = "another_reason" if before != "another_reason" else "a_third_reason"
    return replace(probe, headers=_JSON, body=f'{{"reason": "{other}"}}'.encode(), value={"reason": other})
