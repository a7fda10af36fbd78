"""Takes secrets out of whatever is going to be kept: by value, in every spelling that an echo may give them.

Checks see what the target really sent; only what is recorded, printed or attached goes through here.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html.entities import codepoint2name

from conformance.profile import Profile

# A shorter value would blank out half of every report, and protects nothing.
SHORTEST = 3
_SHORTEST_SENT = 6
_AUTH_HEADERS = {"authorization", "x-signature", "x-api-key", "proxy-authorization"}
_WORDS = {"Bearer", "Digest", "sha256="}
_SCHEME = re.compile(r"(?:basic|bearer|digest) +", re.IGNORECASE)
_RUN = re.compile(r"[0-9A-Za-z]+")
# What may stand around the names in a header of ours: a scheme before, the shared end of some base64 behind.
_NAMED = re.compile(r"(?:[A-Za-z]+ +)?\[redacted:[^\]]+\][A-Za-z0-9+/_-]?={0,2}")
# One character of a secret: %-encoding, JSON's and Python's \u0000 and the like take no more bytes than this.
_WIDEST = 12


class Redactor:
    """Replaces each secret by `[redacted:NAME]`, in raw, JSON, URL, HTML, hex and base64 form.

    `secrets` maps a name (`primary.api_secret`) to its value. `pairs` names two of them that travel joined by a
    colon, as Basic credentials do (RFC 7617). `extra`, below, are further values to take out of one piece.
    """

    def __init__(self, secrets: Mapping[str, str], pairs: Iterable[tuple[str, str]] = ()) -> None:
        joined = {f"{a}:{b}": f"{secrets[a]}:{secrets[b]}" for a, b in pairs}
        known = {name: value for name, value in {**joined, **secrets}.items() if len(value) >= SHORTEST}
        self._known = [(f"[redacted:{name}]".encode(), value) for name, value in known.items()]
        self.longest = _WIDEST * max((len(value.encode()) for value in known.values()), default=0)

    def raw(self, data: bytes, extra: Iterable[str] = ()) -> bytes:
        """`data` without secrets. Where two of them overlap, both are gone."""
        also = [(b"[redacted]", value) for value in set(extra) if len(value) >= SHORTEST]
        found = [
            (match.start(), -match.end(), order, label)
            for order, (label, value) in enumerate([*self._known, *also])
            if any(hint in data for hint in _hints(value))
            for match in spelled(value).finditer(data)
        ]
        if not found:
            return data
        clean, at = bytearray(), 0
        for start, minus_end, _, label in sorted(found):
            if start >= at:
                clean += data[at:start] + label
            at = max(at, -minus_end)
        return bytes(clean) + data[at:]

    def text(self, text: str, extra: Iterable[str] = ()) -> str:
        """As `raw`, for text; anything that UTF-8 can't say (lone surrogates) survives."""
        return self.raw(text.encode("utf-8", "surrogatepass"), extra).decode("utf-8", "surrogatepass")

    def own_header(self, name: str, value: str) -> str:
        """A header of a request of ours, without what it proves.

        Credentials of the profile, just as they are, become their names; any others are blanked out.
        """
        named = self.text(value)
        if name.lower() not in _AUTH_HEADERS or _NAMED.fullmatch(named):
            return named
        scheme, last = _scheme(value)
        return scheme + (last if _harmless(last) else "[redacted]")

    def tail(self, data: bytes) -> bytes:
        """A cut body without its last bytes, where half of a secret may have been left standing."""
        return data[: max(0, len(data) - self.longest)]


def for_profile(profile: Profile) -> Redactor:
    """Takes everything out that a profile read from the environment as a secret."""
    pairs = []
    if profile.target.api == "payout-intents":
        pairs = [(f"{name}.public_key", f"{name}.secret_key") for name in profile.credentials]
    return Redactor(profile.secrets, pairs)


def sent_credentials(headers: Iterable[tuple[str, str]]) -> list[str]:
    """What a request's own authentication headers carried, decoded and not.

    An altered credential (a prefix of the secret, say) is as good as the secret itself, so it is taken out of
    the answer even though no profile holds it.
    """
    found: list[str] = []
    for name, value in headers:
        if name.lower() not in _AUTH_HEADERS:
            continue
        last = _scheme(value)[1]
        found += [value, last, last.removeprefix("sha256=")]
        if name.lower() == "authorization":
            decoded = _base64(last)
            found += [decoded, *decoded.split(":", 1)]
    return [value for value in dict.fromkeys(found) if not _harmless(value)]


def _scheme(value: str) -> tuple[str, str]:
    """`Basic abc` -> `Basic ` and `abc`; nothing and all of it where there is no scheme."""
    found = _SCHEME.match(value)
    return (found[0], value[found.end() :]) if found else ("", value)


def _harmless(value: str) -> bool:
    """Short left-overs are no secrets, and common words."""
    return len(value) < _SHORTEST_SENT or value in _WORDS


@lru_cache(maxsize=256)
def spelled(value: str) -> re.Pattern[bytes]:
    """Finds `value` raw, escaped for JSON, URLs, HTML or Python, in hex, UTF-16, and base64 at each alignment."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = [_escaped(value), b"(?i:" + raw.hex().encode() + b")", *map(re.escape, _wide(value))]
    return re.compile(b"|".join([*forms, *map(_escaped, _base64_forms(raw))]))


@lru_cache(maxsize=256)
def _hints(value: str) -> tuple[bytes, ...]:
    """One of these stands wherever `value` is spelled: searching for them first spares most of the patterns.

    Letters and digits are never escaped, so the longest run of them in each form does.
    """
    raw = value.encode("utf-8", "surrogatepass")
    runs = [max(_RUN.findall(form), key=len, default="") for form in (value, *_base64_forms(raw))]
    return (
        *(run.encode() for run in runs),
        *(code.encode() for code in (raw.hex(), raw.hex().upper())),
        *_wide(value),
    )


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


def _base64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""
