"""Keeps a copy of a run's profile in its folder, to resume the run or to replay one of its cases.

A profile holds only the names of variables, no secret. A hidden file, which no report shows, holds the path of the
profile: its commands are relative to its folder.
"""

from pathlib import Path

from conformance.errors import UsageError

PROFILE = "profile.toml"
_WHERE = ".origin"


def keep(folder: Path, profile: Path) -> None:
    """Writes both into the folder of a run. Raises OSError."""
    (folder / PROFILE).write_bytes(profile.read_bytes())
    (folder / _WHERE).write_text(f"{profile.resolve()}\n", encoding="utf-8", errors="surrogateescape")


def profile_path(folder: Path, given: Path | None = None) -> Path:
    """Returns the path of a run's profile: `given`, or the file that the run was made with.

    Raises UsageError where `given` is None and that file is gone or has changed.
    """
    if given is not None:
        return given
    hint = "Name the profile with --profile."
    try:
        path = Path((folder / _WHERE).read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n"))
        copy = (folder / PROFILE).read_bytes()
    except OSError as fault:
        raise UsageError(f"{folder} doesn't say which profile the run was made with", hint=hint) from fault
    try:
        now = path.read_bytes()
    except OSError as fault:
        raise UsageError(
            f"the profile of the run isn't where it was: {path}: {fault.strerror}", hint=hint
        ) from fault
    if now != copy:
        raise UsageError(
            f"{path} has changed since the run",
            hint=f"Its former text is {folder / PROFILE}. {hint}",
        )
    return path
