"""Ids that name nothing, what belongs to others, and ids that aren't ids: nothing is seen or touched."""

from collections.abc import Callable
from functools import partial

import pytest

from conformance.errors import NotApplicable, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.oracles import equality, expect, wording
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.lines import LONG
from conformance.oracles.odd_requests import is_turned_down
from conformance.plugin import Given
from conformance.suites.payout_intents import named_everywhere
from conformance.suites.payout_intents.assertions import (
    KEYS,
    NOT_FOUND,
    has_succeeded,
    is_cancelled,
    not_accepted,
    not_found,
    read_not_cancelled,
    succeeded,
)
from conformance.suites.payout_intents.bad_requests import cancel_naming, naming, read_naming
from conformance.suites.payout_intents.client import Ask, PayoutIntents
from conformance.suites.payout_intents.contract import CONTRACT
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.results import Foreign, request
from conformance.unknown_ids import is_sparse

ASKED = [Ask.CANCEL, Ask.CANCEL_WITHOUT_KEY, Ask.CANCEL_WITHOUT_REASON, Ask.READ]
ALIKE = [Ask.CANCEL, Ask.CANCEL_WITHOUT_KEY, Ask.READ]
MALFORMED = {
    "not_an_id": "!",
    "a_number": "-1",
    "NUL": "%00",
    "a_bad_percent_escape": "%zz",
    "a_path": "..%2fnothing",
    "a_quote": "%27",
    "an_emoji": "%F0%9F%92%B8",
    "bad_UTF-8": "%ff%fe",
    "a_blank": "%20",
    "10_kB": "a" * 10_000,
}
_MALFORMED = {
    "not_an_id": "an exclamation mark",
    "a_number": "-1",
    "NUL": "a NUL (%00)",
    "a_bad_percent_escape": "a bad percent escape (%zz)",
    "a_path": "a path (..%2fnothing)",
    "a_quote": "a quote (%27)",
    "an_emoji": "an emoji",
    "bad_UTF-8": "bad UTF-8 (%ff%fe)",
    "a_blank": "a blank (%20)",
    "10_kB": "10,000 letters",
}
SPOILT: dict[str, Callable[[str], str]] = {
    "shortened": lambda one: one[:-1],
    "lengthened": lambda one: one + "0",
    "NUL_behind": lambda one: one + "%00",
    "NUL_and_more_behind": lambda one: one + "%00x",
    "blank_behind": lambda one: one + "%20",
    "line_break_behind": lambda one: one + "%0a",
    "wildcard_behind": lambda one: one[:-1] + "%25",
    "path_before": lambda one: "x%2f..%2f" + one,
}
_SPOILT = {
    "shortened": "without its last character",
    "lengthened": "with a 0 behind it",
    "NUL_behind": "with a NUL (%00) behind it",
    "NUL_and_more_behind": "with a NUL and more (%00x) behind it",
    "blank_behind": "with a blank (%20) behind it",
    "line_break_behind": "with a line break (%0a) behind it",
    "wildcard_behind": "with a wildcard (%25) for its last character",
    "path_before": "with a path (x%2f..%2f) before it",
}
_DECODED_FIRST = " A front server that decodes %2f before it resolves the dots in a path does this, too."
_NOT_YOURS = "Look intents up among those of the caller before anything is changed."

# Where ids are short or numbers, these may well be somebody else's.
NEIGHBOURS = ("shortened", "lengthened", "wildcard_behind")


@requirement("PI-10")
@pytest.mark.parametrize("asked", ASKED, ids=Ask.what)
def test_unknown_id_is_not_found(evidence: Evidence, asked: Ask) -> None:
    """An id that was never issued gets 404 not_found, from cancel and from GET."""
    what, hint = (
        request(asked, "an id that was never issued"),
        "The id names nothing: look it up before anything else.",
    )
    try:
        reply = evidence.ask_about_unknown_ids().replies[asked]
    except Violation as fault:
        # Reading ids that were made up, to see that they name nothing, is what this requirement is about.
        if asked is Ask.READ and fault.reply is not None and fault.reply.ok:
            not_found(fault.reply, what, hint=hint)
        raise
    not_found(reply, what, hint=hint)


@requirement("PI-10")
def test_unknown_id_is_not_found_again(evidence: Evidence) -> None:
    """An id that was never issued gets 404 not_found when the same cancel is sent again under its key, too."""
    try:
        reply = evidence.cancel_an_unknown_id_twice()
    except Violation as fault:
        raise NotApplicable(f"the same cancel, sent again, isn't answered: {fault.observed}") from None

    not_found(
        reply,
        "a cancel of an id that was never issued, sent again under its key,",
        hint="Where the first one got 404: what is kept under the key of a request that found nothing?",
    )


