"""JSON Pointer (RFC 6901): names one value of a JSON document by the path to it."""

import re
from typing import Any

_INDEX = re.compile(r"0|[1-9][0-9]*")
_BAD_ESCAPE = re.compile(r"~(?![01])")


def problem(pointer: str) -> str:
    """Returns why a text is no JSON Pointer (RFC 6901 section 3), empty where it is one."""
    if pointer and not pointer.startswith("/"):
        return "a JSON Pointer is empty or begins with a slash"
    return (
        "in a JSON Pointer ~ stands only in ~0 (a tilde) and ~1 (a slash)"
        if _BAD_ESCAPE.search(pointer)
        else ""
    )


def tokens(pointer: str) -> list[str]:
    """Returns the unescaped parts of a pointer; `~01` is `~1`, not a slash (section 4)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def resolve(document: Any, pointer: str) -> Any:
    """Returns the value that a pointer names. Raises LookupError where there is none.

    `-` names the element behind the last one of an array, which isn't there.
    """
    value = document
    for token in tokens(pointer):
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and _INDEX.fullmatch(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            raise LookupError(pointer)
    return value


def parent(pointer: str) -> str:
    """Returns the pointer to the object or array that holds the value."""
    return pointer.rpartition("/")[0]
