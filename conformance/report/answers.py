"""Values in recorded answers. Pure; no errors."""

import json

from conformance.model import Exchange


def at(answer: Exchange, path: str) -> object:
    """Returns the value under a dotted path of a JSON body; None where there is none."""
    try:
        value: object = json.loads(answer.response_body)
    except (ValueError, RecursionError):
        return None
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
