"""Takes secrets out of everything that is kept: by value, in every spelling that an echo may give them.

Checks see the answers as the target sent them; records, messages and attachments are redacted here.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from html.entities import codepoint2name

from conformance import contracts
from conformance.contract import Authentication
from conformance.model import Credentials, Headers
from conformance.profile import Profile

# A shorter value would blank out half of every report, and protects nothing.
SHORTEST = 3
_SHORTEST_SENT = 6
_STANDARD = ("authorization", "proxy-authorization")
# Names that every object has in some language: checks send them as credentials, and a report has to name them.
_PROPERTIES = {"constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "__proto__", "__class__"}
_WORDS = {"Bearer", "Digest", "sha256="} | _PROPERTIES
_SCHEME = re.compile(r"(?:basic|bearer|digest) +", re.IGNORECASE)
_RUN = re.compile(r"[0-9A-Za-z]+")
_ONE_OFF = re.compile(r"(?:sha256=)?[0-9a-f]{64}")
_OWN_KEPT = 100
# No time that is sent is longer, and so many characters behind a signature are kept.
_TIME, _TAIL = 40, 12
_OWN_LONGEST = 300
# A signature is good for as long as its timestamp is, even one that the target made or echoes later.
_SIGNATURE = re.compile(
    rb"sha256(?:=|%(?:25){0,3}3[Dd]|\\{1,8}u003[Dd]|&#61;|&#x3[Dd];)([0-9A-Fa-f]{64})(?![0-9A-Fa-f])"
)
# One character of a secret takes no more bytes than this, however it is escaped: `&amp;amp;amp;#x0000041;`.
_WIDEST = 24


_in_use: "list[Redactor]" = []


class Redactor:
    """Replaces each secret by `[redacted:NAME]`, in raw, JSON, URL, HTML, hex and base64 form.

    `secrets` maps a name (`primary.password`) to its value. `pairs` names two of them that travel joined by a
    colon, as Basic credentials do (RFC 7617). `extra`, below, are further values to take out of one piece.
    """

    def __init__(self, secrets: Mapping[str, str], pairs: Iterable[tuple[str, str]] = ()) -> None:
        joined = {f"{a}:{b}": f"{secrets[a]}:{secrets[b]}" for a, b in pairs}
        known = {name: value for name, value in {**joined, **secrets}.items() if len(value) >= SHORTEST}
        self._known = [(f"[redacted:{name}]".encode(), value) for name, value in known.items()]
        # As Basic has them: in base64, which an echo may put into base64 once more.
        for name, value in joined.items():
            self._known.append((f"[redacted:{name}]".encode(), base64.b64encode(value.encode()).decode()))
        # Most headers of ours are just these: they need no pattern, which takes longer to make than a whole check.
        self._exact = {value: label.decode() for label, value in self._known}
        # Where none of these stands, none of the secrets does; many of them have hints in common.
        self._hints = tuple(dict.fromkeys(hint for _, value in self._known for hint in _hints(value)))
        # Returns the signatures that the caller's request with these headers and this body should have.
        self.signed_as: Callable[[Headers, bytes], Sequence[str]] | None = None
        self._own: dict[tuple[str, str], str] = {}
        self._sent: dict[tuple[str, str], str] = {}
        self.longest = _WIDEST * max((len(value.encode()) for value in known.values()), default=0)

    def raw(self, data: bytes, extra: Iterable[str] = ()) -> bytes:
        """`data` without secrets. Where two of them overlap, both are gone."""
        also = [(b"[redacted]", value) for value in set(extra) if len(value) >= SHORTEST]
        lower = data.lower()
        known = self._known if self._hinted(lower) else []
        found = [
            (match.start(), -match.end(), order, label)
            for order, (label, value) in enumerate([*known, *also])
            if _may_hold(lower, value)
            for match in spelled(value).finditer(data)
        ]
        if b"sha256" in data:
            found += [(hit.start(1), -hit.end(1), -1, b"[redacted]") for hit in _SIGNATURE.finditer(data)]
        if not found:
            return data
        clean, at = bytearray(), 0
        for start, minus_end, _, label in sorted(found):
            if start >= at:
                clean += data[at:start] + label
            at = max(at, -minus_end)
        return bytes(clean) + data[at:]

    def is_clean(self, parts: Iterable[bytes], extra: Iterable[str] = ()) -> bool:
        """Returns whether none of `parts` needs redaction; one search of all is cheaper than one of each.

        False for a few that don't either.
        """
        lower = b"\n".join(parts).lower()
        if b"sha256" in lower or any(len(one) >= SHORTEST and _may_hold(lower, one) for one in set(extra)):
            return False
        return not self._hinted(lower) or not any(_may_hold(lower, value) for _, value in self._known)

    def _hinted(self, lower: bytes) -> bool:
        return any(hint in lower for hint in self._hints)

    def text(self, text: str, extra: Iterable[str] = ()) -> str:
        """Returns text without secrets; anything that UTF-8 can't say (lone surrogates) survives."""
        return self.raw(text.encode("utf-8", "surrogatepass"), extra).decode("utf-8", "surrogatepass")

    def hide(self, headers: Iterable[tuple[str, str]]) -> None:
        """Has the whole values of these headers left out of requests: they may be too short to be known elsewhere."""
        for name, value in headers:
            shown = self.text(value)
            self._sent[name.lower(), value] = f"[redacted:{name}]" if shown == value else shown

    def own_header(self, name: str, value: str) -> str:
        """A header of a request of ours, without what it proves.

        Credentials of the profile, just as they are, become their names; any others are blanked out.
        """
        known = self._own.get((name, value), self._sent.get((name.lower(), value)))
        if known is None:
            known = self._own_header(name, value)
            # The same few headers go out with every request; those that differ each time don't crowd them out.
            if len(self._own) < _OWN_KEPT and len(value) < _OWN_LONGEST:
                self._own[name, value] = known
        return known

    def _own_header(self, name: str, value: str) -> str:
        if name.lower() not in _secret_headers():
            return self.text(value)
        scheme, last = _scheme(value)
        if last in self._exact:
            return scheme + self._exact[last]
        return self.text(value) if _harmless(last) else f"{scheme}[redacted]"

    def own_headers(self, headers: Headers, body: bytes, *, altered: bool = False) -> Headers:
        """The headers of a request of ours, without what they prove.

        Of a signature that is `altered`, it is kept how it differs from that of this very request, if by its length:
        `sha256=[redacted:signature]0` has a digit more, `sha256=[redacted:signature-2]` lacks two.
        """
        shown = tuple((name, self.own_header(name, value)) for name, value in headers)
        if not altered or self.signed_as is None:
            return shown
        right = self.signed_as(headers, body)
        return tuple(
            (name, _shape(value, right)) if text.endswith("[redacted]") else (name, text)
            for (name, value), (_, text) in zip(headers, shown, strict=True)
        )

    def head(self, data: bytes, limit: int, extra: Iterable[str] = (), *, whole: bool = True) -> bytes:
        """At most `limit` bytes of `data` without secrets; `whole` false tells that `data` was cut already.

        Where something was cut off, so much more goes with it that no half of a secret is left at the end: it is
        dropped after the others were taken out, or the new end might go through the middle of one of them.
        """
        also = tuple(extra)
        if whole and len(data) <= limit:
            return self.raw(data, also)
        longest = max([self.longest, *(_WIDEST * len(value.encode("utf-8", "replace")) for value in also)])
        clean = self.raw(data[: limit + longest], also)
        return clean[: max(0, min(limit, len(clean) - longest))]


