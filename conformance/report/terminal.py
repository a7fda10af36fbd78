"""Renders the result of a run for a terminal or a log: plain text, coloured where a `style` is passed.

Nothing that the target sent reaches the terminal unescaped, nor commands the CI server that keeps the log. Pure; no
errors.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import TypeVar

from conformance.model import Outcome, RequirementResult, RunRecord, Verdict
from conformance.report import depth, explain, outage, scope, script
from conformance.report.depth import Depth
from conformance.report.explain import Finding, Gap
from conformance.report.gaps import causes, ids, parts
from conformance.report.labelled_rows import Told, told, with_problems
from conformance.report.safe import counted, inert, line, visible
from conformance.report.wrap import wrapped

Item = TypeVar("Item")
# Styles that are asked for: good, bad, warn, dim, bold.
Style = Callable[[str, str], str]

TONES = {Verdict.CONFORMANT: "good", Verdict.NON_CONFORMANT: "bad", Verdict.INCONCLUSIVE: "warn"}
_LABEL = 10
# The command for so many lines of script is in the report.
_SCRIPT = 60
_ORDER = (
    (Outcome.PASSED, "good"),
    (Outcome.FAILED, "bad"),
    (Outcome.WARNED, "warn"),
    (Outcome.NOT_TESTABLE, "bad"),
    (Outcome.ERROR, "bad"),
    (Outcome.DESELECTED, "warn"),
    (Outcome.NOT_APPLICABLE, "dim"),
)
_GAPS = (
    (Outcome.ERROR, "Not judged: no usable answer"),
    (Outcome.NOT_TESTABLE, "Not testable: what is missing"),
    (Outcome.DESELECTED, "Left out"),
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
    `width` is in columns; commands are never wrapped, and words, ids and JSON never broken.
    """
    return inert("\n".join(_Text(record, report, style, limit, max(width, 40)).lines()) + "\n")


