"""The clean payout intents API, statement by statement of its document."""

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

FIELDS = [
    "object",
    "id",
    "amount",
    "currency",
    "country",
    "environment",
    "status",
    "merchant_reference",
    "recipient",
    "failure_code",
    "failure_message",
    "created_at",
    "updated_at",
]


def new_key() -> str:
    """A key that nobody has used."""
    return str(uuid.uuid4())


def test_an_intent_that_awaits_approval_is_cancelled(client: Any) -> None:
    """202, all thirteen fields, cancelled already, and reading shows the same."""
    facts = client.given("payout-intents", "requires_approval")

    reply = client.intent(facts["id"], {"reason": "duplicate"}, key=new_key())

    shown = reply.json()
    assert (reply.status_code, list(shown)) == (202, FIELDS)
    changed = {name for name in FIELDS if shown[name] != facts[name]}
    assert changed == {"status", "failure_code", "failure_message", "updated_at"}
    assert (shown["status"], shown["failure_code"], shown["failure_message"]) == (
        "cancelled",
        "cancelled",
        "duplicate",
    )
    assert shown["updated_at"] > facts["updated_at"]
    assert client.read_intent(facts["id"]) == shown


@pytest.mark.parametrize("status", ["processing", "cancelled", "paid", "failed"])
def test_any_other_status_is_refused_and_unchanged(client: Any, status: str) -> None:
    """422 approval_required that names the status; the payout proceeds."""
    identifier = client.given("payout-intents", status)["id"]
    before = client.read_intent(identifier)

    reply = client.intent(identifier, {"reason": "too late"}, key=new_key())

    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "approval_required")
    assert f'"{status}"' in reply.json()["error"]["message"]
    assert client.read_intent(identifier) == before


def test_a_second_cancel_is_refused(client: Any) -> None:
    """With a fresh key or none, and the first reason stands."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    first = client.intent(identifier, {"reason": "first"}).json()

    assert client.intent(identifier, {"reason": "second"}).status_code == 422
    assert client.intent(identifier, {"reason": "second"}, key=new_key()).status_code == 422
    assert client.read_intent(identifier) == first


def test_three_kinds_of_not_found_are_one(client: Any) -> None:
    """Unknown, another merchant's, the other environment's: on cancelling and reading, in every state."""
    bodies = set()
    for status in ("requires_approval", "processing", "cancelled"):
        foreign = client.given("payout-intents", status, owner="other_merchant")["id"]
        elsewhere = client.given("payout-intents", status, environment="other")["id"]
        for identifier in (
            foreign,
            elsewhere,
            "word_01UNKNOWN",
            "%00",
            "..%2f",
            "x" * 10_000,
            "%F0%9F%98%80",
        ):
            for reply in (
                client.intent(identifier, key=new_key()),
                client.http.get(f"/payout_intents/{identifier}", auth=client.basic()),
            ):
                assert reply.status_code == 404
                bodies.add(reply.text)
        assert client.read_intent(foreign, "other_merchant")["status"] == status
        shown = client.read_intent(elsewhere, "other_environment")
        assert (shown["status"], shown["environment"]) == (status, "live")
    assert len(bodies) == 1


def test_the_account_number_is_never_shown(client: Any) -> None:
    """Its last four digits are, as a string with its leading zero."""
    facts = client.given("payout-intents", "requires_approval")
    full = facts["account_number_full"]

    reply = client.intent(facts["id"])

    assert reply.json()["recipient"]["account_last4"] == full[-4:]
    assert full[-4] == "0"
    assert full not in reply.text


REASONS = [
    "x" * 512,
    "é" * 512,
    "😀" * 512,
    ' "quoted" \\ \n\r\t <b>&amp;</b> \u202eright to left ',
    "e\u0301 and ﬁ",
    "",
    "\0",
]


@pytest.mark.parametrize("reason", REASONS, ids=range(len(REASONS)))
def test_free_text_comes_back_unchanged(client: Any, reason: str) -> None:
    """Up to 512 characters of anything."""
    identifier = client.given("payout-intents", "requires_approval")["id"]

    assert client.intent(identifier, {"reason": reason}).json()["failure_message"] == reason
    assert client.read_intent(identifier)["failure_message"] == reason


@pytest.mark.parametrize(
    "options", [{"body": {}}, {"body": {"reason": None}}, {"content": b""}, {"content": b"{ }"}]
)
def test_the_reason_is_optional(client: Any, options: dict[str, Any]) -> None:
    """Absent and null alike, and without a body at all: failure_message is null."""
    identifier = client.given("payout-intents", "requires_approval")["id"]

    reply = client.intent(identifier, **options)

    assert (reply.status_code, reply.json()["failure_message"]) == (202, None)


BAD_BODIES = [
    b'{"reason": "' + b"x" * 513 + b'"}',
    b'{"reason": 1}',
    b'{"reason": ["a"]}',
    b'{"reason": {"a": 1}}',
    b'{"reason": true}',
    b'{"reason": "\\ud800"}',
    b'{"reason": "a", "reason": "b"}',
    b'{"reason": NaN}',
    b'{"reason": "\xff"}',
    b'{"reason": "a"',
    b'\xef\xbb\xbf{"reason": "a"}',
    b'{"reason": "a"}{}',
    b'["reason"]',
    b'"reason"',
    b"null",
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_body_is_refused_safely(client: Any, body: bytes) -> None:
    """400 in the envelope, nothing changed, and the key is not used up."""
    identifier, key = client.given("payout-intents", "requires_approval")["id"], new_key()
    before = client.read_intent(identifier)

    reply = client.intent(identifier, content=body, key=key, headers={"Content-Type": "application/json"})

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")
    assert client.read_intent(identifier) == before
    assert client.intent(identifier, {"reason": "good"}, key=key).status_code == 202


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


# Authentication


def encoded(pair: bytes, scheme: str = "Basic") -> str:
    """An Authorization header."""
    return f"{scheme} {base64.b64encode(pair).decode()}"


def test_wrong_credentials_are_refused(client: Any) -> None:
    """401 with a challenge, the same for known and unknown ids, on both paths; then the twin works."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    (key, secret), (_, other) = client.basic(), client.basic("other_merchant")
    wrong: list[str | None] = [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + "A" * 10_000,
        encoded(b"\xff\xfe:\xff"),
        encoded(key.encode()),
        encoded(f"{key}:".encode()),
        encoded(f":{secret}".encode()),
        encoded(f"{key}:{secret[:-1]}".encode()),
        encoded(f"{key}:{secret}x".encode()),
        encoded(f"{key}:{other}".encode()),
        encoded(f"{secret}:{key}".encode()),
        encoded(f"{key}:{secret}".encode(), "Bearer"),
        f"Basic {key}:{secret}",
    ]
    answers = set()
    for header in wrong:
        headers = {} if header is None else {"Authorization": header}
        for each in (identifier, "word_01UNKNOWN"):
            for reply in (
                client.http.post(f"/payout_intents/{each}/cancel", json={}, headers=headers),
                client.http.get(f"/payout_intents/{each}", headers=headers),
            ):
                assert reply.headers["www-authenticate"].startswith("Basic realm=")
                answers.add((reply.status_code, reply.text))
    assert [status for status, _ in answers] == [401]
    assert client.intent(identifier).status_code == 202


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic"])
def test_the_scheme_is_case_insensitive(client: Any, scheme: str) -> None:
    """RFC 9110, 11.1."""
    identifier = client.given("payout-intents", "requires_approval")["id"]
    header = encoded(":".join(client.basic()).encode(), scheme)
    reply = client.http.post(
        f"/payout_intents/{identifier}/cancel", json={}, headers={"Authorization": header}
    )
    assert reply.status_code == 202


