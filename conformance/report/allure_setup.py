"""Tells Allure of a run besides its checks: categories, environment, CI job, and how to render it.

Allure 2 reads categories from `categories.json`, Allure 3 from its configuration: both are made of one table.
"""

import base64
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.model import Outcome, RunRecord, Verdict
from conformance.report import badge, codec, explain
from conformance.report.safe import counted, line

EXECUTOR = "executor.json"
# How the message of every check that didn't simply pass begins; categories are told apart by it.
PREFIXES = {
    Outcome.PASSED: "",
    Outcome.FAILED: "",
    Outcome.WARNED: "Warning (SHOULD): ",
    Outcome.ERROR: "Harness or transport: ",
    Outcome.NOT_TESTABLE: "Not testable: ",
    Outcome.NOT_APPLICABLE: "Not applicable: ",
    Outcome.DESELECTED: "Deselected: ",
}
_CATEGORIES = (
    ("Failed (MUST)", ["failed", "skipped"], Outcome.FAILED),
    ("Warnings (SHOULD)", ["passed"], Outcome.WARNED),
    ("Harness or transport errors", ["broken", "skipped"], Outcome.ERROR),
    ("Not testable", ["broken", "skipped"], Outcome.NOT_TESTABLE),
    ("Not applicable", ["skipped"], Outcome.NOT_APPLICABLE),
    ("Deselected", ["skipped"], Outcome.DESELECTED),
)
# The verdict is a result of its own: its category, the statuses in it, and the outcome that its label says.
VERDICT = "verdict"
_WHOLE, _RED = "The run as a whole", ["failed", "broken"]
# The strokes of a tick, a cross and a dash.
_SIGNS = {
    Verdict.CONFORMANT: "M11 21l6 6 12-13",
    Verdict.NON_CONFORMANT: "M12 12l16 16M28 12L12 28",
    Verdict.INCONCLUSIVE: "M11 20h18",
}
# For each CI server: the variable that it sets, its names, and the variables of job, number and address.
_EXECUTORS = (
    ("GITHUB_ACTIONS", "GitHub Actions", "github", "GITHUB_WORKFLOW", "GITHUB_RUN_NUMBER", "GITHUB_URL"),
    ("GITLAB_CI", "GitLab CI", "gitlab", "CI_JOB_NAME", "CI_PIPELINE_IID", "CI_JOB_URL"),
    ("JENKINS_URL", "Jenkins", "jenkins", "JOB_NAME", "BUILD_NUMBER", "BUILD_URL"),
)


