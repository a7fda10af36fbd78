"""One key that several callers use, each for a cancel of its own intent."""

from conformance.errors import NotTestable
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FREE_TEXT, FULL_OF_ALL

OWNERS = {
    "other_merchant": {"owner": "other_merchant"},
    "other_environment": {"environment": "other"},
}


def are_free(api: PayoutIntents, given: Given, evidence: Evidence, body: str) -> bool:
    """Whether a cancel under a key that all others have used at once works as any other.

    False, too, where not all of them may cancel; then each is tried alone.
    """

    def perform() -> bool:
        # What the cancels are for is of no matter here, and is looked at by checks that are about these reasons.
        own_reason = FREE_TEXT["looks_like_a_word_of_JSON"] if body == "same_body" else FULL_OF_ALL
        reason = own_reason if body == "same_body" else api.new_reason()
        key, theirs = api.new_key(), []
        try:
            for who, whose in OWNERS.items():
                given.credentials(who)
                given.may_write(who)
                theirs.append(given.used("requires_approval", **whose))
                api.cancels(theirs[-1], reason=reason, key=key, by=who)
            own = given.used("requires_approval")
        except (NotTestable, Violation):
            return False
        reply = api.cancel(own, reason=own_reason, key=key)
        if not succeeded(reply) or any(one.id in reply.text for one in theirs):
            return False
        read = api.confirmed(own)
        evidence.carry(own_reason, own, reply, read)
        return is_cancelled(read)

    return not given.is_alone and evidence.once(("keys of others", body), perform)
