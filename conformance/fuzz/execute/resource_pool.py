"""Pools leased resources: leases one when it is first needed, and uses it again while nothing has changed it.

A refusal leaves its resource as it was, so that one serves many of them, until a documented cancel uses it up, which
shows that none of them had an effect. From then on it serves as a cancelled one.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from conformance.contracts import contract
from conformance.errors import NotTestable, TransportError
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.state_order import DEFAULT, budget, cancelling, consumed
from conformance.http.segment import segment
from conformance.session import Session
from conformance.states.resource import Resource, Wanted

# Older than this, a resource may have moved on by itself: a surprise is confirmed with a new one.
_FRESH_S = 0.5
# So many requests name one that may still be cancelled, before a documented cancel has to show that none of them had an
# effect; more only where no other one is to be had.
CAP = 8
# With more requests than these, what a resource went through isn't sent once more as a whole; more than those are not
# remembered.
LONGEST_HISTORY, _REMEMBERED = 12, 60
# What a run may lease more than it had planned, once something is wrong; less of what somebody has to make by hand.
_EXTRA, _EXTRA_OF_LISTS = 200, 30
# So many that were lost without having served, for want of an answer say, are replaced.
_REPLACED = 8
ODD = (Mutation.BODY, Mutation.FIELD_TYPE, Mutation.FIELD_LENGTH, Mutation.TYPE)
"""Inputs that some servers accept and others refuse, both honestly."""
# So many are left to what uses its resource up, where requests with a body are of many kinds.
_SPARED = 1
# So often in a row no resource is to be had, before no more of the state are asked for.
_GIVE_UP = 3
_WAIT_S = 0.2


@dataclass(slots=True)
class LeasedResource:
    """A leased resource, and when it was leased.

    `used` counts the requests that it was named in; `history` are these.
    """

    resource: Resource
    state: str
    since: float = field(default_factory=time.monotonic)
    used: int = 0
    history: list[Case] = field(default_factory=list)

    def went_through(self, case: Case) -> None:
        """Notes a request that the resource was named in."""
        if len(self.history) < _REMEMBERED:
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

    `source_faults` says why the source had no resource of a state when it was last asked for one.
    `lost` is the latest fault where no answer came. `unavailable` counts the requests by the state that was missing.
    `reserved` are states that nothing is taken of before `borrow` was called.

    A resource is used by one thread at a time. `wide` is how many of a state that nothing changes may be in use at
    once, with more examples than by default. `changed` is notified whenever something comes back.
    """

    def __init__(self, session: Session, examples: int, *, wide: int = 1) -> None:
        self._session = session
        self.api = session.profile.target.api
        self.extra = _EXTRA if session.profile.states.ids is None else _EXTRA_OF_LISTS
        self._budget = budget(self.api, examples)
        self._consumed = consumed(self.api)
        self._spared = _SPARED if cancelling(self.api).has_body else 0
        # Three times as many as the sequences need by themselves leave enough to make those smaller that fail.
        self._for_sequences = 150 + 4 * examples if session.profile.states.ids is None else _EXTRA_OF_LISTS
        self.performed: Counter[str] = Counter()
        # States whose first requests are those of a sequence.
        self.reserved: set[str] = set()
        self._least = max(1, min(wide, examples // DEFAULT))
        # Of requests that no document describes, so many may use up what can be cancelled.
        self._odd_ones = 1 + max(0, examples - DEFAULT) // 20
        self._used_up_by_odd: Counter[str] = Counter()
        self._odd_now: Counter[str] = Counter()
        self._replaced: Counter[str] = Counter()
        self._free: dict[str, list[LeasedResource]] = {}
        self._used: Counter[str] = Counter()
        self.changed = threading.Condition(threading.Lock())
        self._sample: str | None = None
        self.leased: Counter[str] = Counter()
        self.unavailable: Counter[str] = Counter()
        self.ids: dict[object, Resource] = {}
        self.missing: dict[str, str] = {}
        self.source_faults: dict[str, str] = {}
        self.lost: TransportError | None = None
        self._in_vain: Counter[str] = Counter()

    def take(self, state: str, *, extra: int = 0, new: bool = False) -> LeasedResource | None:
        """Returns a resource in that state, None where none is left.

        `extra` widens the budget; `new` insists on a resource that was never used.
        """
        with self.changed:
            availability = self.availability(state, extra=extra, new=new)
        if isinstance(availability, LeasedResource):
            return availability
        return self.fetch(state) if availability is Availability.NEW else None

    def borrow(self, state: str, stopped: Callable[[], bool]) -> LeasedResource | None:
        """Returns a resource in that state, once it isn't in use; None where none is to be had."""
        while not stopped():
            with self.changed:
                self.reserved.discard(state)
                availability = self.availability(state)
                if availability is Availability.LATER:
                    self.changed.wait(_WAIT_S)
                    continue
            if isinstance(availability, LeasedResource):
                return availability
            return self.fetch(state) if availability is Availability.NEW else None
        return None

    def availability(
        self,
        state: str,
        *,
        extra: int = 0,
        new: bool = False,
        uses_up: bool = False,
        patient: bool = False,
        odd: bool = False,
    ) -> LeasedResource | Availability:
        """Does as `take` without waiting; `changed` has to be held. After NEW, `fetch` has to be called.

        A request that is likely to change the resource (`uses_up`) gets the one that has gone through most; a `patient`
        one only one that has gone through enough. The last new one is for such a request. What may be accepted or not
        (`odd`) gets none after too many of its kind were accepted.
        """
        if state in self.reserved:
            return Availability.LATER
        most = self._budget.get(state, self._least) + self._replaced[state] + extra
        shared = state in self._consumed
        most -= self._spared if shared and not uses_up else 0
        scarce = state in self.missing or self.leased[state] >= most
        left = self._odd_ones - self._used_up_by_odd[state]
        if odd and shared and left <= self._odd_now[state]:
            # Which of those that are under way will be accepted isn't known yet.
            return Availability.LATER if left > 0 else Availability.NONE
        held = (
            None if new else self._chosen(state, uses_up=uses_up and shared, patient=patient, scarce=scarce)
        )
        if held is not None:
            self._free[state].remove(held)
            held.used += 1
            self._used[state] += 1
            self._odd_now[state] += odd
            return held
        if uses_up and patient and shared:
            return Availability.LATER
        if scarce:
            return Availability.LATER if self._used[state] and not new else Availability.NONE
        self.leased[state] += 1
        self._used[state] += 1
        self._odd_now[state] += odd
        return Availability.NEW

    def _chosen(self, state: str, *, uses_up: bool, patient: bool, scarce: bool) -> LeasedResource | None:
        """Returns a resource that isn't in use, None where there is none, or a new one is due."""
        free = self._free.get(state, [])
        if not free:
            return None
        if uses_up:
            oldest = max(free, key=lambda held: held.used)
            return None if patient and oldest.used < CAP else oldest
        youngest = min(free, key=lambda held: held.used)
        due = state in self._consumed and youngest.used >= CAP and not scarce
        return None if due else youngest

    def fetch(self, state: str, *, odd: bool = False) -> LeasedResource | None:
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
                self._odd_now[state] -= odd
                self._in_vain[state] += 1
                if isinstance(fault, TransportError):
                    self.lost = fault
                self.source_faults[state] = self._session.redactor.text(fault.message)
                if self._in_vain[state] >= _GIVE_UP:
                    self.missing.setdefault(state, self.source_faults[state])
                self.changed.notify_all()
            return None
        self._in_vain[state] = 0
        self.source_faults.pop(state, None)
        self._sample = resource.id
        self.ids[resource.id] = resource
        return LeasedResource(resource, state, used=1)

    def give_back(self, held: LeasedResource, now: str | None, *, odd: bool = False) -> None:
        """Returns the resource to the pool, in the state that it is in `now`; discards it where that is None.

        `odd` as it was taken.
        """
        with self.changed:
            self._used[held.state] -= 1
            self._odd_now[held.state] -= odd
            if now == held.state:
                self._free.setdefault(now, []).append(held)
            elif now is not None:
                self._free.setdefault(now, []).append(LeasedResource(held.resource, now, held.since, used=1))
            self.changed.notify_all()

    def replace(self, state: str) -> None:
        """Notes that a resource was lost without having served: another may take its place, up to a few."""
        with self.changed:
            self._replaced[state] = min(_REPLACED, self._replaced[state] + 1)

    def used_up(self, state: str) -> None:
        """Notes that a request that no document describes has used a resource up."""
        with self.changed:
            self._used_up_by_odd[state] += 1

    def for_sequence(self, wanted: Wanted) -> Resource | None:
        """Leases a new resource for a sequence; it doesn't come back."""
        with self.changed:
            if self.performed.total() >= self._for_sequences:
                return None
            self.performed[wanted.status] += 1
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
            self._session.verifier.reject_known_fault(wanted)
        except NotTestable as fault:
            return self._session.redactor.text(fault.message)
        return None

    def unknown_id(self) -> tuple[str, bool]:
        """Returns an id that names nothing, and whether it is sure to look like one of the target's own."""
        return contract(self.api).unknown_id(self._sample)
