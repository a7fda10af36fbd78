"""The bodies of requests in words: as they were sent, long texts in them by their description. Pure; no errors."""

import json
import re
from typing import Any

from conformance.report.safe import counted, line

_BODY, _VALUE = 70, 40
# So many fields of a long body are shown.
_FIELDS = 4


def in_words(raw: bytes, said: str = "") -> str:
    """Returns a body as it was sent, long texts in it by their description; of many fields those that are `said`."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return f"of {len(raw)} bytes that are no UTF-8"
    if len(text) <= _BODY:
        return line(text, _BODY)
    try:
        value = json.loads(text)
    except RecursionError:
        # It nests too deep to be looked at, and was JSON so far.
        return f"of {len(text)} characters of JSON"
    except ValueError:
        return f"of {len(text)} characters that are no JSON"
    if not isinstance(value, dict):
        return f"of {len(text)} characters of JSON"
    places = {name: re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) for name in value}
    named = sorted((found.start(), name) for name, found in places.items() if found)
    names = list(value) if len(value) <= _FIELDS else [name for _, name in named[:_FIELDS]]
    shown = {name: value[name] for name in names}
    if not shown:
        return f"of {len(text)} characters of JSON"
    parts = [f"{json.dumps(name[:40])}: {_value_in_words(one)}" for name, one in shown.items()]
    rest = len(value) - len(shown)
    parts += [f"… and {counted(rest, 'more field')}"] if rest else []
    return line("{" + ", ".join(parts) + "}", 200)


def _value_in_words(value: Any) -> str:
    if isinstance(value, str):
        return described(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE else f"{len(text)} characters of JSON"


def described(text: str) -> str:
    """A short text in quotes; a long one by its length: `512 letters`."""
    if len(text) <= _VALUE:
        return line(json.dumps(text, ensure_ascii=False), _VALUE * 2)
    kind = "letters" if text.isalpha() else "digits" if text.isdigit() else "characters"
    return f"{len(text)} {kind}"
