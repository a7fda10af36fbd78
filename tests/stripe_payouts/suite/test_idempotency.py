"""Idempotency-Key: optional, one request and one answer per key."""

import secrets

from conformance.http import summary
from conformance.oracles import equality, expect
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from stripe_payouts.suite.client import CANCELED, Payouts


@requirement("SP-21")
def test_a_retry_gets_the_first_answer(api: Payouts, given: Given) -> None:
    """The same cancel under the same key gets the status and the body of the first."""
    payout, key = given("pending"), secrets.token_hex(16)
    first = api.cancels(payout, key=key)

    again = api.cancel(payout, key=key)

    expect.that(
        again.status == first.status and equality.same(again.json, first.json),
        expected=f"the first answer again: {summary.of(first)}",
        reply=again,
        hint="Keep the answer under its key before it is sent.",
    )


@requirement("SP-22")
def test_a_key_of_another_payout_is_refused(api: Payouts, given: Given) -> None:
    """A key that was used for another payout is refused as an idempotency_error, and cancels nothing."""
    first, second, key = given("pending"), given("pending"), secrets.token_hex(16)
    api.cancels(first, key=key)

    reply = api.cancel(second, key=key)

    expect.that(
        not reply.ok and reply.at("error.type") == "idempotency_error",
        expected="a refusal with error.type idempotency_error to a key that was used for another payout",
        reply=reply,
        hint="Keep path and parameters with the key, and compare them.",
    )
    api.still_cancels(second, after=reply)


@requirement("SP-23")
def test_a_key_is_optional(api: Payouts, given: Given) -> None:
    """A cancel without a key is accepted."""
    reply = api.cancel(given("pending"), key=None)

    expect.answered(reply, CANCELED, to="a cancel without a key")


@requirement("SP-23")
def test_a_key_of_255_characters_is_accepted(api: Payouts, given: Given) -> None:
    """A cancel under a key of 255 characters, the most that are documented, is accepted."""
    key = secrets.token_hex(128)[:255]

    reply = api.cancel(given("pending"), key=key)

    expect.answered(reply, CANCELED, to="a cancel under a key of 255 characters")
