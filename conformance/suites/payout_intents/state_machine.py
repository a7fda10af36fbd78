"""The state machine of a payout intent: what each request must be answered, and what it changes.

Where the document leaves the answer open, every honest one is taken and the model goes on from it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.fuzz.case import UNKNOWN
from conformance.fuzz.fuzzing import MEMORY_S
from conformance.fuzz.oracle.results import CheckResult, expected_response, result
from conformance.fuzz.stateful.model import Subject, changed, moved
from conformance.fuzz.stateful.sequence import Step
from conformance.fuzz.stateful.state_machine import blamed
from conformance.http.reply import Reply
from conformance.oracles.keys import has_value
from conformance.oracles.texts import Returned, returned
from conformance.suites.payout_intents.contract import CONTRACT

_ANSWERS = CONTRACT.answers
_OK, _REFUSED = (expected_response(_ANSWERS, one) for one in (_ANSWERS.ok, _ANSWERS.refused))
_NOT_FOUND = expected_response(_ANSWERS, _ANSWERS.not_found)
_CONFLICT = expected_response(_ANSWERS, _ANSWERS.conflict)
_CANCEL, _READ = "cancel_payout_intent.walk.", "get_payout_intent.walk."
# What may have no effect, and the check that is about it.
WITHOUT_EFFECT = {
    "settle": "settled",
    "conflict": "conflict",
    "other_merchant": "merchant",
    "other_environment": "environment",
    "credentials": "credentials",
    "odd_long": "refused_long",
    "odd_type": "refused_type",
    "odd": "refused",
}
# Which kind a step with an odd body is of; `odd` for any other.
_ODD = {"600_characters": "odd_long", "a_number": "odd_type"}
FAMILY = frozenset(
    {_CANCEL + "cancel", _READ + "read", _READ + "proceeds"}
    | {_READ + what for what in WITHOUT_EFFECT.values()}
)

_ORDER = ("amount", "currency", "country", "merchant_reference", "recipient")
_OUTCOME = ("status", "failure_code", "failure_message")
_KEYS = ("object", "id", *_ORDER, "environment", *_OUTCOME, "created_at", "updated_at")
# Who tells of a key that has a value and isn't there.
KEYS_CHECK = "cancel_payout_intent.body.keys"
# Not known: it may be cancelled still (after an attempt to settle it), or not any more.
OPEN, CLOSED = "open", "closed"
_CANCELLABLE = ("requires_approval", OPEN)
_KEPT = (Returned.SAME, Returned.TIDIED)


@dataclass(slots=True)
class _Intent:
    """The state of one intent. `reason` is that of the cancel, None where it isn't known."""

    subject: Subject
    status: str
    reason: str | None = None
    confirmed: bool = False
    seen: Mapping[str, Any] | None = None
    order: dict[str, Any] = field(default_factory=dict)
    since: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Use:
    """The use of a key. `first` is the 202 that it got.

    It is `shared` where it got one for another intent, too, or for a body that no document describes: then its next
    answer is open.

    `at` (monotonic seconds) is when that was.
    """

    on: int
    reason: str | None
    odd: str
    first: Reply | None
    shared: bool = False
    at: float = field(default_factory=time.monotonic)