def for_profile(profile: Profile) -> Redactor:
    """Returns the redactor of all secrets that a profile read from the environment."""
    authentication = contracts.contract(profile.target.api).authentication
    key, secret = authentication.fields[0], authentication.fields[-1]
    names = profile.credentials if authentication.joined else ()
    pairs = [(f"{name}.{key}", f"{name}.{secret}") for name in names]
    made = Redactor(profile.secrets, pairs)
    made.hide(profile.headers)
    if authentication.timestamped:
        made.signed_as = partial(_signatures, authentication, profile.credentials["primary"])
    _in_use.append(made)
    return made


def _signatures(
    authentication: Authentication, caller: Credentials, headers: Headers, body: bytes
) -> list[str]:
    """Returns the signatures for each header that may be the time of this request."""
    found = []
    for _, value in headers:
        if 0 < len(value) <= _TIME:
            made = authentication.authenticate(caller, body, lambda value=value: value)  # type: ignore[misc]
            found += [one for _, one in made if one.startswith("sha256=")]
    return found


def _shape(value: str, right: Iterable[str]) -> str:
    """Returns what a header with an altered signature may show: by how many characters it is longer or shorter."""
    for one in right:
        before = one.partition("=")[0] + "="
        if value.startswith(one) and len(value) - len(one) <= _TAIL:
            return f"{before}[redacted:signature]{value[len(one) :]}"
        if one.startswith(value) and len(value) > len(one) // 2:
            return f"{before}[redacted:signature-{len(one) - len(value)}]"
    return "[redacted]"


