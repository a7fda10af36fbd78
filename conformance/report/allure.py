"""`allure-results/`: every check of a run as Allure reads it, with `allurerc.json` beside it for Allure 3.

Red is what `standing` says, as in JUnit: failed, or broken where that says error. The verdict is a result of its own,
and so is each requirement without a check. A warning passes, as it does for the verdict, and is marked: its name, its
message, a label and a category of its own say so. What the target sent is made visible (`safe`), and only ever shown as
plain text.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from allure_commons.model2 import (
    Attachment,
    GlobalAttachment,
    GlobalError,
    Globals,
    Label,
    Link,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)
from attr import asdict

from conformance.model import Check, Exchange, Outcome, Requirement, RequirementResult, RunRecord, Verdict
from conformance.report import allure_setup, ci_status, codec, explain, summary, terminal
from conformance.report.allure_labels import labels, links, severity
from conformance.report.allure_setup import PREFIXES
from conformance.report.ci_status import Standing
from conformance.report.explain import Finding
from conformance.report.gaps import causes
from conformance.report.labelled_rows import of_check
from conformance.report.safe import counted, line, visible
from conformance.report.text import exchange_text
from conformance.report.verdict import binding

FOLDER = "allure-results"
CONFIG = "allurerc.json"
_STATUS = {
    Standing.PASSED: Status.PASSED,
    Standing.FAILED: Status.FAILED,
    Standing.ERROR: Status.BROKEN,
    Standing.SKIPPED: Status.SKIPPED,
}
# Where results stand that aren't those of a check.
_VERDICT, _UNCHECKED = allure_setup.VERDICT, "requirements without a check"
# How many exchanges of a check become steps: of one to mend, of any other. The HAR has them all.
_STEPS, _STEPS_OTHERWISE = 50, 10
_MESSAGE = 1000
# What others put there, Allure 2's history among them, outlives a new rendering.
_KEPT = ("history", allure_setup.EXECUTOR)


def write(record: RunRecord, folder: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """Writes `allure-results/` and `allurerc.json` into the run's `folder`; returns where both are, by name.

    The results are replaced as a whole, so that nothing of an earlier rendering is left among them. `environ` tells
    which CI job this is; where it tells nothing, what an earlier rendering knew of it stays. Raises OSError.
    """
    results = folder / FOLDER
    fresh, old = folder / f".{FOLDER}.new", folder / f".{FOLDER}.old"
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        # An exchange that several checks share comes several times; to write a file again costs a disk access.
        for name, text in dict(files(record, environ)).items():
            (fresh / name).write_text(text, encoding="utf-8", newline="\n")
        for name in _KEPT:
            if (results / name).exists() and not (fresh / name).exists():
                (results / name).replace(fresh / name)
        if results.exists():
            results.replace(old)
        fresh.replace(results)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    config = codec.replace_file(folder / CONFIG, codec.dumps(allure_setup.config(record), indent=2) + "\n")
    return {FOLDER: results, CONFIG: config}


def files(record: RunRecord, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and content of every file of `allure-results/`; the same record always gives the same ones."""
    yield from allure_setup.files(record, environ)
    yield from _globals(record)
    run = _Run(record)
    yield from run.verdict()
    for check in record.checks:
        yield from run.check(check)
    for result in ci_status.unchecked(record):
        yield from run.unchecked(result)


