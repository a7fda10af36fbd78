"""The one field of the body: kept and shown as it came, within its limit, or whatever comes in its place."""

import json
from functools import partial
from typing import Any

import pytest

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.oracles.texts import Returned, returned
from conformance.plugin import Given
from conformance.suites.payout_intents.evidence import Evidence
from conformance.suites.payout_intents.pieces import Cancelled, Odd
from conformance.suites.payout_intents.texts import FREE_TEXT, TIDY, difference, echoes, plain, repeated
from conformance.suites.payout_intents.verbs import PayoutIntents, body_of, encoded, is_cancelled, succeeded

LIMIT = 512
# Who changes characters may make a text a little shorter.
_MOST_OF_IT = 0.8
FULL = {
    "plain": plain(LIMIT),
    "escaped_quotes": repeated("\"quoted\" and 'so' ", LIMIT - 1) + "Z",
    "escaped_backslashes": repeated("C:\\temp\\new ", LIMIT - 1) + "Z",
    "escaped_line_breaks": repeated("Line\n\tindented\r\n", LIMIT - 1) + "Z",
}
LONG = {
    "512_of_two_bytes": repeated("äöüßéñåøłж", LIMIT),
    "512_of_three_bytes": repeated("取消订单的原因是重复付款請確認", LIMIT),
    "128_emoji": repeated("😀💸🚀🐘", 128),
}


@requirement("PI-22")
def test_reason_is_echoed(cancelled: Cancelled) -> None:
    """The answer to a cancel holds the reason, exactly."""
    # Where the key is left out of one answer alone, that is for PI-15 to judge.
    if cancelled.reply.at("failure_message") is MISSING and _says_why(cancelled.after, cancelled):
        return
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
@pytest.mark.parametrize("which", FULL)
def test_512_characters_fit(api: PayoutIntents, given: Given, cancelled: Cancelled, which: str) -> None:
    """A reason of 512 characters is accepted, echoed whole and kept whole, whatever JSON makes of them."""
    intent, reason = given("requires_approval"), FULL[which]

    reply = api.post(intent, body_of(reason))

    _is_accepted(reply, f"of 512 characters ({which.replace('_', ' ')})")
    _is_kept_whole(cancelled, reason, reply, api.confirmed(intent))


TOO_LONG = plain(LIMIT + 1)


@requirement("PI-25", level="MUST")
def test_513_characters_that_are_refused_cancel_nothing(evidence: Evidence) -> None:
    """Whoever gets a 4xx for a reason of 513 characters hasn't cancelled anything."""
    _had_no_effect(
        evidence.odd_body("a reason of 513 characters", body_of(TOO_LONG)), "a reason of 513 characters"
    )


@requirement("PI-25")
def test_513_characters_are_refused(evidence: Evidence) -> None:
    """A reason of 513 characters is refused in the documented envelope."""
    reason, reply = TOO_LONG, evidence.odd_body("a reason of 513 characters", body_of(TOO_LONG)).reply

    came = reply.at("failure_message")
    if reply.ok and isinstance(came, str) and came != reason:
        raise expect.Violation(
            expected="a reason of 513 characters to be refused, not shortened silently",
            observed=f"{reply.status}, and failure_message has {len(came)} characters",
            reply=reply,
        )
    _refused_in_form(reply, "a reason of 513 characters")


@requirement("PI-26")
@pytest.mark.parametrize("which", LONG)
@pytest.mark.usefixtures("cancelled")
def test_length_counts_characters(evidence: Evidence, which: str) -> None:
    """The limit counts characters, not bytes or escapes."""
    one = evidence.odd_body(f"a reason that is {which}", body_of(LONG[which]))

    _is_accepted(one.reply, f"that is {which.replace('_', ' ')} characters long")


