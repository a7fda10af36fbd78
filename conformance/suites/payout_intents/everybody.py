"""Cancels by every pair of the profile, for the checks that look back on all successes of a run."""

from contextlib import suppress

from conformance.errors import NotApplicable, NotTestable
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RunAnswers
from conformance.suites.payout_intents.every_answer import is_success
from conformance.suites.payout_intents.observations import Evidence


def everybody_cancels(run_answers: RunAnswers, evidence: Evidence) -> None:
    """Has each pair of the profile that may cancel do so, unless other workers had it do so."""
    somebody_cancels(run_answers, evidence)
    for who, others in (
        ("other_merchant", evidence.ask_about_other_merchants),
        ("other_environment", evidence.ask_about_other_environments),
    ):
        if not _has_cancelled(run_answers, who):
            with suppress(NotApplicable, NotTestable, Violation):
                others(state="requires_approval")


def somebody_cancels(run_answers: RunAnswers, evidence: Evidence) -> None:
    """Has an intent cancelled, unless other workers have done so."""
    if not _has_cancelled(run_answers, "primary"):
        evidence.cancelled()


def _has_cancelled(run_answers: RunAnswers, who: str) -> bool:
    """Whether several processes have told of answers, among them a success with these credentials."""
    return run_answers.is_shared and any(one.by == who and is_success(one) for one in run_answers.answers())
