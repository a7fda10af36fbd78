"""Renders a comparison for a terminal, as Markdown, as JSON, and as one self-contained HTML page.

Text of the targets is made visible, and escaped for the format. Pure; no errors.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

from conformance.model import RequirementResult, RunRecord, Waiver
from conformance.report import codec, explain, summary
from conformance.report.compare import Change, Comparison, Kind
from conformance.report.safe import inert, line
from conformance.report.terminal import TONES, Style, plain

FORMAT = "payout-conformance/comparison/1"
_REASON = 400
_KEYS = {kind: kind.value for kind in Kind} | {
    Kind.REGRESSION: "regressions",
    Kind.NEW_FINDING: "new_findings",
    Kind.FIX: "fixes",
}
HEADINGS = {kind: key.replace("_", " ").capitalize() for kind, key in _KEYS.items()} | {
    Kind.ADDED: "New requirements",
    Kind.REMOVED: "Removed requirements",
}
_TONE = {
    Kind.REGRESSION: "bad",
    Kind.NEW_FINDING: "bad",
    Kind.NO_LONGER_WAIVED: "bad",
    Kind.NEWLY_UNTESTED: "warn",
    Kind.NEWLY_TESTED: "good",
    Kind.FIX: "good",
}
_ICON = {0: "✅", 1: "❌", 3: "❔"}
# GitHub cuts a summary at 1 MiB.
_ROWS = 200


def text(comparison: Comparison, *, style: Style = plain, width: int = 100) -> str:
    """For a terminal or a log, with a final newline; no control character in it but line feeds."""
    return inert("\n".join(_lines(comparison, style, max(width, 40))) + "\n")


def markdown(comparison: Comparison) -> str:
    """For a pull request or a job's summary page (GitHub's Markdown)."""
    return "\n".join(_markdown(comparison)) + "\n"


def to_json(comparison: Comparison) -> dict[str, Any]:
    """For programs: `exit_code`, both runs, `notes`, and under each kind of change its requirements."""
    return {
        "format": FORMAT,
        "exit_code": comparison.exit_code,
        "old": _run(comparison.old),
        "new": _run(comparison.new),
        "notes": list(comparison.notes),
        **{key: [_change(change) for change in comparison.of(kind)] for kind, key in _KEYS.items()},
        "unchanged": {outcome.value: count for outcome, count in comparison.unchanged.items()},
        "unchanged_waived": {outcome.value: count for outcome, count in comparison.waived.items() if count},
    }


def as_json(comparison: Comparison) -> str:
    """`to_json` as text."""
    return codec.dumps(to_json(comparison), indent=2) + "\n"


def html(comparison: Comparison) -> str:
    """One page without script or network, whose content security policy allows only its style sheet."""
    from conformance.report.html.shell import render  # slow to import; the terminal doesn't need it

    return render(
        "compare.html",
        css="compare.css",
        script=None,
        comparison=comparison,
        reason=_REASON,
        groups=[(kind, HEADINGS[kind], found) for kind in Kind if (found := comparison.of(kind))],
        verdicts=explain.VERDICTS,
        outcomes=explain.OUTCOMES,
        title=explain.title,
        headline=explain.headline,
        waiving=explain.waiving,
    )


def _lines(comparison: Comparison, style: Style, width: int) -> Iterator[str]:
    old, new = comparison.old, comparison.new
    for name, run in (("old", old), ("new", new)):
        verdict = style(explain.VERDICTS[run.verdict].upper(), TONES[run.verdict])
        yield f"{name}  {verdict}  {line(explain.title(run.target))}, {line(run.started_at)}"
    yield ""
    bold = {0: "good", 1: "bad", 3: "warn"}[comparison.exit_code]
    yield style(comparison.sentence[0].upper() + comparison.sentence[1:] + ".", bold)
    for note in comparison.notes:
        yield from textwrap.wrap(line(note, _REASON), width)
    for kind in Kind:
        found = comparison.of(kind)
        if not found:
            continue
        yield ""
        yield style(f"{HEADINGS[kind]} ({len(found)})", _TONE.get(kind, "bold"))
        for change in found:
            yield from _change_lines(change, style, width)
    yield ""
    yield f"Unchanged: {comparison.same or 'none'}"


def _change_lines(change: Change, style: Style, width: int) -> Iterator[str]:
    row = change.requirement
    yield f"  {line(row.id)} {change.levels}  {line(row.title)}"
    told = [("was", _said(change.old, change.old_waiver)), ("is", _said(change.new, change.new_waiver))]
    if change.check is not None:
        told.append(("check", line(change.check.id)))
    for label, value in told:
        if value:
            rows = textwrap.wrap(value, width - 11) or [""]
            yield f"    {style(label.ljust(7), 'dim')}{rows[0]}"
            yield from (" " * 11 + more for more in rows[1:])


def _said(result: RequirementResult | None, waiver: Waiver | None) -> str:
    """`failed (waived until ...): the reason`; nothing for a requirement that a catalogue didn't have."""
    if result is None:
        return ""
    reason = line(result.reason, _REASON)
    waived = line(explain.waiving(waiver), _REASON)
    return (
        explain.OUTCOMES[result.outcome]
        + (f" ({waived})" if waived else "")
        + (f": {reason}" if reason else "")
    )


