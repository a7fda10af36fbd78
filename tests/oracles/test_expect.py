"""Expectations name every difference, which a bare assert can't."""

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
            'error.code is "validation_error"',
        ),
        (reply(body(success="false", error={"code": "VALIDATION_ERROR"}), 400), 'success is "false"'),
        (reply(body(success=0, error={"code": "VALIDATION_ERROR"}), 400), "success is 0"),
        (reply(b"<html>", 400), "no JSON object (the answer was 400 <html>)"),
        (reply(b"", 500), "status 500, without a body"),
        (reply(b"{}", 400), "error.code is absent, success is absent"),
    ],
)
def test_every_difference_is_named(given: object, says: str) -> None:
    """A failed expectation names what was expected, what was observed, and the answer."""
    with pytest.raises(Violation) as caught:
        expect.answered(given, REFUSED, to="a cancel")  # type: ignore[arg-type]

    assert says in caught.value.observed
    assert caught.value.expected == "400 VALIDATION_ERROR with success false to a cancel"
    assert caught.value.reply is given


def test_unchanged_reads_an_absent_key_as_null() -> None:
    """`unchanged` reads an absent key as null; a value that appears, disappears or differs is a change."""
    answer = reply(b"{}")
    whole: dict[str, Any] = {"a": 1, "b": None, "c": {"d": 2, "e": None}, "f": [{"g": None}]}
    for after in (whole, {"a": 1, "c": {"d": 2}, "f": [{}]}, {**whole, "more": 3}):
        expect.unchanged(whole, after, ("a", "b", "c", "f"), reply=answer, after_what="reading")
        expect.unchanged(after, whole, ("a", "b", "c", "f"), reply=answer, after_what="reading")
    for after in ({**whole, "a": "1"}, {**whole, "b": ""}, {**whole, "c": {"d": 2, "e": 0}}, {}, [], MISSING):
        with pytest.raises(Violation):
            expect.unchanged(whole, after, ("a", "b", "c", "f"), reply=answer, after_what="reading")


def test_a_field_is_handed_back_if_it_is_good() -> None:
    """A valid field is returned; an invalid one is named."""
    answer = reply(body(data={"id": "x"}))
    assert expect.field(answer, "data.id", lambda value: value == "x", "x") == "x"
    with pytest.raises(Violation, match=r"data\.no to be there; observed data\.no is absent"):
        expect.field(answer, "data.no", bool, "there")


@pytest.mark.parametrize(
    ("given", "title"),
    [
        (
            reply(body(success=False, error={"code": "CONFLICT"}), 409),
            "A cancel was answered 409 CONFLICT instead of 400 VALIDATION_ERROR",
        ),
        (
            reply(body(success=False, error={"code": "NO"}), 400),
            'A cancel was answered 400 with error.code "NO" instead of "VALIDATION_ERROR"',
        ),
        (
            reply(body(success=None, error={"code": "VALIDATION_ERROR"}), 400),
            "A cancel was answered 400 with success null instead of false",
        ),
        (
            reply(body(error={"code": "VALIDATION_ERROR"}), 400),
            "A cancel was answered 400 without success instead of false",
        ),
        (
            reply(b"<html><h1>No</h1>", 404),
            "A cancel was answered 404 with an HTML page instead of 400 VALIDATION_ERROR",
        ),
    ],
)
def test_the_title_is_what_was_answered(given: object, title: str) -> None:
    """The deciding field and its value, in JSON's words."""
    with pytest.raises(Violation) as caught:
        expect.answered(given, REFUSED, to="a cancel")  # type: ignore[arg-type]

    assert caught.value.fault == title


@pytest.mark.parametrize(
    ("given", "read", "title", "observed", "persisted"),
    [
        (b'{"a": null}', b'{"a": null}', "a was null in the 202", "a is null", "a read shows the same"),
        (
            b"{}",
            b'{"a": "x"}',
            "a was missing from the 202",
            "a is absent",
            'a read shows the right value, "x"',
        ),
        (
            b'{"a": 1}',
            b'{"a": 2}',
            "a was the number 1 in the 202",
            "a is 1",
            "a read shows another wrong value, 2",
        ),
        (b"no", b"no", "The 202 was answered 202", "202 no", "a read shows the same"),
    ],
)
def test_a_wrong_field_is_told_with_what_a_read_shows(
    given: bytes, read: bytes, title: str, observed: str, persisted: str
) -> None:
    """Saved or only shown: the developer needn't find out."""
    with pytest.raises(Violation) as caught:
        expect.field(
            reply(given, 202), "a", lambda value: value == "x", "x", where="the 202", read=reply(read)
        )

    assert caught.value.fault == title
    assert caught.value.observed.startswith(observed)
    assert caught.value.persisted == persisted


def test_an_error_has_no_field_that_is_absent() -> None:
    """An answer with an error is reported itself, instead of the key that it lacks."""
    with pytest.raises(Violation) as caught:
        expect.field(reply(b'{"error": {"code": "busy"}}', 503), "a", bool, "there", where="GET")

    assert caught.value.observed == '503 {"error": {"code": "busy"}}'
    assert caught.value.fault == "GET was answered 503 busy"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "without a body"),
        (b"ok", "without a JSON object in its body"),
        (b"[]", "without a JSON object in its body"),
    ],
)
def test_right_status_without_the_documented_body_is_told_by_its_body(raw: bytes, says: str) -> None:
    """The title names what is missing, and not the status, which is right."""
    with pytest.raises(Violation) as caught:
        expect.answered(reply(raw, 400), REFUSED, to="a cancel")

    assert caught.value.fault.startswith("A cancel was answered 400")
    assert caught.value.fault.endswith(says)
