"""Patterns for every spelling of a secret that one pattern can find, and hints that spare most of the patterns."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html.entities import codepoint2name

# A shorter value would blank out half of every report, and protects nothing.
SHORTEST = 3
_RUN = re.compile(r"[0-9A-Za-z]+")
_ONE_OFF = re.compile(r"(?:sha256=)?[0-9a-f]{64}")


@lru_cache(maxsize=256)
def spelled(value: str) -> re.Pattern[bytes]:
    """Finds `value` raw (in whatever case), escaped for JSON, URLs, HTML or Python, in hex, UTF-16, and base64.

    Base64 at each alignment, its lines broken or not.
    """
    raw = value.encode("utf-8", "surrogatepass")
    if _ONE_OFF.fullmatch(value):
        # A pattern takes longer to make than to use, and each request has a signature of its own.
        plain = [re.escape(form.encode()) for form in _base64_forms(raw)]
        return re.compile(b"|".join([b"(?i:" + re.escape(raw) + b")", *plain]))
    forms = [
        b"(?i:" + _escaped(value) + b")",
        b"(?i:" + raw.hex().encode() + b")",
        *map(re.escape, _wide(value)),
    ]
    return re.compile(b"|".join([*forms, *_escaped_throughout(value), *map(_broken, _base64_forms(raw))]))


def may_hold(lower: bytes, value: str) -> bool:
    """Returns whether `lower`, in lower case, may hold `value`: false for most texts, and never wrongly."""
    hints = hints_of(value)
    if not any_of(hints, lower):
        return False
    # The longest run of letters may be a single one, or a common word; other characters are rarer.
    first = hints[b""][0]
    others = {**hints, b"": hints[b""][1:]}
    return any_of(others, lower) or (first in lower and all(one.search(lower) for one in _rare(value)))


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
    runs = [max(_RUN.findall(value), key=len, default="")]
    for form in _base64_forms(raw):
        run = max(_RUN.findall(form), key=len, default="")
        # A line may end in the middle of it.
        runs += [run[: len(run) // 2], run[len(run) // 2 :]]
    first, unit = ord(value[0]), value[0].encode("utf-16-be", "surrogatepass")[:2].hex()
    starts = {
        b"": [*runs, raw.hex()],
        b"%": [f"%{'25' * times}{raw[0]:02x}" for times in range(4)],
        b"\\": [f"\\x{raw[0]:02x}", f"\\u{unit}"],
        b";": [f"{first};", f"{first:x};"],
    }
    hints = {
        rarer: tuple(dict.fromkeys(one.lower().encode() for one in some)) for rarer, some in starts.items()
    }
    for wide in _wide(value):
        rarer = b"\0" if b"\0" in wide else b""
        hints[rarer] = (*hints.get(rarer, ()), wide.lower())
    return hints


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


def _broken(core: str) -> bytes:
    """Base64 as mail has it: a line may end anywhere."""
    return rb"(?:\r?\n[ \t]?|(?:\\{1,8}r)?\\{1,8}n)?".join(map(_character, core))


def _escaped(value: str) -> bytes:
    """A pattern for `value` in which each character may be escaped in its own way, up to three times over.

    Repetitions are bounded: a target that sends a megabyte of backslashes costs no more than one that doesn't.
    """
    return b"".join(map(_character, value))


def _escaped_throughout(value: str) -> list[bytes]:
    """Patterns for `value` with letters and digits escaped too, as some servers do."""
    raw = value.encode("utf-8", "surrogatepass")
    units = value.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return [
        b"(?i:" + form + b")"
        for form in (
            b"".join(b"%%(?:25){0,3}%02x" % byte for byte in raw),
            b"".join(rb"\\{1,8}u%04x" % code for code in codes),
            b"".join(rb"\\{1,8}x%02x" % byte for byte in raw),
            b"".join(b"&(?:amp;){0,3}#(?:0{0,4}%d|x0{0,4}%x);" % (ord(char), ord(char)) for char in value),
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
