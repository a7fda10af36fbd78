"""A few withdraws, read, cancelled and read again for several checks: a defect may show on one kind alone."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from conformance.errors import NotApplicable, NotTestable
from conformance.http.client import Recorder
from conformance.http.reply import Reply, instant
from conformance.model import Exchange
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import data, succeeded
from conformance.suites.withdraws.client import Withdraws

# Amounts, names and metadata differ from withdraw to withdraw, and so does what is done to them.
_OTHERS = 2
_FRESH, _FRESH_S = 2.0, 1.1


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A withdraw, and what was observed of its cancel.

    `before` is the `data` of a read before the cancel, None without one; `reply` the answer to the documented cancel by
    its owner; `read` the first read afterwards that says canceled, None without a read endpoint. `on` names the kind of
    withdraw in a message ("a processing withdraw"); it is empty for the first, a pending one of the caller's.
    """

    withdraw: Resource
    before: dict[str, Any] | None
    reply: Reply
    read: Reply | None
    on: str
    exchanges: tuple[Exchange, ...]

    @property
    def where(self) -> str:
        """The answer to the cancel, for a title."""
        return f"the answer to {self.cancel} ({self.reply.status})"

    @property
    def cancel(self) -> str:
        """The cancel, as the subject of a sentence."""
        return f"a cancel of {self.on}" if self.on else "a cancel"

    def known(self) -> list[Mapping[str, Any]]:
        """The facts known before the cancel: those of a read, then those of the state source."""
        return [self.before or {}, self.withdraw.facts]

    def told(self, key: str) -> list[Any]:
        """The values of a field known before the cancel."""
        return [source[key] for source in self.known() if key in source]


@dataclass(frozen=True, slots=True)
class _Made:
    """A withdraw before its cancel, and what was read of it."""

    withdraw: Resource
    on: str
    before: dict[str, Any] | None
    exchanges: tuple[Exchange, ...]


class CancelledWithdraws:
    """Up to six cancelled withdraws, in `all`.

    Three are pending, one is processing (where the profile declares that these can be cancelled), and one of each is
    the other merchant's. The first has to be had and cancelled; the others are left out where they can't be.
    """

    def __init__(self, api: Withdraws, given: Given, recorder: Recorder) -> None:
        self._api, self._recorder = api, recorder
        self.all: list[Cancelled] = []
        kinds: list[tuple[str, str, dict[str, str]]] = [("", "pending", {})]
        kinds += [("another pending withdraw", "pending", {})] * _OTHERS
        if api.declares_cancel_processing:
            kinds.append(("a processing withdraw", "processing", {}))
        kinds.append(("a withdraw of the other merchant", "pending", {"owner": "other_merchant"}))
        if api.declares_cancel_processing:
            kinds.append(
                ("a processing withdraw of the other merchant", "processing", {"owner": "other_merchant"})
            )
        made = [one for on, status, more in kinds if (one := self._look(given, on, status, more)) is not None]
        if any(_is_fresh(one.before or one.withdraw.facts) for one in made):
            # By a clock of seconds, too, a cancel then comes later than the creation.
            time.sleep(_FRESH_S)
        for one in made:
            self._cancel(one)

    def cite(self, some: Sequence[Cancelled]) -> None:
        """Adds the exchanges of some of them to the record of the running check."""
        for one in some:
            self._recorder.cite(one.exchanges)

    def _look(self, given: Given, on: str, status: str, more: Mapping[str, str]) -> _Made | None:
        """Leases a withdraw and reads it. Returns None for one that can't be had, unless it is the first."""
        try:
            # The first is a new one: where its cancel fails, it is for no other request's sake.
            withdraw = (given.used if on else given)(status, **more)
        except NotTestable:
            if not on:
                raise
            return None
        api, already = self._api, len(self._recorder.exchanges)
        read = api.read(withdraw, by=withdraw.wanted.whose) if api.can_read and on else None
        before = api.look(withdraw) if not on else data(read) if read is not None else None
        return _Made(withdraw, on, before or None, tuple(self._recorder.exchanges[already:]))

    def _cancel(self, one: _Made) -> None:
        api, by = self._api, one.withdraw.wanted.whose
        already = len(self._recorder.exchanges)
        reply = api.cancel(one.withdraw, by=by) if one.on else api.cancels(one.withdraw)
        if not succeeded(reply):
            return
        read = api.confirmed(one.withdraw, by=by) if api.can_read else None
        made = (*one.exchanges, *self._recorder.exchanges[already:])
        self.all.append(Cancelled(one.withdraw, one.before, reply, read, one.on, made))


@dataclass(frozen=True, slots=True)
class Refused:
    """A withdraw in a final state, and the answers to two cancels of it by its owner.

    `before` is the `data` of a read before the first, and `read` the read behind it; both None without a read endpoint.
    """

    withdraw: Resource
    before: dict[str, Any] | None
    first: Reply
    read: Reply | None
    second: Reply
    exchanges: tuple[Exchange, ...]


class Refusals:
    """One refused withdraw of each final state, whose first request is the first of the two cancels."""

    def __init__(self, api: Withdraws, given: Given, recorder: Recorder) -> None:
        self._api, self._given, self._recorder = api, given, recorder
        self._found: dict[str, Refused] = {}

    def of(self, status: str) -> Refused:
        """Returns the refused withdraw of a state, on record with the running check. Raises as `given` does."""
        if status not in self._found:
            self._found[status] = self._refused(status)
        self._recorder.cite(self._found[status].exchanges)
        return self._found[status]

    def _refused(self, status: str) -> Refused:
        api, withdraw = self._api, self._given(status)
        already = len(self._recorder.exchanges)
        before = api.look(withdraw)
        first = api.cancel(withdraw)
        read = api.read(withdraw) if api.can_read else None
        second = api.cancel(withdraw)
        return Refused(withdraw, before, first, read, second, tuple(self._recorder.exchanges[already:]))


def _is_fresh(known: Mapping[str, Any]) -> bool:
    """Whether a withdraw was changed less than two seconds ago, as far as clocks agree."""
    moment = instant(known.get("updatedAt"))
    return moment is not None and abs((datetime.now(UTC) - moment).total_seconds()) < _FRESH


def each_cancelled(check: Callable[..., None]) -> Callable[..., None]:
    """Runs a check once for each of the cancelled withdraws; a failure names the kind of withdraw.

    The check is not applicable where it is so for all of them.
    """

    @wraps(check)
    def look(cancelled: CancelledWithdraws, **more: Any) -> None:
        passed: list[NotApplicable] = []
        right: list[str] = []
        for one in cancelled.all:
            try:
                check(cancelled=one, **more)
                right.append(one.on.replace("another ", "a ") or "a pending withdraw")
            except NotApplicable as reason:
                passed.append(reason)
            except Violation as fault:
                cancelled.cite([one])
                if one.on and right:
                    fault.expected = f"{fault.expected}, as it was for {' and '.join(dict.fromkeys(right))}"
                raise
        if len(passed) == len(cancelled.all):
            raise passed[0]

    return look
