"""`registry`: verifies the certificates in a folder and writes a static site about them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from conformance.cli.terminal import guarded, shown, style


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option("--output", "site", type=click.Path(path_type=Path), required=True, metavar="SITE",
              help="The folder of the site.")  # fmt: skip
@click.option("--summary", type=click.Path(path_type=Path), metavar="FILE",
              help="Write what is new as Markdown, for a comment on a pull request.")  # fmt: skip
@click.option("--at", metavar="TIME", help="As it stood then, such as 2026-03-31 or 2026-03-31T12:00:00Z.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N",
              help="Verify in so many processes.  [default: one per core]")  # fmt: skip
@guarded
def registry(folder: Path, site: Path, summary: Path | None, at: str | None, jobs: int | None) -> int:
    """Verify every certificate in FOLDER again, and write a static site about them.

    FOLDER holds a folder per implementation, with a certificate.json and its run's files, or several such folders,
    and keys: keys/NAME.pub.pem (or keys/NAME/*.pem) may sign for the folder NAME, keys/witnesses/*.pem are those of
    witnesses. The site opens from disk and loads nothing.

    Exit codes: 1 where a certificate is newly refused, 0 otherwise, 2 for a wrong command line. Newly refused is what
    SITE's registry.json, from an earlier call, doesn't show as refused under the same path with the same content;
    without that file, everything that is refused is. An expired certificate is not refused, and neither is one of a
    non-conformant run: both are shown as what they are.
    """
    from conformance.cli.certificates import moment_of
    from conformance.registry import site as pages
    from conformance.registry import summary as texts
    from conformance.registry.build import build
    from conformance.report.codec import replace_file

    found = build(folder, site, at=datetime.now(UTC) if at is None else moment_of(at), jobs=jobs)
    page = pages.write(found, folder, site)
    if summary is not None:
        replace_file(summary, texts.markdown(found))
    _tell(found)
    click.echo(f"Site: {shown(page)}")
    return 1 if found.newly_refused() else 0


def _tell(found: Any) -> None:
    """Prints a line per row of the table."""
    from conformance.registry import site as pages
    from conformance.registry.entry import ATTESTED
    from conformance.report.safe import counted, inert, line

    kinds = {"conformant": "good", "non_conformant": "bad", "refused": "bad"}
    for row in pages.rows(found):
        name = line(row.implementation.name, 80)
        word = style(pages.STANDINGS[row.standing], kinds.get(row.standing, "warn"))
        claim = row.entry.claim if row.entry else None
        if claim is not None:
            date = f"run of {claim.finished_at[:10]}, expires {claim.expires_at[:10]}"
            click.echo(f"{name}  {claim.api}  {word}  {date}, {ATTESTED[claim.attested]}")
        for entry in row.refused:
            new = " (new)" if entry.new else ""
            click.echo(f"{name}  {word}{new}  {line(entry.path, 120)}: {inert(line(entry.reason))}")
    number = len(found.newly_refused())
    rest = f"; {counted(number, 'certificate')} newly refused" if number else ""
    implementations = counted(len(found.implementations), "implementation")
    click.echo(f"{implementations}, {counted(len(found.entries()), 'certificate')}{rest}")
