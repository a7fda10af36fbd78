"""Answers as checks read them: nothing that a target sends makes reading raise."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.http.reply import MISSING, NotStrictJson, Reply, instant, strict_json
from conformance.model import Auth, Exchange


def reply(body: bytes = b"{}", status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """An answer that nobody had to send."""
    exchange = Exchange(
        "2026-01-01T00:00:00.000000Z",
        0.1,
        "GET",
        "http://a/b",
        (),
        b"",
        Auth.NONE,
        status,
        "HTTP/1.1",
        headers,
        body,
    )
    return Reply(status, headers, body, False, datetime.now(UTC), 0.1, 1.0, 2.0, exchange)


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_reading_never_raises(body: bytes) -> None:
    """`text`, `json`, `at` and `strings` return for any bytes; only `strictly` raises."""
    found = reply(body)
    assert isinstance(found.text, str)
    assert found.at("error.code") is MISSING or found.json
    list(found.strings())
    with suppress(NotStrictJson):
        found.strictly()


def test_deep_nesting_is_survived() -> None:
    """A body of 100,000 brackets is not JSON for us, and no crash."""
    found = reply(b"[" * 100_000)

    assert found.json is MISSING
    with pytest.raises(NotStrictJson):
        found.strictly()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": 1, "a": 2}', "appears twice"),
        (b'{"a": NaN}', "NaN is not"),
        (b"[Infinity]", "Infinity is not"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
    ],
)
def test_what_rfc_8259_forbids_is_named(body: bytes, why: str) -> None:
    """Parsers that take it hide the defect; the strict reading says what it is."""
    with pytest.raises(NotStrictJson, match=why):
        strict_json(body)


def test_missing_is_nothing_but_missing() -> None:
    """MISSING is false, equals neither null nor its own text, and has a message of its own."""
    found = reply(b'{"a": null, "b": {"c": 0}}')

    assert found.at("a") is None
    assert found.at("b.c") == 0
    assert found.at("b.c.d") is found.at("x") is MISSING
    assert not MISSING
    assert MISSING != None  # noqa: E711 - equality is what checks use
    assert repr(MISSING) == "<missing>"


def test_header_names_have_no_case_and_values_are_joined() -> None:
    """RFC 9110, section 5.3."""
    found = reply(headers=(("Allow", "GET"), ("ALLOW", "POST")))

    assert found.header("allow") == "GET, POST"
    assert found.header("retry-after") is None


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T00:10:00.000Z",
        "2024-01-01T00:10:00Z",
        "2024-01-01T00:10:00.123456789Z",
        "2024-01-01T00:10:00,5+00:00",
        "2024-01-01T07:10:00+0700",
        "2024-01-01T07:10:00+07",
        "2023-12-31T19:10:00-05:00",
    ],
)
def test_instants(text: str) -> None:
    """ISO 8601 with an offset, any number of digits."""
    found = instant(text)

    assert found is not None
    assert abs(found - datetime(2024, 1, 1, 0, 10, tzinfo=UTC)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-01T00:10:00",
        "2024-01-01 00:10:00Z",
        "2024-01-01",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-01-01T25:00:00Z",
        "2024-01-01T00:10:00z",
        "2024-01-01T00:10:00Z ",
        "2024-01-01T00:10:00Z\n",
        "٢٠٢٤-01-01T00:10:00Z",
        "2024-01-01T00:10:00+25:00",
        "Mon, 01 Jan 2024 00:10:00 GMT",
        "",
        1704067800,
        None,
        True,
        MISSING,
    ],
)
def test_what_is_no_instant(value: object) -> None:
    """A local time, a number, a date, another format: None, and no exception."""
    assert instant(value) is None


def test_what_is_recorded_need_not_be_what_came() -> None:
    """The exchange is the answer without secrets; checks read the answer itself."""
    found = reply(b'{"secret": "abc"}')
    found = replace(found, exchange=replace(found.exchange, response_body=b'{"secret": "[redacted]"}'))

    assert found.at("secret") == "abc"
