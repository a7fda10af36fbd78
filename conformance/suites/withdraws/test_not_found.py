"""Ids that name nothing, another merchant's withdraws, and ids that aren't ids."""

import pytest

from conformance.errors import NotApplicable, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.oracles.lines import LONG
from conformance.oracles.odd_requests import is_turned_down, was_cut_off
from conformance.plugin import Given
from conformance.suites.withdraws.assertions import data, not_cancelled, not_found, told
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws, quoted

_ECHO_HINT = "What a request brought along may stand in a header only without line breaks and the like."

MALFORMED = {
    "not a UUID": "not-a-uuid",
    "a number": "12345",
    "NUL": "%00",
    "a bad percent escape": "%zz",
    "a path": "..%2fnothing",
    "a quote": "%27%20OR%20%271%27%3D%271",
    "a wildcard": "%25",
    "undefined": "undefined",
    "a UUID without dashes": "660e8400e29b41d4a716446655440001",
    "an emoji": "%F0%9F%92%B8",
    "bad UTF-8": "%ff%fe",
    "10 kB": "a" * 10_000,
}


@requirement("WD-11")
@pytest.mark.parametrize("time", ["first", "second"])
def test_unknown_id_is_not_found(api: Withdraws, time: str) -> None:
    """A UUID that names nothing gets 404 RESOURCE_NOT_FOUND."""
    unknown = api.unknown_id()
    reply = api.cancel(unknown)
    if time == "second":
        reply = api.cancel(unknown)

    not_found(reply, f"cancelling a withdraw that doesn't exist, for the {time} time")


@requirement("WD-12")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_cannot_be_cancelled(api: Withdraws, given: Given, status: str) -> None:
    """Another merchant's withdraw isn't cancelled, and its owner still can cancel it."""
    withdraw = given(status, owner="other_merchant")
    # A read by its owner may be kept where the other merchant's request finds it.
    api.look(withdraw, by="other_merchant")

    for time in ("the first time", "the second time"):
        reply = api.cancel(withdraw)
        not_cancelled(
            reply,
            f"another merchant's {status} withdraw, {time},",
            hint="Look withdraws up among those of the caller, not by id alone.",
        )
    if status == "pending" or (status == "processing" and api.declares_cancel_processing):
        api.still_cancels(withdraw, after="another merchant tried to cancel it", by="other_merchant")


@requirement("WD-12")
def test_other_spelling_opens_nothing(api: Withdraws, given: Given) -> None:
    """Another merchant's withdraw isn't cancelled either when its id is written in capitals."""
    withdraw = given("pending", owner="other_merchant")

    reply = api.to_raw_id(quoted(withdraw.id.upper()))

    not_cancelled(
        reply,
        "another merchant's withdraw, its id in capitals,",
        hint="Whose it is has to be looked up with the very id that the withdraw is found by.",
    )
    api.still_cancels(withdraw, after="another merchant tried it in capitals", by="other_merchant")


@requirement("WD-12")
def test_no_merchant_cancels_this_ones_withdraw(api: Withdraws, given: Given) -> None:
    """The other way round, too: another merchant doesn't cancel what is this one's."""
    given.credentials("other_merchant")
    withdraw = given("pending")

    reply = api.cancel(withdraw, by="other_merchant")

    not_cancelled(
        reply,
        "this merchant's withdraw, by the other merchant,",
        hint="Look withdraws up among those of the caller.",
    )
    api.still_cancels(withdraw, after="the other merchant tried to cancel it")


@requirement("WD-12")
@pytest.mark.parametrize("first", ["own_key_first", "other_key_first"])
def test_second_key_opens_nothing(api: Withdraws, given: Given, first: str) -> None:
    """A request with another merchant's key beside the own one is let in as the own merchant's, or not at all."""
    withdraw = given("pending", owner="other_merchant")
    headers, other = api.signed(), given.credentials("other_merchant").key
    own = str(headers["X-API-Key"])
    one, two = (own, other) if first == "own_key_first" else (other, own)

    reply = api.send(withdraw, {**headers, "X-API-Key": one}, also=(("X-API-Key", two),))

    not_cancelled(
        reply,
        "another merchant's withdraw, by a request with two API keys,",
        hint="Whose withdraw it is has to be decided with the very key whose secret was verified.",
    )
    api.still_cancels(withdraw, after="a request with two API keys", by="other_merchant")


@requirement("WD-13")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_looks_unknown(api: Withdraws, given: Given, status: str) -> None:
    """Another merchant's withdraw is answered as an unknown id is, whatever its state."""
    withdraw, unknown = given.shared(status, owner="other_merchant"), (api.unknown_id(), api.unknown_id())

    theirs, unknowns = api.cancel(withdraw), [api.cancel(one) for one in unknown]

    found = difference(theirs, unknowns, (withdraw.id, *unknown))
    expect.that(
        found is None,
        expected=f"the answer for another merchant's {status} withdraw to be that for an unknown id: "
        f"{summary.of(unknowns[0])}",
        observed=f"{found} ({summary.of(theirs)})",
        reply=theirs,
        hint="A different answer tells a stranger which ids exist.",
    )


