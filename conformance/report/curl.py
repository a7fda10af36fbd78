"""An exchange as a shell command that sends it again: paste-able, POSIX, and without a secret in it.

Credentials come from the environment variables that the profile names. What the target or a check put into a request
is quoted so that neither the shell nor a terminal acts on it. No errors; the contract of the API, if it is installed,
tells how requests are authenticated.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from conformance import contracts
from conformance.contract import Authentication
from conformance.model import Auth, Exchange, Headers, Target

_MARK = re.compile(r"\[redacted(?::([^\]\s]+))?\]")
# A signature that was altered in its length: so many characters less, or with these behind it.
_DERIVED = re.compile(r"\[redacted:signature(?:-(\d{1,2}))?\]([\w=,. -]*)$")
# The client adds these itself; curl does the same.
_OWN = {"host", "connection", "accept-encoding", "content-length"}
_AGENT = "payout-conformance/"
_STANDARD = {"authorization"}
# An interactive bash expands `!` even between double quotes.
_SPECIAL = {0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r", 0x5C: "\\\\", 0x25: "%%", 0x21: "\\041", 0x27: "\\047"}
# Longer bodies are taken from the HAR, where the caller says which entry.
INLINE = 8 * 1024


def curl(exchange: Exchange, target: Target, *, index: int | None = None, defined: bool = True) -> str:
    """Returns the command(s) that repeat `exchange`, without a final newline.

    Documented authentication is made afresh, as the contract of the API says. Altered authentication, and that of an
    API that isn't installed, is sent as it was, with the variable in place of each whole secret. `index` is the
    exchange's place in `exchanges.har`: with it a body of more than 8 KiB is read from that file (by jq)
    instead of being spelled out. Without `defined` the functions of `once` have been defined before.
    """
    body = _Body(exchange.request_body, index)
    functions, setup, auth = _authentication(exchange, target, body)
    arguments = [f"-sS -i -g --path-as-is {_method(exchange)} {quote(exchange.url)}", *auth]
    headers, known = exchange.request_headers, auth_headers(exchange, target.api)
    own = [one for one in headers if one[0].lower() not in known and not implied(*one, exchange)]
    arguments += [f"-H {_profile_word(*one) or header_word(*one)}" for one in own]
    if body.raw and "content-type" not in {name.lower() for name, _ in headers}:
        arguments.append("-H 'Content-Type:'")
    if body.raw:
        arguments.append(body.argument)
    command = "curl " + " \\\n  ".join(arguments)
    return "\n".join([*(functions if defined else ()), *setup, body.pipe + command])


def once(api: str) -> tuple[str, ...]:
    """Returns the shell functions that authenticate the requests of an API, one line each."""
    documented = _installed(api)
    if documented is None:
        return ()
    names = {name.lower(): name for name in documented.headers}
    return documented.curl(names, lambda field: f"${field}", "").once


def quote(text: str) -> str:
    """`text` as one POSIX shell word, printable ASCII and letters of any script only."""
    if text.isprintable():
        return "'" + text.replace("'", "'\\''") + "'"
    # Command substitution drops trailing newlines; nothing that is quoted this way (URLs, headers) has any.
    return f'"$({printf(_bytes(text))})"'


def printf(raw: bytes) -> str:
    """A `printf` that puts out exactly `raw`, NUL bytes included."""
    text = "".join(_SPECIAL.get(byte) or _octal(byte) for byte in raw)
    # A leading dash would be an option.
    return "printf '" + re.sub("^-", r"\\055", text) + "'"


def header_word(name: str, value: str) -> str:
    """Returns the word behind `-H`; an empty value takes curl's `Name;`, since `Name:` would remove the header.

    Headers are bytes, recorded as Latin-1 (RFC 9110 section 5.5), and go out as the same bytes.
    """
    word = f"{name}: {value}" if value.strip() else f"{name};"
    if word.isascii():
        return quote(word)
    try:
        return f'"$({printf(word.encode("latin-1"))})"'
    except UnicodeEncodeError:
        return quote(word)


def _profile_word(name: str, value: str) -> str:
    """Returns the word behind `-H` of a header whose secrets come from the profile's `headers`, empty for any other."""
    marks = [mark[1] for mark in _MARK.finditer(value)]
    if not marks or any(mark is None or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", mark) for mark in marks):
        return ""
    words = [quote(f"{name}: ")]
    for at, part in enumerate(_MARK.split(value)):
        words.append((quote(part) if part else "") if at % 2 == 0 else f'"${part.replace("-", "_")}"')
    return "".join(words)


def variable(target: Target, credential: str) -> str:
    """Returns the shell expansion of `primary.FIELD`; a name is made up where the profile's isn't known."""
    name = target.env.get(credential) or target.env.get(f"credentials.{credential}", "")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        name = re.sub(r"^(?=\d|$)|\W", "_", credential, flags=re.ASCII).upper()
    return f"${name}"


class _Body:
    """The request's body, in the three shapes that a command may need it in."""

    def __init__(self, raw: bytes, index: int | None) -> None:
        self.raw = raw
        text = _printable(raw)
        if len(raw) > INLINE and index is not None:
            self.source = _from_har(raw, index)
        else:
            self.source = printf(raw) if text is None else f"printf %s {quote(text)}"
        piped = bool(raw) and (text is None or (len(raw) > INLINE and index is not None))
        self.pipe = f"{self.source} | " if piped else ""
        self.argument = "--data-binary @-" if piped else f"--data-raw {quote(text or '')}"


def _from_har(raw: bytes, index: int) -> str:
    encoded = "" if _text(raw) is not None else " | base64 -d"
    return f"jq -j '.log.entries[{index}].request.postData.text' exchanges.har{encoded}"


def _authentication(
    exchange: Exchange, target: Target, body: _Body
) -> tuple[tuple[str, ...], list[str], list[str]]:
    """Returns functions to define, commands to run first, and arguments of curl."""
    known = auth_headers(exchange, target.api)
    sent = [(name, value) for name, value in exchange.request_headers if name.lower() in known]
    spelled = {name.lower(): name for name, _ in sent}
    documented = _installed(target.api) if exchange.auth is Auth.DOCUMENTED else None
    if documented is not None and {name.lower() for name in documented.headers} <= spelled.keys():
        owner = _owner(exchange.request_headers)
        text = body.source if body.raw else ""
        made = documented.curl(spelled, lambda field: variable(target, f"{owner}.{field}"), text)
        return made.once, list(made.setup), list(made.arguments)
    derived = _derived(exchange, target, sent, body)
    if derived is not None:
        return derived
    setup: list[str] = []
    if any("[redacted]" in value for _, value in sent):
        setup.append("# [redacted] stands for the invalid credential that was sent")
    return (), setup, [f"-H {_altered(name, value, target, setup)}" for name, value in sent]


def _derived(
    exchange: Exchange, target: Target, sent: Sequence[tuple[str, str]], body: _Body
) -> tuple[tuple[str, ...], list[str], list[str]] | None:
    """A signature that was altered in its length is made from a fresh one; None where it wasn't, or can't be."""
    documented = _installed(target.api)
    mark = next((found for _, value in sent if (found := _DERIVED.search(value))), None)
    spelled = {name.lower(): name for name, _ in sent}
    if documented is None or mark is None or {name.lower() for name in documented.headers} - spelled.keys():
        return None
    made = documented.curl(
        spelled, lambda field: variable(target, f"primary.{field}"), body.source if body.raw else ""
    )
    short = f"${{SIG%{'?' * int(mark[1])}}}" if mark[1] else "${SIG}"
    arguments = [one.replace("$SIG", short + mark[2]) for one in made.arguments]
    stamp = next((value for _, value in sent if "[redacted" not in value), "")
    setup = [
        f"TS={quote(stamp)}" if one.startswith("TS=") and not _is_now(stamp, exchange) else one
        for one in made.setup
    ]
    return made.once, setup, arguments


def _is_now(stamp: str, exchange: Exchange) -> bool:
    """Returns whether a timestamp is the time at which its request was sent, by the minute: a later one does, too."""
    try:
        sent = datetime.fromisoformat(exchange.started_at).timestamp() * 1000
        return len(stamp) == 13 and stamp.isdecimal() and abs(int(stamp) - sent) < 60_000
    except ValueError:
        return False


def _altered(name: str, value: str, target: Target, setup: list[str]) -> str:
    """The word of an altered header; `setup` gains the line that joins a Basic pair that was sent whole."""
    scheme, _, rest = value.rpartition(" ")
    mark = _MARK.match(rest)
    if mark is None or mark[1] is None or _DERIVED.search(value):
        return header_word(name, value)
    left_over = rest[mark.end() :]
    before = f"{scheme} " if scheme else ""
    if not re.fullmatch(r"[A-Za-z0-9 _-]*", before):
        return header_word(name, value)
    if ":" in mark[1] and re.fullmatch(r"[A-Za-z0-9+/_-]?={0,2}", left_over):
        key, secret = (variable(target, part) for part in mark[1].split(":", 1))
        setup.append(f"PAIR=$(printf '%s:%s' \"{key}\" \"{secret}\" | base64 | tr -d '\\n')")
        return f'"{name}: {before}$PAIR"'
    if ":" not in mark[1] and not left_over and scheme.lower() != "basic":
        return f'"{name}: {before}{variable(target, mark[1])}"'
    return header_word(name, value)


def _owner(headers: Headers) -> str:
    """Returns whose credentials the redactor named in the request's headers: `other_merchant.FIELD`."""
    found = (mark[1] for _, value in headers for mark in _MARK.finditer(value) if mark[1])
    names = (name for pair in found for name in pair.split(":") if "." in name)
    return next((name.rpartition(".")[0] for name in names), "primary")


def _installed(api: str) -> Authentication | None:
    """Returns how requests of that API are authenticated, None where its contract isn't installed."""
    return contracts.contract(api).authentication if api in contracts.names() else None


def auth_headers(exchange: Exchange, api: str) -> set[str]:
    """Returns the lower-case names of the headers that authenticate a request.

    Where the API isn't installed, these are the headers that a secret was taken out of.
    """
    installed = _installed(api)
    if installed is not None:
        return _STANDARD | {name.lower() for name in installed.headers}
    return _STANDARD | {name.lower() for name, value in exchange.request_headers if _MARK.search(value)}


def implied(name: str, value: str, exchange: Exchange) -> bool:
    """Returns whether curl sends this header by itself."""
    name = name.lower()
    if name == "content-length":
        # Where nothing is sent curl leaves it out; a length that lies is the point of the request.
        return value == str(len(exchange.request_body)) and value != "0"
    if name == "host":
        try:
            return value == urlsplit(exchange.url).netloc.rpartition("@")[2]
        except ValueError:
            return True
    own = (name == "accept" and value == "*/*") or (name == "user-agent" and value.startswith(_AGENT))
    return name in _OWN or own


def _method(exchange: Exchange) -> str:
    method = exchange.method
    if method == "HEAD" and not exchange.request_body:
        return "--head"
    return f"-X {method if method.isalpha() and method.isascii() else quote(method)}"


def _printable(raw: bytes) -> str | None:
    text = _text(raw)
    return text if text is not None and text.isprintable() else None


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _bytes(text: str) -> bytes:
    """UTF-8; an escaped byte becomes itself again, and any other lone surrogate a question mark."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _octal(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
