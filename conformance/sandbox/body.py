"""Reading JSON strictly: what two parsers could read differently isn't read (RFC 8259, 4 and 8.1)."""

import json
from typing import Any, NoReturn


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8; ValueError or RecursionError for anything else, duplicate names included."""
    value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def canonical(body: dict[str, Any]) -> str:
    """The meaning of a body as text: independent of white space and of the order of names."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is used twice")
    return names


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
