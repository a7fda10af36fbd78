"""Takes secrets out of everything that is kept: by value, in every spelling that an echo may give them.

Checks see the answers as the target sent them; records, messages and attachments are redacted here. Spellings that one
pattern finds are in `spellings`, those that have to be decoded first in `encodings`.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial

from conformance import contracts
from conformance.contract import Authentication
from conformance.http.encodings import layers
from conformance.http.spellings import SHORTEST, Searched, any_of, hints_of, may_hold, merged, spelled
from conformance.model import Credentials, Headers
from conformance.profile import Profile

_SHORTEST_SENT = 6
_STANDARD = ("authorization", "proxy-authorization")
# Names that every object has in some language: checks send them as credentials, and a report has to name them.
_PROPERTIES = {"constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "__proto__", "__class__"}
_WORDS = {"Bearer", "Digest", "sha256="} | _PROPERTIES
_SCHEME = re.compile(r"(?:basic|bearer|digest) +", re.IGNORECASE)
_OWN_KEPT = 100
# No time that is sent is longer, and so many characters behind a signature are kept.
_TIME, _TAIL = 40, 12
_OWN_LONGEST = 300
# The length up to which a text is kept beside what is left of it.
_USUAL = 2_000
# A signature is good for as long as its timestamp is, even one that the target made or echoes later.
_SIGNATURE = re.compile(
    rb"sha256(?:=|%(?:25){0,3}3[Dd]|\\{1,8}u003[Dd]|&#61;|&#x3[Dd];)([0-9A-Fa-f]{64})(?![0-9A-Fa-f])"
)
# What has to be decoded more often is searched part by part: together, its parts share one bound on what is decoded.
_LAYERS = 8
# No text has it: it joins parts that are searched at once.
_BETWEEN = b"\x1f"
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
        self._hints = merged(hints_of(value) for _, value in self._known)
        self._least = min((len(value) for value in known.values() if len(value) >= _SHORTEST_SENT), default=0)
        # Returns the signatures that the caller's request with these headers and this body should have.
        self.signed_as: Callable[[Headers, bytes], Sequence[str]] | None = None
        # The same addresses and bodies go out again and again.
        self._again = lru_cache(maxsize=1024)(partial(self._without, also=()))
        self._own: dict[tuple[str, str], str] = {}
        self._sent: dict[tuple[str, str], str] = {}
        self.longest = _WIDEST * max((len(value.encode()) for value in known.values()), default=0)

    def raw(self, data: bytes, extra: Iterable[str] = ()) -> bytes:
        """`data` without secrets. Where two of them overlap, both are gone."""
        also = [(b"[redacted]", one) for one in set(extra) if len(one) >= SHORTEST and one not in self._exact]
        return self._without(data, also) if also or len(data) > _USUAL else self._again(data)

    def _without(self, data: bytes, also: Sequence[tuple[bytes, str]]) -> bytes:
        found = self._found(data, also)
        least = self._least_of(value for _, value in also)
        # A shorter value may stand anywhere by chance, once everything is decoded that can be.
        long = [(label, value) for label, value in also if len(value) >= _SHORTEST_SENT]
        known: dict[bytes, list[tuple[int, int, int, bytes]]] = {}
        for form in layers(data, least) if least else ():
            # The same bytes stand in many places.
            if form.data not in known:
                known[form.data] = self._found(form.data, long, _SHORTEST_SENT)
            spans = known[form.data]
            places = (
                (form.place(start, -minus_end), order, label) for start, minus_end, order, label in spans
            )
            found += [(start, -end, order, label) for (start, end), order, label in places]
        if not found:
            return data
        clean, at = bytearray(), 0
        for start, minus_end, _, label in sorted(found):
            if start >= at:
                clean += data[at:start] + label
            at = max(at, -minus_end)
        return bytes(clean) + data[at:]

    def _found(
        self, data: bytes, also: Sequence[tuple[bytes, str]], shortest: int = SHORTEST
    ) -> list[tuple[int, int, int, bytes]]:
        """Returns where patterns find secrets: begin, negative end, order and label of each that is in no other one."""
        text = Searched(data)
        known = self._known if self._hinted(text.lower) else []
        found = [
            (start, -end, order, label)
            for order, (label, value) in enumerate([*known, *also])
            if len(value) >= shortest and may_hold(text, value)
            for start, end in spelled(text, value)
        ]
        if b"sha256" in data:
            found += [(hit.start(1), -hit.end(1), -1, b"[redacted]") for hit in _SIGNATURE.finditer(data)]
        outer, at = [], -1
        for one in sorted(found):
            if -one[1] > at:
                outer.append(one)
                at = -one[1]
        return outer

    def _least_of(self, extra: Iterable[str]) -> int:
        """Returns the length of the shortest value that is looked for in what has to be decoded; 0 for none."""
        lengths = (len(value) for value in extra if len(value) >= _SHORTEST_SENT)
        return min([*lengths, *([self._least] if self._least else [])], default=0)

    def is_clean(self, parts: Iterable[bytes], extra: Iterable[str] = ()) -> bool:
        """Returns whether none of `parts` needs redaction; one search of all is cheaper than one of each.

        False for a few that don't either.
        """
        data, also = _BETWEEN.join(parts), {one for one in extra if len(one) >= SHORTEST}
        if self._may_hold_any(Searched(data), also):
            return False
        least = self._least_of(also)
        long = [one for one in also if len(one) >= _SHORTEST_SENT]
        for number, form in enumerate(layers(data, least) if least else ()):
            # Letters of any language are escaped in JSON: that alone is no reason to look for each secret.
            if number == _LAYERS or self._may_hold_any(Searched(form.data), long):
                return False
        return True

    def _may_hold_any(self, text: Searched, also: Iterable[str]) -> bool:
        if b"sha256" in text.lower or any(may_hold(text, one) for one in also):
            return True
        return self._hinted(text.lower) and any(may_hold(text, value) for _, value in self._known)

    def _hinted(self, lower: bytes) -> bool:
        return any_of(self._hints, lower)

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


def _base64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""
