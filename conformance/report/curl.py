"""An exchange as a shell command that sends it again: paste-able, POSIX, and without a secret in it.

Credentials come from the environment variables that the profile names. What the target or a check put into a request
is quoted so that neither the shell nor a terminal acts on it. No errors; the contract of the API, if it is installed,
tells how requests are authenticated.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from conformance import contracts
from conformance.contract import Authentication
from conformance.model import Auth, Exchange, Headers, Target
from conformance.report import timestamps
from conformance.report.bent import pair

HAR = "exchanges.har"
"""The file of a run that long bodies are taken from."""
_MARK = re.compile(r"\[redacted(?::([^\]\s]+))?\]")
# What a mark names: a variable of the profile's `headers`, or a field of credentials.
_NAMED = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
# A signature that was altered in its length: so many characters less, or with these behind it.
_DERIVED = re.compile(r"\[redacted:signature(?:-(\d{1,2}))?\]([\w=,. -]*)$")
# What a check calls the signature of a request that carries a body which it doesn't cover.
_OF_NO_BODY = re.compile(r"signature of (?:no|an empty) body|signature (?:doesn't|does not) cover")
_WRONG_SECRET = re.compile(r"\b(?:wrong|another|unrelated) secret\b")
# Of two pairs each has the other's secret, which signs under the key of this one.
_OF_ANOTHER = re.compile(r"signed with (?:another|this) merchant's secret")
_OTHERS = {"primary": "other_merchant", "other_merchant": "primary"}
# Of a step that decides nothing it isn't told how it was altered.
_ANY_SIGNATURE = re.compile(r"^another [\w-]+$")
_NOT_KEPT = "# [redacted] stands for what was sent: records don't keep it, and replay sends it again"
_SIGNED_ANEW = "# signed with a wrong secret, as records don't keep what was sent: replay sends that again"
_SIGNED_OVER = "# signed over this timestamp, as records don't keep what was sent: replay sends that again"
_SIGNED_EMPTY = "# signed without the body"
# The client adds these itself; curl does the same.
_OWN = {"host", "connection", "accept-encoding", "content-length"}
_AGENT = "payout-conformance/"
_STANDARD = {"authorization"}
# An interactive bash expands `!` even between double quotes.
_SPECIAL = {0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r", 0x5C: "\\\\", 0x25: "%%", 0x21: "\\041", 0x27: "\\047"}
# Longer bodies are taken from the HAR, where the caller says which entry.
INLINE = 8 * 1024


def curl(
    exchange: Exchange, target: Target, *, index: int | None = None, defined: bool = True, said: str = ""
) -> str:
    """Returns the command(s) that repeat `exchange`, without a final newline.

    Documented authentication is made afresh, as the contract of the API says. Altered authentication, and that of an
    API that isn't installed, is sent as it was, with the variable in place of each whole secret; a forgery that isn't
    on record is replaced by one of its kind, if `said`, what was sent in words, tells it. `index` is the exchange's
    place in `exchanges.har`: with it a body of more than 8 KiB is read from that file (by jq) instead of being spelled
    out. Without `defined` the functions of `once` have been defined before.
    """
    body = _Body(exchange.request_body, index)
    functions, setup, auth = _authentication(exchange, target, body, said)
    arguments = [f"-sS -i -g --path-as-is {_method(exchange)} {quote(exchange.url)}", *auth]
    headers, known = exchange.request_headers, auth_headers(exchange, target.api)
    own = [one for one in headers if one[0].lower() not in known and not implied(*one, exchange)]
    arguments += [f"-H {_profile_word(*one, target) or header_word(*one)}" for one in own]
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


def _profile_word(name: str, value: str, target: Target) -> str:
    """Returns the word behind `-H` of a header that holds what the profile names: its `headers`, or credentials.

    Each is the variable that the profile reads it from. Empty for any other header.
    """
    marks = [mark[1] for mark in _MARK.finditer(value)]
    if not marks or any(mark is None or not _NAMED.fullmatch(mark) for mark in marks):
        return ""
    words = [quote(f"{name}: ")]
    for at, part in enumerate(_MARK.split(value)):
        words.append((quote(part) if part else "") if at % 2 == 0 else f'"{_of_profile(part, target)}"')
    return "".join(words)


def _of_profile(mark: str, target: Target) -> str:
    return variable(target, mark) if "." in mark else f"${mark.replace('-', '_')}"


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
    return f"jq -j '.log.entries[{index}].request.postData.text' {HAR}{encoded}"


def _authentication(
    exchange: Exchange, target: Target, body: _Body, said: str
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
    made_anew = _derived(exchange, target, sent, body) or _forged(exchange, target, sent, body, said)
    if made_anew is not None:
        return made_anew
    setup: list[str] = []
    if any("[redacted]" in value for _, value in sent):
        setup.append(_NOT_KEPT)
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
    # A key that isn't on record, beside a signature that is, was another one.
    other = any(value.endswith("[redacted]") for _, value in sent)
    secret = documented.fields[-1]
    made = documented.curl(
        spelled,
        lambda field: ("not-" if other and field != secret else "") + variable(target, f"primary.{field}"),
        body.source if body.raw else "",
    )
    short = f"${{SIG%{'?' * int(mark[1])}}}" if mark[1] else "${SIG}"
    arguments = [one.replace("$SIG", short + mark[2]) for one in made.arguments]
    return (
        made.once,
        _stamped(made.setup, sent, exchange),
        _with_second_ones(arguments, sent, exchange, target),
    )


def _with_second_ones(
    arguments: list[str], sent: Sequence[tuple[str, str]], exchange: Exchange, target: Target
) -> list[str]:
    """Returns arguments with the second values of headers that were sent twice."""
    names: set[str] = set()
    more = []
    for name, value in sent:
        if name.lower() in names and "[redacted" in value:
            more.append(f"-H {_profile_word(name, value, target) or header_word(name, value)}")
        elif name.lower() in names:
            now = timestamps.is_now(value, exchange)
            stamp = "$(date +%s)000" if now else timestamps.word(value, exchange, quote)
            more.append(
                f'-H "{name}: {stamp}"' if stamp.startswith("$(") else f"-H {header_word(name, value)}"
            )
        names.add(name.lower())
    return [*arguments, *more]


def _stamped(setup: Sequence[str], sent: Sequence[tuple[str, str]], exchange: Exchange) -> list[str]:
    """Returns the commands to run first, with the timestamp that was sent where that isn't the time of the request."""
    stamp = next((value for _, value in sent if "[redacted" not in value), "")
    word = timestamps.word(stamp, exchange, quote)
    return [
        f"TS={word}" if one.startswith("TS=") and not timestamps.is_now(stamp, exchange) else one
        for one in setup
    ]


