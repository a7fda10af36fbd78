"""The field `reason`: stored and returned unchanged, its limit of 512 characters, values of other types."""

import json
from functools import partial
from typing import Any

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.oracles.texts import Returned, returned
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import (
    accepted,
    has_succeeded,
    holds,
    is_cancelled,
    succeeded,
    was_confirmed,
)
from conformance.suites.payout_intents.bare_cancels import WHY_WITHOUT_A_KEY, bare_cancel
from conformance.suites.payout_intents.bodies import BODIES_IN_WORDS, NO_STRING, ODD_BODIES
from conformance.suites.payout_intents.client import Ask, PayoutIntents, body_of, encoded
from conformance.suites.payout_intents.kept_reasons import (
    ANY_TEXT,
    comes_back,
    is_kept_whole,
    says_why,
    telling,
)
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
    differs,
    echoes,
    free_text,
    long_reason,
    plain,
)
from conformance.suites.payout_intents.refusals import no_crash, refused_in_envelope
from conformance.suites.payout_intents.results import Odd
from conformance.suites.payout_intents.together import CHUNKS, ESCAPED, Together


@requirement("PI-22")
def test_reason_is_echoed(evidence: Evidence) -> None:
    """The answer to a cancel holds the reason, exactly."""
    one = evidence.cancelled(reason=WHY)

    if one.reply.at("failure_message") is MISSING and says_why(one.after):
        raise NotApplicable("failure_message is left out of the answer alone, which PI-15 judges")
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
    usual, bare = evidence.cancelled(reason=WHY), bare_cancel(api, given, evidence, Ask.CANCEL_WITHOUT_KEY)
    reason, reply, read = WHY_WITHOUT_A_KEY, has_succeeded(bare.reply), bare.after

    if not (says_why(usual.reply) or says_why(usual.after)):
        raise NotApplicable(
            "not even a cancel with a key shows its reason, which the other checks of PI-22 judge"
        )
    if says_why(usual.reply):
        echoes(reply, reason, "the answer to a cancel without a key", read=read)
    if says_why(usual.after):
        echoes(read, reason, "GET after a cancel without a key", reply_to=reply)


