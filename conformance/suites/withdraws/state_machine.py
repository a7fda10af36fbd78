"""The state machine of a withdraw: what each request must be answered, and what it changes.

Reads are of the endpoint that a profile declares, which no document describes: one that shows nothing is not judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.fuzz.case import UNKNOWN
from conformance.fuzz.oracle.results import (
    ACCEPTED,
    CheckResult,
    ExpectedResponse,
    expected_response,
    result,
    text,
)
from conformance.fuzz.stateful.model import Subject, changed, left_out, moved, order_data, showed
from conformance.fuzz.stateful.sequence import Step
from conformance.fuzz.stateful.state_machine import blamed
from conformance.fuzz.words import became
from conformance.http.reply import Reply
from conformance.oracles.missing_keys import has_value
from conformance.suites.withdraws.contract import CONTRACT

_ANSWERS = CONTRACT.answers
_OK, _REFUSED = (expected_response(_ANSWERS, one) for one in (_ANSWERS.ok, _ANSWERS.refused))
_NOT_FOUND = expected_response(_ANSWERS, _ANSWERS.not_found)
# The beginning of an id: `walk` stands for a sequence of requests, as in fuzz::cancel_withdraw.walk.settled.
_WALK = "cancel_withdraw.walk."
# What may have no effect, and the check that is about it.
_WITHOUT_EFFECT = {"merchant": "merchant", "credentials": "credentials", "no_credentials": "no_credentials"}
FAMILY = frozenset({_WALK + what for what in (*_WITHOUT_EFFECT.values(), "trace", "pending")})
# UUIDs that no generator of random ones makes.
UNUSUAL_IDS = {
    "nil": "00000000-0000-0000-0000-000000000000",
    "max": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "digits": "12345678-1234-4234-8234-{:012d}",
    "exponent": "1e{:06d}-0000-4000-8000-000000000000",
}

_ORDER = (
    "amount",
    "currency",
    "referenceId",
    "destinationType",
    "bankAccountNumber",
    "bankAccountName",
    "bankCode",
    "destinationId",
    "description",
    "metadata",
)
# These every answer writes in the same way.
_SHARED = ("amount", "currency", "referenceId", "destinationType", "destinationId", "description", "metadata")
# Who tells of a key that has a value and isn't there.
_KEYS_CHECK, _ACCOUNT_CHECK = "cancel_withdraw.body.keys", "cancel_withdraw.body.account_number"
# Not known: it may be cancelled still (after an attempt to pay it), or not any more.
OPEN, CLOSED = "open", "closed"
_FINAL = {"canceled": "again", "paid": "paid", "failed": "failed"}


@dataclass(slots=True)
class _Withdraw:
    """The state of one withdraw. `canceled_at` is that of the first answer that showed it."""

    subject: Subject
    status: str
    canceled_at: Any = None
    confirmed: bool = True
    seen: Mapping[str, Any] | None = None
    order: dict[str, dict[str, Any]] = field(default_factory=dict)
    settled: bool = False
    since: list[str] = field(default_factory=list)


class WithdrawModel:
    """The withdraws of one sequence. Statuses are those of the document, or OPEN or CLOSED."""

    def __init__(self, subjects: Sequence[Subject], cancel_processing: bool | None) -> None:
        self._withdraws = [_Withdraw(subject, subject.state) for subject in subjects]
        self._cancel_processing = cancel_processing

    def state(self, step: Step) -> str | None:
        """Implements `Model.state`."""
        withdraw = self._withdraws[step.on]
        if step.by != withdraw.subject.owner:
            return UNKNOWN
        return {OPEN: None, CLOSED: "paid"}.get(withdraw.status, withdraw.status)

    def lags(self, step: Step) -> bool:
        """Implements `Model.lags`."""
        withdraw = self._withdraws[step.on]
        own = step.verb == "read" and not step.odd and step.by == withdraw.subject.owner
        return own and withdraw.status == "canceled" and not withdraw.confirmed

    def shows(self, reply: Reply) -> bool:
        """Implements `Model.shows`."""
        return bool(reply.at("data.status") == "canceled") or not reply.ok

    def settled(self, step: Step) -> None:
        """Implements `Model.settled`."""
        withdraw = self._withdraws[step.on]
        withdraw.settled = True
        if withdraw.status in ("pending", "processing"):
            withdraw.status, withdraw.seen = OPEN, None

    def judge(self, step: Step, reply: Reply) -> list[CheckResult]:
        """Implements `Model.judge`."""
        withdraw = self._withdraws[step.on]
        if step.odd:
            withdraw.since.append(step.odd.removeprefix("wrong_"))
            if reply.ok and step.verb == "cancel" and withdraw.status in ("pending", "processing", OPEN):
                withdraw.status = OPEN
            return []  # the oracle's: nobody is let in like this
        if step.by != withdraw.subject.owner:
            return self._stranger(step, withdraw, reply)
        if step.verb == "read":
            return self._read(withdraw, reply)
        return [self._cancel(withdraw, reply), *self._order("cancel", withdraw, reply)]

    # -- cancels ---------------------------------------------------------------------------------------------

    def _cancel(self, withdraw: _Withdraw, reply: Reply) -> CheckResult:
        status = withdraw.status
        if status in _FINAL:
            withdraw.since.append("refused")
            holds = _REFUSED.is_met_but_for_the_code(reply)
            expected = f"{_REFUSED} to cancelling a {status} withdraw"
            return result(
                _WALK + _FINAL[status], holds, expected, reply, did=became(CONTRACT, reply, _REFUSED)
            )
        allowed = self._allowed(status)
        if reply.ok:
            withdraw.status, withdraw.confirmed, withdraw.seen = "canceled", False, None
            withdraw.canceled_at = reply.at("data.canceledAt")
        else:
            withdraw.status = CLOSED if _REFUSED.met_by(reply) else OPEN
        holds = any(one.is_met_but_for_the_code(reply) for one in allowed)
        check = "pending" if status == "pending" else "closed"
        if status == "processing" and self._cancel_processing is not None:
            check = "processing_cancelled" if self._cancel_processing else "processing_refused"
        late = reply.ok and status == OPEN and withdraw.settled and has_value(reply.at("data.paidAt"))
        if late:
            # Paid and cancelled: what came second had to be refused.
            return result(
                _WALK + "settled",
                False,
                f"{_REFUSED} to cancelling what was paid",
                reply,
                did=became(CONTRACT, reply),
            )
        if status == "pending" and _REFUSED.met_by(reply):
            # Where something was tried before that may have no effect, it seems to have had one.
            check = blamed(withdraw.since, _WITHOUT_EFFECT) or check
        expected = f"{' or '.join(map(str, allowed))} to cancelling a withdraw that is {_told(status)}"
        return result(_WALK + check, holds, expected, reply, did=became(CONTRACT, reply, *allowed))

    def _allowed(self, status: str) -> tuple[ExpectedResponse, ...]:
        if status == "pending":
            return (_OK,)
        if status == CLOSED or (status == "processing" and self._cancel_processing is False):
            return (_REFUSED,)
        # What is processing may be paid before the request gets there.
        return (_OK, _REFUSED)

    # -- strangers -------------------------------------------------------------------------------------------

    def _stranger(self, step: Step, withdraw: _Withdraw, reply: Reply) -> list[CheckResult]:
        if step.verb == "read":
            return []
        if withdraw.subject.owner is None:
            did = became(CONTRACT, reply, _NOT_FOUND)
            if not withdraw.subject.certain:
                refused = not reply.ok and reply.status < 500
                expected = f"{_NOT_FOUND}, or another 4xx, to a UUID that names nothing"
                return [result(_WALK + "odd_id", refused, expected, reply, did=did)]
            holds = _NOT_FOUND.is_met_but_for_the_code(reply)
            return [result(_WALK + "unknown", holds, f"{_NOT_FOUND} to an unknown id", reply, did=did)]
        withdraw.since.append("merchant")
        if reply.ok and withdraw.status in ("pending", "processing", OPEN):
            withdraw.status = OPEN
        expected = f"{_NOT_FOUND} to cancelling another merchant's withdraw"
        alike = _NOT_FOUND.is_met_but_for_the_code(reply)
        did, cause = became(CONTRACT, reply, _NOT_FOUND), f"{ACCEPTED} {reply.status}"
        accepted = reply.ok and _ANSWERS.succeeded(reply.json)
        return [
            result(_WALK + "merchant", not accepted, expected, reply, cause=cause, did=did),
            result(_WALK + "alike", alike or accepted, expected, reply, did=did),
        ]

    # -- reads -----------------------------------------------------------------------------------------------

    def _read(self, withdraw: _Withdraw, reply: Reply) -> list[CheckResult]:
        shown = reply.at("data")
        if reply.status != 200 or not isinstance(shown, dict):
            # One that has worked for this withdraw before has no reason not to any more.
            worked = withdraw.seen is not None
            did = "was answered 200 without data" if reply.status == 200 else became(CONTRACT, reply, _OK)
            expected = "200 with data to a read, as to the one before"
            return [result(_WALK + "reads", False, expected, reply, did=did)] if worked else []
        outcome = self._outcome(withdraw, shown, reply)
        results = [outcome, CheckResult(_WALK + "reads")]
        if outcome.finding is None:
            results += [
                CheckResult(_WALK + what) for who, what in _WITHOUT_EFFECT.items() if who in withdraw.since
            ]
        moving = withdraw.settled or withdraw.status in ("processing", OPEN, CLOSED)
        if withdraw.seen is not None and not moving:
            wrong = [key for key in ("createdAt", "updatedAt") if moved(withdraw.seen, shown, key)]
            results.append(
                result(
                    _WALK + "trace",
                    not wrong,
                    f"{' and '.join(wrong)} to stay what the read before showed",
                    reply,
                    cause=",".join(wrong),
                    observed="; ".join(changed(withdraw.seen, shown, wrong)),
                    did=f"showed that {' and '.join(wrong)} had moved",
                )
            )
        data = self._order("read", withdraw, reply)
        self._learn(withdraw, shown)
        return [*results, *data]

    def _outcome(self, withdraw: _Withdraw, shown: dict[str, Any], reply: Reply) -> CheckResult:
        status = shown.get("status")
        if withdraw.status == "canceled":
            wrong = changed({"status": "canceled", "paidAt": None}, shown, ("status", "paidAt"))
            first = {"canceledAt": withdraw.canceled_at}
            date = moved(first, shown, "canceledAt") and not _coarser(withdraw.canceled_at, shown)
            check = "settled" if withdraw.settled and not date else "real" if wrong or not date else "again"
            wrong += changed(first, shown, ("canceledAt",)) if date else []
        elif withdraw.status in ("processing", OPEN, CLOSED):
            wrong = [f"status is {text(status)}"] if status == "canceled" else []
            check = "trace"
        else:
            wrong, check = changed({"status": withdraw.status}, shown, ("status",)), "trace"
        if wrong and check == "trace":
            check = blamed(withdraw.since, _WITHOUT_EFFECT) or check
        return result(
            _WALK + check,
            not wrong,
            f"a read to show a withdraw that is {_told(withdraw.status)}",
            reply,
            cause=",".join(each.partition(" ")[0] for each in wrong),
            observed="; ".join(wrong),
            did=f"showed {showed(wrong)}",
        )

    def _learn(self, withdraw: _Withdraw, shown: dict[str, Any]) -> None:
        status = shown.get("status")
        if withdraw.status in (OPEN, "processing") and status in _FINAL:
            withdraw.status = CLOSED
        if withdraw.status == "canceled" and withdraw.canceled_at is None:
            withdraw.canceled_at = shown.get("canceledAt")
        withdraw.seen, withdraw.confirmed = shown, True
        withdraw.since.clear()

    def _order(self, place: str, withdraw: _Withdraw, reply: Reply) -> list[CheckResult]:
        """Judges the data of the order, which are the same in every answer; `place` is cancel or read.

        A read is no documented operation: it may write names and numbers in its own way, though always in the same.
        """
        shown = reply.at("data")
        if not reply.ok or not isinstance(shown, dict) or shown.get("id") != withdraw.subject.id:
            return []
        before = withdraw.order.get(place) or {
            key: value for each in withdraw.order.values() for key, value in each.items() if key in _SHARED
        }
        absent = [key for key in _SHARED if key not in shown and has_value(before.get(key))]
        wrong = changed(before, shown, [key for key in _ORDER if key not in absent])
        withdraw.order.setdefault(place, {key: shown[key] for key in _ORDER if key in shown})
        check = _WALK + "order_data"
        if wrong and all(line.startswith("bankAccountNumber ") for line in wrong):
            check = _ACCOUNT_CHECK
        elif wrong and place == "read" and withdraw.since and changed(withdraw.seen or {}, shown, _ORDER):
            # Since the last read nothing was sent but what may have no effect.
            check = _WALK + (blamed(withdraw.since, _WITHOUT_EFFECT) or "trace")
        results = order_data(check, wrong, reply) if before else []
        if absent:
            results.append(left_out(_KEYS_CHECK, absent, reply))
        return results


def _coarser(first: Any, shown: Mapping[str, Any]) -> bool:
    """Returns whether two dates are written with different precision, so that they can't be compared to the end."""
    now = shown.get("canceledAt")
    return not isinstance(first, str) or not isinstance(now, str) or len(first) != len(now)


def _told(status: str) -> str:
    return {OPEN: "pending or final by now", CLOSED: "no longer to be cancelled"}.get(status, status)
