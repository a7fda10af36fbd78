"""Resources that checks have sent requests to which must have no effect, shared by all workers of a run.

A check leaves such a resource behind, and waits for its proof; the next check takes it. A documented cancel that
succeeds proves at last that none of the requests before it had an effect. Until then the record of such a check stays
out of the journal, so that a run that is killed knows the check as unfinished.
"""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from conformance.model import Check, Exchange
from conformance.report import codec
from conformance.states.reserve import RETURNS, Reserve
from conformance.states.resource import Resource, Wanted

FOLDER = "shared"
WAITING = "waiting"
# What one resource goes through at most. A target may treat one that was asked for too often in some way of its own.
_MOST_CHECKS, _MOST_REQUESTS = 10, 15
# So many resources of a kind take turns, so that the seed decides which checks meet on one.
_OPEN = 2


@dataclass(frozen=True, slots=True)
class SharedResource:
    """A resource, and the ids of the checks that wait for the proof that their requests had no effect on it.

    `requests` counts the requests that named it.
    """

    resource: Resource
    unproven: tuple[str, ...] = ()
    requests: int = 0

    @property
    def has_room(self) -> bool:
        """Returns whether a further check may send requests to it."""
        return len(self.unproven) < _MOST_CHECKS and self.requests < _MOST_REQUESTS

    def with_unproven(self, check: str) -> "SharedResource":
        """Returns the resource with one more check that waits."""
        return self if check in self.unproven else replace(self, unproven=(*self.unproven, check))


class SharedResources:
    """A folder with one file per resource; taking one renames it, which only one process can do."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self._folder = folder / FOLDER
        self._random = random.Random(seed)  # noqa: S311 - decides which checks meet, and nothing else

    def put(self, one: SharedResource, *, closed: bool = False) -> None:
        """Keeps a resource: for the next check that asks for its kind, or, `closed`, for the end of the run."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kind = "closed" if closed else "room" if one.has_room else "full"
        whole = {
            "id": one.resource.id,
            "wanted": asdict(one.resource.wanted),
            "facts": dict(one.resource.facts),
            "unproven": one.unproven,
            "requests": one.requests,
        }
        draft = self._folder / f"{uuid4()}.draft"
        draft.write_text(json.dumps(whole))
        draft.replace(self._folder / f"{_mark(one.resource.wanted)}.{kind}.{uuid4()}.json")

    def take(self, wanted: Wanted) -> SharedResource | None:
        """Returns a resource that a further check may send requests to; None where a new one has to be had."""
        files = self._files(f"{_mark(wanted)}.room.*.json")
        if 0 < len(files) < _OPEN and self._random.random() < 1 / 2:
            return None
        self._random.shuffle(files)
        return next(self._taken(files), None)

    def take_fullest(self, wanted: Wanted) -> SharedResource | None:
        """Returns the resource with the most waiting checks, to be cancelled; None where there is none."""
        found = self._files(f"{_mark(wanted)}.full.*.json") + self._files(f"{_mark(wanted)}.room.*.json")
        return next(self._taken(found), None)

    def take_this(self, resource: Resource) -> SharedResource | None:
        """Returns that very resource; None where it was cancelled by now, or another check has it."""
        files = self._files(f"{_mark(resource.wanted)}.*.json")
        this = [file for file in files if self._id(file) == resource.id]
        return next(self._taken(this), None)

    @staticmethod
    def _id(file: Path) -> str | None:
        with suppress(OSError, ValueError):
            return str(json.loads(file.read_text())["id"])
        return None

    def number(self, wanted: Wanted) -> int:
        """Returns how many resources of that kind wait for a further check, or for a cancel."""
        return len(self._files(f"{_mark(wanted)}.full.*.json")) + len(
            self._files(f"{_mark(wanted)}.room.*.json")
        )

    def rest(self, *, keep: int = 0) -> Iterator[SharedResource]:
        """Yields all resources but the `keep` oldest of each kind that aren't closed."""
        kept: dict[str, int] = {}
        for file in self._files("*.json"):
            mark, kind, _ = file.name.split(".", 2)
            if kind != "closed" and kept.get(mark, 0) < keep:
                kept[mark] = kept.get(mark, 0) + 1
                continue
            yield from self._taken([file])

    def _files(self, pattern: str) -> list[Path]:
        """Returns the files, the oldest first."""
        found = []
        for file in self._folder.glob(pattern):
            with suppress(FileNotFoundError):
                found.append((file.stat().st_mtime_ns, file))
        return [file for _, file in sorted(found)]

    def _taken(self, files: Sequence[Path]) -> Iterator[SharedResource]:
        for file in files:
            mine = file.with_suffix(f".{os.getpid()}-{uuid4()}")
            try:
                file.rename(mine)
            except FileNotFoundError:
                continue
            found = json.loads(mine.read_text())
            mine.unlink()
            wanted = found["wanted"]
            wanted["extra"] = tuple((name, value) for name, value in wanted["extra"])
            resource = Resource(found["id"], Wanted(**wanted), found["facts"])
            yield SharedResource(resource, tuple(found["unproven"]), found["requests"])


