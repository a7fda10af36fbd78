"""Credentials that are wrong in one way each."""

import base64
from collections.abc import Callable, Mapping

from conformance.http.auth import basic
from conformance.suites.payout_intents.verbs import PayoutIntents

Forgery = Callable[[str, str], str | None]
"""Key and secret -> the value of Authorization, or None for no such header."""


def encoded(text: str) -> str:
    """Base64 of a text, as RFC 7617 has it."""
    return base64.b64encode(text.encode()).decode()


def _other(char: str) -> str:
    return "x" if char != "x" else "y"


# Of one kind each, so that a name says what isn't checked. All of them are tried on the same intent.
FORGERIES: Mapping[str, Mapping[str, Forgery]] = {
    "absent": {
        "without Authorization": lambda key, secret: None,
        "with an empty Authorization": lambda key, secret: "",
        "with the scheme alone": lambda key, secret: "Basic",
        "with neither key nor secret": lambda key, secret: basic("", ""),
    },
    "wrong_secret": {
        "with an unrelated secret": lambda key, secret: basic(key, "no-such-secret-at-all"),
        "with a secret that differs in its last character": lambda key, secret: basic(
            key, secret[:-1] + _other(secret[-1])
        ),
        "with a secret that differs in its first character": lambda key, secret: basic(
            key, _other(secret[0]) + secret[1:]
        ),
        "with a secret that is right in its first half": lambda key, secret: basic(
            key, secret[: len(secret) // 2] + "".join(map(_other, secret[len(secret) // 2 :]))
        ),
        "with the key for a secret": lambda key, secret: basic(key, key),
    },
    "other_letter_case": {
        "with a secret in the other letter case": lambda key, secret: basic(key, secret.swapcase()),
    },
    "shortened_secret": {
        "without the secret's last character": lambda key, secret: basic(key, secret[:-1]),
        "with the secret's first 8 characters": lambda key, secret: basic(key, secret[:8]),
        "with the secret's first character": lambda key, secret: basic(key, secret[:1]),
        "without the secret's first character": lambda key, secret: basic(key, secret[1:]),
    },
    "lengthened_secret": {
        "with a character behind the secret": lambda key, secret: basic(key, secret + "x"),
    },
    "empty_secret": {
        "with an empty secret": lambda key, secret: basic(key, ""),
        "with null for a secret": lambda key, secret: basic(key, "null"),
        "with undefined for a secret": lambda key, secret: basic(key, "undefined"),
        "with a blank for a secret": lambda key, secret: basic(key, " "),
        "with a wildcard for a secret": lambda key, secret: basic(key, "%"),
        "with an asterisk for a secret": lambda key, secret: basic(key, "*"),
        "with a pattern for a secret": lambda key, secret: basic(key, ".*"),
    },
    "unknown_key": {
        "with an unknown key": lambda key, secret: basic("nobody-has-this-key", secret),
        "with an unknown key and no secret": lambda key, secret: basic("nobody-has-this-key", ""),
        "with an unknown key, and its own name for a secret": lambda key, secret: basic("nobody", "nobody"),
        "with an unknown key and undefined for a secret": lambda key, secret: basic("nobody", "undefined"),
        "without the key's last character": lambda key, secret: basic(key[:-1], secret),
        "with a wildcard for a key": lambda key, secret: basic("%", secret),
        "without a key": lambda key, secret: basic("", secret),
    },
    "swapped": {"with key and secret swapped": lambda key, secret: basic(secret, key)},
    "no_colon": {
        "with the key alone, and no colon": lambda key, secret: f"Basic {encoded(key)}",
        "with the secret alone, and no colon": lambda key, secret: f"Basic {encoded(secret)}",
        "with key and secret, and no colon": lambda key, secret: f"Basic {encoded(key + secret)}",
    },
    "undecodable": {
        "with something that isn't Base64": lambda key, secret: "Basic ***",
        "with key and secret as they are, not encoded": lambda key, secret: f"Basic {key}:{secret}",
        "with bytes that aren't text": lambda key, secret: (
            "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()
        ),
    },
    "other_scheme": {
        "with a Bearer token that is no pair": lambda key, secret: "Bearer no-such-token-at-all",
        "with a Bearer token of the key": lambda key, secret: f"Bearer {encoded(f'{key}:')}",
        "with the scheme Digest": lambda key, secret: f'Digest username="{key}", response="no-such-response"',
    },
}

# Each has the whole secret in it: to accept it harms nobody, and popular libraries do. By the cause.
LENIENCIES: Mapping[str, Mapping[str, Forgery]] = {
    "another_scheme": {
        "with a Bearer token of the encoded pair": lambda key, secret: f"Bearer {encoded(f'{key}:{secret}')}",
        "with a Bearer token of the secret": lambda key, secret: f"Bearer {secret}",
        "with a scheme that begins like Basic": lambda key, secret: f"Basics {encoded(f'{key}:{secret}')}",
        "with a scheme that ends like Basic": lambda key, secret: f"X-Basic {encoded(f'{key}:{secret}')}",
        "with the encoded pair and no scheme": lambda key, secret: encoded(f"{key}:{secret}"),
    },
    "more_behind_a_colon": {
        "with a colon and more behind the secret": lambda key, secret: basic(key, secret + ":more"),
    },
    "key_in_other_letter_case": {
        "with a key in the other letter case": lambda key, secret: basic(key.swapcase(), secret),
    },
    "white_space_around_the_secret": {
        "with a blank behind the secret": lambda key, secret: basic(key, secret + " "),
        "with a blank before the secret": lambda key, secret: basic(key, " " + secret),
        "with a line break behind the secret": lambda key, secret: basic(key, secret + "\n"),
    },
    # PHP's own reading of Basic ends a secret there; RFC 7617 permits no such character in one.
    "NUL_and_more_behind_the_secret": {
        "with a NUL and more behind the secret": lambda key, secret: basic(key, secret + "\0x"),
    },
}


def made(api: PayoutIntents, forgery: Forgery) -> tuple[str | None, bool]:
    """The header's value, and whether it is wrong in fact: a secret of digits has no other letter case."""
    pair = api.credentials()
    value = forgery(pair.key, pair.secret)
    right = {basic(*known) for known in api.known_pairs()}
    return value, value not in right
