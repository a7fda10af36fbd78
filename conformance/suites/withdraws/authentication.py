"""The signature of a withdraws request: an HMAC over timestamp and body (section Example Request)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from conformance.contract import (
    CLOCK,
    SWAPPED,
    Authentication,
    CurlAuthentication,
    Misreading,
    Stamp,
    Variable,
)
from conformance.model import Credentials, Headers


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Returns `sha256=` and the lower-case hex HMAC-SHA256 of `timestamp.body`."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def signed_headers(credentials: Credentials, timestamp: str, body: bytes) -> dict[str, str]:
    """Returns the three headers of a request; `timestamp` is milliseconds since the epoch, in digits."""
    return {
        "X-API-Key": credentials.key,
        "X-Timestamp": timestamp,
        "X-Signature": signature(credentials.secret, timestamp, body),
    }


def authenticate(credentials: Credentials, body: bytes, stamp: Stamp) -> Headers:
    """Returns the three headers of a request that is sent now."""
    return tuple(signed_headers(credentials, stamp(), body).items())


def signed(headers: Headers, body: bytes) -> str | None:
    """Returns the text that the signature of these headers was computed over."""
    stamp = next((value for name, value in headers if name.lower() == "x-timestamp"), "")
    return f"{stamp}.{body.decode('utf-8', 'backslashreplace')}"


# Prints the HMAC of a timestamp, a dot and what comes in, under a secret.
_SIGN = "sign() { { printf '%s.' \"$1\"; cat; } | openssl dgst -sha256 -hmac \"$2\" | sed 's/^.*= *//'; }"


def curl(names: Mapping[str, str], variable: Variable, body: str) -> CurlAuthentication:
    """Signs a command line with openssl and the current time."""
    sign = f'sign "$TS" "{variable("api_secret")}"'
    call = f"$({body} | {sign})" if body else f"$({sign} </dev/null)"
    return CurlAuthentication(
        ("TS=$(date +%s)000", f"SIG={call}"),
        (
            f'-H "{names["x-api-key"]}: {variable("api_key")}"',
            f'-H "{names["x-timestamp"]}: $TS"',
            f'-H "{names["x-signature"]}: sha256=$SIG"',
        ),
        (_SIGN,),
    )


def misreadings(pair: Credentials, path: str, stamp: Stamp, skew_ms: int) -> Iterator[Misreading]:
    """Misreadings of section Example Request: another clock, timestamp, message, secret or notation."""

    def sent(
        name: str, sign: Callable[[str], str], *, ahead: int = 0, shown: Callable[[str], str] = str
    ) -> Misreading:
        """The three headers: what `sign` makes of the timestamp, which is written as `shown` writes it."""

        def make() -> Headers:
            text = shown(str(int(stamp()) + ahead))
            return (("X-API-Key", pair.key), ("X-Timestamp", text), ("X-Signature", sign(text)))

        return Misreading(name, make)

    def digest(text: str, secret: bytes = pair.secret.encode(), kind: str = "sha256") -> bytes:
        return hmac.new(secret, text.encode(), kind).digest()

    def plain(text: str) -> str:
        return signature(pair.secret, text, b"")

    if skew_ms:
        yield sent(CLOCK, plain, ahead=skew_ms)
    yield Misreading(
        SWAPPED,
        lambda: authenticate(Credentials(pair.name, (pair.secret, pair.key)), b"", stamp),
        ours=SWAPPED,
    )
    yield Misreading("header names in small letters", lambda: _small(authenticate(pair, b"", stamp)))
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
    """Returns the values that a target may take for the secret."""
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


def _small(headers: Headers) -> Headers:
    return tuple((name.lower(), value) for name, value in headers)


def _seconds(stamp: str) -> str:
    return str(int(stamp) // 1000)


def _iso(stamp: str) -> str:
    return datetime.fromtimestamp(int(stamp) / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


AUTHENTICATION = Authentication(
    fields=("api_key", "api_secret"),
    headers=("X-API-Key", "X-Timestamp", "X-Signature"),
    secret_headers=("X-API-Key", "X-Signature"),
    summary="signed with an HMAC",
    authenticate=authenticate,
    curl=curl,
    misreadings=misreadings,
    timestamped=True,
    signed=signed,
)
