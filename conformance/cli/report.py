"""`report` and `compare`: render finished runs, offline."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from conformance.cli.terminal import guarded, shown, style, tell, width


@click.command()
@click.argument("folders", type=click.Path(path_type=Path), metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where overview.html goes (default: the folder that the runs have in common).",
)
@guarded
def report(folders: tuple[Path, ...], output: Path | None) -> int:
    """Render every report again from the records in the folders RUN; works for killed runs too.

    Several runs are also put side by side, in one page. Exit codes are those of the runs, the worst of several.
    """
    from conformance.report import record as records
    from conformance.report import render
    from conformance.report.verdict import exit_code

    # All are read before anything is written: a run that can't be read leaves the others as they were.
    read = {folder: records.load(folder) for folder in folders}
    runs = {(folder if folder.is_dir() else folder.parent).resolve(): found for folder, found in read.items()}
    unique, found = list(runs), list(runs.values())
    for record, folder in zip(found, unique, strict=True):
        render.write_all(record, folder)
        tell(record, folder / "report.html", quiet=False)
    if output is not None or len(found) > 1:
        page = render.overview(
            found, unique, output or Path(os.path.commonpath([one.parent for one in unique]))
        )
        click.echo(f"Overview: {shown(page)}")
    codes = [exit_code(record) for record in found]
    return next((code for code in (1, 4, 3) if code in codes), 0)


@click.command()
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json", "html"]),
    default="text",
    show_default=True,
    help="How to tell it.",
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@guarded
def compare(old: Path, new: Path, form: str, output: Path | None) -> int:
    """Say what changed from the run in the folder OLD to that in NEW: regressions, fixes, newly untested, waivers.

    Both have to be of the same API; the targets may differ. Exit codes: 0 nothing got worse, 1 a requirement got
    worse, or fails now and didn't, or fails and is no longer waived; 3 a requirement that has to hold is no longer
    tested; 2 the runs can't be compared. Failures that are waived in NEW are shown, and don't count.
    """
    from conformance.report import codec, compare_views
    from conformance.report import record as records
    from conformance.report.compare import compare as compared
    from conformance.report.safe import inert

    found = compared(records.load(old), records.load(new))
    at = Path.cwd() if output is None else output.resolve().parent
    links = [_link(folder, at) for folder in (old, new)]
    views: dict[str, Callable[[Any], str]] = {
        "markdown": compare_views.markdown,
        "json": compare_views.as_json,
        "html": functools.partial(compare_views.html, links=links),
    }
    if form == "text" and output is None:
        told = compare_views.text(found, style=style, width=width())
    else:
        told = views.get(form, compare_views.text)(found)
    if output is None:
        click.echo(inert(told), nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        codec.replace_file(output, told)
        click.echo(f"{found.sentence}: {output}")
    return found.exit_code


def _link(run: Path, at: Path) -> str:
    """Returns the address of a run's report, relative to the folder `at`; empty where there is none."""
    page = (run if run.is_dir() else run.parent).resolve() / "report.html"
    try:
        return quote(Path(os.path.relpath(page, at)).as_posix()) if page.exists() else ""
    except ValueError:
        return ""
