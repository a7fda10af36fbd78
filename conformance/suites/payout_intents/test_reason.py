"""The one field of the body: kept and shown as it came, within its limit, or whatever comes in its place."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.oracles.texts import Returned, returned
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import (
    accepted,
    holds,
    is_cancelled,
    succeeded,
    was_confirmed,
)
from conformance.suites.payout_intents.bodies import BODIES_IN_WORDS, NO_STRING, ODD_BODIES
from conformance.suites.payout_intents.client import PayoutIntents, body_of, encoded
from conformance.suites.payout_intents.observations import WHY, Evidence
from conformance.suites.payout_intents.reasons import (
    FREE_TEXT,
    FULL,
    FULL_OF,
    LIMIT,
    LONG,
    LONGER,
    NOTHING,
    TIDY,
    changed,
    difference,
    differs,
    echoes,
    free_text,
    long_reason,
    plain,
)
from conformance.suites.payout_intents.refusals import no_crash, refused_in_envelope
from conformance.suites.payout_intents.results import Cancelled, Odd

_ANY_TEXT = "Any text of up to 512 characters is a reason."
# A target that changes characters may make a text a little shorter.
_MOST_OF_IT = 0.8


@requirement("PI-22")
def test_reason_is_echoed(evidence: Evidence) -> None:
    """The answer to a cancel holds the reason, exactly."""
    one = evidence.cancelled(reason=WHY)

    # Where the key is left out of one answer alone, that is for PI-15 to judge.
    if one.reply.at("failure_message") is MISSING and _says_why(one.after):
        return
    echoes(one.reply, WHY, "the answer to a cancel", read=one.after)


@requirement("PI-22")
def test_reason_is_kept(evidence: Evidence) -> None:
    """A later GET shows the reason, exactly."""
    one = evidence.cancelled(reason=WHY)
    was_confirmed(one.after)

    echoes(one.after, WHY, "GET after a cancel", reply_to=one.reply)


@requirement("PI-22")
def test_reason_is_kept_without_a_key(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """Without an Idempotency-Key the reason is echoed and kept just as well."""
    usual, intent, reason = evidence.cancelled(reason=WHY), given("requires_approval"), api.new_reason()

    reply = api.cancels(intent, reason=reason, key=None)

    # Where not even a cancel with a key shows its reason, that is told by the checks above.
    read = api.confirmed(intent)
    if _says_why(usual.reply):
        echoes(reply, reason, "the answer to a cancel without a key", read=read)
    if _says_why(usual.after):
        echoes(read, reason, "GET after a cancel without a key", reply_to=reply)


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
    for seen, where in ((reply, "the answer to a cancel"), (read, "GET after a cancel")):
        value = seen.at("failure_message")
        kept = "that of another intent's cancel" if value == other else wording.of(seen, "failure_message")
        expect.that(
            (value is MISSING or value is None or isinstance(value, str)) and value != other,
            expected=f"failure_message in {where} to be null, empty or a text of the provider's own",
            observed=f"{wording.shown(seen, 'failure_message')}"
            + (", which is the reason of the cancel before this one" if value == other else ""),
            reply=seen,
            hint="Is the reason kept in a place that requests share?"
            if value == other
            else "Take the reason out of the body, and keep a text or nothing."
            if not isinstance(value, str)
            else "",
            persisted=wording.read_shows(read, "failure_message", value, lambda one: one is None)
            if seen is reply
            else "",
            fault=f"failure_message was {kept} in {where} without a reason",
        )


@requirement("PI-23", level="SHOULD")
def test_absent_reason_is_no_word_of_a_program(api: PayoutIntents, given: Given) -> None:
    """Without a reason failure_message isn't a word like undefined."""
    intent = given("requires_approval")
    reply = api.cancels(intent, reason=None)

    expect.field(
        reply,
        "failure_message",
        lambda value: str(value).strip().lower() not in NOTHING or value is None,
        "null, empty, or a text for people",
        hint="A null became text somewhere.",
        where="the answer to a cancel without a reason",
        read=api.confirmed(intent),
    )


@requirement("PI-24")
@pytest.mark.parametrize("which", FULL)
def test_512_characters_fit(api: PayoutIntents, given: Given, evidence: Evidence, which: str) -> None:
    """A reason of 512 characters is accepted, echoed whole and kept whole, whatever JSON makes of them."""
    usual, intent, reason = evidence.cancelled(reason=WHY), given("requires_approval"), FULL[which]

    reply = api.post(intent, body_of(reason))

    what = f"of 512 characters ({FULL_OF[which]})"
    accepted(reply, f"a reason {what}", hint=_ANY_TEXT)
    _is_kept_whole(usual, reason, reply, api.confirmed(intent), what)


TOO_LONG = plain(LIMIT + 1)


@requirement("PI-25", level="MUST")
def test_513_characters_that_are_refused_cancel_nothing(evidence: Evidence) -> None:
    """A reason of 513 characters that gets a 4xx cancels nothing."""
    one = evidence.cancel_with_body(body_of(TOO_LONG), what="a reason of 513 characters")

    _had_no_effect(one, "a reason of 513 characters")


