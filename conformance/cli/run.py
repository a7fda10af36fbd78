"""`run` and `demo`: certify targets."""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from conformance.cli import ci
from conformance.cli.terminal import Bar, complain, guarded, scrubbed, shown, tell
from conformance.errors import ConformanceError, UsageError

if TYPE_CHECKING:
    from conformance.report.several import Ended

# What may be given with --resume, beside the run: it changes nothing of its outcome.
_OF_RESUMED = ("resumed", "quiet", "as_json", "fail_on", "workers", "allow_live", "env_file", "wait_s")


@dataclass(frozen=True, slots=True)
class _Presentation:
    """The options that change the output of runs, and nothing of the runs themselves."""

    quiet: bool
    as_json: bool
    fail_on: str | None
    wait_s: float
    output: Path

    @classmethod
    def of(cls, **given: Any) -> Self:
        return cls(*(given[name] for name in ("quiet", "as_json", "fail_on", "wait_s", "output")))

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Tells what keeps every run from beginning, before it is raised."""
        try:
            yield
        except ConformanceError as fault:
            _end([_faulty("", "", fault)], self, exit_code=fault.exit_code)
            raise


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
            click.option("--json", "as_json", is_flag=True,
                         help="Print one object over all runs to standard output, and nothing else there."),
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
    how = _Presentation.of(**options)
    with how.faults():
        if resumed is not None:
            return _resume(profiles, resumed, how, **options)
        if not profiles:
            raise click.UsageError("Missing argument 'PROFILE...'.", click.get_current_context())
        from conformance.runner import ready

        chosen = _options(**options)
        prepared = [(ready(path, chosen), chosen) for path in profiles]
    return _run_all(prepared, how)


def _resume(profiles: tuple[Path, ...], folder: Path, how: _Presentation, **options: Any) -> int:
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
    return _told(jobs, how)


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
        return _run_all([(ready(path, chosen), chosen) for path in written], _Presentation.of(**options))


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


def _run_all(ready: list[tuple[Any, Any]], how: _Presentation) -> int:
    from conformance.runner import run as certify

    return _told([(profile, functools.partial(certify, profile, options)) for profile, options in ready], how)


def _told(jobs: Sequence[tuple[Any, Callable[..., Any]]], how: _Presentation) -> int:
    """Runs the jobs one after another, tells the verdict of each, and returns one exit code for all."""
    from conformance.runner import worst

    ended: list[Ended] = []
    folders = []
    for number, (profile, job) in enumerate(jobs, 1):
        if profile.is_live:
            click.echo(_at_stake(profile), err=True)
        target = profile.target
        bar = Bar(quiet=how.quiet)
        try:
            with ci.section(f"checks_{number}", f"Checks: {target.name}, {target.api}", folded=True):
                if how.wait_s:
                    from conformance.doctor.waiting import wait

                    wait(profile, how.wait_s)
                finished = job(bar.step)
        except ConformanceError as fault:
            bar.close()
            complain(f"{target.name}, {target.api}: {fault.message}", fault.hint)
            ended.append(_faulty(target.name, target.api, fault))
            continue
        bar.close()
        folders.append(finished.folder)
        ended.append(replace(_ended(finished, how), profile=shown(Path(profile.path).absolute())))
        if not how.as_json:
            told = ended[-1]
            with ci.section(f"report_{number}", told.title, folded=not told.exit_code):
                tell(finished.record, finished.folder / "report.html", quiet=how.quiet)
        if finished.interrupted:
            break
    code = worst([one.exit_code for one in ended])
    _end(ended, how, exit_code=code, report=_overview(ended, folders, how) if len(jobs) > 1 else "")
    return code


def _ended(finished: Any, how: _Presentation) -> "Ended":
    from conformance.report.several import Ended
    from conformance.report.verdict import exit_code

    record, folder = finished.record, finished.folder
    code = exit_code(record, fail_on_warning=how.fail_on == "warning")
    return Ended(
        record.target.name, record.target.api, code, record, shown(folder), shown(folder / "report.html")
    )


def _faulty(name: str, api: str, fault: ConformanceError) -> "Ended":
    from conformance.report.several import Ended

    return Ended(name, api, fault.exit_code, fault=scrubbed(fault.message), hint=scrubbed(fault.hint))


def _overview(ended: "Sequence[Ended]", folders: Sequence[Path], how: _Presentation) -> str:
    """Puts several runs side by side, and returns the path of the page; empty where none came to a verdict."""
    from conformance.runner import together

    if not folders:
        return ""
    page = shown(together(ended, folders, how.output))
    if not how.as_json:
        click.echo(page if how.quiet else f"Overview: {page}")
    return page


def _end(ended: "Sequence[Ended]", how: _Presentation, *, exit_code: int, report: str = "") -> None:
    """Tells all runs together: to the CI server, and as one object."""
    report = report or next((one.report for one in ended if one.report), "")
    ci.tell(ended, exit_code=exit_code, report=report)
    ci.code_quality(ended, how.output)
    if how.as_json:
        from conformance.report import several

        click.echo(several.as_json(ended, exit_code=exit_code, report=report), nl=False)


def _at_stake(profile: Any) -> str:
    """Returns what a run does to a live environment, in a sentence or two."""
    from conformance import contracts
    from conformance.report.safe import inert, line

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
    return inert(
        f"LIVE: {line(profile.target.name)} is a live environment. The run may cancel, for good, {handed}; apart from "
        f"these it names only ids that it makes up. It sends at most {limits.max_requests} requests, "
        f"{limits.concurrency} at once{rate}."
    )
