"""Other methods on the path of a cancel, and bodies, which no document mentions, have no effect."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import not_cancelled, refused, succeeded
from conformance.suites.withdraws.attempts import had_no_effect
from conformance.suites.withdraws.bad_requests import BODIES, FOREIGN, JSON, ODD_BODIES
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.titles import ODD_BODY_NAMES

_UNDOCUMENTED = ["GET", "PUT", "PATCH", "DELETE"]
METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "LINK"]
OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]


@requirement("WD-40")
@pytest.mark.parametrize("method", METHODS)
def test_other_method_cancels_nothing(api: Withdraws, given: Given, method: str) -> None:
    """Only POST cancels."""
    withdraw, what, reply = (
        given.shared("pending"),
        f"{article(method)} {method} at the path of a cancel",
        None,
    )

    # That it is never answered is for WD-41 to tell.
    with suppress(Violation):
        reply = api.odd(lambda: api.with_method(method, withdraw), to=what)

    api.still_cancels(withdraw, after=what, earlier=reply)


_NO_OVERRIDES = "The method is the one in the request line: take none from a header or a query."


@requirement("WD-40", level="SHOULD")
@pytest.mark.parametrize("header", OVERRIDES)
def test_method_override_cancels_nothing(api: Withdraws, given: Given, header: str) -> None:
    """A GET that claims in a header to be a POST cancels nothing; some frameworks take it for one by default."""
    withdraw = given.shared("pending")

    reply = api.with_method("GET", withdraw, {header: "POST"})

    api.still_cancels(withdraw, after=f"a GET with {header}: POST", earlier=reply, hint=_NO_OVERRIDES)


@requirement("WD-40", level="SHOULD")
@pytest.mark.parametrize("query", ["?_method=POST", "?method=POST"])
def test_method_in_the_query_cancels_nothing(api: Withdraws, given: Given, query: str) -> None:
    """A GET that claims in its query to be a POST cancels nothing."""
    withdraw = given.shared("pending")

    reply = api.with_method("GET", withdraw, query=query)

    after = f"a GET of the cancel path with the query {query}"
    api.still_cancels(withdraw, after=after, earlier=reply, hint=_NO_OVERRIDES)


@requirement("WD-41")
@pytest.mark.parametrize("method", _UNDOCUMENTED)
def test_other_method_is_not_allowed(api: Withdraws, method: str) -> None:
    """Another method is answered by 405 that names POST in Allow, or by 404."""
    reply = api.odd(
        lambda: api.with_method(method, api.unknown_id()), to=f"a {method} at the path of a cancel"
    )

    so_are = ", ".join(
        other
        for other in _UNDOCUMENTED
        if not _is_declined(reply)
        and other != method
        and not _is_declined(api.with_method(other, api.unknown_id()))
    )
    named = reply.header("Allow") or ""
    said = f"A {method} at the path of a cancel was answered"
    expect.that(
        _is_declined(reply),
        expected=f"405 with Allow: POST, or 404, to a {method} at the path of a cancel",
        observed=f"{f'Allow: {named}' if named else 'no header Allow'} (the answer was {summary.of(reply)})"
        if reply.status == 405
        else f"status {reply.status} (the answer was {summary.of(reply)})",
        reply=reply,
        hint=hints.NAME_THE_METHODS if reply.status == 405 else hints.by_answer(reply, documented=False),
        fault=(
            f"{said} 405 {f'with Allow: {named}, without POST' if named else 'without Allow'}"
            if reply.status == 405
            else f"{said} {summary.short(reply)} instead of 405 or 404"
        )
        + (f"; {so_are} weren't declined properly either" if so_are else ""),
    )


@requirement("WD-41")
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_method_is_answered(api: Withdraws, method: str) -> None:
    """HEAD and OPTIONS, which frameworks answer by themselves, get an answer."""
    what = f"{article(method)} {method} at the path of a cancel"

    api.odd(lambda: api.with_method(method, api.unknown_id()), to=what)


def _is_declined(reply: Reply) -> bool:
    """Whether a method is answered by 405 that names POST in Allow, or by 404."""
    allow = [one.strip().upper() for one in (reply.header("Allow") or "").split(",")]
    return reply.status == 404 or (reply.status == 405 and "POST" in allow)


def article(method: str) -> str:
    """Returns the article of a method."""
    return "an" if method[0] in "AEIO" else "a"


# The signed body, and the sent one: the same to a parser that keeps the last of two values, or reads neither.
ANOTHER = {
    "another_value": (b'{"note":"one","n":1}', b'{"note":"one","n":2}'),
    "a_key_sent_twice": (b'{"note":"one"}', b'{"note":"two","note":"one"}'),
    "capitals": (b'{"note":"one"}', b'{"NOTE":"ONE"}'),
    "a_byte_that_is_no_UTF-8": (b'{"note":"\xef\xbf\xbd"}', b'{"note":"\xff"}'),
    "more_behind_a_NUL": (b'{"note":"one"}', b'{"note":"one"}\x00{"note":"two"}'),
    "more_behind_65536_bytes": (b"[" + b" " * 65_535, b"[" + b" " * 65_535 + b'{"note":"two"}]'),
}
_IN_WORDS = {
    "capitals": 'a cancel with the JSON body {"NOTE":"ONE"} under the signature of {"note":"one"}',
    "a_byte_that_is_no_UTF-8": "a cancel whose body has a byte that is no UTF-8, under the signature of the same body "
    "with U+FFFD in its place",
    "more_behind_a_NUL": "a cancel whose body goes on behind a NUL, under the signature of what stands before that",
    "more_behind_65536_bytes": "a cancel whose body goes on behind 65,536 bytes, under the signature of these",
}


# A text that was decoded and is encoded again is the same but for what couldn't be decoded, which harms nobody.
_HARMLESS = ("a_byte_that_is_no_UTF-8",)


@requirement("WD-35")
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=requirement(level="SHOULD") if case in _HARMLESS else ()) for case in ANOTHER],
)
def test_body_under_another_bodys_signature_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A JSON body under the signature of another JSON body is refused."""
    signed, sent = ANOTHER[case]
    what = _IN_WORDS.get(case) or (
        f"a cancel with the JSON body {sent.decode()} under the signature of {signed.decode()}"
    )
    withdraw = given.shared("pending")

    reply = api.send_body(withdraw, {**api.signed(signed), "Content-Type": JSON}, sent)

    had_no_effect(api, withdraw, reply, what)


