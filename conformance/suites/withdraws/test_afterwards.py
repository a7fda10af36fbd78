"""Checks at the end of a run: late effects on withdraws, and assertions on every answer of the run."""

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http.reply import Reply
from conformance.oracles import equality, expect
from conformance.oracles.expect import requirement
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.states import Resource
from conformance.states.accounts import account_numbers
from conformance.suites.withdraws import first_cancels, refused_now
from conformance.suites.withdraws.assertions import (
    is_canceled,
    not_cancelled,
    reads_otherwise,
    refused_as_before,
    stays_canceled,
    succeeded,
    value_or_null,
    why,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import SETTLED, UNSURE, Withdraws, about
from conformance.watch import Watched, of_each_kind

pytestmark = pytest.mark.last

# So many are looked at again, of each kind (state, owner) in turn, the oldest first.
_CANCELLED, _REFUSED = 12, 6
_MANY = 1000
# One more is left for the check that waits.
_LEFT = 2
# Successes are all made by the same few lines, and there are many.
_SUCCESSES = 24
# An effect that was put off by a request of the check itself has come by then.
_A_MOMENT_S = 0.25

_QUEUED = "A job that was queued for a payout has to look at its status when it runs."
_PAID_LATER = (
    "A job that was queued, or a batch that was put together, before the cancel has to look at the status."
)
_NO_QUEUE = "A refused cancel must not be put into a queue, nor be marked for later."
_UNDONE = "Something writes an older copy of the withdraw back later: a job, a cache, a provider's callback?"


def _ids(run_answers: RunAnswers, word: str) -> set[str]:
    return {mark.id for mark in run_answers.marked(word)}


def _by_owner(run_answers: RunAnswers) -> list[RecordedAnswer]:
    """The documented cancels that owners asked for, of withdraws that were not to be paid."""
    settled = _ids(run_answers, SETTLED)
    return [
        one
        for one in run_answers.answers()
        if one.documented
        and one.by == (about(one).wanted.owner or "primary")
        and about(one).id not in settled
    ]


@requirement("WD-10")
@pytest.mark.watch
def test_refused_withdraws_are_not_changed_later(
    api: Withdraws, given: Given, conformance_session: Session
) -> None:
    """A withdraw whose cancel was refused is as it was, some seconds later: final, processing or pending."""
    refused = refused_now.of_each_state(api, given)
    conformance_session.watch.due()
    time.sleep(max(0.0, refused[-1].at + conformance_session.watch.watch_s - time.monotonic()))
    for one in refused:
        when = f"{time.monotonic() - one.at:.1f} s afterwards"
        refused_now.is_as_it_was(api, one, when, hint=_NO_QUEUE)


@requirement("WD-09")
@pytest.mark.watch
def test_cancelled_withdraws_stay_canceled(
    api: Withdraws, given: Given, conformance_session: Session
) -> None:
    """A withdraw cancelled in the course of the run is still canceled `watch_s` seconds after the last cancel."""
    watch = conformance_session.watch
    _cancel_what_is_missing(api, given, watch.so_far())
    fine: list[str] = []
    for one in of_each_kind(watch.due(), _CANCELLED):
        reply = api.confirmed(one.id, by=one.by) if api.can_read else api.cancel(one.id, by=one.by)
        kind = f"a {one.status} withdraw{' of the other merchant' if one.by != 'primary' else ''}"
        if not api.can_read:
            not_cancelled(
                reply,
                f"a second cancel of {kind}, {one.age()},",
                withdraw=f"{kind}, a second time {one.age()},",
                hint=_UNDONE,
            )
            continue
        paid = value_or_null(reply, "data.paidAt") and not one.told["paid"]
        expect.that(
            is_canceled(reply) and not paid,
            expected=f"{kind} to be canceled still, and unpaid, {one.age()} with 200",
            observed=f"a read shows {expect.observed(reply, 'data.status', 'data.paidAt', 'data.canceledAt')}"
            + (f"; canceled still: {', '.join(fine)}" if fine else ""),
            reply=reply,
            hint=_PAID_LATER if equality.says(reply.at("data.status"), "paid") or paid else _UNDONE,
            fault=reads_otherwise(reply, kind, f"{one.age()} with 200"),
        )
        fine += [kind] if kind not in fine else []


def _cancel_what_is_missing(api: Withdraws, given: Given, found: Sequence[Watched]) -> None:
    """Cancels a withdraw of each kind that the run hasn't cancelled, so that the check sees as much by itself.

    Raises NotTestable where none was cancelled, and none can be.
    """
    known = {(one.status, one.by) for one in found}
    if not known:
        api.cancels(given("pending"))
    others = [("pending", "other_merchant")]
    if api.declares_cancel_processing:
        others.append(("processing", "primary"))
    for status, by in others:
        if (status, by) not in known:
            with suppress(NotTestable, NotApplicable):
                owner = None if by == "primary" else by
                api.cancel(given(status, owner=owner), by=by)


@requirement("WD-42")
def test_long_canceled_withdraw_is_never_paid(api: Withdraws, given: Given, run_answers: RunAnswers) -> None:
    """A settlement at the end of the run doesn't pay the withdraw that was cancelled first."""
    cancelled = [one for one in _by_owner(run_answers) if succeeded(one.reply)]
    withdraw, by = (about(cancelled[0]), cancelled[0].by) if cancelled else (given("pending"), "primary")
    if not cancelled:
        api.cancels(withdraw)
    before = api.seen_canceled(withdraw, by=by)
    refusal = api.cancel(withdraw, by=by)
    if succeeded(refusal):
        raise NotApplicable("it isn't canceled any more, which is another requirement's affair")

    given.settle(withdraw)
    api.will_settle(withdraw)

    if before is not None:
        read = api.confirmed(withdraw, by=by)
        stays_canceled(
            read, before, "a withdraw that was cancelled some time ago", when="after an attempt to pay it"
        )
    again = api.cancel(withdraw, by=by)
    refused_as_before(
        again,
        refusal,
        "a withdraw that was cancelled some time ago",
        when="after an attempt to pay it",
        hint="The payment has to look at the status, however long ago it changed.",
    )


@requirement("WD-42")
def test_canceled_withdraws_are_not_paid_later(
    api: Withdraws, given: Given, run_answers: RunAnswers, conformance_session: Session
) -> None:
    """A settlement that was asked for earlier in the run has not paid a canceled withdraw at the end of it."""

    def canceled() -> list[RecordedAnswer]:
        settled = _ids(run_answers, SETTLED)
        return [
            one
            for one in run_answers.answers()
            if about(one).id in settled
            and one.documented
            and one.is_unredacted
            and (succeeded(one.reply) or about(one).status == "canceled")
        ]

    if not canceled():
        withdraw = given("canceled")
        api.cancel(withdraw)
        given.settle(withdraw)
        api.will_settle(withdraw)

    for one in first_cancels.some_of_each_state(canceled(), _REFUSED):
        conformance_session.recorder.cite([one.reply.exchange])
        what, when = "a canceled withdraw", "long after an attempt to pay it"
        if api.can_read:
            stays_canceled(api.confirmed(about(one), by=one.by), one.reply, what, when=when, hint=_QUEUED)
            continue
        again = api.cancel(about(one), by=one.by)
        not_cancelled(again, f"a cancel of {what}, {when},", withdraw=f"{what}, {when},", hint=_QUEUED)
        if not succeeded(one.reply):
            refused_as_before(again, one.reply, what, when=when, hint=_QUEUED)


@requirement("WD-10")
def test_refused_withdraws_stay_as_they_were(api: Withdraws, given: Given, run_answers: RunAnswers) -> None:
    """A withdraw whose cancel was refused in the course of the run is refused in the end for the same reason."""
    for status in ("paid", "failed", "canceled"):
        if not any(about(one).status == status for one in _by_owner(run_answers)):
            api.cancel(given.shared(status))
    refused = [
        one
        for one in _by_owner(run_answers)
        if about(one).status in ("paid", "failed", "canceled")
        and one.is_unredacted
        and not succeeded(one.reply)
    ]
    for one in first_cancels.some_of_each_state(refused, _REFUSED):
        again = api.cancel(about(one), by=one.by)
        if why(again) != why(one.reply) and api.closes_by_number(
            about(one), again, by=one.by, usual=one.reply
        ):
            continue
        refused_as_before(
            again,
            one.reply,
            f"a {about(one).status} withdraw",
            when=f"{again.written - one.reply.finished:.1f} s after the first time",
            hint=_NO_QUEUE,
        )


@requirement("WD-10")
def test_turned_away_requests_have_no_late_effect(
    api: Withdraws, given: Given, run_answers: RunAnswers
) -> None:
    """A withdraw that only others, and unsigned requests, asked to cancel can be cancelled by its owner in the end."""
    waiting = _left_alone(given)
    if not any(one.wanted.owner is None for one in waiting):
        withdraw = given("pending")
        for case in FAILURES.values():
            api.send(withdraw, case(api, api.signed()))
        waiting.append(withdraw)
        time.sleep(_A_MOMENT_S)
    if not any(one.wanted.owner is not None for one in waiting):
        with suppress(NotTestable, NotApplicable):
            theirs = given("pending", owner="other_merchant")
            api.cancel(theirs)
            waiting.append(theirs)
            time.sleep(_A_MOMENT_S)
    asked = first_cancels.some_of_each_state(_turned_away(run_answers), _MANY)
    for one in [one for one in asked if about(one) in waiting]:
        owner = about(one).wanted.owner
        whose = "a cancel by another merchant" if owner else "cancels with failing credentials"
        api.still_cancels(
            about(one),
            after=f"{whose} some time ago",
            by=owner or "primary",
            earlier=one.reply,
            unless=partial(_went_on, api, given, one),
        )


def _left_alone(given: Given) -> list[Resource]:
    """The withdraws that earlier checks left, so that their owner may cancel them in the end."""
    found: list[Resource] = []
    for whose in ({}, {"owner": "other_merchant"}):
        with suppress(NotTestable, NotApplicable):
            found += filter(None, (given.left("pending", **whose) for _ in range(_LEFT)))
    return found


def _turned_away(run_answers: RunAnswers) -> list[RecordedAnswer]:
    """The requests about pending withdraws that no owner has asked to cancel, and that were not to be paid."""
    asked = run_answers.answers()
    touched = _ids(run_answers, SETTLED) | _ids(run_answers, UNSURE)
    touched |= {about(one).id for one in asked if succeeded(one.reply)}
    touched |= {about(one).id for one in _by_owner(run_answers)}
    return [one for one in asked if about(one).status == "pending" and about(one).id not in touched]


def _went_on(api: Withdraws, given: Given, one: RecordedAnswer, refusal: Reply) -> bool:
    """Whether the target refuses a withdraw because it was processed meanwhile, as pending ones are, not cancelled."""
    if api.can_read:
        by = about(one).wanted.owner or "primary"
        return api.read(about(one), by=by).at("data.status") in ("processing", "paid", "failed")
    further = ("paid", "processing") if api.declares_cancel_processing is False else ("paid",)
    try:
        told = [why(api.cancel(given.shared(status))) for status in further]
        canceled = why(api.cancel(given.shared("canceled")))
    except NotTestable:
        return False
    return why(refusal) in told and why(refusal) != canceled


@requirement("WD-16")
def test_every_success_has_all_keys(run_answers: RunAnswers, every_success: Sequence[RecordedAnswer]) -> None:
    """Each success of the run has the documented keys that have a value, whichever process of the target made it."""
    run_answers.each("has all keys", every_success)


@requirement("WD-23")
def test_every_success_tells_what_was_known(
    run_answers: RunAnswers, every_success: Sequence[RecordedAnswer]
) -> None:
    """Each success of the run tells of its withdraw what the state source told: one may be special in some way."""
    run_answers.each("tells what was known", every_success)


@requirement("WD-21")
def test_account_numbers_are_in_no_answer(
    run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]
) -> None:
    """No answer of the run shows the full account number of the withdraw that it is about."""
    numbered = [one for one in every_answer if account_numbers(about(one).facts)]
    if not numbered:
        raise NotApplicable("the state source doesn't tell the account number")

    run_answers.each("shows no account number", numbered)


@requirement("WD-27")
def test_documented_requests_are_answered_in_json(
    run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]
) -> None:
    """Every answer to a documented request is JSON and says so, whichever withdraw it is about."""
    run_answers.each("is JSON", (one for one in every_answer if one.documented))


@requirement("WD-28")
def test_no_answer_shows_insides(run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]) -> None:
    """No answer of the run shows a stack trace, SQL or a file path."""
    successes = [one for one in every_answer if one.reply.ok]
    others = [one for one in every_answer if not one.reply.ok]
    run_answers.each("discloses nothing", [*others, *successes[:_SUCCESSES]])


@requirement("WD-32")
def test_no_answer_tells_a_secret(run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]) -> None:
    """No answer of the run contains the secret of a merchant."""
    run_answers.each("tells no secret", every_answer)
