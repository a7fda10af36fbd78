"""Requests without credentials that claim, in headers or by their path, to need none, as data."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from conformance.suites.payout_intents.client import PayoutIntents

Headers = tuple[tuple[str, str], ...]
Paths = Callable[[str], str]


def _same(path: str) -> str:
    return path


@dataclass(frozen=True, slots=True)
class Claim:
    """Headers in place of credentials, and how the path is changed; `{path}` and `{key}` stand for what they say."""

    headers: Headers
    path: Paths = _same

    def only(self, names: Collection[str]) -> "Claim":
        """Returns the claim with some of its headers."""
        return Claim(tuple(header for header in self.headers if header[0] in names), self.path)

    def told(self, name: str) -> str:
        """Returns one of the headers in a title: with what it says, where that isn't of the caller or its path."""
        value = dict(self.headers).get(name, "")
        return f"with {name}: {value}" if value and "{" not in value else f"with {name}"

    def said(self, path: str, key: str) -> Headers:
        """Returns the headers of a request for a path in the name of a key."""
        return tuple(
            (name, value.replace("{path}", path).replace("{key}", key)) for name, value in self.headers
        )


_USERS = (
    "X-Authenticated-User",
    "X-Authenticated-Userid",
    "X-Consumer-Username",
    "X-Consumer-Custom-Id",
    "X-Forwarded-User",
    "X-Remote-User",
    "Remote-User",
    "X-User-Id",
    "X-Merchant-Id",
    "X-Account-Id",
    "X-Api-Key",
)
_INTERNAL = ("X-Internal", "X-Internal-Request", "X-Debug", "X-Is-Admin")
_REWRITTEN = ("X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Path", "X-Forwarded-Uri")
_METHODS = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")

CLAIMS: Mapping[str, Claim] = {
    "with the headers of a gateway that has authenticated its caller": Claim(
        tuple((name, "{key}") for name in _USERS)
    ),
    "with headers that call it internal": Claim(tuple((name, "true") for name in _INTERNAL)),
    "with headers that say it was asked of localhost": Claim(
        (("X-Forwarded-Host", "localhost"), ("X-Forwarded-Server", "localhost"), ("X-Host", "localhost"))
    ),
    "with Host: localhost": Claim((("Host", "localhost"),)),
    "from 127.0.0.1, as its headers say": Claim(
        (
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Real-IP", "127.0.0.1"),
            ("Forwarded", "for=127.0.0.1"),
            ("X-Client-IP", "127.0.0.1"),
            ("True-Client-IP", "127.0.0.1"),
        )
    ),
    "with headers that make it an OPTIONS": Claim(tuple((name, "OPTIONS") for name in _METHODS)),
    "of the path /, with headers that name the real one": Claim(
        tuple((name, "{path}") for name in _REWRITTEN), lambda path: "/"
    ),
}

# What a router may take for the path of a read, and a rule that guards that path may not.
SPELLINGS: Mapping[str, Claim] = {
    "at the path with a slash behind it": Claim((), lambda path: path + "/"),
    "at the path with two slashes before it": Claim((), lambda path: "/" + path),
    "at the path with a slash twice": Claim(
        (), lambda path: path.replace("/payout_intents/", "/payout_intents//")
    ),
    "at the path with an ending": Claim((), lambda path: path + ".json"),
    "at the path with a parameter behind a semicolon": Claim((), lambda path: path + ";x=1"),
    "at the path in capitals": Claim((), lambda path: path.replace("/payout_intents/", "/PAYOUT_INTENTS/")),
    "at the path with a dot segment": Claim(
        (), lambda path: path.replace("/payout_intents/", "/payout_intents/./")
    ),
}


def key_of(api: PayoutIntents) -> str:
    """Returns the public key, which is no secret, and which a gateway would tell."""
    return api.credentials().key