@requirement("PI-25")
def test_513_characters_are_refused(evidence: Evidence) -> None:
    """A reason of 513 characters is refused in the documented envelope."""
    one = evidence.cancel_with_body(body_of(TOO_LONG), what="a reason of 513 characters")
    reply = one.reply

    came = reply.at("failure_message")
    if reply.ok and isinstance(came, str) and came != TOO_LONG:
        cut = f", and it came back {differs(TOO_LONG, reply.recorded('failure_message'))}"
        raise expect.Violation(
            expected="a reason of 513 characters to be refused, not shortened silently",
            observed=f"failure_message has {len(came)} characters (the answer was {summary.of(reply)})",
            reply=reply,
            hint="Compare the length with 512 before anything is changed, and answer a 4xx.",
            fault=f"A reason of 513 characters was accepted ({reply.status}){cut}",
        )
    refused_in_envelope(reply, "a reason of 513 characters", read=one.after)


@requirement("PI-26")
@pytest.mark.parametrize("which", LONG)
def test_length_counts_characters(evidence: Evidence, which: str) -> None:
    """The limit counts characters, not bytes or escapes."""
    evidence.cancelled()
    one = evidence.cancel_with_body(body_of(LONG[which]), what=long_reason(which))

    size = len(LONG[which].encode())
    accepted(
        one.reply,
        long_reason(which),
        hint=f"Count characters, not bytes: it has {len(LONG[which])} characters in {size} bytes.",
    )


@requirement("PI-24")
@pytest.mark.parametrize("which", [*LONG, *LONGER])
def test_whatever_length_is_accepted_is_kept_whole(evidence: Evidence, which: str) -> None:
    """An accepted reason is kept whole, in the answer and in a later GET."""
    usual = evidence.cancelled(reason=WHY)
    reason = {**LONG, **LONGER}[which]
    one = evidence.cancel_with_body_if_answered(body_of(reason), what=long_reason(which))

    if one is not None and succeeded(one.reply):
        what = long_reason(which).removeprefix("a reason ")
        _is_kept_whole(usual, reason, one.reply, one.after, what)


def _telling(usual: Cancelled, reply: Reply, read: Reply) -> Iterator[tuple[Reply, str]]:
    """The answer to a cancel and GET after it, and where that is, if `usual` shows a plain reason there at all."""
    for seen, plainly, where in (
        (reply, usual.reply, "the answer to a cancel"),
        (read, usual.after, "GET after a cancel"),
    ):
        if _says_why(plainly):
            yield seen, where


def _is_kept_whole(usual: Cancelled, reason: str, reply: Reply, read: Reply, what: str) -> None:
    """The reason isn't cut off; PI-27 judges any other change of unusual characters."""
    for seen, where in _telling(usual, reply, read):
        came = seen.at("failure_message")
        long = isinstance(came, str) and len(came) >= _MOST_OF_IT * len(reason)
        expect.that(
            long and returned(reason, came) is not Returned.CUT,
            expected=f"failure_message in {where} to have all {len(reason)} characters",
            observed=f"{difference(reason, seen)} ({wording.shown(seen, 'failure_message')})",
            reply=seen,
            hint="Is the column, or the limit, shorter than 512 characters, or does it count bytes?"
            if isinstance(came, str) and came
            else "",
            fault=changed(reason, seen, where, what),
            persisted=wording.read_shows(read, "failure_message", came, equality.is_same_as(reason))
            if seen is reply
            else "",
        )


@requirement("PI-27")
@pytest.mark.parametrize("which", FREE_TEXT)
def test_free_text_comes_back(evidence: Evidence, which: str) -> None:
    """Free text comes back unchanged, in the answer and in a later GET, but for white space around it."""
    usual, reason = evidence.cancelled(reason=WHY), FREE_TEXT[which]
    reply, read = evidence.cancel_for(reason=reason)

    _comes_back(usual, reason, reply, read, free_text(which))


