"""Paying and cancelling the same withdraw, where a test system can be asked to pay."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http.reply import Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import (
    not_cancelled,
    reads_otherwise,
    stays_canceled,
    stays_paid,
    succeeded,
)
from conformance.suites.withdraws.bad_requests import FAILURES
from conformance.suites.withdraws.client import Withdraws

pytestmark = pytest.mark.waits

# By how much a settlement begins later than the cancel that it meets, or earlier: one that goes through a queue is
# begun when a worker comes to it.
_APART_S = (0.0, 0.002, -0.002, -0.006, -0.06)
_SETTLES_S = 3.0
_LEFT_BEHIND = "Does the refused request leave a mark or a lock behind?"
_LOCK = "Paying and cancelling need the same lock, or the same condition in their UPDATE."


class Settling:
    """Asks for settlement, and reads the outcome. How long that takes was measured once, when this was made.

    `status` is that of the withdraws that are paid when it is asked for: a test system may pay a pending one at once,
    or only one that has gone to its provider.
    """

    def __init__(self, api: Withdraws, given: Given) -> None:
        self._api, self._given = api, given
        self._patience_s = _SETTLES_S
        self.status = next(filter(self._pays, ("pending", "processing")), "")
        if not self.status:
            raise NotTestable(
                "settling a pending withdraw has no effect, nor has settling a processing one",
                hint="The action settle has to try to pay it at once.",
            )

    def _pays(self, status: str) -> bool:
        withdraw = self._given(status)
        clock = time.monotonic()
        self._given.settle(withdraw)
        paid = equality.says(self.paid(withdraw).at("data.status"), "paid")
        if paid:
            self._patience_s = min(_SETTLES_S, 0.3 + 5 * (time.monotonic() - clock))
        return paid

    def ask(self, withdraw: Resource) -> None:
        """Asks the target to try to pay it now; refusing that is as good as trying in vain."""
        self._api.will_settle(withdraw)
        self._given.settle(withdraw, may_refuse=True)

    def paid(self, withdraw: Resource) -> Reply:
        """The first read that says paid, or the last one before the time is up."""
        by = withdraw.wanted.owner or "primary"
        until = time.monotonic() + self._patience_s
        while True:
            read = self._api.read(withdraw, by=by)
            if equality.says(read.at("data.status"), "paid") or time.monotonic() >= until:
                break
            time.sleep(0.02)
        return read


@pytest.fixture(scope="session")
def settling(api: Withdraws, given: Given) -> Settling:
    """Settlement that was seen to work on a withdraw whose cancel was never asked for."""
    if not api.can_read:
        raise NotApplicable("the profile declares no read endpoint, so what was paid can't be seen")
    return Settling(api, given)


@requirement("WD-42")
@pytest.mark.parametrize("status", ["processing", "canceled"])
def test_canceled_in_another_way_is_never_paid(
    api: Withdraws, given: Given, settling: Settling, status: str
) -> None:
    """A withdraw that was processing when it was cancelled isn't paid, nor is one that was handed over as canceled."""
    if status == "processing" and not api.declares_cancel_processing:
        raise NotApplicable("the profile doesn't declare that processing withdraws can be cancelled")
    withdraw = given(status)
    if status == "processing" and not succeeded(api.cancel(withdraw)):
        raise NotApplicable("it could not be cancelled any more, or not at all")

    before = api.seen_canceled(withdraw)
    assert before is not None

    settling.ask(withdraw)
    settling.ask(withdraw)

    stays_canceled(
        api.confirmed(withdraw),
        before,
        "a withdraw that was processing when it was cancelled"
        if status == "processing"
        else "a canceled withdraw",
        when="after two attempts to pay it",
        hint="The payment has to look at the status in the same transaction that pays.",
    )


