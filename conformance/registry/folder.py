"""Finds what was handed in: a folder per implementation, its certificates, and the keys that may sign for it.

Anybody may propose such a folder, so nothing in it is followed or opened before it is known to be a plain file of a
usual size: a symbolic link, a pipe or a device is a fault of that file.
"""

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.certificate import evidence
from conformance.certificate.envelope import MAX_BYTES
from conformance.certificate.issue import FILE
from conformance.certificate.keys import load_public
from conformance.errors import ConformanceError, UsageError
from conformance.report.safe import line

KEYS = "keys"
WITNESSES = "witnesses"
# A certificate of a folder stands so many folders below it at most: NAME/api/run/certificate.json.
DEPTH = 3
# A name is a file's name in the site and a part of its URL, on every file system.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MAX_KEY, _MAX_RUN = 64 << 10, 512 << 20


@dataclass(frozen=True, slots=True)
class Keys:
    """Files of public keys, with the names that they have, and sentences about files that are no such keys.

    Paths and not keys: a key can't be handed to another process.
    """

    keys: tuple[tuple[str, Path], ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A folder of an implementation. `fault` refuses all of it; otherwise `runs` are folders with a certificate."""

    name: str
    runs: tuple[Path, ...] = ()
    keys: Keys = field(default_factory=Keys)
    fault: str = ""
    hint: str = ""
    unnamed: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The content of a registry's folder."""

    candidates: tuple[Candidate, ...]
    witnesses: Keys


def find(root: Path, *, beside: Path | None = None) -> Found:
    """Returns what the folder `root` holds, by name; `beside`, the site's own folder, isn't part of it.

    Raises UsageError where `root` is no folder, or has no `keys`.
    """
    if not root.is_dir():
        raise UsageError(
            f"{root}: there is no such folder",
            hint="Name a folder with one folder per implementation, and keys.",
        )
    if not _is_folder(root / KEYS):
        raise UsageError(
            f"{root} has no folder {KEYS}",
            hint=f"{KEYS}/NAME.pub.pem is the public key that may sign for the folder NAME.",
        )
    own = None if beside is None else beside.resolve()
    names = sorted(
        path.name
        for path in root.iterdir()
        if path.name != KEYS and not path.name.startswith(".") and path.is_dir() and path.resolve() != own
    )
    return Found(
        tuple(_candidate(root, name) for name in names),
        _keys(_pem_files(root / KEYS / WITNESSES)),
    )


def fault_of_files(folder: Path) -> str:
    """Why the files of a run can't be opened; empty where they can."""
    limits: Mapping[str, int] = {
        FILE: MAX_BYTES,
        **dict.fromkeys((*evidence.FILES, "profile.toml"), _MAX_RUN),
    }
    return next((fault for name, limit in limits.items() if (fault := _fault(folder / name, limit))), "")


def _candidate(root: Path, name: str) -> Candidate:
    folder = root / name
    if not _NAME.fullmatch(name) or name == WITNESSES:
        return Candidate(
            name,
            fault=f"{line(name, 80)} can't be the name of an implementation",
            hint="Lower-case letters, digits and hyphens, at most 63, such as acme-payouts.",
            unnamed=True,
        )
    if not _is_folder(folder):
        return Candidate(
            name, fault=f"{name} is a symbolic link, not a folder", hint="Add the folder itself."
        )
    runs = tuple(sorted(_runs(folder, DEPTH)))
    if not runs:
        return Candidate(
            name,
            fault=f"{name} holds no {FILE}",
            hint="`payout-conformance certify RUN --key KEY` writes one into the folder of a run.",
        )
    return Candidate(name, runs, _keys([*_own(root / KEYS, name), *_pem_files(root / KEYS / name)]))


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name == FILE:
            yield folder
        elif depth and not path.name.startswith(".") and _is_folder(path):
            yield from _runs(path, depth - 1)


def _own(folder: Path, name: str) -> list[Path]:
    return [path for path in (folder / f"{name}.pub.pem",) if path.is_symlink() or path.exists()]


def _pem_files(folder: Path) -> list[Path]:
    if not _is_folder(folder):
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(".pem"))


def _keys(files: list[Path]) -> Keys:
    keys, faults = [], []
    for path in files:
        fault = _fault(path, _MAX_KEY)
        if not fault:
            try:
                load_public(path)
                keys.append((line(path.name.removesuffix(".pem").removesuffix(".pub"), 80), path))
            except ConformanceError as refused:
                fault = refused.message.replace(str(path), path.name)
        if fault:
            faults.append(line(fault))
    return Keys(tuple(keys), tuple(faults))


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _fault(path: Path, limit: int) -> str:
    """Why a file is not to be opened; empty for one that isn't there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    except OSError as fault:
        return f"{path.name} can't be read: {fault.strerror}"
    if stat.S_ISLNK(found.st_mode):
        return f"{path.name} is a symbolic link: a registry opens plain files only"
    if not stat.S_ISREG(found.st_mode):
        return f"{path.name} is no plain file"
    if found.st_size > limit:
        size = f"{limit >> 20} MB" if limit >> 20 else f"{limit >> 10} KB"
        return f"{path.name} is larger than {size}"
    return ""
