"""One key that several callers use, each for a cancel of its own intent."""

from dataclasses import dataclass
from functools import partial

from conformance.errors import NotTestable, TransportError
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import NOT_FOUND, is_cancelled, succeeded
from conformance.suites.payout_intents.client import Call, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FULL_OF_ALL, LONGER

BODIES = ("same_body", "other_body")
_RACERS = 4
OWNERS = {
    "other_merchant": {"owner": "other_merchant"},
    "other_environment": {"environment": "other"},
}


@dataclass(frozen=True, slots=True)
class Used:
    """What came of a cancel under a key that all others had used, while another merchant cancelled its own intent.

    `is_free` tells that it worked as any other, `kept_apart` that neither merchant was taken for the other.
    """

    is_free: bool
    kept_apart: bool


def are_free(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> bool:
    """Whether a cancel under a key that all others have used at once works as any other.

    False, too, where not all of them may cancel; then each is tried alone.
    """
    return not given.is_alone and _used(api, given, evidence, body).is_free


def are_apart(api: PayoutIntents, given: Given, evidence: Evidence) -> bool:
    """Whether two merchants that cancel their own intents and the other's at the same moment are kept apart.

    False, too, where they didn't; then they race by themselves.
    """
    return not given.is_alone and all(_used(api, given, evidence, body).kept_apart for body in BODIES)


def _used(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> Used:
    return evidence.once(("keys of others", body), lambda: _performed(api, given, evidence, body))


def _performed(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> Used:
    # What the cancels are for is of no matter here, and is looked at by checks that are about these reasons.
    own_reason = LONGER["512_of_four_bytes"] if body == "same_body" else FULL_OF_ALL
    reason = own_reason if body == "same_body" else api.new_reason()
    key, users = api.new_key(), []

    def begin() -> tuple[tuple[Resource, Resource], list[Call]]:
        theirs, own = given.used("requires_approval", owner="other_merchant"), given.used("requires_approval")
        return (theirs, own), [
            partial(api.cancel, theirs),
            partial(api.cancel, theirs, by="other_merchant"),
            partial(api.cancel, own, by="other_merchant"),
            partial(api.cancel, own, reason=own_reason, key=key),
        ]

    try:
        for who, whose in OWNERS.items():
            given.credentials(who)
            given.may_write(who)
            users.append(given.used("requires_approval", **whose))
            api.cancels(users[-1], reason=reason, key=key, by=who)
        if api.racers < _RACERS:
            return Used(is_free=False, kept_apart=False)
        (theirs, own), race = api.raced(begin)
    except (NotTestable, TransportError, Violation):
        return Used(is_free=False, kept_apart=False)
    by_stranger, by_owner, by_other, reply = race.replies
    read = api.confirmed(own)
    evidence.carry(own_reason, own, reply, read)
    found = all(one.status != NOT_FOUND.status for one in (by_owner, reply))
    apart = found and not (succeeded(by_stranger) or succeeded(by_other))
    is_about_others = any(one.id in reply.text for one in (*users, theirs))
    return Used(succeeded(reply) and not is_about_others and is_cancelled(read), apart)
