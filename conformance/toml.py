"""Reads a TOML file key by key. A value of the wrong type raises a ProfileError that names its line."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import ProfileError


class Reader:
    """Parsed TOML, with its text to find the line of a mistake. Keys are dotted: `limits.max`.

    Every method raises ProfileError for a value of the wrong type.
    """

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise ProfileError(
                f"{path}: there is no such profile", hint="`payout-conformance init` writes one."
            ) from None
        except (OSError, UnicodeDecodeError) as fault:
            why = getattr(fault, "strerror", None) or fault
            raise ProfileError(
                f"{path}: can't be read: {why}", hint="A profile is a UTF-8 text file."
            ) from None
        try:
            self._data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as fault:
            raise ProfileError(
                f"{path}: not TOML: {fault}", hint="Strings are quoted; tables look like [target]."
            ) from None
        self._path, self._lines = path, text.splitlines()

    def table(self, dotted: str) -> dict[str, Any]:
        """Returns the table of that name, empty if it is missing."""
        value = self.get(dotted)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(dotted, "this is a table", f"Write [{dotted}] on a line of its own.")
        return value

    def get(self, dotted: str) -> Any:
        """Returns the value of a key, of any type; None if it is missing."""
        value: Any = self._data
        for step in filter(None, dotted.split(".")):
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def string(self, dotted: str) -> str:
        """Returns a text that isn't empty; a missing key is a mistake."""
        value = self.get(dotted)
        if value is None:
            raise self.missing(dotted)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(dotted, f"must be a text, not {_kind(value)}", "Put it in quotes.")
        return value

    def strings(self, dotted: str) -> tuple[str, ...]:
        """Returns a list of texts, none of them empty."""
        value = self.get(dotted)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(dotted, f"must be a list of texts, not {_kind(value)}", 'Write ["one", "two"].')
        return tuple(value)

    def boolean(self, dotted: str) -> bool | None:
        """Returns true, false, or None if the key is missing."""
        value = self.get(dotted)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(dotted, f"must be true or false, not {_kind(value)}", "Without quotes.")
        return value

    def number(self, dotted: str, default: float | None, *, least: float = 1e-3) -> Any:
        """Returns a number from `least` to a million, or the default."""
        value = self.get(dotted)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 1e6:
            raise self.wrong(
                dotted, f"must be a number from {least:g} to 1000000, not {_kind(value)}", "Without quotes."
            )
        return float(value)

    def whole(self, dotted: str, default: int) -> int:
        """Returns a whole number from 1, or the default."""
        value = self.get(dotted)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.wrong(dotted, f"must be a whole number from 1, not {_kind(value)}", "Without quotes.")
        return value

    def choice(self, dotted: str, choices: tuple[str, ...], hint: str = "") -> str:
        """Returns one of the choices; `hint` says where there may be others."""
        value = self.string(dotted)
        if value not in choices:
            raise self.wrong(
                dotted,
                f"{value!r} is not one of {', '.join(choices)}",
                f"{nearest(value, choices)} {hint}".strip(),
            )
        return value

    def known(self, dotted: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        """Raises for a key that isn't one of `keys`."""
        for key in table:
            if key not in keys:
                raise self.unknown(f"{dotted}.{key}".lstrip("."), key, keys)

    def unknown(self, dotted: str, key: str, keys: tuple[str, ...]) -> ProfileError:
        """Returns the error for an unknown key, with the nearest known one."""
        return self.wrong(dotted, "unknown key", nearest(key, keys))

    def missing(self, dotted: str) -> ProfileError:
        """Returns the error for a missing key."""
        table, _, key = dotted.rpartition(".")
        return self.wrong(table, f"{key} is missing", f'Add {key} = "..." to [{table}].')

    def wrong(self, dotted: str, what: str, hint: str, needle: str | None = None) -> ProfileError:
        """Returns an error with file, line (of `needle` below the key, if given), key and mistake."""
        line = self.line(dotted, needle)
        place = f"{self._path}, line {line}" if line else str(self._path)
        return ProfileError(f"{place}: {dotted}: {what}", hint=hint)

    def line(self, dotted: str, needle: str | None) -> int | None:
        """Returns the line of a key, or of `needle` below it; None if it isn't in the text."""
        table, found = "", None
        parent, _, key = dotted.rpartition(".")
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[([^\[\]]+)\]", line)
            table = re.sub(r"[\s\"']", "", header[1]) if header else table
            name = re.match(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=", line)
            here = (header and table == dotted) or (name and table == parent and name[1] == key)
            found = found or (number if here else None)
            if found and needle is not None and needle in line:
                return number
        return found


def nearest(word: str, known: tuple[str, ...]) -> str:
    """Returns a hint: the known word most like this one, or all known words."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."


def _kind(value: object) -> str:
    names = {
        str: "a text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return (
        "nothing" if value is None else f"{names.get(type(value), 'a ' + type(value).__name__)} ({value!r})"
    )
