"""Each resource is given out once, across all workers of a run."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.errors import NotTestable
from conformance.states.resource import Provisioner, Resource, Wanted


class Claims:
    """A folder with one empty file per used id: creating one is atomic on every file system and outlives a kill."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def claim(self, resource_id: str) -> bool:
        """True for the first who asks for this id, in whatever process."""
        name = hashlib.sha256(resource_id.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            os.close(os.open(self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        return True


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
