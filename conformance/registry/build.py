"""Verifies every certificate of a registry's folder, on all cores, and tells what is refused that wasn't before."""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any

from conformance.certificate.statement import instant, moment
from conformance.errors import UsageError
from conformance.registry.entry import FORMAT, Entry, Implementation, Registry, Standing
from conformance.registry.examine import examine
from conformance.registry.folder import Candidate, Keys, find
from conformance.report.safe import line

FILE = "registry.json"
_COPY = "the same certificate stands in {}: a certificate is of one implementation"
_MAX_BYTES = 256 << 20


def build(root: Path, site: Path, *, at: datetime, jobs: int | None = None) -> Registry:
    """Returns the registry that the folder `root` makes at the moment `at`; nothing is written.

    `jobs` processes verify (one per core by default). `site` may hold the registry.json of before: a certificate
    that was refused there under the same path, with the same content, isn't new. Raises UsageError.
    """
    if site.resolve() == root.resolve():
        raise UsageError(f"{site} is the registry's own folder", hint="Name another folder with --output.")
    before = _before(site)
    found = find(root, beside=site)
    work = [(candidate, run) for candidate in found.candidates for run in candidate.runs]
    verified: dict[str, list[Entry]] = {candidate.name: [] for candidate in found.candidates}
    for (candidate, _), entry in zip(work, _examined(root, work, found.witnesses, at, jobs), strict=True):
        verified[candidate.name].append(entry)
    for candidate in found.candidates:
        if candidate.fault:
            verified[candidate.name].append(_refused(candidate))
    single = _without_copies(verified)
    return Registry(
        instant(at),
        tuple(
            Implementation(name, tuple(_told(entry, before) for entry in _newest_first(entries)))
            for name, entries in single.items()
        ),
    )


def _examined(
    root: Path, work: list[tuple[Candidate, Path]], witnesses: Keys, at: datetime, jobs: int | None
) -> Iterator[Entry]:
    folders = [run for _, run in work]
    paths = [run.relative_to(root).as_posix() for run in folders]
    names = [candidate.name for candidate, _ in work]
    keys = [candidate.keys for candidate, _ in work]
    number = min(jobs or os.cpu_count() or 1, len(work))
    if number < 2:
        yield from map(_examine, folders, paths, names, keys, repeat(witnesses), repeat(at))
        return
    with ProcessPoolExecutor(number) as pool:
        yield from pool.map(_examine, folders, paths, names, keys, repeat(witnesses), repeat(at))


def _refused(candidate: Candidate) -> Entry:
    kind = "name" if candidate.unnamed else "empty"
    path = line(candidate.name, 80)
    return Entry(path, "", Standing.REFUSED, kind=kind, reason=candidate.fault, hint=candidate.hint)


def _examine(folder: Path, path: str, name: str, keys: Keys, witnesses: Keys, at: datetime) -> Entry:
    return examine(folder, path, name, keys, witnesses, at=at)


def _before(site: Path) -> frozenset[tuple[str, str, str]] | None:
    """Path, digest and standing of each certificate in the site's registry.json; None where there is none."""
    path = site / FILE
    if site.exists() and not site.is_dir():
        raise UsageError(f"{site} is no folder", hint="Name a folder for the site with --output.")
    if not path.exists():
        return None
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise ValueError("no registry")
        data: Any = json.loads(path.read_bytes())
        if data["format"] != FORMAT:
            raise ValueError("another format")
        rows = [row for one in data["implementations"] for row in one["certificates"]]
        return frozenset((str(row["path"]), str(row["digest"]), str(row["standing"])) for row in rows)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise UsageError(
            f"{path} is not one that `payout-conformance registry` has written",
            hint="What is new can't be told. Name another folder with --output, or move the file away.",
        ) from None


def _without_copies(verified: Mapping[str, list[Entry]]) -> dict[str, list[Entry]]:
    """Refuses a certificate that stands in the folders of two implementations, in both: one of them is not its own."""
    owners: dict[str, set[str]] = {}
    for name, entries in verified.items():
        for entry in entries:
            if entry.claim is not None:
                owners.setdefault(entry.digest, set()).add(name)

    def checked(name: str, entry: Entry) -> Entry:
        others = sorted(owners.get(entry.digest, set()) - {name})
        if not others:
            return entry
        return replace(
            entry,
            standing=Standing.REFUSED,
            claim=None,
            kind="copy",
            reason=_COPY.format(", ".join(others[:3])),
            hint="Remove it from the folder whose implementation it isn't about.",
        )

    return {name: [checked(name, entry) for entry in entries] for name, entries in verified.items()}


def _newest_first(entries: list[Entry]) -> list[Entry]:
    genuine = [(moment(one.claim.finished_at), one.path, one) for one in entries if one.claim is not None]
    genuine.sort(key=lambda found: found[:2], reverse=True)
    return [
        *(one for _, _, one in genuine),
        *sorted((one for one in entries if one.claim is None), key=_path),
    ]


def _path(entry: Entry) -> str:
    return entry.path


def _told(entry: Entry, before: frozenset[tuple[str, str, str]] | None) -> Entry:
    known = before is not None and (entry.path, entry.digest, entry.standing.value) in before
    return replace(entry, new=not known)
