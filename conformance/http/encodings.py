"""Decodes bytes as far as they may hold an encoded text: what a target may have made of a request that it echoes.

Pure functions, no errors. Encodings may stand in each other; each decoded byte knows where it came from.
"""

import binascii
import html
import re
import zlib
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache

Span = tuple[int, int]

# Encodings that stand in each other, at most: MIME in JSON, of base64 of a compressed text, is four.
_DEPTH = 6
# So many bytes are decoded for each that is read, with so many for nothing: a target can't have all time be spent here.
_MOST, _FREE = 12, 1 << 16
# Bytes come from the same place where the first of each of so many equal parts does, and the last of all.
_PARTS = 2
_INFLATED = 1 << 16
# Fewer numbers in a row are never looked at.
_FEWEST = 6

# A compressed text may be shorter than the text, but no stream than this in base64.
_COMPACT = 20

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_READABLE = bytes(0x70 if char in b"\0\t\n\r" or 32 <= char < 127 else 0x20 for char in range(256))
_BASE64 = re.compile(rb"[0-9A-Za-z+/_-]{8,}")
_HEX = re.compile(rb"[0-9A-Fa-f]{12,}")
_HEX_ONLY = re.compile(rb"[0-9a-f-]+|[0-9A-F-]+")
# One of them with a sign, a prefix, quotes, commas, blanks and line ends around it.
_NUMBERS = re.compile(
    rb"(?<![0-9A-Za-z])-?(?:0[xX])?[0-9A-Fa-f]{1,3}(?![0-9A-Za-z])"
    rb"(?:[^0-9A-Za-z]{1,24}(?:0[xX])?[0-9A-Fa-f]{1,3}(?![0-9A-Za-z])){%d,}" % (_FEWEST - 1)
)
_NUMBER = re.compile(rb"(?:(?<=[\s,;\[(])-)?(0[xX])?([0-9A-Fa-f]{1,3})")
# Each by itself: a secret may hold what looks like another one.
_ESCAPES = {
    b"%": re.compile(rb"%[0-9A-Fa-f]{2}"),
    b"\\": re.compile(
        rb"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}"
        rb"|\\U[0-9A-Fa-f]{8}|\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}|\\[\"'\\/nrt]"
    ),
    b"&": re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"),
}
_FOLD = re.compile(rb"=?\r?\n[ \t]*")
_QUOTED = re.compile(rb"=(?:[0-9A-Fa-f]{2}|\r?\n)")
# Mail escapes no letter or digit alone; `max-age=31536000` is none.
_IS_QUOTED = re.compile(
    rb"=(?:\r?\n|2[0-9A-Fa-f]|3[A-Fa-f]|40|5[B-Fb-f]|60|7[B-Fb-f]|[89A-Fa-f][0-9A-Fa-f]|[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2})"
)
# A character of a text in UTF-8; among random bytes there is hardly a row of them.
_CHARACTER = rb"[\t\n\r -~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
# Of base64 as mail has it, whose lines may end anywhere; raw, or in texts of JSON in each other.
_LINE_END = re.compile(rb"\r?\n[ \t]?|(?:\\{1,8}r)?\\{1,8}n")
# The length up to which it is kept of a word what it decodes to.
_USUAL = 256
_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_OTHER_LETTERS = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes that were decoded; `source` returns the span in the encoded ones that a decoded byte comes from."""

    data: bytes
    source: Callable[[int], Span]

    def place(self, start: int, end: int) -> Span:
        """Returns the span that the decoded bytes from `start` to before `end` come from."""
        return self.source(start)[0], self.source(end - 1)[1]

    def mark(self) -> Hashable:
        """Returns what is the same for bytes that other steps, or the same ones in another order, decode to as well."""
        last = len(self.data) - 1
        return self.data, *(self.source(last * part // _PARTS) for part in range(_PARTS + 1))


def layers(data: bytes, shortest: int) -> Iterator[Decoded]:
    """Yields what `data` may say once it is decoded, up to six times over: nothing for most texts.

    `shortest` is the number of characters of the shortest text that is looked for. Found are base64 in both alphabets,
    hex with and without separators, lists of numbers from -128 to 255, gzip and zlib, quoted-printable, line breaks
    with blanks behind them, and the escapes of URLs, JSON, HTML and C.
    """
    left = _MOST * len(data) + _FREE
    waiting = [(Decoded(data, _itself), _DEPTH)]
    known: set[Hashable] = set()
    # The same bytes stand in many places.
    inside: dict[bytes, list[Decoded]] = {}
    while waiting:
        outer, depth = waiting.pop(0)
        if outer.data not in inside:
            inside[outer.data] = list(_once(outer.data, shortest))
        for inner in inside[outer.data]:
            found = Decoded(inner.data, _within(outer, inner))
            # Escapes of several kinds come off in any order, and what has none is found again each time.
            mark = found.mark() if inner.data else None
            if mark in known:
                continue
            known.add(mark)
            left -= len(inner.data)
            if left < 0:
                return
            yield found
            if depth > 1:
                waiting.append((found, depth - 1))


def without_line_ends(data: bytes) -> Decoded | None:
    """Returns `data` without line ends, raw or escaped; None where it has none."""
    return rewritten(data, _LINE_END, lambda _: b"") if _LINE_END.search(data) else None


def _itself(at: int) -> Span:
    return at, at + 1


def _within(outer: Decoded, inner: Decoded) -> Callable[[int], Span]:
    return lambda at: outer.place(*inner.source(at))


def _once(data: bytes, shortest: int) -> Iterator[Decoded]:
    """Yields what `data` says decoded once, in each of the encodings that parts of it may be in."""
    yield from _tokens(data, shortest)
    for run in _NUMBERS.finditer(data):
        yield from _numbers(data, *run.span(), min(shortest, _COMPACT * 3 // 4))
    for stream in _COMPRESSED.finditer(data):
        yield from _inflated(data, stream.start())
    for mark, escape in _ESCAPES.items():
        if mark in data and escape.search(data):
            yield rewritten(data, escape, _unescaped)
    if b"\n" in data:
        yield rewritten(data, _FOLD, lambda _: b"")
    if b"=" in data and _IS_QUOTED.search(data):
        yield rewritten(data, _QUOTED, lambda found: _octet(found[0][1:]))


def _tokens(data: bytes, shortest: int) -> Iterator[Decoded]:
    """Yields long words that are readable as base64, at each alignment, or as hex."""
    least = min(shortest * 4 // 3, _COMPACT)
    for word in _BASE64.finditer(data):
        token, begin = word[0], word.start()
        if len(token) < least:
            continue
        decoded = _of_token(token, shortest) if len(token) <= _USUAL else _decoded(token, shortest)
        for start, plain, in_hex in decoded:
            yield Decoded(plain, (_by_hex if in_hex else _by_base64)(begin + start))


def _decoded(token: bytes, shortest: int) -> tuple[tuple[int, bytes, bool], ...]:
    """Returns where in a word what begins that is readable, what it decodes to, and whether as hex."""
    found = []
    # Ids and digests are longer than many a secret, and no base64.
    for skipped in () if _HEX_ONLY.fullmatch(token) else range(4):
        plain = _from_base64(token[skipped:])
        if _says_something(plain, shortest):
            found.append((skipped, plain, False))
    if len(token) >= min(2 * shortest, 2 * _COMPACT):
        for digits in _HEX.finditer(token):
            for start in (digits.start(), digits.start() + 1):
                plain = bytes.fromhex(token[start : start + (digits.end() - start) // 2 * 2].decode())
                if _says_something(plain, shortest):
                    found.append((start, plain, True))
    return tuple(found)


# The ids, names and texts of one run stand in many of its answers.
_of_token = lru_cache(maxsize=4096)(_decoded)


def _says_something(plain: bytes, shortest: int) -> bool:
    """Returns whether bytes hold so many characters of a text in a row, or may begin a compressed one."""
    if b"p" * shortest in plain.translate(_READABLE) or _COMPRESSED.search(plain):
        return True
    # Most words that are no base64 end here: they hold no row of bytes that other letters are made of.
    return _OTHER_LETTERS.search(plain) is not None and _texts_of(shortest).search(plain) is not None


@lru_cache(maxsize=64)
def _texts_of(shortest: int) -> re.Pattern[bytes]:
    return re.compile(b"(?:%s){%d}" % (_CHARACTER, shortest))


def _from_base64(token: bytes) -> bytes:
    whole = token[: len(token) - 1] if len(token) % 4 == 1 else token
    return binascii.a2b_base64(whole.translate(_URL_SAFE) + b"=" * (-len(whole) % 4))


def _by_base64(begin: int) -> Callable[[int], Span]:
    """A byte holds bits of two characters, of four for three bytes."""

    def source(at: int) -> Span:
        first = begin + at // 3 * 4 + at % 3
        return first, first + 2

    return source


def _by_hex(begin: int) -> Callable[[int], Span]:
    return lambda at: (begin + 2 * at, begin + 2 * at + 2)


def _numbers(data: bytes, start: int, end: int, fewest: int) -> Iterator[Decoded]:
    """Yields a row of `fewest` numbers or more as bytes, in hex and in decimal, where most of them are in that form."""
    found = list(_NUMBER.finditer(data, start, end))
    if len(found) < fewest:
        return
    spans = [(one.start(), one.end()) for one in found]
    # What is no byte is none of a secret's.
    in_hex = bytes(int(one[2], 16) if len(one[2]) <= 2 else 0 for one in found)
    values = [int(one[0]) if one[2].isdigit() and not one[1] else 0 for one in found]
    for plain in (in_hex, bytes(value & 255 if -128 <= value <= 255 else 0 for value in values)):
        yield Decoded(plain, spans.__getitem__)


def _inflated(data: bytes, start: int) -> Iterator[Decoded]:
    stream = zlib.decompressobj(wbits=47)
    try:
        plain = stream.decompress(data[start:], _INFLATED)
    except zlib.error:
        return
    end = len(data) - len(stream.unused_data)
    if plain:
        yield Decoded(plain, lambda _: (start, end))


def _octet(digits: bytes) -> bytes:
    """Returns the byte of two hex digits; none for a line end."""
    return b"" if digits.isspace() else bytes.fromhex(digits.decode())


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found[0]
    mark, rest = text[:2], text[2:]
    if text[:1] == b"%":
        return bytes.fromhex(text[1:].decode())
    if text[:1] == b"&":
        return html.unescape(text.decode()).encode("utf-8", "surrogatepass")
    if mark == b"\\x":
        return bytes.fromhex(rest.decode())
    if mark in (b"\\u", b"\\U"):
        codes = [min(int(code, 16), 0x10FFFF) for code in re.split(rb"\\u", rest)]
        both = b"".join(chr(code).encode("utf-16-le", "surrogatepass") for code in codes)
        return both.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")
    if len(text) == len(rb"\141"):
        return bytes([int(text[1:], 8)])
    return _PLAIN.get(text[1:], text[1:])


def rewritten(data: bytes, pattern: re.Pattern[bytes], change: Callable[[re.Match[bytes]], bytes]) -> Decoded:
    """Returns `data` with each match of a pattern changed."""
    out, at = bytearray(), 0
    # Where in the changed bytes each change begins and ends, and where in `data` it stood.
    begins: list[int] = []
    changed: list[tuple[int, int, int]] = []
    for found in pattern.finditer(data):
        out += data[at : found.start()]
        begins.append(len(out))
        out += change(found)
        at = found.end()
        changed.append((len(out), found.start(), at))
    out += data[at:]

    def source(at: int) -> Span:
        number = bisect_right(begins, at) - 1
        if number < 0:
            return at, at + 1
        end, was_start, was_end = changed[number]
        if at < end:
            return was_start, was_end
        return was_end + at - end, was_end + at - end + 1

    return Decoded(bytes(out), source)
