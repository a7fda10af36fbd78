"""Unusual input: names of object properties of JavaScript and Python, numbers beyond 2^53, lone surrogates."""

from collections.abc import Iterator
from functools import partial

import pytest

from conformance.http.auth import basic
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import not_accepted, succeeded
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import Ask, PayoutIntents, cancel_path
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.refusals import no_crash
from conformance.suites.payout_intents.together import NAME_OF_A_PROPERTY, Together

# Names that objects have in JavaScript, Python or Ruby, whether anybody set them or not.
NAMES = ("constructor", "__proto__", "toString", "hasOwnProperty", "__class__", "object_id")

# Fields beside the reason. They are sent together, and one by one where that ends in a 5xx.
FIELDS = {
    "a field called __proto__": b'"__proto__": {"status": "paid"}',
    "a field called constructor": b'"constructor": {"prototype": {"status": "paid"}}',
    "fields called toString, hasOwnProperty and __class__": b'"toString": 1, "hasOwnProperty": 2, "__class__": "x"',
    "whole numbers beyond 2^53": b'"n": 9007199254740993, "m": -9223372036854775809, "k": 1000000000000000000000000',
    "a number beyond any double, 1e400": b'"x": 1e400, "y": -1e400, "z": 1e-400',
    "half a surrogate pair in the name of a field": b'"\\ud800": 1',
}
BODIES = {
    "the reason 9007199254740993": b'{"reason": 9007199254740993}',
    "the reason 1e400": b'{"reason": 1e400}',
    "the second half of a surrogate pair in the reason": b'{"reason": "ordered \\udc00 twice"}',
    "a surrogate pair in the wrong order in the reason": b'{"reason": "ordered \\udcb8\\ud83d twice"}',
    "white space alone for a body": b" \r\n\t ",
}


@requirement("PI-38")
@pytest.mark.cancels
def test_key_with_the_name_of_a_property_is_handled(
    api: PayoutIntents, given: Given, together: Together
) -> None:
    """An Idempotency-Key that is named like an object property (`__proto__`) causes no 5xx."""
    worked = together.worked(NAME_OF_A_PROPERTY)
    intent = worked.intent if worked else given.used("requires_approval")

    for name in NAMES:
        if worked and name in worked.keys:
            continue
        what = f"a cancel with the key {name}"
        intent, reply = api.odd_of(
            partial(given.used, "requires_approval"),
            lambda one, name=name: api.post(one, BODY, key=name),  # type: ignore[misc]
            to=what,
            first=intent,
        )
        no_server_error(reply, to=what)


@requirement("PI-14")
@pytest.mark.parametrize("asked", [Ask.CANCEL, Ask.READ], ids=Ask.what)
def test_id_with_the_name_of_a_property_is_turned_down(api: PayoutIntents, asked: Ask) -> None:
    """An id that is named like an object property names nothing, and causes no 5xx."""
    for name in NAMES:
        what = f"a {asked.what()} of the id {name}"
        reply = api.odd(partial(api.ask_raw, asked, name), to=what)
        no_server_error(reply, to=what)
        not_accepted(
            reply, what, hint="Look ids up in a table of intents, and not among the properties of an object."
        )


def _pairs(api: PayoutIntents) -> Iterator[tuple[str, str]]:
    """Values of Authorization with names of properties in them, by what they are."""
    pair = api.credentials()
    # Records are kept without what was sent for a secret: a number says which of the names it was.
    for number, name in enumerate(NAMES, 1):
        yield f"a property of all objects for a public key (number {number})", basic(name, name)
        yield f"a property of all objects for a secret (number {number})", basic(pair.key, name)


def _with_names(api: PayoutIntents, evidence: Evidence) -> dict[str, Reply]:
    """The answers to cancels of a cancelled intent with such credentials, of those that get one."""
    intent = evidence.cancelled().intent

    def perform() -> dict[str, Reply]:
        came = {}
        for what, value in _pairs(api):
            headers = api.headers(change={"Authorization": value})
            ask = partial(api.send, "POST", cancel_path(intent), headers, BODY, Auth.ALTERED)
            came[what] = api.odd(ask, to=f"a cancel with {what}")
        return came

    return evidence.once(("credentials with names of properties",), perform)


@requirement("PI-43")
def test_credentials_with_the_name_of_a_property_are_no_server_error(
    api: PayoutIntents, evidence: Evidence
) -> None:
    """Credentials that are named like an object property cause no 5xx."""
    for what, reply in _with_names(api, evidence).items():
        no_server_error(reply, to=f"a cancel with {what}")


@requirement("PI-40")
def test_credentials_with_the_name_of_a_property_are_rejected(api: PayoutIntents, evidence: Evidence) -> None:
    """Credentials that are named like an object property authenticate nobody."""
    for what, reply in _with_names(api, evidence).items():
        not_accepted(
            reply,
            f"a cancel with {what}",
            hint="Look accounts up in a table, not among an object's properties.",
        )


@requirement("PI-29")
def test_fields_that_nobody_expects_are_handled(api: PayoutIntents, given: Given) -> None:
    """Odd names and numbers beside the reason are refused or ignored; they never end in a 5xx."""
    fresh = partial(given.shared, "requires_approval")

    def ask(fields: bytes, what: str) -> tuple[Resource, Reply]:
        body = b'{"reason": "ordered twice", ' + fields + b"}"
        return api.odd_of(fresh, lambda one: api.post(one, body), to=f"a cancel with {what}")

    everything = f"{', '.join(list(FIELDS)[:-1])} or {list(FIELDS)[-1]}"
    intent, reply = ask(b", ".join(FIELDS.values()), everything)
    if reply.status >= 500:
        for what, fields in FIELDS.items():
            one, single = ask(fields, what)
            no_crash(single, f"a cancel with {what}", read=partial(api.seen, one))
    no_crash(reply, f"a cancel with {everything}", read=partial(api.seen, intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=f"a cancel with {everything}")


@requirement("PI-29")
def test_values_that_nobody_expects_are_handled(api: PayoutIntents, given: Given) -> None:
    """Odd numbers and characters for a reason, and a blank body, are refused or processed; they never end in a 5xx."""
    fresh = partial(given.shared, "requires_approval")
    intent: Resource | None = None

    for what, body in BODIES.items():
        intent, reply = api.odd_of(
            fresh,
            lambda one, body=body: api.post(one, body),  # type: ignore[misc]
            to=f"a cancel with {what}",
            first=intent,
        )
        no_crash(reply, f"a cancel with {what}", read=partial(api.seen, intent))
        if succeeded(reply):
            intent = None  # It is used up: the next body meets one that can be cancelled.
    if intent is not None:
        api.still_cancels(intent, after=f"cancels with {', '.join(BODIES)}")
