"""Withdraws and answers of the other checks, looked at again in the end: an effect may come, or be undone, late.

Of a run in several processes, these look at what their own process did; only cancelled withdraws are looked at for all.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import zip_longest

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply, strings
from conformance.oracles import expect
from conformance.oracles.every_response import discloses_nothing, hides_account, is_json
from conformance.oracles.expect import requirement
from conformance.oracles.keys import lacking
from conformance.plugin import Given
from conformance.session import Session
from conformance.states.accounts import account_numbers
from conformance.suites.withdraws.assertions import (
    data,
    is_canceled,
    not_cancelled,
    refused_as_before,
    stays_canceled,
    succeeded,
    told,
    why,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Asked, Withdraws
from conformance.suites.withdraws.fields import FACTS, differs
from conformance.watch import of_each_kind

pytestmark = pytest.mark.last

# So many are looked at again, of each kind (state, owner) in turn, the oldest first.
_CANCELLED, _REFUSED = 12, 6
# Successes are all made by the same few lines, and there are many.
_SUCCESSES = 24
# Shorter ones may stand in an answer by chance.
_LONG_ENOUGH = 8

_QUEUED = "A job that was queued for a payout has to look at its status when it runs."
_UNDONE = "Something writes an older copy of the withdraw back later: a job, a cache, a provider's callback?"
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
    """A withdraw cancelled in the course of the run is canceled still, some seconds after the last cancel."""
    watch = conformance_session.watch
    found = watch.due()
    if not found:
        api.cancels(given("pending"))
        found = watch.due()
    for one in of_each_kind(found, _CANCELLED):
        reply = api.confirmed(one.id, by=one.by) if api.can_read else api.cancel(one.id, by=one.by)
        if not api.can_read:
            not_cancelled(reply, f"a withdraw that was {one.status}, once more, {one.age()}", hint=_UNDONE)
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
    """The withdraw cancelled first in the run isn't paid, though the target tries to in the end."""
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
    refused_as_before(
        again,
        refusal,
        "a withdraw canceled some time ago, after an attempt to settle it,",
        hint="The payment has to look at the status, however long ago it changed.",
    )
    if before is not None:
        read = api.confirmed(withdraw, by=by)
        stays_canceled(read, before, "a withdraw canceled some time ago, after an attempt to settle it,")


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
        what = "a canceled withdraw, long after an attempt to settle it,"
        if api.can_read:
            stays_canceled(api.confirmed(one.withdraw, by=one.by), one.reply, what, hint=_QUEUED)
            continue
        again = api.cancel(one.withdraw, by=one.by)
        not_cancelled(again, what, hint=_QUEUED)
        if not succeeded(one.reply):
            refused_as_before(again, one.reply, what, hint=_QUEUED)


@requirement("WD-10")
def test_refused_withdraws_stay_as_they_were(api: Withdraws, given: Given) -> None:
    """A withdraw whose cancel was refused in the course of the run is refused in the end for the same reason."""
    for status in ("paid", "failed", "canceled"):
        if not any(one.withdraw.status == status for one in _by_owner(api)):
            api.cancel(given.lasting(status))
    refused = [one for one in _by_owner(api) if one.withdraw.status in ("paid", "failed", "canceled")]
    for one in _some([each for each in refused if not succeeded(each.reply)], _REFUSED):
        again = api.cancel(one.withdraw, by=one.by)
        refused_as_before(
            again,
            one.reply,
            f"a {one.withdraw.status} withdraw, {again.written - one.reply.finished:.1f} s after the first time,",
            hint="A refused cancel must not be put into a queue, nor be marked for later.",
        )


@requirement("WD-10")
def test_turned_away_requests_have_no_late_effect(api: Withdraws, given: Given) -> None:
    """A withdraw that only strangers and unsigned requests asked to cancel can be cancelled by its owner in the end."""
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
    """Whether the target refuses a withdraw because it was processed meanwhile, as pending ones are, not cancelled."""
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
def test_every_success_has_all_keys(every_success: Sequence[Asked]) -> None:
    """Each success of the run has the documented keys that have a value, whichever process of the target made it."""
    for one in every_success:
        shown = data(one.reply)
        missing = [key for key in lacking("withdraws", shown, one.withdraw.facts).valued if key != "status"]
        expect.that(
            not shown or not missing,
            expected=f"all documented keys that have a value in the answer to {one.what()}",
            observed=f"{', '.join(missing)} missing",
            reply=one.reply,
            hint="Do all of the target's processes run the same version?",
        )


@requirement("WD-23")
def test_every_success_tells_what_was_known(every_success: Sequence[Asked]) -> None:
    """Each success of the run tells of its withdraw what the state provider told: one may be special in some way."""
    for one in every_success:
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


@requirement("WD-21")
def test_account_numbers_are_in_no_answer(every_answer: Sequence[Asked]) -> None:
    """No answer of the run shows the full account number of the withdraw that it is about."""
    numbered = [one for one in every_answer if account_numbers(one.withdraw.facts)]
    if not numbered:
        raise NotApplicable("the state provider doesn't tell the account number")

    for one in numbered:
        # Searching for every spelling of a number takes long, and most answers don't have its digits at all.
        digits = "\n".join(_texts(one.reply)).translate(_BLANKS)
        if any(number.translate(_BLANKS) in digits for number in account_numbers(one.withdraw.facts)):
            hides_account(one.reply, one.withdraw.facts, to=one.what())


@requirement("WD-27")
def test_documented_requests_are_answered_in_json(every_answer: Sequence[Asked]) -> None:
    """Every answer to a documented request is JSON and says so, whichever withdraw it is about."""
    for one in every_answer:
        if one.documented:
            is_json(one.reply, to=one.what())


@requirement("WD-28")
def test_no_answer_shows_insides(every_answer: Sequence[Asked]) -> None:
    """No answer of the run shows a stack trace, SQL or a file path."""
    successes = [one for one in every_answer if one.reply.ok]
    others = [one for one in every_answer if not one.reply.ok]
    for one in [*others, *successes[:_SUCCESSES]]:
        # A merchant may have described a withdraw with anything.
        known = "\n".join(strings(dict(one.withdraw.facts)))
        discloses_nothing(one.reply, to=one.what(), known=known, pages=one.documented)


@requirement("WD-32")
def test_no_answer_tells_a_secret(conformance_session: Session, every_answer: Sequence[Asked]) -> None:
    """No answer of the run contains the secret of a merchant."""
    pairs = conformance_session.profile.credentials
    secrets = {name: pair.secret for name, pair in pairs.items() if len(pair.secret) >= _LONG_ENOUGH}

    for one in every_answer:
        texts = list(_texts(one.reply))
        whose = [name for name, secret in secrets.items() if any(secret in text for text in texts)]
        expect.that(
            not whose,
            expected=f"an answer to {one.what()} without the secret of a merchant",
            observed=f"that of credentials.{', '.join(whose)} stands in it ({summary.of(one.reply)})",
            reply=one.reply,
            hint="A secret never leaves the store of keys, not for debugging either.",
        )


def _texts(reply: Reply) -> Iterator[str]:
    yield from (value for _, value in reply.headers)
    yield reply.text
