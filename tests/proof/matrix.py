"""The detection matrix, defect x requirement, as a table and as a picture."""

import json
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from conformance.catalogue import load
from conformance.model import Catalogue
from conformance.sandbox import Defect, list_defects
from tests.proof.told import figures

CELL, LEFT, TOP, MARGIN = 13, 330, 70, 10
COLOURS = {"failed": "#c0392b", "warned": "#e0a020", "error": "#7f3fbf"}


def write(catalogue: Catalogue, defects: Sequence[Defect], results: Mapping[str, Any], folder: Path) -> None:
    """`<api>.md` and `<api>.svg` in `folder`; `results` are the outcomes of each defect's run by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{catalogue.api}.md").write_text(table(catalogue, defects, results))
    (folder / f"{catalogue.api}.svg").write_text(picture(catalogue, defects, results))


def table(catalogue: Catalogue, defects: Sequence[Defect], results: Mapping[str, Any]) -> str:
    """A Markdown table with a row per defect: what it breaks, and every requirement that failed."""
    lines = [
        f"# Detection: {catalogue.api}",
        "",
        f"{len(defects)} defects of the sandbox, one at a time, and the requirements whose checks noticed:",
        "failed, or *warned*. The one that the defect breaks is **bold**.",
        "",
        "| defect | what it does | noticed by |",
        "|---|---|---|",
    ]
    for defect in defects:
        noticed = []
        for one, outcome in results[defect.id].items():
            if outcome in ("failed", "warned"):
                text = f"*{one}*" if outcome == "warned" else one
                noticed.append(f"**{text}**" if one == defect.breaks[0] else text)
        says = defect.says.replace("|", "\\|")
        lines.append(f"| {defect.id} | {says} | {' '.join(noticed) or 'nobody'} |")
    return "\n".join(lines) + "\n"


def picture(catalogue: Catalogue, defects: Sequence[Defect], results: Mapping[str, Any]) -> str:
    """A grid: red failed, amber warned, a ring around the requirement that the defect breaks."""
    requirements = [requirement.id for requirement in catalogue.requirements]
    width, height = LEFT + CELL * len(requirements) + MARGIN, TOP + CELL * len(defects) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"',
        f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="9">',
        f"<title>Detection of {len(defects)} defects of {catalogue.api}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="22" font-size="14" font-weight="bold">{catalogue.api}: defect x requirement</text>',
        f'<text x="{MARGIN}" y="40">red: failed, amber: warned, ring: the requirement that the defect breaks</text>',
    ]
    for column, one in enumerate(requirements):
        x = LEFT + column * CELL + CELL / 2
        parts.append(f'<text transform="translate({x + 3},{TOP - 4}) rotate(-90)">{one}</text>')
    for line, defect in enumerate(defects):
        y = TOP + line * CELL
        shade = "#f6f6f6" if line % 2 else "#ffffff"
        parts.append(f'<rect x="0" y="{y}" width="{width}" height="{CELL}" fill="{shade}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 9.5}" text-anchor="end">{escape(defect.id)}</text>')
        for column, one in enumerate(requirements):
            outcome = results[defect.id].get(one, "passed")
            x = LEFT + column * CELL
            if outcome in COLOURS:
                title = f"{defect.id}: {one} {outcome}"
                parts.append(
                    f'<rect x="{x + 2}" y="{y + 2}" width="{CELL - 4}" height="{CELL - 4}" '
                    f'fill="{COLOURS[outcome]}"><title>{escape(title)}</title></rect>'
                )
            if one == defect.breaks[0]:
                parts.append(
                    f'<rect x="{x + 0.75}" y="{y + 0.75}" width="{CELL - 1.5}" height="{CELL - 1.5}" '
                    f'fill="none" stroke="#1a1a1a" stroke-width="1.2"/>'
                )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """`python -m tests.proof.matrix API RESULTS FOLDER`: draws what `prove` found.

    Of a full run it also prints what reports tell first.
    """
    api, found, folder = sys.argv[1:]
    defective = [one for one in json.loads(Path(found).read_text()) if one["kind"] == "defect"]
    results = {one["id"]: one["outcomes"] for one in defective}
    if all("headlines" in one for one in defective):
        sys.stdout.write(figures(defective))
    write(load(api), [defect for defect in list_defects(api) if defect.id in results], results, Path(folder))


if __name__ == "__main__":
    main()