@requirement("PI-11")
@pytest.mark.parametrize("asked", ASKED, ids=Ask.what)
def test_matrix_other_merchants_intent_is_not_found(evidence: Evidence, any_state: str, asked: Ask) -> None:
    """Another merchant's intent gets 404 not_found in every state, from cancel and from GET."""
    foreign = evidence.ask_about_other_merchants(state=any_state)

    _not_found(
        evidence, foreign.replies[asked], asked, f"another merchant's {any_state} intent", foreign.after
    )


@requirement("PI-11")
@pytest.mark.parametrize("asked", ASKED, ids=Ask.what)
def test_other_merchants_intent_is_not_found_once_cancelled(evidence: Evidence, asked: Ask) -> None:
    """Another merchant's intent gets 404 not_found right after its owner cancelled it, too."""
    reply = evidence.ask_about_other_merchants(state="requires_approval").once_cancelled()[asked]

    _not_found(evidence, reply, asked, "an intent that another merchant has just cancelled")


@requirement("PI-12")
@pytest.mark.parametrize("asked", ASKED, ids=Ask.what)
@pytest.mark.parametrize("when", ["at_first", "once_cancelled", "while_processing"])
def test_other_environments_intent_is_not_found(evidence: Evidence, when: str, asked: Ask) -> None:
    """An intent of the other environment gets 404 not_found, from cancel and from GET."""
    state = "processing" if when == "while_processing" else "requires_approval"
    foreign = evidence.ask_about_other_environments(state=state)
    replies = foreign.once_cancelled() if when == "once_cancelled" else foreign.replies

    late = ", cancelled a moment before," if when == "once_cancelled" else ""
    what = f"a {state} intent of the other environment{late}"
    _not_found(evidence, replies[asked], asked, what, None if late else foreign.after)


def _not_found(evidence: Evidence, reply: Reply, asked: Ask, what: str, after: Reply | None = None) -> None:
    """404 not_found; PI-10 judges a refusal that is wrong as that of an unknown id is."""
    if not reply.ok and (reply.status != NOT_FOUND.status or reply.at("error.code") != NOT_FOUND.code):
        usual = evidence.ask_about_unknown_ids().replies[asked]
        if usual.status == reply.status and equality.same_but_nulls(
            usual.at("error.code"), reply.at("error.code")
        ):
            return
    not_found(
        reply,
        request(asked, what),
        intent="" if asked is Ask.READ or after is None else what,
        read=after,
    )


@requirement("PI-11")
def test_other_merchants_intent_is_not_touched(evidence: Evidence, any_state: str) -> None:
    """Another merchant's attempts change nothing about an intent, and its owner still can cancel it."""
    foreign = evidence.ask_about_other_merchants(state=any_state)

    _untouched(foreign, "requests of another merchant about an intent")


@requirement("PI-12")
def test_other_environments_intent_is_not_touched(evidence: Evidence) -> None:
    """Attempts from the other environment change nothing about an intent, and its owner still can cancel it."""
    foreign = evidence.ask_about_other_environments(state="requires_approval")

    _untouched(foreign, "requests with the other environment's credentials about an intent")


def _untouched(foreign: Foreign, what: str) -> None:
    before, after = foreign.before, foreign.after
    if foreign.intent.status == "processing":
        # It may move on by itself, but not to what the others asked for.
        expect.that(
            "cancel" not in str(after.at("status")) and foreign.reason not in after.text,
            expected=f"{what} to have no effect",
            observed=f"{wording.shown(after, 'status')}, {wording.shown(after, 'failure_message')} "
            f"(its owner's GET was answered {summary.of(after)})",
            reply=foreign.replies[Ask.CANCEL],
            hint=_NOT_YOURS,
            fault=f"A processing intent had status {wording.of(after, 'status')} after {what}",
        )
        return
    changed = is_cancelled(after) and not is_cancelled(before)
    expect.that(
        not changed,
        expected=f"{what} to have no effect",
        observed=f"{wording.shown(after, 'status')} (its owner's GET was answered {summary.of(after)})",
        reply=foreign.replies[Ask.CANCEL],
        hint=_NOT_YOURS,
        fault=f"{wording.capital(what)} cancelled it "
        f"(they got {', '.join(dict.fromkeys(str(one.status) for one in foreign.replies.values()))})",
    )
    expect.unchanged(
        before.json,
        after.json,
        KEYS,
        reply=after,
        after_what=what,
        what=f"a {foreign.intent.status} intent",
        hint=_NOT_YOURS,
    )
    if foreign.owners_cancel is not None:
        # It was seen to be as before: what keeps its owner from cancelling it isn't known to be their doing.
        has_succeeded(foreign.owners_cancel, f"its owner's cancel after {what}")


