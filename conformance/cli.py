"""The commands: thin, each one a call into the room that does the work."""

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from conformance import __version__
from conformance.errors import ConformanceError

# Rooms are imported by the commands that need them: `--help` and `catalogue` shouldn't wait for pytest and httpx.


def _guarded(command: Callable[..., int | None]) -> Callable[..., None]:
    """Ends every command with its exit code; a fault becomes a sentence and a hint, never a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs) or 0
        except ConformanceError as fault:
            _complain(fault.message, fault.hint)
            code = fault.exit_code
        except KeyboardInterrupt:
            _complain("interrupted", "")
            code = 130
        except BrokenPipeError:
            # Whoever read our output has had enough (`| head`): nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except OSError as fault:
            _complain(str(fault), "Is there room on the disk, and may these files be read and written?")
            code = 4
        except Exception as fault:
            if os.environ.get("PAYOUT_CONFORMANCE_DEBUG"):
                raise
            _complain(
                f"the harness failed: {type(fault).__name__}: {fault}",
                "This is a defect of payout-conformance, not of the target; "
                "PAYOUT_CONFORMANCE_DEBUG=1 shows where. Please report it.",
            )
            code = 4
        sys.exit(code)

    return run


def _complain(message: str, hint: str) -> None:
    click.echo(f"{_style('error:', 'bad')} {message}", err=True)
    if hint:
        click.echo(f"       {hint}", err=True)


def _style(text: str, kind: str) -> str:
    if not _colour():
        return text
    colours: dict[str, dict[str, Any]] = {
        "good": {"fg": "green", "bold": True},
        "bad": {"fg": "red", "bold": True},
        "warn": {"fg": "yellow", "bold": True},
        "dim": {"dim": True},
        "bold": {"bold": True},
    }
    return click.style(text, **colours.get(kind, {}))


def _colour() -> bool:
    return sys.stdout.isatty() and sys.stderr.isatty() and not os.environ.get("NO_COLOR")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="payout-conformance")
def main() -> None:
    """Certifies implementations of two payout-cancellation APIs: withdraws and payout intents."""


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
            click.option("-n", "workers", type=click.IntRange(0, 16), default=0, metavar="WORKERS",
                         help="Checks run in so many processes."),
            click.option("--fail-on", type=click.Choice(["warning"]), help="Exit with 1 for a warning too."),
            click.option("--quiet", is_flag=True, help="Print only the verdict and where the report is."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@main.command()
@click.argument("profiles", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PROFILE...")
@_run_options
@click.option(
    "-k", "expression", metavar="EXPR", help="Only checks whose name matches; the rest is deselected."
)
@click.option(
    "--requirement", "requirements", multiple=True, metavar="ID", help="Only checks of this requirement."
)
@click.option("--allow-live", is_flag=True, help="Permit a profile whose environment is live.")
@_guarded
def run(profiles: tuple[Path, ...], **options: Any) -> int:
    """Certify the targets that the profiles name.

    Exit codes: 0 conformant, 1 non-conformant, 2 usage or profile error, 3 inconclusive, 4 the target was
    unreachable or the harness failed.
    """
    from conformance.runner import ready

    chosen = _options(**options)
    return _run_all([(ready(path, chosen), chosen) for path in profiles], **options)


@main.command()
@_run_options
@_guarded
def demo(**options: Any) -> int:
    """Certify both APIs against the embedded sandbox."""
    import tempfile

    from conformance.demo import profiles
    from conformance.runner import ready
    from conformance.sandbox import Sandbox

    chosen = _options(**options)
    with Sandbox() as sandbox, tempfile.TemporaryDirectory(prefix="payout-conformance-") as folder:
        written = profiles(sandbox.url, Path(folder), os.environ)
        return _run_all([(ready(path, chosen), chosen) for path in written], **options)


def _options(**given: Any) -> Any:
    from conformance.runner import Options

    return Options(
        output=given["output"],
        examples=0 if given["no_fuzz"] else given["fuzz_examples"],
        seed=given["seed"],
        workers=given["workers"],
        expression=given.get("expression"),
        requirements=tuple(given.get("requirements") or ()),
        allow_live=given.get("allow_live", False),
    )


def _run_all(ready: list[tuple[Any, Any]], *, quiet: bool, fail_on: str | None, **_: Any) -> int:
    from conformance.report.verdict import exit_code
    from conformance.runner import run as certify
    from conformance.runner import worst

    codes = []
    for profile, options in ready:
        bar = Bar(quiet=quiet)
        try:
            finished = certify(profile, options, bar.step)
        except ConformanceError as fault:
            bar.close()
            _complain(f"{profile.target.name}, {profile.target.api}: {fault.message}", fault.hint)
            codes.append(fault.exit_code)
            continue
        bar.close()
        _tell(finished.record, finished.folder / "report.html", quiet=quiet)
        codes.append(exit_code(finished.record, fail_on_warning=fail_on == "warning"))
        if finished.interrupted:
            break
    return worst(codes)


def _tell(record: Any, report: Path, *, quiet: bool) -> None:
    from conformance.report import explain, terminal

    shown = os.path.relpath(report) if report.is_relative_to(Path.cwd()) else str(report)
    if quiet:
        click.echo(f"{explain.sentence(record)}\n{shown}")
        return
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    click.echo(terminal.text(record, report=shown, style=_style, width=width), nl=False)


class Bar:
    """Progress: one line that moves on a terminal, one line per quarter elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._moving = sys.stderr.isatty()
        self._told = -1
        self._open = False

    def step(self, api: str, done: int, total: int) -> None:
        """`done` of `total` checks are finished."""
        if self._quiet or not total:
            return
        if self._moving:
            filled = 30 * done // total
            click.echo(
                f"\r{api} [{'#' * filled}{'.' * (30 - filled)}] {done}/{total} checks", nl=False, err=True
            )
            self._open = True
        elif done == 0 or done * 4 // total > self._told:
            self._told = done * 4 // total
            click.echo(f"{api}: {done} of {total} checks", err=True)

    def close(self) -> None:
        """Leaves the line."""
        if self._open:
            click.echo("\r" + " " * 70 + "\r", nl=False, err=True)
            self._open = False


