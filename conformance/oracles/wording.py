"""The words of a failure: JSON values, texts that differ, answers in a title.

A value is written as JSON has it (`null`, `false`, `"text"`, absent), in real characters; one that is long by its
beginning and its length.
"""

import html
import json
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles.equality import same

ABSENT = "absent"
_LONGEST = 80
_LONGEST_OBJECT = 200
# So much of two texts is shown around the place where they begin to differ.
_AROUND = 24
# No longer than so many characters is an escape.
_ESCAPE = 8


def value(one: Any, longest: int = _LONGEST) -> str:
    """Returns a JSON value as a message shows it: `null`, `false`, `"text"`, `absent`."""
    if one is MISSING:
        return ABSENT
    if isinstance(one, str):
        return _text(one, longest)
    try:
        whole = visible(json.dumps(one, ensure_ascii=False))
    except (TypeError, ValueError):
        whole = visible(str(one))
    return whole if len(whole) <= _LONGEST_OBJECT else f"{whole[:_LONGEST_OBJECT]}…"


def whole(one: Any) -> str:
    """Returns a value as `value` does, uncut: for one that may hold a secret, which is taken out before a cut."""
    return value(one, 10_000)


def _text(one: str, longest: int) -> str:
    if len(one) <= longest:
        return visible(json.dumps(one, ensure_ascii=False))
    return f'{visible(json.dumps(one[: longest - 20], ensure_ascii=False))[:-1]}…" ({len(one)} characters)'


def visible(text: str) -> str:
    r"""Returns a text with its invisible characters spelt as JSON spells them, such as `\u200d` for a joiner."""
    return (
        text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)
    )


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1]


def capital(text: str) -> str:
    """Returns a text with its first letter in capitals, unless its first word is the name of a field."""
    first = text.split(" ", 1)[0]
    return text if "_" in first or "." in first else text[:1].upper() + text[1:]


def _place(reply: Reply, path: str) -> str:
    """Returns the path of a value, or of what stands in the place of an object on the way to it."""
    steps = path.split(".")
    for length in range(1, len(steps)):
        parent = ".".join(steps[:length])
        value_there = reply.at(parent)
        if value_there is MISSING or not isinstance(value_there, dict):
            return parent
    return path


def shown(reply: Reply, path: str) -> str:
    """Returns the value under a path, `name is null`; or the answer where that isn't about a resource.

    An error, a page or an empty body has no field, and a field that is absent from it says nothing.
    """
    if reply.at(path) is MISSING and not (reply.ok and isinstance(reply.json, dict)):
        return summary.of(reply)
    path = _place(reply, path)
    return f"{path} is {of(reply, path)}"


def of(reply: Reply, path: str) -> str:
    """Returns the value under a path as a message shows it; it is cut after the secrets are out."""
    return value(reply.recorded(path))


def wrapper(reply: Reply, path: str) -> str:
    """Returns the key of the object that holds a field which belongs at the top of a body; empty where none does."""
    if not isinstance(reply.json, dict) or reply.at(path) is not MISSING:
        return ""
    first = path.split(".", 1)[0]
    return next(
        (
            str(key)
            for key, one in reply.json.items()
            if key != "error" and isinstance(one, dict) and first in one
        ),
        "",
    )


def lacks_all(reply: Reply, path: str) -> bool:
    """Returns whether a body has no fields where they belong: it is no object, or has another one around them."""
    return bool(wrapper(reply, path)) or not isinstance(reply.json, dict)


def was(reply: Reply, path: str, where: str) -> str:
    """Returns a title about a field: `name was null in the 202`; or what was answered instead of one."""
    if reply.at(path) is MISSING and not (reply.ok and isinstance(reply.json, dict)):
        return _without_fields(reply, where)
    around = wrapper(reply, path)
    if around:
        return f"{path} stood inside `{around}` in {where}"
    path = _place(reply, path)
    came = reply.at(path)
    number = "the number " if isinstance(came, int | float) and not isinstance(came, bool) else ""
    return f"{path} was {'missing from' if came is MISSING else number + of(reply, path) + ' in'} {where}"


def _without_fields(reply: Reply, where: str) -> str:
    """Returns a title about an answer that has no fields at all."""
    if reply.ok and where.startswith("the answer"):
        return f"{capital(where)} had {'no JSON object in its body' if reply.body.strip() else 'no body'}"
    return f"{capital(where)} was answered {summary.short(reply)}"


def read_shows(read: Reply | None, path: str, came: Any, good: Callable[[Any], bool]) -> str:
    """Returns whether a read shows the same wrong value as the answer did, for `persisted`; empty without a read."""
    if read is None or not read.ok:
        return ""
    stands = read.at(path)
    if same(stands, came) or stands is came:
        return "a read shows the same"
    return f"a read shows {'the right value' if good(stands) else 'another wrong value'}, {of(read, path)}"


def difference(sent: str, came: str) -> str:
    """Returns where two texts that differ begin to, and how: `from character 12 on, "…" came back as "…"`."""
    if sent.startswith(came):
        return f"cut after {len(came)} of {len(sent)} characters" if came else "empty"
    if came.startswith(sent):
        return f"followed by {value(came[len(sent) :], 60)}"
    at = next(i for i, (a, b) in enumerate(zip(sent, came, strict=False)) if a != b)
    # An escape may begin with what was there already: `&` as `&amp;`, and `&lt;` as `&amp;lt;`.
    for start in range(at, max(-1, at - _ESCAPE), -1):
        went, rest = sent[start], sent[start + 1 :]
        for form in (one for one in _forms(went) if start >= at - 1 or len(one) > 1):
            if came.startswith(form, start) and came.startswith(rest[:1], start + len(form)):
                became = f"came back as {_piece(form)}" if form else "was lost"
                return f"from character {start + 1} on, {_piece(went)} {became}"
    return (
        f"from character {at + 1} on, {_piece(sent[at : at + _AROUND])} "
        f"came back as {_piece(came[at : at + _AROUND])}"
    )


def _forms(char: str) -> list[str]:
    """The forms that common mistakes give to one character, the longest first."""
    forms = {
        html.escape(char),
        f"&#{ord(char)};",
        f"&#x{ord(char):x};",
        f"\\{char}",
        json.dumps(char)[1:-1],
        quote(char, safe="", errors="replace"),
        char.encode("utf-8", "replace").decode("latin-1"),
        *(unicodedata.normalize(form, char) for form in ("NFC", "NFD", "NFKC")),
        char.lower(),
        char.upper(),
        *("?", "\ufffd", " ", ""),
    }
    return sorted(forms - {char}, key=len, reverse=True)


def _piece(text: str) -> str:
    return f"`{visible(text)}`"
