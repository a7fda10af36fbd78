"""JUnit XML in what Jenkins (xunit-plugin's junit-10.xsd) and GitLab have in common.

One suite per suite of checks, and one for the verdict. There is no element or attribute here that the stricter of
the two doesn't know: what a check is about stands in its `system-out`. GitLab drops a second case of one name.

What is red is what `standing` says, as in Allure. Pure; no errors.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from conformance.model import Check, Outcome, Requirement, RunRecord
from conformance.report import ci_status, explain, script
from conformance.report.ci_status import Standing
from conformance.report.explain import Finding
from conformance.report.labelled_rows import of_check
from conformance.report.safe import clipped, line, visible

# GitLab takes 30 MB, and a page shows no more than this.
_TEXT = 20_000


def junit(record: RunRecord) -> str:
    """The content of `junit.xml`, declaration included; every character in it is legal in XML 1.0."""
    findings = explain.by_check(record)
    requirements = {result.requirement.id: result.requirement for result in record.requirements}
    suites: dict[str, list[ET.Element]] = {"verdict": [_verdict(record)]}
    for check in record.checks:
        suites.setdefault(check.suite, []).append(_case(record, check, requirements, findings.get(check.id)))
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
    match ci_status.of_verdict(record):
        case Standing.SKIPPED:
            # Every failure is waived: not red, and not passed either.
            _add(case, "skipped", " ".join((text, *explain.waivers(record))), "")
        case Standing.FAILED:
            _add(case, "failure", text, "", type="non_conformant")
        case Standing.ERROR:
            _add(case, "error", text, "", type="inconclusive")
        case _:
            ET.SubElement(case, "system-out").text = visible(text)
    return case


def _case(
    record: RunRecord, check: Check, requirements: dict[str, Requirement], finding: Finding | None
) -> ET.Element:
    case = ET.Element("testcase", classname=visible(check.suite), name=visible(check.id))
    case.set("time", f"{check.duration_s:.3f}")
    named = [requirements[name] for name in check.requirements if name in requirements]
    about = [f"{requirement.id} {requirement.level}: {requirement.title}" for requirement in named]
    result = ci_status.of_check(record, check, requirements)
    if result is Standing.SKIPPED and check.outcome is Outcome.FAILED:
        waived = explain.waived(record, check)
        said = "; ".join(f"{one.requirement} {explain.waiver(one)}" for one in waived)
        _add(case, "skipped", f"failed, {said}", "")
        about = [_long(record, check, finding), "", *about]
    elif result is Standing.FAILED:
        _add(case, "failure", _short(check, finding), _long(record, check, finding), type="failed")
    elif result is Standing.ERROR:
        _add(case, "error", check.message, "", type=check.outcome.value)
    elif result is Standing.SKIPPED:
        _add(case, "skipped", f"{explain.OUTCOMES[check.outcome]}: {check.message}", "")
    elif check.outcome is Outcome.WARNED:
        about = [f"Warning: {line(_short(check, finding))}", "", _long(record, check, finding), "", *about]
    ET.SubElement(case, "system-out").text = visible("\n".join(about), newlines=True)
    return case


def _unchecked(record: RunRecord) -> list[ET.Element]:
    """A test case for each requirement that no check of the run speaks of, so that none goes missing."""
    cases = []
    for result in ci_status.unchecked(record):
        requirement = result.requirement
        name = f"{requirement.id} {requirement.title}"
        case = ET.Element("testcase", classname="requirements", name=visible(name), time="0.000")
        tag = ci_status.of_requirement(result).value
        _add(case, tag, f"{explain.OUTCOMES[result.outcome]}: {result.reason}", "")
        cases.append(case)
    return cases


def _short(check: Check, finding: Finding | None) -> str:
    """Returns the fault of the target, the rule that it breaks, and what was seen."""
    if finding is None:
        return explain.said(check)
    fault = check.problem.fault if check.problem else ""
    said = f"{finding.requirement.id}: {explain.said(check)}"
    return f"{fault} ({said})" if fault else said


def _long(record: RunRecord, check: Check, finding: Finding | None) -> str:
    """Everything that mends a failure."""
    if finding is None or check.problem is None:
        return clipped(check.message, _TEXT)
    about = of_check(record, finding, check)
    parts = [about.title, *(f"{label + ':':<10}{clipped(value, _TEXT)}" for label, value in about.rows)]
    parts += [f"step:     {one}" for one in about.steps]
    parts.append(f"replay:   {about.replay}")
    if about.script:
        command = script.whole(record, about.script)
        long = f"# {len(command)} characters long: see exchanges.har"
        parts += [f"repeat:   {about.usage}".rstrip(), command if len(command) <= _TEXT else long]
    return "\n".join(parts)


def _properties(record: RunRecord) -> Iterator[tuple[str, object]]:
    yield from {"verdict": record.verdict, "complete": str(record.complete).lower()}.items()
    target = record.target
    yield from {"target": target.name, "api": target.api, "base_url": target.base_url}.items()
    yield from {f"scope.{name}": reason for name, reason in target.scope}.items()
    yield from {"environment": target.environment, "harness": record.harness_version}.items()
    yield "catalogue", f"{record.catalogue_revision} {record.catalogue_digest}"
    yield "seed", record.seed


def _add(case: ET.Element, tag: str, message: str, text: str, **attributes: str) -> None:
    element = ET.SubElement(case, tag, {"message": line(message, 600), **attributes})
    element.text = visible(text, newlines=True) or None
