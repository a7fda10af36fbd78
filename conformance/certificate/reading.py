"""Reads what somebody else wrote: regular files up to a limit, and JSON in one dialect only."""

import json
import os
import stat
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """Says in a few words why a file isn't read: it follows the name of the file in a sentence."""


def regular(path: Path, limit: int) -> bytes:
    """Returns the bytes of a regular file that holds no more than `limit` bytes.

    Raises Unreadable for anything else, such as a device, a pipe or a larger file; it is never waited for, and no
    more than `limit` is read. Raises OSError as `open` does.
    """
    # Opening a pipe would wait for its writer.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise Unreadable("is a folder, not a file")
            raise Unreadable("is no regular file, but a device, a pipe or a socket")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"is larger than {_size(limit)}")
    return content


def strict_json(content: bytes) -> Any:
    """Returns the JSON value in UTF-8 bytes, as RFC 8259 has it and I-JSON narrows it.

    Raises Unreadable for a name that stands twice in an object, for NaN and Infinity, numbers too large, another
    encoding, a byte order mark, comments and whatever else is no JSON: two readers could read two things.
    """
    if content.startswith(b"\xef\xbb\xbf"):
        raise Unreadable("begins with a byte order mark: JSON has none")
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise Unreadable("is no JSON: it isn't UTF-8") from None
    except (ValueError, RecursionError):
        raise Unreadable("is no JSON, or only a part of it") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        shown = ascii(twice[:40])[1:-1]
        raise Unreadable(f'holds an object in which the name "{shown}" stands twice: it says two things')
    return found


def _no_constant(word: str) -> Any:
    raise Unreadable(f"holds the number {word}: {word} is no JSON")


def _finite(text: str) -> float:
    found = float(text)
    if found in (float("inf"), float("-inf")):
        raise Unreadable(f"holds the number {text[:40]}, which is too large")
    return found


def _size(limit: int) -> str:
    return f"{limit >> 20} MB" if limit >= 1 << 20 else f"{limit >> 10} KB"
