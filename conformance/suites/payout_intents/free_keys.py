"""Refused requests under a key that they must leave free, and then a good one under the same key."""

from functools import partial

from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents, body_of
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FREE_TEXT

WRONG_BODIES = {
    "a_reason_that_is_a_number": b'{"reason": 7}',
    "broken_JSON": b'{"reason": ',
    "a_reason_of_600_characters": body_of("x" * 600),
}
"""Bodies that are refused, whichever key they come with."""


def left_free(api: PayoutIntents, given: Given, evidence: Evidence) -> bool:
    """Whether all of them are refused, twice each, and leave the key to a good request, which works as any other.

    Where it is False each check tries its own kind alone.
    """
    if given.is_isolated:
        return False
    return evidence.once(("left free",), lambda: _left_free(api, given, evidence))


def _left_free(api: PayoutIntents, given: Given, evidence: Evidence) -> bool:
    usual = evidence.cancelled().reply
    intent, key = given.used("requires_approval"), api.new_key()
    wrong = api.authorization(secret="no-such-secret-at-all")
    asks = [
        *(partial(api.post, intent, BODY, change={"Authorization": value}) for value in (None, wrong)),
        *(partial(api.post, intent, body) for body in WRONG_BODIES.values()),
        partial(api.post, intent, BODY, change={"Content-Type": "application/xml"}),
    ]
    for ask in (one for one in asks for _ in range(2)):
        reply = api.answered(partial(ask, key=key), to="a refused request, sent again under its key")
        if reply is None or reply.status // 100 != 4:
            api.still_open(intent)
            return False
    reason = FREE_TEXT["looks_empty"]
    good = api.answered(
        lambda: api.post(intent, body_of(reason), key=key), to="a good request under the key of refused ones"
    )
    if good is None or not succeeded(good):
        api.still_open(intent)
        return False
    evidence.carry(reason, intent, good, api.confirmed(intent))
    return good.status == usual.status and good.at("status") == usual.at("status")
