"""Decisions about a caller that a target keeps: where wrong credentials get through once the owner was there."""

from functools import partial

from conformance.http.reply import Reply
from conformance.oracles import kept_decisions
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.advice import KEPT
from conformance.suites.payout_intents.bad_requests import BODY, FORGERIES, forged, forgeries
from conformance.suites.payout_intents.client import PayoutIntents


def or_by_what_was_read(api: PayoutIntents, given: Given, value: str | None, fault: Violation) -> Violation:
    """Returns the fault; where an intent that wasn't read before refuses the same request, it says so."""

    def ask(intent: Resource) -> Reply:
        if fault.reply is not None and fault.reply.exchange.method == "GET":
            return api.read(intent, authorization=value)
        return api.post(intent, BODY, change={"Authorization": value})

    return kept_decisions.or_by_what_was_read(
        fault,
        partial(given.unread, "requires_approval"),
        ask,
        api.seen,
        hint=KEPT,
        otherwise=lambda intent: _with_its_kind(api, intent, value, fault),
    )


def _with_its_kind(api: PayoutIntents, intent: Resource, value: str | None, fault: Violation) -> Violation:
    """Returns the fault with a word on the other forgeries of its kind, as far as a read tells of them."""
    kind = next(
        (one for one in FORGERIES.values() if any(forged(api, each) == value for each in one.values())), {}
    )
    others = [(what, other) for what, other in forgeries(api, kind) if other != value]
    let_in = [what for what, other in others if api.read(intent, authorization=other).ok]
    refused = [what for what, _ in others if what not in let_in]
    if let_in:
        fault.observed += f"; a read gets through as well {', '.join(let_in)}"
    if refused:
        fault.observed += f"; a read is refused {', '.join(refused)}"
    return fault
