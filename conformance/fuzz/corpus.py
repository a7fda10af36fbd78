"""Keeps the failing examples of a run for `fuzz.json`: enough to send each again, within limits of size."""

import json
from typing import Any

from conformance.fuzz.findings import SHOWN_CAUSES, Failure, Findings
from conformance.model import Target
from conformance.report.curl import curl

# Of one case so many characters, of a command so many.
_CASE = 24_000
_COMMAND = 4_000


def failing_cases(findings: Findings, target: Target) -> dict[str, list[dict[str, Any]]]:
    """Returns the smallest failing examples of each check, by its id, the smallest first.

    Each has `cause`, `statuses` (how often each was seen), `seen` (how often in all), `again` (whether it was seen
    once more on a new resource, after the same requests; null where there was none to try it on), `fault` (its title),
    `expected`, `observed`, `steps`, `curl` and `case`, which `replay` understands; null where one of the two is too
    long. `steps` are the requests that show it, in their order, the deciding one last: what each `says` in words, and
    the place of its `exchange` among those of the check.
    """
    kept: dict[str, list[dict[str, Any]]] = {}
    places: dict[str, int] = {}
    for check, seen in findings.failing():
        found = kept.setdefault(check.id, [])
        if len(found) < SHOWN_CAUSES:
            found.append(_kept(seen, target, places.get(check.id, 0)))
            places[check.id] = places.get(check.id, 0) + len(seen.shown)
    return kept


def _kept(seen: Failure, target: Target, first: int) -> dict[str, Any]:
    example = None if seen.example is None else seen.example.to_json()
    command = curl(seen.shown[-1].exchange, target) if seen.shown else None
    return {
        "cause": seen.finding.cause,
        "statuses": {str(status): often for status, often in sorted(seen.statuses.items())},
        "seen": seen.seen,
        "again": seen.again,
        "fault": seen.finding.fault[:500],
        "expected": seen.finding.expected[:500],
        "observed": seen.finding.observed[:500],
        "steps": [
            {"says": sent.says[:200], "exchange": place} for place, sent in enumerate(seen.shown, first)
        ],
        "curl": command if command is not None and len(command) <= _COMMAND else None,
        "case": example if example is None or len(json.dumps(example)) <= _CASE else None,
    }
