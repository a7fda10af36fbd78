"""Keeps the failing examples of a run for `fuzz.json`: enough to send each again, within limits of size."""

import json
from typing import Any

from conformance.fuzz.findings import Failure, Findings
from conformance.model import Target
from conformance.report.curl import curl

# Of one check so many causes; of one case so many characters, of a command so many.
CAUSES = 4
_CASE = 24_000
_COMMAND = 4_000


def failing_cases(findings: Findings, target: Target) -> dict[str, list[dict[str, Any]]]:
    """Returns the smallest failing examples of each check, by its id, the smallest first.

    Each has `cause`, `statuses` (how often each was seen), `seen` (how often in all), `again` (whether it was seen
    when the case was sent once more by itself, null where it wasn't tried), `expected`, `observed`, `curl` and `case`,
    which `replay` understands; null where one of the two is too long.
    """
    kept: dict[str, list[dict[str, Any]]] = {}
    for check, seen in findings.failing():
        found = kept.setdefault(check.id, [])
        if len(found) < CAUSES:
            found.append(_kept(seen, target))
    return kept


def _kept(seen: Failure, target: Target) -> dict[str, Any]:
    example = None if seen.example is None else seen.example.to_json()
    command = curl(seen.shown[-1].exchange, target) if seen.shown else None
    return {
        "cause": seen.finding.cause,
        "statuses": {str(status): often for status, often in sorted(seen.statuses.items())},
        "seen": seen.seen,
        "again": seen.again,
        "expected": seen.finding.expected[:500],
        "observed": seen.finding.observed[:500],
        "curl": command if command is not None and len(command) <= _COMMAND else None,
        "case": example if example is None or len(json.dumps(example)) <= _CASE else None,
    }