def _secret_headers() -> frozenset[str]:
    """Returns the lower-case names of headers that hold secrets: a check may send those of one API to another."""
    return _secret_headers_of(contracts.names())


@cache
def _secret_headers_of(apis: tuple[str, ...]) -> frozenset[str]:
    found = (contracts.contract(api).authentication for api in apis)
    own = (name for one in found for name in one.secret_headers or one.headers)
    return frozenset((*_STANDARD, *(name.lower() for name in own)))


def scrubbed(text: str) -> str:
    """`text` without the secrets of any profile that this process has used: for words of unknown origin."""
    for redactor in _in_use:
        text = redactor.text(text)
    return text


def sent_credentials(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Returns the values of a request's own authentication headers, decoded and not.

    An altered credential (a prefix of the secret, say) is as good as the secret itself, so it is taken out of
    the answer even though no profile holds it.
    """
    found: list[str] = []
    for name, value in headers:
        if name.lower() not in _secret_headers():
            continue
        last = _scheme(value)[1]
        found += [value, last, last.removeprefix("sha256=")]
        if name.lower() == "authorization":
            # Also behind a scheme that nobody knows.
            for encoded in dict.fromkeys((last, value.rpartition(" ")[2])):
                decoded = _base64(encoded)
                found += [decoded, *decoded.split(":", 1)]
    return [value for value in dict.fromkeys(found) if not _harmless(value)]


def _scheme(value: str) -> tuple[str, str]:
    """`Basic abc` -> `Basic ` and `abc`; nothing and all of it where there is no scheme."""
    found = _SCHEME.match(value)
    return (found[0], value[found.end() :]) if found else ("", value)


def _harmless(value: str) -> bool:
    """Returns whether a value is too short for a secret, or a common word."""
    return len(value) < _SHORTEST_SENT or value in _WORDS


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


def _may_hold(lower: bytes, value: str) -> bool:
    """Returns whether `lower`, in lower case, may hold `value`: false for most texts, and never wrongly."""
    if not any(hint in lower for hint in _hints(value)):
        return False
    # The longest run of letters may be a single one, or a common word; other characters are rarer.
    return any(hint in lower for hint in _hints(value)[1:]) or all(one.search(lower) for one in _rare(value))


@lru_cache(maxsize=256)
def _rare(value: str) -> tuple[re.Pattern[bytes], ...]:
    """A few of the other characters of a value; none for one of letters and digits."""
    odd = sorted({char for char in value if not (char.isascii() and char.isalnum()) and char not in "-._~"})
    return tuple(re.compile(b"(?i:" + _character(char) + b")") for char in odd[-4:])


@lru_cache(maxsize=256)
def _hints(value: str) -> tuple[bytes, ...]:
    """One of these stands, in lower case, wherever `value` is spelled: looking for them spares most of the patterns.

    Letters and digits are seldom escaped, so the longest run of them in each form stands there as it is; where all
    of it is escaped, its first character is.
    """
    raw = value.encode("utf-8", "surrogatepass")
    runs = [max(_RUN.findall(value), key=len, default="")]
    for form in _base64_forms(raw):
        run = max(_RUN.findall(form), key=len, default="")
        # A line may end in the middle of it.
        runs += [run[: len(run) // 2], run[len(run) // 2 :]]
    first, unit = ord(value[0]), value[0].encode("utf-16-be", "surrogatepass")[:2].hex()
    percent = [f"%{'25' * times}{raw[0]:02x}" for times in range(4)]
    starts = (*percent, f"\\x{raw[0]:02x}", f"\\u{unit}", f"{first};", f"{first:x};")
    hints = [one.lower().encode() for one in (*runs, *starts, raw.hex())]
    return tuple(dict.fromkeys([*hints, *(one.lower() for one in _wide(value))]))


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


def _base64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""
