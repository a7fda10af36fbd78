"""Compares a text that was sent with the one that came back: unchanged, tidied up, cut off, or changed."""

import unicodedata
from enum import Enum
from typing import Any


class Returned(Enum):
    """How a text came back. TIDIED breaks a SHOULD, CUT and CHANGED a MUST."""

    SAME = "same"
    TIDIED = "tidied"
    """Without outer white space, or in another canonical form (Unicode NFC or NFD), and the same otherwise."""
    CUT = "cut"
    CHANGED = "changed"


def returned(sent: str, came: Any) -> Returned:
    """Returns how `sent` came back as `came`, any JSON value."""
    if not isinstance(came, str):
        return Returned.CHANGED
    if came == sent:
        return Returned.SAME
    if tidied(came) == tidied(sent):
        return Returned.TIDIED
    return Returned.CUT if tidied(sent).startswith(tidied(came)) else Returned.CHANGED


def tidied(text: str) -> str:
    """Returns a text without outer white space, in Unicode NFC: two that differ only in these become the same."""
    return unicodedata.normalize("NFC", text.strip()).strip()


def can_be_tidied(text: str) -> bool:
    """Returns whether tidying up would change the text."""
    return tidied(text) != text
