"""Several runs side by side: requirements down, runs across, so that what differs between them catches the eye."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.model import Outcome, Requirement, RunRecord
from conformance.report import explain
from conformance.report.html import charts
from conformance.report.html.page import summary_of
from conformance.report.html.shell import render
from conformance.report.safe import line

_REASON = 300


@dataclass(frozen=True, slots=True)
class Column:
    """A run: its record, where its own report is (a relative path, or nothing), and its outcomes as a bar."""

    record: RunRecord
    link: str
    verdict: str
    headline: str
    summary: str
    bar: tuple[charts.Bar, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A requirement in one run; `outcome` is None where that run's catalogue didn't have it."""

    outcome: Outcome | None
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement across the runs; `differs` where they don't agree."""

    requirement: Requirement
    marks: tuple[Mark, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Table:
    """The runs of one API with its requirements, by group."""

    api: str
    columns: tuple[Column, ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    differing: int


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
        columns.setdefault(record.target.api, []).append(_column(record, link))
    tables = [_table(api, runs) for api, runs in columns.items()]
    return render(
        "overview.html",
        tables=tables,
        runs=len(records),
        targets=len({(record.target.name, record.target.base_url) for record in records}),
        outcomes=explain.OUTCOMES,
    )


def _column(record: RunRecord, link: str) -> Column:
    safe = link if not link.startswith(("/", "\\")) and ":" not in link else ""
    return Column(
        record,
        safe,
        explain.VERDICTS[record.verdict],
        explain.headline(record),
        summary_of(record),
        charts.outcomes(record),
    )


def _table(api: str, columns: Sequence[Column]) -> Table:
    found = [{row.requirement.id: row for row in column.record.requirements} for column in columns]
    rows: dict[str, Requirement] = {}
    for results in found:
        for name, result in results.items():
            rows.setdefault(name, result.requirement)
    groups: dict[str, list[Line]] = {}
    for name, requirement in rows.items():
        marks = tuple(
            Mark(results[name].outcome, line(results[name].reason, _REASON))
            if name in results
            else Mark(None, "")
            for results in found
        )
        differs = len({mark.outcome for mark in marks}) > 1
        groups.setdefault(requirement.group, []).append(Line(requirement, marks, differs))
    lines = [one for members in groups.values() for one in members]
    return Table(
        api,
        tuple(columns),
        tuple((group, tuple(members)) for group, members in groups.items()),
        sum(one.differs for one in lines),
    )
