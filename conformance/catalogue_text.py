"""Renders the catalogue for a terminal."""

import textwrap
from collections.abc import Callable, Iterable

from conformance.catalogue import apis, load
from conformance.errors import UsageError
from conformance.model import Catalogue, Requirement

Style = Callable[[str, str], str]


def listing(catalogues: Iterable[Catalogue], style: Style) -> str:
    """Returns one line per requirement, grouped as in the catalogue."""
    lines: list[str] = []
    for catalogue in catalogues:
        counts = ", ".join(
            f"{sum(requirement.level == level for requirement in catalogue.requirements)} {level}"
            for level in ("MUST", "SHOULD", "MAY")
        )
        lines += [style(f"{catalogue.api}: {len(catalogue.requirements)} requirements ({counts})", "bold")]
        group = None
        for requirement in catalogue.requirements:
            if requirement.group != group:
                group = requirement.group
                lines += ["", f"  {group}"]
            lines.append(
                f"    {requirement.id}  {requirement.level:<6}  {requirement.basis:<6}  {requirement.title}"
            )
        lines += ["", "  Not observable from outside"]
        lines += [f"    {requirement.id}  {requirement.title}" for requirement in catalogue.not_observable]
        lines.append("")
    return "\n".join(lines) + "\n"


def one_in_full(one: str, style: Style) -> str:
    """Returns the full text of one requirement. Raises UsageError for an id that no catalogue has."""
    from conformance import coverage
    from conformance.sandbox import list_defects

    for api in apis():
        catalogue = load(api)
        requirement = catalogue.by_id().get(one)
        if requirement is not None:
            return _full(
                requirement,
                style,
                coverage.checks(api).get(one, ()),
                [d for d in list_defects() if one in d.breaks],
            )
        hidden = next((item for item in catalogue.not_observable if item.id == one), None)
        if hidden is not None:
            text = [style(f"{hidden.id}  {hidden.title}", "bold"), "", *_wrapped(hidden.statement)]
            return (
                "\n".join(
                    [*text, "", f"section  {hidden.section}", *_wrapped(f"not tested: {hidden.reason}")]
                )
                + "\n"
            )
    raise UsageError(f"no catalogue has {one}", hint="payout-conformance catalogue lists all ids.")


def _full(
    requirement: Requirement, style: Style, checks: Iterable[tuple[str, str]], defects: list[object]
) -> str:
    lines = [
        style(f"{requirement.id}  {requirement.title}", "bold"),
        "",
        *_wrapped(requirement.statement),
        "",
    ]
    level = f"{requirement.level}" + (
        f", if the profile declares {requirement.capability}" if requirement.capability else ""
    )
    lines += [
        f"api       {requirement.api}",
        f"level     {level}",
        f"basis     {requirement.basis}",
        f"section   {requirement.section}",
        f"needs     {', '.join(requirement.needs) or 'nothing'}",
    ]
    if requirement.premise:
        lines += [
            "",
            *_wrapped("All other requirements presume it: where it fails, most of them fail with it."),
        ]
    if requirement.fairness:
        lines += ["", *_wrapped(f"Not scored: {requirement.fairness}")]
    lines += ["", "Checks"]
    lines += [f"  {one}\n      {says}" for one, says in checks] or [
        f"  none: {requirement.not_tested_reason or 'not covered'}"
    ]
    if defects:
        lines += ["", "Defects of the sandbox that prove them"]
        lines += [f"  {d.id}\n      {d.says}" for d in defects]  # type: ignore[attr-defined]
    lines += ["", "Reproduce", f"  payout-conformance run PROFILE --requirement {requirement.id}"]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), 100)
