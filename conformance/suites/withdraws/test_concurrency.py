"""Cancels that arrive at the same moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from conformance import expect
from conformance.errors import NotTestable
from conformance.expect import Race, requirement
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws.verbs import REFUSED, Withdraws

# A window of 20 ms is hit by the first round; five find one of a millisecond more often than not.
_ROUNDS = 5
# Resources are dear: what differs in little from that race is tried less often.
_FEWER_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Races:
    """Some rounds of parallel cancels, each of one pending withdraw."""

    rounds: Sequence[Race]
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


def _one_succeeds(race: Race, status: str) -> None:
    expect.that(
        _successes(race) == 1,
        expected=f"exactly one 2xx for {len(race.replies)} cancels of one {status} withdraw",
        observed=f"{_successes(race)} ({race.in_flight} were in flight at once): "
        + ", ".join(str(reply.status) for reply in race.replies),
        reply=next((reply for reply in race.replies if reply.ok), race.replies[0]),
        hint="Check the status and change it in one atomic step: UPDATE ... WHERE status IN (...), or a row lock.",
    )


def _successes(race: Race) -> int:
    return sum(reply.ok for reply in race.replies)
