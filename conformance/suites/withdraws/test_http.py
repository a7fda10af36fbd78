"""Other methods on the path of a cancel, and bodies, which no document mentions, have no effect."""

import json
from typing import Any
from uuid import uuid4

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import not_accepted, not_cancelled, refused, succeeded
from conformance.suites.withdraws.bad_requests import BODIES, FOREIGN, JSON, ODD_BODIES
from conformance.suites.withdraws.client import Withdraws

METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]


@requirement("WD-40")
@pytest.mark.parametrize("method", METHODS)
def test_other_method_cancels_nothing(api: Withdraws, given: Given, method: str) -> None:
    """Only POST cancels."""
    withdraw = given("pending")

    api.with_method(method, withdraw)

    api.still_cancels(withdraw, after=f"a {method}")


@requirement("WD-40", level="SHOULD")
@pytest.mark.parametrize("header", OVERRIDES)
def test_method_override_cancels_nothing(api: Withdraws, given: Given, header: str) -> None:
    """A GET that claims in a header to be a POST cancels nothing; some frameworks take it for one by default."""
    withdraw = given("pending")

    api.with_method("GET", withdraw, {header: "POST"})

    api.still_cancels(withdraw, after=f"a GET with {header}: POST")


@requirement("WD-40", level="SHOULD")
@pytest.mark.parametrize("query", ["?_method=POST", "?method=POST"])
def test_method_in_the_query_cancels_nothing(api: Withdraws, given: Given, query: str) -> None:
    """A GET that claims in its query to be a POST cancels nothing."""
    withdraw = given("pending")

    api.with_method("GET", withdraw, query=query)

    api.still_cancels(withdraw, after=f"a GET with {query}")


@requirement("WD-41")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_method_is_not_allowed(api: Withdraws, method: str) -> None:
    """Another method is answered by 405 that names POST in Allow, or by 404."""
    reply = api.with_method(method, api.unknown_id())

    allow = [one.strip().upper() for one in (reply.header("Allow") or "").split(",")]
    expect.that(
        reply.status == 404 or (reply.status == 405 and "POST" in allow),
        expected=f"405 with Allow: POST, or 404, for a {method}",
        observed=f"{reply.status} with Allow {reply.header('Allow')!r}",
        reply=reply,
    )


# The signed body, and the sent one: the same to a parser that keeps the last of two values, or reads neither.
ANOTHER = {
    "another_value": (b'{"note":"one","n":1}', b'{"note":"one","n":2}'),
    "a_key_sent_twice": (b'{"note":"one"}', b'{"note":"two","note":"one"}'),
}


@requirement("WD-35")
@pytest.mark.parametrize("case", ANOTHER)
def test_body_under_another_bodys_signature_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A JSON body under the signature of another JSON body is refused."""
    withdraw, what = given("pending"), f"a body of type {JSON} under the signature of another one"
    signed, sent = ANOTHER[case]

    reply = api.send_body(withdraw, {**api.signed(signed), "Content-Type": JSON}, sent)

    not_accepted(reply, what)
    api.still_cancels(withdraw, after=what)


@requirement("WD-35", level="SHOULD")
@pytest.mark.parametrize(("case", "content_type"), [pytest.param(*one, id="-".join(one)) for one in FOREIGN])
def test_body_of_a_foreign_type_is_covered(
    api: Withdraws, given: Given, case: str, content_type: str
) -> None:
    """A body of a type that the API never uses isn't accepted under the signature of an empty one either."""
    kind = None if content_type == "no_type" else content_type
    named = f"of type {kind}" if kind else "without a Content-Type"
    withdraw, what = given("pending"), f"a body {named} under the signature of an empty one"

    reply = api.send_body(withdraw, {**api.signed(b""), "Content-Type": kind}, BODIES[case])

    not_accepted(reply, what)
    api.still_cancels(withdraw, after=what)


@requirement("WD-39")
@pytest.mark.parametrize("case", ODD_BODIES)
def test_odd_body_is_no_server_error(api: Withdraws, case: str) -> None:
    """A body that nothing can be read from, signed as it should be, gets a 4xx, never a 5xx."""
    body, kind = ODD_BODIES[case]
    what = f"a body like so: {case.replace('_', ' ')}"

    headers = {**api.signed(body), "Content-Type": kind}
    reply = api.send_body(api.unknown_id(), headers, body)

    expect.that(
        reply is not None,
        expected=f"{what}, to be answered",
        observed="two times no answer came, or only that of something in front, while documented requests got theirs",
        hint="Is the body waited for after something else has read it?",
    )
    assert reply is not None
    no_server_error(reply, to=what)


@requirement("WD-23")
def test_fields_that_are_sent_change_no_fact(api: Withdraws, given: Given) -> None:
    """A body isn't documented: whatever one holds, signed as it should be, the withdraw is what it was."""
    withdraw, mark = given("pending"), uuid4().hex
    sent = {
        "amount": "7654321.09",
        "currency": "XTS",
        "referenceId": mark,
        "description": mark,
        "metadata": {mark: 1},
    }
    reply = _with_body(api, withdraw, sent)

    if not succeeded(reply):
        reply = api.still_cancels(withdraw, after="a cancel with a body, signed as it should be")
    for answer in [reply, *([api.read(withdraw)] if api.can_read else [])]:
        taken = [key for key, value in sent.items() if equality.same(answer.at(f"data.{key}"), value)]
        expect.that(
            not taken,
            expected="nothing of a cancel's body to become part of the withdraw",
            observed=f"{', '.join(taken)} came from the request ({summary.of(answer)})",
            reply=answer,
            hint="Don't assign what a request holds to the stored record.",
        )


@requirement("WD-04")
def test_body_forces_nothing(api: Withdraws, given: Given) -> None:
    """A paid withdraw is refused, whatever a rightly signed body asks for."""
    withdraw = given.shared("paid")

    reply = _with_body(api, withdraw, {"force": True, "status": "pending", "paidAt": None})

    not_cancelled(
        reply,
        "a paid withdraw, though a body says force and another status,",
        hint="Don't assign what a request holds to the stored record.",
    )
    refused(api.cancel(withdraw), "cancelling the paid withdraw without a body then")


def _with_body(api: Withdraws, withdraw: Resource, sent: dict[str, Any]) -> Reply:
    body = json.dumps(sent).encode()
    headers = {**api.signed(body), "Content-Type": JSON}
    reply = api.send_body(withdraw, headers, body, documented=True)
    if reply is None:
        raise NotApplicable("a body is never answered here, which is another requirement's affair")
    return reply
