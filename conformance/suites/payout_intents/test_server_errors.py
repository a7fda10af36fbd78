"""Answers with a 5xx that no other check has shown, whatever was sent."""

import pytest

from conformance.oracles import server_errors
from conformance.oracles.expect import requirement
from conformance.oracles.run_answers import RunAnswers
from conformance.suites.payout_intents.oddities import oddity

pytestmark = pytest.mark.last

# The requirement that asks for no 5xx, by what is odd about a request; the nearest one where none asks for that.
REQUIREMENTS = {
    "id": "PI-14",
    "body": "PI-29",
    "reason": "PI-28",
    "long_reason": "PI-25",
    "text": "PI-29",
    "key": "PI-38",
    "credentials": "PI-43",
    "label": "PI-46",
    "method": "PI-48",
    "query": "PI-45",
    "path": "PI-45",
    "documented": "PI-45",
}


@pytest.mark.parametrize(
    "requirement_id",
    [
        pytest.param(requirement_id, marks=requirement(requirement_id, level="SHOULD"))
        for requirement_id in dict.fromkeys(REQUIREMENTS.values())
    ],
)
def test_no_other_request_was_a_server_error(run_answers: RunAnswers, requirement_id: str) -> None:
    """No request of the run was answered by a 5xx, also where the check that sent it asks for something else."""
    server_errors.no_other(run_answers, requirement_id, REQUIREMENTS, oddity)
