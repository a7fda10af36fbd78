"""`run` and `demo`: certify targets."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from conformance.cli.terminal import Bar, complain, guarded, tell
from conformance.errors import ConformanceError, UsageError

# What may be given with --resume, beside the run: it changes nothing of its outcome.
_OF_RESUMED = ("resumed", "quiet", "fail_on", "workers", "allow_live", "env_file", "wait_s")


def _run_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option("--output", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
                         help="Where the run's folder goes."),
            click.option("--no-fuzz", is_flag=True, help="Leave the fuzzing out."),
            click.option("--fuzz-examples", type=click.IntRange(min=1), default=60, show_default=True, metavar="N",
                         help="Fuzzing cases per operation."),
            click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
                         help="The same seed sends the same fuzzing cases."),
            click.option("-n", "workers", type=click.IntRange(0, 16), metavar="WORKERS",
                         help="Checks run in so many processes.  [default: by the target's latency]"),
            click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS",
                         help="Wait so long for the target to give its first answer."),
            click.option("--watch", "watch_s", type=click.FloatRange(min=0), metavar="SECONDS",
                         help="So long after the last cancel, what was cancelled is looked at once more.  "
                              "[default: the profile's limits.watch_s, 10; a demo doesn't wait]"),
            click.option("--fail-on", type=click.Choice(["warning"]), help="Exit with 1 for a warning too."),
            click.option("--quiet", is_flag=True, help="Print only the verdict and where the report is."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("profiles", nargs=-1, type=click.Path(path_type=Path), metavar="PROFILE...")
@_run_options
@click.option(
    "-k", "expression", metavar="EXPR", help="Only checks whose name matches; the rest is deselected."
)
@click.option(
    "--requirement", "requirements", multiple=True, metavar="ID", help="Only checks of this requirement."
)
@click.option(
    "--waivers",
    "waivers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Failures of the requirements in this file are shown, and don't make the exit code 1.",
)
@click.option("--allow-live", is_flag=True, help="Permit a profile whose environment is live.")
@click.option(
    "--insist",
    is_flag=True,
    help="Judge the target even if it refuses the credentials or looks like another service.",
)
@click.option(
    "--fresh-ids", is_flag=True, help="Use ids of the profile's lists again that earlier runs have used."
)
@click.option(
    "--resume",
    "resumed",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was ended early, with its own options; no PROFILE.",
)
@guarded
def run(profiles: tuple[Path, ...], resumed: Path | None, **options: Any) -> int:
    """Certify the targets that the profiles name.

    Exit codes: 0 conformant, 1 non-conformant, 2 usage or profile error, 3 inconclusive, 4 the target was
    unreachable or the harness failed.
    """
    if resumed is not None:
        return _resume(profiles, resumed, **options)
    if not profiles:
        raise click.UsageError("Missing argument 'PROFILE...'.", click.get_current_context())
    from conformance.runner import ready

    chosen = _options(**options)
    return _run_all([(ready(path, chosen), chosen) for path in profiles], **options)


def _resume(
    profiles: tuple[Path, ...], folder: Path, *, quiet: bool, fail_on: str | None, **options: Any
) -> int:
    """Resumes one run. Options that could change its outcome can't be given: those of the run hold."""
    context = click.get_current_context()
    for one in context.command.params:
        name = str(one.name)
        source = context.get_parameter_source(name)
        given = bool(profiles) if name == "profiles" else source is not None and source.name == "COMMANDLINE"
        if given and name not in _OF_RESUMED:
            raise UsageError(
                f"{one.opts[0] if name != 'profiles' else 'PROFILE'} can't be given with --resume",
                hint="A run is resumed as it was begun: its own options hold.",
            )
    from conformance import runner

    found = runner.unfinished(folder, workers=options["workers"], allow_live=options["allow_live"])
    jobs = [(found.profile, lambda step: runner.finish(found, step))]
    return _told(jobs, quiet=quiet, fail_on=fail_on, wait_s=options["wait_s"])


@click.command()
@_run_options
@guarded
def demo(**options: Any) -> int:
    """Certify every API of the embedded sandbox against it."""
    import tempfile

    from conformance.demo import profiles
    from conformance.runner import ready
    from conformance.sandbox import Sandbox

    chosen = _options(**(options | {"watch_s": options["watch_s"] or 0.0}))
    with Sandbox() as sandbox, tempfile.TemporaryDirectory(prefix="payout-conformance-") as folder:
        written = profiles(sandbox.url, Path(folder), os.environ)
        return _run_all([(ready(path, chosen), chosen) for path in written], **options)


def _options(**given: Any) -> Any:
    from conformance import waivers
    from conformance.runner import Options

    return Options(
        output=given["output"],
        examples=0 if given["no_fuzz"] else given["fuzz_examples"],
        seed=given["seed"],
        workers=given["workers"],
        watch_s=given["watch_s"],
        expression=given.get("expression"),
        requirements=tuple(given.get("requirements") or ()),
        allow_live=given.get("allow_live", False),
        insist=given.get("insist", False),
        fresh_ids=given.get("fresh_ids", False),
        waivers=waivers.load(given["waivers"]) if given.get("waivers") else (),
    )


def _run_all(
    ready: list[tuple[Any, Any]], *, quiet: bool, fail_on: str | None, wait_s: float, **_: Any
) -> int:
    from conformance.runner import run as certify

    jobs = [(profile, functools.partial(certify, profile, options)) for profile, options in ready]
    return _told(jobs, quiet=quiet, fail_on=fail_on, wait_s=wait_s)


def _told(
    jobs: Sequence[tuple[Any, Callable[..., Any]]], *, quiet: bool, fail_on: str | None, wait_s: float
) -> int:
    """Runs the jobs one after another, prints the verdict of each, and returns one exit code for all."""
    from conformance.doctor.waiting import wait
    from conformance.report.verdict import exit_code
    from conformance.runner import worst

    codes = []
    for profile, job in jobs:
        if profile.is_live:
            click.echo(_at_stake(profile), err=True)
        if wait_s:
            wait(profile, wait_s)
        bar = Bar(quiet=quiet)
        try:
            finished = job(bar.step)
        except ConformanceError as fault:
            bar.close()
            complain(f"{profile.target.name}, {profile.target.api}: {fault.message}", fault.hint)
            codes.append(fault.exit_code)
            continue
        bar.close()
        tell(finished.record, finished.folder / "report.html", quiet=quiet)
        codes.append(exit_code(finished.record, fail_on_warning=fail_on == "warning"))
        if finished.interrupted:
            break
    return worst(codes)


def _at_stake(profile: Any) -> str:
    """Returns what a run does to a live environment, in a sentence or two."""
    from conformance import contracts

    nouns = f"{contracts.contract(profile.target.api).noun}s"
    states, limits = profile.states, profile.limits
    if states.ids is not None:
        number = sum(len(ids) for pool in states.ids.values() for ids in pool.values())
        handed = f"up to {number} {nouns} of [states.ids]"
    elif states.requests is not None:
        handed = f"the {nouns} that the run creates by [states.requests]"
    elif states.source is not None:
        handed = f"the {nouns} that its [states] make for the run"
    else:
        handed = f"none of its {nouns}, for [states] names no source of them"
    rate = f" and {limits.requests_per_second:g} a second" if limits.requests_per_second else ""
    return (
        f"LIVE: {profile.target.name} is a live environment. The run may cancel, for good, {handed}; apart from "
        f"these it names only ids that it makes up. It sends at most {limits.max_requests} requests, "
        f"{limits.concurrency} at once{rate}."
    )
