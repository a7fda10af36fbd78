"""Regular expressions for the encodings of a secret; a search for a part (`hints`) decides whether to run them."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html.entities import codepoint2name

from conformance.http.encodings import Span, without_line_ends

# A shorter value would blank out half of every report, and protects nothing.
SHORTEST = 3
_RUN = re.compile(r"[0-9A-Za-z]+")
_ONE_OFF = re.compile(r"(?:sha256=)?[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Form:
    """One way to spell a value: its pattern, which takes long to make, and what has to stand wherever it matches.

    One of `hints` does, and all of `rare`, in lower case: a text that echoes a value has it in few of the ways. Lines
    may end within a form `in_lines`: it is looked for in a text without line ends.
    """

    hints: tuple[bytes, ...]
    source: bytes
    rare: tuple[re.Pattern[bytes], ...] = ()
    in_lines: bool = False

    def found(self, text: "Searched") -> Iterator[Span]:
        """Yields where a text has the value in this form: begin, and end."""
        if self.in_lines and text.unbroken is not None:
            inner, place = text.unbroken
            for start, end in self._found(inner):
                yield place(start, end)
        else:
            yield from self._found(text)

    def _found(self, text: "Searched") -> Iterator[Span]:
        for hint in self.hints:
            if text.has(hint):
                break
        else:
            return
        if all(map(text.has_any, self.rare)):
            for match in _compiled(self.source).finditer(text.data):
                yield match.span()


class Searched:
    """A text that is searched for several values, whose forms have hints in common."""

    def __init__(self, data: bytes) -> None:
        self.data, self.lower = data, data.lower()
        self._known: dict[bytes | re.Pattern[bytes], bool] = {}

    @cached_property
    def unbroken(self) -> "tuple[Searched, Callable[[int, int], Span]] | None":
        """The text without line ends, and where in the text what is found there stands; None where it has none."""
        found = without_line_ends(self.data)
        return None if found is None else (Searched(found.data), found.place)

    def has(self, hint: bytes) -> bool:
        """Returns whether a hint stands in the text, in whatever case."""
        known = self._known.get(hint)
        if known is None:
            known = self._known[hint] = hint in self.lower
        return known

    def has_any(self, pattern: re.Pattern[bytes]) -> bool:
        """Returns whether a pattern matches anywhere in the text in lower case."""
        known = self._known.get(pattern)
        if known is None:
            known = self._known[pattern] = pattern.search(self.lower) is not None
        return known


@lru_cache(maxsize=1024)
def _compiled(source: bytes) -> re.Pattern[bytes]:
    # The cache of `re` is smaller than what a run has.
    return re.compile(source)


@lru_cache(maxsize=256)
def forms(value: str) -> tuple[Form, ...]:
    """Returns the forms of `value`: raw in any case, escaped for JSON, URLs, HTML or Python, in hex, UTF-16 and base64.

    Base64 is found at each alignment, its lines broken or not.
    """
    raw = value.encode("utf-8", "surrogatepass")
    in_base64 = _base64_forms(raw)
    if _ONE_OFF.fullmatch(value):
        # A pattern takes longer to make than to use, and each request has a signature of its own.
        plain = [Form((form.lower().encode(),), re.escape(form.encode())) for form in in_base64]
        return (Form((raw.lower(),), b"(?i:" + re.escape(raw) + b")"), *plain)
    return (
        Form(_lowered([_longest(value)]), _in_any_case(value), _rare(value)),
        Form(_lowered([raw.hex()]), b"(?i:" + raw.hex().encode() + b")"),
        *(Form((wide.lower(),), re.escape(wide)) for wide in _wide(value)),
        *_escaped_throughout(value),
        *(Form(_lowered([_longest(form)]), _escaped(form), in_lines=True) for form in in_base64),
    )


def spelled(text: Searched, value: str) -> Iterator[Span]:
    """Yields where `value` stands in a text, in every form: begin and end. They may overlap."""
    for form in forms(value):
        yield from form.found(text)


def is_spelled(data: bytes, value: str) -> bool:
    """Returns whether `value` stands in `data`, in whatever form."""
    text = Searched(data)
    return may_hold(text, value) and any(True for _ in spelled(text, value))


def may_hold(text: Searched, value: str) -> bool:
    """Returns whether a text may hold `value`: false for most texts, and never wrongly."""
    hints, lower = hints_of(value), text.lower
    if not any_of(hints, lower):
        return False
    # The longest run of letters may be a single one, or a common word; other characters are rarer.
    first = hints[b""][0]
    others = {**hints, b"": hints[b""][1:]}
    return any_of(others, lower) or (first in lower and all(map(text.has_any, _rare(value))))


def any_of(hints: Mapping[bytes, Sequence[bytes]], lower: bytes) -> bool:
    """Returns whether one of the hints stands in `lower`; those that hold a rarer character only where that does."""
    for rarer, some in hints.items():
        if rarer in lower:
            for hint in some:  # every text of a run goes through here: a generator would double its time
                if hint in lower:
                    return True
    return False


def merged(every: Iterable[Mapping[bytes, Sequence[bytes]]]) -> dict[bytes, tuple[bytes, ...]]:
    """Returns the hints of several values, each once."""
    found: dict[bytes, dict[bytes, None]] = {}
    for hints in every:
        for rarer, some in hints.items():
            found.setdefault(rarer, {}).update(dict.fromkeys(some))
    return {rarer: tuple(some) for rarer, some in found.items()}


@lru_cache(maxsize=256)
def _rare(value: str) -> tuple[re.Pattern[bytes], ...]:
    """A few of the other characters of a value; none for one of letters and digits."""
    odd = sorted({char for char in value if not (char.isascii() and char.isalnum()) and char not in "-._~"})
    return tuple(re.compile(b"(?i:" + _character(char) + b")") for char in odd[-4:])


@lru_cache(maxsize=256)
def hints_of(value: str) -> dict[bytes, tuple[bytes, ...]]:
    """One of these stands, in lower case, wherever `value` is spelled: looking for them spares most of the patterns.

    Letters and digits are seldom escaped, so the longest run of them in each form stands there as it is; where all
    of it is escaped, its first character is. Each group has a character in common, which is looked for first.
    """
    raw = value.encode("utf-8", "surrogatepass")
    runs = [_longest(value), *(half for form in _base64_forms(raw) for half in _halves(form))]
    first, unit = ord(value[0]), value[0].encode("utf-16-be", "surrogatepass")[:2].hex()
    starts = {
        b"": [*runs, raw.hex()],
        b"%": _percent(raw[0]),
        b"\\": [f"\\x{raw[0]:02x}", f"\\u{unit}"],
        b";": [f"{first};", f"{first:x};"],
    }
    hints = {rarer: tuple(dict.fromkeys(_lowered(some))) for rarer, some in starts.items()}
    for wide in _wide(value):
        rarer = b"\0" if b"\0" in wide else b""
        hints[rarer] = (*hints.get(rarer, ()), wide.lower())
    return hints


def _lowered(hints: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(hint.lower().encode() for hint in hints)


def _longest(text: str) -> str:
    """Returns the longest run of letters and digits, which are seldom escaped."""
    return max(_RUN.findall(text), key=len, default="")


def _halves(form: str) -> tuple[str, str]:
    """Returns the halves of the longest run: a line may end in the middle of it."""
    run = _longest(form)
    return run[: len(run) // 2], run[len(run) // 2 :]


def _percent(byte: int) -> list[str]:
    return [f"%{'25' * times}{byte:02x}" for times in range(4)]


def _wide(value: str) -> list[bytes]:
    return [value.encode(coding, "surrogatepass") for coding in ("utf-16-le", "utf-16-be")]


def _base64_forms(raw: bytes) -> list[str]:
    forms: list[str] = []
    for offset in range(3):
        core = base64.b64encode(b"\0" * offset + raw).rstrip(b"=").decode()
        # The characters at either end mix with the neighbours' bits: only the middle is always the same.
        core = core[(0, 2, 3)[offset] : len(core) - (1 if (len(raw) + offset) % 3 else 0)]
        if len(core) >= SHORTEST:
            forms += dict.fromkeys([core, core.replace("+", "-").replace("/", "_")])
    return forms


def _escaped(value: str) -> bytes:
    """A pattern for `value` in which each character may be escaped in its own way, up to three times over.

    Repetitions are bounded: a target that sends a megabyte of backslashes costs no more than one that doesn't.
    """
    return b"".join(map(_character, value))


def _in_any_case(value: str) -> bytes:
    """A pattern for `value` in any case. A set of its first letters is looked for faster than a letter in any case."""
    first = value[0]
    if not (first.isascii() and first.isalpha()):
        return b"(?i:" + _escaped(value) + b")"
    return b"[%c%c](?i:%b)" % (ord(first.lower()), ord(first.upper()), _escaped(value[1:]))


def _escaped_throughout(value: str) -> list[Form]:
    """The forms of `value` with letters and digits escaped too, as some servers do."""
    raw = value.encode("utf-8", "surrogatepass")
    units = value.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    first = ord(value[0])
    return [
        Form(_lowered(hints), b"(?i:" + form + b")")
        for hints, form in (
            # Each of its bytes is escaped, so that another escape follows the first.
            (
                [f"{raw[0]:02x}%"] if len(raw) > 1 else _percent(raw[0]),
                b"".join(b"%%(?:25){0,3}%02x" % byte for byte in raw),
            ),
            ([f"\\u{codes[0]:04x}"], b"".join(rb"\\{1,8}u%04x" % code for code in codes)),
            ([f"\\x{raw[0]:02x}"], b"".join(rb"\\{1,8}x%02x" % byte for byte in raw)),
            (
                [f"{first};", f"{first:x};"],
                b"".join(
                    b"&(?:amp;){0,3}#(?:0{0,4}%d|x0{0,4}%x);" % (ord(char), ord(char)) for char in value
                ),
            ),
        )
    ]


@lru_cache(maxsize=1024)
def _character(char: str) -> bytes:
    if char.isascii() and char.isalnum():
        return char.encode()
    raw = char.encode("utf-8", "surrogatepass")
    percent = b"".join(b"%%(?:25){0,3}%02X" % byte for byte in raw)
    forms = [b"(?i:" + percent + b")"]
    if char not in "-._~":
        units = char.encode("utf-16-be", "surrogatepass")
        code = b"".join(rb"\\{1,8}u" + units[at : at + 2].hex().encode() for at in range(0, len(units), 2))
        octets = b"".join(rb"\\{1,8}x%02x" % byte for byte in raw)
        names = [b"#0{0,4}%d" % ord(char), b"#x0{0,4}%x" % ord(char)]
        names += [codepoint2name[ord(char)].encode()] if ord(char) in codepoint2name else []
        forms += [b"(?i:" + one + b")" for one in (code, octets, rb"\\{1,8}U%08x" % ord(char))]
        forms += [rb"(?i:\\{1,8}x%02x)" % ord(char)] if ord(char) < 0x100 else []
        forms.append(b"&(?:amp;){0,3}(?i:" + b"|".join(names) + b");")
        # A header is decoded as Latin-1: there UTF-8 shows as one character per byte.
        forms += [re.escape("".join(map(chr, raw)).encode())] if len(raw) > 1 else []
        forms += [re.escape(bytes([ord(char)]))] if 0x80 <= ord(char) < 0x100 else []
        forms += [rb"\+"] if char == " " else []
    plain = (
        rb"\\{1,8}" if char == "\\" else rb"\\{0,7}" + re.escape(raw) if char in "\"'/" else re.escape(raw)
    )
    return b"(?:" + b"|".join([plain, *forms]) + b")"