class _Run:
    """Renders the checks of one record."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._requirements = {result.requirement.id: result.requirement for result in record.requirements}
        self._findings = explain.by_check(record)
        self._prefix = _prefix(record)
        self._seen: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def _text_of(self, index: int) -> str:
        """Returns an exchange as text; several checks share one."""
        if index not in self._texts:
            self._texts[index] = exchange_text(self._record.exchanges[index])
        return self._texts[index]

    def check(self, check: Check) -> Iterator[tuple[str, str]]:
        """The result of one check, and the attachments that it names."""
        target, requirements = self._record.target, [self._requirements[name] for name in check.requirements]
        base, case = _parts(check.id)
        parameters = [Parameter(name="case", value=visible(case))] if case else []
        # Equal ids would be taken for retries of one test.
        again = self._seen[check.id] = self._seen.get(check.id, 0) + 1
        parameters += [Parameter(name="occurrence", value=str(again))] if again > 1 else []
        identity = (target.api, target.name, base)
        name = visible(check.title.removesuffix(".") + (f" [{case}]" if case else ""))
        result = TestResult(
            uuid=_digest(self._prefix, check.id, str(again)),
            testCaseId=_digest(*identity),
            historyId=_digest(*identity, *(f"{one.name}={one.value}" for one in parameters)),
            fullName=visible(f"{target.api}::{check.id}"),
            name=f"⚠ {name}" if check.outcome is Outcome.WARNED else name,
            titlePath=[target.api, visible(check.suite)],
            status=self._status(check),
            statusDetails=self._details(check),
            description=_description(requirements),
            labels=self._labels(check, requirements),
            links=[Link(type="link", name=name, url=url) for name, url in links(requirements)],
            parameters=parameters,
            **_span(check),
        )
        if check.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE):
            source = f"{result.uuid}-attachment.txt"
            result.attachments.append(_text("Explanation", source))
            yield source, self._explanation(check, requirements)
        for step, written in self._steps(check):
            result.steps.append(step)
            yield from written
        yield f"{result.uuid}-result.json", _json(result)

    def verdict(self) -> Iterator[tuple[str, str]]:
        """A result for the run as a whole: without it, a run that proves nothing would look green."""
        record = self._record
        result = self._beside(_VERDICT, "Verdict", _STATUS[ci_status.of_verdict(record)])
        result.statusDetails = StatusDetails(
            message=explain.sentence(record), trace="\n".join(_missing(record))
        )
        result.labels += [Label(name="severity", value="blocker"), Label(name="outcome", value=_VERDICT)]
        yield f"{result.uuid}-result.json", _json(result)

    def unchecked(self, unchecked: RequirementResult) -> Iterator[tuple[str, str]]:
        """A result for a requirement that no check of the run speaks of."""
        about = unchecked.requirement
        name = visible(f"{about.id} {about.title}")
        result = self._beside(_UNCHECKED, name, _STATUS[ci_status.of_requirement(unchecked)])
        result.description = _description([about])
        result.labels.append(Label(name="outcome", value=explain.OUTCOMES[unchecked.outcome]))
        result.labels.append(Label(name="severity", value=severity([about], about.level)))
        message = f"{PREFIXES[unchecked.outcome]}{line(unchecked.reason, _MESSAGE)}"
        result.statusDetails = StatusDetails(message=message, trace=line(unchecked.reason, _MESSAGE))
        yield f"{result.uuid}-result.json", _json(result)

    def _beside(self, suite: str, name: str, status: str) -> TestResult:
        target = self._record.target
        began = _milliseconds(self._record.started_at)
        named = {
            "epic": target.api,
            "feature": suite,
            "parentSuite": line(explain.title(target)),
            "suite": suite,
            "target": line(target.name),
            "framework": "payout-conformance",
        }
        return TestResult(
            uuid=_digest(self._prefix, suite, name),
            testCaseId=_digest(target.api, target.name, suite, name),
            historyId=_digest(target.api, target.name, suite, name),
            fullName=f"{target.api}::{suite}::{name}",
            name=name,
            titlePath=[target.api, suite],
            status=status,
            labels=[Label(name=key, value=value) for key, value in named.items()],
            stage="finished",
            start=began,
            stop=began,
        )

    def _status(self, check: Check) -> str:
        return str(_STATUS[ci_status.of_check(self._record, check, self._requirements)])

    def _labels(self, check: Check, requirements: Sequence[Requirement]) -> list[Label]:
        named = labels(self._record.target.api, visible(check.suite), requirements, check.level)
        named["outcome"] = [explain.OUTCOMES[check.outcome]]
        named["target"] = [line(self._record.target.name)]
        named["parentSuite"] = [line(explain.title(self._record.target))]
        named["suite"] = [visible(check.suite)]
        named["framework"] = ["payout-conformance"]
        waived = explain.waived(self._record, check) if check.outcome is Outcome.FAILED else ()
        named["waiver"] = [line(explain.waiver(one)) for one in waived]
        return [Label(name=name, value=value) for name, values in named.items() for value in values]

    def _details(self, check: Check) -> StatusDetails | None:
        if check.outcome is Outcome.PASSED:
            return None
        finding = self._findings.get(check.id)
        about = f"{finding.requirement.id}: " if finding else ""
        message = f"{PREFIXES[check.outcome]}{about}{line(explain.said(check), _MESSAGE)}"
        return StatusDetails(message=message, trace=self._trace(check, finding))

    def _trace(self, check: Check, finding: Finding | None) -> str:
        problem = check.problem
        if problem is None or finding is None:
            return line(check.message, _MESSAGE)
        about = of_check(self._record, finding, check)
        parts = [about.title, *(f"{label + ':':<10}{line(value, _MESSAGE)}" for label, value in about.rows)]
        parts += [f"step:     {line(one, _MESSAGE)}" for one in about.steps]
        parts.append(f"replay:   {about.replay}")
        return visible("\n".join(parts), newlines=True)

    def _explanation(self, check: Check, requirements: Sequence[Requirement]) -> str:
        """All that mends it in one text: what is asked, what came, and the request to repeat."""
        finding = self._findings.get(check.id)
        parts = [self._trace(check, finding), ""]
        for requirement in requirements:
            weighs = "" if binding(check, requirement) else ", here as a soft part"
            parts.append(
                f"about {requirement.id} {requirement.level} ({explain.BASES[requirement.basis]}{weighs}): "
                f"{requirement.title}"
            )
        index = check.shown_by
        if index is not None:
            signed = self._record.exchanges[index].signed
            parts += ["", f"signed: {line(signed, _MESSAGE)}"] if signed is not None else []
            parts += ["", "repeat:", explain.command(self._record, index)]
        return visible("\n".join(parts), newlines=True) + "\n"

    def _steps(self, check: Check) -> Iterator[tuple[TestStepResult, list[tuple[str, str]]]]:
        """A step for each exchange, with what it attaches; the one that shows the problem bears its status."""
        sound = check.outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
        indices = list(check.exchanges[: _STEPS_OTHERWISE if sound else _STEPS])
        telling = None if sound else check.shown_by
        if telling is not None and telling not in indices:
            indices.append(telling)
        for number, index in enumerate(indices, 1):
            exchange = self._record.exchanges[index]
            source = f"{self._prefix}-{index}-attachment.txt"
            written = [(source, self._text_of(index))]
            attachments = [_text("Request and answer", source)]
            if not sound:
                repeat = f"{self._prefix}-{index}-curl-attachment.txt"
                written.append((repeat, visible(explain.command(self._record, index), newlines=True) + "\n"))
                attachments.append(_text("Repeat it (curl)", repeat))
            status = self._status(check) if index == telling else Status.PASSED
            name = f"{number}. {_head(exchange)}"
            step = TestStepResult(name=name, status=status, attachments=attachments, **_span(exchange))
            yield step, written
        left = len(set(check.exchanges) - set(indices))
        if left:
            yield TestStepResult(name=f"… and {counted(left, 'more exchange')}: see exchanges.har"), []


def _span(of: Check | Exchange) -> dict[str, Any]:
    """Returns when it began and ended, in milliseconds since the epoch; nothing where that can't be read."""
    start = _milliseconds(of.started_at)
    stop = None if start is None else start + round(of.duration_s * 1000)
    return {"stage": "finished", "start": start, "stop": stop}


