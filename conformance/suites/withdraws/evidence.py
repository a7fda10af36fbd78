"""Withdraws cancelled for several checks to look at: of several kinds, since a mistake may show on one kind alone."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from conformance import expect
from conformance.errors import NotApplicable, NotTestable
from conformance.expect import Violation
from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.verbs import Withdraws, data, succeeded

# What a cancel leaves as it was, but for the amount, which a state provider may write in another way.
FACTS = ("currency", "referenceId", "description", "metadata", "destinationType", "destinationId")
# Amounts, names and metadata differ from withdraw to withdraw, and so does what is done to them.
_OTHERS = 2


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A withdraw, what was known of it before, the answer to cancelling it, and what was read after that.

    `on` says in a message which withdraw it is about; empty for the first, a pending one of the caller's.
    """

    withdraw: Resource
    before: dict[str, Any] | None
    reply: Reply
    read: Reply | None
    on: str
    exchanges: tuple[Exchange, ...]


class Evidence:
    """A few cancelled withdraws; the first had to be cancelled, the others are left out where they weren't."""

    def __init__(self, api: Withdraws, given: Given, recorder: Recorder) -> None:
        self._api, self._recorder = api, recorder
        self.all: list[Cancelled] = []
        self._cancel(given("pending"), "")
        for _ in range(_OTHERS):
            self._try(given, "on another withdraw", "pending")
        if api.declares_cancel_processing:
            self._try(given, "on a withdraw that was processing", "processing")
        self._try(given, "on a withdraw of the other merchant", "pending", owner="other_merchant")

    def cite(self, some: Sequence[Cancelled]) -> None:
        """Puts the exchanges of some of them on the record of the check that runs now."""
        for one in some:
            self._recorder.cite(one.exchanges)

    def _try(self, given: Given, on: str, status: str, **more: str) -> None:
        try:
            withdraw = given(status, **more)
        except NotTestable:
            return
        self._cancel(withdraw, on)

    def _cancel(self, withdraw: Resource, on: str) -> None:
        api, by = self._api, withdraw.wanted.owner or "primary"
        already = len(self._recorder.exchanges)
        read = api.read(withdraw, by=by) if api.can_read and on else None
        before = api.look(withdraw) if not on else data(read) if read is not None else None
        reply = api.cancel(withdraw, by=by) if on else api.cancels(withdraw)
        if not succeeded(reply):
            return
        read = api.confirmed(withdraw, by=by) if api.can_read else None
        made = tuple(self._recorder.exchanges[already:])
        self.all.append(Cancelled(withdraw, before or None, reply, read, on, made))


def of_each(check: Callable[..., None]) -> Callable[..., None]:
    """Has a check look at each of the cancelled withdraws, and say which one it is about.

    It isn't applicable only where it is so to all of them.
    """

    @wraps(check)
    def look(cancelled: Evidence, **more: Any) -> None:
        passed: list[NotApplicable] = []
        for one in cancelled.all:
            try:
                check(cancelled=one, **more)
            except NotApplicable as reason:
                passed.append(reason)
            except Violation as fault:
                cancelled.cite([one])
                if one.on:
                    fault.expected = f"{fault.expected}, {one.on} too"
                raise
        if len(passed) == len(cancelled.all):
            raise passed[0]

    return look


def is_decimal_text(reply: Reply) -> None:
    """The amount is text with a decimal number in it, never a JSON number."""
    expect.field(
        reply,
        "data.amount",
        lambda value: isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII) is not None,
        'a decimal string, like "1000.00"',
        hint="A JSON number loses cents on its way through a float.",
    )
