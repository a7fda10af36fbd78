"""Requests that are sent again under their key: a refusal for another cause leaves the key free."""

import pytest

from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents, body_of
from conformance.suites.payout_intents.observations import Evidence

# Bodies that are refused, whichever key they come with.
WRONG_BODIES = {
    "a_reason_that_is_a_number": b'{"reason": 7}',
    "broken_JSON": b'{"reason": ',
    "a_reason_of_600_characters": body_of("x" * 600),
}


@requirement("PI-37")
@pytest.mark.parametrize("fault", WRONG_BODIES)
def test_refused_body_leaves_the_key_free(
    api: PayoutIntents, given: Given, evidence: Evidence, fault: str
) -> None:
    """A request that was refused for its body is processed when it comes again, same key, with a good one."""
    intent, key = given("requires_approval"), api.new_key()
    refused = api.odd(lambda: api.post(intent, WRONG_BODIES[fault], key=key), to=fault.replace("_", " "))
    if refused.status // 100 != 4:
        return  # It was accepted, or ended in a 5xx, which is told elsewhere.

    what = f"a corrected cancel under the key of one that got {refused.status} for its body"
    reply = api.odd(lambda: api.post(intent, BODY, key=key), to=what)

    hint = "Claim the key once the body is valid, and let it go where the request fails."
    evidence.like_any(reply, to=what, hint=hint)


@requirement("PI-37")
def test_repeated_request_is_answered(evidence: Evidence) -> None:
    """A request that got a 404 is answered, too, when it comes again under its key."""
    evidence.cancel_an_unknown_id_twice()  # Raises the violation where no answer comes.
