"""JUnit XML in what Jenkins (xunit-plugin's junit-10.xsd) and GitLab have in common.

One suite per suite of checks, and one for the verdict. There is no element or attribute here that the stricter of
the two doesn't know: what a check is about stands in its `system-out`. GitLab drops a second case of one name.

Red for what keeps the run from being conformant, and only for that: `failed` is a failure; an `error` or
`not_testable` that leaves a MUST unproven is an error; the rest is passed or skipped, with its reason. A
failure that is waived is skipped, with the waiver. The test case `verdict` makes the whole red wherever the run's
verdict is, unless all that fails is waived. Pure; no errors.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from conformance.model import Check, Level, Outcome, Requirement, RunRecord, Verdict
from conformance.report import explain
from conformance.report.explain import Finding
from conformance.report.safe import clipped, line, visible
from conformance.report.verdict import binding, exit_code

# GitLab takes 30 MB, and a page shows no more than this.
_TEXT = 20_000
_SKIPPED = (Outcome.NOT_APPLICABLE, Outcome.DESELECTED)
_UNPROVEN = (Outcome.NOT_TESTABLE, Outcome.ERROR)


def junit(record: RunRecord) -> str:
    """The content of `junit.xml`, declaration included; every character in it is legal in XML 1.0."""
    findings = explain.by_check(record)
    rows = {result.requirement.id: result.requirement for result in record.requirements}
    suites: dict[str, list[ET.Element]] = {"verdict": [_verdict(record)]}
    for check in record.checks:
        suites.setdefault(check.suite, []).append(_case(record, check, rows, findings.get(check.id)))
    if unchecked := _unchecked(record):
        suites["requirements without a check"] = unchecked

    root = ET.Element("testsuites", name=visible(explain.title(record.target)))
    for name, cases in suites.items():
        root.append(_suite(record, name, cases))
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(record: RunRecord, name: str, cases: list[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=visible(name), timestamp=visible(record.started_at))
    suite.set("tests", str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    if name == "verdict":
        holder = ET.SubElement(suite, "properties")
        for key, value in _properties(record):
            ET.SubElement(holder, "property", name=key, value=visible(str(value)))
    suite.extend(cases)
    return suite


def _verdict(record: RunRecord) -> ET.Element:
    case = ET.Element("testcase", classname="verdict", name="verdict", time="0.000")
    text = explain.sentence(record)
    if record.verdict is Verdict.NON_CONFORMANT and exit_code(record) != 1:
        # Every failure is waived: not red, and not passed either.
        _add(case, "skipped", " ".join((text, *explain.waivers(record))), "")
    elif record.verdict is Verdict.NON_CONFORMANT:
        _add(case, "failure", text, "", type="non_conformant")
    elif record.verdict is Verdict.INCONCLUSIVE:
        _add(case, "error", text, "", type="inconclusive")
    else:
        ET.SubElement(case, "system-out").text = visible(text)
    return case


def _case(
    record: RunRecord, check: Check, rows: dict[str, Requirement], finding: Finding | None
) -> ET.Element:
    case = ET.Element("testcase", classname=visible(check.suite), name=visible(check.id))
    case.set("time", f"{check.duration_s:.3f}")
    named = [rows[name] for name in check.requirements if name in rows]
    about = [f"{row.id} {row.level}: {row.title}" for row in named]
    weighs = any(row.level is not Level.SHOULD and binding(check, row) for row in named)
    waived = explain.waived(record, check) if check.outcome is Outcome.FAILED else ()
    if waived:
        said = "; ".join(f"{one.requirement} {explain.waiver(one)}" for one in waived)
        _add(case, "skipped", f"failed, {said}", "")
        about = [_long(record, check, finding), "", *about]
    elif check.outcome is Outcome.FAILED:
        _add(case, "failure", _short(check, finding), _long(record, check, finding), type="failed")
    elif check.outcome in _UNPROVEN and weighs:
        _add(case, "error", check.message, "", type=check.outcome.value)
    elif check.outcome in (*_UNPROVEN, *_SKIPPED):
        _add(case, "skipped", f"{explain.OUTCOMES[check.outcome]}: {check.message}", "")
    elif check.outcome is Outcome.WARNED:
        about = [f"Warning: {line(_short(check, finding))}", "", _long(record, check, finding), "", *about]
    ET.SubElement(case, "system-out").text = visible("\n".join(about), newlines=True)
    return case


def _unchecked(record: RunRecord) -> list[ET.Element]:
    """A test case for each requirement that no check of the run speaks of, so that none goes missing."""
    cases = []
    for result in record.requirements:
        if result.checks:
            continue
        row = result.requirement
        name = f"{row.id} {row.title}"
        case = ET.Element("testcase", classname="requirements", name=visible(name), time="0.000")
        red = result.outcome in _UNPROVEN and explain.counted_as_unproven(result)
        _add(case, "error" if red else "skipped", f"{explain.OUTCOMES[result.outcome]}: {result.reason}", "")
        cases.append(case)
    return cases


def _short(check: Check, finding: Finding | None) -> str:
    return f"{finding.requirement.id}: {explain.said(check)}" if finding else explain.said(check)


def _long(record: RunRecord, check: Check, finding: Finding | None) -> str:
    """Everything that mends a failure; the request is that of the check which the finding is shown by."""
    if finding is None or check.problem is None:
        return clipped(check.message, _TEXT)
    row, problem = finding.requirement, check.problem
    parts = [
        f"{row.id} {row.level}: {row.title}",
        f"asks:     {row.statement} ({row.section})",
        f"expected: {clipped(problem.expected, _TEXT)}",
        f"observed: {clipped(problem.observed, _TEXT)}",
    ]
    parts += [f"hint:     {clipped(problem.hint, _TEXT)}"] if problem.hint else []
    parts += [f"note:     {remark}" for remark in finding.remarks if check is finding.check]
    index = check.shown_by
    if index is not None:
        exchange = record.exchanges[index]
        parts += [f"signed:   {clipped(exchange.signed, _TEXT)}"] if exchange.signed is not None else []
        command = explain.command(record, index)
        long = f"# {len(command)} characters long: see entry {index} of exchanges.har"
        parts += ["repeat:", command if len(command) <= _TEXT else long]
    return "\n".join(parts)


def _properties(record: RunRecord) -> Iterator[tuple[str, object]]:
    yield from {"verdict": record.verdict, "complete": str(record.complete).lower()}.items()
    target = record.target
    yield from {"target": target.name, "api": target.api, "base_url": target.base_url}.items()
    yield from {"environment": target.environment, "harness": record.harness_version}.items()
    yield "catalogue", f"{record.catalogue_revision} {record.catalogue_digest}"
    yield "seed", record.seed


def _add(case: ET.Element, tag: str, message: str, text: str, **attributes: str) -> None:
    element = ET.SubElement(case, tag, {"message": line(message, 600), **attributes})
    element.text = visible(text, newlines=True) or None
