"""Authentication right after a request that was let in: nothing of it serves for the next request.

A decision may be kept by key, timestamp, path, connection or session; each check sends a good request first, then one
that resembles it and isn't signed as it should be.
"""

from collections.abc import Callable

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, wording
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.withdraws.assertions import (
    OF_THE_CALLER,
    not_accepted,
    not_cancelled,
    shows_nothing,
    succeeded,
)
from conformance.suites.withdraws.attempts import had_no_effect
from conformance.suites.withdraws.bad_requests import FAILURES, Headers
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.good_cancels import GoodCancels
from conformance.suites.withdraws.observations import cancelled_by_another
from conformance.suites.withdraws.titles import cancel_with

_KEPT = (
    "Is access remembered from the request before? Remember it for the same key, timestamp, signature and id only, and "
    "only where it was granted."
)
_REQUIREMENTS = {
    "no_credentials": "WD-31",
    "no_signature": "WD-31",
    "wrong_signature": "WD-32",
    "unknown_key": "WD-33",
}
FAILING = [
    pytest.param(case, marks=requirement(requirement_id), id=case)
    for case, requirement_id in _REQUIREMENTS.items()
]


@pytest.mark.parametrize("case", FAILING)
def test_owners_read_opens_no_cancel(api: Withdraws, given: Given, case: str) -> None:
    """A withdraw that its owner has just read isn't cancelled without the right signature."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.shared("pending")
    api.look(withdraw)

    reply = api.send(withdraw, FAILURES[case](api, api.signed()))

    what = f"{cancel_with(case)}, right after the owner read the withdraw,"
    had_no_effect(api, withdraw, reply, what, hint=_KEPT)


@pytest.mark.parametrize("case", FAILING)
def test_owners_cancel_opens_no_other(api: Withdraws, given: Given, good: GoodCancels, case: str) -> None:
    """Right after a good cancel, one of another withdraw isn't let in without the right signature."""
    withdraw = given.shared("pending")
    good.just_now()

    reply = api.send(withdraw, FAILURES[case](api, api.signed()))

    what = f"{cancel_with(case)}, right after a good one of another withdraw,"
    had_no_effect(api, withdraw, reply, what, hint=_KEPT)


# The headers of a good cancel, made wrong in one of them, and what is sent then in words.
_RESEMBLING: dict[str, tuple[Callable[[Withdraws, Headers], Headers], str]] = {
    "signed_anew": (
        lambda api, h: api.signed(secret=api.secret() + "x", timestamp=h["X-Timestamp"]),
        "the key and timestamp of a good one, signed with another secret,",
    ),
    "a_digit_changed": (
        lambda api, h: {**h, "X-Signature": f"sha256={_flipped(str(h['X-Signature'])[7:])}"},
        "the headers of a good one, but for a digit of the signature,",
    ),
    "without_signature": (
        lambda api, h: {**h, "X-Signature": None},
        "the headers of a good one, but without X-Signature,",
    ),
}


def _flipped(digits: str) -> str:
    return ("0" if digits[0] != "0" else "1") + digits[1:]


@requirement("WD-32")
@pytest.mark.parametrize("which", ["same", "other"])
@pytest.mark.parametrize("case", _RESEMBLING)
def test_good_requests_headers_are_verified_again(
    api: Withdraws, given: Given, good: GoodCancels, case: str, which: str
) -> None:
    """Key and timestamp of a good cancel don't make another signature good, for the same withdraw or another."""
    change, words = _RESEMBLING[case]
    first = good.shared()
    withdraw = first.withdraw if which == "same" else given.shared("pending")

    reply = api.send(withdraw, change(api, first.headers))

    what = f"a cancel of {'the same' if which == 'same' else 'another'} withdraw with {words}"
    if which == "same":
        not_accepted(reply, what, hint=_KEPT)
    else:
        had_no_effect(api, withdraw, reply, what, hint=_KEPT)


@requirement("WD-37")
@pytest.mark.parametrize("case", FAILURES)
def test_failed_authentication_tells_nothing_of_a_cancel(
    api: Withdraws, good: GoodCancels, case: str
) -> None:
    """Right after the owner's cancel, failing credentials are answered as they are elsewhere, not by its state."""
    cold = api.send(api.unknown_id(), FAILURES[case](api, api.signed()))
    withdraw = good.just_now().withdraw

    reply = api.send(withdraw, FAILURES[case](api, api.signed()))

    if succeeded(reply):
        raise NotApplicable("it was accepted, which is another requirement's affair")
    told = summary.short(reply) == summary.short(cold)
    what = f"{cancel_with(case)}, right after the owner had cancelled the withdraw,"
    expect.that(
        told,
        expected=f"{what} to be answered {summary.short(cold)}, as for an unknown withdraw",
        observed=f"status {reply.status}, error.code {wording.of(reply, 'error.code')} "
        f"(the answer was {summary.of(reply)})",
        reply=reply,
        hint=_KEPT,
        fault=f"{wording.capital(what)} was answered {summary.short(reply)} instead of {summary.short(cold)}",
    )


@requirement("WD-12")
@pytest.mark.cancels
def test_owners_cancel_is_not_answered_to_another_merchant(api: Withdraws, given: Given) -> None:
    """A withdraw that its owner has just cancelled is neither cancelled by another merchant, nor shown to it."""
    seen = cancelled_by_another(api, given)
    reply, withdraw = seen.stranger, seen.withdraw

    what = "a cancel by another merchant, right after the owner had cancelled the withdraw,"
    not_cancelled(
        reply, what, hint="Whatever is kept of an answer has to be kept for its own merchant alone."
    )
    shows_nothing(reply, withdraw, "another merchant's withdraw", what, hint=OF_THE_CALLER)


@requirement("WD-12")
@pytest.mark.parametrize("case", FAILURES)
def test_refused_cancel_opens_no_read(api: Withdraws, given: Given, case: str) -> None:
    """Where there is a read endpoint, a refused cancel doesn't open it to the next request without credentials."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.shared("pending")
    api.send(withdraw, FAILURES[case](api, api.signed()))

    reply = api.to_path(api.read_path(withdraw), FAILURES[case](api, api.signed()), method="GET")

    read = f"{cancel_with(case, 'a read')}, right after a refused cancel,"
    shows_nothing(reply, withdraw, "a withdraw", read, hint=_KEPT)


@requirement("WD-31")
def test_session_replaces_no_signature(api: Withdraws, given: Given, good: GoodCancels) -> None:
    """A cookie that came with a good answer doesn't stand in for the three headers."""
    cookies = "; ".join(_pairs(good.shared().reply))
    withdraw = given.shared("pending")

    reply = api.send(withdraw, {"Cookie": cookies or "session=1"})

    what = (
        "a cancel with nothing but the cookie of a good answer" if cookies else "a cancel with a cookie alone"
    )
    had_no_effect(api, withdraw, reply, what, hint="Keep no session: each request is signed for itself.")


def _pairs(reply: Reply) -> list[str]:
    return [value.split(";")[0].strip() for name, value in reply.headers if name.lower() == "set-cookie"]