@requirement("WD-35", level="SHOULD")
@pytest.mark.parametrize(("case", "content_type"), [pytest.param(*one, id="-".join(one)) for one in FOREIGN])
def test_body_of_a_foreign_type_is_covered(
    api: Withdraws, given: Given, case: str, content_type: str
) -> None:
    """A body of a type that the API never uses isn't accepted under the signature of an empty one either."""
    kind = None if content_type == "no_type" else content_type
    named = f"of type {kind}" if kind else "without a Content-Type"
    withdraw, what = given.shared("pending"), f"a cancel with a body {named} under the signature of no body"

    reply = api.send_body(withdraw, {**api.signed(b""), "Content-Type": kind}, BODIES[case])

    had_no_effect(api, withdraw, reply, what)


@requirement("WD-39")
@pytest.mark.parametrize("case", ODD_BODIES)
def test_odd_body_is_no_server_error(api: Withdraws, case: str) -> None:
    """A body that nothing can be read from, signed as it should be, gets a 4xx, never a 5xx."""
    body, kind = ODD_BODIES[case]
    what = f"a cancel with {ODD_BODY_NAMES[case]}, correctly signed,"

    headers = {**api.signed(body), "Content-Type": kind}
    reply = api.send_body(api.unknown_id(), headers, body)

    expect.that(
        reply is not None,
        expected=f"{what} to be answered",
        observed="no answer in time to a body of this type, two times out of two; documented requests in between were "
        "answered",
        hint="Is the body waited for after something else has read it?",
        fault=f"{wording.capital(what)} got no answer in time",
    )
    assert reply is not None
    no_server_error(reply, to=what)


