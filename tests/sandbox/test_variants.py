"""Honest implementations that differ: each switch does what it says, and nothing worse."""

import asyncio
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest

from conformance.sandbox import list_variants
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.withdraws.model import printed
from tests.support import eventually


def each_switch() -> list[tuple[str, Any]]:
    """Every switch with finite choices, at every value that isn't its default."""
    return [(name, value) for name, choices in list_variants().items() for value in choices[1:]]


@pytest.mark.parametrize(("name", "value"), each_switch())
def test_the_core_of_the_documents_holds_under_every_variant(bent: Any, name: str, value: Any) -> None:
    """Cancels have the documented status and effect, refusals the documented status and code."""
    client = bent(**{name: value}).client
    facts = client.given("withdraws", "pending")
    first, second = client.withdraw(facts["id"]), client.withdraw(facts["id"])
    assert (first.status_code, first.json()["data"]["status"]) == (200, "canceled")
    told = first.json()["data"]
    canceled, updated, before = map(
        datetime.fromisoformat, (told["canceledAt"], told["updatedAt"], facts["updatedAt"])
    )
    assert canceled == updated != before
    assert (second.status_code, second.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert client.withdraw(str(uuid.uuid4())).status_code == 404

    identifier = client.given("payout-intents", "requires_approval")["id"]
    statuses = [client.intent(identifier, {"reason": reason}, key="k").status_code for reason in "aab"]
    assert statuses == [202, 202, 409]
    assert client.read_intent(identifier)["failure_message"] == "a"
    refused = client.intent(identifier)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "approval_required")
    assert client.intent("word_01UNKNOWN").json()["error"]["code"] == "not_found"


def test_statuses_that_the_documents_leave_open(bent: Any) -> None:
    """Each undocumented status can be switched to its other value."""
    client = bent(auth_status=403, challenge=False, malformed_id_status=414, bad_reason_status=422).client
    reply = client.withdraw("x", headers={})
    assert (reply.status_code, "www-authenticate" in reply.headers) == (403, False)
    assert client.withdraw("x").status_code == 414
    assert client.intent("%00").status_code == 414
    identifier = client.given("payout-intents", "requires_approval")["id"]
    assert client.intent(identifier, {"reason": 1}).status_code == 422


@pytest.mark.parametrize(
    ("value", "message"), [("null", None), ("empty", ""), ("default", "Cancelled by the merchant.")]
)
def test_what_stands_in_for_no_reason(bent: Any, value: str, message: str | None) -> None:
    """Null, empty or a default."""
    client = bent(failure_message_absent=value).client
    identifier = client.given("payout-intents", "requires_approval")["id"]
    assert client.intent(identifier).json()["failure_message"] == message


def test_processing_and_reading_can_be_off(bent: Any) -> None:
    """A provider that can't stop anything, and an API as the document has it."""
    client = bent(processing_cancellable=False, read_endpoint=False).client
    processing = client.given("withdraws", "processing")["id"]
    assert client.withdraw(processing).status_code == 400
    assert client.read_withdraw(processing).status_code == 404


def test_terminal_states_have_other_names(bent: Any) -> None:
    """Settlement leads to the second of them."""
    client = bent(terminal=["cancelled", "completed", "returned"]).client
    processing = client.given("payout-intents", "processing")["id"]
    assert client.settle(processing) == "completed"
    assert client.intent(client.given("payout-intents", "returned")["id"]).status_code == 422


def test_processing_can_settle_by_itself(bent: Any) -> None:
    """After so many milliseconds, also for a withdraw."""
    client = bent(processing_settles_ms=20).client
    intent, withdraw = (
        client.given("payout-intents", "processing")["id"],
        client.given("withdraws", "processing")["id"],
    )
    eventually(lambda: client.read_intent(intent)["status"] == "paid")
    eventually(lambda: client.read_withdraw(withdraw).json()["data"]["status"] == "paid")
    assert client.withdraw(withdraw).status_code == 400


def test_reading_can_lag(bent: Any) -> None:
    """A cancel is read a while later, and is decided upon at once."""
    opened = bent(read_lag_ms=3_600_000)
    client = opened.client
    identifier = client.given("payout-intents", "requires_approval")["id"]
    assert client.intent(identifier, {"reason": "late"}).json()["status"] == "cancelled"
    before = client.read_intent(identifier)
    assert (before["status"], before["failure_message"]) == ("requires_approval", None)
    assert client.intent(identifier).status_code == 422

    opened.sandbox.configure(variants={"read_lag_ms": 20}, reset=False)
    eventually(lambda: client.read_intent(identifier)["failure_message"] == "late")


