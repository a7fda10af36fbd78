"""Which payouts can be cancelled, and what a cancel is worth."""

import pytest

from conformance.errors import NotApplicable
from conformance.oracles import equality, expect
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from stripe_payouts.suite.client import CANCELED, NOT_CANCELLABLE, Payouts, refused

ALWAYS = {
    "id": str,
    "object": str,
    "amount": int,
    "arrival_date": int,
    "created": int,
    "currency": str,
    "livemode": bool,
    "status": str,
}
ORDER = ("amount", "currency", "created", "destination", "method")


@requirement("SP-01")
def test_a_pending_payout_is_cancelled(api: Payouts, given: Given) -> None:
    """A pending payout is cancelled: 200 and the payout, whose status is canceled."""
    payout = given("pending")

    reply = api.cancel(payout)

    expect.answered(reply, CANCELED, to="cancelling a pending payout")
    expect.field(
        reply, "id", equality.is_same_as(payout.id), f"{payout.id!r}, that of the payout in the path"
    )


@requirement("SP-02")
def test_a_paid_payout_is_refused(api: Payouts, given: Given) -> None:
    """A paid payout is refused with 400."""
    reply = api.cancel(given("paid"))

    refused(reply, NOT_CANCELLABLE, "cancelling a paid payout")


@requirement("SP-03")
def test_a_failed_payout_is_refused(api: Payouts, given: Given) -> None:
    """A failed payout is refused with 400."""
    reply = api.cancel(given("failed"))

    refused(reply, NOT_CANCELLABLE, "cancelling a failed payout")


@requirement("SP-25")
def test_a_payout_in_transit_is_refused(api: Payouts, given: Given) -> None:
    """A payout on its way to the bank is refused with 400."""
    reply = api.cancel(given("in_transit"))

    refused(reply, NOT_CANCELLABLE, "cancelling a payout in transit")


@requirement("SP-04")
def test_a_canceled_payout_is_refused(api: Payouts, given: Given) -> None:
    """A payout that was obtained as canceled is refused with 400."""
    reply = api.cancel(given("canceled"))

    refused(reply, NOT_CANCELLABLE, "cancelling a canceled payout")


@requirement("SP-04")
@pytest.mark.parametrize("key", ["another_key", "no_key"])
def test_a_second_cancel_is_refused(api: Payouts, given: Given, key: str) -> None:
    """A payout that was canceled a moment ago is refused with 400, under another key or none."""
    payout = given("pending")
    api.cancels(payout)

    reply = api.cancel(payout) if key == "another_key" else api.cancel(payout, key=None)

    refused(reply, NOT_CANCELLABLE, f"cancelling a payout again with {key.replace('_', ' ')}")


@requirement("SP-05")
def test_a_read_confirms_the_cancellation(api: Payouts, given: Given) -> None:
    """After a cancel, a read answers 200 with the status canceled."""
    payout = given("pending")
    api.cancels(payout)

    read = api.confirmed(payout)

    expect.answered(read, CANCELED, to="reading a payout that was canceled")


@requirement("SP-06")
@pytest.mark.parametrize("status", ["paid", "failed"])
def test_a_refusal_changes_nothing(api: Payouts, given: Given, status: str) -> None:
    """A payout whose cancel was refused is as it was."""
    payout = given(status)
    before = api.shown(payout)
    refusal = api.cancel(payout)
    expect.that(not refusal.ok, expected="a refusal", reply=refusal, control=True)

    read = api.read(payout)

    expect.unchanged(before, read.json, before.keys(), reply=read, after_what="a cancel that was refused")


@requirement("SP-06")
def test_a_parameter_that_is_refused_cancels_nothing(api: Payouts, given: Given) -> None:
    """A cancel that is refused for a parameter leaves a pending payout pending."""
    payout = given("pending")

    reply = api.cancel(payout, parameters=[("expand[]", "no_such_property")])

    if reply.ok:
        raise NotApplicable("the target takes this parameter")
    api.still_cancels(payout, after=reply)


@requirement("SP-07")
def test_parallel_cancels_have_one_winner(api: Payouts, given: Given) -> None:
    """Of several cancels at the same time, each under a key of its own, a single one succeeds."""
    payout = given("pending")

    replies = api.race([lambda: api.cancel(payout)] * api.racers)

    winners = [reply for reply in replies if reply.ok]
    expect.that(
        len(winners) == 1,
        expected=f"exactly one 2xx among {len(replies)} cancels at the same time",
        observed=", ".join(str(reply.status) for reply in replies),
        reply=replies[0],
        hint="Compare and set the status in one statement.",
    )


@requirement("SP-11")
@pytest.mark.parametrize("name", ALWAYS)
def test_the_answer_shows_the_payout(api: Payouts, given: Given, name: str) -> None:
    """A key that always has a value is in the answer to a cancel, of its documented type."""
    reply = api.cancels(given("pending"))

    expect.field(
        reply, name, lambda value: type(value) is ALWAYS[name], f"a value of type {ALWAYS[name].__name__}"
    )


@requirement("SP-12")
def test_cancelling_leaves_the_order_as_it_is(api: Payouts, given: Given) -> None:
    """Amount, currency, creation, destination and method are what a read showed before."""
    payout = given("pending")
    before = api.shown(payout)

    reply = api.cancels(payout)

    expect.unchanged(before, reply.json, ORDER, reply=reply, after_what="a cancel")
