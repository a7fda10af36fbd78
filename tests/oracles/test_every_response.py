"""The assertions that hold for every answer: what they must catch, and what they must leave alone."""

import pytest

from conformance.oracles import every_response
from conformance.oracles.expect import Violation
from conformance.states.accounts import account_numbers, unmasked
from tests.http.test_reply import reply


def test_an_answer_that_shows_insides_is_told_with_its_kind() -> None:
    """A router's page counts only where the API itself has to answer."""
    with pytest.raises(Violation, match="SQL in"):
        every_response.discloses_nothing(reply(headers=(("X-Debug", "SQLSTATE[1]"),)), to="a cancel")
    every_response.discloses_nothing(reply(b'{"error": {"code": "X"}}'), to="a cancel")
    page = reply(b"<!doctype html><h1>Not Found</h1>", 404)
    with pytest.raises(Violation, match="HTML in"):
        every_response.discloses_nothing(page, to="a cancel")
    every_response.discloses_nothing(page, to="an odd id", pages=False)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/problem+json"],
)
def test_json_is_json(kind: str) -> None:
    """With or without a charset, whatever the case."""
    every_response.is_json(reply(b'{"a": 1}', headers=(("Content-Type", kind),)), to="x")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"{}"),
        ("text/json", b"{}"),
        ("", b"{}"),
        ("application/jsonp", b"{}"),
        ("application/json", b""),
        ("application/json", b"no"),
        ("application/json", b'{"a": 1, "a": 1}'),
        ("application/json", b"NaN"),
    ],
)
def test_what_is_not_json_is_told(kind: str, body: bytes) -> None:
    """By its type or by its content."""
    with pytest.raises(Violation):
        every_response.is_json(reply(body, headers=(("Content-Type", kind),)), to="x")


@pytest.mark.parametrize(
    "text", ["1234567890", "123 456 7890", "123-456-7890", "TH12 3456 7890", "DE89370400440532013000"]
)
def test_whole_account_numbers(text: str) -> None:
    """Grouped or not, with a country before."""
    assert unmasked(text)


@pytest.mark.parametrize(
    "text",
    ["1234****7890", "xxxxxx7890", "XX-XX-7890", "•••• 7890", "12345", "7890", "", "…7890", "123456...7890"],
)
def test_masked_account_numbers(text: str) -> None:
    """Anything that stands for digits, or too few of them."""
    assert not unmasked(text)


def test_account_numbers_are_found_among_facts() -> None:
    """At any depth, under any name that has to do with accounts; masked ones and other numbers are left alone."""
    facts = {
        "id": "1234567890",
        "amount": "1000000.00",
        "bankAccountNumber": "1234****7890",
        "bankAccountNumberFull": "1234567890",
        "recipient": {"account": {"number": 9876543210}, "account_last4": "3210"},
    }
    assert sorted(account_numbers(facts)) == ["1234567890", "9876543210"]


@pytest.mark.parametrize(
    ("body", "hidden"),
    [
        (b'{"n": "1234****7890"}', True),
        (b'{"n": "1234567890"}', False),
        (b'{"n": "1234 5678 90"}', False),
        (b'{"n": "12-34567890"}', False),
        (b'{"n": 1234567890}', False),
        (b'{"n": "01234567890"}', True),
        (b'{"n": "12345678901"}', True),
        (b'{"n": "\\u0031234567890"}', False),
    ],
)
def test_a_full_number_is_found_however_it_is_grouped(body: bytes, hidden: bool) -> None:
    """An account number is found in any grouping, but not inside a longer number."""
    facts = {"bankAccountNumberFull": "1234567890"}
    if hidden:
        every_response.hides_account(reply(body), facts, to="x")
    else:
        with pytest.raises(Violation):
            every_response.hides_account(reply(body), facts, to="x")


def test_a_server_error_is_never_fine() -> None:
    """A server error fails, whatever the request was."""
    every_response.no_server_error(reply(status=499), to="x")
    with pytest.raises(Violation):
        every_response.no_server_error(reply(status=500), to="x")
