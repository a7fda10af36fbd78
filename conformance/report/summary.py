"""The summary of a run in GitHub's Markdown, for a job's page or a pull request: short, and safe to show.

At most forty lines, whatever failed: the first problems stand there in full, all else is folded. What is folded is one
line of HTML each, since a fold of Markdown would take many. Text of the target can neither format nor link, mention or
close anything. Pure; no errors.
"""

import html
import re
from collections.abc import Iterator, Sequence

from conformance.model import Outcome, RunRecord, Verdict
from conformance.report import depth, explain, script
from conformance.report.explain import Finding, Gap
from conformance.report.gaps import causes, ids
from conformance.report.labelled_rows import Told, rule, told, weighed
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
# People read no more in a pull request.
LINES = 40
# What is kept for each part that follows the problems; GitHub cuts a summary at 1 MiB.
_FOLDED = 20
_CAUSES = 5
_COMMAND = 3000
# Rows that are shown by their own lines, in this order; `check` and what repeats it are folded.
_SHOWN = (
    "cases",
    "asks",
    "sent",
    "expected",
    "observed",
    "hint",
    "worked",
    "note",
    "waived",
    "follows",
    "besides",
    "also",
    "about",
)


def summary(record: RunRecord) -> str:
    """The content of `summary.md`."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: RunRecord) -> Iterator[str]:
    target = record.target
    below = [
        *_gaps(record),
        *_depths(record),
        *_warnings(record),
        *_waivers(record),
        *_requirements(record),
        *_notes(record),
    ]
    head = [
        f"## {_VERDICTS[record.verdict]} {explain.verdict_in_words(record)}: {text(target.name)}",
        "",
        f"{text(explain.title(target))} {explain.headline(record)}.",
        "",
        _counts(record),
    ]
    names = script.variables(record, [one.script or one.curl for one in explain.problems(record)[:_FOLDED]])
    told_names = "".join(f"; {code(f'${name}')} is {text(place)}" for name, place in names.items())
    below.append(
        f"<sub>payout-conformance {text(record.harness_version)}, "
        f"catalogue revision {record.catalogue_revision}, seed {record.seed}, "
        f"{text(record.started_at)}, {code(target.base_url)}{told_names}</sub>"
    )
    yield from head
    yield from _problems(record, LINES - len(head) - 2 * len(below))
    for row in below:
        yield from ["", row]


def _counts(record: RunRecord) -> str:
    counts = record.counts()
    parts = [
        f"{icon} {counts[outcome]} {explain.OUTCOMES[outcome]}"
        for outcome, icon in _ICONS.items()
        if counts[outcome]
    ]
    return " · ".join(parts) or "no requirements"


def _problems(record: RunRecord, room: int) -> Iterator[str]:
    """The first problems in full, as many as there is `room` for, in lines; one fold with the others."""
    problems = explain.problems(record)
    shown = 0
    for number, finding in enumerate(problems, 1):
        rows = ["", *_problem(record, number, finding)]
        more = 2 if number < len(problems) else 0
        if len(rows) + more > room:
            break
        yield from rows
        room -= len(rows)
        shown = number
    if rest := problems[shown:]:
        title = counted(len(rest), "more problem") if shown else counted(len(rest), "problem")
        yield from ["", fold(title, [_folded(record, one) for one in rest[:_FOLDED]], len(rest) - _FOLDED)]


def _problem(record: RunRecord, number: int, finding: Finding) -> Iterator[str]:
    about = told(record, finding)
    below = "" if about.title == finding.requirement.title else f"<br>{text(rule(finding))}"
    name = f"{weighed(finding)}: {about.title}" if not below else about.title
    yield f"**{number}. {text(name)}**{'' if finding.control else below}"
    yield ""
    for label, value in about.rows:
        if label in _SHOWN:
            yield f"- {label.capitalize()}: {text(value)}"
    yield f"- Check: {_names(finding)}"
    yield from ["", f"<details><summary>{_how(about)}</summary>{_repeat(record, about)}</details>"]


def _names(finding: Finding) -> str:
    rest = finding.more[:_FOLDED]
    more = (
        f" and {counted(len(finding.more), 'more check')}: {', '.join(code(one.id) for one in rest)}"
        if rest
        else ""
    )
    return code(finding.check.id) + more + (" …" if len(finding.more) > len(rest) else "")


def _how(about: Told) -> str:
    return "Steps, and how to repeat them" if about.steps else "How to repeat it"


def _repeat(record: RunRecord, about: Told) -> str:
    """The steps and the commands, as HTML."""
    parts = [_list([inline(one) for one in about.steps])] if about.steps else []
    parts += [f"<p>{block(about.replay)}</p>"] if about.replay else []
    whole = script.whole(record, about.script) if about.script else ""
    if whole and len(whole) <= _COMMAND:
        parts += [f"<p>{inline(about.usage)}</p>"] if about.usage else []
        parts.append(f"<pre>{block(whole, newlines=True)}</pre>")
    return "".join(parts)


def _folded(record: RunRecord, finding: Finding) -> str:
    """A finding in a list that is folded: the same evidence, in HTML."""
    about = told(record, finding)
    rows = "".join(
        f"<br>{label.capitalize()}: {inline(value)}"
        for label, value in about.rows
        if label in (*_SHOWN, "check")
    )
    own = f"<br>{inline(rule(finding))}" if about.title != finding.requirement.title else ""
    name = about.title if own or finding.control else f"{finding.requirement.id} {about.title}"
    steps = _list([inline(one) for one in about.steps]) if about.steps else ""
    return f"<b>{inline(name)}</b>{own}{rows}{steps}" + (
        f"<p>{block(about.replay)}</p>" if about.replay else ""
    )


def _gaps(record: RunRecord) -> Iterator[str]:
    """One sentence per cause; unfolded where nothing else decides the verdict."""
    gaps = causes(record, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED)
    open_ = gaps[:_CAUSES] if record.verdict is Verdict.INCONCLUSIVE else ()
    for gap in open_:
        yield f"{_named(gap)}: {text(gap.reason)} ({text(ids(gap))})"
    if rest := gaps[len(open_) :]:
        items = [
            f"{_named(gap)}: {inline(gap.reason)} ({inline(', '.join(gap.ids))})" for gap in rest[:_FOLDED]
        ]
        number = sum(len(gap.ids) for gap in rest)
        yield fold(f"Not proven: {counted(number, 'requirement')}", items, len(rest) - _FOLDED)


def _depths(record: RunRecord) -> Iterator[str]:
    items = [
        f"{inline(result.requirement.id)} {result.requirement.level}: "
        f"{inline(depth.sentence(found, record.target.api))}"
        for result, found in depth.every(record)
    ]
    if items:
        yield fold(f"Not tested in full: {counted(len(items), 'requirement')}", items)


def _named(gap: Gap) -> str:
    return f"{_ICONS[gap.outcome]} {explain.OUTCOMES[gap.outcome]}"


def _warnings(record: RunRecord) -> Iterator[str]:
    warnings = explain.warnings(record)
    if warnings:
        names = ", ".join(dict.fromkeys(one.requirement.id for one in warnings[:_FOLDED]))
        items = [_folded(record, one) for one in warnings[:_FOLDED]]
        yield fold(f"⚠️ {counted(len(warnings), 'warning')}: {names}", items, len(warnings) - _FOLDED)


def _waivers(record: RunRecord) -> Iterator[str]:
    sentences = explain.waivers(record)
    if sentences:
        yield fold(
            counted(len(sentences), "waiver"),
            [inline(one) for one in sentences[:_FOLDED]],
            len(sentences) - _FOLDED,
        )


def _requirements(record: RunRecord) -> Iterator[str]:
    items = []
    for result in record.requirements:
        requirement = result.requirement
        waived = " (waived)" if record.waived(requirement.id) else ""
        items.append(
            f"{_ICONS[result.outcome]}{waived} {inline(requirement.id)} {requirement.level} {inline(requirement.title)}"
        )
    yield fold("All requirements", items)


def _notes(record: RunRecord) -> Iterator[str]:
    unreached = explain.unreached(record)
    notes = [inline(unreached, 1500)] if unreached else []
    notes += [inline(note) for note in record.notes[:_FOLDED]]
    if notes:
        yield fold(counted(len(notes), "note"), notes, len(record.notes) - _FOLDED)


def fold(title: str, items: Sequence[str], left_out: int = 0) -> str:
    """A fold with a list in it, in one line; the title and the items are HTML."""
    more = [f"… and {left_out} more: see report.html"] if left_out > 0 else []
    return f"<details><summary>{title}</summary>{_list([*items, *more])}</details>"


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{one}</li>" for one in items) + "</ul>"


def inline(value: str, limit: int = 500) -> str:
    """`value` as text in a line of HTML, in which it means only itself."""
    return _broken(html.escape(line(value, limit), quote=False))


def block(value: str, *, newlines: bool = False) -> str:
    """`value` as code in a line of HTML; its line feeds are entities, so that the line stays one."""
    tag = "" if newlines else "code"
    escaped = (
        html.escape(visible(value, newlines=newlines), quote=False)
        .replace("$", "&#36;")
        .replace("\n", "&#10;")
    )
    return f"<{tag}>{escaped}</{tag}>" if tag else escaped


def _broken(escaped: str) -> str:
    """Breaks up mentions, issue numbers, formulas and addresses, which are found in HTML, too."""
    shown = escaped.replace("@", "@\u2060").replace("$", "&#36;").replace("://", ":\u2060//")
    shown = re.sub(r"(?<!&)#", "#\u2060", re.sub(r"\bwww\.", "www\u2060.", shown))
    # Whatever reads Markdown in HTML, too.
    return _spaced(shown).replace("[", "&#91;").replace("*", "&#42;").replace("`", "&#96;")


def _spaced(escaped: str) -> str:
    """Keeps each of several blanks in a row, which HTML shows as one."""
    return re.sub(" {2,}", lambda found: " " + "&nbsp;" * (len(found[0]) - 1), escaped)


def text(value: str, limit: int = 500) -> str:
    """`value` as one line of Markdown that means only itself, table cells included."""
    escaped = re.sub(r"([\\`*_\[\]<>&#|~@:!$]|(?<=www)\.)", r"\\\1", line(value, limit))
    # A mention and an issue number are found after unescaping; entities and a word joiner break them up.
    return _spaced(
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


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall("`+", value)), default=0)
