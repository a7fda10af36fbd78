"""Ids that name nothing, made after the pattern of one that was handed over.

Ids are opaque, so nothing is known of them but an example. What is made here has its shape, so that a server
which looks at the shape first still has to look the id up, and can hardly hit what belongs to somebody.
"""

import re
import secrets
import string
from uuid import uuid4

_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HEX = "0123456789abcdef"
# Shorter tails are guessed too easily: they get the last word of their alphabet instead of a random one.
_RANDOM_FROM = 12
# After the documents' own example, where no resource can be had to look at.
_FALLBACK = "word_01HZX" + "0" * 21


def unknown_like(example: str | None) -> str:
    """An id that (almost certainly) was never issued, in the shape of `example`."""
    example = example or _FALLBACK
    prefix, tail = _split(example)
    found = _UUID.fullmatch(tail)
    if found:
        made = str(uuid4()) if found[1] else uuid4().hex
        return prefix + (made.upper() if tail.isupper() else made)
    if tail.isdigit():
        return prefix + _large(len(tail))
    if len(tail) < _RANDOM_FROM:
        return prefix + max(_alphabet(tail)) * max(len(tail), 8)
    # Sortable ids begin with the time: that part is kept.
    kept = 10 if len(tail) == 26 else len(tail) // 4
    letters = _alphabet(tail)
    return prefix + tail[:kept] + "".join(secrets.choice(letters) for _ in tail[kept:])


def is_sparse(example: str) -> bool:
    """Whether ids are so long and random that a changed one can't be somebody else's."""
    tail = _split(example)[1]
    return len(tail) >= _RANDOM_FROM and not tail.isdigit()


def _split(example: str) -> tuple[str, str]:
    """`word_01HZX` -> (`word_`, `01HZX`); a UUID isn't split at its hyphens."""
    tail = re.split(r"[_.:~]", example)[-1]
    if not _UUID.fullmatch(tail):
        tail = re.split(r"[^0-9A-Za-z]", tail)[-1] or tail
    return example[: len(example) - len(tail)], tail


def _large(digits: int) -> str:
    """A number that no sequence has got to, within the integers that the example's length suggests."""
    if digits <= 10:
        return "2147483647"
    return "9" * 18 if digits <= 18 else "9223372036854775807".zfill(digits)


def _alphabet(tail: str) -> str:
    for letters in (_HEX, _HEX.upper(), _CROCKFORD, _CROCKFORD.lower()):
        if set(tail) <= set(letters):
            return letters
    kinds = (string.digits, string.ascii_uppercase, string.ascii_lowercase)
    return "".join(kind for kind in kinds if set(kind) & set(tail)) or string.ascii_letters
