"""SARIF 2.1.0, for code scanning: one result per headline, an error for a problem, a warning for a warning.

A service has no source file: each result is located in the profile of the run, and logically in its check. Pure; no
errors.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from conformance.model import Requirement, RunRecord
from conformance.report import codec, explain
from conformance.report.explain import Finding
from conformance.report.labelled_rows import told
from conformance.report.safe import clipped, line, visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# The copy of its profile that a run keeps.
_PROFILE = "profile.toml"
_TEXT = 10_000
# What is told elsewhere in a result.
_NOT_SHOWN = ("waived",)


def sarif(record: RunRecord) -> str:
    """Returns the content of `sarif.json`."""
    found = [
        *((one, "error") for one in explain.problems(record)),
        *((one, "warning") for one in explain.warnings(record)),
    ]
    requirements = list({one.requirement.id: one.requirement for one, _ in found}.values())
    places = {requirement.id: place for place, requirement in enumerate(requirements)}
    content = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "payout-conformance",
                        "version": record.harness_version,
                        "rules": [_rule(requirement) for requirement in requirements],
                    }
                },
                "automationDetails": {"id": f"payout-conformance/{line(explain.title(record.target), 200)}/"},
                "invocations": [
                    {
                        "executionSuccessful": record.complete,
                        "startTimeUtc": record.started_at,
                        "endTimeUtc": record.finished_at,
                    }
                ],
                "properties": {
                    "verdict": record.verdict.value,
                    # What the verdict says nothing of, and why.
                    "scope": {line(name): line(why) for name, why in record.target.scope},
                    "counts": record.counts(),
                },
                "results": [_result(record, one, level, places) for one, level in found],
            }
        ],
    }
    return codec.dumps(content, indent=2) + "\n"


def _rule(requirement: Requirement) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "shortDescription": {"text": _plain(requirement.title)},
        "fullDescription": {"text": _plain(requirement.statement)},
        "defaultConfiguration": {"level": "error" if requirement.level.value == "MUST" else "warning"},
        "properties": {
            "level": requirement.level.value,
            "group": requirement.group,
            "section": requirement.section,
        },
    }


def _result(record: RunRecord, finding: Finding, level: str, places: dict[str, int]) -> dict[str, Any]:
    requirement = finding.requirement
    result: dict[str, Any] = {
        "ruleId": requirement.id,
        "ruleIndex": places[requirement.id],
        "level": level,
        "message": {"text": _plain("\n".join(_message(record, finding)))},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _PROFILE},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": visible(one.id), "kind": "function"} for one in finding.checks[:20]
                ],
            }
        ],
        # A fingerprint that is stable between runs, without the ids of resources.
        "partialFingerprints": {"requirementAndCheck/v1": f"{requirement.id}/{visible(finding.check.id)}"},
    }
    if suppressed := list(_suppressions(record, finding)):
        result["suppressions"] = suppressed
    return result


def _message(record: RunRecord, finding: Finding) -> Iterator[str]:
    about = told(record, finding)
    yield f"{line(about.title)} ({finding.requirement.id} {finding.requirement.level})"
    for label, value in about.rows:
        if label not in _NOT_SHOWN:
            yield f"{label}: {clipped(value, _TEXT // 4)}"


def _suppressions(record: RunRecord, finding: Finding) -> Sequence[dict[str, Any]]:
    return [
        {"kind": "external", "status": "accepted", "justification": visible(explain.waiver(one))}
        for one in explain.waived(record, finding.check)
    ]


def _plain(text: str) -> str:
    r"""Returns `text` for a plain-text message (3.11.5, 3.11.6): braces doubled, brackets make no link."""
    shown = clipped(visible(text, newlines=True), _TEXT)
    for char in "\\[]":
        shown = shown.replace(char, f"\\{char}")
    return shown.replace("{", "{{").replace("}", "}}")