def files(record: RunRecord, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """`categories.json`, `environment.properties` and, in a CI job, `executor.json`."""
    yield "categories.json", codec.dumps(_categories_2(), indent=2) + "\n"
    yield "environment.properties", properties(_environment(record))
    found = executor(environ)
    if found is not None:
        yield EXECUTOR, codec.dumps(found, indent=2) + "\n"


def config(record: RunRecord) -> dict[str, Any]:
    """The content of `allurerc.json`, for `allure generate` in the run's folder: paths are relative to it.

    The history of each target and API is a file of its own beside the folders of its runs.
    """
    target = record.target
    slug = re.sub(r"[^a-z0-9]+", "-", target.name.lower()).strip("-")[:60] or "target"
    return {
        "name": _heading(record),
        "resultsDir": "./allure-results",
        "output": "./allure-report",
        "historyPath": f"../{slug}-{target.api}.allure-history.jsonl",
        "historyLimit": 100,
        "categories": _categories_3(),
        "plugins": {
            "awesome": {"options": {"groupBy": ["epic", "feature", "story"], "logo": _mark(record.verdict)}}
        },
    }


def executor(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The CI job that these variables speak of (GitHub Actions, GitLab CI, Jenkins), or None."""
    said = defaultdict(str, {name: line(value) for name, value in environ.items() if value})
    found = next((one for one in _EXECUTORS if one[0] in said), None)
    if found is None:
        return None
    _, name, kind, job, number, url = found
    server = said["GITHUB_SERVER_URL"] or "https://github.com"
    said["GITHUB_URL"] = f"{server}/{said['GITHUB_REPOSITORY']}/actions/runs/{said['GITHUB_RUN_ID']}"
    told: dict[str, Any] = {"name": name, "type": kind, "buildName": f"{said[job]} #{said[number]}"}
    if said[number].isdecimal():
        told["buildOrder"] = int(said[number])
    if said[url].startswith(("https://", "http://")):
        told["buildUrl"] = said[url]
    return told


def properties(values: Mapping[str, str]) -> str:
    """Java properties in ASCII; no key or value breaks out of its line."""
    return "".join(f"{_escaped(key, key=True)}={_escaped(value)}\n" for key, value in values.items())


def _verdict(record: RunRecord) -> str:
    """Warnings pass: where they are, the heading of the report says so."""
    warned = record.counts()[Outcome.WARNED]
    return explain.verdict_in_words(record) + (f", {counted(warned, 'warning')}" if warned else "")


def _heading(record: RunRecord) -> str:
    """Returns the heading; beside a share of green that tells of checks alone it says how many requirements fail."""
    name = line(f"{_verdict(record)}: {explain.title(record.target)}")
    return name if record.verdict is Verdict.CONFORMANT else line(f"{name} {explain.headline(record)}")


def _mark(verdict: Verdict) -> str:
    """Returns the picture beside the heading, as an address that holds it: the colour of the verdict, and a sign."""
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<circle cx="20" cy="20" r="20" fill="{badge.COLOURS[verdict]}"/>'
        f'<path d="{_SIGNS[verdict]}" fill="none" stroke="#fff" stroke-width="5"/></svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"


def _environment(record: RunRecord) -> dict[str, str]:
    target = record.target
    return {
        "Verdict": _verdict(record),
        "Checks passed": _passed(record),
        "Complete": "yes" if record.complete else "no: the run was ended before its last check",
        "Target": line(target.name),
        "API": target.api,
        "Base URL": line(target.base_url),
        "Environment": line(target.environment),
        "Harness": f"payout-conformance {line(record.harness_version)}",
        "Catalogue": f"revision {record.catalogue_revision}, {line(record.catalogue_digest)}",
        "Seed": str(record.seed),
        "Started": line(record.started_at),
        "Finished": line(record.finished_at),
    }


def _passed(record: RunRecord) -> str:
    passed = sum(check.outcome is Outcome.PASSED for check in record.checks)
    said = f"{passed} of {len(record.checks)}"
    if record.verdict is Verdict.CONFORMANT:
        return said
    return f"{said}, which is no verdict"


def _categories_2() -> list[dict[str, Any]]:
    # Java matches the whole message; [\s\S] means any character to Java and to JavaScript.
    literal = {outcome: re.sub(r"([()])", r"\\\1", prefix) for outcome, prefix in PREFIXES.items()}
    verdicts = "|".join(explain.VERDICTS.values())
    whole = {"name": _WHOLE, "matchedStatuses": _RED, "messageRegex": f"(?:{verdicts}): [\\s\\S]*"}
    return [whole] + [
        {"name": name, "matchedStatuses": statuses, "messageRegex": f"{literal[outcome]}[\\s\\S]*"}
        for name, statuses, outcome in _CATEGORIES
    ]


def _categories_3() -> list[dict[str, Any]]:
    labels = {"outcome": f"^{VERDICT}$"}
    whole = {"name": _WHOLE, "matchers": {"statuses": _RED, "labels": labels}, "expand": True}
    return [whole] + [
        {
            "name": name,
            "matchers": {"statuses": statuses, "labels": {"outcome": f"^{explain.OUTCOMES[outcome]}$"}},
            "expand": outcome in (Outcome.FAILED, Outcome.WARNED),
        }
        for name, statuses, outcome in _CATEGORIES
    ]


def _escaped(text: str, *, key: bool = False) -> str:
    wide = text.encode("utf-16-be", "surrogatepass")
    units = [int.from_bytes(wide[index : index + 2], "big") for index in range(0, len(wide), 2)]
    special = "\\ :=#!" if key else "\\"
    return "".join(
        f"\\u{unit:04x}" if not 0x20 <= unit < 0x7F else ("\\" if chr(unit) in special else "") + chr(unit)
        for unit in units
    )
