"""The documented cancels of the run that were refused, looked at when all others are over."""

from collections.abc import Sequence

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.oracles import expect
from conformance.oracles.expect import requirement
from conformance.oracles.refused_cancels import RefusedCancels, refused_for_no_reason
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws import refused_cancels
from conformance.suites.withdraws.assertions import is_canceled
from conformance.suites.withdraws.client import Withdraws, about
from conformance.watch import Watch

pytestmark = [pytest.mark.last, pytest.mark.settled]


@pytest.fixture
def refusals_for_no_reason(
    api: Withdraws, given: Given, run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]
) -> RefusedCancels:
    """The documented cancels of pending withdraws that were refused for no reason that is known."""
    return given.once("refused documented cancels", lambda: refused_cancels.of(api, given, run_answers))


@requirement("WD-01")
def test_no_cancels_are_refused_now_and_then(refusals_for_no_reason: RefusedCancels) -> None:
    """Documented cancels of pending withdraws aren't refused now and then, whatever came before them."""
    if refusals_for_no_reason.number > 1:
        raise refused_for_no_reason(refusals_for_no_reason, "a pending withdraw", "the pending withdraw")


@requirement("WD-01", level="SHOULD")
def test_no_cancel_is_refused_once(refusals_for_no_reason: RefusedCancels) -> None:
    """No single documented cancel of a pending withdraw is refused, while the same request is accepted later."""
    if refusals_for_no_reason.number == 1:
        raise refused_for_no_reason(refusals_for_no_reason, "a pending withdraw", "the pending withdraw")


@requirement("WD-10")
def test_refused_requests_have_cancelled_nothing(
    api: Withdraws,
    run_answers: RunAnswers,
    every_answer: Sequence[RecordedAnswer],
    conformance_session: Session,
) -> None:
    """No pending withdraw is canceled all requests about which were refused, whatever they were refused for."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint")
    for history in refused_cancels.refused_alone(run_answers, every_answer):
        last, withdraw = history[-1], about(history[-1])
        read = api.read(withdraw, by=withdraw.wanted.whose)
        if is_canceled(read) and _is_owners(conformance_session.watch, withdraw.id):
            continue
        number = f"{len(history)} refused requests" if len(history) > 1 else "a refused request"
        expect.that(
            not is_canceled(read),
            expected=f"a withdraw not to be canceled after {number}",
            observed=f"{summary.of(last.reply)}; a read shows {expect.observed(read, 'data.status')}",
            reply=last.reply,
            hint="Refuse before anything is written, or roll back what was: in one transaction.",
            fault=f"A request about a pending withdraw was refused ({summary.short(last.reply)}), and cancelled it",
        )


def _is_owners(watch: Watch, identifier: str) -> bool:
    """Whether its owner has cancelled a withdraw, or another worker was about to: that answer may be on its way."""
    return watch.began_elsewhere(identifier) or any(one.id == identifier for one in watch.so_far())
