"""The cancellation matrix: every state against its documented answer, and what the answer is worth."""

import time
from typing import Any

import pytest

from conformance.errors import NotApplicable, NotTestable, StateRefused
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect
from conformance.oracles.difference import neutral
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import (
    cancelled,
    data,
    is_canceled,
    is_unchanged,
    not_cancelled,
    refused,
    refused_as_before,
    stays_canceled,
    succeeded,
    told,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws, about

REFUSED_STATES = [
    pytest.param("paid", marks=requirement("WD-04"), id="paid"),
    pytest.param("failed", marks=requirement("WD-05"), id="failed"),
    pytest.param("canceled", marks=requirement("WD-06"), id="canceled"),
]


@requirement("WD-01")
def test_matrix_pending_is_cancelled(api: Withdraws, given: Given) -> None:
    """A pending withdraw is cancelled: 200, success true, status canceled."""
    reply = api.cancel(given("pending"))

    cancelled(reply, "cancelling a pending withdraw")


@requirement("WD-01")
def test_pending_withdraw_needs_no_provider(api: Withdraws, given: Given) -> None:
    """A pending withdraw is cancelled whatever its provider supports: only a processing one is there already."""
    try:
        withdraw = given("pending", provider_supports_cancel=False)
    except NotTestable as fault:
        raise NotApplicable(f"no such withdraw can be made: {fault.message}") from fault

    reply = api.cancel(withdraw)

    cancelled(
        reply,
        "cancelling a pending withdraw whose provider can't cancel",
        hint="Ask for the provider's support only where the withdraw is with the provider.",
    )


@requirement("WD-02")
def test_matrix_processing_is_cancelled(api: Withdraws, given: Given) -> None:
    """A processing withdraw is cancelled as a pending one is, where the profile says so."""
    reply = api.cancel(given("processing"))

    # WD-09 judges that it has happened: it looks at withdraws of this kind, too.
    _is_as_of_a_pending_one(api, given, reply)


def _is_as_of_a_pending_one(api: Withdraws, given: Given, reply: Reply) -> None:
    """The documented success, or one that departs from it as that for a pending withdraw does: WD-01 judges that."""
    try:
        cancelled(reply, "cancelling a processing withdraw")
    except Violation:
        other = next(
            (one.reply for one in api.asked if about(one).status == "pending" and one.documented), None
        )
        other = other or api.cancel(given("pending"))
        told_alike = equality.same(reply.at("success"), other.at("success"))
        told_alike &= (reply.at("data.status") == "canceled") == (other.at("data.status") == "canceled")
        if not succeeded(reply) or reply.status != other.status or not told_alike:
            raise


@requirement("WD-03")
def test_matrix_processing_without_support_is_refused(api: Withdraws, given: Given) -> None:
    """A processing withdraw whose provider can't cancel is refused with 400 and stays as it is."""
    declared = api.declares_cancel_processing
    withdraw, known = _processing(given, declared)
    before = api.look(withdraw)

    reply = api.cancel(withdraw)

    if succeeded(reply) and not known:
        # Its provider may well have been able to: the cancel is fine, as long as it has happened.
        api.is_really_canceled(withdraw, what="a processing withdraw after the success")
        if declared:
            raise NotTestable(
                "the processing withdraw was cancelled, and its source doesn't say whether its provider could do that",
                hint="Have it answer provider_supports_cancel: false in setup, or 422 where every provider can.",
            )
        return
    refused(reply, "cancelling a processing withdraw that its provider can't cancel")
    refused(api.cancel(withdraw), "trying it once more")
    if before is not None:
        after = api.read(withdraw)
        was, status = before.get("status"), after.at("data.status")
        # The target may have paid it, or have failed to, in the meantime.
        expect.that(
            status in (was, "paid", "failed") and not told(after, "data.canceledAt"),
            expected="a refused withdraw not to be canceled, but processing as before",
            observed=f"reading it shows {summary.of(after)}",
            reply=after,
        )
        if status == was:
            expect.unchanged(before, data(after), before, reply=after, after_what="a refused cancel")


def _processing(given: Given, declared: bool | None) -> tuple[Resource, bool]:
    """A processing withdraw whose provider can't cancel, and whether that is known of it.

    The profile says so of all, or the state source of this one; one that doesn't know the parameter may have made a
    withdraw that can be cancelled after all.
    """
    if declared is False:
        return given("processing"), True
    try:
        withdraw = given("processing", provider_supports_cancel=False)
    except NotTestable as fault:
        if declared is None:
            return given("processing"), False
        if isinstance(fault, StateRefused):
            raise NotApplicable(
                f"every processing withdraw can be cancelled here: {fault.message}"
            ) from fault
        raise
    return withdraw, withdraw.facts.get("provider_supports_cancel") is False


@pytest.mark.parametrize("status", REFUSED_STATES)
def test_matrix_final_state_is_refused(api: Withdraws, given: Given, status: str) -> None:
    """A withdraw in a final state is refused with 400 VALIDATION_ERROR, each time it is asked."""
    withdraw = given(status)

    refused(api.cancel(withdraw), f"cancelling a {status} withdraw")
    refused(api.cancel(withdraw), f"cancelling a {status} withdraw a second time")


@requirement("WD-06")
def test_matrix_just_cancelled_is_refused(api: Withdraws, given: Given) -> None:
    """A withdraw that was cancelled a moment ago is refused, and keeps its first canceledAt."""
    withdraw = given("pending")
    api.cancels(withdraw)
    first = api.seen_canceled(withdraw)

    refused(api.cancel(withdraw), "cancelling a withdraw for the second time")
    refused(api.cancel(withdraw), "cancelling a withdraw for the third time")

    if first is not None:
        _keeps_canceled_at(api, withdraw, data(first))


@requirement("WD-04")
def test_other_merchants_paid_withdraw_is_refused_to_its_owner(api: Withdraws, given: Given) -> None:
    """A paid withdraw is refused to its owner, the other merchant."""
    withdraw = given.shared("paid", owner="other_merchant")

    reply = api.cancel(withdraw, by="other_merchant")

    refused(reply, "cancelling a paid withdraw as the other merchant")


@requirement("WD-06")
def test_other_merchants_canceled_withdraw_is_refused_to_its_owner(api: Withdraws, given: Given) -> None:
    """A withdraw that the other merchant cancelled a moment ago is refused to it."""
    withdraw = given("pending", owner="other_merchant")
    api.cancels(withdraw, by="other_merchant")

    reply = api.cancel(withdraw, by="other_merchant")

    refused(reply, "cancelling a withdraw for the second time as the other merchant")


@requirement("WD-06")
def test_refusal_keeps_the_first_canceled_at(api: Withdraws, given: Given) -> None:
    """A withdraw handed over as canceled keeps its canceledAt when it is cancelled again."""
    withdraw = given("canceled")
    first = api.look(withdraw)

    refused(api.cancel(withdraw), "cancelling a canceled withdraw")

    if first is not None:
        _keeps_canceled_at(api, withdraw, first)


def _keeps_canceled_at(api: Withdraws, withdraw: Resource, first: dict[str, Any]) -> None:
    after = api.read(withdraw)
    expect.that(
        told(after, "data.canceledAt") == first.get("canceledAt") and is_canceled(after),
        expected=f"canceledAt to stay {first.get('canceledAt')!r} and the status canceled after a refused cancel",
        observed=f"canceledAt is {data(after).get('canceledAt')!r}, status {data(after).get('status')!r}",
        reply=after,
        hint="The refusal has to come before anything is written.",
    )


@requirement("WD-07")
@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_refusal_is_a_400(api: Withdraws, given: Given, status: str) -> None:
    """A refusal is told by the status 400, never by 409, 422, 403 or a 2xx with success false."""
    reply = api.cancel(given.shared(status))
    if succeeded(reply):
        raise NotApplicable("it was cancelled, which is another requirement's affair")

    expect.that(
        reply.status == 400,
        expected=f"status 400 for cancelling a {status} withdraw",
        reply=reply,
        hint="Clients of this API tell a refusal by its status: 400 is the one that is documented.",
    )


_NOT_STORED = "The answer was made from something else than what was stored."


@requirement("WD-09")
def test_success_is_real(api: Withdraws, given: Given) -> None:
    """A 200 has happened: the withdraw is canceled when looked at, and still is a little later."""
    withdraw = given("pending")
    api.cancels(withdraw)

    api.is_really_canceled(withdraw, what="the withdraw soon after the 200", hint=_NOT_STORED)
    time.sleep(0.25)
    if api.can_read:
        later = api.read(withdraw)
        expect.that(
            is_canceled(later),
            expected="the withdraw to be canceled still a quarter of a second later",
            reply=later,
            hint=_NOT_STORED,
        )
    else:
        api.is_really_canceled(withdraw, what="the withdraw a quarter of a second later", hint=_NOT_STORED)


@requirement("WD-09")
def test_whichever_copy_is_read_shows_it(api: Withdraws, given: Given) -> None:
    """A read by another connection, and so perhaps by another machine, shows the withdraw canceled, too."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given("pending")
    # A cache of reads holds the withdraw now.
    api.read_everywhere(withdraw)
    api.cancels(withdraw)

    other = api.dissent(withdraw)

    expect.that(
        other is None,
        expected="each of several reads, soon after the 200, to show the withdraw canceled",
        observed=summary.of(other) if other else "",
        reply=other,
        hint="Does each process keep a cache of its own that cancelling elsewhere doesn't clear?",
    )


@requirement("WD-10")
@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_refusal_changes_nothing(api: Withdraws, given: Given, status: str) -> None:
    """A refused cancel leaves the withdraw exactly as it was."""
    withdraw = given(status)
    before = api.look(withdraw)

    refusal = api.cancel(withdraw)
    not_cancelled(refusal, f"a {status} withdraw, so that the check can begin,", control=True)

    if before is not None:
        is_unchanged(before, api.read(withdraw), "a refused cancel")
    again = api.cancel(withdraw)
    refused_as_before(again, refusal, f"a {status} withdraw", hint="The first refusal changed the withdraw.")


@requirement("WD-10")
@pytest.mark.parametrize("who", ["nobody_that_signed", "another_merchant"])
def test_turned_away_request_changes_nothing(api: Withdraws, given: Given, who: str) -> None:
    """A request that fails authentication, or is another merchant's, leaves the withdraw exactly as it was."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    owner = "other_merchant" if who == "another_merchant" else None
    whose = {"owner": owner} if owner else {}
    # The target may have begun to process a pending one by itself: then a younger one is looked at.
    for lease in (given.shared, given):
        withdraw = lease("pending", **whose)
        before = api.look(withdraw, by=owner or "primary")
        replies = (
            [api.cancel(withdraw)]
            if owner
            else [api.send(withdraw, case(api, api.signed())) for case in FAILURES.values()]
        )
        after = api.read(withdraw, by=owner or "primary")
        if after.at("data.status") not in ("processing", "paid"):
            break

    assert before is not None
    if not any(succeeded(reply) for reply in replies):
        is_unchanged(before, after, f"a request of {who.replace('_', ' ')}")


@requirement("WD-29")
def test_refusal_says_why(api: Withdraws, given: Given) -> None:
    """The refusal's message differs for paid, failed and canceled withdraws."""
    messages = {
        status: api.cancel(given.shared(status)).at("error.message")
        for status in ("paid", "failed", "canceled")
    }
    if not all(isinstance(message, str) and message.strip() for message in messages.values()):
        raise NotApplicable("not every refusal has a message, which is another requirement's affair")

    expect.that(
        len({neutral(str(message)) for message in messages.values()}) == 3,
        expected="a message of its own for each state that forbids cancelling",
        observed=", ".join(f"{status}: {message!r}" for status, message in messages.items()),
    )


@requirement("WD-42")
def test_canceled_is_never_paid(api: Withdraws, given: Given) -> None:
    """A canceled withdraw stays canceled when the target tries to pay it afterwards."""
    withdraw = given("pending")
    api.cancels(withdraw)
    before = api.seen_canceled(withdraw)
    refusal = api.cancel(withdraw)

    given.settle(withdraw)
    given.settle(withdraw)
    api.will_settle(withdraw)

    again = api.cancel(withdraw)
    refused_as_before(again, refusal, "a canceled withdraw, after an attempt to settle it,")
    if before is not None:
        stays_canceled(
            api.confirmed(withdraw),
            before,
            "a canceled withdraw, after an attempt to settle it,",
            hint="The payment has to look at the status in the same transaction that pays.",
        )
