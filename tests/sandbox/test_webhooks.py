"""Events: one per cancelled intent, delivered again until accepted."""

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support import PATIENCE_S


class Receiver:
    """A merchant's endpoint, which refuses as often as it is told to."""

    def __init__(self) -> None:
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.refuse = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # its name in the standard library
                receiver.events.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                receiver.refuse -= 1
                self.send_response(500 if receiver.refuse >= 0 else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?from=sandbox"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def taken(self) -> dict[str, Any]:
        """The next event, which comes at some time."""
        return self.events.get(timeout=PATIENCE_S)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of its own for each test."""
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_a_cancelled_intent_sends_one_event(client: Any, receiver: Receiver) -> None:
    """With id, reason and the intent as it is afterwards; nothing for a replay, a conflict or a refusal."""
    identifier = client.given("payout-intents", "requires_approval", webhook_url=receiver.url)["id"]
    processing = client.given("payout-intents", "processing", webhook_url=receiver.url)["id"]
    for body in ({"reason": "a"}, {"reason": "a"}, {"reason": "b"}):
        shown = client.intent(identifier, body, key=identifier)
    client.intent(processing)
    client.intent(identifier)

    event = receiver.taken()

    assert (event["type"], event["reason"], event["payout_intent_id"]) == (
        "payout_intent.cancelled",
        "a",
        identifier,
    )
    assert event["data"] == client.read_intent(identifier)
    assert event["occurred_at"] == event["data"]["updated_at"]
    assert shown.status_code == 409
    # Events are sent one by one as they are caused: whatever was caused before this one would have come.
    last = client.given("payout-intents", "requires_approval", webhook_url=receiver.url)["id"]
    client.intent(last)
    assert receiver.taken()["payout_intent_id"] == last


def test_a_refused_event_is_sent_again(client: Any, receiver: Receiver) -> None:
    """At most three times, with the same event id."""
    receiver.refuse = 99
    identifier = client.given("payout-intents", "requires_approval", webhook_url=receiver.url)["id"]
    client.intent(identifier)

    events = [receiver.taken() for _ in range(3)]

    assert len({event["id"] for event in events}) == 1
    # A fourth attempt would follow the third after 0.2 s; on a slow machine it may be missed, never made up.
    with pytest.raises(queue.Empty):
        receiver.events.get(timeout=0.5)


def test_a_receiver_that_is_down_disturbs_nobody(bent: Any, receiver: Receiver) -> None:
    """The cancel is answered, and closing doesn't wait for the delivery."""
    receiver.server.shutdown()
    receiver.server.server_close()
    client = bent().client
    identifier = client.given("payout-intents", "requires_approval", webhook_url=receiver.url)["id"]
    assert client.intent(identifier).status_code == 202
