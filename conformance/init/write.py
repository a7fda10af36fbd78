"""Writes a profile and its template for secrets; no existing value of a variable is lost."""

import re
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import ProfileError, UsageError
from conformance.init.answers import Answers
from conformance.init.text import environment, profile
from conformance.profile import load

_NAME = re.compile(r"(?m)^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=")


@dataclass(frozen=True, slots=True)
class Written:
    """The files. `kept` tells that the file of variables existed: only missing names were added to it."""

    profile: Path
    variables: Path
    kept: bool


class _Anything(dict[str, str]):
    """An environment in which every variable has a value of its own."""

    def __missing__(self, name: str) -> str:
        return f"a-{name}"

    def get(self, name: str, default: object = None) -> str:
        return self[name]


def write(answers: Answers, path: Path, *, force: bool = False) -> Written:
    """Writes `path` and, beside it, the same name with `.env`.

    Values that stand in a file of variables are kept, `force` or not. Raises UsageError where a file is there already
    (a profile, without `force`), where nothing can be written, or where the answers make no valid profile.
    """
    variables = path.with_suffix(".env")
    if variables == path:
        raise UsageError(
            f"{path} would be the file of variables, too", hint="Name the profile something.toml."
        )
    for one in (path, variables):
        if one.exists() and not (force and one.is_file()):
            raise UsageError(
                f"{one} is there already",
                hint="Name another file, or say --force to replace the profile; values of variables are kept."
                if one.is_file()
                else "Name a file.",
            )
    text = profile(answers)
    try:
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(text, encoding="utf-8")
        try:
            _check(draft, path)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        kept = _variables(answers, variables, path.name)
    except OSError as fault:
        raise UsageError(
            f"nothing can be written to {path.parent}: {fault.strerror}",
            hint="Make the folder, or name another.",
        ) from None
    return Written(path, variables, kept)


def _check(draft: Path, path: Path) -> None:
    """Loads the draft. Raises UsageError where it is no valid profile."""
    try:
        load(draft, _Anything(), allow_live=True)
    except ProfileError as fault:
        what = re.sub(rf"{re.escape(str(draft))}(, line \d+)?: ", "", fault.message)
        raise UsageError(f"{path} was not written: {what}", hint=fault.hint) from None


def _variables(answers: Answers, path: Path, profile_name: str) -> bool:
    if not path.exists():
        # Private while it is still empty: other users can't read the values that are filled in later.
        path.touch(mode=0o600)
        path.write_text(environment(answers, profile_name), encoding="utf-8")
        return False
    there = path.read_text(encoding="utf-8")
    names = [name for owner in answers.owners for name in answers.variables(owner).values()]
    missing = [name for name in names if name not in _NAME.findall(there)]
    if missing:
        more = "".join(f"{name}=\n" for name in missing)
        path.write_text(there + ("" if there.endswith("\n") or not there else "\n") + more, encoding="utf-8")
    return True