class WaitingRecords:
    """The records of checks that wait for a proof, each with a file per resource that hasn't given it yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / WAITING

    def keep(self, check: Check, exchanges: Sequence[Exchange], resources: Sequence[str]) -> None:
        """Keeps the record of a check until each of the resources has proved it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = {"check": codec.to_json(check), "exchanges": [*map(codec.to_json, exchanges)]}
        for one in resources:
            self._file(check.id, one).touch()
        codec.replace_file(self._file(check.id), codec.dumps(whole))

    def proved(
        self, check: str, resource: str, by: Exchange | None
    ) -> tuple[Check, tuple[Exchange, ...]] | None:
        """Returns the record of a check for the journal once its last resource proved it; None before, and after.

        `by` is the cancel that proves it: the evidence of the check ends with that.
        """
        waits = self._file(check, resource)
        if not self._file(check).exists():
            return None
        if by is not None:
            codec.replace_file(waits.with_suffix(".proof"), codec.dumps(codec.to_json(by)))
        waits.unlink(missing_ok=True)
        if any(self._folder.glob(f"{_digest(check)}.*.waits")):
            return None
        mine = self._folder / f"{uuid4()}.mine"
        try:
            self._file(check).rename(mine)
        except FileNotFoundError:
            return None
        found: dict[str, Any] = json.loads(mine.read_text())
        mine.unlink()
        record = codec.from_json(Check, found["check"])
        exchanges = [codec.from_json(Exchange, one) for one in found["exchanges"]]
        proofs = sorted(self._folder.glob(f"{_digest(check)}.*.proof"))
        made = [codec.from_json(Exchange, json.loads(one.read_text())) for one in proofs]
        for one in proofs:
            one.unlink()
        exchanges += [one for one in sorted(made, key=lambda each: each.started_at) if one not in exchanges]
        return replace(record, exchanges=tuple(range(len(exchanges)))), tuple(exchanges)

    def has(self, check: str) -> bool:
        """Returns whether the record of a check waits here."""
        return self._file(check).exists()

    def drop(self, check: str) -> None:
        """Forgets the record of a check, which runs again."""
        for file in self._folder.glob(f"{_digest(check)}.*"):
            file.unlink(missing_ok=True)

    def _file(self, check: str, resource: str | None = None) -> Path:
        return self._folder / (
            f"{_digest(check)}.json" if resource is None else f"{_digest(check)}.{_digest(resource)}.waits"
        )


def put_away(folder: Path) -> None:
    """Forgets the waiting records of a run that was killed, and leaves its shared resources to be offered back."""
    returns = Reserve(folder, RETURNS)
    for one in SharedResources(folder).rest():
        returns.put(one.resource)
    forget(folder)


def forget(folder: Path) -> None:
    """Forgets the waiting records of a run, whose workers have offered back what they leased."""
    for name in (FOLDER, WAITING):
        shutil.rmtree(folder / name, ignore_errors=True)


def _mark(wanted: Wanted) -> str:
    return _digest(repr(wanted))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