def test_a_budget_runs_out_per_state(bent: Any) -> None:
    """422, which a harness reads as not to be had."""
    client = bent(budget=1).client
    client.given("withdraws", "pending")
    client.given("withdraws", "paid")
    order = {"action": "setup", "params": {"contract": "withdraws", "status": "pending"}}
    assert client.http.post("/_states", json=order).status_code == 422


def test_a_rate_limit_says_when_to_come_back(bent: Any) -> None:
    """429 with Retry-After, in the envelope of the API."""
    client = bent(rate_limit=1).client
    asked = eventually(
        lambda: [one for one in [client.withdraw(str(uuid.uuid4()))] if one.status_code == 429]
    )
    assert asked[0].headers["retry-after"] == "1"
    assert asked[0].json()["error"]["code"] == "RATE_LIMITED"


@pytest.mark.parametrize(
    ("style", "content_type", "method_status"),
    [
        ("starlette", "application/json", 405),
        ("express", "text/html", 404),
        ("flask", "text/html", 405),
        ("spring", "application/json", 405),
    ],
)
def test_frameworks_answer_for_unknown_routes(
    bent: Any, style: str, content_type: str, method_status: int
) -> None:
    """Each framework's answer to an unknown route can be switched on."""
    client = bent(unknown_route=style).client
    reply = client.http.get("/payout_intents/x/y")
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (404, content_type)
    assert client.http.delete("/payout_intents/x/cancel").status_code == method_status


