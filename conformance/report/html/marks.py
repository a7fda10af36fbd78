"""Marks the parts of an answer that differ, found by the words of the problem. Pure; no errors.

A mark is a reading aid: it says where to look first, never what is right. JSON on one line is broken and indented,
token by token, so that nothing of it is lost or normalised; every other body stays as it came.
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from markupsafe import Markup, escape

from conformance.model import Exchange, Problem
from conformance.report.safe import visible

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_NAMED = re.compile(r"([A-Za-z_][\w.]*)(?: (?:is|was|has|moved)\b|: should\b)")
_STATUS = re.compile(r"\b[1-5]\d\d\b")
_ABOUT_STATUS = re.compile(r"\b[1-5](?:\d\d|xx)\b|refus|reject|accept|succe|declin|answered")
# Indented text is readable down to this depth.
_DEPTH = 24
Piece = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Marks:
    """The places where an answer differs: its status, these headers (lower case), these fields (`data.status`)."""

    status: bool = False
    headers: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.status or bool(self.headers or self.fields)


NOTHING = Marks()


def marks(problem: Problem | None, exchange: Exchange) -> Marks:
    """Returns the places that the sentences of `problem` name in `exchange`."""
    if problem is None or exchange.status is None:
        return NOTHING
    expected, observed = problem.expected, problem.observed
    own = str(exchange.status)
    status = (
        own in _STATUS.findall(observed)
        and own not in _STATUS.findall(expected)
        and re.search(rf"(?<!not )(?<!no )(?<!not a )(?<!never a ){own[0]}xx", expected) is None
        and _ABOUT_STATUS.search(expected) is not None
    )
    # What follows a brace is the answer itself, which names every field.
    said = observed.partition("{")[0]
    words = {word.lower() for word in re.findall(r"[A-Za-z][\w-]{3,}", f"{expected} {said}")}
    headers = {name.lower() for name, _ in exchange.response_headers} & words
    fields = {*_NAMED.findall(said), *_NAMED.findall(expected)}
    return Marks(status, frozenset(headers - {"date", "server"}), frozenset(fields))


def body(text: str, fields: Collection[str], limit: int) -> tuple[Markup, bool]:
    """`text` ready for a page, at most about `limit` characters of it, and whether some were cut."""
    pieces = _indented(text, tuple(fields)) if len(text) <= 4 * limit else None
    if pieces is not None and not fields:
        # The common case, in one go: nothing to mark, and room enough.
        whole = visible("".join(piece for piece, _ in pieces), newlines=True)
        if len(whole) < limit:
            return escape(whole), False
    left, shown = limit, []
    for piece, marked in pieces or [(text, False)]:
        seen = visible(piece[:left], newlines=True)[:left]
        shown.append((seen, marked))
        left -= max(len(seen), 1)
        if left <= 0:
            return joined(shown), True
    return joined(shown), False


def joined(pieces: Sequence[Piece]) -> Markup:
    """Visible pieces as escaped HTML; neighbours that are both marked share one mark."""
    if not any(marked for _, marked in pieces):
        return escape("".join(text for text, _ in pieces))
    parts = []
    for marked, group in groupby(pieces, key=lambda piece: piece[1]):
        text = escape("".join(text for text, _ in group))
        parts.append(Markup("<mark>{}</mark>").format(text) if marked else text)
    return Markup("").join(parts)


@lru_cache(maxsize=2000)  # refusals are many, and mostly alike
def _indented(text: str, fields: tuple[str, ...]) -> list[Piece] | None:
    """The tokens of a JSON object or array with white space between them; None for anything else."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    writer = _Writer(fields)
    for part in _TOKEN.finditer(text):
        if not writer.write(part[0]):
            return None
    return writer.pieces


class _Writer:
    """Puts one part after another, knowing the path of each."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.pieces: list[Piece] = []
        self._fields = fields
        # One entry per open container: the key or the index of the member that is being read.
        self._path: list[str | int] = []
        self._key_next = False
        self._fresh = False

    def write(self, part: str) -> bool:
        """False where the nesting is too deep to be shown."""
        if part in "}]":
            self._close(part)
        elif part == ",":
            self._next()
        elif part == ":":
            self._put(": ")
        else:
            self._member(part)
        return len(self._path) <= _DEPTH

    def _member(self, part: str) -> None:
        if self._fresh:
            self._line()
            self._fresh = False
        if self._key_next:
            self._path[-1] = part.strip('"')
            self._key_next = False
            self._put(part)
            return
        self._put(part)
        if part in "{[":
            self._path.append("" if part == "{" else 0)
            self._key_next, self._fresh = part == "{", True

    def _next(self) -> None:
        self.pieces.append((",", False))
        if self._path:
            last = self._path[-1]
            self._key_next = isinstance(last, str)
            if isinstance(last, int):
                self._path[-1] = last + 1
        self._line()

    def _close(self, part: str) -> None:
        if self._path:
            self._path.pop()
        if not self._fresh:
            self._line()
        self._fresh = self._key_next = False
        self._put(part)

    def _line(self) -> None:
        self.pieces.append(("\n" + "  " * len(self._path), False))

    def _put(self, text: str) -> None:
        marked = False
        if self._fields:
            path = ".".join(map(str, self._path))
            marked = any(path == name or path.endswith(f".{name}") for name in self._fields)
        self.pieces.append((text, marked))