@main.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8700, show_default=True, help="0 takes a free one."
)
@click.option("--defect", "defects", multiple=True, metavar="ID", help="Switch a defect on; may be repeated.")
@click.option("--list-defects", is_flag=True, help="List the defects and what each breaks.")
@_guarded
def sandbox(port: int, defects: tuple[str, ...], list_defects: bool) -> int | None:
    """Serve the reference implementation of both APIs, to play with."""
    from conformance import sandbox as room
    from conformance.demo import guide
    from conformance.errors import UsageError

    if list_defects:
        for one in room.list_defects():
            click.echo(f"{_style(one.id, 'bold')}  breaks {', '.join(one.breaks)}\n    {one.says}")
        return 0
    try:
        room.serve_forever(port, defects, on_ready=lambda url: click.echo(guide(url, defects)))
    except OSError as fault:
        raise UsageError(
            f"the sandbox can't listen on port {port}: {fault.strerror}",
            hint="Name another with --port; 0 is free.",
        ) from fault
    except ValueError as fault:
        raise UsageError(str(fault), hint="--list-defects names them all.") from fault
    return 0


@main.command()
@click.argument("requirement", required=False, metavar="[ID]")
@click.option("--api", help="Only this API.")
@_guarded
def catalogue(requirement: str | None, api: str | None) -> int:
    """List the requirements; with an ID, show one in full."""
    from conformance import catalogue as catalogues
    from conformance.catalogue_text import listing, one_in_full
    from conformance.errors import UsageError

    if api is not None and api not in catalogues.apis():
        raise UsageError(f"there is no API {api}", hint=f"There are {' and '.join(catalogues.apis())}.")
    if requirement is None:
        click.echo(
            listing([catalogues.load(one) for one in ([api] if api else catalogues.apis())], _style), nl=False
        )
    else:
        click.echo(one_in_full(requirement.upper(), _style), nl=False)
    return 0


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@_guarded
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
    _tell(found, folder.resolve() / "report.html", quiet=False)
    return exit_code(found)
