"""Callers that hang up before the answer: whoever asks again is told the truth, and nothing stays locked."""

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded, was_confirmed
from conformance.suites.payout_intents.client import Ask, PayoutIntents
from conformance.suites.payout_intents.hang_ups import (
    AT_ONCE,
    AT_WORK,
    HALFWAY,
    SECONDS_S,
    WITHOUT_A_KEY,
    hung_up,
    leaves_no_lock,
)
from conformance.suites.payout_intents.observations import WHY, Evidence

TIMES = pytest.mark.parametrize("when", [AT_ONCE, AT_WORK])

pytestmark = pytest.mark.cancels

_NO_SUCCESS = "no retry succeeded, which test_caller_that_hung_up_leaves_no_lock judges"


@requirement("PI-36", level="MUST")
@TIMES
def test_success_after_a_hang_up_is_real(
    api: PayoutIntents, given: Given, evidence: Evidence, when: str
) -> None:
    """A retry after a hang-up that is answered by a 2xx has a cancelled intent behind it."""
    was_confirmed(evidence.cancelled().after)
    one = hung_up(api, given, evidence, when)

    if one.retry is None or not succeeded(one.retry):
        raise NotApplicable(_NO_SUCCESS)
    expect.that(
        is_cancelled(one.after),
        expected=f"an intent to be cancelled whose cancel is answered by {one.retry.status}",
        observed=f"{wording.shown(one.after, 'status')} in GET ({summary.of(one.after)})",
        reply=one.retry,
        hint="Is the answer kept under its key before the cancel is committed? Keep both in one transaction.",
        fault=f"The retry of a cancel whose caller hung up got {one.retry.status}, and the intent isn't cancelled",
        persisted=f"a read shows status {wording.of(one.after, 'status')}",
    )


@requirement("PI-36")
@TIMES
def test_retry_after_a_hang_up_gets_the_whole_answer(
    api: PayoutIntents, given: Given, evidence: Evidence, when: str
) -> None:
    """A retry after a hang-up gets what any cancel gets, reason included."""
    one, usual = hung_up(api, given, evidence, when), evidence.cancelled(reason=WHY)
    if one.retry is None or not succeeded(one.retry):
        raise NotApplicable(_NO_SUCCESS)
    evidence.like_any(one.retry, to="the retry of a cancel whose caller hung up")

    shown, kept = one.retry.at("failure_message"), one.after.at("failure_message")
    if equality.same(usual.reply.at("failure_message"), WHY) and is_cancelled(one.after):
        expect.that(
            equality.same(shown, one.reason),
            expected=f"failure_message to be the reason that was sent, {wording.value(one.reason)}",
            observed=expect.observed(one.retry, "failure_message"),
            reply=one.retry,
            hint="Is the rest of the work done by something that isn't given the reason?",
            fault="The reason of a cancel whose caller hung up was lost",
            persisted="a read shows the same" if equality.same(kept, shown) else "a read shows another value",
        )


@requirement("PI-36")
def test_hang_up_without_a_key_leaves_no_lock(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """A caller without a key that hung up finds its intent cancelled, or can cancel it, within seconds."""
    one = hung_up(api, given, evidence, WITHOUT_A_KEY)
    done = is_cancelled(one.after) or (one.retry is not None and succeeded(one.retry))
    if one.retry is not None and not done:
        evidence.is_about_this(one.retry, Ask.CANCEL_WITHOUT_KEY)

    expect.that(
        done,
        expected="an intent to be cancelled, or to let itself be, after a caller without a key hung up",
        observed=f"{summary.of(one.retry) if one.retry else one.why}, {SECONDS_S:g} s later",
        reply=one.retry,
        hint="A lock on the intent has to be let go of where a handler is stopped, as with finally.",
        fault="An intent stayed locked after a caller without a key hung up"
        + (f" ({one.retry.status})" if one.retry else ""),
    )


@requirement("PI-29", level="MUST")
def test_half_a_body_cancels_nothing(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """A request whose caller hangs up in the middle of the body has no effect (RFC 9112 section 8)."""
    one = hung_up(api, given, evidence, HALFWAY)

    taken = is_cancelled(one.after) and not (one.retry is not None and succeeded(one.retry))
    read = one.between if is_cancelled(one.between) else one.after
    expect.that(
        not (taken or is_cancelled(one.between)),
        expected="an intent not to be cancelled by a request of which only half the body came",
        observed=f"{wording.shown(read, 'status')} in GET ({summary.of(read)})",
        reply=read,
        hint="A body that ends before its Content-Length isn't a whole request: don't take it for an empty one.",
        fault="An intent was cancelled by a request of which only half the body came",
        persisted="a read shows it cancelled",
    )


@requirement("PI-36")
def test_half_a_body_leaves_no_lock(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """A caller that hung up in the middle of the body and sends the request again gets its 202 within seconds."""
    one = hung_up(api, given, evidence, HALFWAY)

    if is_cancelled(one.between):
        raise NotApplicable("half a body cancelled the intent, which PI-29 judges")
    leaves_no_lock(one, " in the middle of the body")
