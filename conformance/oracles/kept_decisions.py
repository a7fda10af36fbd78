"""Decisions about a caller that a target keeps: a request that gets through once the owner has read the resource."""

from collections.abc import Callable

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.states import Resource


def or_by_what_was_read(
    fault: Violation,
    unread: Callable[[], Resource],
    ask: Callable[[Resource], Reply],
    look: Callable[[Resource], object],
    *,
    hint: str,
    otherwise: Callable[[Resource], Violation],
) -> Violation:
    """Returns the fault of a request that was accepted, with a word on a kept decision where it rests on one.

    `ask` sends the request about a resource that nobody has read, and again after `look`, its owner's read. Where the
    first isn't rejected, `otherwise` says what to return; without an unread resource the fault stays as it is.
    """
    if fault.reply is None or not fault.reply.ok:
        return fault
    try:
        resource = unread()
    except (NotTestable, NotApplicable):
        return fault
    cold = ask(resource)
    if cold.status not in (401, 403):
        return otherwise(resource)
    look(resource)
    warm = ask(resource)
    if not warm.ok:
        return fault
    fault.reply, fault.shown_by = warm, warm.exchange
    fault.fault += f" after its owner had read it, and was rejected ({cold.status}) before"
    fault.observed = f"{summary.of(warm)}; before its owner read it, the same was answered {summary.of(cold)}"
    fault.hint = hint
    return fault
