"""The cancellation matrix: every state against its documented answer, and what the answer is worth."""

from collections.abc import Sequence

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import carried_out, equality, expect, hints, wording
from conformance.oracles.difference import neutral
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws.assertions import (
    cancelled,
    data,
    is_canceled,
    is_seen_canceled,
    is_unchanged,
    keeps_canceled_at,
    not_cancelled,
    reads_otherwise,
    really_canceled,
    refused,
    refused_as_before,
    stays_canceled,
    stays_processing,
    succeeded,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws, about
from conformance.suites.withdraws.observations import Refusals, cancelled_by_another, cancelled_twice
from conformance.suites.withdraws.processing import ASK_FIRST, DECLARE, or_refused, processing, unconfirmed

_WHOEVER = "Look at the status whoever the merchant is: what 'worked' says is what the other's withdraws get."
_AT_LAST = "at the second try"
_SECOND_TRY = "The first cancel was refused: it must not leave behind what lets the second one pass."
_NO_RETRY = "A second cancel is documented as refused: it is no retry that gets the first answer again."

REFUSED_STATES = [
    pytest.param("paid", marks=requirement("WD-04"), id="paid"),
    pytest.param("failed", marks=requirement("WD-05"), id="failed"),
    pytest.param("canceled", marks=requirement("WD-06"), id="canceled"),
]


@requirement("WD-01")
def test_matrix_pending_is_cancelled(api: Withdraws, first_cancel: Reply) -> None:
    """A pending withdraw is cancelled: 200, success true, status canceled."""
    asked = next((one for one in api.asked if one.reply is first_cancel), None)
    read = None if asked is None else api.reader(about(asked))
    carried_out.or_not(lambda: cancelled(first_cancel, "a cancel of a pending withdraw"), read, is_canceled)


@requirement("WD-01")
def test_pending_withdraw_needs_no_provider(api: Withdraws, given: Given) -> None:
    """A pending withdraw is cancelled whatever its provider supports: only a processing one is there already."""
    try:
        withdraw = given("pending", provider_supports_cancel=False)
    except NotTestable as fault:
        raise NotApplicable(f"no such withdraw can be made: {fault.message}") from fault

    reply = api.cancel(withdraw)

    cancelled(
        reply,
        "a cancel of a pending withdraw whose provider can't cancel",
        hint="Ask for the provider's support only where the withdraw is with the provider."
        if _works_elsewhere(api)
        else "",
    )


def _works_elsewhere(api: Withdraws) -> bool:
    """Whether a documented cancel of a pending withdraw succeeded in this worker."""
    return any(
        one.documented and about(one).status == "pending" and succeeded(one.reply) for one in api.asked
    )


@requirement("WD-02")
def test_matrix_processing_is_cancelled(api: Withdraws, given: Given) -> None:
    """A processing withdraw is cancelled as a pending one is, where the profile says so."""
    withdraw = given("processing")

    reply = api.cancel(withdraw)

    # WD-09 judges that it has happened: it looks at withdraws of this kind, too.
    carried_out.or_not(lambda: _is_as_of_a_pending_one(api, given, reply), api.reader(withdraw), is_canceled)


def _is_as_of_a_pending_one(api: Withdraws, given: Given, reply: Reply) -> None:
    """The documented success, or one that departs from it as that for a pending withdraw does: WD-01 judges that."""
    try:
        cancelled(reply, "a cancel of a processing withdraw")
    except Violation:
        other = next(
            (one.reply for one in api.asked if about(one).status == "pending" and one.documented), None
        )
        other = other or api.cancel(given("pending"))
        told_alike = equality.same(reply.at("success"), other.at("success"))
        told_alike &= (reply.at("data.status") == "canceled") == (other.at("data.status") == "canceled")
        if not succeeded(reply) or reply.status != other.status or not told_alike:
            raise


@requirement("WD-03")
def test_matrix_processing_without_support_is_refused(api: Withdraws, given: Given) -> None:
    """A processing withdraw whose provider can't cancel is refused with 400 and stays as it is."""
    declared = api.declares_cancel_processing
    withdraw, known = processing(given, declared)
    before = api.look(withdraw)

    reply = api.cancel(withdraw)

    if succeeded(reply) and not known:
        # Its provider may well have been able to: the cancel is fine, as long as it has happened.
        with or_refused() as what:
            api.is_really_canceled(withdraw, what=what, when="after a 200 to its cancel")
        if declared:
            raise unconfirmed(reply)
        return
    kind, read = "a processing withdraw that its provider can't call back", api.reader(withdraw)
    refused(
        reply,
        f"a cancel of {kind}",
        withdraw=kind,
        hint=DECLARE if declared is False else ASK_FIRST,
        read=read,
    )
    again = api.cancel(withdraw)
    refused(again, f"a second cancel of {kind}", withdraw=kind, time=_AT_LAST, hint=_SECOND_TRY, read=read)
    if before is not None:
        stays_processing(before, api.read(withdraw), reply)


@pytest.mark.parametrize("status", REFUSED_STATES)
def test_matrix_final_state_is_refused(api: Withdraws, refusals: Refusals, status: str) -> None:
    """A withdraw in a final state is refused with 400 VALIDATION_ERROR, each time it is asked."""
    seen = refusals.of(status)

    kind, read = f"a {status} withdraw", api.reader(seen.withdraw)
    once_more = {"time": "once more", "hint": _NO_RETRY} if status == "canceled" else {}
    refused(seen.first, f"a cancel of {kind}", withdraw=kind, read=read, **once_more)
    what = f"a second cancel of {kind}"
    refused(seen.second, what, withdraw=kind, time=_AT_LAST, hint=_SECOND_TRY, read=read)


_JUST_CANCELLED = "a withdraw that had just been cancelled"
_SAME_ANSWER = "It got the first answer again, as a retry would: the document asks for a refusal here."
_DONE_AGAIN = "Its canceledAt is another one now: only pending and processing withdraws can be cancelled."


def _repeated(again: Reply, first: Reply) -> str:
    """The hint for a second cancel that succeeded: whether it repeats the first answer, or was carried out."""
    was, now = (one.at("data.canceledAt") for one in (first, again))
    if not isinstance(was, str) or not isinstance(now, str):
        return _NO_RETRY
    return _SAME_ANSWER if was == now else _DONE_AGAIN


@requirement("WD-06")
@pytest.mark.cancels
def test_matrix_just_cancelled_is_refused(api: Withdraws, given: Given, conformance_session: Session) -> None:
    """A withdraw that was cancelled a moment ago is refused, and keeps its first canceledAt."""
    twice = cancelled_twice(api, given, conformance_session.recorder)
    if twice.seen is not None:
        is_seen_canceled(twice.seen)

    for again, which, when in (
        (twice.second, "second", "a second time"),
        (twice.third, "third", "the third time it was asked"),
    ):
        refused(
            again,
            f"a {which} cancel of one withdraw",
            withdraw=_JUST_CANCELLED,
            time=when,
            hint=_repeated(again, twice.observed.reply),
        )

    if twice.seen is not None and twice.read is not None:
        keeps_canceled_at(twice.read, data(twice.seen))


@requirement("WD-04")
def test_other_merchants_paid_withdraw_is_refused_to_its_owner(api: Withdraws, given: Given) -> None:
    """A paid withdraw is refused to its owner, the other merchant."""
    withdraw = given.shared("paid", owner="other_merchant")

    reply = api.cancel(withdraw, by="other_merchant")

    refused(
        reply,
        "a cancel by the other merchant of its own paid withdraw",
        withdraw="the other merchant's own paid withdraw",
        time="at its request",
        hint=_WHOEVER,
        read=api.reader(withdraw, by="other_merchant"),
    )


@requirement("WD-06")
@pytest.mark.cancels
def test_other_merchants_canceled_withdraw_is_refused_to_its_owner(api: Withdraws, given: Given) -> None:
    """A withdraw that the other merchant cancelled a moment ago is refused to it."""
    seen = cancelled_by_another(api, given)

    refused(
        seen.again,
        "a second cancel by the other merchant of its own withdraw",
        withdraw="the other merchant's own withdraw, just cancelled,",
        time="a second time at its request",
        hint=_repeated(seen.again, seen.done),
    )


@requirement("WD-06")
def test_refusal_keeps_the_first_canceled_at(api: Withdraws, given: Given) -> None:
    """A withdraw handed over as canceled keeps its canceledAt when it is cancelled again."""
    withdraw = given.shared("canceled")
    first = api.look(withdraw)

    again = api.cancel(withdraw)
    what, kind = "a cancel of a canceled withdraw", "a canceled withdraw"
    refused(again, what, withdraw=kind, time="once more", hint=_NO_RETRY)

    if first is not None:
        keeps_canceled_at(api.read(withdraw), first)


@requirement("WD-07")
@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_refusal_is_a_400(api: Withdraws, given: Given, status: str) -> None:
    """A refusal is told by the status 400, never by 409, 422, 403 or a 2xx with success false."""
    reply = api.cancel(given.shared(status))
    if succeeded(reply):
        raise NotApplicable("it was cancelled, which is another requirement's affair")

    expect.that(
        reply.status == 400,
        expected=f"status 400 to a cancel of a {status} withdraw",
        observed=f"status {reply.status} (the answer was {summary.of(reply)})",
        reply=reply,
        hint=hints.by_answer(
            reply, "Clients of this API tell a refusal by its status: 400 is the one that is documented."
        ),
        fault=f"A cancel of a {status} withdraw was refused with {summary.short(reply)} instead of 400",
    )


_NOT_STORED = "The answer was made from something else than what is stored, or a read comes from an old copy."
_UNDONE = "It was canceled, and isn't any more: something writes an older copy back."


@requirement("WD-09")
@pytest.mark.cancels
def test_success_is_real(api: Withdraws, given: Given, conformance_session: Session) -> None:
    """A 200 has happened: the withdraw is canceled when looked at, and still is a little later."""
    twice = cancelled_twice(api, given, conformance_session.recorder)

    kind = "a pending withdraw"
    for reply, when, hint in (
        (twice.seen or twice.second, "right after a 200 to its cancel", _NOT_STORED),
        (twice.later or twice.third, "0.25 s after a 200 to its cancel", _UNDONE),
    ):
        really_canceled(reply, is_read=twice.seen is not None, what=kind, when=when, hint=hint)


@requirement("WD-09")
@pytest.mark.cancels
def test_whichever_copy_is_read_shows_it(api: Withdraws, given: Given) -> None:
    """A read by another connection, and so perhaps by another machine, shows the withdraw canceled, too."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    withdraw = given.used("pending")
    # A cache of reads holds the withdraw now.
    api.read_everywhere(withdraw)
    api.cancels(withdraw)

    other = api.dissent(withdraw)

    expect.that(
        other is None,
        expected="each of several reads, after a 200 to the cancel, to show the withdraw canceled",
        observed=f"one shows {expect.observed(other, 'data.status')}" if other else "",
        reply=other,
        fault=reads_otherwise(
            other, "a pending withdraw", "by one of several connections, after a 200 to its cancel"
        )
        if other
        else "",
        hint="Does each process keep a cache of its own that cancelling elsewhere doesn't clear?",
    )


@requirement("WD-10")
@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_refusal_changes_nothing(refusals: Refusals, status: str) -> None:
    """A refused cancel leaves the withdraw exactly as it was."""
    seen = refusals.of(status)

    kind = f"a {status} withdraw"
    not_cancelled(seen.first, f"a cancel of {kind}", withdraw=kind, control=True)
    if seen.before is not None and seen.read is not None:
        is_unchanged(seen.before, seen.read, f"a refused cancel ({seen.first.status})", what=kind)
    hint = "Did the first refusal leave something on the withdraw?"
    refused_as_before(seen.second, seen.first, kind, hint=hint)


@requirement("WD-10")
@pytest.mark.parametrize("who", ["nobody_that_signed", "another_merchant"])
def test_turned_away_request_changes_nothing(api: Withdraws, given: Given, who: str) -> None:
    """A request that fails authentication, or is another merchant's, leaves the withdraw exactly as it was."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    owner = "other_merchant" if who == "another_merchant" else None
    whose = {"owner": owner} if owner else {}
    # The target may have begun to process a pending one by itself: then a younger one is looked at.
    for lease in (given.shared, given):
        withdraw = lease("pending", **whose)
        before = api.look(withdraw, by=owner or "primary")
        replies = (
            [api.cancel(withdraw)]
            if owner
            else [api.send(withdraw, case(api, api.signed())) for case in FAILURES.values()]
        )
        after = api.read(withdraw, by=owner or "primary")
        if after.at("data.status") not in ("processing", "paid"):
            break

    assert before is not None
    by = "a cancel by another merchant" if owner else "cancels with failing credentials"
    if any(succeeded(reply) for reply in replies):
        raise NotApplicable(f"{by} succeeded, which {'WD-12 judges' if owner else 'WD-31 to WD-34 judge'}")
    is_unchanged(before, after, f"{by} ({', '.join(answers(replies))})", what="a pending withdraw")


def answers(replies: Sequence[Reply]) -> list[str]:
    """Returns the statuses of some answers, each once."""
    return list(dict.fromkeys(str(one.status) for one in replies))


@requirement("WD-29")
def test_refusal_says_why(api: Withdraws, given: Given) -> None:
    """The refusal's message differs for paid, failed and canceled withdraws."""
    messages = {
        status: api.cancel(given.shared(status)).at("error.message")
        for status in ("paid", "failed", "canceled")
    }
    if not all(isinstance(message, str) and message.strip() for message in messages.values()):
        raise NotApplicable("not every refusal has a message, which is another requirement's affair")

    kinds: dict[str, list[str]] = {}
    for state, message in messages.items():
        kinds.setdefault(neutral(str(message)), []).append(f"a {state}")
    alike = next((found for found in kinds.values() if len(found) > 1), [])
    expect.that(
        len(kinds) == 3,
        expected="a message of its own for each state that forbids cancelling",
        observed="; ".join(f"{state}: {wording.whole(message)}" for state, message in messages.items()),
        hint="Name the status in the message.",
        fault=f"The refusals of {', '.join(alike[:-1])} and {alike[-1]} withdraw had the same message"
        if alike
        else "",
    )


_PAYS = "The payment has to look at the status in the same transaction that pays."


@requirement("WD-42")
def test_canceled_is_never_paid(api: Withdraws, given: Given) -> None:
    """A canceled withdraw stays canceled when the target tries to pay it afterwards."""
    withdraw = given("pending")
    api.cancels(withdraw)
    before = api.seen_canceled(withdraw)
    refusal = api.cancel(withdraw)

    given.settle(withdraw)
    given.settle(withdraw)
    api.will_settle(withdraw)

    if before is not None:
        stays_canceled(
            api.confirmed(withdraw),
            before,
            "a canceled withdraw",
            when="after two attempts to pay it",
            hint=_PAYS,
        )
    again = api.cancel(withdraw)
    refused_as_before(again, refusal, "a canceled withdraw", when="after two attempts to pay it", hint=_PAYS)
