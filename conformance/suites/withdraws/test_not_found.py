"""Ids that name nothing, somebody else's withdraws, and ids that aren't ids."""

import pytest

from conformance import expect
from conformance.errors import NotApplicable, TransportError
from conformance.expect import requirement
from conformance.plugin import Given
from conformance.suites.alike import difference
from conformance.suites.common import no_server_error
from conformance.suites.withdraws.verbs import NOT_FOUND, Withdraws

MALFORMED = {
    "not a UUID": "not-a-uuid",
    "a number": "12345",
    "NUL": "%00",
    "a bad percent escape": "%zz",
    "a path": "..%2f",
    "a quote": "%27%20OR%20%271%27%3D%271",
    "a wildcard": "%25",
    "an emoji": "%F0%9F%92%B8",
    "bad UTF-8": "%ff%fe",
    "10 kB": "a" * 10_000,
}


@requirement("WD-11")
@pytest.mark.parametrize("time", ["first", "second"])
def test_unknown_id_is_not_found(api: Withdraws, time: str) -> None:
    """A UUID that names nothing gets 404 RESOURCE_NOT_FOUND."""
    reply = api.cancel(api.unknown_id())

    expect.answered(reply, NOT_FOUND, to="cancelling a withdraw that doesn't exist")


@requirement("WD-12")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_cannot_be_cancelled(api: Withdraws, given: Given, status: str) -> None:
    """Somebody else's withdraw isn't cancelled, and its owner still can cancel it."""
    withdraw = given(status, owner="other_merchant")

    reply = api.cancel(withdraw)

    expect.that(
        not reply.ok,
        expected=f"cancelling another merchant's {status} withdraw not to succeed",
        observed=expect.shown(reply),
        reply=reply,
        hint="Look withdraws up among those of the caller, not by id alone.",
    )
    if status == "pending" or (status == "processing" and api.declares_cancel_processing):
        api.still_cancels(withdraw, after="another merchant tried to cancel it", by="other_merchant")


@requirement("WD-13")
@pytest.mark.parametrize("status", ["pending", "processing", "paid", "failed", "canceled"])
def test_other_merchants_withdraw_looks_unknown(api: Withdraws, given: Given, status: str) -> None:
    """Somebody else's withdraw is answered as an unknown id is, whatever its state."""
    withdraw, unknown = given.lasting(status, owner="other_merchant"), (api.unknown_id(), api.unknown_id())

    theirs, nobodys = api.cancel(withdraw), [api.cancel(one) for one in unknown]

    found = difference(theirs, nobodys, (withdraw.id, *unknown))
    expect.that(
        theirs.status == 404 and found is None,
        expected=f"the answer for another merchant's {status} withdraw to be that for an unknown id: "
        f"404, as {expect.shown(nobodys[0])}",
        observed=f"{found or 'another status'} ({expect.shown(theirs)})",
        reply=theirs,
        hint="A different answer tells a stranger which ids exist.",
    )


@requirement("WD-13")
@pytest.mark.parametrize("status", ["pending", "canceled"])
def test_other_merchants_withdraw_is_not_read(api: Withdraws, given: Given, status: str) -> None:
    """Where there is a read endpoint, somebody else's withdraw isn't shown there either."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.lasting(status, owner="other_merchant")

    reply = api.read(withdraw)

    expect.that(
        not reply.ok,
        expected=f"another merchant's {status} withdraw not to be shown",
        observed=expect.shown(reply),
        reply=reply,
        hint="Look withdraws up among those of the caller, on reading too.",
    )


@requirement("WD-14")
@pytest.mark.parametrize(
    "raw", [pytest.param(raw, id=name.replace(" ", "_")) for name, raw in MALFORMED.items()]
)
def test_malformed_id_is_refused(api: Withdraws, raw: str) -> None:
    """An id that can't be one gets 400, 404 or 414, never a 5xx."""
    try:
        reply = api.to_raw_id(raw)
    except TransportError as fault:
        # A front server may cut off a request line that is longer than it reads.
        if len(raw) > 8_000 and fault.kind == "reset":
            return
        raise

    no_server_error(reply, to=f"an id like {raw[:24]!r}")
    accepted = (400, 404, 413, 414, 431) if len(raw) > 8_000 else (400, 404, 414)
    expect.that(
        reply.status in accepted,
        expected=f"400, 404 or 414 for an id like {raw[:24]!r}",
        observed=expect.shown(reply),
        reply=reply,
    )


@requirement("WD-14")
@pytest.mark.parametrize(
    "spoilt", ["shortened", "lengthened", "NUL_behind", "wildcard_behind", "path_before"]
)
def test_almost_an_id_cancels_nothing(api: Withdraws, given: Given, spoilt: str) -> None:
    """An id with something missing, added or hidden doesn't reach the withdraw that it resembles."""
    withdraw = given("pending")
    raw = {
        "shortened": withdraw.id[:-1],
        "lengthened": withdraw.id + "0",
        "NUL_behind": withdraw.id + "%00",
        "wildcard_behind": withdraw.id[:-1] + "%25",
        "path_before": "x%2f..%2f" + withdraw.id,
    }[spoilt]

    reply = api.to_raw_id(raw)

    no_server_error(reply, to=f"an id that is {spoilt.replace('_', ' ')}")
    api.still_cancels(withdraw, after=f"a cancel whose id was {spoilt.replace('_', ' ')}")
