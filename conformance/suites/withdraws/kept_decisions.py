"""Decisions about a caller that a target keeps: where a read gets through once the owner was there."""

from collections.abc import Callable

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.client import Withdraws

_KEPT = "Where the same is refused otherwise, a decision is kept: keep it by all that was decided on, or not at all."


def or_by_what_was_read(
    api: Withdraws, given: Given, ask: Callable[[Resource], Reply], fault: Violation
) -> Violation:
    """Returns the fault; where a withdraw that wasn't read before refuses the same request, that is told in it."""
    if fault.reply is None or not fault.reply.ok:
        return fault
    try:
        unread = given.unread("pending")
    except (NotTestable, NotApplicable):
        return fault
    cold = ask(unread)
    if cold.status not in (401, 403):
        return fault
    api.look(unread)
    warm = ask(unread)
    if not warm.ok:
        return fault
    fault.reply, fault.shown_by = warm, warm.exchange
    fault.fault += f" after its owner had read it, and was rejected ({cold.status}) before"
    fault.observed = f"{summary.of(warm)}; before its owner read it, the same was answered {summary.of(cold)}"
    fault.hint = _KEPT
    return fault
