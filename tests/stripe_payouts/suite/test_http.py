"""Errors and their envelope, odd requests, other methods."""

from collections.abc import Callable

import pytest

from conformance.http.reply import Reply
from conformance.oracles import every_response, expect, odd_requests
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from stripe_payouts.suite.client import FORM, Payouts, cancel_path, unknown_id

TYPES = ("api_error", "card_error", "idempotency_error", "invalid_request_error")
REFUSALS: dict[str, Callable[[Payouts, Given], Reply]] = {
    "a paid payout": lambda api, given: api.cancel(given("paid")),
    "an unknown payout": lambda api, given: api.cancel(unknown_id()),
    "no key": lambda api, given: api.cancel(unknown_id(), authorization=None),
}
ANSWERS: dict[str, Callable[[Payouts, Given], Reply]] = {
    **REFUSALS,
    "a pending payout": lambda api, given: api.cancel(given("pending")),
    "a read": lambda api, given: api.read(given("paid")),
    "another method": lambda api, given: api.send("GET", cancel_path(unknown_id())),
    "an unknown path": lambda api, given: api.send("GET", "/v1/no_such_resource"),
}
ODD = {
    "broken JSON": ("application/json", b'{"metadata": '),
    "a list": ("application/json", b"[1]"),
    "a number": ("application/json", b"1"),
    "bytes that are not UTF-8": ("application/json", b"\xff\xfe"),
    "a broken form": (FORM, b"%zz=&&&=%00"),
    "an unfinished multipart body": ("multipart/form-data; boundary=x", b"--x\r\n"),
}


@requirement("SP-13")
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_has_the_documented_envelope(api: Payouts, given: Given, kind: str) -> None:
    """A refusal has one of the documented types in error.type, and a text in error.message."""
    reply = REFUSALS[kind](api, given)
    expect.that(400 <= reply.status < 500, expected="a 4xx", reply=reply, control=True)

    expect.field(reply, "error.type", lambda value: value in TYPES, f"one of {', '.join(TYPES)}")
    expect.field(
        reply,
        "error.message",
        lambda value: isinstance(value, str) and value != "",
        "a text that isn't empty",
    )


@requirement("SP-14")
@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_is_json(api: Payouts, given: Given, kind: str) -> None:
    """An answer is JSON, and its content type says so."""
    reply = ANSWERS[kind](api, given)

    every_response.is_json(reply, to=kind)


@requirement("SP-14")
@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_discloses_nothing(api: Payouts, given: Given, kind: str) -> None:
    """An answer shows no stack trace, SQL, file path or HTML, and not the caller's key."""
    reply = ANSWERS[kind](api, given)

    every_response.discloses_nothing(reply, to=kind)
    expect.that(
        not any(api.secret_key() in text for text in reply.strings()),
        expected=f"the caller's key to stand nowhere in the answer to {kind}",
        reply=reply,
    )


@requirement("SP-15")
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_body_causes_no_server_error(api: Payouts, given: Given, kind: str) -> None:
    """A body that can't be used isn't answered with a 5xx."""
    reply = odd_requests.odd(
        lambda: api.cancel(given("pending"), body=ODD[kind]),
        lambda: api.read(unknown_id()),
        to=f"a cancel with {kind}",
    )

    every_response.no_server_error(reply, to=f"a cancel with {kind}")


@requirement("SP-24")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_other_method_cancels(api: Payouts, given: Given, method: str) -> None:
    """Another method on the path of the cancel cancels nothing."""
    payout = given("pending")

    reply = api.send(method, cancel_path(payout))

    api.still_cancels(payout, after=reply)
