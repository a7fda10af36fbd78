"""What a run keeps of its profile, so that it can be gone on with, and a case of it be sent again.

A run's folder holds a copy of the profile (secrets stand in it by the names of their variables only) and, in a hidden
file that no report shows, where the profile was: commands of a profile are relative to its folder.
"""

from pathlib import Path

from conformance.errors import UsageError

PROFILE = "profile.toml"
_WHERE = ".origin"


def keep(folder: Path, profile: Path) -> None:
    """Leaves both in the folder of a run. Raises OSError."""
    (folder / PROFILE).write_bytes(profile.read_bytes())
    (folder / _WHERE).write_text(f"{profile.resolve()}\n", encoding="utf-8", errors="surrogateescape")


def profile_path(folder: Path, given: Path | None = None) -> Path:
    """The profile that a run was made with: `given`, or the file that it was, if it still says the same.

    Raises UsageError where it is gone or has changed since, and `given` says nothing.
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
