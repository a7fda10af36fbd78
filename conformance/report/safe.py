"""Text that a target chose, made harmless for whoever looks at it: nothing moves a cursor or hides a word.

Pure functions, no errors. What HTML needs beyond this (escaping) is the template engine's job.
"""

import re
import unicodedata

# Control, format (zero width, direction overrides), surrogate, private, unassigned; line and paragraph ends.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_IDS = re.compile(r"(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[\w-]*\d[\w-]{7,}\b")


def visible(text: str, *, newlines: bool = False) -> str:
    r"""`text` with every invisible character spelled out: `\xNN` for controls, `<U+202E>` for the others.

    With `newlines`, line feeds (and CRLF, as one) and tabs stay as they are. The result is legal in XML 1.0.
    """
    if text.isprintable():
        return text
    if newlines:
        text = text.replace("\r\n", "\n")
    return "".join(_shown(char, newlines) for char in text)


def _shown(char: str, newlines: bool) -> str:
    if newlines and char in "\n\t":
        return char
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"<U+{code:04X}>"


def line(text: str, limit: int = 300) -> str:
    """`text` as one visible line of at most `limit` characters; an ellipsis tells that some were left out."""
    flat = visible(" ".join(text[: limit * 4].split()))
    return flat if len(flat) <= limit and len(text) <= limit * 4 else flat[: limit - 1].rstrip() + "…"


def clip(text: str, limit: int) -> tuple[str, int]:
    """The first `limit` characters of `text`, and how many were cut."""
    return text[:limit], max(0, len(text) - limit)


def body_text(body: bytes) -> str | None:
    """A body as text, or None where it isn't UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def same_but_ids(text: str) -> str:
    """`text` with ids and long numbers blanked, so that failures of different resources compare equal."""
    return _IDS.sub("…", text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 check`, `2 checks`; `many` where the plural isn't made with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
