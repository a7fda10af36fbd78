"""One key that several callers use, each for a cancel of its own intent."""

from functools import partial

from conformance.errors import NotTestable, TransportError
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded
from conformance.suites.payout_intents.client import Call, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FULL_OF_ALL, LONGER

BODIES = ("same_body", "other_body")
_RACERS = 4
OWNERS = {
    "other_merchant": {"owner": "other_merchant"},
    "other_environment": {"environment": "other"},
}


def are_free(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> bool:
    """Whether a cancel under a key that all others have used at once works as any other.

    False, too, where not all of them may cancel; then each is tried alone.
    """
    return not given.is_isolated and _used(api, given, evidence, body)


def _used(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> bool:
    return evidence.once(("keys of others", body), lambda: _performed(api, given, evidence, body))


def _performed(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> bool:
    """Whether it did, while another merchant cancelled its own intent."""
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
            return False
        (theirs, own), race = api.raced(begin)
    except (NotTestable, TransportError, Violation):
        return False
    reply = race.replies[-1]
    read = api.confirmed(own)
    evidence.carry(own_reason, own, reply, read)
    is_about_others = any(one.id in reply.text for one in (*users, theirs))
    return succeeded(reply) and not is_about_others and is_cancelled(read)
