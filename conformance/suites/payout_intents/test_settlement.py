"""Settling and cancelling the same intent, where a test system can be asked to settle."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from conformance.errors import NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, wording
from conformance.oracles.expect import requirement
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import (
    holds,
    is_cancelled,
    is_open,
    succeeded,
    was_confirmed,
    was_refused,
)
from conformance.suites.payout_intents.client import CONFIRMED, FRESH, PayoutIntents

pytestmark = pytest.mark.waits

# By how much a settlement begins later than the cancel that it meets, or earlier: one that goes through a queue is
# begun when a worker comes to it.
_APART_S = (0.0, 0.002, 0.004, -0.002, -0.006, -0.06)
_SETTLES_S = 3.0
_LATER_S = 0.1


def _settled(api: PayoutIntents, intent: Resource) -> Reply:
    """GET once it doesn't show processing any more, or the last one within 3 s."""
    deadline = time.monotonic() + _SETTLES_S
    while (
        equality.says((read := api.seen(intent)).at("status"), "processing") and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    return read


@pytest.fixture(scope="session")
def settling(api: PayoutIntents, given: Given) -> Callable[[Resource], None]:
    """Asks for settlement, after it has worked on an intent that no request cancelled."""
    intent = given("processing")
    given.settle(intent)
    read = _settled(api, intent)
    if equality.says(read.at("status"), "processing"):
        raise NotTestable(
            "settling a processing intent has no effect",
            hint="The action settle has to try to pay it at once.",
        )

    def settle(one: Resource) -> None:
        api.will_settle(one)
        given.settle(one, may_refuse=True)

    return settle


@requirement("PI-09")
def test_cancelled_intent_is_never_executed(
    api: PayoutIntents, given: Given, settling: Callable[[Resource], None]
) -> None:
    """A cancelled intent stays cancelled when it is to be settled, with a reason or without, and once more."""
    intents = {reason: given("requires_approval") for reason in (api.new_reason(), None)}
    for reason, intent in intents.items():
        api.cancels(intent, reason=reason, key=None if reason is None else FRESH)
    before = [api.confirmed(intent) for intent in intents.values()]
    for read in before:
        was_confirmed(read)

    for intent in (*intents.values(), *intents.values()):
        settling(intent)
    time.sleep(_LATER_S)

    for intent, was in zip(intents.values(), before, strict=True):
        _is_cancelled(api.seen(intent), was, "settlements were attempted")


@requirement("PI-09")
def test_seeded_cancelled_intent_is_never_executed(
    api: PayoutIntents, given: Given, settling: Callable[[Resource], None]
) -> None:
    """An intent that was handed over as cancelled stays so when it is to be settled."""
    intent = given("cancelled")
    before = api.seen(intent)
    was_confirmed(before)

    settling(intent)
    time.sleep(_LATER_S)

    _is_cancelled(api.seen(intent), before, "a settlement was attempted")


def _is_cancelled(read: Reply, before: Reply, after: str) -> None:
    kept = ("failure_code", "failure_message")
    holds(
        read,
        is_cancelled(read) and all(equality.same_but_nulls(read.at(key), before.at(key)) for key in kept),
        f"a cancelled intent to be cancelled still after {after}, with "
        + " and ".join(f"{key} {wording.of(before, key)}" for key in kept),
        hint="Settlement has to look at the status again when it executes, in the step that changes it.",
        fault=f"A cancelled intent had {_changed(before, read)} after {after}",
    )


def _changed(before: Reply, read: Reply) -> str:
    keys = ("status", "failure_code", "failure_message")
    wrong = [key for key in keys if not equality.same_but_nulls(read.at(key), before.at(key))]
    key = wrong[0] if wrong else "status"
    return f"{key} {wording.of(read, key)}"


@requirement("PI-09")
@pytest.mark.last
def test_cancelled_intent_is_not_executed_later(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, settling: Callable[[Resource], None]
) -> None:
    """A settlement that was asked for earlier doesn't catch up with a cancelled intent afterwards."""
    if not any(one.status == "cancelled" for one in api.settled):
        settling(given("cancelled"))
        time.sleep(_LATER_S)

    confirmed = {mark.id for mark in run_answers.marked(CONFIRMED)}
    for one in api.settled:
        if one.status == "cancelled" or one.id in confirmed:
            read = api.seen(one)
            holds(
                read,
                is_cancelled(read),
                "a cancelled intent to be cancelled still at the end of the run, after a settlement was attempted",
                fault=f"A cancelled intent had status {wording.of(read, 'status')} at the end of the run, after a "
                "settlement of it was attempted",
                hint="A job that was queued for a payout has to look at its status when it runs.",
            )


@requirement("PI-09")
def test_refused_intent_can_still_be_settled(
    api: PayoutIntents, given: Given, settling: Callable[[Resource], None]
) -> None:
    """A processing intent whose cancel was refused settles as any other."""
    intent = given("processing")
    was_refused(api.cancel(intent))

    settling(intent)

    read = _settled(api, intent)
    holds(
        read,
        not is_open(read) and not is_cancelled(read),
        "a processing intent to settle after its cancel was refused, as one does that nobody tried to cancel",
        fault=f"A processing intent whose cancel was refused had status {wording.of(read, 'status')} when it was to "
        "be settled",
        hint="Does the refused request leave a mark or a lock behind?",
    )


@requirement("PI-09")
def test_settling_and_cancelling_have_one_winner(
    api: PayoutIntents, given: Given, settling: Callable[[Resource], None]
) -> None:
    """When a cancel and a settlement meet, the intent ends as the answer to the cancel says."""
    met: list[tuple[Resource, Reply, Reply]] = []
    for apart_s in _APART_S:
        intent = given("requires_approval")

        def settle_and_look(one: Resource = intent) -> Reply:
            settling(one)
            return api.seen(one)

        met.append((intent, *_meet(partial(api.cancel, intent), settle_and_look, apart_s)))
    time.sleep(_LATER_S / 2)

    for intent, reply, midway in met:
        _agree(reply, midway, api.confirmed(intent) if succeeded(reply) else api.seen(intent))


def _agree(reply: Reply, midway: Reply, read: Reply) -> None:
    """The intent ends as the answer to the cancel says, and isn't cancelled once it was settled."""
    was = midway.at("status")
    holds(
        read,
        is_cancelled(read) == succeeded(reply),
        f"the intent to be what the {reply.status} to the cancel says of it",
        fault=f"A cancel that met a settlement was answered {summary.short(reply)}, but the intent had status "
        f"{wording.of(read, 'status')}",
        hint="Settling and cancelling need the same lock, or the same condition in their UPDATE.",
    )
    holds(
        read,
        is_open(midway) or is_cancelled(midway) or not is_cancelled(read),
        f"an intent that was {was} for a moment not to be cancelled after that",
        fault="An intent was cancelled after it had been settled, when a settlement and a cancel met: its status was "
        f"{wording.of(midway, 'status')}",
        hint="Settling and cancelling need the same lock, or the same condition in their UPDATE.",
    )


def _meet(cancel: Callable[[], Reply], settle: Callable[[], Reply], apart_s: float) -> tuple[Reply, Reply]:
    start = threading.Barrier(2)

    def later() -> Reply:
        start.wait()
        time.sleep(max(0.0, apart_s))
        return settle()

    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(later)
        start.wait()
        time.sleep(max(0.0, -apart_s))
        reply = cancel()
        return reply, other.result()
