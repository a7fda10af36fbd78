"""What a bare assert can't say."""

import json
from typing import Any

import pytest

from conformance.http.reply import MISSING
from conformance.oracles import expect
from conformance.oracles.expect import Answer, Violation
from tests.http.test_reply import reply

REFUSED = Answer(400, "VALIDATION_ERROR", (("success", False),))


def body(**values: object) -> bytes:
    """A JSON object."""
    return json.dumps(values).encode()


def test_the_documented_answer_is_handed_back() -> None:
    """More than was asked for is tolerated."""
    good = reply(body(success=False, error={"code": "VALIDATION_ERROR", "message": "no"}, more=1), 400)

    assert expect.answered(good, REFUSED) is good


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (reply(body(success=False, error={"code": "VALIDATION_ERROR"}), 409), "status 409"),
        (
            reply(body(success=False, error={"code": "validation_error"}), 400),
            "error.code is 'validation_error'",
        ),
        (reply(body(success="false", error={"code": "VALIDATION_ERROR"}), 400), "success is 'false'"),
        (reply(body(success=0, error={"code": "VALIDATION_ERROR"}), 400), "success is 0"),
        (reply(b"<html>", 400), "error.code is <missing>"),
        (reply(b"", 500), "status 500, error.code is <missing>, success is <missing>"),
    ],
)
def test_every_difference_is_named(given: object, says: str) -> None:
    """What was expected, what came, and the answer itself."""
    with pytest.raises(Violation) as caught:
        expect.answered(given, REFUSED, to="a cancel")  # type: ignore[arg-type]

    assert says in caught.value.observed
    assert caught.value.expected == "400 with error.code 'VALIDATION_ERROR', success False to a cancel"
    assert caught.value.reply is given


def test_unchanged_reads_an_absent_key_as_null() -> None:
    """Either way of saying nothing is the same; a value that comes, goes or differs is a change, at any depth."""
    answer = reply(b"{}")
    whole: dict[str, Any] = {"a": 1, "b": None, "c": {"d": 2, "e": None}, "f": [{"g": None}]}
    for after in (whole, {"a": 1, "c": {"d": 2}, "f": [{}]}, {**whole, "more": 3}):
        expect.unchanged(whole, after, ("a", "b", "c", "f"), reply=answer, after_what="reading")
        expect.unchanged(after, whole, ("a", "b", "c", "f"), reply=answer, after_what="reading")
    for after in ({**whole, "a": "1"}, {**whole, "b": ""}, {**whole, "c": {"d": 2, "e": 0}}, {}, [], MISSING):
        with pytest.raises(Violation):
            expect.unchanged(whole, after, ("a", "b", "c", "f"), reply=answer, after_what="reading")


def test_a_field_is_handed_back_if_it_is_good() -> None:
    """And named if it is not."""
    answer = reply(body(data={"id": "x"}))
    assert expect.field(answer, "data.id", lambda value: value == "x", "x") == "x"
    with pytest.raises(Violation, match=r"data\.no to be there; observed data\.no is <missing>"):
        expect.field(answer, "data.no", bool, "there")
