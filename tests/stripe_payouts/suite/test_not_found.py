"""Ids that name nothing, another account's payouts, and ids that aren't any."""

import pytest

from conformance.oracles import expect, odd_requests
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from stripe_payouts.suite.client import NOT_FOUND, Payouts, refused, unknown_id

ILL_FORMED = {
    "a number": "12345",
    "NUL": "%00",
    "a bad percent escape": "%zz",
    "a path": "..%2fnothing",
    "a quote": "%27%20OR%20%271%27%3D%271",
    "an emoji": "%F0%9F%92%B8",
    "bad UTF-8": "%ff%fe",
    "10 kB": "a" * 10_000,
}


@requirement("SP-08")
def test_cancelling_an_unknown_payout_is_not_found(api: Payouts) -> None:
    """Cancelling a payout that doesn't exist gets 404."""
    reply = api.cancel(unknown_id())

    refused(reply, NOT_FOUND, "cancelling a payout that doesn't exist")


@requirement("SP-08")
def test_reading_an_unknown_payout_is_not_found(api: Payouts) -> None:
    """Reading a payout that doesn't exist gets 404."""
    reply = api.read(unknown_id())

    refused(reply, NOT_FOUND, "reading a payout that doesn't exist")


@requirement("SP-09")
def test_another_accounts_payout_is_not_found(api: Payouts, given: Given) -> None:
    """Cancelling another account's payout gets 404, and its owner can still cancel it."""
    payout = given("pending", owner="other_merchant")

    reply = api.cancel(payout)

    refused(
        reply, NOT_FOUND, "cancelling another account's payout", hint="Look payouts up by account and id."
    )
    api.still_cancels(payout, after=reply, by="other_merchant")


@requirement("SP-10")
@pytest.mark.parametrize("kind", ILL_FORMED)
def test_an_ill_formed_id_causes_no_server_error(api: Payouts, kind: str) -> None:
    """An id that can't be one isn't answered with a 5xx."""
    path = f"/v1/payouts/{ILL_FORMED[kind]}/cancel"

    reply = odd_requests.odd(
        lambda: api.send("POST", path), lambda: api.read(unknown_id()), to=f"{kind} as an id"
    )

    expect.that(400 <= reply.status < 500, expected=f"a 4xx to {kind} as an id", reply=reply)
