"""Instants in answers: their form, and their order as far as clocks can tell it."""

import re
from datetime import datetime
from typing import Any

from conformance.http.reply import MISSING, Reply, instant
from conformance.oracles import expect, wording

# Clocks go in steps of up to 16 ms, and those of a target's machines differ a little: so near there is no order.
TICK_S = 0.1


def is_instant(
    reply: Reply, path: str, *, utc: bool = False, where: str = "", read: Reply | None = None
) -> datetime:
    """The instant under `path`: ISO 8601 with an offset; with `utc`, an offset of zero.

    `where` and `read` as in `expect.field`.
    """
    value = reply.at(path)
    moment = instant(value)
    offset = moment.utcoffset() if moment is not None else None
    expect.that(
        moment is not None and (not utc or not offset),
        expected=f"{path} to be an ISO 8601 {'UTC ' if utc else ''}instant, like 2024-01-01T00:10:00.000Z",
        observed=expect.observed(reply, path),
        reply=reply,
        hint=_hint(value),
        fault=wording.was(reply, path, where) if where else "",
        persisted=wording.read_shows(read, path, value, lambda one: instant(one) is not None),
    )
    assert moment is not None
    return moment


def _hint(value: Any) -> str:
    """Returns the hint that the form of a value suggests; empty where it suggests none."""
    if isinstance(value, bool) or value is None or value is MISSING:
        return ""
    if isinstance(value, int | float):
        return (
            "A number, such as seconds or milliseconds since the epoch, has to be written as ISO 8601 text."
        )
    if instant(f"{value}Z") is not None or instant(f"{str(value).replace(' ', 'T')}Z") is not None:
        return "The offset is missing (Z), or a blank stands for the T."
    if instant(value) is not None:
        return "An instant, but in another zone than UTC."
    return ""


def resolution_s(*values: Any) -> float:
    """The coarsest resolution among ISO 8601 texts, in seconds: 1 without a fraction, 0.001 with three digits."""
    digits = []
    for value in values:
        found = re.search(r"[.,](\d+)", value) if isinstance(value, str) else None
        digits.append(len(found[1]) if found else 0)
    return float(10.0 ** -min(digits, default=0))


def is_same_instant(one: Any, other: Any) -> bool:
    """Whether two ISO 8601 texts name one moment, as far as the coarser can tell; what is none is told elsewhere."""
    first, second = instant(one), instant(other)
    if first is None or second is None:
        return True
    return abs((first - second).total_seconds()) < max(resolution_s(one, other), 0.001)


def not_after(earlier: Any, later: Any) -> bool:
    """Whether two ISO 8601 texts are in order, as far as clocks can tell: within a tick there is no order."""
    first, second = instant(earlier), instant(later)
    if first is None or second is None:
        return False
    return (first - second).total_seconds() <= max(_step_s(earlier), _step_s(later), TICK_S)


def _step_s(value: Any) -> float:
    """The step of the clock that an instant comes from, in seconds: whole seconds may be written with a fraction."""
    moment = instant(value)
    return 1.0 if moment is not None and not moment.microsecond else resolution_s(value)


def moved(before: Any, after: Any, at: Any = None) -> bool:
    """Whether the second instant is later; two in one tick of a coarse clock can't be told apart, and pass.

    `at` is when the change was made, by the same clock: an instant that was past by then, and is the same, stands.
    """
    first, second, change = instant(before), instant(after), instant(at)
    if first is None or second is None:
        return False
    if second != first or change is None:
        return second > first or (second == first and resolution_s(before, after) >= 1)
    return (change - first).total_seconds() <= max(resolution_s(before, after, at), TICK_S)
