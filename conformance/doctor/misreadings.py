"""What a target expects that has misread a document: credentials as documented, but for one thing.

Whoever lets one of these in knows the credentials: then the mistake is the target's, and it is judged. The two
halves of a pair in each other's place are likelier to be ours.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from conformance.http.auth import Credentials, basic, signature, signed_headers
from conformance.model import Headers

SWAPPED = "the halves swapped"

Reading = tuple[str, Callable[[], Headers]]


def of_basic(pair: Credentials) -> Iterator[Reading]:
    """Readings of payout intents, section Required headers: what goes where, and how it is written."""
    both = base64.b64encode(f"{pair.key}:{pair.secret}".encode()).decode()
    values = {
        SWAPPED: basic(pair.secret, pair.key),
        "a bearer token of both halves": f"Bearer {both}",
        "a bearer token": f"Bearer {pair.secret}",
        "the secret key as user name": basic(pair.secret, ""),
        "the secret key as password": basic("", pair.secret),
        "the public key alone": basic(pair.key, ""),
        "a pair that isn't encoded": f"Basic {pair.key}:{pair.secret}",
        "the pair without a scheme": both,
        "the scheme in small letters": f"basic {both}",
        "a pair that is encoded twice": f"Basic {base64.b64encode(both.encode()).decode()}",
    }
    for name, value in values.items():
        yield name, _fixed((("Authorization", value),))
    yield "header names in small letters", _fixed((("authorization", f"Basic {both}"),))


def of_signature(pair: Credentials, path: str, stamp: Callable[[], str], skew_ms: int) -> Iterator[Reading]:
    """Readings of withdraws, section Example Request: another clock, timestamp, message, secret or notation.

    `stamp` makes timestamps in milliseconds, each for one request alone; the target's clock is `skew_ms` ahead.
    """

    def sent(
        name: str, sign: Callable[[str], str], *, ahead: int = 0, shown: Callable[[str], str] = str
    ) -> Reading:
        """The three headers: what `sign` makes of the timestamp, which is written as `shown` writes it."""

        def make() -> Headers:
            text = shown(str(int(stamp()) + ahead))
            return (("X-API-Key", pair.key), ("X-Timestamp", text), ("X-Signature", sign(text)))

        return name, make

    def digest(text: str, secret: bytes = pair.secret.encode(), kind: str = "sha256") -> bytes:
        return hmac.new(secret, text.encode(), kind).digest()

    def plain(text: str) -> str:
        return signature(pair.secret, text, b"")

    if skew_ms:
        yield sent("the target's own clock", plain, ahead=skew_ms)
    yield SWAPPED, lambda: signed_headers_of(Credentials(pair.name, (pair.secret, pair.key)), stamp())
    yield "header names in small letters", lambda: _small(signed_headers_of(pair, stamp()))
    yield sent("a timestamp in seconds", plain, shown=_seconds)
    yield sent("a timestamp in ISO 8601", plain, shown=_iso)
    yield sent("bare hex", lambda text: plain(text).removeprefix("sha256="))
    yield sent("upper-case hex", lambda text: "sha256=" + digest(f"{text}.").hex().upper())
    yield sent("base64", lambda text: _base64(digest(f"{text}.")))
    yield sent("base64 behind sha256=", lambda text: "sha256=" + _base64(digest(f"{text}.")))
    for kind in ("sha512", "sha1"):
        for name in (kind, "sha256"):
            yield sent(
                f"{kind} behind {name}=",
                lambda text, kind=kind, name=name: f"{name}={digest(f'{text}.', kind=kind).hex()}",  # type: ignore[misc]
            )
    for name, message in _MESSAGES.items():
        yield sent(
            f"a signature over {name}",
            lambda text, message=message: "sha256=" + digest(message(text, path)).hex(),  # type: ignore[misc]
        )
    for name, secret in _secrets(pair).items():
        yield sent(name, lambda text, secret=secret: "sha256=" + digest(f"{text}.", secret).hex())  # type: ignore[misc]


_MESSAGES: dict[str, Callable[[str, str], str]] = {
    "{}": lambda stamp, path: f"{stamp}.{{}}",
    "null": lambda stamp, path: f"{stamp}.null",
    "undefined": lambda stamp, path: f"{stamp}.undefined",
    "None": lambda stamp, path: f"{stamp}.None",
    "no dot": lambda stamp, path: stamp,
    "a colon": lambda stamp, path: f"{stamp}:",
    "a line break": lambda stamp, path: f"{stamp}\n",
    "the body before the timestamp": lambda stamp, path: f".{stamp}",
    "the body alone": lambda stamp, path: "",
    "seconds": lambda stamp, path: f"{_seconds(stamp)}.",
    "the path": lambda stamp, path: f"{stamp}.{path}.",
    "method and path": lambda stamp, path: f"{stamp}.POST.{path}.",
    "method and path, joined": lambda stamp, path: f"{stamp}POST{path}",
    "method and path, first": lambda stamp, path: f"POST{path}{stamp}",
}


def _secrets(pair: Credentials) -> dict[str, bytes]:
    """What may be taken for the secret."""
    raw = pair.secret.encode()
    found = {
        "a signature made with the key": pair.key.encode(),
        "a signature made with the hashed secret": hashlib.sha256(raw).digest(),
        "a signature made with the hashed secret, in hex": hashlib.sha256(raw).hexdigest().encode(),
        "a signature made with the secret in base64": base64.b64encode(raw),
    }
    with suppress(binascii.Error):
        found["a signature made with the secret, decoded from base64"] = base64.b64decode(raw, validate=True)
    with suppress(ValueError):
        found["a signature made with the secret, decoded from hex"] = bytes.fromhex(pair.secret)
    return found


def signed_headers_of(pair: Credentials, stamp: str) -> Headers:
    """The documented headers of a request without a body."""
    return tuple(signed_headers(pair, stamp, b"").items())


def _small(headers: Headers) -> Headers:
    return tuple((name.lower(), value) for name, value in headers)


def _seconds(stamp: str) -> str:
    return str(int(stamp) // 1000)


def _iso(stamp: str) -> str:
    return datetime.fromtimestamp(int(stamp) / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _fixed(headers: Headers) -> Callable[[], Headers]:
    return lambda: headers
