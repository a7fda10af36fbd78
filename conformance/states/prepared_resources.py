"""Resources that a source has made or begun ahead of need, shared by the workers of a run."""

import hashlib
import json
from pathlib import Path

from conformance.errors import SourceFault
from conformance.states.reserve import Reserve
from conformance.states.resource import Resource, Wanted

FOLDER = "prepared"


class PreparedResources:
    """A reserve that only its source takes from, and what is known of how each kind of resource comes about."""

    def __init__(self, folder: Path) -> None:
        self._reserve = Reserve(folder, FOLDER)
        self._folder = folder / FOLDER

    def put(self, resource: Resource) -> None:
        """Keeps a resource until one of its kind is asked for."""
        self._reserve.put(resource)

    def take(self, wanted: Wanted) -> Resource | None:
        """Returns a resource of that kind, None where there is none. No other process gets the same one."""
        return self._reserve.take(wanted)

    def begins(self, wanted: Wanted) -> bool:
        """Notes that resources of that kind take their time. Returns True once in a run, for whoever is the first."""
        return self._mark(wanted, "slow")

    def is_slow(self, wanted: Wanted) -> bool:
        """Returns whether resources of that kind take their time."""
        return self._file(wanted, "slow").exists()

    def came(self, wanted: Wanted) -> None:
        """Notes that a resource of that kind has reached its state."""
        self._mark(wanted, "came")

    def came_late(self, wanted: Wanted, fault: SourceFault) -> None:
        """Notes that one didn't in time: nobody waits for another, unless one ever came."""
        words = {"message": fault.message, "cause": fault.cause, "hint": fault.hint}
        if not self._file(wanted, "came").exists():
            self._mark(wanted, "late", json.dumps(words))

    def known(self, wanted: Wanted) -> None:
        """Raises NotTestable where no resource of that kind has reached its state in time."""
        try:
            words = json.loads(self._file(wanted, "late").read_text())
        except (OSError, ValueError):
            return
        if not self._file(wanted, "came").exists():
            raise SourceFault(words["message"], cause=words["cause"], hint=words["hint"])

    def batch(self, wanted: Wanted, most: int) -> int:
        """Returns how many to ask for at once: 1, then twice as many each time, up to `most`."""
        size, turn = 1, 0
        while not self._mark(wanted, f"batch{turn}"):
            size, turn = min(2 * size, most), turn + 1
        return size

    def _mark(self, wanted: Wanted, kind: str, text: str = "") -> bool:
        """Creates a file. Returns False where it is there already."""
        self._folder.mkdir(exist_ok=True)
        try:
            with self._file(wanted, kind).open("x") as file:
                file.write(text)
        except FileExistsError:
            return False
        return True

    def _file(self, wanted: Wanted, kind: str) -> Path:
        mark = hashlib.sha256(repr(wanted).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / f"{mark}.{kind}"
