"""What a run that was ended early has left to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import inputs, origin
from conformance.errors import UsageError
from conformance.profile import Profile
from conformance.report import journal, record
from conformance.runner.options import Options, ready


@dataclass(frozen=True, slots=True)
class Rest:
    """A run to go on with: its folder, what stands in its header, its profile and its options."""

    folder: Path
    header: dict[str, Any]
    profile: Profile
    options: Options


def rest(folder: Path, *, workers: int | None = None, allow_live: bool = False) -> Rest:
    """What is left of the run in `folder`, whose options hold again but for the number of workers.

    Raises UsageError where nothing is left, or where the profile or the harness is another by now; ProfileError
    and RecordError for files that can't be read.
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
    path = origin.profile_path(folder)
    if inputs.digests(header["target"]["api"], path) != header["digests"]:
        raise UsageError(
            "the harness has changed since the run, so its checks may have, too",
            hint="payout-conformance run PROFILE starts a new run.",
        )
    options = Options.of(header, folder.parent, workers=workers, allow_live=allow_live)
    return Rest(folder, header, ready(path, options), options)
