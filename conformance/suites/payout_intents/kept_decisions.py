"""Decisions about a caller that a target keeps: where wrong credentials get through once the owner was there."""

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.advice import KEPT
from conformance.suites.payout_intents.bad_requests import BODY, FORGERIES, forged, forgeries
from conformance.suites.payout_intents.client import PayoutIntents


def or_by_what_was_read(api: PayoutIntents, given: Given, value: str | None, fault: Violation) -> Violation:
    """Returns the fault; where an intent that wasn't read before refuses the same request, that is told in it."""
    if fault.reply is None or not fault.reply.ok:
        return fault
    try:
        unread = given.unread("requires_approval")
    except (NotTestable, NotApplicable):
        return fault
    is_read = fault.reply.exchange.method == "GET"

    def asked() -> Reply:
        change: dict[str, str | None] = {"Authorization": value}
        return api.read(unread, authorization=value) if is_read else api.post(unread, BODY, change=change)

    cold = asked()
    if cold.status not in (401, 403):
        return _with_its_brothers(api, unread, value, fault)
    api.seen(unread)
    warm = asked()
    if not warm.ok:
        return fault
    fault.reply, fault.shown_by = warm, warm.exchange
    fault.fault += f" after its owner had read it, and rejected ({cold.status}) before"
    fault.observed = f"{summary.of(warm)}; before its owner read it, the same was answered {summary.of(cold)}"
    fault.hint = KEPT
    return fault


def _with_its_brothers(
    api: PayoutIntents, intent: Resource, value: str | None, fault: Violation
) -> Violation:
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
