"""Credentials that can't be right, and the noise that they are made of."""

import base64
import random

from conformance.fuzz.deck import Deck
from conformance.model import Headers

_LATIN = "".join(map(chr, (*range(0x21, 0x7F), *range(0xA1, 0x100))))
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
HEX = "0123456789abcdef"


def garbage(dice: random.Random, alphabet: str = _LATIN, longest: int = 80) -> str:
    """One to `longest` letters of an alphabet; Latin-1 as headers may carry it, unless told otherwise."""
    return "".join(dice.choices(alphabet, k=dice.randint(1, longest)))


def long(dice: random.Random) -> str:
    """Longer than columns, hashes or header lines like it."""
    return "".join(dice.choices(PLAIN, k=dice.choice((256, 1025, 10_000))))


def multibyte(dice: random.Random) -> str:
    """UTF-8 as a header carries it: byte by byte."""
    return "".join(dice.choices("äö€字😀", k=dice.randint(1, 64))).encode().decode("latin-1")


def wrong_hmac(dice: random.Random, deck: Deck) -> Headers:
    """One of the three headers of a signed request, as it can't be right."""
    key, signature = "X-API-Key", "X-Signature"
    return (
        deck.draw(
            "hmac",
            (
                (key, ""),
                ("X-Timestamp", ""),
                (signature, ""),
                (key, garbage(dice)),
                (key, garbage(dice, PLAIN)),
                (key, multibyte(dice)),
                (key, long(dice)),
                (key, "".join(dice.choices(PLAIN, k=10_000))),
                (key, dice.choice(("null", "0", "'--"))),
                (signature, "sha256=" + "".join(dice.choices(HEX, k=64))),
                (
                    signature,
                    "sha256=" + "".join(dice.choices(HEX, k=dice.choice((1, 2, 31, 32, 63, 65, 66, 128)))),
                ),
                (signature, "sha256=" + garbage(dice)),
                (signature, "sha256=" + "0" * 64),
                (signature, "sha256="),
                (signature, "sha256=" + multibyte(dice)),
                (signature, "sha256=" + long(dice)),
                (signature, "sha512=" + "".join(dice.choices(HEX, k=128))),
                (signature, "sha256"),
                (signature, garbage(dice)),
                (signature, dice.choice(("null", "="))),
            ),
        ),
    )


def wrong_basic(dice: random.Random, deck: Deck) -> Headers:
    """An Authorization header that names nobody."""

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    noise = dice.randbytes(dice.randint(1, 40))
    value = deck.draw(
        "basic",
        (
            "Basic " + encoded(noise),
            "Basic " + encoded(noise.replace(b":", b"") or b"x"),
            "Basic " + encoded(b":" + noise),
            "Basic " + encoded(noise.hex().encode() + b":"),
            "Basic " + encoded(garbage(dice, PLAIN).encode() + b":" + garbage(dice, PLAIN).encode()),
            "Basic " + encoded(garbage(dice).encode() + b":" + garbage(dice).encode()),
            "Basic " + garbage(dice),
            "Basic " + encoded(noise)[:-1] + "*",
            "Basic =",
            "Basic",
            "Basic " + encoded(long(dice).encode() + b":x"),
            "Basic " + encoded(b"x:" + b"y" * 10_000),
            "Basic " + multibyte(dice),
            "",
            "Bearer " + garbage(dice, PLAIN),
            "Digest username=" + garbage(dice, PLAIN, 20),
            garbage(dice),
        ),
    )
    return (("Authorization", value),)
