"""`replay`: performs a check of a finished run again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli.terminal import complain, guarded, style

if TYPE_CHECKING:
    from conformance.fuzz.replay import Replayed
    from conformance.runner.replay import Performed


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
    """Perform the check CHECK of the run in the folder RUN again, on fresh resources, signed anew.

    Of a check of the fuzzing, the case that failed is sent; any other is run by itself. CHECK is a check's id, as
    reports print it, or a part of it. Exit codes: 0 it no longer fails, 1 it still fails, 2 usage or profile
    error, 3 it couldn't be tried, 4 the target was unreachable or the harness failed.
    """
    from conformance import profile, profile_copy
    from conformance.fuzz import check_ids
    from conformance.fuzz import replay as again
    from conformance.report.safe import inert, line
    from conformance.runner import replay as by_hand

    run = folder if folder.is_dir() else folder.parent
    written = by_hand.written(run, check)
    kept = [] if written is not None else again.failing(folder, check)
    loaded = profile.load(profile_copy.profile_path(run, given), allow_live=allow_live)
    if written is not None:
        performed = by_hand.perform(loaded, written)
        _tell_written(performed)
        return _code([performed])
    if kept[0].check not in check_ids(loaded.target.api):
        complain(f"{kept[0].check} is no check of {loaded.target.api}", "Name the profile of this run's API.")
        return 2
    told = (
        f"A replay of {line(loaded.target.name)}, {line(kept[0].check)}: the requests of the run, sent anew."
    )
    click.echo(inert(told))
    results = again.replay(loaded, kept)
    for number, one in enumerate(results, 1):
        _tell(one, number if len(results) > 1 else None)
    return _code(results)


def _tell_written(one: "Performed") -> None:
    from conformance.report import explain

    after = one.after
    before = one.before.problem
    problem = None if after is None else after.problem
    _say(
        one.before.id,
        one.fails,
        expected=problem.expected if problem else before.expected if before else one.before.title,
        before=explain.said(one.before) if before is None else before.observed,
        observed=problem.observed if problem else "" if after is None else after.message,
        command=one.command if one.fails else "",
        why=one.why,
        fault="" if problem is None else problem.fault,
        held=before is None,
    )


def _tell(one: "Replayed", number: int | None) -> None:
    _say(
        one.kept.check + (f", case {number} ({one.kept.cause})" if number else ""),
        one.fails,
        other=one.other,
        expected=one.expected,
        before=one.kept.observed,
        observed=one.observed,
        command=one.curl,
        why=one.why,
        fault=one.fault,
        steps=one.steps,
    )


def _say(
    name: str,
    fails: bool | None,
    *,
    expected: str,
    before: str,
    observed: str,
    command: str,
    why: str,
    fault: str = "",
    other: bool = False,
    held: bool = False,
    steps: Sequence[str] = (),
) -> None:
    from conformance.report.safe import inert, line, visible

    def row(label: str, value: str) -> None:
        if value:
            click.echo(inert(f"  {label.ljust(10)}{line(value, 500)}"))

    if fails is None:
        click.echo(f"{style('not tried', 'warn')}  {line(name)}")
        row("why", why)
        _list(steps)
        return
    words = ("fails now", "passes") if held else ("still fails", "no longer fails")
    verdict = style(words[0], "bad") if fails else style(words[1], "good")
    click.echo(f"{verdict}  {line(name)}{', now in another way' if other else ''}")
    row("title", fault)
    row("expected", expected)
    row("before", before if fails else "")
    row("observed", observed)
    _list(steps)
    if command:
        click.echo("  repeat" + (f"  (the last of {len(steps)} requests)" if len(steps) > 1 else ""))
        for part in visible(command, newlines=True).split("\n"):
            click.echo(inert(f"    {part}"))


def _list(steps: Sequence[str]) -> None:
    """Lists the requests of this replay, each with the status of its answer; the last one decides."""
    from conformance.report.safe import inert, line

    for number, step in enumerate(steps, 1):
        mark = "  <- decides" if number == len(steps) > 1 else ""
        click.echo(inert(f"  {'sent' if number == 1 else '    '}      {number}. {line(step, 300)}{mark}"))


def _code(results: Sequence["Replayed | Performed"]) -> int:
    """Returns 1 if any case still fails; otherwise 3 or 4 if any couldn't be tried; otherwise 0."""
    if any(one.fails for one in results):
        return 1
    untried = [one for one in results if one.fails is None]
    if any(one.unreachable for one in untried):
        return 4
    return 3 if untried else 0
