"""Deferred control requests: what a check holds of resources that several checks share, and what becomes of them.

A negative check ends with a control request: the documented cancel still works on the same resource. For a resource
that was asked for with `shared`, that is deferred: the check leaves it to the next one, and the cancel that one of them
makes at last proves that none of the requests before it had an effect.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import NotTestable
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Exchange
from conformance.states.leases import Leases
from conformance.states.resource import Resource, Wanted
from conformance.states.shared_resources import SharedResource, SharedResources, WaitingRecords


@dataclass(slots=True)
class Held:
    """A shared resource in the hands of the running check: `shared` as the check got it.

    `is_to_cancel` tells that the check is going to cancel it itself. `proof` is the success of a cancel that it got.
    `is_discarded` tells that it may be in any state now, `is_spare` that the check could do without it. `lacking` tells
    why the check, which asked for an unused one, got one that others had left.
    """

    shared: SharedResource
    is_to_cancel: bool = False
    proof: Exchange | None = None
    is_discarded: bool = False
    lacking: NotTestable | None = None
    is_spare: bool = False

    @property
    def resource(self) -> Resource:
        """The resource."""
        return self.shared.resource


# Where there is a number of resources, at most this part of them waits for a cancel at a time.
_PART = 4


class Sharing:
    """The shared resources of one worker. `cancels` is set by a suite: its documented cancel, by the owner.

    `have` is how many resources of a kind there are, by `Wanted.of_whom`; None where the source makes as many as asked.
    """

    def __init__(
        self, leases: Leases, folder: Path, seed: int, have: Mapping[str, int] | None = None
    ) -> None:
        self._leases, self._have = leases, have
        self.resources, self.waiting = SharedResources(folder, seed), WaitingRecords(folder)
        self.cancels: Callable[[Resource], Reply] | None = None
        # The kinds of which checks behind the running one need one, and how many of a kind none needs.
        self._needed: Collection[str] = ()
        self._spare: Mapping[str, int] = {}
        self.held: list[Held] = []
        # Whether the running check looks at evidence for which a resource was cancelled in vain that others had left.
        self.is_ambiguous = False
        # A resource whose documented cancel was refused to the running check, and that isn't shown cancelled.
        self.doubtful: Resource | None = None
        # Whether each check gets resources that no other has used, and looks for an effect at once.
        self._is_isolated = False
        self._one: Resource | None = None

    def begin(self, needed: Collection[str] = (), spare: Mapping[str, int] | None = None) -> None:
        """Begins a check, which holds nothing.

        Checks behind it need one of the kinds of `needed` to share, and `spare` tells how many of a kind nobody needs.
        """
        self.held, self.is_ambiguous, self.doubtful = [], False, None
        self._needed, self._spare = needed, spare or {}

    @property
    def is_isolated(self) -> bool:
        """Whether the running check shares nothing."""
        return self._is_isolated

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Has the checks in the block share nothing: each gets new resources, and looks for an effect at once."""
        before, self._is_isolated = self._is_isolated, True
        try:
            yield
        finally:
            self._is_isolated = before

    @contextmanager
    def on(self, resource: Resource) -> Iterator[None]:
        """Has the checks in the block send their requests to that one resource, as far as they would share one."""
        self._one = resource
        try:
            yield
        finally:
            self._one = None

    def shared(self, wanted: Wanted) -> Resource:
        """Returns a resource that earlier checks may have sent requests to; within a check, the same one each time.

        Raises NotTestable where there is none.
        """
        for one in self.held:
            if one.resource.wanted == wanted and not (one.proof or one.is_to_cancel or one.is_discarded):
                return one.resource
        if self._one is not None and self._one.wanted == wanted:
            return self._hold(SharedResource(self._one))
        if self._is_isolated:
            return self._leases.lease(wanted)
        found = self.resources.take(wanted)
        if found is None and self._has_enough(wanted):
            found = self.resources.take_fullest(wanted)
        return self.new(wanted, keep=True) if found is None else self._hold(found)

    def spare(self, wanted: Wanted) -> Resource:
        """Returns a resource as `shared` does, for a check that can do without.

        Raises NotTestable where lists of ids hold no more than other checks need.
        """
        whose = wanted.of_whom()
        if self._have is not None and not (self.resources.number(wanted) or self._spare.get(whose, 0) > 0):
            raise NotTestable(f"no {wanted.described().split(' ', 1)[1]} to spare")
        before = len(self.held)
        found = self.shared(wanted)
        for one in self.held[before:]:
            one.is_spare = True
        return found

    def again(self, resource: Resource) -> bool:
        """Takes a resource that an earlier check has sent requests to, on whose results this check relies, too.

        Returns False where it was cancelled by now, which proved that none had an effect, or another check has it.
        """
        if any(one.resource.id == resource.id for one in self.held):
            return True
        found = self.resources.take_this(resource)
        if found is not None:
            self._hold(found)
        return found is not None

    def used(self, wanted: Wanted) -> Resource:
        """Returns a resource to be cancelled, of those that earlier checks left; a new one where there is none.

        Raises NotTestable where there is neither.
        """
        found = None if self._is_last(wanted) else self.left(wanted)
        return self._leases.lease(wanted) if found is None else found

    def left(self, wanted: Wanted) -> Resource | None:
        """Returns a resource to be cancelled that earlier checks left; None where there is none."""
        found = None if self._is_isolated else self.resources.take_fullest(wanted)
        return None if found is None else self._hold(found, is_to_cancel=True)

    def new(self, wanted: Wanted, *, keep: bool = False) -> Resource:
        """Returns an unused resource; where the source has no more of them, one that earlier checks left.

        `keep` leaves it to the next check afterwards. Raises NotTestable where there is neither.
        """
        try:
            found = self._leases.lease(wanted)
        except NotTestable as lacking:
            # Better one that has gone through much than none.
            is_kept = self._is_isolated or (self._is_last(wanted) and not keep)
            used = None if is_kept else self.resources.take_fullest(wanted)
            if used is None:
                raise
            return self._hold(used, is_to_cancel=not keep, lacking=lacking)
        return self._hold(SharedResource(found)) if keep else found

    def _is_last(self, wanted: Wanted) -> bool:
        """Returns whether a single resource is left of a kind of which checks behind this one need one."""
        if self._have is None or self._is_isolated or wanted.of_whom() not in self._needed:
            return False
        return self.resources.number(wanted) == 1

    def _has_enough(self, wanted: Wanted) -> bool:
        """Returns whether so many resources of a kind wait for a cancel that checks have to do with these."""
        if self._have is None:
            return False
        whose = wanted.of_whom()
        # One that waits is used up at last; those beside it are missing where each is needed unused.
        most = min(self._have.get(whose, 0) // _PART, 1 + max(0, self._spare.get(whose, 0)))
        return self.resources.number(wanted) >= max(1, most)

    def are_ambiguous(self, held: Sequence[Held]) -> bool:
        """Returns whether one of these was cancelled in vain after the requests of other checks."""
        return any(one.proof is None and one.shared.unproven for one in held)

    def defers(self, resource: Resource) -> bool:
        """Returns whether the proof that nothing had an effect on a resource may come later.

        Not where it may be in any state by now, as after a request without an answer, nor where a request of the check
        has cancelled it: no later check gets it.
        """
        return any(
            one.resource.id == resource.id and not (one.is_to_cancel or one.is_discarded or one.proof)
            for one in self.held
        )

    def proved(self, resource: Resource, by: Exchange) -> None:
        """Notes that a request cancelled the resource, so that no request before it had an effect."""
        for one in self.held:
            if one.resource.id == resource.id and one.proof is None:
                one.proof = by

    def consume(self, resource: Resource) -> None:
        """Notes that the check is about to leave a resource in a state that nobody knows.

        Raises NotTestable where it isn't an unused one: what others sent to it could be proved no more, and each of
        them would need another one.
        """
        for one in self.held:
            if one.resource.id == resource.id and one.lacking is not None and one.proof is None:
                raise one.lacking
        self.discard(resource)

    def discard(self, resource: Resource) -> None:
        """Notes that a resource may be in any state now: no other check gets it."""
        for one in self.held:
            one.is_discarded |= one.resource.id == resource.id

    def _hold(
        self, one: SharedResource, *, is_to_cancel: bool = False, lacking: NotTestable | None = None
    ) -> Resource:
        self.held.append(Held(one, is_to_cancel, lacking=lacking))
        # Another worker may have leased it.
        self._leases.handed[segment(one.resource.id)] = one.resource.wanted
        return one.resource
