"""How far a run went: what was exercised, and what a verdict therefore says nothing of."""

from collections.abc import Mapping
from typing import Any

from conformance.certificate.evidence import Run
from conformance.model import Outcome
from conformance.report.safe import counted, line

_TRIED = (Outcome.PASSED, Outcome.FAILED, Outcome.WARNED)
Json = dict[str, Any]


def extent(run: Run) -> Json:
    """The part `extent` of a statement, from a run; of the capabilities those that a requirement depends on."""
    record, inputs = run.record, run.inputs
    options, fuzz = record.options, record.fuzz
    states = {state for check in record.checks if check.outcome in _TRIED for _, state in check.resources}
    needed = {requirement.capability for requirement in run.catalogue.requirements}
    asked = options.get("requirements")
    return {
        "statesTried": sorted({line(state) for state in states} - {""}),
        "capabilities": {name: value for name, value in inputs.declared.items() if name in needed},
        "fuzzing": None
        if fuzz is None
        else {
            "examples": _count(fuzz.get("examples")),
            "requests": _count(fuzz.get("requests")),
            "endedEarly": line(str(fuzz.get("ended_early", ""))) not in ("", "no"),
            "idleChecks": _length(fuzz.get("idle_checks")),
        },
        "selection": {
            "expression": line(str(options.get("expression") or "")),
            "requirements": [line(str(one)) for one in asked] if isinstance(asked, list) else [],
        },
        "insist": options.get("insist") is True,
        "waivers": [
            {"requirement": one.requirement, "expires": line(one.expires), "reason": line(one.reason)}
            for one in record.waivers
        ],
        "notApplicable": _ids(run, Outcome.NOT_APPLICABLE),
    }


def not_exercised(extension: Mapping[str, Any]) -> list[str]:
    """Returns `sentences` of a certificate's own part, or that it doesn't say, as those of earlier versions."""
    if "extent" in extension:
        return sentences(extension["extent"])
    return ["The certificate doesn't say: an earlier version made it."]


def sentences(said: Mapping[str, Any]) -> list[str]:
    """Returns the sentences, for people, that say what was not exercised by the part `extent` of a statement."""
    fuzzing, selection = said["fuzzing"], said["selection"]
    found = []
    if selection["expression"] or selection["requirements"]:
        words = [selection["expression"], *selection["requirements"]]
        found.append(f"Only a part of the checks was asked for: {line(', '.join(filter(None, words)))}.")
    if fuzzing is None:
        found.append(
            "Nothing was fuzzed: no answer to a generated request was compared with the documented schemas."
        )
    else:
        early = ", ended before its last case" if fuzzing["endedEarly"] else ""
        idle = counted(fuzzing["idleChecks"], "check")
        found.append(
            f"Fuzzing: {counted(fuzzing['examples'], 'case')} per operation, "
            f"{counted(fuzzing['requests'], 'request')}{early}; nothing put {idle} to the test."
        )
    undeclared = [line(name) for name, value in said["capabilities"].items() if not value]
    if undeclared:
        found.append(f"Capabilities that weren't declared: {', '.join(undeclared)}.")
    if said["notApplicable"]:
        found.append(f"Not applicable: {', '.join(said['notApplicable'])}.")
    if said["insist"]:
        found.append(
            "--insist: the target refused the credentials or looked like another service, and was judged."
        )
    if said["waivers"]:
        found.append(f"Waived: {', '.join(one['requirement'] for one in said['waivers'])}.")
    return found


def _ids(run: Run, outcome: Outcome) -> list[str]:
    return [result.requirement.id for result in run.record.requirements if result.outcome is outcome]


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else 0