class _Text:
    def __init__(self, record: RunRecord, report: str, style: Style, limit: int, width: int) -> None:
        self._record = record
        self._report = report
        self._run = str(PurePath(report).parent) if report else "RUN"
        self._style = style
        self._limit = limit
        self._width = width
        self._scripts: list[str] = []

    def lines(self) -> Iterator[str]:
        record = self._record
        yield self._verdict()
        if record.verdict is Verdict.INCONCLUSIVE:
            yield from self._gaps()
        problems = explain.problems(record)
        for number, finding in enumerate(problems[: self._limit], start=1):
            yield ""
            yield from self._finding(f"{number}. ", finding, "bad")
        yield from self._rest(len(problems), "problem")
        if record.verdict is not Verdict.INCONCLUSIVE:
            yield from self._gaps()
        yield from self._not_in_full()
        warnings = explain.warnings(record)
        about = {one.requirement.id for finding in warnings for one in (finding, *finding.folded)}
        heading = "Warnings" if len(about) == len(warnings) else f"Warnings, about {len(about)} requirements"
        yield from self._section(heading, len(warnings), warnings, self._warning, "more warning")
        waivers = explain.waivers(record)
        yield from self._section("Waivers", len(waivers), waivers, self._waiver)
        yield from self._names()
        unreached = self._labelled("Fuzzing", explain.unreached(record), indent=0)
        yield from ["", *unreached] if unreached else []
        for note in record.notes:
            yield from ["", *self._labelled("Note", note, indent=0)]
        yield ""
        yield self._counts()
        if self._report:
            yield f"Report: {visible(self._report)}"

    def _verdict(self) -> str:
        name = explain.VERDICTS[self._record.verdict].upper()
        who = line(explain.title(self._record.target))
        # One line, whatever its width: logs are searched for it.
        name = self._style(name, TONES[self._record.verdict]) + scope.suffix(self._record.target)
        return f"{name}  {who} {explain.headline(self._record)}."

    def _finding(self, number: str, finding: Finding, tone: str) -> Iterator[str]:
        about = told(self._record, finding, self._run)
        margin = " " * len(number)
        first, *more = wrapped(line(about.title, 400), self._width - len(number))
        yield f"{self._style(number, tone)}{self._style(first, 'bold')}"
        yield from (margin + self._style(row, "bold") for row in more)
        for label, value in about.rows:
            yield from self._labelled(label, value, indent=len(number))
        yield from self._commands(about, len(number))

    def _commands(self, about: Told, indent: int) -> Iterator[str]:
        margin = " " * (indent + _LABEL)
        for number, row in enumerate(about.short or about.steps):
            first, *more = wrapped(line(row, 400), self._width - indent - _LABEL - 3)
            label = self._style(("steps" if number == 0 else "").ljust(_LABEL), "dim")
            yield f"{' ' * indent}{label}{first}"
            yield from (f"{margin}   {part}" for part in more)
        if about.replay:
            yield f"{' ' * indent}{self._style('replay'.ljust(_LABEL), 'dim')}{visible(about.replay)}"
        if not about.script:
            return
        head = f"{' ' * indent}{self._style('repeat'.ljust(_LABEL), 'dim')}"
        rows = visible(about.script, newlines=True).split("\n")
        if len(rows) > _SCRIPT:
            yield f"{head}by a script of {len(rows)} lines, which stands in the report"
            return
        self._scripts.append(about.script)
        if about.usage:
            first, *more = wrapped(about.usage, self._width - indent - _LABEL)
            yield head + first
            yield from (margin + row for row in more)
        else:
            yield head.rstrip() if head.endswith(" ") else head
        yield from (f"{' ' * (indent + 2)}{row}" for row in rows)

    def _names(self) -> Iterator[str]:
        """The names in the commands above: functions, which are defined once, and variables."""
        functions = script.functions(self._record, self._scripts)
        variables = script.variables(self._record, self._scripts)
        if not self._scripts or not (functions or variables):
            return
        yield from ["", self._style("To repeat", "bold")]
        if functions:
            yield from [
                "  Paste this once, before any of the commands above:",
                *(f"    {one}" for one in functions),
            ]
        if variables:
            yield "  They read these variables of the environment:"
        wide = max((len(name) for name in variables), default=0)
        for name, place in variables.items():
            yield f"    {visible(f'${name}').ljust(wide + 3)}{line(place)}"

    def _rest(self, total: int, what: str) -> Iterator[str]:
        if total > self._limit:
            yield ""
            yield f"... and {counted(total - self._limit, f'more {what}')}; the report has them all."

    def _section(
        self,
        heading: str,
        number: int,
        items: Sequence[Item],
        shown_as: Callable[[Item], Iterator[str]],
        more: str = "",
    ) -> Iterator[str]:
        """A heading and its items, none of them for no item; all are shown where `more` doesn't name the rest."""
        if items:
            yield from ["", self._style(f"{heading} ({number})", "warn")]
        shown = items[: self._limit] if more else items
        for place, item in enumerate(shown):
            if place and shown_as == self._warning:
                yield ""
            yield from shown_as(item)
        if len(items) > len(shown):
            yield f"  ... and {counted(len(items) - len(shown), more)}"

    def _not_in_full(self) -> Iterator[str]:
        """Yields the requirements that weren't tested in full: two of them where the target was unavailable."""
        parts = list(depth.every(self._record))
        limit, self._limit = self._limit, 2 if outage.began(self._record) else self._limit
        yield from self._section("Not tested in full", len(parts), parts, self._depth, "more requirement")
        self._limit = limit

    def _gaps(self) -> Iterator[str]:
        for outcome, heading in _GAPS:
            gaps = causes(self._record, outcome)
            number = sum(len(gap.results) for gap in gaps)
            yield from self._section(heading, number, gaps, self._gap, "more cause")

    def _gap(self, gap: Gap) -> Iterator[str]:
        said, advice = parts(gap)
        yield from self._block("  ", line(said, 400))
        yield from self._block("    ", line(advice, 400)) if advice else ()
        yield from self._block("    ", ids(gap), kind="dim")

    def _depth(self, pair: tuple[RequirementResult, Depth]) -> Iterator[str]:
        requirement, found = pair[0].requirement, pair[1]
        name = f"{requirement.id} {requirement.level}".ljust(_LABEL + 4)
        first, *more = wrapped(line(depth.sentence(found, self._record.target.api)), self._width - _LABEL - 6)
        yield f"  {name}{first}"
        yield from (f"  {' ' * len(name)}{rest}" for rest in more)

    def _warning(self, finding: Finding) -> Iterator[str]:
        yield from self._finding("  ", finding, "warn")

    def _waiver(self, sentence: str) -> Iterator[str]:
        yield from self._block("  ", line(sentence))

    def _counts(self) -> str:
        counts, elsewhere = self._record.counts(), with_problems(self._record)
        parts = [
            self._style(f"{counts[outcome]} {explain.OUTCOMES[outcome]}", kind)
            + (f" ({elsewhere})" if elsewhere and outcome is Outcome.WARNED else "")
            for outcome, kind in _ORDER
            if counts[outcome]
        ]
        took = explain.duration(self._record)
        checks, requests = len(self._record.checks), len(self._record.exchanges)
        asked = f"{counted(checks, 'check')}, {counted(requests, 'request')}"
        lasted = "" if took is None else f", {took:.0f} s"
        return f"Requirements: {', '.join(parts) or 'none'}  ({asked}{lasted})"

    def _labelled(self, label: str, value: str, *, indent: int) -> list[str]:
        """`label  value`, wrapped with a hanging indent; nothing for an empty value."""
        if not value.strip():
            return []
        margin = " " * (indent + _LABEL)
        rows = [
            row
            for part in visible(value, newlines=True).split("\n")[:12]
            for row in wrapped(line(part, 1000), self._width - len(margin))
        ]
        head = " " * indent + self._style(label.ljust(_LABEL), "dim")
        return [head + rows[0], *(margin + row for row in rows[1:])]

    def _block(self, indent: str, value: str, *, kind: str = "") -> list[str]:
        rows = wrapped(visible(value), self._width - len(indent))
        return [indent + (self._style(row, kind) if kind else row) for row in rows]
