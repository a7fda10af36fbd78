"""Races of cancels of one intent: each runs once per run, in several rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from conformance.http.reply import Reply
from conformance.oracles.concurrency import Race
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.client import Call, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FREE_TEXT

# A window of 20 ms is hit by the first round, one of 2 ms by some of them.
_ROUNDS = 4
# Of these so many race with and without keys at once.
_MIXED = 2
# The reasons of those rounds in which all cancels have the same one.
RETRIED = ("looks_like_a_number", "looks_like_a_whole_number", "looks_like_a_date", "looks_like_JSON")


@dataclass(frozen=True, slots=True)
class Round:
    """Cancels of one intent at the same moment, a read, and the same cancel once more (or the read)."""

    intent: Resource
    race: Race
    reasons: tuple[str | None, ...]
    read: Reply
    retry: Reply

    def winners(self) -> list[int]:
        """Which of them were answered by a 2xx."""
        return [number for number, reply in enumerate(self.race.replies) if succeeded(reply)]


def _rounds(
    run: Callable[[], Round], good: Callable[[Round], bool], number: int = _ROUNDS
) -> Sequence[Round]:
    """Runs rounds until one shows a violation, `number` at most."""
    rounds: list[Round] = []
    while len(rounds) < number and (not rounds or good(rounds[-1])):
        rounds.append(run())
    return rounds


def mixed(api: PayoutIntents, given: Given, evidence: Evidence) -> Sequence[Round]:
    """Races of cancels of one intent, some with a key of their own, some without one, one without a reason; run once.

    None where not exactly one succeeded in each: then those with keys and those without race by themselves.
    """
    if given.is_isolated:
        return ()
    evidence.cancelled()

    def begin() -> tuple[tuple[Resource, tuple[str | None, ...]], list[Call]]:
        racers, intent = api.racers, given.used("requires_approval")
        reasons = (api.new_reason(), None, *(api.new_reason() for _ in range(racers - 2)))[:racers]
        # The first two without a key, and every second of the others.
        keys = [None if at < 2 or at % 2 else api.new_key() for at in range(racers)]
        calls: list[Call] = [
            partial(api.cancel, intent, reason=reason, key=key)
            for reason, key in zip(reasons, keys, strict=True)
        ]
        return (intent, reasons), calls

    def run() -> Sequence[Round]:
        rounds = _rounds(lambda: _round(api, begin), _has_one_winner, _MIXED)
        return rounds if all(map(_has_one_winner, rounds)) else ()

    return evidence.once(("with and without keys",), run)


def distinct(api: PayoutIntents, given: Given, evidence: Evidence) -> Sequence[Round]:
    """Races of cancels of one intent, most of them with a key and a reason of its own each; run once."""
    evidence.cancelled()

    def begin() -> tuple[tuple[Resource, tuple[str | None, ...]], list[Call]]:
        racers, intent = api.racers, given.used("requires_approval")
        reasons = tuple(api.new_reason() for _ in range(racers))
        return (intent, reasons), [
            partial(api.cancel, intent, reason=reason, key=api.new_key()) for reason in reasons
        ]

    def run() -> Sequence[Round]:
        others = mixed(api, given, evidence)
        return [*_rounds(lambda: _round(api, begin), _has_one_winner, _ROUNDS - len(others)), *others]

    return evidence.once(("distinct",), run, alone=True)


def _round(
    api: PayoutIntents, begin: Callable[[], tuple[tuple[Resource, tuple[str | None, ...]], list[Call]]]
) -> Round:
    (intent, reasons), race = api.raced(begin)
    read = api.confirmed(intent)
    return Round(intent, race, reasons, read, read)


def _has_one_winner(one: Round) -> bool:
    return len(one.winners()) == 1


def retries(api: PayoutIntents, given: Given, evidence: Evidence) -> Sequence[Round]:
    """Races of cancels with one key and one reason, and the same once more when all is over; run once."""
    evidence.cancelled()
    reasons = cycle(RETRIED)

    def begin() -> tuple[tuple[Resource, str, str], list[Call]]:
        intent, reason, key = given.used("requires_approval"), FREE_TEXT[next(reasons)], api.new_key()
        return (intent, reason, key), [partial(api.cancel, intent, reason=reason, key=key)] * api.racers

    def run() -> Round:
        (intent, reason, key), race = api.raced(begin)
        retry = api.until(partial(api.cancel, intent, reason=reason, key=key), succeeded)
        return Round(intent, race, (reason,) * len(race.replies), api.confirmed(intent), retry)

    def good(one: Round) -> bool:
        return all(succeeded(reply) or reply.status == 409 for reply in one.race.replies)

    return evidence.once(("retries",), lambda: _rounds(run, good), alone=True)