@requirement("WD-12")
@pytest.mark.parametrize("status", ["pending", "paid", "canceled"])
def test_other_merchants_withdraw_is_not_read(api: Withdraws, given: Given, status: str) -> None:
    """Where there is a read endpoint, another merchant's withdraw isn't shown there either."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.shared(status, owner="other_merchant")
    # A read by its owner may be kept where the other merchant's request finds it.
    api.look(withdraw, by="other_merchant")

    reply = api.read(withdraw)

    _shows_nothing(reply, f"another merchant's {status} withdraw")


@requirement("WD-12")
@pytest.mark.parametrize("case", FAILURES)
def test_withdraw_is_not_read_without_a_signature(api: Withdraws, given: Given, case: str) -> None:
    """Where there is a read endpoint, it shows a withdraw only to requests that its merchant signed."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.shared("pending")
    api.look(withdraw)

    reply = api.to_path(api.read_path(withdraw), FAILURES[case](api, api.signed()), method="GET")

    _shows_nothing(reply, f"a withdraw, to a read with {case.replace('_', ' ')},")


def _shows_nothing(reply: Reply, what: str) -> None:
    expect.that(
        not (reply.ok and (data(reply) or told(reply, "id"))),
        expected=f"{what} not to be shown",
        reply=reply,
        hint="Reading takes the same authentication as cancelling, and looks among the caller's withdraws only.",
    )


@requirement("WD-14")
@pytest.mark.parametrize(
    "raw", [pytest.param(raw, id=name.replace(" ", "_")) for name, raw in MALFORMED.items()]
)
def test_malformed_id_is_refused(api: Withdraws, given: Given, raw: str) -> None:
    """An id that can't be one gets 400, 404, 414 or 422, never a 5xx."""
    # A withdraw that could be found by an id that is taken for a pattern, or for "the latest".
    given.shared("pending")
    what = f"an id like {raw[:24]!r}"
    try:
        reply = api.odd(lambda: api.to_raw_id(raw), to=what)
    except expect.Violation as fault:
        if len(raw) > LONG and was_cut_off(fault):
            return
        raise

    is_turned_down(reply, raw, to=what, found_code=None)


@requirement("WD-14")
def test_line_break_in_an_id_makes_no_header(api: Withdraws) -> None:
    """An id with a line break in it doesn't break the head of the answer."""
    raw = "%0d%0aX-Injected:%20yes"
    try:
        reply = api.odd(lambda: api.to_raw_id(raw), to="an id with a line break in it")
    except expect.Violation as fault:
        broken = fault.__cause__
        if isinstance(broken, TransportError) and broken.kind == "protocol":
            raise expect.Violation(
                expected="an id with a line break in it not to break the head of the answer",
                observed=broken.message,
                hint=_ECHO_HINT,
            ) from fault
        raise

    no_server_error(reply, to="an id with a line break in it")
    expect.that(
        reply.header("X-Injected") is None,
        expected="an id with a line break in it to make no header of the answer",
        observed=f"the header X-Injected: {reply.header('X-Injected')}",
        reply=reply,
        hint=_ECHO_HINT,
    )


@requirement("WD-14")
@pytest.mark.parametrize(
    "spoilt", ["shortened", "lengthened", "NUL_behind", "wildcard_behind", "path_before"]
)
def test_almost_an_id_cancels_nothing(api: Withdraws, given: Given, spoilt: str) -> None:
    """An id with something missing, added or hidden doesn't reach the withdraw that it resembles."""
    withdraw = given("pending")
    whole = quoted(withdraw)
    raw = {
        "shortened": whole[:-1],
        "lengthened": whole + "0",
        "NUL_behind": whole + "%00",
        "wildcard_behind": whole[:-1] + "%25",
        "path_before": "x%2f..%2f" + whole,
    }[spoilt]

    what = (
        f"an id like {raw.replace(whole, '<id>')!r}"
        if whole in raw
        else f"an id that is {spoilt.replace('_', ' ')}"
    )
    reply = api.odd(lambda: api.to_raw_id(raw), to=what)

    no_server_error(reply, to=what)
    not_cancelled(
        reply,
        f"the withdraw that {what} resembles",
        hint="Take the id as it was sent, decoded once, and compare it as a whole. A front server that decodes %2f "
        "before it resolves the dots in a path does this, too.",
    )
    api.still_cancels(withdraw, after=f"a cancel of {what}")
