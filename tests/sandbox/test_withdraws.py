"""The clean withdraws API, statement by statement of its document."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

FIELDS = [
    "id",
    "amount",
    "currency",
    "status",
    "referenceId",
    "destinationType",
    "bankAccountNumber",
    "bankAccountName",
    "bankCode",
    "destinationId",
    "description",
    "metadata",
    "paidAt",
    "canceledAt",
    "createdAt",
    "updatedAt",
]


def test_a_pending_withdraw_is_cancelled(client: Any) -> None:
    """200, success, all sixteen fields, and only status and instants have changed."""
    facts = client.given("withdraws", "pending")

    reply = client.withdraw(facts["id"])

    data = reply.json()["data"]
    assert (reply.status_code, reply.json()["success"], list(data)) == (200, True, FIELDS)
    changed = {name for name in FIELDS if data[name] != facts[name]}
    assert changed == {"status", "canceledAt", "updatedAt"}
    assert (data["status"], data["paidAt"]) == ("canceled", None)
    assert data["canceledAt"] == data["updatedAt"] > facts["updatedAt"]
    assert datetime.fromisoformat(data["canceledAt"]).utcoffset() is not None
    assert client.read_withdraw(facts["id"]).json()["data"] == data


def test_the_account_number_is_masked(client: Any) -> None:
    """The full number is told by the state endpoint only."""
    facts = client.given("withdraws", "pending")
    full = facts["bankAccountNumberFull"]

    assert facts["bankAccountNumber"] == f"{full[:4]}****{full[-4:]}"
    assert full not in client.withdraw(facts["id"]).text
    assert full not in client.withdraw(facts["id"]).text


def test_processing_is_cancelled_if_the_provider_supports_it(client: Any) -> None:
    """Supported by default; 400 and no change otherwise."""
    assert client.withdraw(client.given("withdraws", "processing")["id"]).status_code == 200

    facts = client.given("withdraws", "processing", provider_supports_cancel=False)
    assert facts["provider_supports_cancel"] is False
    reply = client.withdraw(facts["id"])
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert client.read_withdraw(facts["id"]).json()["data"]["status"] == "processing"


@pytest.mark.parametrize("status", ["paid", "failed", "canceled"])
def test_an_ended_withdraw_is_refused_and_unchanged(client: Any, status: str) -> None:
    """400 VALIDATION_ERROR that says why."""
    facts = client.given("withdraws", status)
    before = client.read_withdraw(facts["id"]).json()

    reply = client.withdraw(facts["id"])

    assert (reply.status_code, reply.json()["success"]) == (400, False)
    assert reply.json()["error"]["code"] == "VALIDATION_ERROR"
    assert client.read_withdraw(facts["id"]).json() == before
    assert before["data"]["status"] == status


def test_refusals_say_why(client: Any) -> None:
    """A different message per status."""
    messages = {
        client.withdraw(client.given("withdraws", status)["id"]).json()["error"]["message"]
        for status in ("paid", "failed", "canceled")
    }
    assert len(messages) == 3


def test_a_second_cancel_is_refused(client: Any) -> None:
    """Its canceledAt keeps the first value."""
    identifier = client.given("withdraws", "pending")["id"]
    first = client.withdraw(identifier).json()["data"]

    assert client.withdraw(identifier).status_code == 400
    assert client.read_withdraw(identifier).json()["data"] == first


def test_of_parallel_cancels_one_wins(client: Any) -> None:
    """One 200, and 400 for all the others."""
    identifier = client.given("withdraws", "pending")["id"]
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(reply.status_code for reply in pool.map(client.withdraw, [identifier] * 8))
    assert statuses == [200] + [400] * 7


def test_unknown_malformed_and_foreign_ids_are_one_404(client: Any) -> None:
    """They can't be told apart, and the foreign withdraw is still its owner's to cancel."""
    foreign = client.given("withdraws", "pending", owner="other_merchant")["id"]
    replies = [
        client.withdraw(each) for each in (str(uuid.uuid4()), foreign, "nonsense", "%00", "x" * 10_000, "%zz")
    ]

    assert {reply.status_code for reply in replies} == {404}
    assert {reply.text for reply in replies} == {replies[0].text}
    assert replies[0].json()["error"]["code"] == "RESOURCE_NOT_FOUND"
    assert client.withdraw(foreign, role="other_merchant").status_code == 200


@pytest.mark.parametrize("name", ["X-API-Key", "X-Timestamp", "X-Signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_every_header_is_needed(client: Any, name: str, value: str | None) -> None:
    """Without one, or with it empty: 401 with a challenge; the unmutated request works."""
    identifier = client.given("withdraws", "pending")["id"]
    headers = client.signed()
    if value is None:
        del headers[name]
    else:
        headers[name] = value

    reply = client.withdraw(identifier, headers=headers)

    assert (reply.status_code, reply.json()["success"], reply.json()["error"]["code"]) == (
        401,
        False,
        "UNAUTHORIZED",
    )
    assert reply.headers["www-authenticate"]
    assert client.withdraw(identifier).status_code == 200


@pytest.mark.parametrize(
    "mutate",
    [
        lambda signed, _other: signed | {"X-Signature": signed["X-Signature"][:-1]},
        lambda signed, _other: signed | {"X-Signature": signed["X-Signature"] + "0"},
        lambda signed, _other: signed | {"X-Signature": signed["X-Signature"].removeprefix("sha256=")},
        lambda signed, _other: signed | {"X-Signature": "sha256=zz"},
        lambda signed, _other: signed | {"X-Signature": "sha256=ü"},
        lambda signed, _other: signed | {"X-Signature": "a" * 10_000},
        lambda signed, _other: signed | {"X-Timestamp": str(int(signed["X-Timestamp"]) + 1)},
        lambda signed, other: signed | {"X-Signature": other["X-Signature"]},
        lambda signed, other: signed | {"X-API-Key": other["X-API-Key"]},
        lambda signed, _other: signed | {"X-API-Key": "pk_unknown"},
        lambda signed, _other: signed | {"X-API-Key": "ключ"},
    ],
)
def test_a_wrong_signature_is_refused(client: Any, mutate: Any) -> None:
    """The same 401 for a withdraw that exists and for one that doesn't, and nothing cancelled."""
    identifier = client.given("withdraws", "pending")["id"]
    signed = client.signed()
    other = client.signed("other_merchant", timestamp=signed["X-Timestamp"])
    headers = {name: value.encode() for name, value in mutate(signed, other).items()}

    known = client.withdraw(identifier, headers=headers)
    unknown = client.withdraw(str(uuid.uuid4()), headers=headers)

    assert known.status_code == 401
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert client.withdraw(identifier).status_code == 200


