"""The summary of a run in GitHub's Markdown, for a job's page or a pull request: short, and safe to show.

Text of the target can neither format nor link, mention or close anything. Pure; no errors.
"""

import re
from collections.abc import Iterator

from conformance.model import Outcome, RunRecord, Verdict
from conformance.report import explain
from conformance.report.explain import Finding
from conformance.report.safe import counted, line, visible

_ICONS = {
    Outcome.PASSED: "✅",
    Outcome.FAILED: "❌",
    Outcome.WARNED: "⚠️",
    Outcome.NOT_TESTABLE: "🚫",
    Outcome.ERROR: "💥",
    Outcome.DESELECTED: "⏭️",
    Outcome.NOT_APPLICABLE: "▫️",
}
_VERDICTS = {Verdict.CONFORMANT: "✅", Verdict.NON_CONFORMANT: "❌", Verdict.INCONCLUSIVE: "❔"}
# GitHub cuts a summary at 1 MiB; people stop reading long before.
_PROBLEMS = 10
_COMMAND = 3000


def summary(record: RunRecord) -> str:
    """The content of `summary.md`."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: RunRecord) -> Iterator[str]:
    target, counts = record.target, record.counts()
    yield f"## {_VERDICTS[record.verdict]} {explain.VERDICTS[record.verdict]}: {text(target.name)}"
    yield from ["", f"{text(explain.title(target))} {explain.headline(record)}.", ""]
    yield "| " + " | ".join(f"{icon} {explain.OUTCOMES[outcome]}" for outcome, icon in _ICONS.items()) + " |"
    yield "|" + " ---: |" * len(_ICONS)
    yield "| " + " | ".join(str(counts[outcome]) for outcome in _ICONS) + " |"
    yield from _problems(record)
    yield from _gaps(record)
    yield from _warnings(record)
    yield from _waivers(record)
    yield from _matrix(record)
    unreached = explain.unreached(record)
    yield from ["", f"> 🕳️ {text(unreached, 1500)}"] if unreached else []
    for note in record.notes:
        yield from ["", f"> {text(note)}"]
    yield ""
    yield (
        f"<sub>payout-conformance {text(record.harness_version)}, "
        f"catalogue revision {record.catalogue_revision}, seed {record.seed}, "
        f"{text(record.started_at)}, {code(target.base_url)}</sub>"
    )


def _problems(record: RunRecord) -> Iterator[str]:
    problems = explain.problems(record)
    if not problems:
        return
    yield from ["", f"### Problems ({len(problems)})"]
    for finding in problems[:_PROBLEMS]:
        yield from ["", *_finding(record, finding)]
    if len(problems) > _PROBLEMS:
        yield from ["", f"… and {counted(len(problems) - _PROBLEMS, 'more problem')}: see `report.html`."]


def _finding(record: RunRecord, finding: Finding) -> Iterator[str]:
    row = finding.requirement
    if finding.control:
        yield f"**{explain.begun(finding)}** ({text(row.id)} first: {text(row.title)})"
    else:
        yield f"**{text(row.id)} {row.level}: {text(row.title)}**"
    yield ""
    if not finding.control:
        yield f"- Asks: {text(row.statement)} ({text(row.section)})"
    for label, value in (
        ("Expected", finding.expected),
        ("Observed", finding.observed),
        ("Hint", finding.hint),
    ):
        if value:
            yield f"- {label}: {text(value)}"
    for remark in finding.remarks:
        yield f"- **{text(remark)}**"
    for waiver in explain.waived(record, finding.check):
        yield f"- **Failed, and {text(explain.waiver(waiver))}**"
    more = f" and {counted(len(finding.more), 'more check')}" if finding.more else ""
    yield f"- Check: {code(finding.check.id)}{more}"
    if finding.signed is not None:
        yield f"- Signed: {code(finding.signed)}"
    if finding.curl and len(finding.curl) <= _COMMAND:
        yield from ["", *fence(finding.curl, "sh")]


def _gaps(record: RunRecord) -> Iterator[str]:
    gaps = explain.gaps(record, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED)
    if not gaps:
        return
    yield from ["", "### Not proven", "", "| | Requirements | Why |", "| --- | --- | --- |"]
    for gap in gaps:
        ids = ", ".join(text(name) for name in gap.ids)
        yield f"| {_ICONS[gap.outcome]} {explain.OUTCOMES[gap.outcome]} | {ids} | {text(gap.reason)} |"


def _warnings(record: RunRecord) -> Iterator[str]:
    warnings = explain.warnings(record)
    if not warnings:
        return
    yield from ["", f"### Warnings ({len(warnings)})", ""]
    for finding in warnings[: _PROBLEMS * 2]:
        row = finding.requirement
        said = " ".join((text(finding.observed or finding.check.message), *map(text, finding.remarks)))
        yield f"- **{text(row.id)}** {text(row.title)}: {said}"
    if len(warnings) > _PROBLEMS * 2:
        yield f"- … and {counted(len(warnings) - _PROBLEMS * 2, 'more warning')}"


def _waivers(record: RunRecord) -> Iterator[str]:
    sentences = explain.waivers(record)
    if sentences:
        yield from ["", f"### Waivers ({len(sentences)})", ""]
        yield from (f"- {text(sentence)}" for sentence in sentences)


def _matrix(record: RunRecord) -> Iterator[str]:
    yield from ["", "<details><summary>All requirements</summary>", ""]
    yield from ["| | Requirement | Level | | Checks |", "| --- | --- | --- | --- | ---: |"]
    for result in record.requirements:
        row = result.requirement
        icon, checks = _ICONS[result.outcome], len(result.checks)
        waived = " (waived)" if record.waived(row.id) else ""
        yield f"| {icon}{waived} | {text(row.id)} | {row.level} | {text(row.title)} | {checks} |"
    yield from ["", "</details>"]


def text(value: str, limit: int = 500) -> str:
    """`value` as one line of Markdown that means only itself, table cells included."""
    escaped = re.sub(r"([\\`*_\[\]<>&#|~@:!$]|(?<=www)\.)", r"\\\1", line(value, limit))
    # A mention and an issue number are found after unescaping; entities and a word joiner break them up.
    return (
        escaped.replace("\\&", "&amp;")
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
        .replace("\\@", "@\u2060")
        .replace("\\#", "#\u2060")
        .replace("\\|", "&#124;")
    )


def code(value: str, limit: int = 300) -> str:
    """`value` as inline code, for anywhere but a table."""
    flat = line(value, limit)
    ticks = "`" * (1 + _longest_run(flat))
    pad = " " if flat.startswith("`") or flat.endswith("`") or not flat else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def fence(value: str, language: str) -> list[str]:
    """`value` as a fenced block that nothing in it can close."""
    shown = visible(value, newlines=True)
    ticks = "`" * max(3, 1 + _longest_run(shown))
    return [ticks + language, *shown.split("\n"), ticks]


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall("`+", value)), default=0)
