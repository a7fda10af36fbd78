"""One cancel with the fields of an intent in its body and in its query, where no field of either may be taken.

Where it doesn't work as a cancel without them, each check tries its own place alone.
"""

from conformance.errors import NotTestable
from conformance.oracles import equality
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.suites.payout_intents import named
from conformance.suites.payout_intents.assertions import ORDER, is_cancelled, succeeded
from conformance.suites.payout_intents.client import PayoutIntents, encoded
from conformance.suites.payout_intents.named import Assigned
from conformance.suites.payout_intents.observations import Evidence


def assigns_nothing(api: PayoutIntents, given: Given, evidence: Evidence) -> Assigned | None:
    """Returns the cancel where it is accepted, and takes no field from its body or its query; None otherwise."""
    if given.is_alone:
        return None
    return evidence.once(("fields everywhere",), lambda: _assigns_nothing(api, given))


def _assigns_nothing(api: PayoutIntents, given: Given) -> Assigned | None:
    try:
        intent = given.used("requires_approval")
        before = api.seen(intent)
        fields, reason = next(named.fields_of_an_intent(before)), api.new_reason()
        reply = named.sent_with(
            api, intent, named.in_the_query(fields), encoded({"reason": reason, **fields})
        )
        if reply is None or not succeeded(reply):
            api.still_open(intent)
            return None
        one = Assigned("body and the query", fields, reason, before, reply, api.confirmed(intent))
    except (NotTestable, Violation):
        return None
    clean = all(
        reply.at("failure_message") != named.REASON_IN_THE_QUERY
        and all(equality.same_but_nulls(before.at(key), reply.at(key)) for key in ORDER)
        for reply in (one.reply, one.after)
    )
    taken = any(named.was_assigned(one, key) for key in fields)
    return one if clean and not taken and is_cancelled(one.after) else None