@pytest.mark.parametrize("timestamp", [-86_400_000, 86_400_000, "NaN", "1e12", "-1", "٣٣٣", "9" * 30])
def test_an_old_future_or_odd_timestamp_is_refused(client: Any, timestamp: Any) -> None:
    """Though correctly signed."""
    identifier = client.given("withdraws", "pending")["id"]
    if isinstance(timestamp, int):
        timestamp = str(int(client.signed()["X-Timestamp"]) + timestamp)
    headers = {name: value.encode() for name, value in client.signed(timestamp=timestamp).items()}

    assert client.withdraw(identifier, headers=headers).status_code == 401


def test_four_minutes_either_way_are_fresh(client: Any) -> None:
    """The window is five minutes both ways."""
    now = int(client.signed()["X-Timestamp"])
    for shift in (-240_000, 240_000):
        identifier = client.given("withdraws", "pending")["id"]
        assert (
            client.withdraw(identifier, headers=client.signed(timestamp=str(now + shift))).status_code == 200
        )


def test_the_body_is_covered(client: Any) -> None:
    """A body needs its own signature; with it, it changes nothing."""
    identifier = client.given("withdraws", "pending")["id"]

    assert client.withdraw(identifier, content=b"{}").status_code == 401
    assert client.withdraw(identifier, content=b"{}", headers=client.signed(body=b"{}")).status_code == 200


def test_a_signature_made_with_another_tool_is_accepted(bent: Any) -> None:
    """A vector that OpenSSL computed: nothing of Python's in it. Its timestamp is long past."""
    sandbox = bent(freshness=False)
    identifier = sandbox.client.given("withdraws", "pending")["id"]
    headers = sandbox.client.signed() | {
        "X-Timestamp": "1704067200000",
        "X-Signature": "sha256=0e73df89addd24ca98f1ebc8a0aea9013d3cd18905fcea3b65ddabfcd11e2a2f",
    }
    assert sandbox.client.withdraw(identifier, headers=headers).status_code == 200


def test_header_names_are_case_insensitive(client: Any) -> None:
    """RFC 9110, 5.1."""
    for spell in (str.lower, str.upper):
        identifier = client.given("withdraws", "pending")["id"]
        headers = {spell(name): value for name, value in client.signed().items()}
        assert client.withdraw(identifier, headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_other_method_cancels(client: Any, method: str) -> None:
    """405 with Allow, in the API's envelope; a method override counts for nothing."""
    identifier = client.given("withdraws", "pending")["id"]
    headers = client.signed() | {"X-HTTP-Method-Override": "POST"}

    reply = client.http.request(method, f"/api/v1/withdraws/{identifier}/cancel", headers=headers)

    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or reply.json()["success"] is False
    assert client.withdraw(identifier).status_code == 200


def test_a_canceled_withdraw_is_never_paid(client: Any) -> None:
    """Settlement pays pending and processing ones, and leaves the others alone."""
    canceled = client.given("withdraws", "pending")["id"]
    client.withdraw(canceled)

    assert client.settle(canceled) == "canceled"
    assert client.settle(client.given("withdraws", "pending")["id"]) == "paid"
    assert client.settle(client.given("withdraws", "failed")["id"]) == "failed"


def test_unknown_routes_are_json(client: Any) -> None:
    """With the envelope, whatever the path."""
    for path in ("/api/v1/withdraws/", "/api/v1/withdraws/x/y/cancel", "/api/v1/withdraws/x/cancel/"):
        reply = client.http.post(path)
        assert (reply.status_code, reply.json()["success"]) == (404, False)
