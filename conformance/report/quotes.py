"""Shows the deciding part of an answer where a problem quotes it cut off: its fields, wherever they stand. Pure.

A message quotes how a body begins. What it is about often stands behind the cut: the field with its value goes before
the body then, as the dotted path of the field and its JSON value. No errors.
"""

import json
import re
from collections.abc import Collection, Iterator
from itertools import takewhile
from typing import Any

from conformance.model import Exchange
from conformance.report.safe import flat

# A quoted answer: its status, and how its body begins.
_QUOTE = re.compile(r"\b(?P<status>[1-5]\d\d) (?=[{\[])")
# How a body ends that was cut off, and the longest that is quoted.
_CUT, _LONGEST = "...", 260
# So much of a cut body is shown.
_BEGINNING = 110
# A body is known by so many characters of its beginning.
_KNOWN = 40
_READ = 8_000
# So many fields are shown of one body, and so much of a value.
_MOST, _VALUE = 4, 120


def with_fields(said: str, answers: Collection[Exchange], about: str, named: Collection[str]) -> str:
    """Returns an observation with the deciding fields before each body in it that is cut off before them.

    `answers` are those that may be quoted, `about` is what else the problem says; what it names decides, and so do the
    dotted paths in `named`. What the observation tells in words isn't told again.
    """
    quotes = [(found, _cut(said, found.end())) for found in _QUOTE.finditer(said)]
    words, at = "", 0
    for found, end in quotes:
        words, at = words + said[at : found.start()], max(end, found.end())
    words += said[at:]
    parts, at = [], 0
    for found, end in quotes:
        begin = said[found.end() : end]
        answer = _whole(int(found["status"]), begin, answers) if begin else None
        # What stands behind the fields that decide is little more than a sign of which answer it is.
        short = begin if answer is None else _shortened(begin)
        fields = _deciding(answer, short, about, words, named)
        parts.append(said[at : found.end()] + (f"with {fields}: " if fields else "") + short)
        at = end if short == begin else end + len(_CUT)
        parts.append("" if short == begin else "…")
    return "".join([*parts, said[at:]])


def _shortened(begin: str) -> str:
    """Returns how a body begins, cut behind a whole field."""
    return f"{begin[:_BEGINNING].rpartition(',')[0]}," if len(begin) > _BEGINNING and "," in begin else begin


def _cut(said: str, start: int) -> int:
    """Returns where a body that begins at `start` is cut off; `start` where it isn't."""
    return max(said.find(_CUT, start, start + _LONGEST), start)


def _whole(status: int, begin: str, answers: Collection[Exchange]) -> Any:
    """Returns the JSON of the answer that begins so; None where there is none, or it can't be read."""
    for one in answers:
        body = flat(one.response_body[:_READ].decode("utf-8", "backslashreplace"))
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(body, begin, strict=False)))
        if one.status == status and same >= min(_KNOWN, len(begin)):
            try:
                return json.loads(one.response_body)
            except (ValueError, RecursionError):
                return None
    return None


def _deciding(answer: Any, begin: str, about: str, words: str, named: Collection[str]) -> str:
    """Returns the fields that decide, and that neither the beginning of the body shows nor the words around it tell."""
    found = []
    for path, value in _fields(answer):
        name = path.rpartition(".")[2]
        if isinstance(value, dict | list) or f'"{name}":' in begin.replace('": ', '":'):
            continue
        said = f"{about} {words}"
        if not (path in named or _stands(path, said) or ("_" in name and _stands(name, said))):
            continue
        shown = json.dumps(value, ensure_ascii=False)
        if not re.search(
            rf"(?<![\w.]){re.escape(path)}(?![\w.]) (?:is|was|had|got|from|shows|null)\b", words
        ):
            found.append(f"{path} {shown if len(shown) <= _VALUE else shown[:_VALUE] + '…'}")
    return ", ".join(found[:_MOST])


def _stands(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text) is not None


def _fields(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted paths of what a JSON object holds, two levels deep."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield f"{before}{name}", one
            if before.count(".") < 1:
                yield from _fields(one, f"{before}{name}.")
