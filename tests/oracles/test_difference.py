"""Differences between answers: their words and form, and nothing that a server numbers or times."""

import json
from typing import Any

import pytest

from conformance.http.reply import Reply
from conformance.oracles.difference import alike, difference
from tests.http.test_reply import reply


def refusal(message: str = "it failed", status: int = 400, **more: Any) -> Reply:
    """A refused cancel of a withdraw, with fields that no document mentions."""
    body = {"success": False, "error": {"code": "VALIDATION_ERROR", "message": message}, **more}
    return reply(json.dumps(body).encode(), status, (("Content-Type", "application/json"),))


def test_what_differs_from_request_to_request_tells_nothing() -> None:
    """A value that two answers to the same question don't agree upon isn't what tells a third one from them."""
    nobodys = [refusal(requestId="req-1"), refusal(requestId="req-2")]

    assert difference(refusal(requestId="req-3"), nobodys) is None


@pytest.mark.parametrize(
    "ids",
    [("2fbab97e74d1", "1c9d83e0aa07", "fbab9517e74d"), ("1a2b3c4d5e6f", "2b3c4d5e6f1a", "deadbeefcafe")],
    ids=["digits late", "no digit at all"],
)
def test_a_random_id_tells_nothing_however_it_falls_out(ids: tuple[str, str, str]) -> None:
    """Random ids in two answers are no difference, whether they look like ids or like words."""
    one, other, third = ids

    assert difference(refusal(requestId=third), [refusal(requestId=one), refusal(requestId=other)]) is None


def test_a_word_that_two_answers_share_tells_a_third_apart() -> None:
    """Nor does an id elsewhere in the answer hide a code that is another one."""
    nobodys = [refusal(kind="NOT_FOUND_4040", requestId=number) for number in ("9f1c", "77ab")]

    assert "kind" in (difference(refusal(kind="FOREIGN_4031", requestId="5d5d"), nobodys) or "")


def test_what_others_agree_upon_tells_them_apart() -> None:
    """A word in the message, a field, a header, a status."""
    nobodys = [refusal(requestId="req-1"), refusal(requestId="req-2")]

    assert "message" in (difference(refusal("it is another's", requestId="req-3"), nobodys) or "")
    assert "owner" in (difference(refusal(requestId="req-3", owner="m2"), nobodys) or "")
    assert "status" in (difference(refusal(status=403, requestId="req-3"), nobodys) or "")
    found = refusal(requestId="req-3")
    marked = reply(found.exchange.response_body, 400, (*found.headers, ("X-Found", "1")))
    assert "x-found" in (difference(marked, nobodys) or "")


def test_answers_that_differ_in_ids_and_times_are_alike() -> None:
    """Request ids, instants and the echoed id tell nobody anything."""
    one = reply(
        b'{"message": "No withdraw 660e8400-e29b-41d4-a716-446655440001", "at": "2024-01-01T00:10:00.000Z"}',
        404,
    )
    two = reply(
        b'{"message": "No withdraw 9b2d1c77-0000-4000-8000-000000000000", "at": "2024-01-02T00:10:00.999Z"}',
        404,
    )
    assert alike(one, two)
    assert alike(reply(b"no such word_1", 404), reply(b"no such word_2", 404), ("word_1", "word_2"))
    assert not alike(one, reply(one.body, 403))
    assert not alike(reply(b"not yours", 404), reply(b"not found", 404))