@requirement("PI-26", level="MUST")
@pytest.mark.parametrize("which", LONG)
def test_whatever_length_is_accepted_is_kept_whole(
    evidence: Evidence, cancelled: Cancelled, which: str
) -> None:
    """What is accepted is neither cut off nor changed, in the answer and in a later GET."""
    one = evidence.answered_body(f"a reason that is {which}", body_of(LONG[which]))

    if one is not None and succeeded(one.reply):
        _is_kept_whole(cancelled, LONG[which], one.reply, one.after)


def _is_kept_whole(cancelled: Cancelled, reason: str, reply: Reply, read: Reply) -> None:
    """Nothing is cut off, nor lost; what else becomes of odd characters is for PI-27 to judge."""
    for seen, usual, where in ((reply, cancelled.reply, "the 202"), (read, cancelled.after, "GET")):
        came = seen.at("failure_message")
        whole = (
            isinstance(came, str)
            and len(came) >= _MOST_OF_IT * len(reason)
            and returned(reason, came) is not Returned.CUT
        )
        expect.that(
            whole or not _says_why(usual, cancelled),
            expected=f"failure_message in {where} to have all {len(reason)} characters",
            observed=difference(reason, came),
            reply=seen,
        )


@requirement("PI-27")
@pytest.mark.parametrize("which", FREE_TEXT)
def test_free_text_comes_back(evidence: Evidence, cancelled: Cancelled, which: str) -> None:
    """Free text comes back unchanged, in the answer and in a later GET, but for white space around it."""
    _comes_back(cancelled, FREE_TEXT[which], *evidence.echoed(which), which.replace("_", " "))


@requirement("PI-27", level="SHOULD")
@pytest.mark.parametrize("which", TIDY)
def test_free_text_is_not_tidied_up(evidence: Evidence, cancelled: Cancelled, which: str) -> None:
    """White space around a reason comes back, too, and so does the form in which letters were composed."""
    reply, read = evidence.echoed(which)

    if succeeded(reply):
        for seen, usual, where in ((reply, cancelled.reply, "the 202"), (read, cancelled.after, "GET")):
            how = returned(FREE_TEXT[which], seen.at("failure_message"))
            if _says_why(usual, cancelled) and how is Returned.TIDIED:
                echoes(seen, FREE_TEXT[which], where)


@requirement("PI-27")
def test_escaped_text_comes_back(api: PayoutIntents, given: Given, cancelled: Cancelled) -> None:
    """Text that JSON escapes write comes back as the same text."""
    text, intent = FREE_TEXT["emoji"] + FREE_TEXT["quotes"] + FREE_TEXT["accents"], given("requires_approval")

    reply = api.post(intent, json.dumps({"reason": text}).encode())

    _comes_back(cancelled, text, reply, api.confirmed(intent), "text written with \\u escapes")


def _comes_back(cancelled: Cancelled, reason: str, reply: Reply, read: Reply, what: str) -> None:
    """Accepted, echoed and kept. Where not even a plain reason is, that is told elsewhere."""
    _is_accepted(reply, f"with {what}")
    for seen, usual, where in ((reply, cancelled.reply, "the 202"), (read, cancelled.after, "GET")):
        kept = returned(reason, seen.at("failure_message")) in (Returned.SAME, Returned.TIDIED)
        if _says_why(usual, cancelled) and not kept:
            echoes(seen, reason, where)


def _is_accepted(reply: Reply, what: str) -> None:
    expect.that(
        reply.ok,
        expected=f"a reason {what} to be accepted",
        observed=summary.of(reply),
        reply=reply,
        hint="Any text of up to 512 characters is a reason.",
    )


def _says_why(seen: Reply, cancelled: Cancelled) -> bool:
    """Whether a plain reason comes back at all."""
    return equality.same(seen.at("failure_message"), cancelled.reason)


NO_STRING: dict[str, Any] = {
    "number": 12.5,
    "zero": 0,
    "true": True,
    "false": False,
    "array": ["ordered twice"],
    "object": {"text": "ordered twice"},
}


def _no_string(kind: str) -> tuple[str, bytes]:
    value = NO_STRING.get(kind)
    return f"the reason {json.dumps(value)}", encoded({"reason": value})


