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
from conformance.suites.payout_intents.bindings import ask_by_name, names_another, reads_another
from conformance.suites.payout_intents.contract import CONTRACT
from conformance.suites.payout_intents.evidence import Evidence
from conformance.suites.payout_intents.pieces import Foreign
from conformance.suites.payout_intents.verbs import (
    KEYS,
    NOT_FOUND,
    PayoutIntents,
    cancel_path,
    is_cancelled,
    read_path,
    succeeded,
)
from conformance.unknown_ids import is_sparse

ASKED = {
    "cancel": "a cancel with a key",
    "cancel_without_a_key": "a cancel without a key",
    "cancel_without_a_reason": "a cancel without a reason",
    "read": "a read",
}
ALIKE = ("cancel", "cancel_without_a_key", "read")
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


def _not_found(reply: Reply, asked: str, what: str) -> None:
    expect.answered(
        reply,
        NOT_FOUND,
        to=f"{asked} of {what}",
        hint="Look intents up among those of the caller's merchant and environment, before looking at their status.",
    )


@requirement("PI-10")
@pytest.mark.parametrize("asked", ASKED)
def test_unknown_id_is_not_found(evidence: Evidence, asked: str) -> None:
    """An id that was never issued gets 404 not_found, from cancel and from GET."""
    try:
        replies = evidence.unknown().replies
    except Violation as fault:
        # Reading ids that were made up, to see that they name nothing, is what this row is about.
        if asked == "read" and fault.reply is not None and fault.reply.ok:
            _not_found(fault.reply, ASKED[asked], "an id that was never issued")
        raise
    _not_found(replies[ASKED[asked]], ASKED[asked], "an id that was never issued")


@requirement("PI-10")
def test_unknown_id_is_not_found_again(evidence: Evidence) -> None:
    """An id that was never issued gets 404 not_found when the same cancel is sent again under its key, too."""
    try:
        reply = evidence.unknown_again()
    except Violation as fault:
        raise NotApplicable(f"the same cancel, sent again, isn't answered: {fault.observed}") from None

    _not_found(reply, "a cancel with that key again", "an id that was never issued")


def _as_unknown(evidence: Evidence, reply: Reply, asked: str) -> bool:
    """Whether a refusal is wrong as that of an unknown id is, which is for PI-10 to judge."""
    if reply.ok or (reply.status == NOT_FOUND.status and reply.at("error.code") == NOT_FOUND.code):
        return False
    usual = evidence.unknown().replies[ASKED[asked]]
    return usual.status == reply.status and equality.same_but_nulls(
        usual.at("error.code"), reply.at("error.code")
    )


@requirement("PI-11")
@pytest.mark.parametrize("asked", ASKED)
def test_matrix_other_merchants_intent_is_not_found(evidence: Evidence, any_state: str, asked: str) -> None:
    """Another merchant's intent gets 404 not_found in every state, from cancel and from GET."""
    foreign = evidence.foreign(any_state)
    if _as_unknown(evidence, foreign.replies[ASKED[asked]], asked):
        return

    _not_found(foreign.replies[ASKED[asked]], ASKED[asked], f"another merchant's {any_state} intent")


@requirement("PI-11")
@pytest.mark.parametrize("asked", ASKED)
def test_other_merchants_intent_is_not_found_once_cancelled(evidence: Evidence, asked: str) -> None:
    """Another merchant's intent gets 404 not_found right after its owner cancelled it, too."""
    late = evidence.foreign("requires_approval").once_cancelled()
    if _as_unknown(evidence, late[ASKED[asked]], asked):
        return

    _not_found(late[ASKED[asked]], ASKED[asked], "an intent that another merchant has just cancelled")


@requirement("PI-11")
def test_other_merchants_intent_is_not_touched(evidence: Evidence, any_state: str) -> None:
    """A stranger's attempts change nothing about an intent, and its owner still can cancel it."""
    _untouched(evidence.foreign(any_state), f"another merchant's attempts at a {any_state} intent")


@requirement("PI-12")
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("when", ["at_first", "once_cancelled", "while_processing"])
def test_other_environments_intent_is_not_found(evidence: Evidence, when: str, asked: str) -> None:
    """An intent of the other environment gets 404 not_found, from cancel and from GET."""
    foreign = evidence.elsewhere("processing" if when == "while_processing" else "requires_approval")
    replies = foreign.once_cancelled() if when == "once_cancelled" else foreign.replies
    if _as_unknown(evidence, replies[ASKED[asked]], asked):
        return

    _not_found(
        replies[ASKED[asked]], ASKED[asked], f"an intent of the other environment ({when.replace('_', ' ')})"
    )


@requirement("PI-12")
def test_other_environments_intent_is_not_touched(evidence: Evidence) -> None:
    """Attempts from the other environment change nothing about an intent, and its owner still can cancel it."""
    _untouched(evidence.elsewhere(), "attempts with the credentials of the other environment")


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
        expect.that(
            succeeded(foreign.twin),
            expected=f"its owner's cancel to work after {what}",
            observed=summary.of(foreign.twin),
            reply=foreign.twin,
            control=True,
        )


