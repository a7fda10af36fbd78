"""Cancels that arrive at the same moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from conformance import expect
from conformance.errors import NotTestable
from conformance.expect import Race, requirement
from conformance.http.reply import Reply
from conformance.plugin import Given
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.withdraws.verbs import REFUSED, Withdraws, succeeded

pytestmark = pytest.mark.together

# A window of 20 ms is hit by the first round; five find one of a millisecond more often than not.
_ROUNDS = 5
# Resources are dear: what differs in little from that race is tried less often.
_FEWER_ROUNDS = 2
# Of different withdraws so many at once.
_DIFFERENT = 4
_OWN = ("referenceId", "metadata")


@dataclass(frozen=True, slots=True)
class Races:
    """Some rounds of parallel cancels, each of one pending withdraw."""

    rounds: Sequence[Race]
    exchanges: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Different withdraws, and the answers to cancelling all of them at the same moment."""

    withdraws: Sequence[Resource]
    replies: Sequence[Reply]
    exchanges: tuple[Any, ...]


@pytest.fixture(scope="session")
def evidence(api: Withdraws, given: Given, conformance_session: Session) -> Races:
    """The races, run once; the first one with more than one success ends them."""
    if api.racers < 2:
        raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
    already = len(conformance_session.recorder.exchanges)
    rounds: list[Race] = []
    for _ in range(_ROUNDS):
        race = api.race(given("pending"), api.racers)
        if race.faults:
            raise race.faults[0]
        rounds.append(race)
        if _successes(race) != 1:
            break
    return Races(rounds, tuple(conformance_session.recorder.exchanges[already:]))


@pytest.fixture
def races(evidence: Races, conformance_session: Session) -> Races:
    """The shared evidence, on record with every check that looks at it."""
    conformance_session.recorder.cite(evidence.exchanges)
    return evidence


@requirement("WD-08")
def test_one_of_many_cancels_succeeds(races: Races) -> None:
    """Of parallel cancels of one pending withdraw exactly one succeeds."""
    for race in races.rounds:
        _one_succeeds(race, "pending")
        for reply in race.replies:
            expect.that(
                not reply.ok or reply.at("data.status") not in ("pending", "processing"),
                expected="the one of several cancels that succeeds to show the withdraw as it is then",
                observed=expect.shown(reply),
                reply=reply,
            )


@requirement("WD-02")
def test_one_of_many_cancels_of_a_processing_withdraw_succeeds(api: Withdraws, given: Given) -> None:
    """Of parallel cancels of one processing withdraw, too, exactly one succeeds."""
    if api.racers < 2:
        raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
    for _ in range(_FEWER_ROUNDS):
        race = api.race(given("processing"), api.racers)
        if race.faults:
            raise race.faults[0]
        # It may settle by itself, and then none of them succeeds.
        if _successes(race):
            _one_succeeds(race, "processing")


@requirement("WD-08", level="SHOULD")
def test_losers_of_a_race_are_refused(races: Races) -> None:
    """Those that come too late get the documented refusal."""
    for race in races.rounds:
        for reply in race.replies:
            if not reply.ok:
                expect.answered(reply, REFUSED, to="a cancel that lost a race")


@pytest.fixture(scope="session")
def different(api: Withdraws, given: Given, conformance_session: Session) -> Beside:
    """Cancels of different withdraws, all at once."""
    if api.racers < 2:
        raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
    withdraws = [given("pending") for _ in range(min(api.racers, _DIFFERENT))]
    already = len(conformance_session.recorder.exchanges)
    race = expect.race(api.client, [partial(api.cancel, one) for one in withdraws])
    if race.faults:
        raise race.faults[0]
    return Beside(withdraws, race.replies, tuple(conformance_session.recorder.exchanges[already:]))


@pytest.fixture
def beside(different: Beside, conformance_session: Session) -> Beside:
    """The shared evidence, on record with every check that looks at it."""
    conformance_session.recorder.cite(different.exchanges)
    return different


@requirement("WD-15")
def test_answers_to_parallel_cancels_are_not_mixed_up(beside: Beside) -> None:
    """While several withdraws are cancelled at once, each answer is about the one that was asked for."""
    for withdraw, reply in zip(beside.withdraws, beside.replies, strict=True):
        if not succeeded(reply):
            continue
        told = {"id": withdraw.id, **{key: withdraw.facts[key] for key in _OWN if key in withdraw.facts}}
        crossed = [key for key, value in told.items() if not expect.same(reply.at(f"data.{key}"), value)]
        expect.that(
            not crossed,
            expected=f"the answer to a cancel of {withdraw.id} to be about that one while others are cancelled",
            observed=f"other values of {', '.join(crossed)} ({expect.shown(reply)})",
            reply=reply,
            hint="Is anything of a request kept where another request finds it?",
        )


@requirement("WD-09")
def test_parallel_cancels_of_different_withdraws_all_stand(api: Withdraws, beside: Beside) -> None:
    """Of several withdraws that were cancelled at once each is canceled afterwards."""
    for reply in beside.replies:
        expect.that(
            succeeded(reply),
            expected="a withdraw to be cancelled while others are, too",
            observed=expect.shown(reply),
            reply=reply,
        )
    for withdraw in beside.withdraws:
        expect.answered(
            api.cancel(withdraw),
            REFUSED,
            to="cancelling again what was cancelled beside others",
            hint="Write the one withdraw, and not everything that was read before.",
        )


@requirement("WD-12")
def test_parallel_requests_of_two_merchants_keep_apart(api: Withdraws, given: Given) -> None:
    """While another merchant cancels its own withdraws, this one still can't cancel any of them."""
    if api.racers < 2:
        raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
    pairs = [
        (given("pending", owner="other_merchant"), given("pending", owner="other_merchant"))
        for _ in range(min(api.racers, _DIFFERENT) // 2)
    ]
    calls = [
        call
        for theirs, wanted in pairs
        for call in (partial(api.cancel, theirs, by="other_merchant"), partial(api.cancel, wanted))
    ]

    race = expect.race(api.client, calls)
    if race.faults:
        raise race.faults[0]

    for reply in race.replies[1::2]:
        expect.that(
            not reply.ok,
            expected="cancelling another merchant's withdraw not to succeed while its owner cancels others",
            observed=expect.shown(reply),
            reply=reply,
            hint="Is the caller kept where another request finds it?",
        )
    for _, wanted in pairs:
        api.still_cancels(
            wanted, after="a stranger tried it while its owner cancelled others", by="other_merchant"
        )


def _one_succeeds(race: Race, status: str) -> None:
    expect.that(
        _successes(race) == 1,
        expected=f"exactly one 2xx for {len(race.replies)} cancels of one {status} withdraw",
        observed=f"{_successes(race)} ({race.in_flight} were in flight at once): "
        + ", ".join(str(reply.status) for reply in race.replies),
        reply=next((reply for reply in race.replies if reply.ok), race.replies[0]),
        hint="Check the status and change it in one atomic step: UPDATE ... WHERE status IN (...), or a row lock. "
        "A success that isn't stored looks like this, too."
        if _successes(race)
        else "One of them has to win: a conflict must not refuse them all.",
    )


def _successes(race: Race) -> int:
    return sum(reply.ok for reply in race.replies)
