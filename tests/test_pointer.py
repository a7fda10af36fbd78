"""JSON Pointers, by the examples of RFC 6901 section 5."""

from typing import Any

import pytest

from conformance import pointer

DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc(text: str, value: Any) -> None:
    assert pointer.problem(text) == ""
    assert pointer.resolve(DOCUMENT, text) == value


@pytest.mark.parametrize("text", ["/foo/2", "/foo/-", "/foo/01", "/foo/bar", "/bar", "/foo/0/x", "/foo/-1"])
def test_what_is_not_there(text: str) -> None:
    with pytest.raises(LookupError):
        pointer.resolve(DOCUMENT, text)


@pytest.mark.parametrize("text", ["foo", "/a~b", "/a~", "#/foo"])
def test_what_is_no_pointer(text: str) -> None:
    assert pointer.problem(text)
