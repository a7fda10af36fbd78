"""What makes two refusals the same one: what they say, and nothing that a server numbers or times."""

import json
from typing import Any

from conformance.http.reply import Reply
from conformance.suites.alike import difference
from conformance.suites.withdraws.verbs import why
from tests.http.test_reply import reply


def refusal(message: str = "it failed", status: int = 400, **more: Any) -> Reply:
    """A refused cancel of a withdraw, with fields that no document mentions."""
    body = {"success": False, "error": {"code": "VALIDATION_ERROR", "message": message}, **more}
    return reply(json.dumps(body).encode(), status, (("Content-Type", "application/json"),))


def test_a_short_request_id_makes_no_other_refusal() -> None:
    """Frameworks count requests, and some tell how long each took."""
    one, other = refusal(requestId="req-1f", took_ms=0.42), refusal(requestId="req-1g", took_ms=3.7)

    assert why(one) == why(other)


def test_another_message_code_or_status_is_another_refusal() -> None:
    """Only instants and long ids within a message don't count."""
    assert why(refusal("it failed at 2026-01-01T00:00:00Z")) == why(
        refusal("it failed at 2026-01-01T00:00:01Z")
    )
    assert why(refusal()) != why(refusal("it was canceled before"))
    assert why(refusal()) != why(refusal(status=404))
    assert why(refusal()) != why(reply(b'{"success": false, "error": {"message": "it failed"}}', 400))
    assert why(refusal()) != why(
        reply(b'{"error": {"code": "VALIDATION_ERROR", "message": "it failed"}}', 400)
    )
    assert why(refusal()) != why(reply(b"no JSON", 400))


def test_what_differs_from_request_to_request_tells_nothing() -> None:
    """A value that two answers to the same question don't agree upon isn't what tells a third one from them."""
    nobodys = [refusal(requestId="req-1"), refusal(requestId="req-2")]

    assert difference(refusal(requestId="req-3"), nobodys) is None


def test_what_others_agree_upon_tells_them_apart() -> None:
    """A word in the message, a field, a header, a status."""
    nobodys = [refusal(requestId="req-1"), refusal(requestId="req-2")]

    assert "message" in (difference(refusal("it is another's", requestId="req-3"), nobodys) or "")
    assert "owner" in (difference(refusal(requestId="req-3", owner="m2"), nobodys) or "")
    assert "status" in (difference(refusal(status=403, requestId="req-3"), nobodys) or "")
    found = refusal(requestId="req-3")
    marked = reply(found.exchange.response_body, 400, (*found.headers, ("X-Found", "1")))
    assert "x-found" in (difference(marked, nobodys) or "")
