"""Requests that must be refused each time, sent so often that the exception to the rule is seen."""

from collections.abc import Callable

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect
from conformance.oracles.expect import requirement
from conformance.oracles.repeated import TIMES, repeatedly
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws.assertions import (
    OF_THE_CALLER,
    VERIFY_HINT,
    not_cancelled,
    not_found,
    shows_nothing,
    why,
)
from conformance.suites.withdraws.bad_requests import FAILURES, OLD_TIMESTAMP
from conformance.suites.withdraws.client import Withdraws, about

pytestmark = pytest.mark.last

CASES = {"unknown_key": "an unknown API key", "old_timestamp": "a timestamp of 2001, correctly signed,"}
_EACH_TIME = "Other cancels like it were refused: does each process of the target decide by the same status?"
Repeat = Callable[[Callable[[], Reply], Callable[[Reply], None]], None]


@pytest.fixture
def repeat(api: Withdraws, conformance_session: Session) -> Repeat:
    """Sends a request TIMES times, and has each answer judged."""
    most = conformance_session.profile.limits.concurrency
    return lambda ask, judge: repeatedly(api.client, ask, judge, times=TIMES, most=most)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(status, marks=requirement(requirement_id))
        for status, requirement_id in (("paid", "WD-04"), ("failed", "WD-05"), ("canceled", "WD-06"))
    ],
)
def test_final_state_is_refused_each_time(
    api: Withdraws, given: Given, run_answers: RunAnswers, repeat: Repeat, status: str
) -> None:
    """A withdraw in a final state is refused however often its owner asks to cancel it, four times at once, too."""
    withdraw, kind = given.shared(status), f"a {status} withdraw"

    def is_refused(reply: Reply) -> None:
        not_cancelled(reply, f"a cancel of {kind}", withdraw=kind, hint=_EACH_TIME, read=api.reader(withdraw))

    for one in run_answers.answers():
        if one.documented and about(one).status == status and one.by == about(one).wanted.whose:
            is_refused(one.reply)
    repeat(lambda: api.cancel(withdraw), is_refused)


@requirement("WD-11")
def test_unknown_id_is_not_found_each_time(api: Withdraws, repeat: Repeat) -> None:
    """An unknown id is answered 404 RESOURCE_NOT_FOUND however often one is asked for, four times at once, too."""
    repeat(lambda: api.cancel(api.unknown_id()), _is_unknown)


def _is_unknown(reply: Reply) -> None:
    not_found(reply, "a cancel of an unknown id, one of many,")


@requirement("WD-12")
def test_other_merchants_withdraw_is_refused_each_time(api: Withdraws, given: Given, repeat: Repeat) -> None:
    """Another merchant's withdraw is refused however often it is asked for, right after its owner's reads, too."""
    withdraw, theirs = given.shared("pending", owner="other_merchant"), "another merchant's withdraw"
    if api.can_read:
        # A cache of reads holds the withdraw now.
        api.read_everywhere(withdraw, by="other_merchant")
        theirs = f"{theirs}, which its owner has just read,"

    def is_refused(reply: Reply) -> None:
        not_cancelled(reply, f"a cancel of {theirs}", withdraw=theirs, hint=OF_THE_CALLER)

    repeat(lambda: api.cancel(withdraw), is_refused)
    api.still_cancels(withdraw, after="cancels by another merchant", by="other_merchant")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("unknown_key", marks=requirement("WD-33")),
        pytest.param("old_timestamp", marks=requirement("WD-34")),
    ],
)
def test_bad_request_is_turned_away_each_time(
    api: Withdraws, given: Given, repeat: Repeat, case: str
) -> None:
    """A bad request is never told what its owner is told of a paid withdraw, however often it is sent."""
    withdraw, change = given.shared("paid"), {**FAILURES, **OLD_TIMESTAMP}[case]
    owners = why(api.cancel(withdraw))

    def ask() -> Reply:
        return api.send(withdraw, change(api, api.signed()))

    begun = [ask(), ask()]
    first = next((one for one in begun if why(one) != owners), None)
    if first is None:
        raise NotApplicable("it is each time, which is another requirement's affair")

    def is_turned_away(reply: Reply) -> None:
        what = f"a cancel with {CASES[case]}, one of many,"
        expect.that(
            why(reply) != owners,
            expected=f"{what} to be turned away, as others were: {summary.of(first)}",
            reply=reply,
            hint=VERIFY_HINT,
            fault=f"A cancel with {CASES[case]} got the answer for the owner ({summary.short(reply)}), while others "
            f"were answered {summary.short(first)}",
        )

    for one in begun:
        is_turned_away(one)
    repeat(ask, is_turned_away)


@requirement("WD-12")
def test_unsigned_read_shows_nothing_each_time(api: Withdraws, given: Given, repeat: Repeat) -> None:
    """The declared read endpoint shows nothing to a wrong signature, however often it is asked."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.shared("paid")
    path = api.read_path(withdraw)

    def shows_none(reply: Reply) -> None:
        read = "a read with a wrong signature"
        shows_nothing(reply, withdraw, "a withdraw", read, hint="Verify each request, reads as well.")

    def ask() -> Reply:
        return api.to_path(path, FAILURES["wrong_signature"](api, api.signed()), method="GET")

    repeat(ask, shows_none)