@requirement("WD-42")
def test_paid_on_request_is_refused(api: Withdraws, given: Given, settling: Settling) -> None:
    """A withdraw that was read before it was paid is refused as any paid one is."""
    withdraw = given(settling.status)
    api.look(withdraw)
    settling.ask(withdraw)
    expect.that(
        equality.says(settling.paid(withdraw).at("data.status"), "paid"),
        expected=f"a {settling.status} withdraw to be paid when that is asked for, so that the check can begin",
        observed="it isn't paid",
        control=True,
    )

    reply = api.cancel(withdraw)
    # WD-04 judges how it is refused.
    kind = "a withdraw that had just been paid"
    not_cancelled(reply, f"a cancel of {kind}", withdraw=kind, hint=_LOCK, read=api.reader(withdraw))
    stays_paid(api.read(withdraw), kind, when="after a refused cancel", hint=_LEFT_BEHIND)


_BEFORE = {
    "somebody_unsigned": "cancels with failing credentials",
    "another_merchant": "a cancel by another merchant",
    "its_owner_in_vain": "two cancels by its owner",
}


@requirement("WD-42")
@pytest.mark.parametrize("by", ["somebody_unsigned", "another_merchant", "its_owner_in_vain"])
def test_refused_cancel_stops_no_payment(api: Withdraws, given: Given, settling: Settling, by: str) -> None:
    """A withdraw whose cancel was refused is paid as any other."""
    if by == "another_merchant":
        withdraw = given(settling.status, owner="other_merchant")
        refused = [api.cancel(withdraw)]
    elif by == "its_owner_in_vain":
        try:
            withdraw = given("processing", provider_supports_cancel=False)
        except NotTestable as fault:
            raise NotApplicable("every processing withdraw can be cancelled here") from fault
        refused = [api.cancel(withdraw), api.cancel(withdraw)]
    else:
        withdraw = given(settling.status)
        refused = [api.send(withdraw, case(api, api.signed())) for case in FAILURES.values()]
    if any(map(succeeded, refused)):
        raise NotApplicable("it was cancelled after all")

    settling.ask(withdraw)

    what, read = f"a {withdraw.status} withdraw", settling.paid(withdraw)
    when = f"when it was to be paid, after {_BEFORE[by]} had been refused"
    stayed = read.ok and read.at("data.status") == withdraw.status
    title = f"{wording.capital(what)} stayed {wording.of(read, 'data.status')} {when}" if stayed else ""
    stays_paid(read, what, when=when, hint=_LEFT_BEHIND, fault=title)


@requirement("WD-42")
def test_paying_and_cancelling_have_one_winner(api: Withdraws, given: Given, settling: Settling) -> None:
    """When a cancel and a settlement meet, the withdraw ends as the answer to the cancel says, and stays so."""
    for apart_s in _APART_S:
        withdraw = given(settling.status)
        reply, midway = _meet(api, withdraw, settling, apart_s)
        read = api.confirmed(withdraw) if succeeded(reply) else settling.paid(withdraw)

        what, when = f"a {settling.status} withdraw", f"after a {reply.status} to a cancel that met a payment"
        if succeeded(reply):
            stays_canceled(read, reply, what, when=when, hint=_LOCK)
        else:
            _is_paid(read, what, when)
        _is_paid(read, "a withdraw that had been read as paid", "a moment later", unless=midway)


def _is_paid(read: Reply, what: str, when: str, *, unless: Reply | None = None) -> None:
    """A read says paid; `unless` is an earlier one, which has to say it first."""
    expect.that(
        equality.says(read.at("data.status"), "paid")
        or (unless is not None and not equality.says(unless.at("data.status"), "paid")),
        expected=f"{what} to be paid {when}",
        observed=f"a read shows {expect.observed(read, 'data.status')}",
        reply=read,
        hint=_LOCK,
        fault=reads_otherwise(read, what, when),
    )


def _meet(api: Withdraws, withdraw: Resource, settling: Settling, apart_s: float) -> tuple[Reply, Reply]:
    """The answer to a cancel, and what is read right after a settlement that began about when it did."""
    start = threading.Barrier(2)

    def pay() -> Reply:
        start.wait()
        time.sleep(max(0.0, apart_s))
        settling.ask(withdraw)
        return api.read(withdraw)

    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(pay)
        start.wait()
        time.sleep(max(0.0, -apart_s))
        reply = api.cancel(withdraw)
        return reply, other.result()
