"""The clean payout intents API and its Idempotency-Key."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def new_key() -> str:
    """A key that nobody has used."""
    return str(uuid.uuid4())


def test_the_same_request_is_replayed(client: Any) -> None:
    """Byte for byte, whatever the white space and order of its body; one effect."""
    identifier, key = client.given("payout-intents", "requires_approval")["id"], new_key()
    first = client.intent(identifier, {"reason": "a", "x": 1}, key=key)

    again = client.intent(identifier, content=b' { "x": 1,\n"reason": "\\u0061" } ', key=key)

    assert (again.status_code, again.content) == (202, first.content)
    assert client.read_intent(identifier) == first.json()


@pytest.mark.parametrize("body", [{"reason": "b"}, {}, {"reason": "A"}, {"reason": None}])
def test_another_body_is_a_conflict(client: Any, body: dict[str, Any]) -> None:
    """409 before the 422; the first outcome stands, and can still be replayed."""
    identifier, key = client.given("payout-intents", "requires_approval")["id"], new_key()
    first = client.intent(identifier, {"reason": "a"}, key=key)

    conflict = client.intent(identifier, body, key=key)

    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert client.read_intent(identifier) == first.json()
    assert client.intent(identifier, {"reason": "a"}, key=key).content == first.content


def test_another_intent_is_a_conflict(client: Any) -> None:
    """And isn't cancelled."""
    first, second = (client.given("payout-intents", "requires_approval")["id"] for _ in range(2))
    key = new_key()
    client.intent(first, {"reason": "a"}, key=key)

    assert client.intent(second, {"reason": "a"}, key=key).status_code == 409
    assert client.read_intent(second)["status"] == "requires_approval"
    assert client.intent("word_01UNKNOWN", {"reason": "a"}, key=key).status_code == 404


def test_keys_belong_to_a_merchants_environment(client: Any) -> None:
    """The same key works once in each, and keys that differ in letter case are two."""
    key = f"Key-{new_key()}"
    for role, params in (
        ("primary", {}),
        ("other_merchant", {"owner": "other_merchant"}),
        ("other_environment", {"environment": "other"}),
    ):
        identifier = client.given("payout-intents", "requires_approval", **params)["id"]
        reply = client.intent(identifier, {"reason": role}, key=key, role=role)
        assert (reply.status_code, reply.json()["failure_message"]) == (202, role)
    other = client.given("payout-intents", "requires_approval")["id"]
    assert client.intent(other, key=key.lower()).status_code == 202


def test_failures_do_not_use_up_a_key(client: Any) -> None:
    """Neither 401 nor 404 nor 422."""
    identifier, key = client.given("payout-intents", "requires_approval")["id"], new_key()
    processing = client.given("payout-intents", "processing")["id"]

    assert client.intent(identifier, key=key, auth=("pub", "no")).status_code == 401
    assert client.intent("word_01UNKNOWN", key=key).status_code == 404
    assert client.intent(processing, key=key).status_code == 422
    assert client.intent(identifier, key=key).status_code == 202
    assert client.intent(identifier, key=key, auth=("pub", "no")).status_code == 401


def test_parallel_duplicates_have_one_effect(client: Any) -> None:
    """The others get the same bytes."""
    identifier, key = client.given("payout-intents", "requires_approval")["id"], new_key()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: client.intent(identifier, {"reason": "a"}, key=key), range(8)))
    assert {(reply.status_code, reply.content) for reply in replies} == {(202, replies[0].content)}


def test_of_parallel_cancels_one_wins(client: Any) -> None:
    """With a key each: one 202, and 422 for the others; the winner's reason stands."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda n: client.intent(identifier, {"reason": str(n)}, key=new_key()), range(8))
        )
    (winner,) = [reply for reply in replies if reply.status_code == 202]
    assert sorted(reply.status_code for reply in replies) == [202] + [422] * 7
    assert client.read_intent(identifier) == winner.json()


@pytest.mark.parametrize(
    ("key", "status"), [("", 202), ("x" * 255, 202), ("x" * 300, 400), ("not a uuid", 202)]
)
def test_odd_keys(client: Any, key: str, status: int) -> None:
    """An empty key is none; an overlong one is refused."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    assert client.intent(identifier, key=key).status_code == status


def test_two_keys_are_refused(client: Any) -> None:
    """Nobody can say which of them counts."""
    reply = client.http.post(
        f"/payout_intents/{client.given('payout-intents', 'requires_approval')['id']}/cancel",
        auth=client.basic(),
        headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert reply.status_code == 400
