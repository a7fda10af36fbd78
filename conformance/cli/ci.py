"""Tells the CI server of a job what came of its runs: summary, outputs and annotations of GitHub, sections of GitLab.

Outside of CI nothing of this does anything. A file of the CI server that can't be written is told, and changes no exit
code.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from conformance.report.several import Ended

CODE_QUALITY = "gl-code-quality-report.json"
# GitHub takes 1 MiB for the summary of a step, and shows none of it that is longer.
_SUMMARY = 1_000_000


def tell(runs: "Sequence[Ended]", *, exit_code: int, report: str) -> None:
    """Writes summary and outputs of a step of GitHub Actions, and prints annotations to standard error."""
    if not os.environ.get("GITHUB_ACTIONS"):
        return
    from conformance.report import several

    text = several.in_markdown(runs)
    if len(text.encode()) > _SUMMARY:
        text = text.encode()[:_SUMMARY].decode(errors="ignore").rpartition("\n")[0] + "\n"
    _append("GITHUB_STEP_SUMMARY", text)
    outputs = {
        "verdict": several.verdict(runs),
        "exit-code": str(exit_code),
        "report-path": _whole(report),
        "run-paths": "\n".join(_whole(one.folder) for one in runs if one.folder),
        "counts": json.dumps(several.counts(runs)),
    }
    _append("GITHUB_OUTPUT", _assignments(outputs))
    for one in several.annotations(runs):
        click.echo(one, err=True)


def code_quality(runs: "Sequence[Ended]", output: Path) -> None:
    """Writes a Code Quality report into the folder of reports, in a job of GitLab; it replaces an older one."""
    if not os.environ.get("GITLAB_CI") or not any(one.record for one in runs):
        return
    from conformance.report import codec, several

    codec.replace_file(output / CODE_QUALITY, several.code_quality(runs))


def _whole(path: str) -> str:
    """Returns the absolute path: other steps may have another current folder."""
    return str(Path(path).absolute()) if path else ""


def _assignments(values: Mapping[str, str]) -> str:
    # A delimiter that no value can know: none can end itself and set another.
    mark = f"end_{uuid.uuid4().hex}"
    return "".join(f"{name}<<{mark}\n{value}\n{mark}\n" for name, value in values.items())


def _append(variable: str, text: str) -> None:
    """Appends to the file that a variable names; nothing without it."""
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as fault:
        click.echo(f"{variable} can't be written: {fault.strerror}", err=True)


@contextmanager
def section(name: str, title: str, *, folded: bool) -> Iterator[None]:
    """Puts what is printed meanwhile into a collapsible section of a job's log in GitLab; `folded` starts it closed."""
    if not os.environ.get("GITLAB_CI"):
        yield
        return
    from conformance.report.safe import line

    options = "[collapsed=true]" if folded else ""
    _mark(f"section_start:{int(time.time())}:{name}{options}", line(title, 200))
    try:
        yield
    finally:
        _mark(f"section_end:{int(time.time())}:{name}", "")


def _mark(what: str, title: str) -> None:
    # Both streams end up in one log, which takes a section's marks in the order in which they arrive.
    sys.stderr.flush()
    click.echo(f"\x1b[0K{what}\r\x1b[0K{title}", color=True)
    sys.stdout.flush()
