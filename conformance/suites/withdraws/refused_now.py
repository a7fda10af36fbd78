"""Withdraws whose cancel is refused now, to be looked at some time later."""

import time
from dataclasses import dataclass
from typing import Any

from conformance.errors import NotApplicable, NotTestable
from conformance.http.reply import Reply
from conformance.oracles import expect
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import (
    is_canceled,
    is_unchanged,
    not_cancelled,
    refused_as_before,
    succeeded,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.processing import processing


@dataclass(frozen=True, slots=True)
class Refused:
    """A withdraw, what a read showed of it (None without one), the refusal of its cancel and when that came."""

    withdraw: Resource
    before: dict[str, Any] | None
    reply: Reply
    at: float


def of_each_state(api: Withdraws, given: Given) -> list[Refused]:
    """One refused withdraw of each kind that can be had. Raises the last NotTestable where there is none."""
    found, lacking = [], NotTestable("no withdraw whose cancel is refused")
    for status in ("paid", "failed", "canceled", "processing", "pending"):
        try:
            withdraw = _one_of(api, given, status)
        except (NotTestable, NotApplicable) as fault:
            lacking = fault if isinstance(fault, NotTestable) else lacking
            continue
        before = api.look(withdraw)
        reply = (
            api.send(withdraw, FAILURES["wrong_signature"](api, api.signed()))
            if status == "pending"
            else api.cancel(withdraw)
        )
        if not succeeded(reply):
            found.append(Refused(withdraw, before, reply, time.monotonic()))
    if not found:
        raise lacking
    return found


def _one_of(api: Withdraws, given: Given, status: str) -> Resource:
    """Returns a withdraw in that state. Raises NotTestable where there is none, or no pending one to spare."""
    if status == "processing":
        return processing(given, api.declares_cancel_processing)[0]
    if status == "pending":
        return given.spare(status)
    try:
        return given(status)
    except NotTestable:
        return given.shared(status)


def is_as_it_was(api: Withdraws, one: Refused, when: str, *, hint: str) -> None:
    """Raises a Violation where a withdraw isn't any more what it was when its cancel was refused."""
    kind, status = f"a {one.withdraw.status} withdraw", one.withdraw.status
    final = status in ("paid", "failed", "canceled")
    if one.before is None:
        if status != "pending":
            again = api.cancel(one.withdraw)
            not_cancelled(again, f"a cancel of {kind}, {when},", withdraw=f"{kind}, {when},", hint=hint)
            if final:
                refused_as_before(again, one.reply, kind, when=when, hint=hint)
        return
    read = api.read(one.withdraw)
    expect.that(
        status == "canceled" or not is_canceled(read),
        expected=f"{kind} not to be canceled {when}, after a refused cancel ({one.reply.status})",
        observed=f"a read shows {expect.observed(read, 'data.status', 'data.canceledAt')}",
        reply=read,
        hint=hint,
        fault=f"A cancel of {kind} was refused ({one.reply.status}), and a read shows it canceled {when}",
    )
    if final:
        after = f"a refused cancel ({one.reply.status}), read {when}"
        is_unchanged(one.before, read, after, what=kind, hint=hint)
