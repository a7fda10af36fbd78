"""`report.html`: one file that needs no network, for a browser, a mail attachment, a phone or paper. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model import Check, Outcome, RequirementResult, RunRecord
from conformance.report import depth, explain, script
from conformance.report.explain import Finding, Gap
from conformance.report.gaps import causes, parts
from conformance.report.html import charts, evidence, matrix, shell
from conformance.report.html.evidence import Evidence, Listed, Sent
from conformance.report.html.fuzzing import fuzzing
from conformance.report.html.shell import render
from conformance.report.labelled_rows import asks, folded_in_short, observed, told
from conformance.report.steps import Step, steps

# How many of each are on the page; the others are counted, and stand in run.json.
_FINDINGS = 100
_CHECKS = 150
_WEIGHT = {Outcome.FAILED: 0, Outcome.ERROR: 1, Outcome.WARNED: 2, Outcome.NOT_TESTABLE: 3}


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with the request that shows it; `brief` is what was observed, without the answer's own text.

    `steps` are all requests that led there, each with its line, where there are several; `folded` are the findings
    that follow from it. `command` repeats it, `usage` says what that needs.
    """

    finding: Finding
    title: str
    asks: str
    observed: str
    brief: str
    sent: Sent | None
    steps: tuple[tuple[Step, Sent], ...]
    replay: str
    command: str
    usage: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A check under a requirement; `elsewhere` is the requirement that shows its exchanges instead."""

    check: Check
    anchor: str
    listed: Listed | None
    elsewhere: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement with its checks, the worst first, and the suites that they are from.

    `depth` says how many of them ran, where resources ran out; empty elsewhere.
    """

    result: RequirementResult
    checks: tuple[Checked, ...]
    left_out: int
    suites: tuple[str, ...]
    depth: str


_TEMPLATE = "report.html"


def prepare() -> None:
    """Compiles the template, so that the next page is rendered sooner."""
    shell.prepare(_TEMPLATE)


def page(record: RunRecord) -> str:
    """The content of `report.html`."""
    shown = Evidence(record)
    problems, more_problems = _problems(shown, explain.problems(record))
    warnings, more_warnings = _problems(shown, explain.warnings(record))
    groups = _groups(record, shown)
    latency, ticks = charts.latency(record)
    return render(
        _TEMPLATE,
        record=record,
        title=explain.title(record.target),
        verdict=explain.verdict_in_words(record),
        headline=explain.headline(record),
        outcomes=explain.OUTCOMES,
        levels=explain.LEVELS,
        bases=explain.BASES,
        begun=explain.begun,
        folded_in_short=folded_in_short,
        bar=charts.outcomes(record),
        problems=problems,
        names=script.variables(record, [one.command for one in (*problems, *warnings)]),
        more_problems=more_problems,
        waivers=explain.waivers(record),
        warnings=warnings,
        more_warnings=more_warnings,
        untested=_untested(record),
        grid=matrix.grid(record),
        groups=groups,
        present=_present(record, groups),
        timeline=charts.timeline(record),
        latency=latency,
        latency_ticks=ticks,
        fuzz=fuzzing(record.fuzz),
        duration=explain.duration(record),
    )


def _problems(shown: Evidence, findings: Sequence[Finding]) -> tuple[list[Problem], int]:
    found = []
    for one in findings[:_FINDINGS]:
        sent = None if one.exchange is None else shown.of(one.exchange, one.check.problem)
        about = told(shown.record, one)
        led = steps(shown.record, one.check, one.steps).steps
        found.append(
            Problem(
                one,
                about.title,
                asks(one),
                observed(shown.record, one),
                _brief(observed(shown.record, one)),
                sent,
                tuple((step, shown.of(step.index)) for step in led) if len(led) > 1 else (),
                about.replay,
                evidence.shown_command(script.whole(shown.record, about.script)) if about.script else "",
                about.usage,
            )
        )
    return found, max(len(findings) - _FINDINGS, 0)


# Where an observation begins to cite an answer.
_CITES = re.compile(r" \((?:the answer|GET) was (?:answered )?|; a read shows \d")


