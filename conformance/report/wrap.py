"""Wraps text for a terminal, by the width that characters have there. Pure; no errors.

Lines break at white space only, so that ids, paths and commands can be copied; JSON stays on one line, which the
terminal may fold. `rich` does the measuring; what it is given is text, never markup.
"""

import re

from rich._wrap import divide_line  # Text.wrap would break or crop a word that is wider than a line
from rich.text import Text

# JSON, objects in objects in it, and what stands in double quotes.
_JSON = re.compile(r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\"(?:[^\"\\]|\\.){1,120}\"")
# Stands for a blank that isn't to be broken at; what is wrapped has no character of private use of its own.
_KEPT = "\ue000"


def wrapped(text: str, width: int) -> list[str]:
    """Returns the lines of one visible line; at least one. A word that is wider than `width` keeps its line."""
    kept = _JSON.sub(lambda found: found[0].replace(" ", _KEPT), text)
    lines = Text(kept).divide(divide_line(kept, max(width, 20), fold=False))
    return [line.plain.rstrip().replace(_KEPT, " ") for line in lines] or [""]
