"""Pools leased resources: leases one when it is first needed, and uses it again while nothing has changed it.

A refusal leaves its resource as it was, so that one serves every refusal of a run; a cancelled one is used up.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from conformance.contracts import contract
from conformance.errors import NotTestable, TransportError
from conformance.fuzz.case import Case
from conformance.fuzz.states import budget, consumed
from conformance.http.segment import segment
from conformance.session import Session
from conformance.states.resource import Resource, Wanted

# Older than this, a resource may have moved on by itself: a surprise is confirmed with a new one.
_FRESH_S = 0.5
# With more requests than these, what a resource went through isn't sent once more.
LONGEST_HISTORY = 12
# So often in a row no resource is to be had, before no more of the state are asked for.
_GIVE_UP = 3


@dataclass(slots=True)
class LeasedResource:
    """A leased resource, and when it was leased.

    `used` counts the requests that it was named in; `history` are these, up to as many as can be sent once more.
    """

    resource: Resource
    state: str
    since: float = field(default_factory=time.monotonic)
    used: int = 0
    history: list[Case] = field(default_factory=list)

    def went_through(self, case: Case) -> None:
        """Notes a request that the resource was named in."""
        if len(self.history) <= LONGEST_HISTORY:
            self.history.append(case)

    def past(self) -> tuple[Case, ...]:
        """Returns the requests so far; none where there were too many to send them once more."""
        return tuple(self.history) if len(self.history) <= LONGEST_HISTORY else ()

    @property
    def id(self) -> str:
        """Returns the id that the target knows."""
        return self.resource.id

    def is_fresh(self) -> bool:
        """Returns whether its state is certain: just leased, and named in no request but the present one."""
        return self.used <= 1 and time.monotonic() - self.since < _FRESH_S


class Availability(Enum):
    """The availability of a state: a new resource, one that is in use now, or none any more."""

    NEW = "new"
    LATER = "later"
    NONE = "none"


class ResourcePool:
    """Leases resources per state within a budget. `missing` says why a state isn't available.

    `lost` is the latest fault where no answer came.

    A resource is used by one thread at a time. `wide` is how many of a state may be in use at once, where it is
    available without end; ids from a list are spared. `changed` is notified whenever something comes back.
    """

    def __init__(self, session: Session, examples: int, *, wide: int = 1) -> None:
        self._session = session
        self.api = session.profile.target.api
        self.frugal = session.profile.states.ids is not None
        self._budget = budget(self.api, examples, frugal=self.frugal, wide=wide)
        # Three times as many as the sequences need by themselves leave enough to make those smaller that fail.
        self._for_sequences = 150 + 4 * examples
        self.performed: Counter[str] = Counter()
        self._least = 1 if self.frugal else wide
        self._free: dict[str, list[LeasedResource]] = {}
        self._used: Counter[str] = Counter()
        self.changed = threading.Condition(threading.Lock())
        self._sample: str | None = None
        self.leased: Counter[str] = Counter()
        self.ids: dict[object, Resource] = {}
        self.missing: dict[str, str] = {}
        self.lost: TransportError | None = None
        self._in_vain: Counter[str] = Counter()

    def take(
        self, state: str, *, extra: int = 0, new: bool = False, spare: bool = False
    ) -> LeasedResource | None:
        """Returns a resource in that state, None where none is left.

        `extra` widens the budget; `new` insists on a resource that was never used; `spare` leaves the last ones to
        requests that are likely to be refused, and so don't use them up.
        """
        with self.changed:
            availability = self.availability(state, extra=extra, new=new, spare=spare)
        if isinstance(availability, LeasedResource):
            return availability
        return self.fetch(state) if availability is Availability.NEW else None

    def availability(
        self, state: str, *, extra: int = 0, new: bool = False, spare: bool = False
    ) -> LeasedResource | Availability:
        """Does as `take` without waiting; `changed` has to be held. After NEW, `fetch` has to be called."""
        free, most = self._free.get(state, []), self._budget.get(state, self._least)
        scarce = state in self.missing or self.leased[state] >= most + extra
        if spare and len(free) + most - self.leased[state] <= min(2, most // 2):
            return Availability.NONE
        if free and not new:
            held = free.pop()
            held.used += 1
            self._used[state] += 1
            return held
        if scarce:
            return Availability.LATER if self._used[state] and not new else Availability.NONE
        self.leased[state] += 1
        self._used[state] += 1
        return Availability.NEW

    def fetch(self, state: str) -> LeasedResource | None:
        """Leases a new resource after `availability` returned NEW; returns None where none is available after all.

        A source may be unavailable for a moment: only where none comes time and again, the state isn't asked for any
        more.
        """
        try:
            resource = self._leased(Wanted(self.api, state))
        except (NotTestable, TransportError) as fault:
            with self.changed:
                self.leased[state] -= 1
                self._used[state] -= 1
                self._in_vain[state] += 1
                if isinstance(fault, TransportError):
                    self.lost = fault
                if self._in_vain[state] >= _GIVE_UP:
                    self.missing.setdefault(state, self._session.redactor.text(fault.message))
                self.changed.notify_all()
            return None
        self._in_vain[state] = 0
        self._sample = resource.id
        self.ids[resource.id] = resource
        return LeasedResource(resource, state, used=1)

    def give_back(self, held: LeasedResource, *, good: bool = True) -> None:
        """Returns the resource to the pool; discards it unless it is unchanged (`good`)."""
        with self.changed:
            self._used[held.state] -= 1
            if good:
                self._free.setdefault(held.state, []).append(held)
            self.changed.notify_all()

    def for_sequence(self, wanted: Wanted) -> Resource | None:
        """Leases a new resource for a sequence; it doesn't come back. Of ids from a list, one per state and run."""
        own = wanted.owner is None and wanted.environment is None
        with self.changed:
            spared = self.frugal and (
                not own or wanted.status not in consumed(self.api) or self.performed[wanted.status]
            )
            if spared or self.performed.total() >= self._for_sequences:
                return None
            self.performed[wanted.status] += 1
        if self.frugal:
            held = self.take(wanted.status, new=True)
            if held is None:
                return None
            self.give_back(held, good=False)
            return held.resource
        try:
            resource = self._leased(wanted)
        except (NotTestable, TransportError):
            return None
        self.ids[resource.id] = resource
        return resource

    def _leased(self, wanted: Wanted) -> Resource:
        """Leases a resource that a path can name; asks once more where no answer came.

        Raises NotTestable, TransportError.
        """
        try:
            resource = self._session.leases.lease(wanted)
        except TransportError as fault:
            try:
                resource = self._session.leases.lease(wanted)
            except NotTestable:
                raise fault from None
        segment(resource.id)
        return resource

    def fault(self, wanted: Wanted) -> str | None:
        """Returns what is wrong with the source of such resources, None where nothing is known."""
        try:
            self._session.verifier.known(wanted)
        except NotTestable as fault:
            return self._session.redactor.text(fault.message)
        return None

    def unknown_id(self) -> tuple[str, bool]:
        """Returns an id that names nothing, and whether it is sure to look like one of the target's own."""
        return contract(self.api).unknown_id(self._sample)
