"""The receiver of webhooks: what a message says counts, not how it is packed."""

import base64
import json
from urllib.parse import urlencode

import pytest

from conformance.states.resource import Resource, Wanted
from conformance.suites.payout_intents.contract import EVENT
from conformance.webhooks.receiver import Receiver

INTENT = Resource("word_01HZX", Wanted("payout-intents", "requires_approval"))
OTHER = Resource("word_02ABC", Wanted("payout-intents", "requires_approval"))
REASON = "naïve, and more"
MESSAGE = {"id": "evt_1", "type": EVENT, "data": {"object": {"id": INTENT.id, "failure_message": REASON}}}
PACKED = json.dumps(MESSAGE)


def received(*bodies: str | bytes) -> Receiver:
    """A receiver that got these."""
    receiver = Receiver("http://127.0.0.1:1/", EVENT)
    for body in bodies:
        receiver.accept([("Host", "x")], body if isinstance(body, bytes) else body.encode())
    return receiver


@pytest.mark.parametrize(
    "body",
    [
        PACKED,
        json.dumps([MESSAGE]),
        json.dumps({"events": [MESSAGE]}),
        json.dumps({"event": EVENT, "data": [{"id": INTENT.id, "reason": REASON}]}),
        urlencode({"payload": PACKED}),
        json.dumps({"Type": "Notification", "MessageId": "m", "Message": PACKED}),
        json.dumps({"message": {"data": base64.b64encode(PACKED.encode()).decode(), "messageId": "1"}}),
        json.dumps({"data_base64": base64.urlsafe_b64encode(PACKED.encode()).decode().rstrip("=")}),
    ],
    ids=["plain", "array", "events", "data", "form", "text", "Base64", "URL-safe_Base64"],
)
def test_a_message_is_understood_however_it_is_packed(body: str) -> None:
    """It is about its intent, holds the reason, and is one event, though it is delivered twice."""
    (found,) = received(body, body).about(INTENT)

    assert REASON in found.text


def test_messages_of_a_batch_are_told_apart() -> None:
    """One of another intent, which wasn't cancelled, is no announcement of its cancellation."""
    paid = {"id": "evt_2", "type": "payout_intent.paid", "data": {"object": {"id": OTHER.id}}}
    twice = {**MESSAGE, "id": "evt_3"}
    receiver = received(json.dumps([MESSAGE, paid]), json.dumps({"events": [paid, twice]}))

    assert len(receiver.about(INTENT)) == 2
    assert receiver.about(OTHER) == []


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"null", b"[]", b'["a"]', b"a=b&c", b"[" * 100_000, b'"=="']
)
def test_what_says_nothing_is_about_nothing(body: bytes) -> None:
    """A message without a known intent is about none, and raises nothing."""
    assert received(body).about(INTENT) == []
