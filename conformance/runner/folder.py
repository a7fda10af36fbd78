"""Creates the folder of a run, locks it during the run and tidies it up afterwards."""

import fcntl
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from conformance import __version__, provenance, watch
from conformance.errors import UsageError
from conformance.oracles import run_answers
from conformance.profile import Profile
from conformance.report import codec, journal
from conformance.runner.options import Options
from conformance.states import shared_resources, untouched

# Files that a finished run no longer needs: every report can be rendered from the record.
_WORKING = (
    journal.FOLDER,
    "leases",
    "pool",
    "marks",
    "reserve",
    shared_resources.FOLDER,
    shared_resources.WAITING,
    "prepared",
    "returns",
    untouched.FOLDER,
    "gate",
    "gate.slots",
    "gate.source",
    "gate.source.slots",
    "plan.json",
    "no-reuse",
    watch.FILE,
    run_answers.FOLDER,
    "fuzz.json",
    "finished.json",
    "lock",
)


class FolderLock:
    """The lock of a run's folder. The kernel releases it when the process ends, also when it is killed."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise UsageError(
                f"{folder} is a run that is still in progress", hint="Wait for its end, or end it first."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def new(profile: Profile, output: Path) -> Path:
    """Creates a new folder, named after the target, the API and the time. Raises UsageError."""
    slug = re.sub(r"[^a-z0-9]+", "-", profile.target.name.lower()).strip("-") or "target"
    return named(f"{slug[:60]}-{profile.target.api}", output)


def named(beginning: str, output: Path) -> Path:
    """Creates a new folder whose name begins so and ends with the time. Raises UsageError."""
    name = f"{beginning}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        folder = output / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not output.is_dir():
                break
            continue
        except OSError as fault:
            raise UsageError(
                f"nothing can be written to {output}: {fault.strerror}",
                hint="Name another folder with --output.",
            ) from fault
        return folder.resolve()
    raise UsageError(
        f"nothing can be written to {output}: it is not a folder", hint="Name another with --output."
    )


def tidy(folder: Path) -> None:
    """Deletes the files that only a run in progress needs."""
    for name in _WORKING:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def plan(folder: Path) -> dict[str, Any]:
    """Returns the plan of the suites: `selected` check ids, `deselected` check ids with their requirements."""
    try:
        found: dict[str, Any] = json.loads((folder / "plan.json").read_text())
    except (OSError, ValueError):
        # Ended during collection: no check ran, and the run is incomplete.
        return {"selected": ["collection"], "deselected": {}}
    return found


def header(profile: Profile, options: Options, started: str) -> dict[str, Any]:
    """Returns the header of a run, from which its record is folded and the run is resumed."""
    return {
        "target": codec.to_json(profile.target),
        "declared": dict(profile.capabilities),
        "seed": options.seed,
        "options": options.recorded(),
        "waivers": [codec.to_json(one) for one in options.waivers],
        "notes": [],
        "started_at": started,
        "harness_version": __version__,
        "digests": provenance.digests(profile.target.api, profile.path),
    }


def now() -> str:
    """Returns the current time, ISO 8601 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
