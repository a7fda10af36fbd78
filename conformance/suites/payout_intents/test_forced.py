"""Fields and headers by which a back office may force a cancel: whoever sends them, the status decides."""

from urllib.parse import urlencode

import pytest

from conformance.http.reply import Reply
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import holds, succeeded
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents, cancel_path, encoded

PLACES = ["body", "query", "headers"]
_FIELDS = {"force": True, "override": True, "admin": True, "status": "requires_approval"}
_HEADERS = {"X-Force": "true", "X-Admin": "true", "X-Override": "true", "X-Internal-Request": "true"}


@requirement("PI-02")
@pytest.mark.parametrize("place", PLACES)
def test_processing_intent_is_not_forced(api: PayoutIntents, given: Given, place: str) -> None:
    """A processing intent is refused, whatever the body, the query or the headers of its cancel ask for."""
    _is_refused(api, given, "processing", place)


@requirement("PI-03")
@pytest.mark.parametrize("place", PLACES)
def test_terminal_intent_is_not_forced(
    api: PayoutIntents, given: Given, terminal_state: str, place: str
) -> None:
    """An intent in a terminal state is refused, whatever the body, the query or the headers of its cancel ask for."""
    _is_refused(api, given, terminal_state, place)


def _is_refused(api: PayoutIntents, given: Given, status: str, place: str) -> None:
    intent = given.shared(status)

    def ask() -> Reply:
        if place == "body":
            return api.post(intent, encoded({"reason": "ordered twice", **_FIELDS}))
        if place == "headers":
            return api.post(intent, BODY, more=_HEADERS.items())
        query = urlencode({name: str(value).lower() for name, value in _FIELDS.items()})
        return api.send("POST", f"{cancel_path(intent)}?{query}", api.headers(), BODY)

    reply = api.answered(ask, to=f"a cancel that is to be forced by its {place}")

    if reply is not None:
        holds(
            reply,
            not succeeded(reply),
            f"a cancel of an intent with status {status} to be refused, whatever its {place} asks for",
            hint="Decide by what is stored, and bind nothing of a request but the documented field.",
            fault=f"An intent with status {status} was cancelled ({reply.status}) by a cancel whose {place} asked to "
            "force it",
        )
