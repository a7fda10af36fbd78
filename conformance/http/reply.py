"""The target's answer as checks read it: raw, and never raising on unusual content."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from conformance.model import Exchange, Headers


class Missing:
    """Stands for a value that isn't there; equal to nothing, false, and says so in messages."""

    def __repr__(self) -> str:
        return "<missing>"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        # There is one of it, in a process that was sent a copy too.
        return "MISSING"


MISSING: Final = Missing()

# Reading an integer takes time that grows with the square of its length: Python itself stops at 4300 digits.
_LONGEST_INTEGER = 4000
# Parsed answers up to so many bytes are kept for a while.
_SMALL = 16_384


class NotStrictJson(ValueError):
    """Text that some parsers take for JSON and that RFC 8259 doesn't: duplicate keys, NaN, bad UTF-8."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    `sent_at` is when the request began (UTC); `written` and `finished` are readings of `time.perf_counter()`: the first
    byte sent, the last one received. `exchange` is the same answer as it is recorded, without secrets.
    """

    status: int
    headers: Headers
    body: bytes
    truncated: bool
    sent_at: datetime
    duration_s: float
    written: float
    finished: float
    exchange: Exchange

    def header(self, name: str) -> str | None:
        """The value of a header, its name compared without case; several are joined by commas (RFC 9110 5.3)."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self) -> str:
        """The body, undecodable bytes escaped."""
        return self.body.decode("utf-8", "backslashreplace")

    @property
    def ok(self) -> bool:
        """Returns whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def says_json(self) -> bool:
        """Returns whether its content type is one of JSON, such as `application/problem+json`, with any charset."""
        kind = (self.header("Content-Type") or "").split(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    @property
    def json(self) -> Any:
        """The parsed body, MISSING where it isn't JSON; lenient, so that one defect doesn't hide the next."""
        return _parsed(self.body) if len(self.body) <= _SMALL else _lenient(self.body)

    def at(self, path: str) -> Any:
        """The value under a dotted path (`error.code`), MISSING where any step isn't there."""
        return _under(path, self.json)

    def recorded(self, path: str) -> Any:
        """The value under a dotted path as it is recorded, without secrets: what a message shows, and may cut."""
        kept = self.exchange.response_body
        return self.at(path) if kept == self.body else _under(path, _lenient(kept))

    def strictly(self) -> Any:
        """The parsed body. Raises NotStrictJson with the reason where RFC 8259 forbids what came."""
        return strict_json(self.body)

    def strings(self) -> Iterator[str]:
        """Every text of the answer: header values, the body as it came, and each string in the JSON."""
        yield from (value for _, value in self.headers)
        yield self.text
        yield from strings(self.json)


def _under(path: str, value: Any) -> Any:
    for step in path.split("."):
        if not isinstance(value, dict) or step not in value:
            return MISSING
        value = value[step]
    return value


def _lenient(data: bytes) -> Any:
    try:
        return json.loads(data, parse_int=_whole)
    except (ValueError, RecursionError):
        return MISSING


# Checks ask the same answer for one field after the other, and don't change the values.
_parsed = lru_cache(maxsize=1024)(_lenient)


def strict_json(data: bytes) -> Any:
    """JSON as RFC 8259 has it: UTF-8, no byte order mark, no duplicate keys, no NaN or Infinity."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise NotStrictJson(f"the key {key!r} appears twice in one object")
            found[key] = value
        return found

    def number(text: str) -> Any:
        raise NotStrictJson(f"{text} is not a JSON number")

    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=unique, parse_constant=number, parse_int=_whole
        )
    except UnicodeDecodeError as fault:
        raise NotStrictJson(f"the body is not UTF-8: {fault.reason} at byte {fault.start}") from fault
    except RecursionError as fault:
        raise NotStrictJson("the body is nested too deeply") from fault
    except NotStrictJson:
        raise
    except ValueError as fault:
        raise NotStrictJson(f"the body is not JSON: {fault}") from fault


def _whole(digits: str) -> int | float:
    """An integer of any length is JSON; one that Python refuses to read is infinite, as `1e400` is."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def strings(value: Any) -> Iterator[str]:
    """Every text in a parsed JSON value, keys included."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item.keys()
            pending += item.values()
        elif isinstance(item, list):
            pending += item


_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)", re.ASCII
)


def instant(value: object) -> datetime | None:
    """The moment that an ISO 8601 date-time with an offset names, or None where `value` isn't one.

    Any number of fraction digits; lower-case `t` and `z` are not taken, local times without an offset neither.
    """
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *date, fraction, offset = found.groups()
    zone = "+00:00" if offset == "Z" else offset if ":" in offset else (offset + "00")[:5]
    zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    year, month, day, hour, minute, second = date
    micros = (fraction or "0").ljust(6, "0")[:6]
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}.{micros}{zone}")
    except ValueError:
        return None
