"""Decisions about a caller that a target keeps: where a read gets through once the owner was there."""

from collections.abc import Callable
from functools import partial

from conformance.http.reply import Reply
from conformance.oracles import kept_decisions
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.client import Withdraws

_KEPT = "Where the same is refused otherwise, a decision is kept: keep it by all that was decided on, or not at all."


def or_by_what_was_read(
    api: Withdraws, given: Given, ask: Callable[[Resource], Reply], fault: Violation
) -> Violation:
    """Returns the fault; where a withdraw that wasn't read before refuses the same request, it says so."""
    return kept_decisions.or_by_what_was_read(
        fault, partial(given.unread, "pending"), ask, api.look, hint=_KEPT, otherwise=lambda _: fault
    )
