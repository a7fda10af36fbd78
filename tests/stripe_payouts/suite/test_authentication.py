"""The secret key: as a user name, as a bearer token, missing, wrong, and written oddly."""

import base64
from collections.abc import Callable

import pytest

from conformance.oracles import every_response, expect, odd_requests
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from stripe_payouts.suite.client import CANCELED, UNAUTHORIZED, Payouts, basic, refused, unknown_id

WRONG: dict[str, Callable[[str], str]] = {
    "another key": lambda key: f"{key[:8]}{key[8:][::-1]}x",
    "a key that is cut off": lambda key: key[:-1],
    "a key with something behind it": lambda key: f"{key}0",
    "a publishable key": lambda key: key.replace("sk_", "pk_", 1),
}
ODD = {
    "another scheme": "Token c2tfdGVzdA==",
    "no value": "Basic",
    "bad base64": "Basic !!!",
    "bad UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:").decode(),
    "no colon": "Basic " + base64.b64encode(b"sk_test").decode(),
}


@requirement("SP-16")
def test_the_key_is_accepted_as_a_user_name(api: Payouts, given: Given) -> None:
    """A cancel with the secret key as Basic user name, without a password, is accepted."""
    reply = api.cancel(given("pending"), authorization=basic(api.secret_key()))

    expect.that(
        reply.status not in (401, 403),
        expected="a cancel with the key as a user name not to be turned away for its credentials",
        reply=reply,
    )


@requirement("SP-17")
def test_the_key_is_accepted_as_a_bearer_token(api: Payouts, given: Given) -> None:
    """A cancel with the secret key as bearer token is accepted."""
    reply = api.cancel(given("pending"), authorization=f"Bearer {api.secret_key()}")

    expect.answered(reply, CANCELED, to="a cancel with the key as bearer token")


@requirement("SP-18")
def test_a_cancel_without_a_key_is_refused(api: Payouts, given: Given) -> None:
    """A cancel without credentials gets 401, and cancels nothing."""
    payout = given("pending")

    reply = api.cancel(payout, authorization=None)

    refused(reply, UNAUTHORIZED, "a cancel without credentials")
    api.still_cancels(payout, after=reply)


@requirement("SP-18")
def test_a_read_without_a_key_is_refused(api: Payouts, given: Given) -> None:
    """A read without credentials gets 401."""
    payout = given("pending")

    reply = api.read(payout, authorization=None)

    refused(reply, UNAUTHORIZED, "a read without credentials")
    api.shown(payout)


@requirement("SP-19")
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_key_is_refused(api: Payouts, given: Given, kind: str) -> None:
    """A cancel with a key that was never issued gets 401, and cancels nothing."""
    payout = given("pending")

    reply = api.cancel(payout, authorization=basic(WRONG[kind](api.secret_key())))

    refused(reply, UNAUTHORIZED, f"a cancel with {kind}", hint="Look the key up; its form proves nothing.")
    api.still_cancels(payout, after=reply)


@requirement("SP-20")
@pytest.mark.parametrize("kind", ODD)
def test_odd_credentials_cause_no_server_error(api: Payouts, kind: str) -> None:
    """Credentials that can't be read aren't answered with a 5xx."""
    unknown = unknown_id()

    reply = odd_requests.odd(
        lambda: api.read(unknown, authorization=ODD[kind]),
        lambda: api.read(unknown),
        to=f"credentials with {kind}",
    )

    every_response.no_server_error(reply, to=f"credentials with {kind}")
