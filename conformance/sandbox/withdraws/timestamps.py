"""How honest implementations read a timestamp in milliseconds."""

import re
from contextlib import suppress

_RADIX = re.compile(rb"0[xob][0-9a-f]+", re.IGNORECASE)
_DECIMAL = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def read_number(timestamp: bytes, form: str) -> float | None:
    """The number that a header holds, or None; `form` is a choice of the variant `timestamps`.

    `int()` takes a sign and underscores as Python does; `Number()` takes fractions, exponents and hex as JavaScript
    does.
    """
    if len(timestamp) > 40:
        return None
    text = timestamp.strip()
    with suppress(ValueError):
        if form == "int()":
            return int(text)
        if form == "Number()" and _RADIX.fullmatch(text):
            return int(text, 0)
        if form == "Number()" and _DECIMAL.fullmatch(text):
            return float(text)
    return int(timestamp) if timestamp.isdigit() and len(timestamp) <= 16 else None