def _globals(record: RunRecord) -> Iterator[tuple[str, str]]:
    """The verdict, for the first page: as an error of the whole wherever the run isn't conformant."""
    name = _prefix(record)
    source = f"{name}-verdict-attachment.txt"
    ended = _milliseconds(record.finished_at)
    shown = GlobalAttachment(name="Verdict", source=source, type="text/plain", timestamp=ended)
    everything = Globals(attachments=[shown])
    if record.verdict is not Verdict.CONFORMANT:
        trace = "\n".join(_missing(record))
        everything.errors.append(GlobalError(message=explain.sentence(record), trace=trace, timestamp=ended))
    yield f"{name}-globals.json", _json(everything)
    yield source, terminal.text(record, limit=20)


def _missing(record: RunRecord) -> list[str]:
    """A line for each cause that left requirements unproven."""
    gaps = causes(record, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED)
    return [
        f"{explain.OUTCOMES[gap.outcome]}: {', '.join(gap.ids)}: {line(gap.reason, _MESSAGE)}" for gap in gaps
    ]


def _description(requirements: Sequence[Requirement]) -> str:
    """Returns the requirements as Markdown, in which only our own marks have a meaning."""
    return "\n\n".join(
        f"**{summary.text(requirement.id)} {requirement.level}** {summary.text(requirement.title)}\n\n"
        f"{summary.text(requirement.statement, 2000)} ({summary.text(requirement.section)})"
        for requirement in requirements
    )


def _text(name: str, source: str) -> Attachment:
    return Attachment(name=name, source=source, type="text/plain")


def _head(exchange: Exchange) -> str:
    path = "/" + exchange.url.partition("://")[2].partition("/")[2]
    return line(f"{exchange.method} {path}: {explain.status_line(exchange)}")


def _parts(identity: str) -> tuple[str, str]:
    """Splits an id: `refused[late]` is the case `late` of `refused`."""
    base, bracket, case = identity.partition("[")
    return (base, case[:-1]) if bracket and case.endswith("]") else (identity, "")


def _prefix(record: RunRecord) -> str:
    """Tells the files of this run from those of others in one report."""
    return _digest(record.target.api, record.target.name, record.started_at, str(record.seed))


def _digest(*parts: str) -> str:
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def _milliseconds(instant: str | None) -> int | None:
    try:
        return None if instant is None else round(datetime.fromisoformat(instant).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _json(item: Any) -> str:
    """Returns the JSON that allure-python-commons writes, in ASCII."""
    content: dict[str, Any] = asdict(item, filter=lambda _, value: bool(value) or value is False)
    return json.dumps(content, ensure_ascii=True)
