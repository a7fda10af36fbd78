"""The one field of the body: kept and shown as it came, within its limit, or whatever comes in its place."""

import json
from typing import Any

import pytest

from conformance import expect
from conformance.expect import requirement
from conformance.http.reply import MISSING, Reply
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.common import no_server_error
from conformance.suites.payout_intents.evidence import Cancelled, Evidence
from conformance.suites.payout_intents.texts import FREE_TEXT, difference, echoes, plain, repeated
from conformance.suites.payout_intents.verbs import PayoutIntents, body_of, encoded

LIMIT = 512
LONG = {
    "512_of_two_bytes": repeated("äöüßéñåøłж", LIMIT),
    "512_of_three_bytes": repeated("取消订单的原因是重复付款請確認", LIMIT),
    "128_emoji": repeated("😀💸🚀🐘", 128),
}


@requirement("PI-22")
def test_reason_is_echoed(cancelled: Cancelled) -> None:
    """The answer to a cancel holds the reason, exactly."""
    echoes(cancelled.reply, cancelled.reason, "the 202")


@requirement("PI-22")
def test_reason_is_kept(cancelled: Cancelled) -> None:
    """A later GET shows the reason, exactly."""
    echoes(cancelled.after, cancelled.reason, "GET")


@requirement("PI-22")
def test_reason_is_kept_without_a_key(api: PayoutIntents, given: Given, cancelled: Cancelled) -> None:
    """Without an Idempotency-Key the reason is echoed and kept just as well."""
    intent, reason = given("requires_approval"), api.new_reason()

    reply = api.cancels(intent, reason=reason, key=None)

    # Where not even a cancel with a key shows its reason, that is told by the checks above.
    if _says_why(cancelled.reply, cancelled):
        echoes(reply, reason, "the 202 to a cancel without a key")
    if _says_why(cancelled.after, cancelled):
        echoes(api.confirmed(intent), reason, "GET after a cancel without a key")