@requirement("PI-11")
@pytest.mark.parametrize("place", ["body", "query"])
def test_other_merchants_id_beside_the_path_reaches_nothing(
    api: PayoutIntents, given: Given, place: str
) -> None:
    """Another merchant's intent is neither seen nor touched by a cancel of one's own that names it."""
    given.credentials("other_merchant")
    intent, theirs = given("requires_approval"), given("requires_approval", owner="other_merchant")

    replies: list[Reply] = []
    for names in ask_by_name(theirs.id):
        intent, reply = names_another(api, given, intent, place, names)
        came = [reply, reads_another(api, intent, names) if place == "query" else None]
        replies += [one for one in came if one is not None]
        if reply is not None and succeeded(reply):
            break

    read = api.seen(theirs, by="other_merchant")
    expect.that(
        not is_cancelled(read),
        expected=f"an intent not to be cancelled whose id stands in the {place} of another merchant's cancel",
        observed=f"its owner reads {summary.of(read)}",
        reply=read,
        hint="Take the id from the path alone, and look the intent up among those of the caller.",
    )
    shown = next((one for one in replies if succeeded(one) and one.at("id") == theirs.id), None)
    expect.that(
        shown is None,
        expected=f"nothing of another merchant's intent to be shown whose id stands in the {place}",
        observed=summary.of(shown) if shown else "",
        reply=shown,
        hint="Take the id from the path alone, and look the intent up among those of the caller.",
    )


@requirement("PI-13")
@pytest.mark.parametrize("asked", ALIKE)
def test_other_merchants_intent_looks_unknown(evidence: Evidence, any_state: str, asked: str) -> None:
    """Another merchant's intent is answered just as an unknown id is."""
    _looks_unknown(evidence, evidence.foreign(any_state), asked, f"another merchant's {any_state} intent")


@requirement("PI-13")
@pytest.mark.parametrize("asked", ALIKE)
def test_other_environments_intent_looks_unknown(evidence: Evidence, asked: str) -> None:
    """An intent of the other environment is answered just as an unknown id is."""
    _looks_unknown(evidence, evidence.elsewhere(), asked, "an intent of the other environment")


def _looks_unknown(evidence: Evidence, foreign: Foreign, asked: str, what: str) -> None:
    unknown = evidence.unknown()
    theirs, nobodys = foreign.replies[ASKED[asked]], unknown.replies[ASKED[asked]]
    another = unknown.replies["a read of another one" if asked == "read" else "a cancel of another one"]
    found = difference(theirs, (nobodys, another), (foreign.intent.id, *unknown.ids))
    expect.that(
        found is None,
        expected=f"{ASKED[asked]} of {what} to be answered as for an unknown id: {summary.of(nobodys)}",
        observed=f"{found} ({summary.of(theirs)})",
        reply=theirs,
        hint="Any difference tells a stranger which ids exist.",
    )


@requirement("PI-14")
@pytest.mark.parametrize("asked", ["cancel", "read"])
@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_id_is_turned_down(api: PayoutIntents, kind: str, asked: str) -> None:
    """An id that can't be one gets 400, 404, 414 or 422, never a 5xx."""
    raw = MALFORMED[kind]
    what = f"a {asked} of an id like {raw[:24]!r}"
    # A front server may hang up on what is longer than it reads.
    reply = _answered(lambda: _ask_raw(api, raw, asked), api, what, may_hang_up=len(raw) > LONG)
    if reply is not None:
        is_turned_down(reply, raw, to=what, never=CONTRACT.answers.refused.code)


def _answered(ask: Callable[[], Reply], api: PayoutIntents, what: str, *, may_hang_up: bool) -> Reply | None:
    try:
        return api.odd(ask, to=what)
    except Violation as fault:
        cause = fault.__cause__
        # One of the two may have met something else that was unavailable.
        if may_hang_up and isinstance(cause, TransportError) and cause.kind != "timeout":
            return None
        raise


@requirement("PI-14")
def test_almost_an_id_reaches_nothing(api: PayoutIntents, given: Given) -> None:
    """An id with something missing, added or hidden doesn't reach the intent that it resembles."""
    intent = given("requires_approval")

    for how, spoil in SPOILT.items():
        if how in NEIGHBOURS and not is_sparse(intent.id):
            continue
        what = f"an id like {spoil('<id>')!r}"
        reply = api.odd(partial(_ask_raw, api, spoil(segment(intent.id)), "cancel"), to=what)
        no_server_error(reply, to=what)
        expect.that(
            not reply.ok,
            expected=f"{what} not to be taken for the one that it resembles",
            observed=summary.of(reply),
            reply=reply,
            hint="Take the id as it was sent, decoded once, and compare it as a whole. A front server that decodes %2f "
            "before it resolves the dots in a path does this, too.",
        )

    api.still_cancels(intent, after="cancels with ids that resembled its own")


def _ask_raw(api: PayoutIntents, raw: str, asked: str) -> Reply:
    headers = [(name, value) for name, value in api.documented().items() if value is not None]
    path = read_path("~").replace("~", raw)
    if asked == "read":
        return api.send("GET", path, headers[:1])
    return api.send("POST", cancel_path("~").replace("~", raw), headers, b"{}")
