"""Writes every file of a run from its record, and says which run is the latest."""

import os
from pathlib import Path

from conformance.model import RunRecord
from conformance.report import codec
from conformance.report import record as records

LATEST = "latest"


def write_all(record: RunRecord, folder: Path) -> dict[str, Path]:
    """Writes `run.json`, `exchanges.har`, `junit.xml`, `summary.md` and `report.html`, each in one step.

    Returns where each is, by file name. What is there under these names is replaced. Raises OSError.
    """
    # The template engine takes longer to import than everything else in this package together.
    from conformance.report import html, junit, summary

    written = records.write(record, folder)
    for name, text in (
        ("junit.xml", junit.junit(record)),
        ("summary.md", summary.summary(record)),
        ("report.html", html.html(record)),
    ):
        written[name] = codec.replace_file(folder / name, text)
    return written


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