def test_duplicates_in_flight_can_be_conflicts(bent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrent duplicates are one 202 and 409 for the others; a later retry is a replay."""
    begun, answered = threading.Event(), threading.Event()

    async def wait_as_told(_: object) -> None:
        begun.set()
        await asyncio.to_thread(answered.wait)

    monkeypatch.setattr(PayoutIntents, "wait_as_told", wait_as_told)
    client = bent(in_flight="409").client
    identifier = client.given("payout-intents", "requires_approval")["id"]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.intent, identifier, key="k")
        begun.wait()
        meanwhile = [client.intent(identifier, key="k").status_code for _ in range(3)]
        answered.set()
    assert (first.result().status_code, meanwhile) == (202, [409] * 3)
    assert client.intent(identifier, key="k").status_code == 202


def test_a_kept_refusal_is_replayed(bent: Any) -> None:
    """A stored refusal is replayed even after the intent has changed its state."""
    client = bent(replay_refusals=True, replay_header=True).client
    identifier = client.given("payout-intents", "processing")["id"]
    first = client.intent(identifier, key="k")
    client.settle(identifier)
    again = client.intent(identifier, key="k")
    assert (again.status_code, again.text) == (422, first.text)
    assert again.headers["idempotent-replayed"] == "true"


def test_a_used_key_can_precede_the_lookup(bent: Any) -> None:
    """409 where the id is unknown."""
    client = bent(key_check="before_lookup").client
    client.intent(client.given("payout-intents", "requires_approval")["id"], key="k")
    assert client.intent("word_01UNKNOWN", key="k").status_code == 409
    assert client.intent("word_01UNKNOWN", key="fresh").status_code == 404


def test_the_wire_varies(bent: Any) -> None:
    """Charset, letter case, closing, chunks and pretty JSON; the Date follows the skewed clock."""
    options = {"charset": True, "header_case": "odd", "keep_alive": False, "chunked": True, "pretty": True}
    client = bent(**options, clock_skew_s=86_400).client
    facts = client.given("withdraws", "pending")
    later = str(int(client.signed()["X-Timestamp"]) + 86_400_000)
    assert client.withdraw(facts["id"]).status_code == 401
    reply = client.withdraw(facts["id"], headers=client.signed(timestamp=later))
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert b"cOnTeNt-tYpE" in dict(reply.headers.raw)
    assert (reply.headers["connection"], reply.headers["transfer-encoding"]) == ("close", "chunked")
    assert reply.text == json.dumps(reply.json(), indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    ("form", "ends"), [("ms", "Z"), ("micros", "000Z"), ("seconds", "Z"), ("offset", "+00:00")]
)
def test_instants_have_forms(bent: Any, form: str, ends: str) -> None:
    """Every form of instants is ISO 8601."""
    facts = bent(instants=form).client.given("withdraws", "pending")
    assert facts["createdAt"].endswith(ends)


def test_each_so_many_th_request_meets_an_outage(bent: Any) -> None:
    """By a front server's page, which asks to come back; what a provider state takes isn't counted."""
    client = bent(unavailable_every=2, retry_after_s=7).client
    first, *_ = [client.given("withdraws", "pending") for _ in range(3)]
    replies = [client.withdraw(first["id"]) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [200, 503, 400]
    assert (replies[1].headers["retry-after"], replies[1].headers["content-type"]) == ("7", "text/html")


@pytest.mark.parametrize(("kind", "then"), [("lost", 200), ("too_late", 400)])
def test_a_connection_is_lost_before_or_after_the_work(bent: Any, kind: str, then: int) -> None:
    """No answer comes; whether the request was carried out, only the next one tells."""
    client = bent(unavailable_every=2, unavailable_as=kind).client
    client.withdraw(str(uuid.uuid4()))
    identifier = client.given("withdraws", "pending")["id"]

    with pytest.raises(httpx.RemoteProtocolError):
        client.withdraw(identifier)
    assert client.withdraw(identifier).status_code == then


def test_a_source_can_be_unavailable_too(bent: Any) -> None:
    """The endpoint of provider states answers as the front server does."""
    client = bent(unavailable_every=1, unavailable_as="502", unavailable_source=True).client
    message = {"action": "setup", "params": {"contract": "withdraws", "status": "pending"}}

    assert client.http.post("/_states", json=message).status_code == 502


def test_withdraws_differ_in_form(bent: Any) -> None:
    """Nulls are left out, dates have an offset, and amounts lose their last zero; other facts stay."""
    client = bent(nulls="left out", instants="zone", amounts="printed").client
    facts = client.given("withdraws", "pending")
    told = client.withdraw(facts["id"]).json()["data"]

    assert {"paidAt", "destinationId"} & told.keys() == set()
    assert told["canceledAt"].endswith("+08:00")
    assert (told["amount"], told["referenceId"]) == (printed(facts["amount"]), facts["referenceId"])
    assert [printed(one) for one in ("1000.00", "7.10", "0.25", "300")] == ["1000", "7.1", "0.25", "300"]


def test_a_coarse_clock_ties(bent: Any) -> None:
    """A coarse clock gives creation and cancel one date; canceledAt is exact."""
    client = bent(fresh=True, clock_step_ms=3_600_000).client
    facts = client.given("withdraws", "pending")
    told = client.withdraw(facts["id"]).json()["data"]

    assert told["createdAt"] == told["updatedAt"] == facts["updatedAt"]
    assert told["canceledAt"] >= told["updatedAt"]


def test_a_signature_may_cover_json_only(bent: Any) -> None:
    """A body of another type is outside it."""
    client = bent(covers="json").client
    statuses = []
    for kind in ("application/json", "text/plain"):
        identifier = client.given("withdraws", "pending")["id"]
        headers = {**client.signed(), "Content-Type": kind}
        path = f"/api/v1/withdraws/{identifier}/cancel"
        statuses.append(client.http.post(path, headers=headers, content=b"{}").status_code)

    assert statuses == [401, 200]


def test_a_header_or_the_query_may_name_the_method(bent: Any) -> None:
    """A header or the query can override the method, as in some frameworks."""
    client = bent(method_override=True).client
    identifiers = [client.given("withdraws", "pending")["id"] for _ in range(2)]
    path = "/api/v1/withdraws/{}/cancel"
    header = {**client.signed(), "X-HTTP-Method-Override": "POST"}

    assert client.http.get(path.format(identifiers[0]), headers=header).status_code == 200
    assert client.http.get(f"{path.format(identifiers[1])}?_method=POST", headers=client.signed()).is_success


def test_a_source_may_keep_to_itself_what_a_provider_supports(bent: Any) -> None:
    """It makes what it was asked for all the same."""
    client = bent(tells_support=False).client
    facts = client.given("withdraws", "processing", provider_supports_cancel=False)

    assert "provider_supports_cancel" not in facts
    assert client.withdraw(facts["id"]).status_code == 400


def test_a_front_server_may_cut_off_what_is_long(bent: Any) -> None:
    """Without an answer."""
    client = bent(gateway="cutter").client

    with pytest.raises(httpx.RemoteProtocolError):
        client.withdraw("a" * 9_000)
    assert client.withdraw("a").status_code == 404


def test_latency_is_felt(bent: Any) -> None:
    """By the APIs, not by the endpoints beside them: those answer while a request to an API waits."""
    client = bent(latency_ms=3_600_000).client
    with pytest.raises(httpx.ReadTimeout):
        client.withdraw("x", timeout=0.05)
    assert client.http.get("/_control").status_code == 200

    client.http.post("/_control", json={"variants": {"latency_ms": 50, "jitter_ms": 1}})
    started = time.perf_counter()
    client.withdraw("x")
    assert time.perf_counter() - started >= 0.049
