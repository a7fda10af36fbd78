"""Reads a run that was ended early, to be resumed: its header, profile and options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import profile_copy, provenance
from conformance.errors import UsageError
from conformance.profile import Profile
from conformance.report import journal, record
from conformance.runner.options import Options, ready


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that was ended early: its folder, the content of its header, its profile and its options."""

    folder: Path
    header: dict[str, Any]
    profile: Profile
    options: Options


def unfinished(folder: Path, *, workers: int | None = None, allow_live: bool = False) -> Unfinished:
    """Returns the unfinished run in `folder`. Its own options hold again; `workers` None keeps their number, too.

    Raises UsageError for a run that is complete, or whose profile or harness has changed since; ProfileError and
    RecordError for files that can't be read.
    """
    if folder.name == record.RUN_FILE:
        folder = folder.parent
    folder = folder.resolve()
    if not (folder / journal.FOLDER / journal.HEADER).exists():
        done = (folder / record.RUN_FILE).exists()
        raise UsageError(
            f"{folder} is complete: nothing to resume" if done else f"{folder} holds no run",
            hint="payout-conformance run PROFILE starts a new run."
            if done
            else "Name the folder of a run that was ended early.",
        )
    header = journal.read_header(folder / journal.FOLDER)
    path = profile_copy.profile_path(folder)
    if provenance.digests(header["target"]["api"], path) != header["digests"]:
        raise UsageError(
            "the harness has changed since the run, so its checks may have, too",
            hint="payout-conformance run PROFILE starts a new run.",
        )
    options = Options.of(header, folder.parent, workers=workers, allow_live=allow_live)
    return Unfinished(folder, header, ready(path, options), options)
