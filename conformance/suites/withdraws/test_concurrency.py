"""Cancels that arrive at the same moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect, hints
from conformance.oracles.concurrency import Race, whole_race
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import REFUSED, accepted, not_cancelled, refused, succeeded
from conformance.suites.withdraws.client import Withdraws

pytestmark = [pytest.mark.together, pytest.mark.cancels]

# A window of 20 ms is hit by the first round; five find one of a millisecond more often than not.
_ROUNDS = 5
# Resources are dear: what differs in little from that race is tried less often.
_FEWER_ROUNDS = 2
# Of different withdraws so many at once.
_DIFFERENT = 3
_OWN = ("referenceId", "metadata")


@dataclass(frozen=True, slots=True)
class Races:
    """Some rounds of parallel cancels, each of one pending withdraw."""

    withdraws: Sequence[Resource]
    rounds: Sequence[Race]


@dataclass(frozen=True, slots=True)
class Beside:
    """Different withdraws, and the answers to cancelling all of them at the same moment."""

    withdraws: Sequence[Resource]
    replies: Sequence[Reply]


@pytest.fixture
def races(api: Withdraws, given: Given) -> Races:
    """The races, run once; the first one with more than one success ends them."""
    return given.once("races", lambda: _races(api, given))


def _races(api: Withdraws, given: Given) -> Races:
    withdraws: list[Resource] = []
    rounds: list[Race] = []
    for _ in range(_ROUNDS):
        withdraw, race = api.race(lambda: given.used("pending"))
        if not _successes(race):
            withdraw, race = api.race(lambda: given("pending"))
        withdraws.append(withdraw)
        rounds.append(race)
        if not _successes(race):
            # WD-01 judges where no withdraw can be cancelled at all.
            api.cancels(given("pending"))
        if _successes(race) != 1:
            break
    return Races(withdraws, rounds)


@requirement("WD-08")
def test_one_of_many_cancels_succeeds(api: Withdraws, races: Races) -> None:
    """Exactly one of several parallel cancels of one pending withdraw succeeds."""
    for withdraw, race in zip(races.withdraws, races.rounds, strict=True):
        # WD-06 and WD-09 judge a withdraw that can be cancelled again at any time: such a race has no winner.
        again = _successes(race) > 1 and succeeded(api.cancel(withdraw))
        _one_succeeds(race, "pending", control=again)


@requirement("WD-02")
def test_one_of_many_cancels_of_a_processing_withdraw_succeeds(api: Withdraws, given: Given) -> None:
    """Exactly one of several parallel cancels of one processing withdraw succeeds, too."""
    for _ in range(_FEWER_ROUNDS):
        withdraw, race = api.race(lambda: given("processing"))
        # The withdraw may settle by itself, and then no cancel succeeds.
        if _successes(race):
            again = _successes(race) > 1 and succeeded(api.cancel(withdraw))
            _one_succeeds(race, "processing", control=again)


@requirement("WD-08", level="SHOULD")
def test_losers_of_a_race_are_refused(api: Withdraws, races: Races) -> None:
    """Cancels that come too late get the documented refusal, or the one that any second cancel gets here."""
    for withdraw, race in zip(races.withdraws, races.rounds, strict=True):
        for reply in race.replies:
            code = reply.at("error.code")
            if succeeded(reply) or (reply.status, code) == (REFUSED.status, REFUSED.code):
                continue
            # WD-06 judges how a second cancel is refused.
            again = api.cancel(withdraw)
            if (reply.status, code) != (again.status, again.at("error.code")):
                refused(reply, f"one of {len(race.replies)} cancels of one withdraw at the same moment")


@pytest.fixture
def beside(api: Withdraws, given: Given) -> Beside:
    """Cancels of different withdraws, all at once; made once."""

    def prepare() -> tuple[list[Resource], list[Callable[[], Reply]]]:
        made = [given.used("pending") for _ in range(min(api.racers, _DIFFERENT))]
        return made, [partial(api.cancel, one) for one in made]

    def make() -> Beside:
        withdraws, race = whole_race(api.client, prepare)
        return Beside(withdraws, race.replies)

    return given.once("beside", make)


@requirement("WD-15")
def test_answers_to_parallel_cancels_are_not_mixed_up(beside: Beside) -> None:
    """While several withdraws are cancelled at once, each answer is about the requested one."""
    for withdraw, reply in zip(beside.withdraws, beside.replies, strict=True):
        if not succeeded(reply):
            continue
        told = {key: withdraw.facts[key] for key in _OWN if key in withdraw.facts}
        others = [one for one in beside.withdraws if one is not withdraw]
        crossed = ["id"] if reply.at("data.id") in [one.id for one in others] else []
        crossed += [
            key for key, value in told.items() if _is_anothers(reply.at(f"data.{key}"), value, key, others)
        ]
        expect.that(
            not crossed,
            expected=f"the answer to a cancel of {withdraw.id} to be about that one while others are cancelled",
            observed=f"{', '.join(f'data.{key}' for key in crossed)} of another withdraw in {summary.of(reply)}",
            reply=reply,
            hint="Is anything of a request kept where another request finds it?",
            fault=f"The answer to a cancel had data.{crossed[0]} of another withdraw, which was cancelled at the same "
            "moment"
            if crossed
            else "",
        )


@requirement("WD-09")
def test_parallel_cancels_of_different_withdraws_all_stand(api: Withdraws, beside: Beside) -> None:
    """Each of several withdraws that were cancelled at once is canceled afterwards."""
    none = not any(map(succeeded, beside.replies))
    for reply in beside.replies:
        accepted(
            reply, f"a cancel of a pending withdraw beside {len(beside.replies) - 1} of others", control=none
        )
    for withdraw in beside.withdraws:
        api.is_really_canceled(
            withdraw,
            what="a withdraw",
            when="after a 200 to its cancel, while others were cancelled",
            hint="Write the one withdraw, and not everything that was read before.",
        )


@requirement("WD-12")
def test_parallel_requests_of_two_merchants_keep_apart(api: Withdraws, given: Given) -> None:
    """While another merchant cancels its own withdraws, this one still can't cancel any of them."""

    def prepare() -> tuple[list[tuple[Resource, Resource]], list[Callable[[], Reply]]]:
        wanted = given.shared("pending", owner="other_merchant")
        made = [
            (given.used("pending", owner="other_merchant"), wanted) for _ in range(min(api.racers // 2, 2))
        ]
        return made, [
            call
            for theirs, wanted in made
            for call in (partial(api.cancel, theirs, by="other_merchant"), partial(api.cancel, wanted))
        ]

    pairs, race = whole_race(api.client, prepare)

    # Where another merchant cancels it at any time, nothing is mixed up: other checks judge that.
    alone = api.cancel(given.shared("pending", owner="other_merchant"))
    apart = not succeeded(alone)
    for reply in race.replies[1::2]:
        not_cancelled(
            reply,
            "a cancel of another merchant's withdraw, while its owner cancels others,",
            withdraw="another merchant's withdraw, while its owner cancelled others,",
            hint="Is the caller kept where another request finds it?",
            control=not apart,
        )
    for wanted in {wanted.id: wanted for _, wanted in pairs}.values():
        api.still_cancels(
            wanted,
            after="a cancel by another merchant, while its owner cancelled others,",
            by="other_merchant",
        )


def _one_succeeds(race: Race, status: str, *, control: bool = False) -> None:
    """Exactly one succeeds. A race is spoken of only where several won: that none did has another cause."""
    won, all_of_them = _successes(race), len(race.replies)
    loser = next((reply for reply in race.replies if not succeeded(reply)), race.replies[0])
    statuses = ", ".join(str(reply.status) for reply in race.replies)
    expect.that(
        won == 1,
        expected=f"exactly one 2xx to {all_of_them} cancels of one {status} withdraw at the same moment",
        observed=f"{won} of {all_of_them} ({statuses}; {race.in_flight} were in flight at once)",
        reply=next((reply for reply in race.replies if succeeded(reply)), race.replies[0]),
        control=control,
        hint="Check the status and change it in one atomic step: UPDATE ... WHERE status IN (...), or a row lock. "
        "(A second cancel of it, sent afterwards, was refused.)"
        if won
        else hints.by_answer(loser, "A cancel by itself succeeds: a conflict must not refuse them all."),
        fault=f"{won} of {all_of_them} cancels of one {status} withdraw succeeded, sent at the same moment"
        if won
        else f"None of {all_of_them} cancels of one {status} withdraw succeeded, sent at the same moment "
        f"({summary.short(loser)})",
    )


def _successes(race: Race) -> int:
    return sum(map(succeeded, race.replies))


def _is_anothers(shown: Any, own: Any, key: str, others: Sequence[Resource]) -> bool:
    """Whether a value in an answer is that of another withdraw than the one that was asked for."""
    return not equality.same(shown, own) and any(equality.same(shown, one.facts.get(key)) for one in others)
