"""Renders a comparison for a terminal, as Markdown, as JSON, and as one self-contained HTML page.

Text of the targets is made visible, and escaped for the format. Pure; no errors.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from conformance.model import RequirementResult, RunRecord, Waiver
from conformance.report import codec, explain, scope, summary
from conformance.report.compare import Change, Comparison, Kind
from conformance.report.safe import inert, line
from conformance.report.terminal import TONES, Style, plain
from conformance.report.wrap import wrapped

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
# The colour of each kind in the page: that of an outcome.
_TONES = {
    kind: {"bad": "failed", "warn": "warned", "good": "passed"}.get(_TONE.get(kind, ""), "deselected")
    for kind in Kind
}
# Good news and changes of the catalogue are folded in Markdown.
_FOLDED = (Kind.ADDED, Kind.REMOVED, Kind.NEWLY_TESTED, Kind.NEWLY_WAIVED)
# GitHub cuts a summary at 1 MiB; a cell holds so many characters, a list so many checks.
_ROWS, _CELL, _CHECKS = 200, 300, 6
# So many changes that follow from another one are told with what was seen.
_UNDER = 4


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
    """`to_json` as text, which a job's log may hold."""
    return codec.logged(to_json(comparison), indent=2) + "\n"


def html(comparison: Comparison, links: Sequence[str] = ("", "")) -> str:
    """One self-contained page in the style of the report, whose policy allows only its own style sheet and script.

    `links` are the addresses of the reports of both runs, relative to where the page will be; empty for none.
    """
    from conformance.report.html.shell import render  # slow to import; the terminal doesn't need it

    safe = [one if not one.startswith(("/", "\\")) and ":" not in one else "" for one in links]
    return render(
        "compare.html",
        comparison=comparison,
        reason=_REASON,
        groups=[
            (
                kind,
                HEADINGS[kind],
                _TONES[kind],
                len(comparison.of(kind)),
                [(change, fault(change), list(map(following, under))) for change, under in told],
            )
            for kind in Kind
            if (told := comparison.told(kind))
        ],
        runs=(("Old", comparison.old, safe[0]), ("New", comparison.new, safe[1])),
        seal={0: "passed", 1: "failed", 3: "not_testable"}[comparison.exit_code],
        verdict_in_words=explain.verdict_in_words,
        outcomes=explain.OUTCOMES,
        title=explain.title,
        headline=explain.headline,
        waiving=explain.waiving,
    )


def fault(change: Change) -> str:
    """Returns the fault that the target has now; empty where the newer run says nothing of it."""
    problem = None if change.check is None else change.check.problem
    return problem.fault if problem is not None else ""


def _lines(comparison: Comparison, style: Style, width: int) -> Iterator[str]:
    old, new = comparison.old, comparison.new
    for name, run in (("old", old), ("new", new)):
        verdict = style(explain.VERDICTS[run.verdict].upper(), TONES[run.verdict]) + scope.suffix(run.target)
        yield f"{name}  {verdict}  {line(explain.title(run.target))}, {line(run.started_at)}"
    yield ""
    bold = {0: "good", 1: "bad", 3: "warn"}[comparison.exit_code]
    yield style(comparison.sentence[0].upper() + comparison.sentence[1:] + ".", bold)
    for note in comparison.notes:
        yield from wrapped(line(note, _REASON), width)
    for kind in Kind:
        found = comparison.of(kind)
        if not comparison.told(kind):
            continue
        yield ""
        yield style(f"{HEADINGS[kind]} ({len(found)})", _TONE.get(kind, "bold"))
        for change, under in comparison.told(kind):
            yield from _change_lines(change, under, style, width)
    yield ""
    yield f"Unchanged: {comparison.same or 'none'}"


def _change_lines(change: Change, under: Sequence[Change], style: Style, width: int) -> Iterator[str]:
    requirement, said = change.requirement, fault(change)
    rule = f"{line(requirement.id)} {change.levels}  {line(requirement.title)}"
    for part in wrapped(line(said, _REASON) if said else rule, width - 2):
        yield f"  {part}"
    told = [("rule", rule if said else "")]
    told += [("was", _said(change.old, change.old_waiver)), ("is", _said(change.new, change.new_waiver))]
    told += [("check", _checks(change)), *_below(change, under)]
    for label, value in told:
        if value:
            rows = wrapped(value, width - 13)
            yield f"    {style(label.ljust(9), 'dim')}{rows[0]}"
            yield from (" " * 13 + more for more in rows[1:])


def _below(cause: Change, under: Sequence[Change]) -> Iterator[tuple[str, str]]:
    """Yields the label and the text of each change that is told with another one; of many the rest by their ids."""
    for one in under[:_UNDER]:
        yield named(one, cause), following(one)
    if rest := under[_UNDER:]:
        yield "", f"and {', '.join(line(one.requirement.id) for one in rest)}"


