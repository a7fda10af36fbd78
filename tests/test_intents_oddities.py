"""The oddity of a recorded request to payout intents names the requirement that a 5xx or an effect of it belongs to."""

from dataclasses import replace
from typing import Any

import pytest

from conformance.model import Auth, Exchange
from conformance.suites.payout_intents.oddities import oddity

KEY = ("Idempotency-Key", "0f8fad5b-d9cb-469f-a165-70867728950e")
JSON = ("Content-Type", "application/json")
CANCEL = Exchange(
    started_at="2026-01-01T00:00:00Z",
    duration_s=0.1,
    method="POST",
    url="https://api.example/v1/payout_intents/word_01/cancel",
    request_headers=(JSON, KEY),
    request_body=b'{"reason": "ordered twice"}',
    auth=Auth.DOCUMENTED,
    status=500,
    http_version="HTTP/1.1",
    response_headers=(),
    response_body=b"",
)
HERE = "https://api.example/v1/payout_intents/word_01"
READ = {"method": "GET", "url": HERE, "request_body": b""}
LONG = b'{"reason": "%s"}' % (b"x" * 513)
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "documented", "a cancel as documented"),
    ({**READ, "request_headers": ()}, "documented", "a read as documented"),
    ({**READ, "request_headers": (KEY,)}, "key", "a read with an Idempotency-Key"),
    ({"method": "OPTIONS"}, "method", "an OPTIONS on the cancel path"),
    ({"url": f"{HERE}/nothing"}, "path", "a POST of `/v1/payout_intents/word_01/nothing`"),
    (
        {"url": "https://api.example//payout_intents/w/cancel"},
        "path",
        "a POST of `//payout_intents/w/cancel`",
    ),
    ({"url": f"{HERE}%00/cancel"}, "id", "a cancel of the id `word_01%00`"),
    ({"url": f"{HERE}/cancel?id=1"}, "query", "a cancel with the query `id=1`"),
    ({"auth": Auth.ALTERED}, "credentials", "a cancel with wrong credentials"),
    ({"request_headers": (JSON, KEY, KEY)}, "key", "a cancel with 2 keys"),
    ({"request_headers": (KEY,)}, "label", "a cancel without a content type"),
    ({"request_headers": (("content-type", "text/plain"),)}, "label", "a cancel labelled `text/plain`"),
    ({"request_body": b""}, "body", "a cancel with no body"),
    ({"request_body": b'{"reason": '}, "body", 'a cancel with the body `{"reason": `'),
    ({"request_body": b'{"reason": 7}'}, "reason", "a cancel with the reason `7`"),
    ({"request_body": LONG}, "long_reason", "a cancel with a reason of 513 characters"),
]


@pytest.mark.parametrize(("change", "kind", "what"), CASES, ids=[what for _, _, what in CASES])
def test_a_request_is_known_by_what_is_odd_about_it(change: dict[str, Any], kind: str, what: str) -> None:
    """By one thing, and in words that begin a title."""
    found = oddity(replace(CANCEL, **change))

    assert (found.kind, found.what) == (kind, what)
