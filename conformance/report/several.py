"""Several runs as one: their summary in Markdown, the outcome as one object, and the annotations of a CI job.

Pure; no errors.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.model import RunRecord, Verdict
from conformance.report import codec, explain
from conformance.report.explain import Finding
from conformance.report.labelled_rows import title as headed
from conformance.report.safe import counted, inert, line
from conformance.report.summary import summary, text

# So many annotations of each level are kept by GitHub for a step; people read no more.
ANNOTATIONS = 10
# What a run without a verdict has in place of one.
NO_VERDICT = "error"
_WORST = (Verdict.NON_CONFORMANT.value, NO_VERDICT, Verdict.INCONCLUSIVE.value)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run of one profile ended. `record` is None where it came to no verdict; `fault` and `hint` say why.

    `folder`, `report` and `profile` are paths as they are told; the first two are empty without a record.
    """

    name: str
    api: str
    exit_code: int
    record: RunRecord | None = None
    folder: str = ""
    report: str = ""
    fault: str = ""
    hint: str = ""
    profile: str = ""

    @property
    def title(self) -> str:
        """Returns the result in one line."""
        return explain.sentence(self.record) if self.record else line(f"No verdict: {self.name} {self.fault}")

    @property
    def verdict(self) -> str:
        """Returns the verdict of the run; `error` without one."""
        return self.record.verdict.value if self.record else NO_VERDICT


def verdict(runs: Sequence[Ended]) -> str:
    """Returns the worst verdict of several runs, in the order of their exit codes."""
    found = {one.verdict for one in runs}
    return next((one for one in _WORST if one in found), Verdict.CONFORMANT.value if runs else NO_VERDICT)


def counts(runs: Sequence[Ended]) -> dict[str, int]:
    """Returns how many requirements ended in each outcome, over all runs."""
    total: Counter[str] = Counter()
    for one in runs:
        if one.record:
            total.update(one.record.counts())
    return dict(total)


def in_markdown(runs: Sequence[Ended]) -> str:
    """Returns the summary of one run, or a table of several with the summary of each below it."""
    told = [summary(one.record) if one.record else f"## 💥 {_faulty(one)}\n" for one in runs]
    if len(runs) < 2:
        return "".join(told)
    return "\n".join([*_table(runs), "", *told])


def _faulty(one: Ended) -> str:
    hint = f" {text(one.hint)}" if one.hint else ""
    return f"No verdict: {text(f'{one.name} {one.fault}'.strip())}{hint}"


def _table(runs: Sequence[Ended]) -> Iterator[str]:
    yield from ("| target | API | verdict | result |", "|---|---|---|---|")
    for one in runs:
        if one.record is None:
            yield f"| {text(one.name)} | {text(one.api)} | no verdict | {text(one.fault)} |"
            continue
        target = one.record.target
        words, said = explain.verdict_in_words(one.record), explain.headline(one.record)
        yield f"| {text(target.name)} | {text(target.api)} | {text(words)} | {text(said)} |"


def as_json(runs: Sequence[Ended], *, exit_code: int, report: str) -> str:
    """Returns one object over all runs, in one text that ends in a line feed.

    Nothing in it is a command to a CI server that reads it in a job's log.
    """
    content = {
        "verdict": verdict(runs),
        "exit_code": exit_code,
        "report": report,
        "counts": counts(runs),
        "runs": [_run(one) for one in runs],
    }
    return codec.logged(content, indent=2) + "\n"


def _run(one: Ended) -> dict[str, Any]:
    run: dict[str, Any] = {
        "target": one.name,
        "api": one.api,
        "verdict": one.verdict,
        "exit_code": one.exit_code,
    }
    record = one.record
    if record is None:
        return {**run, "error": {"message": one.fault, "hint": one.hint}}
    target = record.target
    return {
        **run,
        "environment": target.environment,
        "base_url": target.base_url,
        "scope": dict(target.scope),
        "complete": record.complete,
        "sentence": explain.sentence(record),
        "counts": record.counts(),
        "folder": one.folder,
        "report": one.report,
        "problems": [_finding(record, found) for found in explain.problems(record)],
        "warnings": [_finding(record, found) for found in explain.warnings(record)],
    }


def _finding(record: RunRecord, found: Finding) -> dict[str, Any]:
    return {
        "requirement": found.requirement.id,
        "level": found.requirement.level.value,
        "also": list(found.also),
        "title": headed(found),
        "expected": found.expected,
        "observed": found.observed,
        "hint": found.hint,
        "checks": [check.id for check in found.checks],
        "waived": bool(explain.waived(record, found.check)),
    }


def code_quality(runs: Sequence[Ended]) -> str:
    """Returns the content of a Code Quality report of GitLab: one entry per problem and warning, at the profile."""
    entries = []
    for one in runs:
        if one.record is None:
            continue
        levels = (("critical", explain.problems(one.record)), ("minor", explain.warnings(one.record)))
        for severity, findings in levels:
            for found in findings:
                place = f"{one.profile}\n{found.requirement.id}\n{found.check.id}"
                entries.append(
                    {
                        "description": inert(line(": ".join(_told(one.record, found)), 500)),
                        "check_name": found.requirement.id,
                        "fingerprint": hashlib.sha256(place.encode()).hexdigest(),
                        "severity": "info" if explain.waived(one.record, found.check) else severity,
                        "location": {"path": one.profile, "lines": {"begin": 1}},
                    }
                )
    return codec.dumps(entries, indent=2) + "\n"


def annotations(runs: Sequence[Ended]) -> list[str]:
    """Returns at most ten workflow commands of GitHub Actions: faults and problems first, then warnings.

    A waived problem is a warning. The last of them says how many there were beyond.
    """
    found = sorted(_annotations(runs), key=lambda one: one[0] != "error")
    shown = found if len(found) <= ANNOTATIONS else found[: ANNOTATIONS - 1]
    told = [command(*one) for one in shown]
    if rest := found[len(shown) :]:
        said = f"{counted(len(rest), 'more finding')}: see the summary of the job"
        told.append(command(rest[0][0], "payout-conformance", said))
    return told


def _annotations(runs: Sequence[Ended]) -> Iterator[tuple[str, str, str]]:
    for one in runs:
        if one.record is None:
            yield "error", f"No verdict: {one.name}" if one.name else "No verdict", f"{one.fault}. {one.hint}"
            continue
        for found in explain.problems(one.record):
            waived = explain.waived(one.record, found.check)
            yield "warning" if waived else "error", *_told(one.record, found, waived=bool(waived))
        for found in explain.warnings(one.record):
            yield "warning", *_told(one.record, found)


def _told(record: RunRecord, found: Finding, *, waived: bool = False) -> tuple[str, str]:
    requirement = found.requirement
    title = f"{requirement.id} {requirement.level}{' (waived)' if waived else ''}, {record.target.name}"
    if found.fault:
        return title, f"{found.fault}. {requirement.title}"
    return title, f"{headed(found)}. Expected: {found.expected}; observed: {found.observed}"


def command(name: str, title: str, message: str) -> str:
    """Returns one line that GitHub Actions takes for a command; the texts can neither end it nor begin another."""
    shown = inert(line(message, 500)).replace("%", "%25")
    said = inert(line(title, 200)).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::{name} title={said}::{shown}"
