"""A record keeps the alteration of a signature, and leaves a documented one out."""

import pytest

from conformance.http.redact import Redactor

RIGHT = "sha256=" + "0123456789abcdef" * 4
HEADERS = (("X-API-Key", "the-api-key"), ("X-Timestamp", "1795915262982"))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f"{RIGHT}0", "sha256=[redacted:signature]0"),
        (RIGHT[:-2], "sha256=[redacted:signature-2]"),
        (RIGHT, "sha256=[redacted:signature]"),
        (RIGHT[:20], "[redacted]"),
        (RIGHT + "f" * 40, "[redacted]"),
        ("sha256=" + "f" * 64, "[redacted]"),
    ],
)
def test_a_longer_or_shorter_signature_shows_by_how_much(sent: str, kept: str) -> None:
    """By so many characters, or by those behind it; none of its own digits stays; that of another text is left out."""
    redactor = Redactor({"primary.api_key": "the-api-key"})
    redactor.signed_as = lambda headers, body: [RIGHT]
    (*_, (_, shown)) = redactor.own_headers((*HEADERS, ("X-Signature", sent)), b"", altered=True)
    assert shown == kept


def test_a_documented_signature_is_left_out() -> None:
    """Whether it is right or not: it says nothing there."""
    redactor = Redactor({"primary.api_key": "the-api-key"})
    redactor.signed_as = lambda headers, body: [RIGHT]
    assert redactor.own_headers((("X-Signature", RIGHT),), b"") == (("X-Signature", "[redacted]"),)
