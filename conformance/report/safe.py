"""Makes text that a target chose harmless for its readers: nothing moves a cursor or hides a word.

Pure functions, no errors. What HTML needs beyond this (escaping) is the template engine's job.
"""

import re
import unicodedata

# Control, format (zero width, direction overrides), surrogate, private, unassigned; line and paragraph ends.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
# Nothing else can be hidden; most text has none of it, and is done in one go.
_ODD, _ODD_IN_TEXT = re.compile(r"[^ -~]"), re.compile(r"[^ -~\n\t]")
# White space that can't stand in one line; blanks can, and how many there are may be what a problem is about.
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_BLANK = re.compile(r"[^\S ]")
# Up to its second character each of these is text.
_COMMANDS = re.compile(r"^[^\S\n]*::|##(?=\w*\[)", re.MULTILINE)
_IDS = re.compile(r"(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[\w-]*\d[\w-]{7,}\b")


def visible(text: str, *, newlines: bool = False) -> str:
    r"""`text` with every invisible character spelled out: `\xNN` for controls, `<U+202E>` for the others.

    With `newlines`, line feeds (and CRLF, as one) and tabs stay as they are. The result is legal in XML 1.0.
    """
    if text.isprintable():
        return text
    if newlines:
        return _ODD_IN_TEXT.sub(_shown, text.replace("\r\n", "\n"))
    return _ODD.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    char = found[0]
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"<U+{code:04X}>"


def flat(text: str) -> str:
    """`text` as one line: a blank for each line break or tab and the blanks around it; other blanks stay as many.

    Those of Unicode become plain ones.
    """
    if text.isprintable():
        return text.strip(" ")
    parts = (_BLANK.sub(" ", part).strip(" ") for part in _BREAKS.split(text))
    return " ".join(part for part in parts if part)


def line(text: str, limit: int = 300) -> str:
    """`text` as one visible line of at most `limit` characters; an ellipsis tells that some were left out."""
    shown = visible(flat(text[: limit * 4]))
    return shown if len(shown) <= limit and len(text) <= limit * 4 else shown[: limit - 1].rstrip() + "…"


def inert(text: str) -> str:
    """`text`, in which no line is a command to the CI server that reads it in a job's log.

    GitHub Actions obeys `::name::` at the start of a line, spaces aside, and `##[name]` anywhere; Azure and TeamCity
    have `##vso[` and `##teamcity[`. A backslash breaks each of them.
    """
    return _COMMANDS.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)


def clipped(text: str, limit: int) -> str:
    """`text`, or its first `limit` characters and how many more there were."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def same_but_ids(text: str) -> str:
    """`text` with ids and long numbers blanked, so that failures of different resources compare equal."""
    return _IDS.sub("…", text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 check`, `2 checks`; `many` where the plural isn't made with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
