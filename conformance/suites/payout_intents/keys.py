"""Assertions on answers under an Idempotency-Key that was used before, by whom or for what else."""

from collections.abc import Sequence

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import hints, wording
from conformance.suites.payout_intents.assertions import CONFLICT, holds, not_cancelled, succeeded
from conformance.suites.payout_intents.observations import Evidence

_PER_OWNER = "Keep keys per merchant and environment."
_WHOSE = {
    "other_merchant": "another merchant",
    "other_environment": "the other environment",
}
COMPARED = "The stored answer came, so the bodies were not compared, or not as a whole."
"""Hint for a different body that got the first answer."""


def compared_coarsely(reply: Reply, conflicts: Sequence[str]) -> str:
    """Returns the hint for a body that differs in little, where it got the first answer; others were `conflicts`."""
    if not succeeded(reply):
        return ""
    others = f" Conflicts came for {', '.join(conflicts)}." if conflicts else ""
    return f"The reasons are compared, but not exactly: compare them character by character.{others}"


def is_free(reply: Reply, theirs: str, who: str) -> str:
    """A cancel under a key that `who` has used works, and isn't about their intent. Returns the cancel in words."""
    whose = _WHOSE[who]
    what = f"a cancel under a key that {whose} has used"
    if not succeeded(reply):
        fault = f"{wording.capital(what)} was refused ({summary.short(reply)})"
    else:
        fault = f"{wording.capital(what)} got the answer about their intent ({reply.status})"
    holds(
        reply,
        succeeded(reply) and theirs not in reply.text,
        f"{what} to work as with a new one",
        hint=hints.by_answer(reply, _PER_OWNER) if reply.status != CONFLICT.status else _PER_OWNER,
        fault=fault,
    )
    return what


def is_not_for_others(reply: Reply, intent: str, reason: str, who: str) -> None:
    """The answer that is stored for somebody's intent, with its reason, isn't shown to `who`."""
    # Whether they may ask at all is for PI-11 and PI-12 to judge.
    kept = reason in reply.text or (succeeded(reply) and intent in reply.text)
    what = f"a cancel repeated by {_WHOSE[who]}, same intent and same key,"
    holds(
        reply,
        reply.status != CONFLICT.status and not kept,
        f"nothing of the stored answer to {what}, nor a 409",
        hint=_PER_OWNER,
        fault=f"{wording.capital(what)} was answered {summary.short(reply)}"
        if not kept
        else f"{wording.capital(what)} got the stored answer ({reply.status})",
    )


def leaves_the_second_alone(read: Reply, reply: Reply) -> None:
    """A second intent isn't cancelled by a cancel under a used key that was refused."""
    what = "a cancel under a key that was used for another intent"
    not_cancelled(
        read,
        f"the second intent not to be cancelled by {what}, which got {reply.status}",
        hint="Check the key before anything is written.",
        reply=reply,
        fault=f"{wording.capital(what)} cancelled this one, though it was answered {summary.short(reply)}",
    )


def conflicts(evidence: Evidence) -> None:
    """A used key with another reason gets the documented status: the premise of what differs from it in little."""
    reply = evidence.conflict(first="the first reason", second="the other reason").second
    holds(
        reply,
        reply.status == CONFLICT.status,
        f"{CONFLICT} to a cancel for another reason under a used key, so that the check can begin",
        control=True,
    )
