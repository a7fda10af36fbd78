"""Credentials whose separators are wrong, and those that a kept decision might take for the right ones, as data."""

from collections.abc import Mapping
from urllib.parse import quote

from conformance.http.auth import basic
from conformance.suites.payout_intents.bad_requests import Forgery, base64_of

_WRONG = "no-such-secret-at-all"


def _wide(text: str) -> str:
    """The letters of full width, which compatibility forms (NFKC) turn into the usual ones."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _escaped(text: str) -> str:
    """Percent-encoded in its first character, which needs it least."""
    return f"%{ord(text[0]):02X}{quote(text[1:])}"


# Wrong secrets with a colon in them: none holds the whole right one.
WITH_A_COLON: Mapping[str, Forgery] = {
    "with a wrong secret that has a colon in it": lambda key, secret: basic(key, f"{_WRONG}:{_WRONG}"),
    "with a colon for a secret": lambda key, secret: basic(key, ":"),
    "with a wrong secret that ends in a colon": lambda key, secret: basic(key, f"{_WRONG}:"),
    "with the key twice, and a colon between": lambda key, secret: basic(key, f"{key}:{key}"),
    "with the first half of the secret, and a colon behind it": lambda key, secret: basic(
        key, f"{secret[: len(secret) // 2]}:"
    ),
}

# Each holds the whole secret, with something in it or around it: accepting it does no harm.
WHOLE: Mapping[str, Mapping[str, Forgery]] = {
    "colon_behind_the_secret": {
        "with a colon behind the secret": lambda key, secret: basic(key, f"{secret}:"),
    },
    "colon_before_the_secret": {
        "with a colon before the secret": lambda key, secret: basic(key, f":{secret}"),
    },
    "colon_in_the_secret": {
        "with a colon in the middle of the secret": lambda key, secret: basic(
            key, f"{secret[: len(secret) // 2]}:{secret[len(secret) // 2 :]}"
        ),
    },
    "colon_in_the_key": {
        "with a colon and more behind the key": lambda key, secret: basic(f"{key}:more", secret),
        "with a colon that stands one character later": lambda key, secret: basic(
            f"{key}{secret[0]}", secret[1:]
        ),
    },
    "blank_in_the_secret": {
        "with a blank in the middle of the secret": lambda key, secret: basic(
            key, f"{secret[: len(secret) // 2]} {secret[len(secret) // 2 :]}"
        ),
    },
    "white_space_around_the_key": {
        "with a blank behind the key": lambda key, secret: basic(f"{key} ", secret),
        "with a blank before the key": lambda key, secret: basic(f" {key}", secret),
    },
    "more_behind_the_key": {
        "with a character behind the key": lambda key, secret: basic(f"{key}x", secret),
    },
    "escaped_secret": {
        "with a percent-encoded secret": lambda key, secret: basic(key, _escaped(secret)),
    },
    "letters_of_full_width": {
        "with a secret in letters of full width": lambda key, secret: basic(key, _wide(secret)),
    },
}

# What a decision about the right pair might be kept under, and found again by somebody who doesn't have it.
KEPT: Mapping[str, Forgery] = {
    "with a wrong secret": lambda key, secret: basic(key, _WRONG),
    "with a secret that differs in its last character": lambda key, secret: basic(
        key, secret[:-1] + ("x" if secret[-1] != "x" else "y")
    ),
    "with a secret in the other letter case": lambda key, secret: basic(key, secret.swapcase()),
    "with the encoded pair in the other letter case": lambda key, secret: (
        f"Basic {base64_of(f'{key}:{secret}').swapcase()}"
    ),
    "with the right secret and an unknown key": lambda key, secret: basic("nobody-has-this-key", secret),
    "with the encoded pair, but for its last characters": lambda key, secret: (
        f"Basic {base64_of(f'{key}:{secret}')[:-8]}"
    ),
}
