"""The helpers that both suites judge with: what they must catch, and what they must leave alone."""

from decimal import Decimal

import pytest

from conformance.expect import Violation
from conformance.suites import common
from tests.http.test_reply import reply


def test_an_answer_that_shows_insides_is_told_with_its_kind() -> None:
    """A router's page counts only where the API itself has to answer."""
    with pytest.raises(Violation, match="SQL in"):
        common.shows_no_insides(reply(headers=(("X-Debug", "SQLSTATE[1]"),)), to="a cancel")
    common.shows_no_insides(reply(b'{"error": {"code": "X"}}'), to="a cancel")
    page = reply(b"<!doctype html><h1>Not Found</h1>", 404)
    with pytest.raises(Violation, match="HTML in"):
        common.shows_no_insides(page, to="a cancel")
    common.shows_no_insides(page, to="an odd id", pages=False)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/problem+json"],
)
def test_json_is_json(kind: str) -> None:
    """With or without a charset, whatever the case."""
    common.is_json(reply(b'{"a": 1}', headers=(("Content-Type", kind),)), to="x")


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
        common.is_json(reply(body, headers=(("Content-Type", kind),)), to="x")


@pytest.mark.parametrize(
    "text", ["1234567890", "123 456 7890", "123-456-7890", "TH12 3456 7890", "DE89370400440532013000"]
)
def test_whole_account_numbers(text: str) -> None:
    """Grouped or not, with a country before."""
    assert common.unmasked(text)


@pytest.mark.parametrize(
    "text",
    ["1234****7890", "xxxxxx7890", "XX-XX-7890", "•••• 7890", "12345", "7890", "", "…7890", "123456...7890"],
)
def test_masked_account_numbers(text: str) -> None:
    """Anything that stands for digits, or too few of them."""
    assert not common.unmasked(text)


def test_account_numbers_are_found_among_facts() -> None:
    """At any depth, under any name that has to do with accounts; masked ones and other numbers are left alone."""
    facts = {
        "id": "1234567890",
        "amount": "1000000.00",
        "bankAccountNumber": "1234****7890",
        "bankAccountNumberFull": "1234567890",
        "recipient": {"account": {"number": 9876543210}, "account_last4": "3210"},
    }
    assert sorted(common.account_numbers(facts)) == ["1234567890", "9876543210"]


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
    """But not inside a longer number, which is another one."""
    facts = {"bankAccountNumberFull": "1234567890"}
    if hidden:
        common.hides_account(reply(body), facts, to="x")
    else:
        with pytest.raises(Violation):
            common.hides_account(reply(body), facts, to="x")


T0, T1, T2 = "2024-01-01T00:10:00.000Z", "2024-01-01T00:10:00.001Z", "2024-01-01T00:10:02Z"


def test_order_as_far_as_the_coarser_can_tell() -> None:
    """A second without a fraction may be the same one as any of its milliseconds; within a tick there is no order."""
    assert common.not_after(T0, T1)
    assert common.not_after(T0, T0)
    assert common.not_after("2024-01-01T00:10:02.900Z", T2)
    assert common.not_after("2024-01-01T07:10:00+07:00", T0)
    assert not common.not_after(T2, T0)
    assert common.not_after("2024-01-01T00:10:00.016Z", T0)
    assert not common.not_after("2024-01-01T00:10:00.500Z", T0)
    assert not common.not_after(None, T0)
    assert not common.not_after("yesterday", T0)


def test_one_moment_in_two_texts() -> None:
    """As far as the coarser of the two can tell, whatever the offset; what is no instant is told elsewhere."""
    assert common.is_same_instant(T0, "2024-01-01T07:10:00+07:00")
    assert common.is_same_instant("2024-01-01T00:10:00.123456Z", "2024-01-01T00:10:00.123Z")
    assert common.is_same_instant("2024-01-01T00:10:00.9Z", "2024-01-01T00:10:00Z")
    assert common.is_same_instant(T0, "yesterday")
    assert not common.is_same_instant(T0, "2024-01-01T00:10:00.010Z")
    assert not common.is_same_instant(T0, T2)


def test_what_moved() -> None:
    """Two instants in one tick of a clock of seconds can't be told apart, and pass."""
    assert common.moved(T0, T1)
    assert common.moved("2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z")
    assert not common.moved(T0, T0)
    assert not common.moved(T1, T0)
    assert not common.moved(T0, None)


def test_what_moved_by_the_clock_of_the_change() -> None:
    """An instant of some time before that is the same still hasn't moved; one in the tick of the change may have."""
    assert common.moved(T0, T1, T1)
    assert common.moved(T0, T0, "2024-01-01T00:10:00.010Z")
    assert common.moved("2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z")
    assert not common.moved(T0, T0, T2)
    assert not common.moved("2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z", T2)
    assert not common.moved(T1, T0, T2)


def test_an_instant_is_told_with_its_path() -> None:
    """Any offset will do where the document doesn't show UTC; none at all doesn't name a moment."""
    answer = reply(
        b'{"a": "2024-01-01T07:00:00+07:00", "b": "2024-01-01T00:00:00Z", "c": 1, "e": "2024-01-01T00:00:00"}'
    )
    assert common.is_instant(answer, "a") == common.is_instant(answer, "b", utc=True)
    for path, utc in (("a", True), ("c", False), ("d", False), ("e", False)):
        with pytest.raises(Violation, match=f"{path} is"):
            common.is_instant(answer, path, utc=utc)


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
    assert common.alike(one, two)
    assert common.alike(reply(b"no such word_1", 404), reply(b"no such word_2", 404), ("word_1", "word_2"))
    assert not common.alike(one, reply(one.body, 403))
    assert not common.alike(reply(b"not yours", 404), reply(b"not found", 404))


@pytest.mark.parametrize(
    ("value", "number"), [("1000.00", "1000"), (1000, "1000"), (10.5, "10.5"), ("1e3", "1000")]
)
def test_amounts_are_numbers_however_they_are_written(value: object, number: str) -> None:
    """For comparing what a state provider told with what an answer holds."""
    assert common.amount_of(value) == Decimal(number)


@pytest.mark.parametrize("value", [None, True, "", "1,000.00", [], {}])
def test_what_is_no_amount(value: object) -> None:
    """None."""
    assert common.amount_of(value) is None


def test_a_server_error_is_never_fine() -> None:
    """Whatever was sent."""
    common.no_server_error(reply(status=499), to="x")
    with pytest.raises(Violation):
        common.no_server_error(reply(status=500), to="x")
