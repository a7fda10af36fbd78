"""Each resource is given out once, across all workers of a run."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from conformance.errors import NotTestable
from conformance.states.resource import Provisioner, Resource, Wanted


class Claims:
    """A folder with one file per used id: creating one is atomic on every file system and outlives a kill.

    `owner` says who uses it, where several share the folder.
    """

    def __init__(self, folder: Path, owner: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._owner = owner

    def claim(self, resource_id: str) -> bool:
        """True for the first who asks for this id, in whatever process."""
        try:
            file = os.open(self._file(resource_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        try:
            # Taken is taken, even where the disk has no room for the name.
            with suppress(OSError):
                os.write(file, os.fsencode(self._owner))
        finally:
            os.close(file)
        return True

    def owner(self, resource_id: str) -> str:
        """Who claimed this id; empty where nobody did, or nobody in particular."""
        try:
            return os.fsdecode(self._file(resource_id).read_bytes())
        except OSError:
            return ""

    def is_mine(self, resource_id: str) -> bool:
        """Whether whoever claims here has claimed this id."""
        return self.owner(resource_id) == self._owner

    def is_taken(self, resource_id: str) -> bool:
        """Whether anybody has claimed this id."""
        return self._file(resource_id).exists()

    def forget(self, resource_id: str) -> None:
        """Lets the id be claimed again."""
        self._file(resource_id).unlink(missing_ok=True)

    def _file(self, resource_id: str) -> Path:
        return self._folder / hashlib.sha256(resource_id.encode("utf-8", "surrogatepass")).hexdigest()


class Leases:
    """Hands out resources and remembers them, to offer them back in the end."""

    def __init__(self, provisioner: Provisioner, claims: Claims) -> None:
        self._provisioner = provisioner
        self._claims = claims
        self._given: list[Resource] = []

    def lease(self, wanted: Wanted) -> Resource:
        """A resource that nobody has used. Raises NotTestable where there is none."""
        resource = self._provisioner.setup(wanted)
        if not self._claims.claim(resource.id):
            raise NotTestable(
                f"the state provider handed out {resource.id} twice",
                hint="Every setup has to make a new resource: a cancelled one can't be used again.",
            )
        self._given.append(resource)
        return resource

    def settle(self, resource: Resource) -> None:
        """Asks the target to try to pay a resource that was leased here."""
        self._provisioner.settle(resource)

    def return_all(self, parallel: int) -> None:
        """Offers everything back, `parallel` at a time."""
        given, self._given = self._given, []
        if given:
            with ThreadPoolExecutor(max_workers=parallel) as pool:
                list(pool.map(self._provisioner.teardown, given))
