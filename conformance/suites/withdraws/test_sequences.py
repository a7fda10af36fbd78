"""Refused requests in every order: what one leaves behind, another makes use of."""

from collections.abc import Callable, Mapping

import pytest

from conformance.errors import NotApplicable
from conformance.http.reply import Reply
from conformance.oracles import equality
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import data, is_unchanged, not_cancelled
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.observations import cancelled_by_another

Ask = Callable[[Withdraws, Resource], Reply]

# Requests about another merchant's withdraw, by what they are in words, each with the requirement that is about them.
STRANGE: Mapping[str, tuple[str, Ask]] = {
    "other_merchant": ("a cancel by another merchant", lambda api, it: api.cancel(it)),
    "wrong_signature": (
        "a cancel with a wrong signature",
        lambda api, it: api.send(it, FAILURES["wrong_signature"](api, api.signed())),
    ),
    "no_signature": (
        "a cancel without a signature",
        lambda api, it: api.send(it, FAILURES["no_signature"](api, api.signed())),
    ),
    "put": ("a PUT at the path of a cancel", lambda api, it: api.with_method("PUT", it)),
    "owner": ("a second cancel by its owner", lambda api, it: api.cancel(it, by="other_merchant")),
}
_REQUIREMENTS = {
    "other_merchant": "WD-12",
    "wrong_signature": "WD-32",
    "no_signature": "WD-31",
    "put": "WD-40",
    "owner": "WD-06",
}
_LEFT = "Does the request before it leave something behind that this one makes use of?"


@pytest.mark.parametrize(
    "last",
    [pytest.param(last, marks=requirement(requirement_id)) for last, requirement_id in _REQUIREMENTS.items()],
)
def test_refused_requests_in_any_order_leave_a_canceled_withdraw_as_it_is(
    api: Withdraws, given: Given, last: str
) -> None:
    """A canceled withdraw is what it was after each refused request, whichever other one came right before it."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = cancelled_by_another(api, given).withdraw
    what, ask = STRANGE[last]
    # First by itself, twice: what it does alone is no other one's.
    for other in (last, *(one for one in STRANGE if one != last)):
        before, first = STRANGE[other]
        shown = data(api.read(withdraw, by="other_merchant"))
        first(api, withdraw)
        reply = ask(api, withdraw)

        kind = f"a canceled withdraw, right after {before}," if other != last else "a canceled withdraw"
        not_cancelled(reply, f"{what} of {kind}", withdraw=kind, hint=_LEFT)
        read = api.read(withdraw, by="other_merchant")
        try:
            after = f"{what}, right after {before}" if other != last else f"{what}, sent twice"
            is_unchanged(shown, read, after, what="a canceled withdraw", hint=_LEFT)
        except Violation:
            if other == last or not _changes_it(api, withdraw, first):
                raise


def _changes_it(api: Withdraws, withdraw: Resource, ask: Ask) -> bool:
    """Whether a request changes a canceled withdraw by itself, which the check of that one tells."""
    shown = data(api.read(withdraw, by="other_merchant"))
    ask(api, withdraw)
    return not equality.same_but_nulls(shown, data(api.read(withdraw, by="other_merchant")))


@requirement("WD-10")
def test_refused_requests_in_any_order_leave_a_pending_withdraw_as_it_is(
    api: Withdraws, given: Given
) -> None:
    """A pending withdraw can be cancelled after refused requests about it, in whichever order they came."""
    withdraw = given.shared("pending", owner="other_merchant")
    kinds = ("other_merchant", "wrong_signature", "put")
    for first, second in ((one, other) for one in kinds for other in kinds if one != other):
        STRANGE[first][1](api, withdraw)
        reply = STRANGE[second][1](api, withdraw)

    after = "a sequence of refused requests (another merchant's cancel, a wrong signature, a PUT)"
    api.still_cancels(withdraw, after=after, by="other_merchant", earlier=reply)
