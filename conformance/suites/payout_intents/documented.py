"""The parts of a documented request: its body, its path, and the ways in which an intent is asked about."""

import json
from enum import Enum
from typing import Any, Final

from conformance.http.segment import segment
from conformance.states import Resource

REASON = "duplicate_request"
FRESH: Final = "<a key of its own>"
"""Stands for a key that no other request uses; None stands for no key."""
DOCUMENTED: Final = "<the documented header>"
"""Stands for the Authorization that the documents ask for; None stands for no such header."""

Target = Resource | str
"""An intent, or an id alone."""


class Ask(Enum):
    """The documented requests about an intent, by the words that messages use for them."""

    CANCEL = "a cancel with a key"
    CANCEL_WITHOUT_KEY = "a cancel without a key"
    CANCEL_WITHOUT_REASON = "a cancel without a reason"
    CANCEL_AGAIN = "a cancel with the first key again"
    READ = "a GET"

    def __str__(self) -> str:
        """Returns the words that messages use."""
        return self.value

    def what(self) -> str:
        """In the id of a check: `cancel`, `cancel_without_a_key`, `read`."""
        if self is Ask.READ:
            return "read"
        return str(self.value).removeprefix("a ").removesuffix(" with a key").replace(" ", "_")

    def how(self) -> str:
        """In the id of a check that is about cancels alone: `with_a_key`, `without_a_key`."""
        return self.value.removeprefix("a cancel ").replace(" ", "_")


def body_of(reason: Any) -> bytes:
    """The documented body; None is `{}`."""
    return encoded({} if reason is None else {"reason": reason})


def encoded(value: Any) -> bytes:
    """JSON as the documents' sample clients write it: UTF-8, nothing escaped that needn't be."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read_path(intent: Target) -> str:
    """The documented path of a read."""
    return f"/payout_intents/{segment(intent if isinstance(intent, str) else intent.id)}"


def cancel_path(intent: Target) -> str:
    """The documented path of a cancel."""
    return f"{read_path(intent)}/cancel"
