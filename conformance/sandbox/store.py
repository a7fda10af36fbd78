"""The resources of a sandbox, in memory and on one event loop."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Generic, Protocol, TypeVar

from conformance.sandbox.messages import Response
from conformance.sandbox.variants import Own, Variants

_HERE = timezone(timedelta(hours=8))


class Resource(Protocol):
    """The fields of a resource that the store uses."""

    id: str
    merchant: str
    status: str
    updated_at: datetime


R = TypeVar("R", bound=Resource)


class Store(Generic[R]):
    """Resources by id, each with a lock that is held from reading a status to changing it."""

    def __init__(self) -> None:
        self._rows: dict[str, R] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._before: dict[str, tuple[R, float]] = {}

    def get(self, identifier: str) -> R | None:
        """The resource, or None."""
        return self._rows.get(identifier)

    def add(self, row: R) -> None:
        """Keep a new resource."""
        self._rows[row.id] = row
        self._locks[row.id] = asyncio.Lock()

    def keep(self, row: R) -> None:
        """Remember what a resource is like before it is changed, for `lagging`."""
        self._before[row.id] = (copy(row), time.monotonic())

    def lagging(self, row: R, ms: int) -> R:
        """Returns the row as a copy of this store shows it that is `ms` milliseconds behind."""
        before, at = self._before.get(row.id, (row, 0.0))
        return before if time.monotonic() < at + ms / 1000 else row

    def remove(self, identifier: str) -> bool:
        """Forget a resource; whether there was one."""
        self._locks.pop(identifier, None)
        return self._rows.pop(identifier, None) is not None

    def lock(self, row: R) -> asyncio.Lock:
        """The lock of a resource, also of one that has been removed meanwhile."""
        return self._locks.get(row.id) or asyncio.Lock()

    def rows(self) -> list[R]:
        """Returns all rows, oldest first."""
        return list(self._rows.values())


@dataclass(slots=True)
class Entry:
    """One idempotency key's first use. `response` is None while that is still under way."""

    fingerprint: str
    response: Response | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    born: float = field(default_factory=time.monotonic)


Scope = tuple[str, ...]
Keys = dict[Scope, Entry]


class Clock:
    """UTC in whole milliseconds, so that what is shown is exactly what is kept."""

    def __init__(self, skew_s: float = 0.0, step_ms: int = 1) -> None:
        self._skew_s, self._step_ms = skew_s, step_ms

    def ms(self) -> int:
        """Milliseconds since 1970."""
        return int((time.time() + self._skew_s) * 1000)

    def now(self) -> datetime:
        """This instant, by a clock that goes in steps."""
        return _moment(self.ms() // self._step_ms * self._step_ms)

    def exactly(self) -> datetime:
        """This instant."""
        return _moment(self.ms())

    def after(self, *instants: datetime) -> datetime:
        """This instant, or the first millisecond after the given ones if the clock hasn't got there yet.

        A clock of longer steps isn't waited for: what it tells twice is the same.
        """
        least = timedelta(milliseconds=1 if self._step_ms == 1 else 0)
        return max(self.now(), *(instant + least for instant in instants))


def _moment(ms: int) -> datetime:
    seconds, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def instant(moment: datetime, form: str = "ms") -> str:
    """An ISO 8601 instant, in UTC unless `form`, the variant `instants`, is local."""
    if form == "micros":
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if form == "seconds":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if form in ("local", "zone"):
        return moment.astimezone(_HERE).isoformat(timespec="milliseconds")
    text = moment.isoformat(timespec="milliseconds")
    return text if form == "offset" else text.replace("+00:00", "Z")


class AuthLog:
    """Failed authentications, so that a test can prove that no request was wrongly signed by accident."""

    def __init__(self, apis: Iterable[str], size: int = 1000) -> None:
        self._apis = tuple(apis)
        self._entries: deque[dict[str, str]] = deque(maxlen=size)
        self._reasons: dict[str, Counter[str]] = {}
        self._accepted: Counter[str] = Counter()

    def failed(self, api: str, reason: str, method: str, path: str) -> None:
        """Note a failure. Never a credential: a reason of our own words, and where."""
        self._entries.append({"api": api, "reason": reason, "method": method, "path": path})
        self._reasons.setdefault(api, Counter())[reason] += 1

    def accepted(self, api: str) -> None:
        """Count a success."""
        self._accepted[api] += 1

    def summary(self) -> dict[str, dict[str, object]]:
        """Per API: how many failed and why, and how many were accepted."""
        return {
            api: {
                "failed": sum(self._reasons.get(api, Counter()).values()),
                "accepted": self._accepted[api],
                "reasons": dict(self._reasons.get(api, Counter())),
            }
            for api in self._apis
        }

    def entries(self, api: str) -> list[dict[str, str]]:
        """The latest failures of one API, oldest first."""
        return [entry for entry in self._entries if entry["api"] == api]


class World:
    """Everything that a reset throws away."""

    def __init__(self, variants: Variants, own: Own) -> None:
        self.auth_log = AuthLog(own)
        self.keys: Keys = {}
        self.budget: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[object]] = set()
        self.use(variants, own)

    def use(self, variants: Variants, own: Own) -> None:
        """Go on as another implementation, with the same memory. `own` are the switches of each API alone."""
        self.variants = variants
        self.own = own
        self.clock = Clock(variants.clock_skew_s, variants.clock_step_ms)