def named(change: Change, cause: Change) -> str:
    """Returns how a change stands to the one that it is told with: it follows from that, or has the same cause."""
    return "also" if cause.kind is change.kind is Kind.NEWLY_UNTESTED else "follows"


def following(change: Change) -> str:
    """Returns in one line a change that follows from another one: how it ended, and what was seen."""
    requirement, result = change.requirement, change.new
    ended = f" {explain.OUTCOMES[result.outcome]}" if result is not None else ""
    said = fault(change)
    return line(f"{requirement.id}{ended} ({requirement.title}){f': {said}' if said else ''}", _REASON)


def _checks(change: Change) -> str:
    checks = change.checks or (() if change.check is None else (change.check,))
    more = f" and {len(checks) - _CHECKS} more" if len(checks) > _CHECKS else ""
    return ", ".join(line(check.id) for check in checks[:_CHECKS]) + more


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
    """At most forty lines: each kind of change is one table, whose end is folded into one line of HTML."""
    old, new = comparison.old, comparison.new
    said = comparison.sentence
    yield f"## {_ICON[comparison.exit_code]} {summary.text(new.target.name)}: {said}"
    yield from ["", "| | Verdict | Target | Started | Catalogue |", "| --- | --- | --- | --- | --- |"]
    for name, run in (("old", old), ("new", new)):
        yield (
            f"| {name} | {explain.verdict_in_words(run)} | {summary.text(explain.title(run.target))} "
            f"| {summary.text(run.started_at)} | revision {run.catalogue_revision} |"
        )
    if comparison.notes:
        yield from ["", "> " + " ".join(summary.text(note) for note in comparison.notes)]
    groups = [(kind, found) for kind in Kind if (found := comparison.of(kind))]
    room = summary.LINES - 11
    for position, (kind, found) in enumerate(groups):
        # What follows takes two lines, folded; a table six and a line for each change.
        left = room - 2 * (len(groups) - position - 1) - 8
        if kind in _FOLDED or left < 1:
            yield from [
                "",
                summary.fold(f"{HEADINGS[kind]} ({len(found)})", [_folded(one) for one in found[:_ROWS]]),
            ]
            room -= 2
            continue
        told = comparison.told(kind)
        shown, rest = told[:left], told[left:]
        yield from ["", f"### {HEADINGS[kind]} ({len(found)})", ""]
        yield from ["| Requirement | Level | Was | Is | Check |", "| --- | --- | --- | --- | --- |"]
        yield from (_markdown_row(change, under) for change, under in shown)
        if rest:
            yield from ["", summary.fold(f"{len(rest)} more", [_folded(one) for one, _ in rest[:_ROWS]])]
        room -= 6 + len(shown) + 2 * bool(rest)
    yield from ["", f"Unchanged: {comparison.same or 'none'}."]


def _markdown_row(change: Change, under: Sequence[Change]) -> str:
    requirement, said = change.requirement, fault(change)
    ids = ", ".join(summary.text(one.requirement.id) for one in under)
    also = bool(under) and named(under[0], change) == "also"
    follow = f"<br>{'also' if also else 'and what follows from it:'} {ids}" if ids else ""
    cells = [
        f"{summary.text(requirement.id)} {summary.text(said or requirement.title)}{follow}",
        change.levels,
        summary.text(_said(change.old, change.old_waiver) or "not there", _CELL),
        summary.text(_said(change.new, change.new_waiver) or "not there", _CELL),
        summary.text(_checks(change)),
    ]
    return f"| {' | '.join(cells)} |"


def _folded(change: Change) -> str:
    requirement = change.requirement
    was, now = (
        summary.inline(_said(*one) or "not there", _CELL)
        for one in ((change.old, change.old_waiver), (change.new, change.new_waiver))
    )
    about = summary.inline(f"{requirement.id} {change.levels}: {fault(change) or requirement.title}")
    return f"<b>{about}</b><br>Was: {was}<br>Is: {now}<br>{summary.inline(_checks(change))}".removesuffix(
        "<br>"
    )


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "verdict": run.verdict.value,
        "complete": run.complete,
        "target": {"name": run.target.name, "api": run.target.api, "base_url": run.target.base_url},
        "environment": run.target.environment,
        # What the verdict says nothing of, and why.
        **({"scope": dict(run.target.scope)} if run.target.scope else {}),
        "started_at": run.started_at,
        "harness_version": run.harness_version,
        "catalogue_revision": run.catalogue_revision,
        "catalogue_digest": run.catalogue_digest,
        "counts": run.counts(),
    }


def _change(change: Change) -> dict[str, Any]:
    requirement = change.requirement

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
        "id": requirement.id,
        "title": requirement.title,
        "basis": requirement.basis.value,
        "old": side(change.old, change.old_waiver),
        "new": side(change.new, change.new_waiver),
        "check": None if change.check is None else change.check.id,
        **({"checks": [check.id for check in change.checks]} if change.checks else {}),
        **({"follows": change.follows} if change.follows else {}),
    }
