"""Values in recorded answers, and whose credentials a recorded request carried. Pure; no errors."""

import json
import re

from conformance.model import Exchange

# Stands in place of a secret in a recorded header.
_MARK = re.compile(r"\[redacted:([a-z_]+)\.")


def at(answer: Exchange, path: str) -> object:
    """Returns the value under a dotted path of a JSON body; None where there is none."""
    try:
        value: object = json.loads(answer.response_body)
    except (ValueError, RecursionError):
        return None
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def senders(request: Exchange) -> list[str]:
    """Returns the names, as in the profile, of the credentials that a request carried, in the order of its headers."""
    return [name for _, value in request.request_headers for name in _MARK.findall(value)]