def _markdown(comparison: Comparison) -> Iterator[str]:
    old, new = comparison.old, comparison.new
    said = comparison.sentence
    yield f"## {_ICON[comparison.exit_code]} {summary.text(new.target.name)}: {said}"
    yield from ["", "| | Verdict | Target | Started | Catalogue |", "| --- | --- | --- | --- | --- |"]
    for name, run in (("old", old), ("new", new)):
        yield (
            f"| {name} | {explain.VERDICTS[run.verdict]} | {summary.text(explain.title(run.target))} "
            f"| {summary.text(run.started_at)} | revision {run.catalogue_revision} |"
        )
    for note in comparison.notes:
        yield from ["", f"> {summary.text(note)}"]
    for kind in Kind:
        found = comparison.of(kind)
        if not found:
            continue
        yield from ["", f"### {HEADINGS[kind]} ({len(found)})", ""]
        yield from ["| Requirement | Level | Was | Is | Check |", "| --- | --- | --- | --- | --- |"]
        for change in found[:_ROWS]:
            yield _markdown_row(change)
        if len(found) > _ROWS:
            yield from ["", f"… and {len(found) - _ROWS} more."]
    yield from ["", f"Unchanged: {comparison.same or 'none'}."]


def _markdown_row(change: Change) -> str:
    row = change.requirement
    cells = [
        f"{summary.text(row.id)} {summary.text(row.title)}",
        change.levels,
        summary.text(_said(change.old, change.old_waiver) or "not there"),
        summary.text(_said(change.new, change.new_waiver) or "not there"),
        summary.text(change.check.id) if change.check else "",
    ]
    return f"| {' | '.join(cells)} |"


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "verdict": run.verdict.value,
        "complete": run.complete,
        "target": {"name": run.target.name, "api": run.target.api, "base_url": run.target.base_url},
        "environment": run.target.environment,
        "started_at": run.started_at,
        "harness_version": run.harness_version,
        "catalogue_revision": run.catalogue_revision,
        "catalogue_digest": run.catalogue_digest,
        "counts": run.counts(),
    }


def _change(change: Change) -> dict[str, Any]:
    row = change.requirement

    def side(result: RequirementResult | None, waiver: Waiver | None) -> dict[str, Any] | None:
        if result is None:
            return None
        return {
            "level": result.requirement.level.value,
            "outcome": result.outcome.value,
            "reason": result.reason,
            "waiver": None if waiver is None else codec.to_json(waiver),
        }

    return {
        "id": row.id,
        "title": row.title,
        "basis": row.basis.value,
        "old": side(change.old, change.old_waiver),
        "new": side(change.new, change.new_waiver),
        "check": None if change.check is None else change.check.id,
        **({"checks": [check.id for check in change.checks]} if change.checks else {}),
    }
