"""A few withdraws, read, cancelled and read again for several checks: a defect may show on one kind alone."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
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
from conformance.suites.withdraws.assertions import accepted, data, succeeded
from conformance.suites.withdraws.client import Withdraws

# Amounts, names and metadata differ from withdraw to withdraw, and so does what is done to them.
_FRESH, _FRESH_S = 2.0, 1.1
_LATER_S = 0.25


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


class Observed:
    """Withdraws that are read, cancelled by their owner and read again, for several checks."""

    def __init__(self, api: Withdraws, given: Given, recorder: Recorder) -> None:
        self._api, self._given, self._recorder = api, given, recorder

    def first(self) -> Cancelled:
        """Returns a pending withdraw which nothing else was asked of; `reply` may be a refusal.

        Where its cancel fails, it is for no other request's sake. Raises as `given` does.
        """
        return self._given.once("first", lambda: self._cancelled(self._look("", "pending", {})))

    def some(self) -> "CancelledWithdraws":
        """Returns the first and some more, which are left out where they can't be had, or cancelled.

        Raises a Violation of a control where the first wasn't cancelled.
        """
        first = self.first()
        accepted(first.reply, "the documented cancel with which the check begins", control=True)
        return self._given.once("some", lambda: CancelledWithdraws([first, *self._others()], self._recorder))

    def _others(self) -> list[Cancelled]:
        kinds = [("a withdraw of the other merchant", "pending", {"owner": "other_merchant"})]
        if self._api.declares_cancel_processing:
            mine: dict[str, str] = {}
            kinds.insert(0, ("a processing withdraw", "processing", mine))
            theirs = {"owner": "other_merchant"}
            kinds.append(("a processing withdraw of the other merchant", "processing", theirs))
        found = []
        with suppress(NotTestable, Violation):
            found.append(cancelled_twice(self._api, self._given, self._recorder).observed)
        made = []
        for kind in kinds:
            with suppress(NotTestable):
                made.append(self._look(*kind))
        self._wait(made)
        return [*found, *(one for one in map(self._cancelled, made) if succeeded(one.reply))]

    def _look(self, on: str, status: str, more: Mapping[str, str]) -> _Made:
        withdraw = (self._given.used if on else self._given)(status, **more)
        api, already = self._api, len(self._recorder.exchanges)
        read = api.read(withdraw, by=withdraw.wanted.whose) if api.can_read and on else None
        before = data(read) if read is not None else None
        if not on:
            # Whether reads work is for the checks that are about these.
            with suppress(Violation):
                before = api.look(withdraw)
        return _Made(withdraw, on, before or None, tuple(self._recorder.exchanges[already:]))

    def _wait(self, made: Sequence[_Made]) -> None:
        """By a clock of seconds, too, a cancel then comes later than the creation."""
        if any(_is_fresh(one.before or one.withdraw.facts) for one in made):
            time.sleep(_FRESH_S)

    def _cancelled(self, one: _Made) -> Cancelled:
        api, by = self._api, one.withdraw.wanted.whose
        already = len(self._recorder.exchanges)
        if not one.on:
            self._wait([one])
        reply = api.cancel(one.withdraw, by=by)
        read = api.confirmed(one.withdraw, by=by) if api.can_read and succeeded(reply) else None
        made = (*one.exchanges, *self._recorder.exchanges[already:])
        return Cancelled(one.withdraw, one.before, reply, read, one.on, made)


class CancelledWithdraws:
    """Up to five cancelled withdraws, in `all`.

    Two are pending, one is processing (where the profile declares that these can be cancelled), and one of each is
    the other merchant's.
    """

    def __init__(self, every: Sequence[Cancelled], recorder: Recorder) -> None:
        self.all, self._recorder = every, recorder

    def cite(self, some: Sequence[Cancelled]) -> None:
        """Adds the exchanges of some of them to the record of the running check."""
        for one in some:
            self._recorder.cite(one.exchanges)


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


class Refusals:
    """One refused withdraw of each final state, whose first request is the first of the two cancels."""

    def __init__(self, api: Withdraws, given: Given) -> None:
        self._api, self._given = api, given

    def of(self, status: str) -> Refused:
        """Returns the refused withdraw of a state. Raises as `given` does."""
        return self._given.once(("refused", status), lambda: self._refused(status))

    def _refused(self, status: str) -> Refused:
        api, withdraw = self._api, self._given(status)
        before = api.look(withdraw)
        first = api.cancel(withdraw)
        read = api.read(withdraw) if api.can_read else None
        return Refused(withdraw, before, first, read, api.cancel(withdraw))


@dataclass(frozen=True, slots=True)
class Twice:
    """A withdraw that was cancelled, and asked to be cancelled twice more.

    `observed` is its first cancel, with a read right before and after it; `read` is a read after the other two, and
    `later` one a little later. Both are None without a read endpoint: there, the `third` cancel comes a little later.
    """

    observed: Cancelled
    second: Reply
    third: Reply
    read: Reply | None
    later: Reply | None

    @property
    def seen(self) -> Reply | None:
        """The read right after the first cancel; None without a read endpoint."""
        return self.observed.read


def cancelled_twice(api: Withdraws, given: Given, recorder: Recorder) -> Twice:
    """Returns the withdraw that the checks share. Raises a Violation of a control where it isn't cancelled at all."""

    def make() -> Twice:
        withdraw, already = given.used("pending"), len(recorder.exchanges)
        before = data(api.read(withdraw)) if api.can_read else None
        if _is_fresh(before or withdraw.facts):
            time.sleep(_FRESH_S)
        done = api.cancels(withdraw)
        seen = api.confirmed(withdraw) if api.can_read else None
        on, made = "another pending withdraw", tuple(recorder.exchanges[already:])
        observed = Cancelled(withdraw, before or None, done, seen, on, made)
        second = api.cancel(withdraw)
        if seen is None:
            time.sleep(_LATER_S)
            return Twice(observed, second, api.cancel(withdraw), None, None)
        third, read = api.cancel(withdraw), api.read(withdraw)
        time.sleep(_LATER_S)
        return Twice(observed, second, third, read, api.read(withdraw))

    return given.once("cancelled twice", make)


@dataclass(frozen=True, slots=True)
class OfAnother:
    """A withdraw of the other merchant that its owner cancelled: `done` is the answer.

    Right after it this merchant asked to cancel it (`stranger`), and then its owner once more (`again`).
    """

    withdraw: Resource
    done: Reply
    stranger: Reply
    again: Reply


def cancelled_by_another(api: Withdraws, given: Given) -> OfAnother:
    """Returns the withdraw that the checks share. Raises a Violation of a control where it isn't cancelled at all."""

    def make() -> OfAnother:
        withdraw = given.used("pending", owner="other_merchant")
        done = api.cancels(withdraw, by="other_merchant")
        return OfAnother(withdraw, done, api.cancel(withdraw), api.cancel(withdraw, by="other_merchant"))

    return given.once("cancelled by another", make)


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
