"""Unpacks the messages of a webhook's body: from an array, a form, Base64, or JSON within JSON.

Where no document tells the form of a webhook, every form has to be understood.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

_DEEPEST = 4
# Where a batch keeps its messages.
_BATCHES = ("events", "items", "messages", "notifications", "data")


def messages(body: bytes) -> Iterator[tuple[str, Any, str]]:
    """Each message of a body: what stands around it, the JSON that it is or None, and all that is packed in it."""
    text = body.decode("utf-8", "backslashreplace")
    parsed = _parsed(text)
    around, batch = "", parsed
    if isinstance(parsed, dict):
        name = next((name for name in _BATCHES if isinstance(parsed.get(name), list)), None)
        batch = parsed[name] if name is not None else None
        around = json.dumps({key: value for key, value in parsed.items() if key != name}, ensure_ascii=False)
    if isinstance(batch, list) and batch and all(isinstance(one, dict) for one in batch):
        for one in batch:
            yield around, one, "\n".join(_unpacked(one))
        return
    found = parsed if parsed is not None else dict(parse_qsl(text))
    yield text, parsed, "\n".join(_unpacked(found))


def _unpacked(value: Any, depth: int = 0) -> Iterator[str]:
    """The JSON of a value, and that of every value that a text in it holds."""
    if depth > _DEEPEST:
        return
    yield json.dumps(value, ensure_ascii=False)
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict | list):
            pending += one.values() if isinstance(one, dict) else one
        elif isinstance(one, str):
            inner = _parsed(one) if one.lstrip()[:1] in ("{", "[") else _parsed(_of_base64(one))
            if isinstance(inner, dict | list):
                yield from _unpacked(inner, depth + 1)


def _of_base64(text: str) -> str:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "==").decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
