"""Renders several runs side by side: a row per requirement, a column per run, and marks on rows that differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model import Requirement, RequirementResult, RunRecord
from conformance.report import explain
from conformance.report.html import charts
from conformance.report.html.shell import render
from conformance.report.safe import counted


@dataclass(frozen=True, slots=True)
class Column:
    """A run: its record, where its own report is (a relative path, or nothing), and its outcomes as a bar."""

    record: RunRecord
    link: str
    bar: tuple[charts.Bar, ...]

    @property
    def summary(self) -> str:
        """`31 passed, 8 failed`: the outcomes that occur."""
        parts = (f"{one.count} {one.label}" for one in reversed(self.bar))
        return ", ".join(parts) or counted(0, "requirement")


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement across the runs: its result in each, None where that run's catalogue didn't have it."""

    requirement: Requirement
    results: tuple[RequirementResult | None, ...]

    @property
    def differs(self) -> bool:
        """Returns whether the runs don't agree."""
        return len({result and result.outcome for result in self.results}) > 1


def overview(records: Sequence[RunRecord], links: Sequence[str] = ()) -> str:
    """A self-contained page over `records`, in the order given: a table per API, a column per run.

    `links` are the addresses of the runs' own reports, relative to where this page will be; without them the
    columns lead nowhere. Requirements stand in the order of the catalogues, those of later runs after.
    Pure. Raises ValueError where `links` are given and aren't one per run.
    """
    if links and len(links) != len(records):
        raise ValueError(f"{len(links)} links for {len(records)} runs")
    columns: dict[str, list[Column]] = {}
    for record, link in zip(records, links or [""] * len(records), strict=True):
        safe = link if not link.startswith(("/", "\\")) and ":" not in link else ""
        columns.setdefault(record.target.api, []).append(Column(record, safe, charts.outcomes(record)))
    return render(
        "overview.html",
        tables=[(api, runs, _groups(runs)) for api, runs in columns.items()],
        runs=len(records),
        targets=len({(record.target.name, record.target.base_url) for record in records}),
        outcomes=explain.OUTCOMES,
        verdict_in_words=explain.verdict_in_words,
        headline=explain.headline,
    )


def _groups(columns: Sequence[Column]) -> dict[str, list[Line]]:
    """Returns the requirements of all runs, by group."""
    found = [{result.requirement.id: result for result in column.record.requirements} for column in columns]
    requirements: dict[str, Requirement] = {}
    for results in found:
        for name, result in results.items():
            requirements.setdefault(name, result.requirement)
    groups: dict[str, list[Line]] = {}
    for name, requirement in requirements.items():
        groups.setdefault(requirement.group, []).append(
            Line(requirement, tuple(results.get(name) for results in found))
        )
    return groups
