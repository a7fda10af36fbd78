"""Makes ids that name nothing, in the shape of an example.

Ids are opaque: only an example shows their shape. An id in that shape passes a server's check of the form, so the
server has to look it up; it is so random, or so large, that it names no resource. Standard library only.
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
# Shorter numbers are counted up, so that any of them may have been issued.
_SURE_DIGITS = 16
# In the form that hosted APIs use most: a prefix and a ULID. For callers that have no example.
_FALLBACK = "word_01HZX" + "0" * 21


def like(example: str | None) -> str:
    """Returns an id that was almost certainly never issued, in the shape of `example`."""
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


def sure_like(example: str) -> str | None:
    """Returns what `like` returns; None where ids are so short that it might name a resource, or not look like one."""
    found = re.search(r"[0-9A-Za-z]{8,}$", example)
    if found is None or (found.group().isdigit() and len(found.group()) < _SURE_DIGITS):
        return None
    return like(example)


def is_sparse(example: str) -> bool:
    """Returns whether ids are so long and random that a changed one can't be somebody else's."""
    tail = _split(example)[1]
    return len(tail) >= _RANDOM_FROM and not tail.isdigit()


def _split(example: str) -> tuple[str, str]:
    """Splits off the prefix: `word_01HZX` -> (`word_`, `01HZX`). A UUID isn't split at its hyphens."""
    tail = re.split(r"[_.:~]", example)[-1]
    if not _UUID.fullmatch(tail):
        tail = re.split(r"[^0-9A-Za-z]", tail)[-1] or tail
    return example[: len(example) - len(tail)], tail


def _large(digits: int) -> str:
    """Returns a number that no sequence has reached, within the integers that the example's length suggests."""
    if digits <= 10:
        return "2147483647"
    return "9" * 18 if digits <= 18 else "9223372036854775807".zfill(digits)


def _alphabet(tail: str) -> str:
    for letters in (_HEX, _HEX.upper(), _CROCKFORD, _CROCKFORD.lower()):
        if set(tail) <= set(letters):
            return letters
    kinds = (string.digits, string.ascii_uppercase, string.ascii_lowercase)
    return "".join(kind for kind in kinds if set(kind) & set(tail)) or string.ascii_letters