@requirement("PI-11")
@pytest.mark.cancels
@pytest.mark.parametrize("place", ["body", "query"])
def test_other_merchants_id_beside_the_path_reaches_nothing(
    api: PayoutIntents, given: Given, evidence: Evidence, place: str
) -> None:
    """A cancel of one's own intent that names another merchant's neither shows nor touches that one."""
    given.credentials("other_merchant")
    if named_everywhere.takes_no_effect(api, given, evidence):
        return
    intent, theirs = given("requires_approval"), given("requires_approval", owner="other_merchant")
    hint = "Take the id from the path alone, and look the intent up among those of the caller."

    replies: list[Reply] = []
    for names in naming(theirs.id):
        intent, reply = cancel_naming(api, given, intent, place, names)
        came = [reply, read_naming(api, intent, names) if place == "query" else None]
        replies += [one for one in came if one is not None]
        if reply is not None and succeeded(reply):
            break

    read_not_cancelled(
        api.seen(theirs, by="other_merchant"),
        f"an intent not to be cancelled whose id stands in the {place} of another merchant's cancel",
        hint=hint,
        reply=next((one for one in reversed(replies) if one.exchange.method == "POST"), None),
        fault=f"A cancel whose {place} names another merchant's intent cancelled that one",
    )
    shown = next((one for one in replies if succeeded(one) and one.at("id") == theirs.id), None)
    expect.that(
        shown is None,
        expected=f"nothing of another merchant's intent to be shown whose id stands in the {place}",
        observed=f"id is that of the other merchant's intent (the answer was {summary.of(shown)})"
        if shown
        else "",
        reply=shown,
        hint=hint,
        fault=f"A {'GET' if shown is not None and shown.exchange.method == 'GET' else 'cancel'} whose {place} names "
        "another merchant's intent showed that one",
    )


@requirement("PI-13")
@pytest.mark.parametrize("asked", ALIKE, ids=Ask.what)
def test_other_merchants_intent_looks_unknown(evidence: Evidence, any_state: str, asked: Ask) -> None:
    """Another merchant's intent is answered just as an unknown id is."""
    foreign = evidence.ask_about_other_merchants(state=any_state)

    _looks_unknown(evidence, foreign, asked, f"another merchant's {any_state} intent")


@requirement("PI-13")
@pytest.mark.parametrize("asked", ALIKE, ids=Ask.what)
def test_other_environments_intent_looks_unknown(evidence: Evidence, asked: Ask) -> None:
    """An intent of the other environment is answered just as an unknown id is."""
    foreign = evidence.ask_about_other_environments(state="requires_approval")

    _looks_unknown(evidence, foreign, asked, "an intent of the other environment")


def _looks_unknown(evidence: Evidence, foreign: Foreign, asked: Ask, what: str) -> None:
    unknown = evidence.ask_about_unknown_ids()
    theirs, nobodys = foreign.replies[asked], unknown.replies[asked]
    another = unknown.others[Ask.READ if asked is Ask.READ else Ask.CANCEL]
    found = difference(theirs, (nobodys, another), (foreign.intent.id, *unknown.ids))
    expect.that(
        found is None,
        expected=f"{request(asked, what)} to be answered as for an unknown id: {summary.of(nobodys)}",
        observed=f"{found} (the answer was {summary.of(theirs)})",
        reply=theirs,
        hint="Any difference tells others which ids exist.",
        fault=f"{wording.capital(request(asked, what))} was answered otherwise than one of an unknown id: {found}",
    )


@requirement("PI-14")
@pytest.mark.parametrize("asked", [Ask.CANCEL, Ask.READ], ids=Ask.what)
@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_id_is_turned_down(api: PayoutIntents, kind: str, asked: Ask) -> None:
    """A malformed id is refused with a 4xx that says so; a router's redirect or a firewall's 403 may take its place."""
    raw = MALFORMED[kind]
    what = f"a {asked.what()} with {_MALFORMED[kind]} for an id"
    try:
        reply = api.odd(lambda: api.ask_raw(asked, raw), to=what)
    except Violation as fault:
        cause = fault.__cause__
        # A front server may hang up on what is longer than it reads.
        # One of the two may have met something else that was unavailable.
        if len(raw) > LONG and isinstance(cause, TransportError) and cause.kind != "timeout":
            return
        raise
    is_turned_down(reply, raw, to=what, found_code=CONTRACT.answers.refused.code)


@requirement("PI-14")
def test_almost_an_id_reaches_nothing(api: PayoutIntents, given: Given) -> None:
    """An id with something missing, added or hidden doesn't reach the intent that it resembles."""
    intent = given.shared("requires_approval")

    for how, spoil in SPOILT.items():
        if how in NEIGHBOURS and not is_sparse(intent.id):
            continue
        what = f"a cancel of the id of an intent {_SPOILT[how]}"
        reply = api.odd(partial(api.ask_raw, Ask.CANCEL, spoil(segment(intent.id))), to=what)
        no_server_error(reply, to=what)
        not_accepted(
            reply,
            what,
            hint="Take the id as it was sent, decoded once, and compare it as a whole."
            + (_DECODED_FIRST if how == "path_before" else ""),
        )

    api.still_cancels(intent, after="cancels with ids that resembled its own")
