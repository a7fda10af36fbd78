"""Several runs as one: summary, object, annotations; and SARIF, which is of one run."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance.model import Outcome, RunRecord
from conformance.report import explain, sarif, several
from conformance.report.several import Ended

from . import sample

# What SARIF 2.1.0 requires (its own schema, 3.13 to 3.49), and GitHub beyond that: a location with a file.
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription"],
    "properties": {"id": {"type": "string"}, "shortDescription": MESSAGE, "fullDescription": MESSAGE},
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {"required": ["uri"], "properties": {"uri": {"pattern": "^[a-z.]+$"}}},
                "region": {"properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        }
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"type": "array", "minItems": 1, "maxItems": 10, "items": LOCATION},
        "partialFingerprints": {"additionalProperties": {"type": "string"}},
        "suppressions": {
            "items": {"required": ["kind"], "properties": {"kind": {"enum": ["inSource", "external"]}}}
        },
    },
}
SARIF = Draft202012Validator(
    {
        "type": "object",
        "required": ["$schema", "version", "runs"],
        "properties": {
            "version": {"const": "2.1.0"},
            "runs": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["tool", "results"],
                    "properties": {
                        "tool": {
                            "required": ["driver"],
                            "properties": {
                                "driver": {
                                    "required": ["name", "rules"],
                                    "properties": {
                                        "rules": {"type": "array", "uniqueItems": True, "items": RULE}
                                    },
                                }
                            },
                        },
                        "invocations": {"items": {"required": ["executionSuccessful"]}},
                        "results": {"type": "array", "items": RESULT},
                    },
                },
            },
        },
    }
)
COMMAND = re.compile(r"::(error|warning) title=([^:,\r\n]*)::([^\r\n]*)")


def _ended(record: RunRecord, code: int = 1) -> Ended:
    return Ended(record.target.name, record.target.api, code, record, "runs/a", "runs/a/report.html")


def _many(number: int) -> RunRecord:
    requirements = [
        sample.requirement(f"WD-{place:02}", title=f"Row {place} holds") for place in range(1, number + 1)
    ]
    checks = [
        sample.check(f"a::{requirement.id}", Outcome.FAILED, requirement.id) for requirement in requirements
    ]
    return sample.folded(requirements, checks)


@pytest.mark.parametrize("run", [sample.showcase(), sample.conformant(), sample.hostile("a[b](c){0}\\")])
def test_sarif_has_one_result_per_headline(run: RunRecord) -> None:
    """And what the format requires; each result refers to its rule by place and by id."""
    content = json.loads(sarif.sarif(run))

    assert [fault.message for fault in SARIF.iter_errors(content)] == []
    (only,) = content["runs"]
    assert [one["ruleId"] for one in only["results"]] == [
        one.requirement.id for one in (*explain.problems(run), *explain.warnings(run))
    ]
    rules = only["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in only["results"])
    levels = [one["level"] for one in only["results"]]
    assert levels == ["error"] * len(explain.problems(run)) + ["warning"] * len(explain.warnings(run))


def test_text_of_a_target_makes_no_link_and_no_placeholder_in_sarif() -> None:
    """Brackets and braces mean themselves."""
    text = json.loads(sarif.sarif(sample.hostile("[click](https://evil.test) {0}")))["runs"][0]["results"][0]
    assert r"\[click\](https://evil.test) {{0}}" in text["message"]["text"]


@settings(deadline=None)
@given(st.text() | st.sampled_from(["\r::error::x", "a\n##[error]b", "%0A::stop-commands::x", ",title=b::c"]))
def test_no_text_begins_a_command_of_its_own(text: str) -> None:
    """No text of a target or a profile starts a command of the CI server."""
    record = sample.hostile(text)
    record = replace(record, target=replace(record.target, name=text or "-"))
    runs = [_ended(record), Ended(text, "withdraws", 4, fault=text, hint=text)]

    for one in several.annotations(runs):
        assert COMMAND.fullmatch(one), one
        assert one.isprintable()
        assert not re.search(r"##\w*\[", one)
    said = several.as_json(runs, exit_code=1, report="")
    assert "##" not in said
    assert json.loads(said)["runs"][1]["error"]["message"] == text


@pytest.mark.parametrize(("number", "beyond"), [(9, 0), (10, 0), (11, 2), (40, 31)])
def test_there_are_at_most_ten_annotations(number: int, beyond: int) -> None:
    """The last says how many were left out."""
    told = several.annotations([_ended(_many(number))])

    assert len(told) == min(number, 10)
    assert (f"{beyond} more findings" in told[-1]) is bool(beyond)
    assert sum("more findings" in one for one in told) == bool(beyond)


def test_faults_and_problems_come_before_warnings() -> None:
    """Over all runs, not run by run."""
    runs = [_ended(sample.showcase()), Ended("Beta", "withdraws", 4, fault="no answer", hint="Start it.")]
    levels = [one.split()[0] for one in several.annotations(runs)]
    assert levels == sorted(levels)
    assert {"::error", "::warning"} == set(levels)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["conformant", "conformant"], "conformant"),
        (["conformant", "inconclusive"], "inconclusive"),
        (["inconclusive", "error"], "error"),
        (["error", "non_conformant"], "non_conformant"),
        ([], "error"),
    ],
)
def test_the_verdict_of_several_runs_is_the_worst(verdicts: list[str], worst: str) -> None:
    """In the order of exit codes; a run without a verdict is never conformant."""
    conformant, broken = sample.conformant(), _many(1)
    open_ = sample.folded(
        [sample.requirement("WD-01")], [sample.check("a::1", Outcome.NOT_TESTABLE, "WD-01", message="no")]
    )
    runs = {
        "conformant": _ended(conformant, 0),
        "inconclusive": _ended(open_, 3),
        "non_conformant": _ended(broken, 1),
        "error": Ended("x", "withdraws", 4, fault="gone"),
    }
    assert several.verdict([runs[name] for name in verdicts]) == worst


def test_gitlab_gets_an_entry_per_headline() -> None:
    """At the profile, each with a fingerprint of its own, that stays the same."""
    run = replace(_ended(sample.showcase()), profile="acme.toml")
    told = json.loads(several.code_quality([run, Ended("x", "withdraws", 4, fault="gone")]))

    assert [one["severity"] for one in told] == ["critical"] * 3 + ["minor"]
    assert len({one["fingerprint"] for one in told}) == 4
    assert {one["location"]["path"] for one in told} == {"acme.toml"}
    assert json.loads(several.code_quality([run])) == told


def test_the_summary_of_several_runs_begins_with_a_table() -> None:
    """A row each, also for the run that came to no verdict; the summary of one run is that run's."""
    runs = [_ended(sample.showcase()), Ended("B|eta", "withdraws", 4, fault="no\nanswer", hint="Start it.")]
    told = several.in_markdown(runs)

    table = told.split("\n\n")[0].splitlines()
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in table] == [5] * 4
    assert "no verdict" in table[3]
    assert "No verdict" in told.splitlines()[-1]
    assert several.in_markdown(runs[:1]).startswith("## ❌")