@requirement("PI-27")
def test_escaped_text_comes_back(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """Text that JSON escapes write comes back as the same text."""
    usual, intent = evidence.cancelled(reason=WHY), given("requires_approval")
    text = FREE_TEXT["emoji"] + FREE_TEXT["quotes"] + FREE_TEXT["accents"]

    reply = api.post(intent, json.dumps({"reason": text}).encode())

    _comes_back(usual, text, reply, api.confirmed(intent), "written with JSON escapes such as \\u00e9")


def _comes_back(usual: Cancelled, reason: str, reply: Reply, read: Reply, what: str) -> None:
    """Accepted, echoed and kept, where a plain reason is."""
    accepted(reply, f"a reason {what}", hint=_ANY_TEXT)
    for seen, where in _telling(usual, reply, read):
        if returned(reason, seen.at("failure_message")) not in (Returned.SAME, Returned.TIDIED):
            kept, first = (read, None) if seen is reply else (None, reply)
            echoes(seen, reason, where, what=what, reply_to=first, read=kept)


@requirement("PI-27", level="SHOULD")
@pytest.mark.parametrize("which", TIDY)
def test_free_text_is_not_tidied_up(evidence: Evidence, which: str) -> None:
    """White space around a reason comes back, too, and so does the form in which letters were composed."""
    usual, reason = evidence.cancelled(reason=WHY), FREE_TEXT[which]
    reply, read = evidence.cancel_for(reason=reason)

    if succeeded(reply):
        for seen, where in _telling(usual, reply, read):
            if returned(reason, seen.at("failure_message")) is Returned.TIDIED:
                kept = read if seen is reply else None
                echoes(
                    seen,
                    reason,
                    where,
                    what=free_text(which),
                    reply_to=None if kept is not None else reply,
                    read=kept,
                )


def _says_why(seen: Reply) -> bool:
    """Whether a plain reason comes back at all, in an answer about the cancel for WHY."""
    return equality.same(seen.at("failure_message"), WHY)


def _no_string(kind: str) -> tuple[str, bytes]:
    value = NO_STRING.get(kind)
    return f"the reason {json.dumps(value)}", encoded({"reason": value})


@requirement("PI-28", level="MUST")
@pytest.mark.parametrize("kind", [*NO_STRING, "null"])
def test_reason_that_is_refused_cancels_nothing(evidence: Evidence, kind: str) -> None:
    """A reason that isn't a string and gets a 4xx cancels nothing."""
    what, body = _no_string(kind)

    _had_no_effect(evidence.cancel_with_body_if_answered(body, what=what), what)


@requirement("PI-28")
@pytest.mark.parametrize("kind", NO_STRING)
def test_reason_that_is_no_string_is_refused(evidence: Evidence, kind: str) -> None:
    """A reason that isn't a string is refused in the documented envelope."""
    what, body = _no_string(kind)

    one = evidence.cancel_with_body(body, what=what)
    refused_in_envelope(one.reply, what, read=one.after)


@requirement("PI-28")
def test_null_reason_is_none(evidence: Evidence) -> None:
    """A reason that is null is refused, or taken for no reason at all."""
    what, body = _no_string("null")
    one = evidence.cancel_with_body(body, what=what)

    if not succeeded(one.reply):
        refused_in_envelope(one.reply, what, read=one.after)
        return
    expect.field(
        one.after,
        "failure_message",
        lambda value: value in (None, MISSING) or (isinstance(value, str) and value.lower() not in NOTHING),
        "what it is without a reason",
        where="GET after a cancel with the reason null",
        hint=f"A null became text somewhere: in the {one.reply.status} {wording.shown(one.reply, 'failure_message')}.",
    )


def _had_no_effect(one: Odd | None, what: str) -> None:
    """An intent whose cancel got a 4xx isn't cancelled."""
    if one is None:
        return  # It is never answered, which the check of the form tells.
    expect.that(
        one.reply.status // 100 != 4 or not is_cancelled(one.after),
        expected=f"an intent not to be cancelled by {what}, which got {one.reply.status}",
        observed=f"GET shows status {wording.of(one.after, 'status')} after {summary.of(one.reply)}",
        reply=one.reply,
        hint="Validate the body before anything is changed, or undo what was.",
        fault=f"{wording.capital(what)} cancelled the intent, though it was answered {summary.short(one.reply)}",
    )


@requirement("PI-29")
@pytest.mark.parametrize("kind", ODD_BODIES)
def test_odd_body_is_handled(api: PayoutIntents, given: Given, evidence: Evidence, kind: str) -> None:
    """An undocumented body is refused without effect, or processed as documented; it never ends in a 5xx."""
    what = BODIES_IN_WORDS[kind]

    intent, reply = api.odd_of(
        partial(given, "requires_approval"), lambda one: api.post(one, ODD_BODIES[kind]), to=what
    )

    no_crash(reply, what, read=lambda: api.seen(intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=what, refused=reply)
        return
    evidence.like_any(reply, to=what)
    read, usual = api.confirmed(intent), evidence.cancelled(reason=WHY)
    evidence.shows_cancelled(read, after=what)
    if _says_why(usual.reply) and _says_why(usual.after):
        holds(
            read,
            equality.same(_text(read), _text(reply)),
            f"GET to show the reason that the {reply.status} shows, {wording.of(reply, 'failure_message')}",
            fault=f"failure_message was {wording.of(read, 'failure_message')} in GET after {what}, and "
            f"{wording.of(reply, 'failure_message')} in the {reply.status}",
        )


@requirement("PI-29")
def test_body_in_chunks_is_handled(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """A body that comes in chunks (RFC 9112 section 7.1) is refused without effect, or read: its reason is kept."""
    usual, reason = evidence.cancelled(reason=WHY), api.new_reason()
    what, chunked = "a body in chunks", {"Transfer-Encoding": "chunked"}

    intent, reply = api.odd_of(
        partial(given, "requires_approval"),
        lambda one: api.post(one, body_of(reason), change=chunked),
        to=what,
    )

    no_crash(reply, what, read=lambda: api.seen(intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=what, refused=reply)
    elif _says_why(usual.reply):
        hint = "Is a body read that comes without a Content-Length?"
        echoes(reply, reason, f"the answer to {what}", read=api.confirmed(intent), hint=hint)


def _text(reply: Reply) -> Any:
    return reply.at("failure_message") or None
