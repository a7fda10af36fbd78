"""One cancel with the fields of an intent in its body and in its query, where no field of either may be taken.

Where it doesn't work as a cancel without them, each check tries its own place alone.
"""

from dataclasses import dataclass

from conformance.errors import NotTestable
from conformance.http.reply import Reply
from conformance.oracles import equality
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.suites.payout_intents import named
from conformance.suites.payout_intents.assertions import ORDER, is_cancelled, succeeded
from conformance.suites.payout_intents.client import PayoutIntents, encoded
from conformance.suites.payout_intents.named import Assigned
from conformance.suites.payout_intents.observations import Evidence


@dataclass(frozen=True, slots=True)
class Clean:
    """The cancel, and the first of several reads by other connections right after it that shows something else."""

    cancel: Assigned
    dissent: Reply | None


def assigns_nothing(api: PayoutIntents, given: Given, evidence: Evidence) -> Assigned | None:
    """Returns the cancel where it is accepted, and takes no field from its body or its query; None otherwise."""
    found = _clean(api, given, evidence)
    return None if found is None else found.cancel


def is_read_everywhere(api: PayoutIntents, given: Given, evidence: Evidence) -> bool:
    """Whether each of several reads by other connections, right after that cancel, showed the intent cancelled."""
    found = _clean(api, given, evidence)
    return found is not None and found.dissent is None


def _clean(api: PayoutIntents, given: Given, evidence: Evidence) -> Clean | None:
    if given.is_isolated:
        return None
    return evidence.once(("fields everywhere",), lambda: _assigns_nothing(api, given))


def _assigns_nothing(api: PayoutIntents, given: Given) -> Clean | None:
    try:
        intent = given.used("requires_approval")
        before = api.seen(intent)
        # A process that keeps a copy of what it has read has one now.
        api.read_everywhere(intent)
        fields, reason = next(named.fields_of_an_intent(before)), api.new_reason()
        reply = named.sent_with(
            api, intent, named.in_the_query(fields), encoded({"reason": reason, **fields})
        )
        if reply is None or not succeeded(reply):
            api.still_open(intent)
            return None
        dissent = api.dissent(intent)
        one = Assigned("body and the query", fields, reason, before, reply, api.confirmed(intent))
    except (NotTestable, Violation):
        return None
    clean = all(
        reply.at("failure_message") != named.REASON_IN_THE_QUERY
        and all(equality.same_but_nulls(before.at(key), reply.at(key)) for key in ORDER)
        for reply in (one.reply, one.after)
    )
    taken = any(named.was_assigned(one, key) for key in fields)
    return Clean(one, dissent) if clean and not taken and is_cancelled(one.after) else None
