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
            f"{sum(row.level == level for row in catalogue.requirements)} {level}"
            for level in ("MUST", "SHOULD", "MAY")
        )
        lines += [style(f"{catalogue.api}: {len(catalogue.requirements)} requirements ({counts})", "bold")]
        group = None
        for row in catalogue.requirements:
            if row.group != group:
                group = row.group
                lines += ["", f"  {group}"]
            lines.append(f"    {row.id}  {row.level:<6}  {row.basis:<6}  {row.title}")
        lines += ["", "  Not observable from outside"]
        lines += [f"    {row.id}  {row.title}" for row in catalogue.not_observable]
        lines.append("")
    return "\n".join(lines) + "\n"


def one_in_full(one: str, style: Style) -> str:
    """Returns the full text of one requirement. Raises UsageError for an id that no catalogue has."""
    from conformance import coverage
    from conformance.sandbox import list_defects

    for api in apis():
        catalogue = load(api)
        row = catalogue.by_id().get(one)
        if row is not None:
            return _full(
                row, style, coverage.checks(api).get(one, ()), [d for d in list_defects() if one in d.breaks]
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


def _full(row: Requirement, style: Style, checks: Iterable[tuple[str, str]], defects: list[object]) -> str:
    lines = [style(f"{row.id}  {row.title}", "bold"), "", *_wrapped(row.statement), ""]
    level = f"{row.level}" + (f", if the profile declares {row.capability}" if row.capability else "")
    lines += [
        f"api       {row.api}",
        f"level     {level}",
        f"basis     {row.basis}",
        f"section   {row.section}",
        f"needs     {', '.join(row.needs) or 'nothing'}",
    ]
    if row.premise:
        lines += [
            "",
            *_wrapped("All other requirements presume it: where it fails, most of them fail with it."),
        ]
    if row.fairness:
        lines += ["", *_wrapped(f"Not scored: {row.fairness}")]
    lines += ["", "Checks"]
    lines += [f"  {one}\n      {says}" for one, says in checks] or [
        f"  none: {row.not_tested_reason or 'not covered'}"
    ]
    if defects:
        lines += ["", "Defects of the sandbox that prove them"]
        lines += [f"  {d.id}\n      {d.says}" for d in defects]  # type: ignore[attr-defined]
    lines += ["", "Reproduce", f"  payout-conformance run PROFILE --requirement {row.id}"]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), 100)
