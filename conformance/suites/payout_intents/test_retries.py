"""Requests that are sent again under their key: a refusal for another cause leaves the key free."""

from functools import partial

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import Call, PayoutIntents
from conformance.suites.payout_intents.free_keys import WRONG_BODIES, left_free
from conformance.suites.payout_intents.observations import Evidence

LABEL = "another_content_type"


@requirement("PI-37")
@pytest.mark.cancels
@pytest.mark.parametrize("fault", [*WRONG_BODIES, LABEL])
def test_refused_body_leaves_the_key_free(
    api: PayoutIntents, given: Given, evidence: Evidence, fault: str
) -> None:
    """A request that was refused for its body is refused again, and processed once its body is a good one: same key."""
    if left_free(api, given, evidence):
        return
    intent, key, what = given.used("requires_approval"), api.new_key(), fault.replace("_", " ")
    change = {"Content-Type": "application/xml"} if fault == LABEL else {}
    wrong = partial(api.post, intent, WRONG_BODIES.get(fault, BODY), key=key, change=change)
    refused = api.odd(wrong, to=f"a cancel with {what}")
    if refused.status // 100 != 4:
        raise NotApplicable(f"a cancel with {what} got {refused.status}, which other requirements judge")

    again = _answer(api, wrong, refused.status, what)
    expect.that(
        again.status // 100 == 4,
        expected=f"a cancel with {what} to be refused again, as it was the first time: {refused.status}",
        reply=again,
        hint="Keep nothing under a key for a request that is refused, or the whole refusal.",
        fault=f"The same request after a {refused.status} for its body was answered {summary.short(again)}",
    )
    corrected = f"a corrected cancel under the key of one that got {refused.status} for its body"
    reply = api.odd(lambda: api.post(intent, BODY, key=key), to=corrected)

    if not succeeded(reply) and is_cancelled(api.seen(intent)):
        raise NotApplicable("the refused cancel was carried out, which other requirements judge")
    hint = "Claim the key once the body is valid, and let it go where the request fails."
    evidence.like_any(reply, to=corrected, hint=hint)


def _answer(api: PayoutIntents, ask: Call, status: int, what: str) -> Reply:
    """The answer to the same request once more. Raises a Violation where none comes."""
    try:
        return api.odd(ask, to=f"a cancel with {what} that got {status}, sent again under its key,")
    except expect.Violation as fault:
        fault.fault = f"The same request after a {status} for its body was never answered"
        raise


@requirement("PI-37")
def test_repeated_request_is_answered(evidence: Evidence) -> None:
    """A request that got a 404 is answered, too, when it comes again under its key."""
    evidence.cancel_an_unknown_id_twice()  # Raises the violation where no answer comes.