@requirement("PI-23")
def test_reason_is_optional(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """An empty object cancels, and failure_message is null, empty or a text of the provider's."""
    other = api.new_reason()
    api.cancels(given("requires_approval"), reason=other)
    intent = given("requires_approval")

    reply = api.cancel(intent, reason=None)

    evidence.like_any(reply, to="a cancel with an empty object for a body")
    read = api.confirmed(intent)
    evidence.shows_cancelled(read, after="a cancel with an empty object for a body")
    for seen, where in ((reply, "the 202"), (read, "GET")):
        value = seen.at("failure_message")
        expect.that(
            (value is MISSING or value is None or isinstance(value, str)) and value != other,
            expected=f"failure_message in {where} to be null, empty or a text of the provider's own",
            observed=f"failure_message is {value!r}"
            + (", which is the reason of the cancel before this one" if value == other else ""),
            reply=seen,
        )


@requirement("PI-23", level="SHOULD")
def test_absent_reason_is_no_word_of_a_program(api: PayoutIntents, given: Given) -> None:
    """Without a reason failure_message isn't a word like undefined."""
    reply = api.cancels(given("requires_approval"), reason=None)

    expect.field(
        reply,
        "failure_message",
        lambda value: str(value).strip().lower() not in _NOTHING or value is None,
        "null, empty, or a text for people",
        hint="A null became text somewhere.",
    )


_NOTHING = ("undefined", "null", "none", "nil", "nan", "[object object]", "{}", "<null>")


@requirement("PI-24")
def test_512_characters_fit(api: PayoutIntents, given: Given, cancelled: Cancelled) -> None:
    """A reason of 512 characters is accepted, echoed whole and kept whole."""
    _comes_back(api, given, cancelled, plain(LIMIT), "of 512 characters")


@requirement("PI-25")
def test_513_characters_are_refused(api: PayoutIntents, given: Given) -> None:
    """A reason of 513 characters is refused in the documented envelope, and has no effect."""
    intent, reason = given("requires_approval"), plain(LIMIT + 1)

    reply = api.cancel(intent, reason=reason)

    came = reply.at("failure_message")
    if reply.ok and isinstance(came, str) and came != reason:
        raise expect.Violation(
            expected="a reason of 513 characters to be refused, not shortened silently",
            observed=f"{reply.status}, and failure_message has {len(came)} characters",
            reply=reply,
        )
    _safely_refused(api, intent, reply, "a reason of 513 characters")


@requirement("PI-26")
@pytest.mark.parametrize("which", LONG)
def test_length_counts_characters(api: PayoutIntents, given: Given, cancelled: Cancelled, which: str) -> None:
    """The limit counts characters, not bytes or escapes, and nothing is cut off."""
    intent, reason = given("requires_approval"), LONG[which]

    reply = api.cancel(intent, reason=reason)

    _is_accepted(reply, f"that is {which.replace('_', ' ')} characters long")
    for seen, usual, where in (
        (reply, cancelled.reply, "the 202"),
        (api.confirmed(intent), cancelled.after, "GET"),
    ):
        came = seen.at("failure_message")
        whole = isinstance(came, str) and len(came) >= len(reason)
        expect.that(
            whole or not _says_why(usual, cancelled),
            expected=f"failure_message in {where} to have all {len(reason)} characters",
            observed=difference(reason, came),
            reply=seen,
        )


@requirement("PI-27")
@pytest.mark.parametrize("which", FREE_TEXT)
def test_free_text_comes_back(api: PayoutIntents, given: Given, cancelled: Cancelled, which: str) -> None:
    """Free text comes back unchanged, in the answer and in a later GET."""
    _comes_back(api, given, cancelled, FREE_TEXT[which], f"with {which.replace('_', ' ')}")


@requirement("PI-27")
def test_escaped_text_comes_back(api: PayoutIntents, given: Given, cancelled: Cancelled) -> None:
    """Text that JSON escapes write comes back as the same text."""
    text = FREE_TEXT["emoji"] + FREE_TEXT["quotes"] + FREE_TEXT["accents"]

    _comes_back(
        api, given, cancelled, text, "written with \\u escapes", json.dumps({"reason": text}).encode()
    )


def _comes_back(
    api: PayoutIntents, given: Given, cancelled: Cancelled, reason: str, what: str, body: bytes | None = None
) -> None:
    """Accepted, echoed and kept. Where not even a plain reason is, that is told elsewhere."""
    intent = given("requires_approval")

    reply = api.post(intent, body or body_of(reason))

    _is_accepted(reply, what)
    if _says_why(cancelled.reply, cancelled):
        echoes(reply, reason, "the 202")
    if _says_why(cancelled.after, cancelled):
        echoes(api.confirmed(intent), reason, "GET")


def _is_accepted(reply: Reply, what: str) -> None:
    expect.that(
        reply.ok,
        expected=f"a reason {what} to be accepted",
        observed=expect.shown(reply),
        reply=reply,
        hint="Any text of up to 512 characters is a reason.",
    )


def _says_why(seen: Reply, cancelled: Cancelled) -> bool:
    """Whether a plain reason comes back at all."""
    return expect.same(seen.at("failure_message"), cancelled.reason)


NO_STRING: dict[str, Any] = {
    "number": 12.5,
    "zero": 0,
    "true": True,
    "false": False,
    "array": ["ordered twice"],
    "object": {"text": "ordered twice"},
}


@requirement("PI-28")
@pytest.mark.parametrize("kind", NO_STRING)
def test_reason_that_is_no_string_is_refused(api: PayoutIntents, given: Given, kind: str) -> None:
    """A reason that isn't a string is refused in the documented envelope, and has no effect."""
    intent = given("requires_approval")

    reply = api.post(intent, encoded({"reason": NO_STRING[kind]}))

    _safely_refused(api, intent, reply, f"the reason {json.dumps(NO_STRING[kind])}")


@requirement("PI-28")
def test_null_reason_is_none(api: PayoutIntents, given: Given) -> None:
    """A reason that is null is refused, or taken for no reason at all."""
    intent = given("requires_approval")

    reply = api.post(intent, b'{"reason": null}')

    if not reply.ok:
        _safely_refused(api, intent, reply, "a reason that is null")
        return
    expect.field(
        api.confirmed(intent),
        "failure_message",
        lambda value: value in (None, MISSING) or (isinstance(value, str) and value.lower() not in _NOTHING),
        "what it is without a reason",
    )


def _safely_refused(api: PayoutIntents, intent: Resource, reply: Reply, what: str) -> None:
    """A 4xx in the documented envelope, and nothing changed."""
    no_server_error(reply, to=what)
    code, message = reply.at("error.code"), reply.at("error.message")
    expect.that(
        reply.status // 100 == 4
        and isinstance(code, str)
        and isinstance(message, str)
        and bool(code and message),
        expected=f"a 4xx with error.code and error.message for {what}",
        observed=expect.shown(reply),
        reply=reply,
        hint="Validate the body before anything is changed.",
    )
    api.still_cancels(intent, after=what)


ODD_BODIES: dict[str, bytes | None] = {
    "none": None,
    "empty": b"",
    "broken_JSON": b'{"reason": "ordered',
    "more_behind": b'{"reason": "ordered twice"} {}',
    "NaN": b'{"reason": NaN}',
    "array": b"[]",
    "string": b'"ordered twice"',
    "null": b"null",
    "key_twice": b'{"reason": "one", "reason": "two"}',
    "deep_arrays": b'{"reason": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "invalid_UTF-8": b'{"reason": "ordered \xff\xfe\xc3 twice"}',
    "byte_order_mark": b'\xef\xbb\xbf{"reason": "ordered twice"}',
    "NUL_in_the_reason": b'{"reason": "ordered\\u0000twice"}',
    "half_a_surrogate_pair": b'{"reason": "ordered \\ud83d twice"}',
}


@requirement("PI-29")
@pytest.mark.parametrize("kind", ODD_BODIES)
def test_odd_body_is_handled(api: PayoutIntents, given: Given, evidence: Evidence, kind: str) -> None:
    """An odd body is refused without effect, or processed as documented; it never ends in a 5xx."""
    intent, what = given("requires_approval"), f"a body like this: {kind.replace('_', ' ')}"

    reply = api.post(intent, ODD_BODIES[kind])

    no_server_error(reply, to=what)
    if not reply.ok:
        api.still_cancels(intent, after=what)
        return
    evidence.like_any(reply, to=f"{what}, as it wasn't refused,")
    read, cancelled = api.confirmed(intent), evidence.cancelled()
    evidence.shows_cancelled(read, after=what)
    if _says_why(cancelled.reply, cancelled) and _says_why(cancelled.after, cancelled):
        expect.that(
            expect.same(_text(read), _text(reply)),
            expected="GET to show the reason that the 202 shows",
            observed=f"GET shows {expect.shown(read)}",
            reply=read,
        )


@requirement("PI-29")
def test_body_in_chunks_is_handled(api: PayoutIntents, given: Given, cancelled: Cancelled) -> None:
    """A body that comes in chunks (RFC 9112 section 7.1) is refused without effect, or read: its reason is kept."""
    intent, reason, what = given("requires_approval"), api.new_reason(), "a body in chunks"

    reply = api.post(intent, body_of(reason), change={"Transfer-Encoding": "chunked"})

    no_server_error(reply, to=what)
    if not reply.ok:
        api.still_cancels(intent, after=what)
    elif _says_why(cancelled.reply, cancelled):
        echoes(reply, reason, f"the 202 to {what}")


def _text(reply: Reply) -> Any:
    return reply.at("failure_message") or None
