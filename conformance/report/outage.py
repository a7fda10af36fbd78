"""When a target began to be unavailable, as far as a record shows it. Pure; no errors."""

from statistics import median

from conformance.model import Exchange, RunRecord
from conformance.report.safe import line

UNAVAILABLE = (502, 503, 504)
"""Statuses that say nothing of the contract (RFC 9110 sections 15.6.3 to 15.6.5)."""
# The first took so many times as long as the later ones, of which so many are looked at.
_SLOWER, _LATER = 3.0, 20
_GAVE_UP = (
    " A proxy that gave up on its server, for a time limit or a lost connection, asks it no more for a while: was the "
    "time limit meant to be as short as that?"
)


def began(record: RunRecord) -> str:
    """Returns a sentence on the first request that was answered so, and a hint; empty where there is none."""
    found = sorted(
        (one for one in record.exchanges if one.status in UNAVAILABLE), key=lambda one: one.started_at
    )
    if not found:
        return ""
    first, *later = found
    of = _of_what(record, first)
    said = (
        f"It began with {line(first.method, 20)} {line(first.url.removeprefix(record.target.base_url), 120)}{of}, "
        f"{first.status} after {first.duration_s * 1000:.0f} ms at {line(first.started_at, 40)}"
    )
    if not later:
        return f"{said}."
    usual = median(one.duration_s for one in later[:_LATER])
    hint = _GAVE_UP if first.duration_s > _SLOWER * usual else ""
    return f"{said}; those that followed came after {usual * 1000:.0f} ms.{hint}"


def _of_what(record: RunRecord, first: Exchange) -> str:
    parts = first.url.partition("?")[0].split("/")
    states = (state for check in record.checks for one, state in check.resources if one in parts)
    state = next(states, "")
    return f" ({line(state, 60)})" if state else ""
