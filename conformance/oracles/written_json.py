"""Texts that are the same JSON in other characters: one was parsed, and written anew."""

import json
import re
from itertools import zip_longest

ANEW = "the same JSON, written anew"
# Values, names and signs; white space stands between them.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')
# So many of them are shown that were written otherwise.
_SHOWN = 2
_LONGEST = 40


def is_written_anew(sent: str, came: str) -> bool:
    """Returns whether two different texts are the same JSON value; numbers are compared as floats."""
    return sent != came and (value := _value(sent)) is not None and value == _value(came)


def difference(sent: str, came: str) -> str:
    """Returns how two such texts differ: `2.50` came back as `2.5`, white space, or the order of their keys."""
    before, after = _TOKEN.findall(sent), _TOKEN.findall(came)
    pairs = [(one, other) for one, other in zip_longest(before, after, fillvalue="") if one != other]
    if sorted(before) == sorted(after) and pairs:
        return "its keys came back in another order"
    if len(before) != len(after):
        return f"{len(sent)} characters came back as {len(came)}"
    shown = [f"`{one[:_LONGEST]}` came back as `{other[:_LONGEST]}`" for one, other in pairs[:_SHOWN]]
    if len(pairs) > _SHOWN:
        shown.append(f"{len(pairs) - _SHOWN} more came back otherwise")
    if _TOKEN.sub("", sent) != _TOKEN.sub("", came):
        shown.append("white space between its values changed")
    return ", and ".join(shown)


def _value(text: str) -> str | None:
    """Returns the value of a JSON text in one spelling, None for a text that is no JSON."""
    try:
        return json.dumps(json.loads(text, parse_int=float), sort_keys=True)
    except (ValueError, RecursionError):
        return None
