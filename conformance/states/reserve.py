"""Resources that wait in the folder of a run: for the first check that needs one, or to be offered back in the end."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from conformance.states.resource import Resource, Wanted

FOLDER = "reserve"
# Resources that no worker needs any more, while another may still read them.
RETURNS = "returns"


class Reserve:
    """A folder with one file per resource; taking one renames it, which only one process can do."""

    def __init__(self, folder: Path, name: str = FOLDER) -> None:
        self._folder = folder / name

    def put(self, resource: Resource) -> None:
        """Keeps a resource for later."""
        self._folder.mkdir(exist_ok=True)
        draft = self._folder / f"{uuid4()}.draft"
        whole = {"id": resource.id, "wanted": asdict(resource.wanted), "facts": dict(resource.facts)}
        draft.write_text(json.dumps(whole))
        draft.replace(self._folder / f"{_mark(resource.wanted)}.{uuid4()}.json")

    def take(self, wanted: Wanted) -> Resource | None:
        """Returns a resource that was kept for just this wish, None where there is none."""
        return next(self._taken(f"{_mark(wanted)}.*.json"), None)

    def rest(self) -> Iterator[Resource]:
        """Yields the resources that were not taken."""
        return self._taken("*.json")

    def _taken(self, pattern: str) -> Iterator[Resource]:
        if not self._folder.is_dir():
            return
        for file in sorted(self._folder.glob(pattern)):
            mine = file.with_suffix(f".{os.getpid()}-{uuid4()}")
            with suppress(FileNotFoundError):
                file.rename(mine)
                found = json.loads(mine.read_text())
                mine.unlink()
                wanted = found["wanted"]
                wanted["extra"] = tuple((name, value) for name, value in wanted["extra"])
                yield Resource(found["id"], Wanted(**wanted), found["facts"])


def _mark(wanted: Wanted) -> str:
    return hashlib.sha256(repr(wanted).encode("utf-8", "surrogatepass")).hexdigest()[:32]
