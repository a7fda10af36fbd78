"""Clients that disconnect before the answer: the next request shows whether the withdraw is canceled."""

import time

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, hints
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import is_canceled, reads_otherwise, succeeded
from conformance.suites.withdraws.client import Withdraws, about

pytestmark = pytest.mark.waits

# How long a stopped request may hold its lock, and the pause before a retry is sent again.
_LOCK_TIMEOUT_S, _RETRY_PAUSE_S = 3.0, 0.1
# How much of the time that a cancel takes is over when its caller hangs up.
_PARTS = {"at_once": 0.0, "midway": 0.5}
_NO_LOCK = "A handler that is stopped when its caller is gone has to let go of its lock, or to end its work."


def _done(api: Withdraws, given: Given) -> tuple[Resource, float]:
    """A withdraw that was cancelled, and how long its cancel took; what that does is judged elsewhere."""
    for one in api.asked:
        if one.documented and one.by == "primary" and succeeded(one.reply):
            return about(one), one.reply.duration_s
    withdraw = given.used("pending")
    return withdraw, api.cancels(withdraw).duration_s


def _hung_up(api: Withdraws, given: Given, part: str) -> tuple[Resource, Reply, Reply]:
    """The requests after a caller that hung up at a point of its cancel; the checks share their answers."""
    return given.once(("hung up", part), lambda: _hung_up_and_again(api, given, part))


def _hung_up_and_again(api: Withdraws, given: Given, part: str) -> tuple[Resource, Reply, Reply]:
    """A withdraw, the answer to its cancel after a caller that hung up, and what a canceled one gets here.

    The cancel is sent again for some seconds, until it succeeds or is refused as that of a canceled one.
    """
    done, length_s = _done(api, given)
    usual = api.cancel(given.shared("canceled"))
    if succeeded(usual):
        # WD-06 judges that; here one counts that was cancelled before.
        usual = api.cancel(done)
    withdraw = given("pending")
    api.hang_up(withdraw, linger_s=_PARTS[part] * length_s)
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    what = "a cancel of a withdraw whose first caller hung up before it was answered"
    while True:
        reply = api.odd(lambda: api.cancel(withdraw), to=what)
        if succeeded(reply) or _alike(reply, usual) or time.monotonic() > deadline:
            return withdraw, reply, usual
        time.sleep(_RETRY_PAUSE_S)


def _alike(one: Reply, other: Reply) -> bool:
    return (one.status, one.at("error.code")) == (other.status, other.at("error.code"))


@requirement("WD-01")
@pytest.mark.parametrize("part", _PARTS)
def test_caller_that_hung_up_leaves_no_lock(api: Withdraws, given: Given, part: str) -> None:
    """A cancel repeated after a disconnect succeeds, or is refused as that of a canceled one, within seconds."""
    _, reply, usual = _hung_up(api, given, part)

    expect.that(
        succeeded(reply) or _alike(reply, usual),
        expected="a cancel of a pending withdraw to succeed, or to be refused as that of a canceled one, after a "
        "caller that hung up before it was answered",
        observed=f"{summary.of(reply)}, {_LOCK_TIMEOUT_S:g} s afterwards",
        reply=reply,
        hint=hints.by_answer(reply, _NO_LOCK, documented=False),
        fault=f"A cancel was answered {summary.short(reply)}, {_LOCK_TIMEOUT_S:g} s after a caller that hung up before "
        "it was answered",
    )


@requirement("WD-09")
@pytest.mark.parametrize("part", _PARTS)
def test_caller_that_hung_up_leaves_one_state(api: Withdraws, given: Given, part: str) -> None:
    """A cancel repeated after a disconnect leaves one state: a read shows the withdraw canceled."""
    withdraw, reply, usual = _hung_up(api, given, part)
    if not (succeeded(reply) or _alike(reply, usual)):
        raise NotApplicable(
            "a cancel after the disconnect is neither accepted nor refused as usual, which WD-01 judges"
        )

    when = f"after a caller that hung up and another who was answered {summary.short(reply)}"
    if not api.can_read:
        again = api.cancel(withdraw)
        expect.that(
            not succeeded(again),
            expected="a withdraw that was refused as canceled to stay refused",
            reply=again,
            hint=_NO_LOCK,
            fault=f"A pending withdraw was cancelled ({again.status}) {when}",
        )
        return
    read = api.confirmed(withdraw)
    expect.that(
        is_canceled(read),
        expected=f"a pending withdraw to be canceled {when}",
        observed=f"a read shows {expect.observed(read, 'data.status', 'data.canceledAt')}",
        reply=read,
        hint="Write status and dates in one transaction, and answer a second cancel by what was written.",
        fault=reads_otherwise(read, "a pending withdraw", when),
    )