# HTTP


@pytest.mark.parametrize("suffix", ["", "/cancel"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_other_method_cancels(client: Any, method: str, suffix: str) -> None:
    """405 with Allow, in the envelope, on both paths; a method override counts for nothing."""
    if (method, suffix) == ("POST", "/cancel"):
        return
    identifier = client.given("payout-intents", "requires_approval")["id"]
    url, headers = f"/payout_intents/{identifier}{suffix}", {"X-HTTP-Method-Override": "POST"}

    reply = client.http.request(method, url, auth=client.basic(), headers=headers)

    if suffix or method not in {"GET", "HEAD"}:
        assert (reply.status_code, reply.headers["allow"]) == (405, "POST" if suffix else "GET, HEAD")
        assert method == "HEAD" or reply.json()["error"]["code"] == "method_not_allowed"
    assert client.read_intent(identifier)["status"] == "requires_approval"


def test_settlement_leaves_what_is_cancelled_alone(client: Any) -> None:
    """A refused cancel leaves a processing intent payable."""
    cancelled, processing = (
        client.given("payout-intents", "requires_approval")["id"],
        client.given("payout-intents", "processing")["id"],
    )
    client.intent(cancelled)
    client.intent(processing)

    assert client.settle(cancelled) == "cancelled"
    assert client.settle(processing) == "paid"
    assert client.read_intent(processing)["failure_message"] is None


def test_a_settle_that_races_a_cancel_has_one_winner(client: Any) -> None:
    """Either the cancel succeeds and nothing is paid, or the other way round."""
    for _ in range(10):
        identifier = client.given("payout-intents", "requires_approval")["id"]
        with ThreadPoolExecutor(2) as pool:
            reply, _status = pool.submit(client.intent, identifier), pool.submit(client.settle, identifier)
            cancelled = reply.result().status_code == 202
        assert client.read_intent(identifier)["status"] == ("cancelled" if cancelled else "paid")
