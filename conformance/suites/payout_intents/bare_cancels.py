"""Cancels without a key, and without a reason, with reads before and after: performed once per run."""

from conformance.plugin import Given
from conformance.suites.payout_intents.client import Ask, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.results import Cancelled

WHY_WITHOUT_A_KEY = "No longer needed, as was said in a letter"
"""The reason of the cancel without a key, which comes right before the one without a reason."""


def bare_cancel(api: PayoutIntents, given: Given, evidence: Evidence, how: Ask) -> Cancelled:
    """A cancel that lacks what `how` says, with GETs of its intent around it, whatever came of it.

    The one without a reason has a key of its own, in `key`.
    """

    def perform() -> dict[Ask, Cancelled]:
        made = {}
        for asked in (Ask.CANCEL_WITHOUT_KEY, Ask.CANCEL_WITHOUT_REASON):
            key = None if asked is Ask.CANCEL_WITHOUT_KEY else api.new_key()
            reason = None if asked is Ask.CANCEL_WITHOUT_REASON else WHY_WITHOUT_A_KEY
            intent = given("requires_approval")
            before = api.seen(intent)
            reply = api.cancel(intent, reason=reason, key=key)
            made[asked] = Cancelled(intent, before, reply, api.confirmed(intent), reason, key)
        return made

    return evidence.once(("bare_cancel",), perform)[how]
