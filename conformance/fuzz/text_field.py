"""The free-text field of a body: which values have to be accepted, and which check each is for."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from conformance.fuzz.case import Mutation

# Where columns like to end; whoever takes no more than this doesn't take the limit either.
_LONG = 255


@dataclass(frozen=True, slots=True)
class TextField:
    """An optional text of a cancel. `name` is its key, `limit` its documented length in characters.

    `echo` is the dotted path under which a success shows it.
    """

    name: str
    limit: int
    echo: str

    def of(self, value: Any) -> str | None:
        """Returns the text in a body's value, None where there is none."""
        found = value.get(self.name) if isinstance(value, dict) else None
        return found if isinstance(found, str) else None

    def check(self, value: Any) -> str:
        """Returns the check (without its operation) of the promise that a documented body puts to the test."""
        text = self.of(value)
        if text is None:
            return f"{self.name}.absent"
        if len(text) > _LONG and text.isascii():
            return f"{self.name}.longest"
        plain = text.isascii() and text.replace("_", "").replace("-", "").replace(" ", "").isalnum()
        return f"{self.name}.{'plain' if plain and text == text.strip() else 'free_text'}"

    def is_plain(self, value: Any) -> bool:
        """Returns whether the value holds a text of letters and digits."""
        return self.check(value) == f"{self.name}.plain"

    def mutation(self, value: dict[str, Any]) -> Mutation:
        """Returns what a body with this object is about."""
        if self.name not in value:
            return Mutation.OPEN if value else Mutation.DOCUMENTED
        text = value[self.name]
        if text is None:
            return Mutation.OPEN
        if not isinstance(text, str):
            return Mutation.FIELD_TYPE
        if len(text) > self.limit:
            # By the code point it is too long, by the grapheme it may not be.
            return Mutation.FIELD_LENGTH if text.isascii() else Mutation.OPEN
        return Mutation.DOCUMENTED if len(value) == 1 and self.is_free_text(text) else Mutation.OPEN

    def is_free_text(self, text: str) -> bool:
        """Returns whether every honest target takes this text and gives it back as it came.

        Nothing that storage can't hold (NUL), that software tidies up for good reasons (control and bidirectional
        characters, decomposed letters, a lone carriage return), that isn't a character (unassigned, private), or that
        is too long by some other way of counting.
        """
        return (
            len(text.encode("utf-8", "surrogatepass")) <= self.limit
            and unicodedata.normalize("NFC", text) == text
            and has_only_characters(text)
        )


def has_only_characters(text: str) -> bool:
    """Returns whether a text isn't blank, and has only assigned, written characters, blanks and line ends."""
    return bool(text.strip()) and all(
        letter in " \n\t" or unicodedata.category(letter)[0] in "LMNPS" for letter in text
    )


def body_mutation(text: TextField | None, body: bytes | None, value: Any) -> Mutation:
    """Returns what a body is about. No body at all, or one that says more than documented, is open."""
    if body is None:
        return Mutation.OPEN
    if not isinstance(value, dict):
        return Mutation.BODY
    if text is None:
        return Mutation.OPEN if value else Mutation.DOCUMENTED
    return text.mutation(value)
