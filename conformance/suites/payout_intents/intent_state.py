"""The state of a payout intent as a sequence of requests knows it, and what a read of it has to show."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.fuzz.oracle.results import CheckResult, text
from conformance.fuzz.stateful.model import Subject, changed, left_out, order_data
from conformance.fuzz.stateful.state_machine import blamed
from conformance.http.reply import Reply
from conformance.oracles.missing_keys import has_value
from conformance.oracles.texts import Returned, returned

# The beginnings of ids: `walk` stands for a sequence of requests, as in fuzz::cancel_payout_intent.walk.other_intent.
CANCEL, READ = "cancel_payout_intent.walk.", "get_payout_intent.walk."
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
# Of these, what doesn't move a date.
_MOVES_NOTHING = ("conflict", "other_merchant", "other_environment")
# Which kind a step with an odd body is of; `odd` for any other.
ODD = {"600_characters": "odd_long", "a_number": "odd_type"}
FAMILY = frozenset(
    (
        *(CANCEL + what for what in ("cancel", "again", "terminal", "other_intent")),
        *(READ + what for what in ("read", "proceeds", "untouched", "dates", *WITHOUT_EFFECT.values())),
    )
)

_ORDER = ("amount", "currency", "country", "merchant_reference", "recipient")
OUTCOME = ("status", "failure_code", "failure_message")
KEYS = ("object", "id", *_ORDER, "environment", *OUTCOME, "created_at", "updated_at")
# Who tells of a key that has a value and isn't there.
KEYS_CHECK = "cancel_payout_intent.body.keys"
# Not known: it may be cancelled still (after an attempt to settle it), or not any more.
OPEN, CLOSED = "open", "closed"
CANCELLABLE = ("requires_approval", OPEN)
_KEPT = (Returned.SAME, Returned.TIDIED)


@dataclass(slots=True)
class Intent:
    """The state of one intent. `reason` is that of the cancel, None where it isn't known.

    It is `claimed` as cancelled where a key that was used for another intent brought a 202 for it, until a read shows
    the same.
    """

    subject: Subject
    status: str
    reason: str | None = None
    confirmed: bool = False
    claimed: bool = False
    seen: Mapping[str, Any] | None = None
    order: dict[str, Any] = field(default_factory=dict)
    since: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Use:
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


def outcome(intent: Intent, shown: dict[str, Any]) -> tuple[list[str], str]:
    """Returns what is wrong with the outcome shown, and the check that it belongs to."""
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
    elif intent.status in ("processing", CLOSED, OPEN):
        # It may move on by itself, but not to where a refused request asked for.
        amiss = ["cancelled"] if intent.status == OPEN else ["cancelled", "requires_approval"]
        wrong = [f"status is {text(status)}"] if status in amiss else []
        wrong += ['failure_code is "cancelled"'] if shown.get("failure_code") == "cancelled" else []
    elif intent.seen is None:
        wrong = changed({"status": intent.status}, shown, ("status",))
    else:
        wrong = changed(intent.seen, shown, OUTCOME)
    return wrong, changed_by(intent)


def changed_by(intent: Intent) -> str:
    """Returns the check to blame where a read shows a change that none of the requests since the last may have made."""
    if intent.claimed:
        return CANCEL + "other_intent"
    blame = blamed(intent.since, WITHOUT_EFFECT)
    if blame is not None:
        return READ + blame
    if intent.status in ("processing", CLOSED, OPEN):
        refused = intent.status == "processing" or "refused" in intent.since
        return READ + ("proceeds" if refused else "read")
    if "refused" not in intent.since or intent.subject.state == "requires_approval":
        return READ + "read"
    return CANCEL + ("again" if intent.status == "cancelled" else "terminal")


def moved_by(intent: Intent) -> str:
    """Returns the check to blame where `updated_at` moved since the last read: of what was sent, or of dates."""
    mine = {"refused": "untouched", **{what: WITHOUT_EFFECT[what] for what in _MOVES_NOTHING}}
    return READ + (blamed(intent.since, mine) or "dates")


def stands_still(intent: Intent) -> bool:
    """Returns whether nothing may have changed since the last read but by the requests of the sequence."""
    return intent.status not in ("processing", OPEN, CLOSED) and "settle" not in intent.since


def learn(intent: Intent, shown: dict[str, Any]) -> None:
    """Goes on from what a read showed."""
    status = shown.get("status")
    if intent.status == OPEN and status not in ("cancelled", "requires_approval"):
        intent.status = CLOSED
    intent.confirmed, intent.claimed = True, False
    intent.seen, intent.since = shown, []


def order(place: str, intent: Intent, reply: Reply) -> list[CheckResult]:
    """Judges the data of the order, which are the same in every answer; a null may be written or left out."""
    shown = reply.json
    if not reply.ok or not isinstance(shown, dict) or shown.get("id") != intent.subject.id:
        return []
    absent = [key for key in _ORDER if key not in shown and has_value(intent.order.get(key))]
    wrong = changed(intent.order, shown, [key for key in _ORDER if key not in absent])
    known = bool(intent.order)
    # Since the last read nothing may have been sent but what may have no effect.
    since = place == READ and changed(intent.seen or {}, shown, _ORDER)
    blame = changed_by(intent) if since else READ + "read"
    check = place + "order_data" if blame == READ + "read" else blame
    intent.order = {**{key: shown[key] for key in _ORDER if key in shown}, **intent.order}
    results = order_data(check, wrong, reply) if known and (wrong or check.endswith("order_data")) else []
    if absent:
        results.append(left_out(KEYS_CHECK, absent, reply))
    return results


def has_been(intent: Intent) -> str:
    """Returns what became of an intent, in words."""
    if intent.status == "cancelled":
        return "was cancelled"
    return "awaits approval" if intent.status in CANCELLABLE else f"is {intent.subject.state}"


def awaiting(intent: Intent, certain: bool) -> str:
    """Returns what is known of an intent that may be cancelled."""
    return "that awaits approval" if certain else "that may be settled by now"
