"""Cancels that lost a race are compared: one that was refused in other words may have been refused for no reason."""

from datetime import UTC, datetime

import pytest

from conformance.http.reply import Reply
from conformance.model import Auth, Exchange
from conformance.oracles.refused_cancels import losers_differ
from conformance.oracles.run_answers import RecordedAnswer
from conformance.states import Resource, Wanted

PENDING = Resource("7f", Wanted("withdraws", "pending"), {})
WON, FINAL = (
    (200, "{}"),
    (400, '{"error": {"code": "VALIDATION_ERROR", "message": "7f is canceled since 12:00:01."}}'),
)


def an_answer(status: int, body: str, written: float, *, by: str = "primary") -> RecordedAnswer:
    """An answer to a cancel of the pending withdraw that took a tenth of a second."""
    headers = (("Content-Type", "application/json"),)
    sent_at = datetime(2026, 1, 2, tzinfo=UTC)
    exchange = Exchange(
        started_at="2026-01-02T00:00:00.000000Z",
        duration_s=0.1,
        method="POST",
        url="http://127.0.0.1/withdraws/7f/cancel",
        request_headers=(),
        request_body=b"",
        auth=Auth.DOCUMENTED,
        status=status,
        http_version="HTTP/1.1",
        response_headers=headers,
        response_body=body.encode(),
    )
    reply = Reply(status, headers, body.encode(), False, sent_at, 0.1, written, written + 0.1, exchange)
    return RecordedAnswer(reply, by, PENDING, documented=True)


def differ(*answers: RecordedAnswer) -> bool:
    """Whether losers differ among answers about pending withdraws."""
    return losers_differ(answers, lambda resource: resource.status == "pending")


def test_losers_of_one_refusal_do_not_differ() -> None:
    """A number, an id or a time in a message is new in each answer, and no other refusal."""
    later = (400, FINAL[1].replace("12:00:01", "12:00:02.5Z"))

    assert not differ(an_answer(*WON, 0.0), an_answer(*FINAL, 0.01), an_answer(*later, 0.02))


@pytest.mark.parametrize(
    "other",
    [
        (409, '{"error": {"code": "VALIDATION_ERROR", "message": "7f is canceled since 12:00:01."}}'),
        (400, '{"error": {"code": "CONFLICT", "message": "7f is canceled since 12:00:01."}}'),
        (400, '{"error": {"code": "VALIDATION_ERROR", "message": "It is in use."}}'),
        (400, "no JSON"),
    ],
    ids=["status", "code", "message", "body"],
)
def test_losers_differ_by_status_code_or_message(other: tuple[int, str]) -> None:
    """One of them was refused for another reason."""
    assert differ(an_answer(*WON, 0.0), an_answer(*FINAL, 0.01), an_answer(*other, 0.02))


@pytest.mark.parametrize(
    "other",
    [
        an_answer(409, "{}", 5.0),
        an_answer(503, "{}", 0.02),
        an_answer(404, "{}", 0.02, by="other_merchant"),
    ],
    ids=["by_itself", "for_the_time_being", "by_a_stranger"],
)
def test_only_losers_are_compared(other: RecordedAnswer) -> None:
    """A cancel that was sent by itself or by another caller, or that was put off, has lost no race."""
    assert not differ(an_answer(*WON, 0.0), an_answer(*FINAL, 0.01), other)
