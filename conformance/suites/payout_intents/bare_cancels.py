"""Cancels without a key, and without a reason, with reads before and after: performed once per worker."""

from conformance.plugin import Given
from conformance.suites.payout_intents.client import Ask, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.results import Cancelled


def bare_cancel(api: PayoutIntents, given: Given, evidence: Evidence, how: Ask) -> Cancelled:
    """A cancel that lacks what `how` says, with GETs of its intent around it, whatever came of it."""

    def perform() -> Cancelled:
        intent = given("requires_approval")
        before = api.seen(intent)
        return Cancelled(intent, before, api.ask(how, intent), api.confirmed(intent))

    return evidence.once(("bare_cancel", how), perform)
