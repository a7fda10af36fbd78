"""`report`: everything that can be rendered from finished runs, offline."""

from pathlib import Path

import click

from conformance.cli.terminal import guarded, tell


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@guarded
def report(folder: Path) -> int:
    """Render every report again from the record in the folder RUN; works for a killed run too.

    Exit codes are those of the run.
    """
    from conformance.report import record as records
    from conformance.report import render
    from conformance.report.verdict import exit_code

    found = records.load(folder)
    folder = folder if folder.is_dir() else folder.parent
    render.write_all(found, folder)
    tell(found, folder.resolve() / "report.html", quiet=False)
    return exit_code(found)
