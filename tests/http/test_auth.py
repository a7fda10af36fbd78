"""Authentication of both APIs, against vectors that other tools computed."""

import base64
import json
from typing import Any

import pytest

from conformance.http.auth import basic
from conformance.profile import Credentials
from conformance.suites.withdraws.authentication import signature, signed_headers
from tests.support import ROOT

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "specs/formats/hmac-vectors.json").read_text("utf-8"))[
    "vectors"
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_signature_is_the_vectors(vector: dict[str, Any]) -> None:
    """openssl and Node made these, and our function agrees."""
    body = base64.b64decode(vector["body_base64"])

    assert signature(vector["secret"], vector["timestamp"], body) == vector["signature"]


def test_the_three_headers_are_the_documented_ones() -> None:
    """Key, timestamp and signature, under the names of the document."""
    headers = signed_headers(Credentials("primary", ("the-key", "the-secret")), "1700000000000", b"")

    assert list(headers) == ["X-API-Key", "X-Timestamp", "X-Signature"]
    assert headers["X-API-Key"] == "the-key"
    assert headers["X-Timestamp"] == "1700000000000"
    assert headers["X-Signature"] == signature("the-secret", "1700000000000", b"")


@pytest.mark.parametrize(
    ("key", "secret"), [("Aladdin", "open sesame"), ("k", ""), ("ключ", "пароль:с:двоеточием")]
)
def test_basic_is_rfc_7617(key: str, secret: str) -> None:
    """Key, colon, secret in base64 of UTF-8; further colons belong to the secret."""
    scheme, _, encoded = basic(key, secret).partition(" ")

    assert scheme == "Basic"
    assert base64.b64decode(encoded, validate=True).decode().split(":", 1) == [key, secret]


def test_the_example_of_the_rfc() -> None:
    """RFC 7617, section 2."""
    assert basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_credentials_do_not_show_in_a_repr() -> None:
    """A traceback or a log line tells whose they are, and no more."""
    shown = repr(Credentials("primary", ("KKKK", "SSSS")))

    assert "name='primary'" in shown
    assert "KKKK" not in shown
    assert "SSSS" not in shown