@requirement("WD-39")
@pytest.mark.parametrize("case", ["no_JSON", "null", "text_not_UTF-8", "prototype_names", "deep"])
def test_odd_body_with_a_wrong_signature_is_no_server_error(api: Withdraws, case: str) -> None:
    """A body that nothing can be read from is no reason for a 5xx where the signature is wrong, either."""
    body, kind = ODD_BODIES[case]
    what = f"a cancel with {ODD_BODY_NAMES[case]}, signed with another secret,"

    headers = {**api.signed(body, secret=api.secret() + "x"), "Content-Type": kind}
    reply = api.send_body(api.unknown_id(), headers, body)

    if reply is None:
        raise NotApplicable(f"{what} is never answered, which is judged where it is correctly signed")
    no_server_error(reply, to=what)


@requirement("WD-23")
@pytest.mark.cancels
def test_fields_that_are_sent_change_no_fact(api: Withdraws, given: Given) -> None:
    """A body isn't documented: whatever one holds, signed as it should be, the withdraw is what it was."""
    withdraw, mark = given.used("pending"), uuid4().hex
    sent = {
        "amount": "7654321.09",
        "currency": "XTS",
        "referenceId": mark,
        "description": mark,
        "metadata": {mark: 1},
        "status": "paid",
        "paidAt": "2001-01-01T00:00:00.000Z",
        "bankAccountName": mark,
    }
    reply = _with_body(api, withdraw, sent)

    if not succeeded(reply):
        after = "a cancel with a JSON body, correctly signed,"
        reply = api.still_cancels(withdraw, after=after, earlier=reply) or reply
    for answer in [reply, *([api.read(withdraw)] if api.can_read else [])]:
        taken = [key for key, value in sent.items() if equality.same(answer.at(f"data.{key}"), value)]
        expect.that(
            not taken,
            expected="nothing of a cancel's body to become part of the withdraw",
            observed=f"{', '.join(f'data.{key} is that of the request' for key in taken)} ({summary.of(answer)})",
            reply=answer,
            hint="Don't assign what a request holds to the stored record.",
            fault=f"{' and '.join(f'data.{key}' for key in taken)} became what the body of a cancel said",
        )


@requirement("WD-04")
def test_body_forces_nothing(api: Withdraws, given: Given) -> None:
    """A paid withdraw is refused, whatever a rightly signed body asks for."""
    withdraw = given.shared("paid")
    sent = {"force": True, "status": "pending", "paidAt": None}

    reply = _with_body(api, withdraw, sent)

    if succeeded(reply):
        # Which of the values does it, as far as there are paid withdraws left to ask.
        sent = _alone(api, given, sent) or sent
    body = json.dumps(sent)
    not_cancelled(
        reply,
        f"a cancel of a paid withdraw with the body {body}",
        withdraw=f"a paid withdraw, with {body} in the body,",
        hint="Decide by what is stored, and don't assign what a request holds.",
        read=api.reader(withdraw),
    )
    again = "a cancel of a paid withdraw, after one with a body,"
    refused(api.cancel(withdraw), again, withdraw="a paid withdraw, after a refused cancel with a body,")


def _alone(api: Withdraws, given: Given, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the first of the values with which alone a paid withdraw is cancelled; none where it can't be tried."""
    with suppress(NotTestable):
        for key, value in sent.items():
            if succeeded(_with_body(api, given("paid"), {key: value})):
                return {key: value}
    return {}


def _with_body(api: Withdraws, withdraw: Resource, sent: dict[str, Any]) -> Reply:
    body = json.dumps(sent).encode()
    headers = {**api.signed(body), "Content-Type": JSON}
    reply = api.send_body(withdraw, headers, body, documented=True)
    if reply is None:
        raise NotApplicable("a body is never answered here, which is another requirement's affair")
    return reply