@requirement("PI-28", level="MUST")
@pytest.mark.parametrize("kind", [*NO_STRING, "null"])
def test_reason_that_is_refused_cancels_nothing(evidence: Evidence, kind: str) -> None:
    """Whoever gets a 4xx for a reason that isn't a string hasn't cancelled anything."""
    what, body = _no_string(kind)

    _had_no_effect(evidence.answered_body(what, body), what)


@requirement("PI-28")
@pytest.mark.parametrize("kind", NO_STRING)
def test_reason_that_is_no_string_is_refused(evidence: Evidence, kind: str) -> None:
    """A reason that isn't a string is refused in the documented envelope."""
    what, body = _no_string(kind)

    _refused_in_form(evidence.odd_body(what, body).reply, what)


@requirement("PI-28")
def test_null_reason_is_none(evidence: Evidence) -> None:
    """A reason that is null is refused, or taken for no reason at all."""
    what, body = _no_string("null")
    one = evidence.odd_body(what, body)

    if not succeeded(one.reply):
        _refused_in_form(one.reply, what)
        return
    expect.field(
        one.after,
        "failure_message",
        lambda value: value in (None, MISSING) or (isinstance(value, str) and value.lower() not in _NOTHING),
        "what it is without a reason",
    )


def _had_no_effect(one: Odd | None, what: str) -> None:
    """What got a 4xx isn't cancelled."""
    if one is None:
        return  # It is never answered, which the check of the form tells.
    expect.that(
        one.reply.status // 100 != 4 or not is_cancelled(one.after),
        expected=f"an intent not to be cancelled by {what}, which got {one.reply.status}",
        observed=f"GET shows {summary.of(one.after)}",
        reply=one.after,
        hint="Validate the body before anything is changed, or undo what was.",
    )


def _refused_in_form(reply: Reply, what: str) -> None:
    """A 4xx in the documented envelope."""
    no_server_error(reply, to=what)
    code, message = reply.at("error.code"), reply.at("error.message")
    expect.that(
        reply.status // 100 == 4
        and isinstance(code, str)
        and isinstance(message, str)
        and bool(code and message),
        expected=f"a 4xx with error.code and error.message for {what}",
        observed=summary.of(reply),
        reply=reply,
        hint="Validate the body before anything is changed.",
    )


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
    what = f"a body like this: {kind.replace('_', ' ')}"

    intent, reply = api.odd_of(
        partial(given, "requires_approval"), lambda one: api.post(one, ODD_BODIES[kind]), to=what
    )

    no_server_error(reply, to=what)
    if not succeeded(reply):
        api.still_cancels(intent, after=what)
        return
    evidence.like_any(reply, to=f"{what}, as it wasn't refused,")
    read, cancelled = api.confirmed(intent), evidence.cancelled()
    evidence.shows_cancelled(read, after=what)
    if _says_why(cancelled.reply, cancelled) and _says_why(cancelled.after, cancelled):
        expect.that(
            equality.same(_text(read), _text(reply)),
            expected="GET to show the reason that the 202 shows",
            observed=f"GET shows {summary.of(read)}",
            reply=read,
        )


@requirement("PI-29")
def test_body_in_chunks_is_handled(api: PayoutIntents, given: Given, cancelled: Cancelled) -> None:
    """A body that comes in chunks (RFC 9112 section 7.1) is refused without effect, or read: its reason is kept."""
    reason, what, chunked = api.new_reason(), "a body in chunks", {"Transfer-Encoding": "chunked"}

    intent, reply = api.odd_of(
        partial(given, "requires_approval"),
        lambda one: api.post(one, body_of(reason), change=chunked),
        to=what,
    )

    no_server_error(reply, to=what)
    if not succeeded(reply):
        api.still_cancels(intent, after=what)
    elif _says_why(cancelled.reply, cancelled):
        echoes(reply, reason, f"the 202 to {what}")


def _text(reply: Reply) -> Any:
    return reply.at("failure_message") or None
