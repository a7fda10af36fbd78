"""The state machine of a payout intent: what each request must be answered, and what it changes.

Where the document leaves the answer open, every honest one is taken and the model goes on from it.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.fuzz.case import UNKNOWN
from conformance.fuzz.fuzz_contract import MEMORY_S
from conformance.fuzz.oracle.results import (
    ACCEPTED,
    CheckResult,
    ExpectedResponse,
    expected_response,
    result,
    text,
)
from conformance.fuzz.stateful.model import Subject, changed, moved, showed
from conformance.fuzz.stateful.sequence import Step
from conformance.fuzz.stateful.state_machine import blamed
from conformance.fuzz.words import became
from conformance.http.reply import MISSING, Reply
from conformance.suites.payout_intents.contract import CONTRACT
from conformance.suites.payout_intents.intent_state import (
    CANCEL,
    CANCELLABLE,
    CLOSED,
    KEYS,
    ODD,
    OPEN,
    READ,
    WITHOUT_EFFECT,
    Intent,
    Use,
    awaiting,
    has_been,
    learn,
    moved_by,
    order,
    outcome,
    stands_still,
)

_ANSWERS = CONTRACT.answers
_OK, _REFUSED = (expected_response(_ANSWERS, one) for one in (_ANSWERS.ok, _ANSWERS.refused))
_NOT_FOUND = expected_response(_ANSWERS, _ANSWERS.not_found)
_CONFLICT = expected_response(_ANSWERS, _ANSWERS.conflict)


class IntentModel:
    """The intents of one sequence. Statuses are those of the document, or OPEN or CLOSED."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._intents = [Intent(subject, subject.state, confirmed=True) for subject in subjects]
        self._uses: dict[tuple[str, str], Use] = {}
        self._unproven: set[tuple[str, str]] = set()
        self._awaited = ""

    def state(self, step: Step) -> str:
        """Implements `Model.state`."""
        intent = self._intents[step.on]
        if self._is_foreign(step, intent):
            return UNKNOWN
        if step.verb == "cancel" and intent.status in CANCELLABLE:
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
            if reply.ok and step.verb == "cancel" and intent.status in CANCELLABLE:
                intent.status = OPEN
            return []  # the oracle's: nobody is let in like this
        if self._is_foreign(step, intent):
            return self._stranger(step, intent, reply)
        if step.verb == "read":
            return self._read(intent, reply)
        if step.odd:
            return self._odd(step, intent, reply)
        results = self._cancel(step, intent, reply)
        return [*results, *order(CANCEL, intent, reply)]

    # -- cancels ---------------------------------------------------------------------------------------------

    def _cancel(self, step: Step, intent: Intent, reply: Reply) -> list[CheckResult]:
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
        did = became(CONTRACT, reply, _CONFLICT)
        cause = f"{ACCEPTED} {reply.status}" if reply.ok else ""
        return [result(CANCEL + "conflict", holds, expected, reply, cause=cause, did=did)]

    def _by_state(self, step: Step, intent: Intent, reply: Reply) -> CheckResult:
        """Judges the answer to a cancel whose answer depends on the state alone."""
        if intent.status in CANCELLABLE:
            certain = intent.status != OPEN
            allowed = (_OK,) if certain else (_OK, _REFUSED)
            if reply.ok:
                self._cancelled(intent, step.reason)
            else:
                # Whatever is in the way now stays in the way; a 5xx, or a 401, says nothing of the intent.
                intent.status = CLOSED if _REFUSED.met_by(reply) else OPEN
            holds = reply.status == _OK.status or (not certain and _REFUSED.is_met_but_for_the_code(reply))
            expected = f"{' or '.join(map(str, allowed))} to cancelling an intent {awaiting(intent, certain)}"
            # Where something was tried before that may have no effect, it seems to have had one.
            blame = blamed(intent.since, WITHOUT_EFFECT) if certain and _REFUSED.met_by(reply) else None
            check = READ + blame if blame and not holds else CANCEL + "cancel"
            if not certain and not holds and reply.status < 500:
                check = CANCEL + "terminal"  # refused, as it may be, though not as documented
            return result(check, holds, expected, reply, did=became(CONTRACT, reply, *allowed))
        name = {"cancelled": "again", "processing": "processing", CLOSED: "processing"}
        check = CANCEL + name.get(intent.status, "terminal")
        if intent.claimed and reply.ok:
            check = CANCEL + "other_intent"
        intent.since.append("refused")
        if reply.ok:
            # That is told of now: what comes of it is nobody else's fault.
            intent.reason, intent.since = None, ["refused"]
        holds = _REFUSED.is_met_but_for_the_code(reply)
        said = "that was settled before" if intent.status == CLOSED else f"that is {intent.status}"
        expected, did = f"{_REFUSED} to cancelling an intent {said}", became(CONTRACT, reply, _REFUSED)
        return result(check, holds, expected, reply, did=did)

    def _first_use(self, step: Step, key: str, intent: Intent, reply: Reply) -> list[CheckResult]:
        others = any(label == key for _, label in self._uses)
        unproven = (step.by, key) in self._unproven
        could = intent.status == "requires_approval"
        own = self._by_state(step, intent, reply)
        if (own.finding is None and reply.ok) or not reply.ok:
            self._uses[step.by, key] = Use(step.on, step.reason, step.odd, reply if reply.ok else None)
        results = []
        if others:
            results.append(self._free_of_others(intent, reply))
        # Where a request with wrong credentials has cancelled it, that is what was broken.
        if unproven and could and own.check == CANCEL + "cancel":
            expected = f"{_OK} once the credentials are right: a refused request doesn't use its key up"
            did = became(CONTRACT, reply, _OK)
            results.append(result(CANCEL + "after_401", own.finding is None, expected, reply, did=did))
        blamed = any(one.finding is not None for one in results)
        return results if blamed else [own, *results]

    def _after_refusal(self, step: Step, key: str, intent: Intent, reply: Reply) -> list[CheckResult]:
        """Judges a key that had a refusal: whether it is remembered is open."""
        if not reply.ok:
            intent.since.append("refused")
            return [] if reply.status < 500 else [self._by_state(step, intent, reply)]
        result = self._by_state(step, intent, reply)
        self._uses[step.by, key] = Use(step.on, step.reason, "", reply if result.finding is None else None)
        return [result]

    def _open(self, step: Step, intent: Intent, reply: Reply) -> list[CheckResult]:
        """Judges a key that counts per intent: which answer it remembers is open, but none may be false."""
        intent.since.append("refused")
        if reply.ok and intent.status in CANCELLABLE:
            self._cancelled(intent, step.reason)
        named = reply.at("id") if reply.ok else intent.subject.id
        return [self._about_this(named == intent.subject.id, "an answer about this intent", reply)]

    def _other_intent(self, step: Step, use: Use, intent: Intent, reply: Reply) -> list[CheckResult]:
        expected = "an answer about this intent, and true of it, to a key that was used for another one"
        honest = reply.status < 500
        if reply.ok:
            honest = reply.at("id") == intent.subject.id and intent.status in CANCELLABLE
            if honest:
                self._cancelled(intent, step.reason)
                use.shared = intent.claimed = True
        else:
            intent.since.append("conflict" if reply.status == 409 else "refused")
        return [self._about_this(honest, expected, reply)]

    def _about_this(self, holds: bool, expected: str, reply: Reply) -> CheckResult:
        """Judges whether the answer to a key that was used before is about the intent that was named now."""
        cause = f"{ACCEPTED} {reply.status}" if reply.ok else ""
        observed = f"id is {text(reply.at('id'))}" if reply.ok else ""
        did = f"was answered {reply.status}" + (f" with the id {text(reply.at('id'))}" if reply.ok else "")
        return result(
            CANCEL + "other_intent", holds, expected, reply, cause=cause, observed=observed, did=did
        )

    def _free_of_others(self, intent: Intent, reply: Reply) -> CheckResult:
        """Judges whether a key that somebody else used is as good as a new one."""
        expected = "a key that somebody else has used to be as good as a new one"
        foreign = reply.ok and reply.at("id") not in (intent.subject.id, MISSING)
        did = f"was answered with the id {text(reply.at('id'))}" if foreign else became(CONTRACT, reply)
        holds = reply.status != 409 and not foreign
        return result(CANCEL + "keys_of_others", holds, expected, reply, did=did)

    def _replay(self, first: Reply, reply: Reply) -> CheckResult:
        expected = f"the first answer, {first.status} and its body, to the same key with the same body"
        differing = changed(first.json, reply.json, KEYS) if isinstance(first.json, dict) else []
        same = reply.status == first.status
        return result(
            CANCEL + "replay",
            same and not differing,
            expected,
            reply,
            cause=f"{reply.status} {len(differing)}",
            observed="; ".join(differing) if same else "",
            did=f"was answered with {showed(differing)}"
            if same
            else became(CONTRACT, reply, ExpectedResponse(first.status)),
        )

    def _odd(self, step: Step, intent: Intent, reply: Reply) -> list[CheckResult]:
        """Follows a body that is to be refused; the oracle judges its answer."""
        intent.since.append(ODD.get(step.odd, "odd"))
        if step.key is not None:
            use = self._uses.setdefault((step.by, step.key), Use(step.on, None, step.odd, None))
            # What was made of the body is open, and with it whether the next one under this key is another one.
            use.shared = use.shared or reply.ok
        if reply.ok and intent.status in CANCELLABLE:
            self._cancelled(intent, None)
        return []

    def _cancelled(self, intent: Intent, reason: str | None) -> None:
        intent.status, intent.reason, intent.confirmed = "cancelled", reason, False
        intent.seen, intent.since = None, []

    # -- strangers -------------------------------------------------------------------------------------------

    def _is_foreign(self, step: Step, intent: Intent) -> bool:
        return step.by != intent.subject.owner

    def _stranger(self, step: Step, intent: Intent, reply: Reply) -> list[CheckResult]:
        place = READ if step.verb == "read" else CANCEL
        if intent.subject.owner is None:
            return self._nobodys(step, place, intent, reply)
        across = "other_environment" in (step.by, intent.subject.owner)
        who = "other_environment" if across else "other_merchant"
        intent.since.append(who)
        mine = (step.by, step.key) if step.key is not None else None
        before = mine is not None and mine in self._uses
        others = mine is not None and not before and any(label == step.key for _, label in self._uses)
        if mine is not None:
            self._uses.setdefault(mine, Use(step.on, step.reason, "", None))
        if reply.ok and step.verb == "cancel" and intent.status in CANCELLABLE:
            intent.status = OPEN
        if others and reply.status == 409:
            return [self._free_of_others(intent, reply)]
        holds = _NOT_FOUND.is_met_but_for_the_code(reply) or (before and reply.status == 409)
        of = "of the other environment" if across else "of another merchant"
        what = "reading" if step.verb == "read" else "cancelling"
        expected, did = f"{_NOT_FOUND} to {what} an intent {of}", became(CONTRACT, reply, _NOT_FOUND)
        cause = f"{ACCEPTED} {reply.status}" if reply.ok else ""
        return [result(place + WITHOUT_EFFECT[who], holds, expected, reply, cause=cause, did=did)]

    def _nobodys(self, step: Step, place: str, intent: Intent, reply: Reply) -> list[CheckResult]:
        mine = (step.by, step.key) if step.key is not None else None
        before = mine is not None and mine in self._uses
        if mine is not None:
            self._uses.setdefault(mine, Use(step.on, step.reason, "", None))
        holds = _NOT_FOUND.is_met_but_for_the_code(reply)
        holds = holds or (before and reply.status == 409)
        holds = holds or (not intent.subject.certain and reply.status == 400)
        expected, did = f"{_NOT_FOUND} to an unknown id", became(CONTRACT, reply, _NOT_FOUND)
        return [result(place + "unknown", holds, expected, reply, did=did)]

    # -- reads -----------------------------------------------------------------------------------------------

    def _read(self, intent: Intent, reply: Reply) -> list[CheckResult]:
        shown = reply.json
        if reply.status != 200 or not isinstance(shown, dict):
            did = "was answered 200 without JSON" if reply.status == 200 else became(CONTRACT, reply, "200")
            return [result(READ + "read", False, "200 to reading an intent", reply, did=did)]
        wrong, check = outcome(intent, shown)
        results = [
            result(
                check,
                not wrong,
                f"a read to show an intent that {has_been(intent)}",
                reply,
                cause=",".join(each.partition(" ")[0] for each in wrong),
                observed="; ".join(wrong),
                did=f"showed {showed(wrong)}",
            )
        ]
        if not wrong and intent.seen is not None and stands_still(intent):
            results.append(self._dates(intent, intent.seen, shown, reply))
        data = order(READ, intent, reply)
        learn(intent, shown)
        return [*results, *data]

    def _dates(
        self, intent: Intent, before: Mapping[str, Any], shown: Mapping[str, Any], reply: Reply
    ) -> CheckResult:
        """Judges the dates of two reads between which nothing was sent that may change the intent."""
        dates = [key for key in ("created_at", "updated_at") if moved(before, shown, key)]
        return result(
            moved_by(intent) if dates != ["created_at"] else READ + "dates",
            not dates,
            "created_at and updated_at as in the read before",
            reply,
            cause=",".join(dates),
            observed="; ".join(changed(before, shown, dates)),
            did=f"showed that {' and '.join(dates)} had moved",
        )