def _forged(
    exchange: Exchange, target: Target, sent: Sequence[tuple[str, str]], body: _Body, said: str
) -> tuple[tuple[str, ...], list[str], list[str]] | None:
    """A signature that records don't keep is replaced by another one of the same kind.

    None where the kind isn't known, or more than a signature isn't kept.
    """
    documented = _installed(target.api)
    gone = [name.lower() for name, value in sent if value.endswith("[redacted]")]
    spelled = {name.lower(): name for name, _ in sent}
    if documented is None or len(gone) != 1 or {name.lower() for name in documented.headers} - spelled.keys():
        return None
    owner, secret = _owner(exchange.request_headers), documented.fields[-1]
    if documented.joined:
        # Key and secret are in one header: nothing shows which of them was altered, and how.
        bent = pair(said)
        if bent is not None:
            made = documented.curl(
                spelled, lambda field: _changed(target, owner, field, bent[1 if field == secret else 0]), ""
            )
            return made.once, list(made.setup), list(made.arguments)
        if not _WRONG_SECRET.search(said) or "merchant" in said:
            return None
        made = documented.curl(spelled, lambda field: _wrong(target, owner, field, secret), "")
        return made.once, [_SIGNED_ANEW.replace("signed", "sent", 1), *made.setup], list(made.arguments)
    if body.raw and _OF_NO_BODY.search(said):
        made = documented.curl(spelled, lambda field: variable(target, f"{owner}.{field}"), "")
        remark = _SIGNED_EMPTY
    else:
        is_odd = any("[redacted" not in value and not timestamps.is_now(value, exchange) for _, value in sent)
        is_right = is_odd and not (_WRONG_SECRET.search(said) or _ANY_SIGNATURE.search(said))
        whose = _OTHERS.get(owner, "") if _OF_ANOTHER.search(said) else ""
        made = documented.curl(
            spelled,
            lambda field: (
                variable(target, f"{whose}.{field}")
                if whose and field == secret
                else variable(target, f"{owner}.{field}")
                if is_right
                else _wrong(target, owner, field, secret)
            ),
            body.source if body.raw else "",
        )
        remark = "" if whose else _SIGNED_OVER if is_right else _SIGNED_ANEW
    if not any("$SIG" in one and spelled[gone[0]] in one for one in made.arguments):
        return None
    setup = [*([remark] if remark else []), *_stamped(made.setup, sent, exchange)]
    fresh = {
        name: next((one for one in made.arguments if f"{spelled[name]}: " in one), "") for name in spelled
    }
    arguments = [
        fresh[name.lower()]
        if fresh[name.lower()] and (name.lower() in gone or "$TS" in fresh[name.lower()])
        else f"-H {_altered(name, value, target, setup)}"
        for name, value in sent
    ]
    return made.once, setup, arguments


def _changed(target: Target, owner: str, field: str, word: str) -> str:
    """Returns that `word`, with the name of the variable that holds a credential in place of each `{}`."""
    return word.replace("{}", variable(target, f"{owner}.{field}").removeprefix("$"))


def _wrong(target: Target, owner: str, field: str, secret: str) -> str:
    """Returns the variable of a credential; a wrong secret in place of the secret."""
    found = variable(target, f"{owner}.{field}")
    return f"not-{found}" if field == secret else found


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
