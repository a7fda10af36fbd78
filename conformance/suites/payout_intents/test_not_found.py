"""Ids that name nothing, what belongs to others, and ids that aren't ids: nothing is seen or touched."""

from collections.abc import Callable
from functools import partial

import pytest

from conformance.errors import NotApplicable, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.oracles import equality, expect
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.lines import LONG
from conformance.oracles.odd_requests import is_turned_down
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import (
    KEYS,
    NOT_FOUND,
    has_succeeded,
    not_cancelled,
    not_found,
    refused,
    succeeded,
)
from conformance.suites.payout_intents.bad_requests import cancel_naming, naming, read_naming
from conformance.suites.payout_intents.client import Ask, PayoutIntents
from conformance.suites.payout_intents.contract import CONTRACT
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.results import Foreign
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

# Where ids are short or numbers, these may well be somebody else's.
NEIGHBOURS = ("shortened", "lengthened", "wildcard_behind")


@requirement("PI-10")
@pytest.mark.parametrize("asked", ASKED, ids=Ask.what)
def test_unknown_id_is_not_found(evidence: Evidence, asked: Ask) -> None:
    """An id that was never issued gets 404 not_found, from cancel and from GET."""
    what = f"{asked} of an id that was never issued"
    try:
        reply = evidence.ask_about_unknown_ids().replies[asked]
    except Violation as fault:
        # Reading ids that were made up, to see that they name nothing, is what this row is about.
        if asked is Ask.READ and fault.reply is not None and fault.reply.ok:
            not_found(fault.reply, what)
        raise
    not_found(reply, what)


@requirement("PI-10")
def test_unknown_id_is_not_found_again(evidence: Evidence) -> None:
    """An id that was never issued gets 404 not_found when the same cancel is sent again under its key, too."""
    try:
        reply = evidence.cancel_an_unknown_id_twice()
    except Violation as fault:
        raise NotApplicable(f"the same cancel, sent again, isn't answered: {fault.observed}") from None

    not_found(reply, "a cancel with that key again of an id that was never issued")


@requirement("PI-11")
@pytest.mark.parametrize("asked", ASKED, ids=Ask.what)
def test_matrix_other_merchants_intent_is_not_found(evidence: Evidence, any_state: str, asked: Ask) -> None:
    """Another merchant's intent gets 404 not_found in every state, from cancel and from GET."""
    reply = evidence.ask_about_other_merchants(state=any_state).replies[asked]

    _not_found(evidence, reply, asked, f"another merchant's {any_state} intent")


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

    what = f"an intent of the other environment ({when.replace('_', ' ')})"
    _not_found(evidence, replies[asked], asked, what)


def _not_found(evidence: Evidence, reply: Reply, asked: Ask, what: str) -> None:
    """404 not_found; PI-10 judges a refusal that is wrong as that of an unknown id is."""
    if not reply.ok and (reply.status != NOT_FOUND.status or reply.at("error.code") != NOT_FOUND.code):
        usual = evidence.ask_about_unknown_ids().replies[asked]
        if usual.status == reply.status and equality.same_but_nulls(
            usual.at("error.code"), reply.at("error.code")
        ):
            return
    not_found(reply, f"{asked} of {what}")


@requirement("PI-11")
def test_other_merchants_intent_is_not_touched(evidence: Evidence, any_state: str) -> None:
    """A stranger's attempts change nothing about an intent, and its owner still can cancel it."""
    foreign = evidence.ask_about_other_merchants(state=any_state)

    _untouched(foreign, f"another merchant's attempts at a {any_state} intent")


@requirement("PI-12")
def test_other_environments_intent_is_not_touched(evidence: Evidence) -> None:
    """Attempts from the other environment change nothing about an intent, and its owner still can cancel it."""
    foreign = evidence.ask_about_other_environments(state="requires_approval")

    _untouched(foreign, "attempts with the credentials of the other environment")


def _untouched(foreign: Foreign, what: str) -> None:
    before, after = foreign.before, foreign.after
    if foreign.intent.status == "processing":
        # It may move on by itself, but not to what the stranger asked for.
        expect.that(
            "cancel" not in str(after.at("status")) and foreign.reason not in after.text,
            expected=f"{what} to have no effect",
            observed=f"its owner reads {summary.of(after)}",
            reply=after,
        )
        return
    expect.unchanged(before.json, after.json, KEYS, reply=after, after_what=what)
    if foreign.twin is not None:
        # It was seen to be as before: what keeps its owner from cancelling it isn't known to be their doing.
        has_succeeded(foreign.twin, f"its owner's cancel after {what}")


@requirement("PI-11")
@pytest.mark.parametrize("place", ["body", "query"])
def test_other_merchants_id_beside_the_path_reaches_nothing(
    api: PayoutIntents, given: Given, place: str
) -> None:
    """A cancel of one's own intent that names another merchant's neither shows nor touches that one."""
    given.credentials("other_merchant")
    intent, theirs = given("requires_approval"), given("requires_approval", owner="other_merchant")
    hint = "Take the id from the path alone, and look the intent up among those of the caller."

    replies: list[Reply] = []
    for names in naming(theirs.id):
        intent, reply = cancel_naming(api, given, intent, place, names)
        came = [reply, read_naming(api, intent, names) if place == "query" else None]
        replies += [one for one in came if one is not None]
        if reply is not None and succeeded(reply):
            break

    not_cancelled(
        api.seen(theirs, by="other_merchant"),
        f"an intent not to be cancelled whose id stands in the {place} of another merchant's cancel",
        hint=hint,
    )
    shown = next((one for one in replies if succeeded(one) and one.at("id") == theirs.id), None)
    expect.that(
        shown is None,
        expected=f"nothing of another merchant's intent to be shown whose id stands in the {place}",
        observed=summary.of(shown) if shown else "",
        reply=shown,
        hint=hint,
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
        expected=f"{asked} of {what} to be answered as for an unknown id: {summary.of(nobodys)}",
        observed=f"{found} ({summary.of(theirs)})",
        reply=theirs,
        hint="Any difference tells a stranger which ids exist.",
    )


@requirement("PI-14")
@pytest.mark.parametrize("asked", [Ask.CANCEL, Ask.READ], ids=Ask.what)
@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_id_is_turned_down(api: PayoutIntents, kind: str, asked: Ask) -> None:
    """An id that can't be one gets 400, 404, 414 or 422, never a 5xx."""
    raw = MALFORMED[kind]
    what = f"a {asked.what()} of an id like {raw[:24]!r}"
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
    intent = given("requires_approval")

    for how, spoil in SPOILT.items():
        if how in NEIGHBOURS and not is_sparse(intent.id):
            continue
        what = f"a cancel of an id like {spoil('<id>')!r}, which resembles that of an intent,"
        reply = api.odd(partial(api.ask_raw, Ask.CANCEL, spoil(segment(intent.id))), to=what)
        no_server_error(reply, to=what)
        refused(
            reply,
            what,
            hint="Take the id as it was sent, decoded once, and compare it as a whole. A front server that decodes %2f "
            "before it resolves the dots in a path does this, too.",
        )

    api.still_cancels(intent, after="cancels with ids that resembled its own")
