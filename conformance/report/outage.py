"""When a target began to be unavailable, as far as a record shows it. Pure; no errors."""

from statistics import median

from conformance.model import Check, Exchange, RunRecord
from conformance.report.safe import line, same_but_ids

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


def like(record: RunRecord, check: Check) -> str:
    """Returns a sentence where the first request that wasn't served is of the kind that decides a check; else empty."""
    found = [one for one in record.exchanges if one.status in UNAVAILABLE]
    if not found or check.shown_by is None:
        return ""
    first, decides = min(found, key=lambda one: one.started_at), record.exchanges[check.shown_by]
    alike = (first.method, _kind(record, first)) == (decides.method, _kind(record, decides))
    if not alike or decides.status in UNAVAILABLE:
        return ""
    return (
        f"Such a request was also the first that was answered {first.status}, after {first.duration_s * 1000:.0f} ms: "
        "what the target was unavailable for, and this, may have one cause."
    )


def _kind(record: RunRecord, one: Exchange) -> tuple[str, str]:
    """Returns the path of a request without its id, and the state of what it names."""
    return same_but_ids(one.url.partition("?")[0]), _of_what(record, one)


def _of_what(record: RunRecord, first: Exchange) -> str:
    parts = first.url.partition("?")[0].split("/")
    states = (state for check in record.checks for one, state in check.resources if one in parts)
    state = next(states, "")
    return f" ({line(state, 60)})" if state else ""
