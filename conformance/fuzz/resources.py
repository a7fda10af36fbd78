"""Which resource a request is steered to: leased when it is first needed, used again for as long as nothing changed it.

A refusal leaves its resource as it was, so one paid withdraw serves every refusal of a run; a cancelled one is used up.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from conformance.errors import NotTestable, TransportError
from conformance.http.segment import segment
from conformance.session import Session
from conformance.states.resource import Resource, Wanted
from conformance.unknown_ids import sure_like as alike

# The states that a cancel changes; a request for one of these may need a resource of its own.
CONSUMED = {"withdraws": ("pending", "processing"), "payout-intents": ("requires_approval",)}
UNKNOWN = "unknown"
# Older than this, a resource may have moved on by itself: a surprise is confirmed with a new one.
_FRESH_S = 0.5
# So often in a row no resource is to be had, before no more of the state are asked for.
_GIVE_UP = 3


@dataclass(slots=True)
class Held:
    """A leased resource, and when it was leased. `used` counts the requests that it was named in."""

    resource: Resource
    state: str
    since: float = field(default_factory=time.monotonic)
    used: int = 0

    @property
    def id(self) -> str:
        """As the target knows it."""
        return self.resource.id

    def is_fresh(self) -> bool:
        """Whether its state is certain: just leased, and never named in a request before the present one."""
        return self.used <= 1 and time.monotonic() - self.since < _FRESH_S


class Offer(Enum):
    """What can be had of a state just now: a new one, one that is in use, or nothing any more."""

    NEW = "new"
    LATER = "later"
    NONE = "none"


class Supply:
    """Hands out resources per state within a budget. `missing` tells of the states that aren't to be had.

    `lost` is the latest fault where no answer came.

    A resource is in one hand at a time. `wide` is how many of a state may be in use at once, where a state is to be had
    without end; ids from a list are spared. `changed` is notified whenever something comes back.
    """

    def __init__(self, session: Session, examples: int, *, wide: int = 1) -> None:
        self._session = session
        self._api = session.profile.target.api
        self.frugal = session.profile.states.ids is not None
        self._budget = budget(self._api, examples, frugal=self.frugal, wide=wide)
        # Three times as many as the walks need by themselves leave enough to make those smaller that fail.
        self._for_walks = 150 + 4 * examples
        self.walked: Counter[str] = Counter()
        self._least = 1 if self.frugal else wide
        self._free: dict[str, list[Held]] = {}
        self._used: Counter[str] = Counter()
        self.changed = threading.Condition(threading.Lock())
        self._sample: str | None = None
        self.leased: Counter[str] = Counter()
        self.ids: dict[object, Resource] = {}
        self.missing: dict[str, str] = {}
        self.lost: TransportError | None = None
        self._in_vain: Counter[str] = Counter()

    def take(self, state: str, *, extra: int = 0, new: bool = False, spare: bool = False) -> Held | None:
        """A resource in that state, None where there is none left.

        `extra` widens the budget; `new` insists on a resource that was never used; `spare` leaves the last ones to
        requests that are likely to be refused, and so don't use them up.
        """
        with self.changed:
            offer = self.offer(state, extra=extra, new=new, spare=spare)
        if isinstance(offer, Held):
            return offer
        return self.fetch(state) if offer is Offer.NEW else None

    def offer(self, state: str, *, extra: int = 0, new: bool = False, spare: bool = False) -> Held | Offer:
        """As `take`, without waiting for anybody; `changed` has to be held. NEW obliges to call `fetch`."""
        free, most = self._free.get(state, []), self._budget.get(state, self._least)
        scarce = state in self.missing or self.leased[state] >= most + extra
        if spare and len(free) + most - self.leased[state] <= min(2, most // 2):
            return Offer.NONE
        if free and not new:
            held = free.pop()
            held.used += 1
            self._used[state] += 1
            return held
        if scarce:
            return Offer.LATER if self._used[state] and not new else Offer.NONE
        self.leased[state] += 1
        self._used[state] += 1
        return Offer.NEW

    def fetch(self, state: str) -> Held | None:
        """A new resource that `offer` has promised, None where there is none after all.

        A source may be unavailable for a moment: only where none comes time and again, the state isn't asked for any
        more.
        """
        try:
            resource = self._leased(Wanted(self._api, state))
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
        return Held(resource, state, used=1)

    def give_back(self, held: Held, *, good: bool = True) -> None:
        """Nobody uses it any more. If it is still in its state (`good`), whoever asks next gets it."""
        with self.changed:
            self._used[held.state] -= 1
            if good:
                self._free.setdefault(held.state, []).append(held)
            self.changed.notify_all()

    def for_walk(self, wanted: Wanted) -> Resource | None:
        """A new resource for a walk, which doesn't come back. Of ids from a list a walk gets a single one per state."""
        own = wanted.owner is None and wanted.environment is None
        with self.changed:
            spared = self.frugal and (
                not own or wanted.status not in CONSUMED[self._api] or self.walked[wanted.status]
            )
            if spared or self.walked.total() >= self._for_walks:
                return None
            self.walked[wanted.status] += 1
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
        """A resource that a path can name; asked for once more where no answer came.

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
        """What was found of the source of such resources, if it hands out something else; None where nothing was."""
        try:
            self._session.verifier.known(wanted)
        except NotTestable as fault:
            return self._session.redactor.text(fault.message)
        return None

    def unknown_id(self) -> tuple[str, bool]:
        """An id that names nothing, and whether it is sure to look like one of the target's own."""
        if self._api == "withdraws":
            return _uuid(), True
        found = alike(self._sample) if self._sample else None
        if found is None:
            return "word_01" + "".join(
                random.SystemRandom().choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24)
            ), False
        return found, True


def states(api: str, terminal: Sequence[str]) -> tuple[str, ...]:
    """Every state that requests are steered to, in the order of their turns."""
    if api == "withdraws":
        return ("pending", "paid", "failed", "canceled", "processing", UNKNOWN)
    return ("requires_approval", "processing", *dict.fromkeys(("cancelled", *terminal)), UNKNOWN)


def budget(api: str, examples: int, *, frugal: bool, wide: int = 1) -> dict[str, int]:
    """The most resources that a run leases per state that a cancel changes. Frugal with ids from a list."""
    if api == "withdraws":
        return {"pending": 2 if frugal else 4 + examples // 8, "processing": 1 if frugal else max(4, wide)}
    return {"requires_approval": 3 if frugal else 12 + examples * 2 // 5}


def _uuid() -> str:
    digits = f"{random.SystemRandom().getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
