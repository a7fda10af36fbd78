"""Writes every file of a run from its record, and says which run is the latest."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from conformance.model import RunRecord
from conformance.report import codec
from conformance.report import record as records

LATEST = "latest"
OVERVIEW = "overview.html"
_ALLURE = ("allure-results", "allurerc.json")


def prepare() -> None:
    """Loads now what `write_all` would load: a run has a moment to spare while its checks are under way."""
    from conformance.report import allure, badge, html, junit, sarif, summary  # noqa: F401

    html.prepare()


def write_all(record: RunRecord, folder: Path, *, forking: bool = False) -> dict[str, Path]:
    """Writes every file that is rendered from a record, each in one step; the record itself comes first.

    These are `run.json`, `exchanges.har`, `junit.xml`, `sarif.json`, `summary.md`, `report.html`, `badge.json`,
    `badge.svg`, `allure-results/` and `allurerc.json`. Returns where each is, by name. What is there under these names
    is replaced. Of the environment only what CI servers say of a job is read, for Allure. With `forking`, another
    process does half of the work meanwhile: not beside threads. Raises OSError.
    """
    beside = os.fork() if forking else None
    if beside == 0:
        _only(lambda: _allure(record, folder))
    # The template engine takes longer to import than everything else in this package together.
    from conformance.report import badge, html, junit, sarif, summary

    written = records.write(record, folder)
    for name, text in (
        ("junit.xml", junit.junit(record)),
        ("sarif.json", sarif.sarif(record)),
        ("summary.md", summary.summary(record)),
        ("report.html", html.html(record)),
        ("badge.json", badge.endpoint(record)),
        ("badge.svg", badge.svg(record)),
    ):
        written[name] = codec.replace_file(folder / name, text)
    if beside is not None and os.waitpid(beside, 0)[1] == 0:
        return written | {name: folder / name for name in _ALLURE}
    # Also where the other process failed: this one says why.
    return written | _allure(record, folder)


def _allure(record: RunRecord, folder: Path) -> dict[str, Path]:
    from conformance.report import allure  # as above: the other process imports it for itself

    return allure.write(record, folder, os.environ)


def _only(work: Callable[[], object]) -> NoReturn:
    """Does the work, and ends the process with 0 if it was done."""
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def overview(runs: Sequence[RunRecord], folders: Sequence[Path], output: Path) -> Path:
    """Writes `overview.html`, which puts runs side by side, into the folder `output`, and returns where it is.

    It links to the report in each run's folder by a relative path. Raises OSError.
    """
    from conformance.report import html  # as above

    output.mkdir(parents=True, exist_ok=True)
    links = [Path(os.path.relpath(folder / "report.html", output)).as_posix() for folder in folders]
    return codec.replace_file(output.resolve() / OVERVIEW, html.overview(runs, links))


def latest(reports: Path, folder: Path) -> Path:
    """Lets `reports/latest` point at `folder`, which is inside `reports`; returns the link.

    A symbolic link where the file system has them, replaced in one step; a text file with the folder's name
    elsewhere. What somebody else made there (a real folder) is left alone.
    """
    link = reports / LATEST
    relative = os.path.relpath(folder, reports)
    if link.is_dir() and not link.is_symlink():
        return link
    temporary = reports / f".{LATEST}.{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(relative, target_is_directory=True)
        temporary.replace(link)
    except (OSError, NotImplementedError):
        temporary.unlink(missing_ok=True)
        codec.replace_file(link, relative + "\n")
    return link
