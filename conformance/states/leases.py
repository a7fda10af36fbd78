"""Leases resources: each is handed out once, across all workers of a run."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from conformance.errors import NotTestable
from conformance.http.segment import segment
from conformance.report.safe import line
from conformance.states.reserve import Reserve
from conformance.states.resource import Provisioner, Resource, Wanted
from conformance.states.verify import Verifier, View


class Claims:
    """A folder with one file per claimed id: creating a file is atomic on every file system and outlives a kill.

    `owner` names the run, where several share the folder.
    """

    def __init__(self, folder: Path, owner: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._owner = owner

    def claim(self, resource_id: str) -> bool:
        """Claims an id. Returns True only for its first claim, over all processes."""
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
        """Returns the owner who claimed this id; empty where it isn't claimed, or without an owner."""
        try:
            return os.fsdecode(self._file(resource_id).read_bytes())
        except OSError:
            return ""

    def is_mine(self, resource_id: str) -> bool:
        """Returns whether this owner has claimed this id."""
        return self.owner(resource_id) == self._owner

    def is_taken(self, resource_id: str) -> bool:
        """Returns whether this id is claimed."""
        return self._file(resource_id).exists()

    def forget(self, resource_id: str) -> None:
        """Lets the id be claimed again."""
        self._file(resource_id).unlink(missing_ok=True)

    def _file(self, resource_id: str) -> Path:
        return self._folder / hashlib.sha256(resource_id.encode("utf-8", "surrogatepass")).hexdigest()


# A resource that goes on by itself is replaced by another so often.
_ATTEMPTS = 3


class Leases:
    """Hands out resources and remembers them, to offer them back in the end.

    A `verifier` looks at each first; resources in the `reserve` are handed out before new ones. `returns` and
    `prepared` hold those that are offered back in the end: used ones, and ones that the source made ahead in vain.
    """

    def __init__(
        self,
        provisioner: Provisioner,
        claims: Claims,
        verifier: Verifier | None = None,
        reserve: Reserve | None = None,
        returns: Reserve | None = None,
        prepared: Reserve | None = None,
    ) -> None:
        self._provisioner = provisioner
        self._claims = claims
        self._verifier = verifier
        self._reserve = reserve
        self._returns = returns
        self._prepared = prepared
        self._given: list[Resource] = []
        self._settled: set[str] = set()
        self._proven: set[tuple[str, str]] = set()
        # What was asked for, by what stands for the resource in a path; kept when it has been offered back.
        self.handed: dict[str, Wanted] = {}

    def unread(self, wanted: Wanted) -> Resource:
        """Returns a resource that was never used nor read, of a state whose source has proved reliable.

        For defects that only a first read shows. Raises as `lease` does.
        """
        if (wanted.whose, wanted.status) not in self._proven:
            first = self.lease(wanted)
            if self._reserve is not None:
                self.set_aside(first)
        if self._verifier is not None:
            self._verifier.reject_known_fault(wanted)
        return self.unseen(wanted, new=True)

    def lease(self, wanted: Wanted) -> Resource:
        """Returns an unused resource, seen to be in its state as far as that can be seen.

        Raises NotTestable where there is none, or where the source hands out something else, and TransportError where
        the target gives no answer.
        """
        if self._verifier is None:
            return self.unseen(wanted)
        self._verifier.reject_known_fault(wanted)
        for left in reversed(range(_ATTEMPTS)):
            resource = self.unseen(wanted)
            look = self._verifier.look(resource)
            if look.view is View.AS_ASKED:
                self._proven.add((wanted.whose, wanted.status))
                return resource
            if look.view is not View.LATER or not left:
                break
        # The last resource settles who is wrong, which may use it up.
        return self.unseen(wanted) if self._verifier.decide(resource, look) else resource

    def unseen(self, wanted: Wanted, *, new: bool = False) -> Resource:
        """Returns an unused resource without looking at it; a `new` one doesn't come from the reserve.

        Raises NotTestable where there is none.
        """
        resource = self._reserve.take(wanted) if self._reserve is not None and not new else None
        if resource is None:
            try:
                resource = self._provisioner.setup(wanted)
            except NotTestable as fault:
                fault.lacks = wanted.of_whom()
                raise
            segment(resource.id)  # raises for an id that no URL can name
            if not self._claims.claim(resource.id):
                raise NotTestable(
                    f"the state source handed out {line(resource.id, 80)} twice",
                    hint="Every setup has to make a new resource: a cancelled one can't be used again.",
                )
        self._given.append(resource)
        self.handed[segment(resource.id)] = wanted
        return resource

    def handed_before(self, wanted: Wanted) -> Resource | None:
        """Returns a resource that was handed out here for just that wish, and not settled; None where there is none."""
        return next(
            (one for one in self._given if one.wanted == wanted and one.id not in self._settled), None
        )

    def has(self, resource: Resource) -> bool:
        """Returns whether a resource was leased here, and will be offered back from here."""
        return resource in self._given

    def set_aside(self, resource: Resource) -> None:
        """Puts a leased resource into the reserve, for the first lease of its kind in any process."""
        assert self._reserve is not None
        self._given.remove(resource)
        self._reserve.put(resource)

    def settle(self, resource: Resource) -> None:
        """Asks the target to try to pay a resource that was leased here."""
        self._settled.add(resource.id)
        self._provisioner.settle(resource)

    def return_all(self, parallel: int) -> None:
        """Offers everything back, `parallel` at a time."""
        given, self._given = self._given, []
        if given:
            with ThreadPoolExecutor(max_workers=parallel) as pool:
                list(pool.map(self._provisioner.teardown, given))

    def return_later(self) -> None:
        """Leaves all resources to the process that ends the run: until then other workers may look at them."""
        assert self._returns is not None
        given, self._given = self._given, []
        for resource in given:
            self._returns.put(resource)

    def return_reserve(self) -> None:
        """Takes over what nobody took, and the resources that were left for the end: they are offered back, too."""
        for waiting in (self._reserve, self._returns, self._prepared):
            if waiting is not None:
                self._given += waiting.rest()