def _brief(observed: str) -> str:
    """The first words, up to where the answer is quoted: opened, the problem shows it all."""
    said = _CITES.split(observed)[0]
    before, brace, _ = said.partition("{")
    return (
        before.strip() + ("" if before.strip().isdecimal() else " {…}") if brace and before.strip() else said
    )


def _groups(record: RunRecord, shown: Evidence) -> list[tuple[str, list[Row]]]:
    """The requirements by group, in the catalogue's order; each check's exchanges are shown once."""
    checks = {check.id: (number, check) for number, check in enumerate(record.checks)}
    for check in sorted(record.checks, key=lambda check: _WEIGHT.get(check.outcome, 9)):
        if check.outcome in _WEIGHT:
            shown.listed(check)
    home: dict[str, str] = {}
    api = record.target.api
    deep = {result.requirement.id: depth.sentence(found, api) for result, found in depth.every(record)}
    groups: dict[str, list[Row]] = {}
    for result in record.requirements:
        members = sorted(
            (checks[name] for name in result.checks), key=lambda pair: _WEIGHT.get(pair[1].outcome, 9)
        )
        shown_checks = []
        for number, check in members[:_CHECKS]:
            owner = home.setdefault(check.id, result.requirement.id)
            mine = owner == result.requirement.id
            listed = shown.listed(check) if mine else None
            shown_checks.append(Checked(check, f"check-{number}", listed, None if mine else owner))
        suites = dict.fromkeys(check.suite for _, check in members)
        row = Row(
            result,
            tuple(shown_checks),
            max(len(members) - _CHECKS, 0),
            tuple(suites),
            deep.get(result.requirement.id, ""),
        )
        groups.setdefault(result.requirement.group, []).append(row)
    return list(groups.items())


def _present(
    record: RunRecord, groups: Sequence[tuple[str, Sequence[Row]]]
) -> dict[str, list[tuple[str, str, int]]]:
    """Returns the filters, for outcomes, levels and suites: (value, label, number of requirements)."""
    rows = [row for _, members in groups for row in members]
    counts = record.counts()
    levels = [row.result.requirement.level for row in rows]
    suites = [suite for row in rows for suite in row.suites]
    return {
        "outcome": [
            (one.value, explain.OUTCOMES[one], counts[one.value])
            for one in charts.OUTCOME_ORDER
            if counts[one.value]
        ],
        "level": [(one.value, one.value, levels.count(one)) for one in explain.LEVELS if one in levels],
        "suite": [(one, one.replace("_", " "), suites.count(one)) for one in sorted(set(suites))],
    }


def _untested(record: RunRecord) -> list[tuple[Gap, str, str]]:
    """Returns gaps with their reason and its remedy, the weightiest first; undeclared MAYs last: none asks for them."""
    gaps = causes(record, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED, Outcome.NOT_APPLICABLE)
    return [(gap, *_remedy(gap)) for gap in gaps]


def _remedy(gap: Gap) -> tuple[str, str]:
    """The reason without its advice, and the advice: its own, or what helps with outcomes of that kind."""
    said, advice = parts(gap)
    if gap.outcome is Outcome.NOT_TESTABLE and advice:
        return said, advice
    reason = gap.reason[:1].upper() + gap.reason[1:]
    named = dict.fromkeys(
        result.requirement.capability for result in gap.results if result.requirement.capability
    )
    capabilities = [f"capabilities.{name} = true" for name in named]
    general = {
        Outcome.NOT_TESTABLE: "payout-conformance doctor PROFILE says for each state whether the profile can make it.",
        Outcome.DESELECTED: "Run again without -k and --requirement.",
        Outcome.ERROR: "The harness or the connection failed, which says nothing about the target: run again, "
        "and if it stays, ask payout-conformance doctor PROFILE.",
        Outcome.NOT_APPLICABLE: f"Where the target can do it, set {', '.join(capabilities)} in the profile."
        if capabilities
        else "",
    }
    return reason, general.get(gap.outcome, "")