@requirement("PI-23")
def test_reason_is_optional(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """An empty object cancels, and failure_message is null, empty or a text of the provider's."""
    bare = bare_cancel(api, given, evidence, Ask.CANCEL_WITHOUT_REASON)
    reply, read, other = bare.reply, bare.after, WHY_WITHOUT_A_KEY

    evidence.like_any(reply, to="a cancel with an empty object for a body")
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
def test_absent_reason_is_no_word_of_a_program(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """Without a reason failure_message is no literal of a language: undefined, null, None."""
    bare = bare_cancel(api, given, evidence, Ask.CANCEL_WITHOUT_REASON)
    reply = has_succeeded(bare.reply)

    expect.field(
        reply,
        "failure_message",
        lambda value: str(value).strip().lower() not in NOTHING or value is None,
        "null, empty, or a text for people",
        hint="A null became text somewhere.",
        where="the answer to a cancel without a reason",
        read=bare.after,
    )


@requirement("PI-24")
@pytest.mark.cancels
@pytest.mark.parametrize("which", FULL)
def test_512_characters_fit(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together, which: str
) -> None:
    """A reason of 512 characters is accepted, echoed whole and kept whole, whatever JSON makes of them."""
    usual = evidence.cancelled(reason=WHY)
    if together.worked(which):
        return
    intent, reason = given.used("requires_approval"), FULL[which]

    reply = api.post(intent, body_of(reason))

    what = f"of 512 characters ({FULL_OF[which]})"
    counted = (
        "" if which == "plain" else " Count them in the text itself, in no form in which some are escaped."
    )
    accepted(reply, f"a reason {what}", hint=ANY_TEXT + counted)
    is_kept_whole(usual, reason, reply, api.confirmed(intent), what)


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
@pytest.mark.cancels
@pytest.mark.parametrize("which", LONG)
def test_length_counts_characters(evidence: Evidence, together: Together, which: str) -> None:
    """The limit counts characters, not bytes or escapes."""
    evidence.cancelled()
    if together.worked(which):
        return
    one = evidence.cancel_with_body(body_of(LONG[which]), what=long_reason(which))

    size = len(LONG[which].encode())
    accepted(
        one.reply,
        long_reason(which),
        hint=f"Count characters, not bytes: it has {len(LONG[which])} characters in {size} bytes.",
    )


@requirement("PI-24")
@pytest.mark.cancels
@pytest.mark.parametrize("which", [*LONG, *LONGER])
def test_whatever_length_is_accepted_is_kept_whole(
    evidence: Evidence, together: Together, which: str
) -> None:
    """An accepted reason is kept whole, in the answer and in a later GET."""
    usual = evidence.cancelled(reason=WHY)
    if together.worked(which):
        return
    reason = {**LONG, **LONGER}[which]
    one = evidence.cancel_with_body_if_answered(body_of(reason), what=long_reason(which))

    if one is None or not succeeded(one.reply):
        raise NotApplicable(f"{long_reason(which)} isn't accepted, which other checks judge")
    what = long_reason(which).removeprefix("a reason ")
    is_kept_whole(usual, reason, one.reply, one.after, what)


@requirement("PI-27")
@pytest.mark.cancels
@pytest.mark.parametrize("which", FREE_TEXT)
def test_free_text_comes_back(evidence: Evidence, together: Together, which: str) -> None:
    """Free text comes back unchanged, in the answer and in a later GET, but for white space around it."""
    usual, reason = evidence.cancelled(reason=WHY), FREE_TEXT[which]
    if together.worked(which):
        return
    reply, read = evidence.cancel_for(reason=reason)

    comes_back(usual, reason, reply, read, free_text(which))


@requirement("PI-27")
@pytest.mark.cancels
def test_escaped_text_comes_back(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together
) -> None:
    """A reason that is written with JSON's escapes (a backslash, u and four digits) comes back as the same text."""
    usual = evidence.cancelled(reason=WHY)
    if together.worked(ESCAPED):
        return
    intent = given.used("requires_approval")
    text = FREE_TEXT["emoji"] + FREE_TEXT["quotes"] + FREE_TEXT["accents"]

    reply = api.post(intent, json.dumps({"reason": text}).encode())

    comes_back(usual, text, reply, api.confirmed(intent), "written with JSON escapes such as \\u00e9")


@requirement("PI-27", level="SHOULD")
@pytest.mark.cancels
@pytest.mark.parametrize("which", TIDY)
def test_free_text_is_not_tidied_up(evidence: Evidence, together: Together, which: str) -> None:
    """White space around a reason comes back, too, and so does the form in which letters were composed."""
    usual, reason = evidence.cancelled(reason=WHY), FREE_TEXT[which]
    if together.worked(which):
        return
    reply, read = evidence.cancel_for(reason=reason)

    if not succeeded(reply):
        raise NotApplicable(f"a reason {free_text(which)} isn't accepted, which other checks judge")
    for seen, where in telling(usual, reply, read):
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
        raise NotApplicable(f"{what} is never answered, which other checks judge")
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
        partial(given.shared, "requires_approval"), lambda one: api.post(one, ODD_BODIES[kind]), to=what
    )

    no_crash(reply, what, read=lambda: api.seen(intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=what, refused=reply)
        return
    evidence.like_any(reply, to=what)
    read, usual = api.confirmed(intent), evidence.cancelled(reason=WHY)
    evidence.shows_cancelled(read, after=what)
    if says_why(usual.reply) and says_why(usual.after):
        holds(
            read,
            equality.same(_text(read), _text(reply)),
            f"GET to show the reason that the {reply.status} shows, {wording.of(reply, 'failure_message')}",
            fault=f"failure_message was {wording.of(read, 'failure_message')} in GET after {what}, and "
            f"{wording.of(reply, 'failure_message')} in the {reply.status}",
        )


@requirement("PI-29")
@pytest.mark.cancels
def test_body_in_chunks_is_handled(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together
) -> None:
    """A body that comes in chunks (RFC 9112 section 7.1) is refused without effect, or read: its reason is kept."""
    usual, reason = evidence.cancelled(reason=WHY), api.new_reason()
    if together.worked(CHUNKS):
        return
    what, chunked = "a body in chunks", {"Transfer-Encoding": "chunked"}

    intent, reply = api.odd_of(
        partial(given.shared, "requires_approval"),
        lambda one: api.post(one, body_of(reason), change=chunked),
        to=what,
    )

    no_crash(reply, what, read=lambda: api.seen(intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=what, refused=reply)
    elif says_why(usual.reply):
        hint = "Is a body read that comes without a Content-Length?"
        echoes(reply, reason, f"the answer to {what}", read=api.confirmed(intent), hint=hint)


def _text(reply: Reply) -> Any:
    return reply.at("failure_message") or None
