"""Decisions about a caller that a target keeps: where wrong credentials get through once the owner was there."""

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents

KEPT = "Where the same is refused otherwise, a decision is kept: by key, path or connection, but not by the secret."


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
        return fault
    api.seen(unread)
    warm = asked()
    if not warm.ok:
        return fault
    fault.reply, fault.shown_by = warm, warm.exchange
    fault.fault += f" after its owner had read it, and rejected ({cold.status}) before"
    fault.observed = f"{summary.of(warm)}; before its owner read it, the same was answered {summary.of(cold)}"
    fault.hint = KEPT
    return fault
