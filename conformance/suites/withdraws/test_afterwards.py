"""What the other checks leave behind: looked at again in the end, when it has had some time to come undone.

A run in several processes looks back on what the process did that comes to this last; only what was cancelled is looked
at for all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply, strings
from conformance.oracles import disclosure, expect
from conformance.oracles.every_response import hides_account, is_json
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.keys import lacking
from conformance.plugin import Given
from conformance.session import Session
from conformance.states.accounts import account_numbers
from conformance.suites.withdraws.assertions import data, is_canceled, succeeded, told, why
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Asked, Withdraws
from conformance.suites.withdraws.fields import (
    FACTS,
    differs,
)
from conformance.watch import of_each_kind

pytestmark = pytest.mark.last

# So many are looked at again, of each kind (state, owner) in turn, the oldest first.
_CANCELLED, _REFUSED = 12, 6
# Successes are all made by the same few lines, and there are many.
_SUCCESSES = 24
# Shorter ones may stand in an answer by chance.
_LONG_ENOUGH = 8
_BLANKS = str.maketrans("", "", " -")


def _some(asked: Sequence[Asked], most: int) -> list[Asked]:
    """The first of each withdraw, and of these a few of each kind."""
    firsts = {one.withdraw.id: one for one in reversed(asked)}
    kinds: dict[tuple[str, str | None], list[Asked]] = {}
    for one in sorted(firsts.values(), key=lambda each: each.reply.finished):
        kinds.setdefault((one.withdraw.status, one.withdraw.wanted.owner), []).append(one)
    in_turn = [one for turn in zip_longest(*kinds.values()) for one in turn if one is not None]
    return in_turn[:most]


def _by_owner(api: Withdraws) -> list[Asked]:
    """The documented cancels that owners asked for."""
    return [
        one
        for one in api.asked
        if one.documented
        and one.by == (one.withdraw.wanted.owner or "primary")
        and one.withdraw.id not in api.settled
    ]


@requirement("WD-09")
@pytest.mark.watch
def test_cancelled_withdraws_stay_canceled(
    api: Withdraws, given: Given, conformance_session: Session
) -> None:
    """What was cancelled in the course of the run is canceled still, some seconds after the last cancel."""
    watch = conformance_session.watch
    found = watch.due()
    if not found:
        api.cancels(given("pending"))
        found = watch.due()
    for one in of_each_kind(found, _CANCELLED):
        reply = api.confirmed(one.id, by=one.by) if api.can_read else api.cancel(one.id, by=one.by)
        if not api.can_read:
            expect.that(
                not succeeded(reply),
                expected=f"a withdraw that was {one.status} not to be cancelled once more {one.age()}",
                observed=summary.of(reply),
                reply=reply,
                hint=_UNDONE,
            )
            continue
        paid = told(reply, "data.paidAt") and not one.told["paid"]
        expect.that(
            is_canceled(reply) and not paid,
            expected=f"a withdraw that was {one.status} to be canceled still, and unpaid, {one.age()}",
            observed=f"reading it shows {summary.of(reply)}",
            reply=reply,
            hint=_UNDONE,
        )


@requirement("WD-42")
def test_long_canceled_withdraw_is_never_paid(api: Withdraws, given: Given) -> None:
    """What was cancelled first in the run isn't paid, though the target tries to in the end."""
    cancelled = [one for one in _by_owner(api) if succeeded(one.reply)]
    withdraw, by = (cancelled[0].withdraw, cancelled[0].by) if cancelled else (given("pending"), "primary")
    if not cancelled:
        api.cancels(withdraw)
    before = api.seen_canceled(withdraw, by=by)
    refusal = api.cancel(withdraw, by=by)
    if succeeded(refusal):
        raise NotApplicable("it isn't canceled any more, which is another requirement's affair")

    given.settle(withdraw)
    api.will_settle(withdraw)

    again = api.cancel(withdraw, by=by)
    expect.that(
        why(again) == why(refusal),
        expected="a withdraw canceled some time ago to be refused as before after an attempt to settle it",
        observed=f"before {summary.of(refusal)}, after {summary.of(again)}",
        reply=again,
        hint="The payment has to look at the status, however long ago it changed.",
    )
    if before is not None:
        read = api.confirmed(withdraw, by=by)
        expect.that(
            is_canceled(read) and not _paid_since(before, read),
            expected="a withdraw canceled some time ago to be canceled and unpaid after an attempt to settle it",
            observed=summary.of(read),
            reply=read,
        )


