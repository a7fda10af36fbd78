"""Waivers: known failures, each with a reason and a date until which it is accepted.

```toml
[[waiver]]
requirement = "WD-27"
reason = "Fixed in release 4.2"
expires = 2026-09-30          # the last day on which it holds
by = "payments team"          # optional
```
"""

import datetime as dt
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance import catalogue
from conformance.errors import UsageError
from conformance.model import Waiver
from conformance.toml import nearest

_KEYS = ("requirement", "reason", "expires", "by")
_SHAPE = 'A waiver is [[waiver]] with requirement = "...", reason = "..." and expires = 2026-09-30.'


def load(path: Path) -> tuple[Waiver, ...]:
    """Returns the waivers in a file, of all APIs. Raises UsageError that names the entry and its mistake."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file of waivers", hint=_SHAPE) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise UsageError(f"{path}: can't be read as TOML: {fault}", hint=_SHAPE) from None
    rows = data.pop("waiver", None)
    if data:
        raise UsageError(f"{path}: unknown key {next(iter(data))}", hint=_SHAPE)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: it holds no [[waiver]]", hint=_SHAPE)
    known = [one for api in catalogue.apis() for one in catalogue.load(api).by_id()]
    found: dict[str, Waiver] = {}
    for number, row in enumerate(rows, 1):
        one = _waiver(f"{path}, waiver {number}", row, known)
        if one.requirement in found:
            raise UsageError(f"{path}, waiver {number}: {one.requirement} is waived twice", hint="Keep one.")
        found[one.requirement] = one
    return tuple(found.values())


def _waiver(place: str, row: dict[str, Any], known: Sequence[str]) -> Waiver:
    for key in row:
        if key not in _KEYS:
            raise UsageError(f"{place}: unknown key {key}", hint=nearest(key, _KEYS))
    for key in _KEYS[:2]:
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise UsageError(f"{place}: {key} must be a text", hint=_SHAPE)
    if not isinstance(row.get("by", ""), str):
        raise UsageError(f"{place}: by must be a text", hint=_SHAPE)
    name = row["requirement"].strip().upper()
    if name not in known:
        raise UsageError(
            f"{place}: no catalogue has a requirement {row['requirement']}", hint=nearest(name, tuple(known))
        )
    return Waiver(name, row["reason"].strip(), _date(place, row.get("expires")), row.get("by", "").strip())


def _date(place: str, value: object) -> str:
    """Returns an ISO date from a TOML date or a text. Raises UsageError: without a date a waiver would never end."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    try:
        if isinstance(value, str):
            return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise UsageError(f"{place}: expires must be a date", hint="Write expires = 2026-09-30.")
