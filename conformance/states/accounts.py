"""Account numbers among the facts that a state source tells of a resource, and how to find them again."""

import re
from collections.abc import Mapping
from typing import Any

_MASK = re.compile(r"[^0-9A-Za-z \-]|[xX]{2,}")


def account_numbers(facts: Mapping[str, Any]) -> list[str]:
    """Returns the full account numbers among the facts of a state source: unmasked, six digits and more."""
    pending: list[tuple[str, Any]] = [("", facts)]
    found: list[str] = []
    while pending:
        path, value = pending.pop()
        if isinstance(value, Mapping):
            pending += [(f"{path}.{key}".lower(), item) for key, item in value.items()]
        elif "account" in path and isinstance(value, str | int) and unmasked(str(value)):
            found.append(str(value))
    return found


def unmasked(text: str) -> bool:
    """Returns whether a text looks like a whole account number: six digits and more, and no mask."""
    return sum(char.isdigit() for char in text) >= 6 and not _MASK.search(text)


def spelled(number: str) -> re.Pattern[str]:
    """Returns a pattern for an account number, grouped or not, and not as a part of a longer one."""
    spaced = r"[ \-]?".join(re.escape(char) for char in number if char not in " -")
    return re.compile(rf"(?<!\d){spaced}(?!\d)")