@requirement("WD-42")
def test_canceled_withdraws_are_not_paid_later(
    api: Withdraws, given: Given, conformance_session: Session
) -> None:
    """A settlement that was asked for earlier doesn't catch up with a canceled withdraw in the end."""

    def canceled() -> list[Asked]:
        return [
            one
            for one in api.asked
            if one.withdraw.id in api.settled
            and one.documented
            and (succeeded(one.reply) or one.withdraw.status == "canceled")
        ]

    if not canceled():
        withdraw = given("canceled")
        api.cancel(withdraw)
        given.settle(withdraw)
        api.will_settle(withdraw)

    for one in _some(canceled(), _REFUSED):
        conformance_session.recorder.cite([one.reply.exchange])
        if not api.can_read:
            again = api.cancel(one.withdraw, by=one.by)
            expect.that(
                not succeeded(again) and (succeeded(one.reply) or why(again) == why(one.reply)),
                expected="a canceled withdraw to be refused as before, long after an attempt to settle it",
                observed=f"before {summary.of(one.reply)}, after {summary.of(again)}",
                reply=again,
                hint=_QUEUED,
            )
            continue
        read = api.confirmed(one.withdraw, by=one.by)
        expect.that(
            is_canceled(read) and not _paid_since(one.reply, read),
            expected="a canceled withdraw to be canceled still, and unpaid, long after an attempt to settle it",
            observed=f"reading it shows {summary.of(read)}",
            reply=read,
            hint=_QUEUED,
        )


def _paid_since(before: Reply, read: Reply) -> bool:
    """Whether a read says when a withdraw was paid, and an answer before didn't: that one has is for WD-18 to judge."""
    return bool(told(read, "data.paidAt")) and not told(before, "data.paidAt")


_QUEUED = "A job that was queued for a payout has to look at its status when it runs."
_UNDONE = "Something writes an older copy of the withdraw back later: a job, a cache, a provider's callback?"


@requirement("WD-10")
def test_refused_withdraws_stay_as_they_were(api: Withdraws, given: Given) -> None:
    """What was refused in the course of the run is refused in the end for the same reason."""
    for status in ("paid", "failed", "canceled"):
        if not any(one.withdraw.status == status for one in _by_owner(api)):
            api.cancel(given.lasting(status))
    refused = [one for one in _by_owner(api) if one.withdraw.status in ("paid", "failed", "canceled")]
    for one in _some([each for each in refused if not succeeded(each.reply)], _REFUSED):
        again = api.cancel(one.withdraw, by=one.by)
        if why(again) != why(one.reply):
            raise Violation(
                expected=f"a {one.withdraw.status} withdraw to be refused as "
                f"{again.written - one.reply.finished:.1f} s before: {summary.of(one.reply)}",
                observed=summary.of(again),
                reply=again,
                hint="What is refused must not be put into a queue, nor be marked for later.",
            )


@requirement("WD-10")
def test_turned_away_requests_have_no_late_effect(api: Withdraws, given: Given) -> None:
    """What only strangers and unsigned requests asked to cancel, its owner can cancel in the end."""
    withdraw = given.lasting("pending")
    if all(one.withdraw != withdraw for one in api.asked):
        for case in FAILURES.values():
            api.send(withdraw, case(api, api.signed()))
    cancelled = {one.withdraw.id for one in api.asked if succeeded(one.reply)}
    touched = api.settled | api.unsure | cancelled | {one.withdraw.id for one in _by_owner(api)}
    pending = [one for one in api.asked if one.withdraw.status == "pending"]
    for one in _some([each for each in pending if each.withdraw.id not in touched], _REFUSED):
        owner = one.withdraw.wanted.owner
        whose = "a stranger's attempts to cancel it" if owner else "requests that its owner didn't sign"
        api.still_cancels(
            one.withdraw, after=whose, by=owner or "primary", unless=partial(_went_on, api, given, one)
        )


def _went_on(api: Withdraws, given: Given, one: Asked, refusal: Reply) -> bool:
    """Whether a withdraw is refused because it was paid by and by, as pending ones are: nobody cancelled it."""
    if api.can_read:
        by = one.withdraw.wanted.owner or "primary"
        return api.read(one.withdraw, by=by).at("data.status") in ("processing", "paid", "failed")
    further = ("paid", "processing") if api.declares_cancel_processing is False else ("paid",)
    try:
        told = [why(api.cancel(given.lasting(status))) for status in further]
        canceled = why(api.cancel(given.lasting("canceled")))
    except NotTestable:
        return False
    return why(refusal) in told and why(refusal) != canceled


