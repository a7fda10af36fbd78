"""Shared by the commands: exit codes, error messages, colours, progress, and the verdict of a run."""

import functools
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from conformance.cli import output
from conformance.errors import ConformanceError


def guarded(command: Callable[..., int | None]) -> Callable[..., None]:
    """Ends every command with its exit code; a fault becomes a sentence and a hint, never a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs) or 0
        except click.ClickException:
            raise  # click prints it, with the usage of the command
        except ConformanceError as fault:
            complain(fault.message, fault.hint)
            code = fault.exit_code
        except (KeyboardInterrupt, click.Abort):
            complain("interrupted", "")
            code = 130
        except OSError as fault:
            complain(str(fault), "Is there room on the disk, and may these files be read and written?")
            code = 4
        except Exception as fault:
            if os.environ.get("PAYOUT_CONFORMANCE_DEBUG"):
                # Raised, it would end the process with 1, the code of a non-conformant target.
                traceback.print_exc()
            complain(
                f"the harness failed: {type(fault).__name__}: {fault}",
                "This is a defect of payout-conformance, not of the target; "
                "PAYOUT_CONFORMANCE_DEBUG=1 shows where. Please report it.",
            )
            code = 4
        lost = output.lost()
        if lost is not None:
            complain(
                f"standard output can't be written: {lost.strerror}", "What was to be read there is lost."
            )
        sys.exit(code)

    return run


def product(text: str) -> None:
    """Prints the result of a command that gives no verdict. Raises OSError if the output is lost.

    A reader that closes the pipe early (`| head`) is no error.
    """
    click.echo(text, nl=False)
    fault = output.lost()
    if fault is not None:
        raise fault


def complain(message: str, hint: str) -> None:
    """Prints an error to stderr, and a hint below it: whatever a target or a file says in them is shown, not obeyed."""
    from conformance.report.safe import inert, visible

    for head, text in ((style("error:", "bad"), message), ("      ", hint)):
        if text:
            click.echo(f"{head} {inert(visible(scrubbed(text), newlines=True))}", err=True)


def scrubbed(text: str) -> str:
    """Returns a text without the secrets of the profiles that have been read."""
    redact = sys.modules.get("conformance.http.redact")
    # Else no profile has been used, and there is nothing to hide.
    return str(redact.scrubbed(text)) if redact is not None else text


def style(text: str, kind: str) -> str:
    """Returns a text in a colour: `kind` is good, bad, warn, dim or bold. Plain elsewhere than on a terminal."""
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


def tell(record: Any, report: Path, *, quiet: bool) -> None:
    """Prints the verdict of a run, and the path of its report."""
    from conformance.report import explain, terminal
    from conformance.report.safe import inert

    where = shown(report)
    if quiet:
        click.echo(f"{inert(explain.sentence(record))}\n{where}")
        return
    click.echo(terminal.text(record, report=where, style=style, width=width()), nl=False)


def shown(path: Path) -> str:
    """Returns a path relative to the current folder, if it is below it; else absolute."""
    try:
        return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    except OSError:
        return str(path)


def width() -> int:
    """Returns the width of text, in columns: the terminal's, but at most 120."""
    return min(shutil.get_terminal_size((100, 24)).columns, 120)


class Bar:
    """Shows progress: one line that moves on a terminal, one line per quarter elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._moving = sys.stderr.isatty()
        self._told = -1
        self._open = False

    def step(self, api: str, done: int, total: int) -> None:
        """Shows that `done` of `total` checks are finished."""
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
        """Clears the line."""
        if self._open:
            click.echo("\r" + " " * 70 + "\r", nl=False, err=True)
            self._open = False
