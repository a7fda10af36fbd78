"""The clean APIs, where they do what no requirement asks for, or what is computed with other tools than the suites'.

That they do everything that is required is for the proof to show: each check of the suites passes on the clean sandbox
(tests/proof), and notices the defects that break its requirement.
"""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def test_the_account_number_is_masked(client: Any) -> None:
    """The full number is told by the state endpoint only."""
    facts = client.given("withdraws", "pending")
    full = facts["bankAccountNumberFull"]

    assert facts["bankAccountNumber"] == f"{full[:4]}****{full[-4:]}"
    assert full not in client.withdraw(facts["id"]).text
    assert full not in client.withdraw(facts["id"]).text


@pytest.mark.parametrize("timestamp", [-86_400_000, 86_400_000, "NaN", "1e12", "-1", "٣٣٣", "9" * 30])
def test_an_old_future_or_odd_timestamp_is_refused(client: Any, timestamp: Any) -> None:
    """Though correctly signed."""
    identifier = client.given("withdraws", "pending")["id"]
    if isinstance(timestamp, int):
        timestamp = str(int(client.signed()["X-Timestamp"]) + timestamp)
    headers = {name: value.encode() for name, value in client.signed(timestamp=timestamp).items()}

    assert client.withdraw(identifier, headers=headers).status_code == 401


def test_a_signature_made_with_another_tool_is_accepted(bent: Any) -> None:
    """A vector that OpenSSL computed: nothing of Python's in it. Its timestamp is long past."""
    sandbox = bent(freshness=False)
    identifier = sandbox.client.given("withdraws", "pending")["id"]
    headers = sandbox.client.signed() | {
        "X-Timestamp": "1704067200000",
        "X-Signature": "sha256=0e73df89addd24ca98f1ebc8a0aea9013d3cd18905fcea3b65ddabfcd11e2a2f",
    }
    assert sandbox.client.withdraw(identifier, headers=headers).status_code == 200


def test_a_body_over_one_megabyte_is_413(client: Any) -> None:
    """In the envelope."""
    reply = client.intent("word_01", {"reason": "x" * (1 << 20)})
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("Application/JSON", 202),
        (None, 202),
        ("text/plain", 415),
        ("application/xml", 415),
    ],
)
def test_content_types(client: Any, content_type: str | None, status: int) -> None:
    """JSON whatever its parameters; another type with a body is 415."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    headers = {"Content-Type": content_type} if content_type else {}
    assert client.intent(identifier, content=b'{"reason":"a"}', headers=headers).status_code == status


def test_a_settle_that_races_a_cancel_has_one_winner(client: Any) -> None:
    """A settlement that races a cancel has one winner: cancelled or paid, never both."""
    for _ in range(10):
        identifier = client.given("payout-intents", "requires_approval")["id"]
        with ThreadPoolExecutor(2) as pool:
            reply, _status = pool.submit(client.intent, identifier), pool.submit(client.settle, identifier)
            cancelled = reply.result().status_code == 202
        assert client.read_intent(identifier)["status"] == ("cancelled" if cancelled else "paid")


@pytest.mark.parametrize(
    ("key", "status"), [("", 202), ("x" * 255, 202), ("x" * 300, 400), ("not a uuid", 202)]
)
def test_odd_keys(client: Any, key: str, status: int) -> None:
    """An empty key is none; an overlong one is refused."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    assert client.intent(identifier, key=key).status_code == status


def test_two_keys_are_refused(client: Any) -> None:
    """A request with two keys is refused."""
    reply = client.http.post(
        f"/payout_intents/{client.given('payout-intents', 'requires_approval')['id']}/cancel",
        auth=client.basic(),
        headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert reply.status_code == 400


def test_failures_do_not_use_up_a_key(client: Any) -> None:
    """A 401, 404 or 422 doesn't use the key."""
    identifier, key = client.given("payout-intents", "requires_approval")["id"], str(uuid.uuid4())
    processing = client.given("payout-intents", "processing")["id"]

    assert client.intent(identifier, key=key, auth=("pub", "no")).status_code == 401
    assert client.intent("word_01UNKNOWN", key=key).status_code == 404
    assert client.intent(processing, key=key).status_code == 422
    assert client.intent(identifier, key=key).status_code == 202
    assert client.intent(identifier, key=key, auth=("pub", "no")).status_code == 401
