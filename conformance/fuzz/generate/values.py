"""Odd values for headers, and credentials that can't be right."""

import base64
import random

from conformance.fuzz.generate.shuffle_bag import ShuffleBag
from conformance.model import Headers

_LATIN = "".join(map(chr, (*range(0x21, 0x7F), *range(0xA1, 0x100))))
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
HEX = "0123456789abcdef"
NAMES = ("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "__class__")
"""Names that objects of some languages have before anything is put in: a look-up finds what nobody stored."""
NUMBERS = (
    b"9007199254740991",
    b"9007199254740993",
    b"-9007199254740993",
    b"9007199254740993.5",
    b"18446744073709551616",
    b"1e308",
    b"1e400",
    b"-0.0",
    b"5e-324",
)
"""Numbers of JSON where 53 bits, 64 bits or a double end."""


def garbage(rng: random.Random, alphabet: str = _LATIN, longest: int = 80) -> str:
    """Draws one to `longest` letters of an alphabet; Latin-1 as headers may carry it, unless told otherwise."""
    return "".join(rng.choices(alphabet, k=rng.randint(1, longest)))


def long(rng: random.Random) -> str:
    """Draws a text that is longer than most columns, hashes or header lines."""
    return "".join(rng.choices(PLAIN, k=rng.choice((256, 1025, 10_000))))


def multibyte(rng: random.Random) -> str:
    """Draws characters outside ASCII, as UTF-8 whose bytes stand for letters of a header."""
    return "".join(rng.choices("äö€字😀", k=rng.randint(1, 64))).encode().decode("latin-1")


def wrong_authorization(rng: random.Random, bag: ShuffleBag) -> Headers:
    """Draws an `Authorization` header that no caller has (RFC 7617)."""

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    name = rng.choice(NAMES)
    noise = rng.randbytes(rng.randint(1, 40))
    value = bag.draw(
        "basic",
        (
            "Basic " + encoded(noise),
            "Basic " + encoded(noise.replace(b":", b"") or b"x"),
            "Basic " + encoded(b":" + noise),
            "Basic " + encoded(noise.hex().encode() + b":"),
            "Basic " + encoded(garbage(rng, PLAIN).encode() + b":" + garbage(rng, PLAIN).encode()),
            "Basic " + encoded(garbage(rng).encode() + b":" + garbage(rng).encode()),
            "Basic " + garbage(rng),
            "Basic " + encoded(noise)[:-1] + "*",
            "Basic " + encoded(f"{name}:{rng.choice(NAMES)}".encode()),
            "Basic " + encoded(name.encode()),
            "Basic =",
            "Basic",
            "Basic " + encoded(long(rng).encode() + b":x"),
            "Basic " + encoded(b"x:" + b"y" * 10_000),
            "Basic " + multibyte(rng),
            "",
            "Bearer " + garbage(rng, PLAIN),
            "Digest username=" + garbage(rng, PLAIN, 20),
            garbage(rng),
        ),
    )
    return (("Authorization", value),)
