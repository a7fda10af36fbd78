"""The documented cancels of the run that were refused, looked at when all others are over."""

import pytest

from conformance.oracles.expect import requirement
from conformance.oracles.refused_cancels import RefusedCancels, refused_for_no_reason
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given
from conformance.suites.payout_intents import first_cancels, refused_cancels
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.observations import Evidence

pytestmark = [pytest.mark.last, pytest.mark.settled]


@pytest.fixture
def refusals_for_no_reason(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, evidence: Evidence
) -> RefusedCancels:
    """The documented cancels of intents that require approval that were refused for no reason that is known."""
    lacking = first_cancels.lacking(run_answers, evidence)
    found = given.once("refused documented cancels", lambda: refused_cancels.of(api, given, run_answers))
    if lacking is not None and not found.number:
        raise lacking
    return found


@requirement("PI-01")
def test_no_cancels_are_refused_now_and_then(refusals_for_no_reason: RefusedCancels) -> None:
    """Documented cancels of intents that require approval aren't refused now and then, whatever came before them."""
    if refusals_for_no_reason.number > 1:
        raise refused_for_no_reason(refusals_for_no_reason, "an intent that requires approval", "the intent")


@requirement("PI-01", level="SHOULD")
def test_no_cancel_is_refused_once(refusals_for_no_reason: RefusedCancels) -> None:
    """No single documented cancel of such an intent is refused, while the same request is accepted later."""
    if refusals_for_no_reason.number == 1:
        raise refused_for_no_reason(refusals_for_no_reason, "an intent that requires approval", "the intent")