@requirement("WD-16")
def test_every_success_has_all_keys(all_successes: Callable[..., None]) -> None:
    """Each success of the run has the documented keys that have a value, whichever process of the target made it."""

    def whole(one: Asked) -> None:
        shown = data(one.reply)
        missing = [key for key in lacking("withdraws", shown, one.withdraw.facts).valued if key != "status"]
        expect.that(
            not shown or not missing,
            expected=f"all documented keys that have a value in the answer to {one.what()}",
            observed=f"{', '.join(missing)} missing",
            reply=one.reply,
            hint="Do all of the target's processes run the same version?",
        )

    all_successes(whole)


@requirement("WD-23")
def test_every_success_tells_what_was_known(all_successes: Callable[..., None]) -> None:
    """Each success of the run tells of its withdraw what the state provider told: one may be special in some way."""

    def known(one: Asked) -> None:
        shown, facts = data(one.reply), one.withdraw.facts
        wrong = [
            key
            for key in ("amount", *FACTS)
            if key in facts and differs(key, facts[key], shown.get(key, MISSING))
        ]
        expect.that(
            not wrong,
            expected=f"the answer to {one.what()} to tell what was known of it before",
            observed="; ".join(f"{key} was {facts[key]!r} and is {shown.get(key)!r}" for key in wrong),
            reply=one.reply,
        )

    all_successes(known)


@requirement("WD-21")
def test_account_numbers_are_in_no_answer(api: Withdraws, all_answers: Callable[..., None]) -> None:
    """No answer of the run shows the full account number of the withdraw that it is about."""
    if not any(account_numbers(one.withdraw.facts) for one in api.asked):
        raise NotApplicable("the state provider doesn't tell the account number")

    def hidden(one: Asked) -> None:
        bare = "\n".join(_texts(one.reply)).translate(_BLANKS)
        if any(number.translate(_BLANKS) in bare for number in account_numbers(one.withdraw.facts)):
            hides_account(one.reply, one.withdraw.facts, to=one.what())

    all_answers(hidden)


@requirement("WD-27")
def test_documented_requests_are_answered_in_json(all_answers: Callable[..., None]) -> None:
    """Every answer to a documented request is JSON and says so, whichever withdraw it is about."""
    all_answers(lambda one: is_json(one.reply, to=one.what()) if one.documented else None)


@requirement("WD-28")
def test_no_answer_shows_insides(api: Withdraws, all_answers: Callable[..., None]) -> None:
    """No answer of the run shows a stack trace, SQL or a file path."""
    passed_over = {id(one) for one in [one for one in api.asked if one.reply.ok][_SUCCESSES:]}

    def closed(one: Asked) -> None:
        if id(one) in passed_over:
            return
        # A merchant may have described a withdraw with anything.
        known = "\n".join(strings(dict(one.withdraw.facts)))
        found = disclosure.disclosed_by(one.reply, known=known, pages=one.documented)
        expect.that(
            found is None,
            expected=f"an answer to {one.what()} that shows nothing of the program's inside",
            observed=f"{found} in {summary.of(one.reply)}",
            reply=one.reply,
            hint="Turn debug pages off, and map every exception to the error envelope.",
        )

    all_answers(closed)


@requirement("WD-32")
def test_no_answer_tells_a_secret(conformance_session: Session, all_answers: Callable[..., None]) -> None:
    """No answer of the run contains the secret of a merchant."""
    pairs = conformance_session.profile.credentials
    secrets = {name: pair.secret for name, pair in pairs.items() if len(pair.secret) >= _LONG_ENOUGH}

    def silent(one: Asked) -> None:
        whose = [
            name for name, secret in secrets.items() if any(secret in text for text in _texts(one.reply))
        ]
        expect.that(
            not whose,
            expected=f"an answer to {one.what()} without the secret of a merchant",
            observed=f"that of credentials.{', '.join(whose)} stands in it ({summary.of(one.reply)})",
            reply=one.reply,
            hint="A secret never leaves the store of keys, not for debugging either.",
        )

    all_answers(silent)


def _texts(reply: Reply) -> Iterator[str]:
    yield from (value for _, value in reply.headers)
    yield reply.text
