"""The judgement of a request that proves no identity: no success, and no effect on the withdraw."""

from conformance.http.reply import Reply
from conformance.states import Resource
from conformance.suites.withdraws.assertions import VERIFY_HINT, not_accepted
from conformance.suites.withdraws.client import Withdraws


def had_no_effect(
    api: Withdraws,
    withdraw: Resource,
    reply: Reply | None,
    what: str,
    *,
    hint: str = VERIFY_HINT,
    by: str = "primary",
) -> None:
    """No 2xx to a request, and the documented cancel by the owner succeeds on the same withdraw.

    `what` is the request as the subject of a sentence; a `reply` of None stands for no answer at all.
    """
    not_accepted(reply, what, hint=hint)
    api.still_cancels(withdraw, after=what, by=by, earlier=reply)
