"""Renders the result of a run for a terminal or a log: plain text, coloured where a `style` is passed.

Nothing that the target sent reaches the terminal unescaped, nor commands the CI server that keeps the log. Pure; no
errors.
"""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from conformance.model import Outcome, RunRecord, Verdict
from conformance.report import explain
from conformance.report.explain import Finding, Gap
from conformance.report.safe import counted, inert, line, visible

Item = TypeVar("Item")
Told = Callable[[Item], Iterator[str]]
# Styles that are asked for: good, bad, warn, dim, bold.
Style = Callable[[str, str], str]

TONES = {Verdict.CONFORMANT: "good", Verdict.NON_CONFORMANT: "bad", Verdict.INCONCLUSIVE: "warn"}
_LABEL = 9
_ORDER = (
    (Outcome.PASSED, "good"),
    (Outcome.FAILED, "bad"),
    (Outcome.WARNED, "warn"),
    (Outcome.NOT_TESTABLE, "bad"),
    (Outcome.ERROR, "bad"),
    (Outcome.DESELECTED, "warn"),
    (Outcome.NOT_APPLICABLE, "dim"),
)


def plain(text: str, kind: str) -> str:
    """The style of a pipe, a log or NO_COLOR: none."""
    del kind
    return text


def text(
    record: RunRecord, *, report: str = "", style: Style = plain, limit: int = 10, width: int = 100
) -> str:
    """Returns the result of a run as text, with a final newline.

    `report` is the path of the full report, as it is to be shown; of problems and of warnings `limit` are shown.
    `width` is in columns; commands are never wrapped.
    """
    return inert("\n".join(_Text(record, report, style, limit, max(width, 40)).lines()) + "\n")


class _Text:
    def __init__(self, record: RunRecord, report: str, style: Style, limit: int, width: int) -> None:
        self._record = record
        self._report = report
        self._style = style
        self._limit = limit
        self._width = width

    def lines(self) -> Iterator[str]:
        record = self._record
        yield self._verdict()
        problems = explain.problems(record)
        for number, finding in enumerate(problems[: self._limit], start=1):
            yield ""
            yield from self._finding(number, finding)
        yield from self._rest(len(problems), "problem")
        for outcome, heading in (
            (Outcome.ERROR, "No answer could be judged"),
            (Outcome.NOT_TESTABLE, "Not testable, and what is missing"),
            (Outcome.DESELECTED, "Left out"),
        ):
            gaps = explain.gaps(record, outcome)
            number = sum(len(gap.results) for gap in gaps)
            yield from self._section(heading, number, gaps, self._gap, "more reason")
        warnings = explain.warnings(record)
        yield from self._section("Warnings", len(warnings), warnings, self._warning, "more warning")
        waivers = explain.waivers(record)
        yield from self._section("Waivers", len(waivers), waivers, self._waiver)
        unreached = self._wrapped("Fuzzing", explain.unreached(record), indent=0)
        yield from ["", *unreached] if unreached else []
        for note in record.notes:
            yield from ["", *self._wrapped("Note", note, indent=0)]
        yield ""
        yield self._counts()
        if self._report:
            yield f"Report: {visible(self._report)}"

    def _verdict(self) -> str:
        name = explain.VERDICTS[self._record.verdict].upper()
        who = line(explain.title(self._record.target))
        return f"{self._style(name, TONES[self._record.verdict])}  {who} {explain.headline(self._record)}."

    def _finding(self, number: int, finding: Finding) -> Iterator[str]:
        row = finding.requirement
        if finding.control:
            about = ", ".join((row.id, *finding.also))
            yield f"{number}. {self._style(explain.begun(finding), 'bad')}"
            yield from self._wrapped("about", about)
        else:
            name = self._style(f"{line(row.id)} {row.level}", "bad")
            yield f"{number}. {name}  {self._style(line(row.title), 'bold')}"
            yield from self._wrapped("asks", f"{row.statement} ({row.section})")
        yield from self._wrapped("expected", finding.expected)
        yield from self._wrapped("observed", finding.observed)
        yield from self._wrapped("hint", finding.hint)
        for remark in finding.remarks:
            yield from self._wrapped("note", remark)
        for waiver in explain.waived(self._record, finding.check):
            yield from self._wrapped("waived", explain.waiver(waiver).removeprefix("waived "))
        if finding.signed is not None:
            yield from self._wrapped("signed", finding.signed)
        yield from self._wrapped("check", self._checks(finding))
        if finding.curl:
            yield f"   {self._style('repeat'.ljust(_LABEL), 'dim')}"
            yield from (f"     {part}" for part in visible(finding.curl, newlines=True).split("\n"))

    def _checks(self, finding: Finding) -> str:
        text = finding.check.id
        if finding.more:
            text += f" and {counted(len(finding.more), 'more check', 'more checks')}"
        if finding.also and not finding.control:
            text += f"; also about {', '.join(finding.also)}"
        return text

    def _rest(self, total: int, what: str) -> Iterator[str]:
        if total > self._limit:
            yield ""
            yield f"... and {counted(total - self._limit, f'more {what}')}; the report has them all."

    def _section(
        self, heading: str, number: int, items: Sequence[Item], told: Told[Item], more: str = ""
    ) -> Iterator[str]:
        """A heading and its items, none of them for no item; all are `told` where `more` doesn't name the rest."""
        if items:
            yield from ["", self._style(f"{heading} ({number})", "warn")]
        shown = items[: self._limit] if more else items
        for item in shown:
            yield from told(item)
        if len(items) > len(shown):
            yield f"  ... and {counted(len(items) - len(shown), more)}"

    def _gap(self, gap: Gap) -> Iterator[str]:
        yield from self._block("  ", line(gap.reason))
        yield from self._block("    ", ", ".join(gap.ids), kind="dim")

    def _warning(self, finding: Finding) -> Iterator[str]:
        row = finding.requirement
        yield from self._block("  ", f"{row.id} {row.level}  {line(row.title)}")
        for remark in (line(finding.observed or finding.check.message), *finding.remarks):
            yield from self._block("    ", remark, kind="dim")

    def _waiver(self, sentence: str) -> Iterator[str]:
        yield from self._block("  ", line(sentence))

    def _counts(self) -> str:
        counts = self._record.counts()
        parts = [
            self._style(f"{counts[outcome]} {explain.OUTCOMES[outcome]}", kind)
            for outcome, kind in _ORDER
            if counts[outcome]
        ]
        took = explain.duration(self._record)
        checks, requests = len(self._record.checks), len(self._record.exchanges)
        asked = f"{counted(checks, 'check')}, {counted(requests, 'request')}"
        lasted = "" if took is None else f", {took:.0f} s"
        return f"Requirements: {', '.join(parts) or 'none'}  ({asked}{lasted})"

    def _wrapped(self, label: str, value: str, *, indent: int = 3) -> list[str]:
        """`label  value`, wrapped with a hanging indent; nothing for an empty value."""
        if not value.strip():
            return []
        margin = " " * (indent + _LABEL)
        rows = [
            row
            for part in visible(value, newlines=True).split("\n")[:12]
            for row in textwrap.wrap(line(part, 1000), self._width - len(margin), replace_whitespace=False)
            or [""]
        ]
        head = " " * indent + self._style(label.ljust(_LABEL), "dim")
        return [head + rows[0], *(margin + row for row in rows[1:])]

    def _block(self, indent: str, value: str, *, kind: str = "") -> list[str]:
        rows = textwrap.wrap(visible(value), self._width - len(indent)) or [""]
        return [indent + (self._style(row, kind) if kind else row) for row in rows]
