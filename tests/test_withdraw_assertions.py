"""The named assertions on answers of the withdraws API: each asks one thing, and passes over what others ask."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.suites.withdraws import assertions
from conformance.suites.withdraws.assertions import why
from tests.http.test_reply import reply


def answer(status: int, **body: Any) -> Reply:
    """An answer in JSON."""
    return reply(json.dumps(body).encode(), status)


def refusal(message: str = "it failed", status: int = 400, **more: Any) -> Reply:
    """A refused cancel of a withdraw, with fields that no document mentions."""
    error = {"code": "VALIDATION_ERROR", "message": message}
    return answer(status, success=False, error=error, **more)


CANCELED = answer(200, success=True, data={"status": "canceled", "paidAt": None})
PAID = answer(200, success=True, data={"status": "paid", "paidAt": "2024-01-01T00:10:00Z"})
NOT_FOUND = answer(404, success=False, error={"code": "RESOURCE_NOT_FOUND", "message": "no"})

# An assertion, answers that pass it and answers that fail it.
CASES: dict[str, tuple[Callable[[Reply], object], list[Reply], list[Reply]]] = {
    "cancelled": (
        lambda one: assertions.cancelled(one, "x"),
        [CANCELED],
        [answer(202, success=True, data={"status": "canceled"}), answer(200, success=True), PAID, refusal()],
    ),
    "refused": (
        lambda one: assertions.refused(one, "x"),
        [refusal(), answer(400, error="it was paid")],
        [refusal(status=409), answer(400, error={"code": "OTHER"}), NOT_FOUND, CANCELED],
    ),
    "not_found": (
        lambda one: assertions.not_found(one, "x"),
        [NOT_FOUND, answer(404)],
        [refusal(status=404), answer(410, error={"code": "RESOURCE_NOT_FOUND"}), CANCELED],
    ),
    "accepted": (lambda one: assertions.accepted(one, "x"), [CANCELED, answer(202)], [refusal(), NOT_FOUND]),
    "not_accepted": (
        lambda one: assertions.not_accepted(one, "x"),
        [answer(401), refusal(), answer(500)],
        [CANCELED, answer(200, success=False)],
    ),
    "not_cancelled": (
        lambda one: assertions.not_cancelled(one, "x"),
        [refusal(), answer(200, success=False), answer(500)],
        [CANCELED, answer(204)],
    ),
    "refused_as_before": (
        lambda one: assertions.refused_as_before(one, refusal(), "x"),
        [refusal(), refusal(requestId="7")],
        [refusal("it was paid"), refusal(status=409), CANCELED],
    ),
    "stays_canceled": (
        lambda one: assertions.stays_canceled(one, CANCELED, "x"),
        [CANCELED, answer(200, data={"status": "CANCELLED"})],
        [PAID, answer(200, data={"status": "canceled", "paidAt": "2024-01-01T00:10:00Z"}), NOT_FOUND],
    ),
    "stays_paid": (
        lambda one: assertions.stays_paid(one, "x"),
        [PAID],
        [CANCELED, answer(200, data={"status": "paid", "canceledAt": "2024-01-01T00:10:00Z"})],
    ),
    "is_unchanged": (
        lambda one: assertions.is_unchanged(
            {"status": "paid", "note": None}, one, "a refused cancel (400)", what="a paid withdraw"
        ),
        [answer(200, data={"status": "paid"}), answer(200, data={"status": "paid", "more": None})],
        [PAID, answer(200, data={"status": "failed"}), answer(200)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_assertion_tells_good_answers_from_bad_ones(name: str) -> None:
    """A Violation shows the answer."""
    check, good, bad = CASES[name]

    for one in good:
        check(one)
    for one in bad:
        with pytest.raises(Violation) as caught:
            check(one)
        assert caught.value.reply is one
        assert caught.value.observed


def test_no_answer_at_all_is_no_acceptance() -> None:
    """WD-39 judges that an odd body is answered."""
    assertions.not_accepted(None, "x")


def test_a_paid_at_from_before_is_another_requirements_affair() -> None:
    """WD-18 judges it in the answer to the cancel."""
    paid = answer(200, data={"status": "canceled", "paidAt": "2024-01-01T00:10:00Z"})

    assertions.stays_canceled(paid, paid, "x")


@pytest.mark.parametrize(
    ("body", "status", "taken"),
    [
        ({"success": True}, 200, True),
        ({"data": {}}, 202, True),
        ({"success": "true"}, 201, True),
        ({"success": True, "error": None}, 200, True),
        ({"success": False}, 200, False),
        ({"success": "false"}, 200, False),
        ({"error": {"code": "VALIDATION_ERROR"}}, 200, False),
        ({"success": True}, 400, False),
    ],
)
def test_what_is_taken_for_a_success(body: dict[str, object], status: int, taken: bool) -> None:
    """However it is put: that it is put as documented is for WD-01 to judge, how a refusal is, for WD-07 and WD-26."""
    assert assertions.succeeded(reply(json.dumps(body).encode(), status)) is taken


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


TITLES = {
    "A paid withdraw was cancelled (200)": answer(200, success=True, data={"status": "canceled"}),
    "A cancel of a paid withdraw was accepted (200)": answer(200, success=True, data={"status": "paid"}),
    "A cancel of a paid withdraw was answered 409 TAKEN instead of 400 VALIDATION_ERROR": answer(
        409, success=False, error={"code": "TAKEN"}
    ),
    'A cancel of a paid withdraw was answered 400 with error.code "TAKEN" instead of "VALIDATION_ERROR"': answer(
        400, success=False, error={"code": "TAKEN"}
    ),
    "A cancel of a paid withdraw was answered 200 with success false instead of 400 VALIDATION_ERROR": answer(
        200, success=False, error={"code": "VALIDATION_ERROR"}
    ),
}


@pytest.mark.parametrize("title", TITLES)
def test_the_title_of_a_wrong_refusal_is_what_the_target_did(title: str) -> None:
    with pytest.raises(Violation) as found:
        assertions.refused(TITLES[title], "a cancel of a paid withdraw", withdraw="a paid withdraw")

    assert found.value.fault == title


def test_a_refusal_in_the_apis_own_envelope_is_no_crash() -> None:
    """A 501 with a code was mapped on purpose."""
    mapped = answer(501, success=False, error={"code": "NOT_SUPPORTED"})
    with pytest.raises(Violation) as found:
        assertions.refused(mapped, "a cancel of a paid withdraw")

    assert "error.code" in found.value.hint


def test_a_success_says_whether_a_read_shows_the_same() -> None:
    taken = answer(200, success=True, data={"status": "canceled"})
    read = answer(200, success=True, data={"status": "paid"})
    with pytest.raises(Violation) as found:
        assertions.refused(
            taken, "a cancel of a paid withdraw", withdraw="a paid withdraw", read=lambda: read
        )

    assert found.value.persisted == 'a read shows the right value, "paid"'
