"""Ids that name nothing, another merchant's withdraws, and ids that aren't ids."""

import pytest

from conformance.errors import NotApplicable, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, wording
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.oracles.lines import LONG
from conformance.oracles.odd_requests import is_turned_down, was_cut_off
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import (
    OF_THE_CALLER,
    REFUSED,
    not_cancelled,
    not_found,
    shows_nothing,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws, quoted
from conformance.suites.withdraws.crashes import no_crash
from conformance.suites.withdraws.kept_decisions import or_by_what_was_read
from conformance.suites.withdraws.titles import cancel_with

_OWNER_FIRST = (
    "It got the refusal for a state: look whose withdraw it is before its status. A different answer tells another "
    "merchant which ids exist."
)
_ECHO_HINT = "What a request brought along may stand in a header only without line breaks and the like."

# A longer id is described, not quoted.
_QUOTED = 60

MALFORMED = {
    "not a UUID": "not-a-uuid",
    "a number": "12345",
    "NUL": "%00",
    "a bad percent escape": "%zz",
    "a path": "..%2fnothing",
    "a quote": "%27%20OR%20%271%27%3D%271",
    "a wildcard": "%25",
    "undefined": "undefined",
    "the name of an object prototype": "constructor",
    "another name of an object prototype": "__proto__",
    "4,000 letters": "a" * 4_000,
    "a UUID without dashes": "660e8400e29b41d4a716446655440001",
    "an emoji": "%F0%9F%92%B8",
    "bad UTF-8": "%ff%fe",
    "10 kB": "a" * 10_000,
}


# UUIDs that name nothing and that some program takes for something else, by what they look like.
LOOKALIKES = {
    "none (nil)": "00000000-0000-0000-0000-000000000000",
    "all ones (max)": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "a number with an exponent": "1e345678-{rest}",
    "a number of digits alone": "12345678-1234-4123-8123-{digits}",
    "a number that begins with zeros": "00000123-{rest}",
    "a number in hex": "0e123456-{rest}",
    "version 1": "{first}-1b21-11ec-8d3d-0242ac130003",
    "version 7": "018f3c5e-{rest7}",
}


@requirement("WD-14")
@pytest.mark.parametrize("case", LOOKALIKES)
def test_uuid_that_looks_like_something_is_turned_down(api: Withdraws, case: str) -> None:
    """A UUID that looks like a number, or like none at all, gets a 4xx as any other, never a 5xx."""
    _, two, three, four, last = (new := api.unknown_id()).split("-")
    digits = str(int(last, 16)).zfill(12)[-12:]
    given = LOOKALIKES[case].format(
        rest=f"{two}-{three}-{four}-{last}",
        digits=digits,
        first=new[:8],
        rest7=f"{two}-7{three[1:]}-{four}-{last}",
    )
    what = f"a cancel of the UUID {given}, which looks like {case},"

    reply = api.cancel(given)

    no_server_error(reply, to=what)
    not_cancelled(reply, what)


@requirement("WD-11")
@pytest.mark.parametrize("time", ["first", "second"])
def test_unknown_id_is_not_found(api: Withdraws, time: str) -> None:
    """A UUID that names nothing gets 404 RESOURCE_NOT_FOUND."""
    unknown = api.unknown_id()
    reply = api.cancel(unknown)
    if time == "second":
        reply = api.cancel(unknown)

    not_found(reply, "a cancel of an unknown UUID" + (", sent a second time," if time == "second" else ""))


@requirement("WD-12")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_cannot_be_cancelled(api: Withdraws, given: Given, status: str) -> None:
    """Another merchant's withdraw isn't cancelled, and its owner still can cancel it."""
    withdraw = (given.shared if status == "pending" else given)(status, owner="other_merchant")
    # A read by its owner may be kept where the other merchant's request finds it.
    api.look(withdraw, by="other_merchant")

    whose = f"another merchant's {status} withdraw"
    replies = [api.cancel(withdraw) for _ in range(2)]
    for reply in replies:
        not_cancelled(
            reply,
            f"a cancel of {whose}",
            withdraw=whose if reply is replies[0] else f"{whose}, asked twice,",
            read=api.reader(withdraw, by="other_merchant"),
        )
    if status == "pending" or (status == "processing" and api.declares_cancel_processing):
        after = "a cancel by another merchant"
        api.still_cancels(withdraw, after=after, by="other_merchant", earlier=replies[-1])


@requirement("WD-12")
def test_other_spelling_opens_nothing(api: Withdraws, given: Given) -> None:
    """Another merchant's withdraw isn't cancelled either when its id is written in capitals."""
    withdraw = given.shared("pending", owner="other_merchant")

    # Where it is cancelled in any spelling, another check tells.
    not_cancelled(api.cancel(withdraw), "a cancel of another merchant's withdraw", control=True)
    reply = api.to_raw_id(quoted(withdraw.id.upper()))

    not_cancelled(
        reply,
        "a cancel of another merchant's withdraw, its id in capitals,",
        withdraw="another merchant's withdraw, its id in capitals,",
        hint="Whose it is has to be looked up with the very id that the withdraw is found by.",
    )
    after = "a cancel by another merchant, the id in capitals,"
    api.still_cancels(withdraw, after=after, by="other_merchant", earlier=reply)


@requirement("WD-12")
def test_no_merchant_cancels_this_ones_withdraw(api: Withdraws, given: Given) -> None:
    """The other merchant cancels no withdraw of the primary merchant."""
    given.credentials("other_merchant")
    withdraw = given.shared("pending")

    reply = api.cancel(withdraw, by="other_merchant")

    not_cancelled(
        reply,
        "a cancel of this merchant's pending withdraw by the other merchant",
        read=api.reader(withdraw),
    )
    api.still_cancels(withdraw, after="a cancel by the other merchant", earlier=reply)


_ORDER = {"own_key_first": "the caller's own first", "other_key_first": "the other merchant's first"}


@requirement("WD-12")
@pytest.mark.parametrize("first", ["own_key_first", "other_key_first"])
def test_second_key_opens_nothing(api: Withdraws, given: Given, first: str) -> None:
    """A request with two X-API-Key headers is authenticated as the merchant that signed it, or refused."""
    withdraw = given.shared("pending", owner="other_merchant")
    headers, other = api.signed(), given.credentials("other_merchant").key
    own = str(headers["X-API-Key"])
    one, two = (own, other) if first == "own_key_first" else (other, own)

    reply = api.send(withdraw, {**headers, "X-API-Key": one}, also=(("X-API-Key", two),))

    not_cancelled(
        reply,
        f"a cancel of another merchant's withdraw with two headers X-API-Key, {_ORDER[first]},",
        withdraw=f"another merchant's withdraw, with two headers X-API-Key ({_ORDER[first]}),",
        hint="Whose withdraw it is has to be decided with the very key whose secret was verified.",
    )
    after = f"a cancel with two headers X-API-Key, {_ORDER[first]},"
    api.still_cancels(withdraw, after=after, by="other_merchant", earlier=reply)


@requirement("WD-13")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_looks_unknown(api: Withdraws, given: Given, status: str) -> None:
    """Another merchant's withdraw is answered as an unknown id is, whatever its state."""
    withdraw, unknown = given.shared(status, owner="other_merchant"), (api.unknown_id(), api.unknown_id())

    theirs, unknowns = api.cancel(withdraw), [api.cancel(one) for one in unknown]

    found = difference(theirs, unknowns, (withdraw.id, *unknown))
    what = f"a cancel of another merchant's {status} withdraw"
    expect.that(
        found is None,
        expected=f"the answer to {what} to be that for an unknown id: {summary.of(unknowns[0])}",
        observed=f"{found} ({summary.of(theirs)})",
        reply=theirs,
        hint=_OWNER_FIRST
        if (theirs.status, theirs.at("error.code")) == (REFUSED.status, REFUSED.code)
        else "A different answer tells another merchant which ids exist.",
        fault=f"{wording.capital(what)} was answered "
        + (
            f"{summary.short(theirs)}, and one of an unknown id {summary.short(unknowns[0])}"
            if summary.short(theirs) != summary.short(unknowns[0])
            else f"{theirs.status} otherwise than one of an unknown id: {found}"
        ),
    )


@requirement("WD-12")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_is_not_read(api: Withdraws, given: Given, status: str) -> None:
    """Where there is a read endpoint, another merchant's withdraw isn't shown there either."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.shared(status, owner="other_merchant")
    # A read by its owner may be kept where the other merchant's request finds it.
    api.look(withdraw, by="other_merchant")

    reply = api.read(withdraw)

    shows_nothing(reply, withdraw, f"another merchant's {status} withdraw", "a read", hint=OF_THE_CALLER)


@requirement("WD-12")
@pytest.mark.parametrize("case", FAILURES)
def test_withdraw_is_not_read_without_a_signature(api: Withdraws, given: Given, case: str) -> None:
    """Where there is a read endpoint, it shows a withdraw only to requests that its merchant signed."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw, read = given.shared("pending"), cancel_with(case, "a read")
    api.look(withdraw)

    def asked(one: Resource) -> Reply:
        return api.to_path(api.read_path(one), FAILURES[case](api, api.signed()), method="GET")

    reply = asked(withdraw)
    try:
        hint = "Reading takes the same authentication as cancelling."
        shows_nothing(reply, withdraw, "a withdraw", read, hint=hint)
    except expect.Violation as fault:
        raise or_by_what_was_read(api, given, asked, fault) from None


@requirement("WD-14")
@pytest.mark.parametrize(
    "raw", [pytest.param(raw, id=name.replace(" ", "_")) for name, raw in MALFORMED.items()]
)
def test_malformed_id_is_refused(api: Withdraws, given: Given, raw: str) -> None:
    """A malformed id is refused with a 4xx that says so; a router's redirect or a firewall's 403 may take its place."""
    # A withdraw that could be found by an id that is taken for a pattern, or for "the latest".
    given.shared("pending")
    what = f"a cancel of the id {raw}" if len(raw) < _QUOTED else f"a cancel of an id of {len(raw):,} letters"
    try:
        reply = api.odd(lambda: api.to_raw_id(raw), to=what)
    except expect.Violation as fault:
        if len(raw) > LONG and was_cut_off(fault):
            return
        raise

    is_turned_down(reply, raw, to=what, found_code=None)


@requirement("WD-14")
def test_line_break_in_an_id_makes_no_header(api: Withdraws) -> None:
    """A line break in an id adds no header to the answer (response splitting)."""
    raw = "%0d%0aX-Injected:%20yes"
    try:
        reply = api.odd(lambda: api.to_raw_id(raw), to="a cancel of an id with a line break in it")
    except expect.Violation as fault:
        broken = fault.__cause__
        if isinstance(broken, TransportError) and broken.kind == "protocol":
            raise expect.Violation(
                expected="an id with a line break in it not to break the head of the answer",
                observed=broken.message,
                hint=_ECHO_HINT,
                fault="An id with a line break in it broke the head of the answer",
            ) from fault
        raise

    no_server_error(reply, to="a cancel of an id with a line break in it")
    expect.that(
        reply.header("X-Injected") is None,
        expected="an id with a line break in it to make no header of the answer",
        observed=f"the header X-Injected: {reply.header('X-Injected')}",
        reply=reply,
        hint=_ECHO_HINT,
        fault="The text behind a line break in an id became a header of the answer, X-Injected",
    )


_SPOILT = {
    "shortened": "an id without its last character",
    "lengthened": "an id with 0 behind it",
    "NUL_behind": "an id with a NUL (%00) behind it",
    "wildcard_behind": "an id with % in place of its last character",
    "path_before": "x%2f..%2f before an id",
}


@requirement("WD-14")
@pytest.mark.parametrize(
    "spoilt", ["shortened", "lengthened", "NUL_behind", "wildcard_behind", "path_before"]
)
def test_almost_an_id_cancels_nothing(api: Withdraws, given: Given, spoilt: str) -> None:
    """An id with something missing, added or hidden doesn't reach the withdraw that it resembles."""
    withdraw = given.shared("pending")
    whole = quoted(withdraw)
    raw = {
        "shortened": whole[:-1],
        "lengthened": whole + "0",
        "NUL_behind": whole + "%00",
        "wildcard_behind": whole[:-1] + "%25",
        "path_before": "x%2f..%2f" + whole,
    }[spoilt]

    what = f"a cancel of {_SPOILT[spoilt]}"
    reply = api.odd(lambda: api.to_raw_id(raw), to=what)

    no_crash(api, reply, what, withdraw)
    not_cancelled(
        reply,
        what,
        hint="Take the id as it was sent, decoded once, and compare it as a whole."
        if spoilt != "path_before"
        else "Decode the id once, and resolve no dots in it. A front server that decodes %2f first does this, too.",
        read=api.reader(withdraw),
    )
    api.still_cancels(withdraw, after=what, earlier=reply)
