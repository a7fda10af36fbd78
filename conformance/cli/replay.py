"""`replay`: sends a failing case of a finished run again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli.terminal import complain, guarded, style

if TYPE_CHECKING:
    from conformance.fuzz.replay import Replayed


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("check", metavar="CHECK")
@click.option(
    "--profile",
    "given",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The profile to use, where the run's own has moved or changed.",
)
@click.option("--allow-live", is_flag=True, help="Permit a profile whose environment is live.")
@guarded
def replay(folder: Path, check: str, given: Path | None, *, allow_live: bool) -> int:
    """Send the case that failed the fuzzing check CHECK of the run in the folder RUN again, on a fresh resource.

    CHECK is a check's id or a part of it. Exit codes: 0 it no longer fails, 1 it still fails, 2 usage or profile
    error, 3 it couldn't be tried, 4 the target was unreachable or the harness failed.
    """
    from conformance import profile, profile_copy
    from conformance.fuzz import check_ids
    from conformance.fuzz import replay as again

    kept = again.failing(folder, check)
    run = folder if folder.is_dir() else folder.parent
    loaded = profile.load(profile_copy.profile_path(run, given), allow_live=allow_live)
    if kept[0].check not in check_ids(loaded.target.api):
        complain(f"{kept[0].check} is no check of {loaded.target.api}", "Name the profile of this run's API.")
        return 2
    results = again.replay(loaded, kept)
    for number, one in enumerate(results, 1):
        _tell(one, number if len(results) > 1 else None)
    return _code(results)


def _tell(one: "Replayed", number: int | None) -> None:
    from conformance.report.safe import line, visible

    name = line(one.kept.check) + (f", case {number} ({line(one.kept.cause)})" if number else "")
    if one.fails is None:
        click.echo(f"{style('not tried', 'warn')}  {name}")
        click.echo(f"  why       {line(one.why, 500)}")
        return
    verdict = style("still fails", "bad") if one.fails else style("no longer fails", "good")
    click.echo(f"{verdict}  {name}{', now in another way' if one.other else ''}")
    click.echo(f"  expected  {line(one.expected, 500)}")
    if one.fails:
        click.echo(f"  before    {line(one.kept.observed, 500)}")
    click.echo(f"  observed  {line(one.observed, 500)}")
    click.echo("  repeat")
    for part in visible(one.curl, newlines=True).split("\n"):
        click.echo(f"    {part}")


def _code(results: Sequence["Replayed"]) -> int:
    """Returns 1 if any case still fails; otherwise 3 or 4 if any couldn't be tried; otherwise 0."""
    if any(one.fails for one in results):
        return 1
    untried = [one for one in results if one.fails is None]
    if any(one.unreachable for one in untried):
        return 4
    return 3 if untried else 0
