"""Headlines, which the reports of a run tell first, and figures over many runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.model import RunRecord
from conformance.report import explain
from conformance.report.explain import Finding

GOAL_FIRST, GOAL_HEADLINES = 0.97, 1.3


def headlines(run: RunRecord) -> list[dict[str, Any]]:
    """The headlines of a run in the order in which its reports show them."""
    told = [("problem", one) for one in explain.problems(run)]
    told += [("warning", one) for one in explain.warnings(run)]
    return [{"kind": kind, **_headline(one)} for kind, one in told]


def _headline(finding: Finding) -> dict[str, Any]:
    return {
        "requirement_id": finding.requirement.id,
        "title": finding.title,
        "named": bool(finding.fault),
        "check": finding.check.id,
        "more": [check.id for check in finding.more],
        "also": list(finding.also),
        "folded": [one.requirement.id for one in finding.folded],
        "expected": finding.expected,
        "observed": finding.observed,
        "hint": finding.hint,
        "worked": finding.worked,
    }


def figures(results: Sequence[Mapping[str, Any]]) -> str:
    """The two figures, and who misses them, as Markdown."""
    whole = len(results) or 1
    found = [
        (one, one["headlines"][0]["requirement_id"] if one["headlines"] else "nothing") for one in results
    ]
    main = sum(requirement_id == one["breaks"][0] for one, requirement_id in found)
    among = sum(requirement_id in one["breaks"] for one, requirement_id in found)
    number = sum(len(one["headlines"]) for one in results) / whole
    problems = sum(line["kind"] == "problem" for one in results for line in one["headlines"]) / whole
    first = (
        f"{len(results)} runs. The first headline belongs to the requirement that the defect breaks in "
        f"{main / whole:.1%} (to one of those that it breaks in {among / whole:.1%}; goal {GOAL_FIRST:.0%})."
    )
    many = (
        f"A run has {number:.2f} headlines (goal {GOAL_HEADLINES} at most): {problems:.2f} problems and "
        f"{number - problems:.2f} warnings."
    )
    pairs = [one for one in results if "+" in one["id"]]
    both = [one for one in pairs if all_told(one)]
    lines = [
        first,
        many,
        *([f"Of {len(pairs)} pairs of defects both are told in {len(both)}."] if pairs else []),
        "",
    ]
    for one, requirement_id in found:
        told = [
            f"{line['requirement_id']}{'' if line['kind'] == 'problem' else 'w'}" for line in one["headlines"]
        ]
        if requirement_id not in one["breaks"] or len(told) > 1:
            miss = (
                "MISS "
                if requirement_id not in one["breaks"]
                else "also "
                if requirement_id != one["breaks"][0]
                else "     "
            )
            lines.append(
                f"{miss}{one['id']}: breaks {' '.join(one['breaks'])}, told {' '.join(told) or 'nothing'}"
            )
    return "\n".join(lines) + "\n"


def all_told(one: Mapping[str, Any]) -> bool:
    """Returns whether each defect of a run has a headline of a requirement that it breaks."""
    found = {line["requirement_id"] for line in one["headlines"]}
    return all(found.intersection(breaks) for breaks in one["each"])


def titles(results: Sequence[Mapping[str, Any]]) -> str:
    """The first headline of each run; one that has the title of its requirement only is marked."""
    lines = []
    for one in results:
        for line in one["headlines"][:1]:
            mark = "" if line["named"] else " (TITLE OF THE REQUIREMENT)"
            lines += [
                f"{one['id']}: {line['requirement_id']} {line['title']}{mark}",
                f"    check     {line['check']}",
            ]
            lines += [
                f"    {name.ljust(9)} {line[name]}"
                for name in ("expected", "observed", "hint", "worked")
                if line[name]
            ]
            if line["folded"]:
                lines.append(f"    folded    {' '.join(line['folded'])}")
    return "\n".join(lines) + "\n"