class IntentModel:
    """The intents of one sequence. Statuses are those of the document, or OPEN or CLOSED."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._intents = [_Intent(subject, subject.state, confirmed=True) for subject in subjects]
        self._uses: dict[tuple[str, str], _Use] = {}
        self._unproven: set[tuple[str, str]] = set()
        self._awaited = ""

    def state(self, step: Step) -> str:
        """Implements `Model.state`."""
        intent = self._intents[step.on]
        if self._is_foreign(step, intent):
            return UNKNOWN
        if step.verb == "cancel" and intent.status in _CANCELLABLE:
            use = self._uses.get((step.by, step.key)) if step.key is not None else None
            return "requires_approval" if use is None else "cancelled"
        return intent.status if intent.status not in (OPEN, CLOSED) else "processing"

    def lags(self, step: Step) -> bool:
        """Implements `Model.lags`."""
        intent = self._intents[step.on]
        own = step.verb == "read" and not step.odd and not self._is_foreign(step, intent)
        self._awaited = intent.status
        if intent.status == CLOSED:
            return own and (intent.seen is None or intent.seen.get("status") == "requires_approval")
        return own and intent.status == "cancelled" and not intent.confirmed

    def shows(self, reply: Reply) -> bool:
        """Implements `Model.shows`."""
        status = reply.at("status")
        return bool(status != "requires_approval" if self._awaited == CLOSED else status == "cancelled")

    def settled(self, step: Step) -> None:
        """Implements `Model.settled`."""
        intent = self._intents[step.on]
        intent.since.append("settle")
        if intent.status in ("requires_approval", "processing"):
            intent.status = OPEN if intent.status == "requires_approval" else CLOSED

    def judge(self, step: Step, reply: Reply) -> list[CheckResult]:
        """Implements `Model.judge`."""
        intent = self._intents[step.on]
        if step.odd.endswith("credentials"):
            intent.since.append("credentials")
            if step.key is not None:
                self._unproven.add((step.by, step.key))
            if reply.ok and step.verb == "cancel" and intent.status in _CANCELLABLE:
                intent.status = OPEN
            return []  # the oracle's: nobody is let in like this
        if self._is_foreign(step, intent):
            return self._stranger(step, intent, reply)
        if step.verb == "read":
            return self._read(intent, reply)
        if step.odd:
            return self._odd(step, intent, reply)
        results = self._cancel(step, intent, reply)
        return [*results, *self._order(_CANCEL, intent, reply)]

    # -- cancels ---------------------------------------------------------------------------------------------

    def _cancel(self, step: Step, intent: _Intent, reply: Reply) -> list[CheckResult]:
        if step.key is None:
            return [self._by_state(step, intent, reply)]
        use = self._uses.get((step.by, step.key))
        if use is None:
            return self._first_use(step, step.key, intent, reply)
        if use.shared:
            return self._open(step, intent, reply)
        if use.first is None:
            return self._after_refusal(step, step.key, intent, reply)
        if use.on != step.on:
            return self._other_intent(step, use, intent, reply)
        if time.monotonic() - use.at > MEMORY_S:
            # Some targets forget a key after a minute: nothing is said of what a slow sequence asks it for.
            return self._open(step, intent, reply)
        if use.reason == step.reason and not use.odd:
            return [self._replay(use.first, reply)]
        intent.since.append("conflict")
        if reply.ok:
            intent.reason = None
        holds = _CONFLICT.is_met_but_for_the_code(reply)
        expected = f"{_CONFLICT} to a key that comes again with another reason"
        return [result(_CANCEL + "conflict", holds, expected, reply)]

    def _by_state(self, step: Step, intent: _Intent, reply: Reply) -> CheckResult:
        """Judges the answer to a cancel whose answer depends on the state alone."""
        if intent.status in _CANCELLABLE:
            certain = intent.status != OPEN
            if reply.ok:
                self._cancelled(intent, step.reason)
            else:
                # Whatever is in the way now stays in the way; a 5xx, or a 401, says nothing of the intent.
                intent.status = CLOSED if _REFUSED.met_by(reply) else OPEN
            holds = reply.status == _OK.status or (not certain and _REFUSED.met_by(reply))
            expected = f"{_OK} to the first documented cancel of an intent that awaits approval"
            # Where something was tried before that may have no effect, it seems to have had one.
            blame = blamed(intent.since, WITHOUT_EFFECT) if _REFUSED.met_by(reply) else None
            return result(
                _READ + blame if blame and not holds else _CANCEL + "cancel", holds, expected, reply
            )
        name = {"cancelled": "again", "processing": "processing", CLOSED: "processing"}
        check = _CANCEL + name.get(intent.status, "terminal")
        intent.since.append("refused")
        if reply.ok:
            # That is told of now: what comes of it is nobody else's fault.
            intent.reason, intent.since = None, ["refused"]
        holds = _REFUSED.is_met_but_for_the_code(reply)
        said = (
            "that is not to be cancelled any more" if intent.status == CLOSED else f"that is {intent.status}"
        )
        return result(check, holds, f"{_REFUSED} to cancelling an intent {said}", reply)

    def _first_use(self, step: Step, key: str, intent: _Intent, reply: Reply) -> list[CheckResult]:
        others = any(label == key for _, label in self._uses)
        unproven = (step.by, key) in self._unproven
        could = intent.status == "requires_approval"
        own = self._by_state(step, intent, reply)
        if (own.finding is None and reply.ok) or not reply.ok:
            self._uses[step.by, key] = _Use(step.on, step.reason, step.odd, reply if reply.ok else None)
        results = []
        if others:
            expected = "a key that somebody else has used to be as good as a new one"
            results.append(result(_CANCEL + "keys_of_others", reply.status != 409, expected, reply))
        if unproven and could:
            expected = (
                "a request that failed authentication to be processed when it comes with good credentials"
            )
            results.append(result(_CANCEL + "after_401", own.finding is None, expected, reply))
        blamed = any(one.finding is not None for one in results)
        return results if blamed else [own, *results]

    def _after_refusal(self, step: Step, key: str, intent: _Intent, reply: Reply) -> list[CheckResult]:
        """Judges a key that had a refusal: whether it is remembered is open."""
        if not reply.ok:
            intent.since.append("refused")
            return [] if reply.status < 500 else [self._by_state(step, intent, reply)]
        result = self._by_state(step, intent, reply)
        self._uses[step.by, key] = _Use(step.on, step.reason, "", reply if result.finding is None else None)
        return [result]

    def _open(self, step: Step, intent: _Intent, reply: Reply) -> list[CheckResult]:
        """Judges a key that counts per intent: which answer it remembers is open, but none may be false."""
        intent.since.append("refused")
        if reply.ok and intent.status in _CANCELLABLE:
            self._cancelled(intent, step.reason)
        named = reply.at("id") if reply.ok else intent.subject.id
        return [
            result(_CANCEL + "other_intent", named == intent.subject.id, "an answer about this intent", reply)
        ]

    def _other_intent(self, step: Step, use: _Use, intent: _Intent, reply: Reply) -> list[CheckResult]:
        expected = (
            "an answer that is about this intent, and true of it, to a key that was used for another one"
        )
        honest = reply.status < 500
        if reply.ok:
            honest = reply.at("id") == intent.subject.id and intent.status in _CANCELLABLE
            if honest:
                self._cancelled(intent, step.reason)
                use.shared = True
        else:
            intent.since.append("refused")
        return [result(_CANCEL + "other_intent", honest, expected, reply)]

    def _replay(self, first: Reply, reply: Reply) -> CheckResult:
        expected = f"the first answer, {first.status} and its body, to the same key with the same body"
        differing = changed(first.json, reply.json, _KEYS) if isinstance(first.json, dict) else []
        holds = reply.status == first.status and not differing
        return result(_CANCEL + "replay", holds, expected, reply, cause=f"{reply.status} {len(differing)}")

    def _odd(self, step: Step, intent: _Intent, reply: Reply) -> list[CheckResult]:
        """Follows a body that is to be refused; the oracle judges its answer."""
        intent.since.append(_ODD.get(step.odd, "odd"))
        if step.key is not None:
            use = self._uses.setdefault((step.by, step.key), _Use(step.on, None, step.odd, None))
            # What was made of the body is open, and with it whether the next one under this key is another one.
            use.shared = use.shared or reply.ok
        if reply.ok and intent.status in _CANCELLABLE:
            self._cancelled(intent, None)
        return []

    def _cancelled(self, intent: _Intent, reason: str | None) -> None:
        intent.status, intent.reason, intent.confirmed = "cancelled", reason, False
        intent.seen, intent.since = None, []

    # -- strangers -------------------------------------------------------------------------------------------

    def _is_foreign(self, step: Step, intent: _Intent) -> bool:
        return step.by != intent.subject.owner

    def _stranger(self, step: Step, intent: _Intent, reply: Reply) -> list[CheckResult]:
        place = _READ if step.verb == "read" else _CANCEL
        if intent.subject.owner is None:
            return self._nobodys(step, place, intent, reply)
        across = "other_environment" in (step.by, intent.subject.owner)
        who = "other_environment" if across else "other_merchant"
        intent.since.append(who)
        mine = (step.by, step.key) if step.key is not None else None
        before = mine is not None and mine in self._uses
        others = mine is not None and not before and any(label == step.key for _, label in self._uses)
        if mine is not None:
            self._uses.setdefault(mine, _Use(step.on, step.reason, "", None))
        if reply.ok and step.verb == "cancel" and intent.status in _CANCELLABLE:
            intent.status = OPEN
        if others and reply.status == 409:
            expected = "a key that somebody else has used to be as good as a new one"
            return [result(_CANCEL + "keys_of_others", False, expected, reply)]
        holds = _NOT_FOUND.is_met_but_for_the_code(reply) or (before and reply.status == 409)
        of = "of the other environment" if across else "of another merchant"
        what = "reading" if step.verb == "read" else "cancelling"
        return [result(place + WITHOUT_EFFECT[who], holds, f"{_NOT_FOUND} to {what} an intent {of}", reply)]

    def _nobodys(self, step: Step, place: str, intent: _Intent, reply: Reply) -> list[CheckResult]:
        mine = (step.by, step.key) if step.key is not None else None
        before = mine is not None and mine in self._uses
        if mine is not None:
            self._uses.setdefault(mine, _Use(step.on, step.reason, "", None))
        holds = _NOT_FOUND.is_met_but_for_the_code(reply)
        holds = holds or (before and reply.status == 409)
        holds = holds or (not intent.subject.certain and reply.status == 400)
        return [result(place + "unknown", holds, f"{_NOT_FOUND} to an id that was never issued", reply)]

    # -- reads -----------------------------------------------------------------------------------------------

    def _read(self, intent: _Intent, reply: Reply) -> list[CheckResult]:
        shown = reply.json
        if reply.status != 200 or not isinstance(shown, dict):
            return [result(_READ + "read", False, "200 to reading an intent", reply)]
        wrong, check = self._outcome(intent, shown)
        blame = blamed(intent.since, WITHOUT_EFFECT)
        soft = []
        if not wrong and intent.seen is not None and self._stands_still(intent):
            soft = [key for key in ("created_at", "updated_at") if moved(intent.seen, shown, key)]
            if "updated_at" in soft and blame in ("conflict", "merchant", "environment"):
                wrong, check = changed(intent.seen, shown, ("updated_at",)), blame
        expected = f"an intent that {_has_been(intent)} to read as such, whatever came in between"
        results = [
            result(
                _READ + check,
                not wrong,
                f"{expected} ({'; '.join(wrong)})",
                reply,
                cause=",".join(wrong)[:60],
            )
        ]
        if intent.seen is not None and self._stands_still(intent) and check == "read":
            expected = "created_at and updated_at to stay where nothing was changed"
            results.append(result(_READ + "dates", not soft, expected, reply, cause=",".join(soft)))
        self._learn(intent, shown)
        return [*results, *self._order(_READ, intent, reply)]

    def _outcome(self, intent: _Intent, shown: dict[str, Any]) -> tuple[list[str], str]:
        """Returns what is wrong with the outcome shown, and the check that it belongs to."""
        blame = blamed(intent.since, WITHOUT_EFFECT) or "read"
        status = shown.get("status")
        if intent.status == "cancelled":
            facts: dict[str, Any] = {"status": "cancelled"}
            if intent.subject.state != "cancelled":  # what was handed over as cancelled may have any code
                facts["failure_code"] = "cancelled"
            wrong = changed(facts, shown, facts)
            kept = shown.get("failure_message")
            if intent.reason is not None and returned(intent.reason, kept) not in _KEPT:
                wrong += changed({"failure_message": intent.reason}, shown, ("failure_message",))
            if intent.seen is not None and intent.reason is None:
                wrong += changed(intent.seen, shown, ("failure_message",))
            return wrong, blame
        if intent.status in ("processing", CLOSED, OPEN):
            # It may move on by itself, but not to where a refused request asked for.
            amiss = ["cancelled"] if intent.status == OPEN else ["cancelled", "requires_approval"]
            wrong = [f"status is {status!r}"] if status in amiss else []
            wrong += ["failure_code is 'cancelled'"] if shown.get("failure_code") == "cancelled" else []
            refused = intent.status == "processing" or "refused" in intent.since
            return wrong, "proceeds" if refused and blame == "read" else blame
        if intent.seen is None:
            return changed({"status": intent.status}, shown, ("status",)), blame
        return changed(intent.seen, shown, _OUTCOME), blame

    def _stands_still(self, intent: _Intent) -> bool:
        return intent.status not in ("processing", OPEN, CLOSED) and "settle" not in intent.since

    def _learn(self, intent: _Intent, shown: dict[str, Any]) -> None:
        status = shown.get("status")
        if intent.status == OPEN and status not in ("cancelled", "requires_approval"):
            intent.status = CLOSED
        intent.confirmed = True
        intent.seen, intent.since = shown, []

    def _order(self, place: str, intent: _Intent, reply: Reply) -> list[CheckResult]:
        """Judges the data of the order, which are the same in every answer; a null may be written or left out."""
        shown = reply.json
        if not reply.ok or not isinstance(shown, dict) or shown.get("id") != intent.subject.id:
            return []
        absent = [key for key in _ORDER if key not in shown and has_value(intent.order.get(key))]
        wrong = changed(intent.order, shown, [key for key in _ORDER if key not in absent])
        known = bool(intent.order)
        intent.order = {**{key: shown[key] for key in _ORDER if key in shown}, **intent.order}
        expected = f"nothing of {', '.join(_ORDER)} to change ({'; '.join(wrong)})"
        results = [result(place + "order_data", not wrong, expected, reply)] if known else []
        if absent:
            expected = f"{', '.join(absent)}, whose value other answers show, to be there"
            results.append(result(KEYS_CHECK, False, expected, reply, cause=f"absent {absent}"))
        return results


def _has_been(intent: _Intent) -> str:
    if intent.status == "cancelled":
        return "was cancelled"
    return "awaits approval" if intent.status in _CANCELLABLE else "was not to be cancelled"
