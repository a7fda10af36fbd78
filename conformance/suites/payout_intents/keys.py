"""Assertions on answers under an Idempotency-Key that was used before, by whom or for what else."""

from collections.abc import Sequence
from functools import partial

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, hints, wording
from conformance.oracles.every_response import no_server_error
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import (
    CONFLICT,
    conflict,
    holds,
    read_not_cancelled,
    succeeded,
)
from conformance.suites.payout_intents.bad_requests import BLANK, FINE, NEAR_MISSES
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.others_keys import BODIES as BODIES  # noqa: PLC0414 - for the checks
from conformance.suites.payout_intents.others_keys import OWNERS as OWNERS  # noqa: PLC0414 - for the checks
from conformance.suites.payout_intents.others_keys import are_free as are_free  # noqa: PLC0414 - for the checks
from conformance.suites.payout_intents.together import NEAR_KEY, Together

# Whose cancel may have used a key before, as the state source is asked for their intents.
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


def are_told_apart(api: PayoutIntents, evidence: Evidence, together: Together) -> bool:
    """Whether each of several keys that resemble a used one of 255 characters is taken for a new one.

    False, too, where such a key isn't taken at all.
    """
    worked = together.worked(NEAR_KEY)
    if worked is None:
        return False
    used = worked.keys[0]
    near = (
        used[:-1] + "B",
        used.swapcase(),
        used.replace("-", ""),
        used[:-1],
        f"X{used[1:]}",
        f"{used[1]}{used[0]}{used[2:]}",
    )

    def perform() -> list[int]:
        return [api.cancel(worked.intent, reason="another reason", key=key).status for key in near]

    usual = evidence.conflict(first="the first reason", second="the other reason").second_under_a_new_key
    return set(evidence.once(("near keys",), perform)) == {usual.status} and usual.status != CONFLICT.status


def differing_in_little(
    api: PayoutIntents, intent: Resource, done: Reply, first: str, key: str, trims: bool
) -> None:
    """Reasons that differ in little from the `first` one are conflicts under its key; a blank more if none `trims`."""
    replies = {
        difference: api.cancel(intent, reason=first.replace(FINE, reason), key=key)
        for difference, reason in NEAR_MISSES.items()
        if difference != BLANK or not trims
    }
    conflicts = [difference for difference, reply in replies.items() if reply.status == CONFLICT.status]
    for difference, reply in replies.items():
        conflict(
            reply,
            f"a cancel under a used key, whose reason has {difference},",
            hint=compared_coarsely(reply, conflicts),
            first=done,
        )


def is_new(api: PayoutIntents, evidence: Evidence, *, key: str | None) -> bool:
    """Whether a cancel under a key that another intent's cancel had, or without one, is taken for a new one.

    It is about an intent that is cancelled already: only an answer that is kept would be about another.
    """
    usual = evidence.conflict(first="the first reason", second="the other reason").second_under_a_new_key
    intent, reason = evidence.cancelled().intent, api.new_reason()
    reply = api.answered(
        lambda: api.cancel(intent, reason=reason, key=key), to="a cancel of a cancelled intent"
    )
    return reply is not None and not succeeded(reply) and reply.status == usual.status != CONFLICT.status


def empty_ones_are_handled(api: PayoutIntents, given: Given) -> None:
    """Cancels of two intents with an empty key end in no 5xx, and none gets the answer about the other."""
    before: list[str] = []
    what = "a cancel with an empty key"
    for _ in range(2):
        intent, reply = api.odd_of(
            partial(given.shared, "requires_approval"),
            lambda one: api.cancel(one, reason=api.new_reason(), key=""),
            to=what,
        )

        no_server_error(reply, to=what)
        expect.that(
            not (succeeded(reply) and any(other in reply.text for other in before)),
            expected=f"a cancel of {intent.id} with an empty key to be refused, or to be about that intent",
            observed=f"it is about another intent: {summary.of(reply)}",
            reply=reply,
            hint="An empty key is best refused, or treated as none at all.",
            fault=f"A cancel with an empty key got the answer about another intent ({reply.status})",
        )
        if not succeeded(reply):
            api.still_cancels(intent, after=what, refused=reply)
        before.append(intent.id)


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
    read_not_cancelled(
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
