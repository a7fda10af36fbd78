"""Requests at the same moment: one effect, whatever the others are answered."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.concurrency import Race
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents import races
from conformance.suites.payout_intents.assertions import (
    KEYS,
    NOT_FOUND,
    holds,
    succeeded,
    was_confirmed,
    was_refused,
)
from conformance.suites.payout_intents.client import REASON, Ask, Call, PayoutIntents
from conformance.suites.payout_intents.hang_ups import AT_ONCE, AT_WORK, hung_up, leaves_no_lock
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.races import Round
from conformance.suites.payout_intents.together import Together

pytestmark = pytest.mark.cancels

# Resources are dear: what differs in little from the races that both fixtures run is tried less often.
_FEWER_ROUNDS = 2


@pytest.fixture
def distinct(api: PayoutIntents, given: Given, evidence: Evidence) -> Sequence[Round]:
    """Races of cancels of one intent, each with a key and a reason of its own; run once."""
    return races.distinct(api, given, evidence)


@pytest.fixture
def retries(api: PayoutIntents, given: Given, evidence: Evidence) -> Sequence[Round]:
    """Races of cancels with one key and one reason, and the same once more when all is over; run once."""
    return races.retries(api, given, evidence)


def _statuses(race: Race) -> str:
    often = Counter(map(summary.short, race.replies))
    return f"{', '.join(f'{times} × {what}' for what, times in often.items())} ({race.in_flight} in flight at once)"


def _one_succeeds(race: Race, what: str, read: Call, once_more: Call, *, hint: str) -> None:
    """Exactly one 2xx for cancels at the same moment.

    Where several succeeded, and `read` shows that what one of them has done is kept, `once_more` is sent when all is
    over: if it succeeds, too, that is no matter of races, and `hint` is left out.
    """
    winners = [reply for reply in race.replies if succeeded(reply)]
    if len(winners) == 1:
        return
    said = f"{len(winners)} of {len(race.replies)} succeeded: {_statuses(race)}"
    kept = {wording.of(reply, "failure_message") for reply in winners}
    if len(winners) > 1 and all(reply.at("failure_message") is not MISSING for reply in winners):
        said += (
            f"; all of these got one answer, with failure_message {kept.pop()}"
            if len(kept) == 1
            else f"; they told of {len(kept)} different reasons"
        )
    if not winners:
        # What any such cancel gets, if it is sent alone, other requirements tell: this says only what came.
        crash = next((reply for reply in race.replies if reply.status >= 500), race.replies[0])
        raise expect.Violation(
            expected=f"exactly one 2xx for {len(race.replies)} {what} at the same moment",
            observed=said,
            reply=crash,
            hint=hints.by_answer(
                crash, "Each waits for, or refuses, the others: one of them has to go through."
            ),
            fault=f"None of {len(race.replies)} {what} succeeded at the same moment",
        )
    was_confirmed(read())
    late = once_more()
    alone = f"; one more, sent when all was over, was answered {summary.short(late)}"
    raise expect.Violation(
        expected=f"exactly one 2xx for {len(race.replies)} {what} at the same moment",
        observed=said + alone,
        reply=winners[-1],
        hint="No matter of timing: such a cancel succeeds one after the other, too."
        if succeeded(late)
        else hint,
        fault=f"{len(winners)} of {len(race.replies)} {what} succeeded at the same moment"
        + (", as they do one after the other" if succeeded(late) else ""),
    )


_ONE_STEP = "Check and change in one step: UPDATE ... WHERE status = 'requires_approval', or a row lock."
_ONE_KEY = (
    "Claim the key in one step, and compare the body of a request that waited for another with the same key "
    "before the answer is repeated."
)


@requirement("PI-07")
def test_one_of_many_cancels_succeeds(api: PayoutIntents, distinct: Sequence[Round]) -> None:
    """Exactly one of several parallel cancels of one intent, each under its own key, succeeds."""
    for one in distinct:
        read, once_more = partial(api.confirmed, one.intent), partial(api.cancel, one.intent)
        _one_succeeds(
            one.race, "cancels of one intent, each under its own key,", read, once_more, hint=_ONE_STEP
        )


@requirement("PI-07")
def test_losers_leave_no_reason(distinct: Sequence[Round]) -> None:
    """The reason that is kept is the winner's."""
    for one in distinct:
        losers = {
            reason: one.race.replies[number]
            for number, reason in enumerate(one.reasons)
            if number not in one.winners()
        }
        kept = one.read.at("failure_message")
        loser = losers.get(kept) if isinstance(kept, str) else None
        expect.that(
            loser is None,
            expected="the reason of the cancel that succeeded to be kept",
            observed=f"{wording.shown(one.read, 'failure_message')} in GET, the reason of a cancel that was answered "
            f"{summary.of(loser) if loser is not None else ''}",
            reply=loser,
            hint="Write status and reason together.",
            fault="The reason of a refused cancel was kept, where several came at the same moment",
        )


@requirement("PI-07")
def test_one_of_many_cancels_without_a_key_succeeds(
    api: PayoutIntents, given: Given, evidence: Evidence
) -> None:
    """Exactly one of parallel cancels without keys succeeds: the key isn't the guard of an intent."""
    evidence.cancelled()
    # None of these has a key: in a race with both, those with one leave too few to meet.
    for reason in (REASON, None):

        def begin(reason: str | None = reason) -> tuple[tuple[Call, Call], list[Call]]:
            intent = given.used("requires_approval")
            cancel = partial(api.cancel, intent, reason=reason, key=None)
            return (partial(api.confirmed, intent), cancel), [cancel] * api.racers

        (read, once_more), race = api.raced(begin)
        if not any(succeeded(reply) for reply in race.replies):
            # Where none works that is sent so, that is for PI-30 or PI-23 to judge.
            evidence.is_about_this(race.replies[0], Ask.CANCEL_WITHOUT_KEY)
            evidence.is_about_this(race.replies[0], Ask.CANCEL_WITHOUT_REASON)
        what = f"cancels of one intent without a key{'' if reason else ' and a reason'}"
        _one_succeeds(race, what, read, once_more, hint=_ONE_STEP)


@requirement("PI-15")
def test_cancels_at_the_same_moment_do_not_mix(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together
) -> None:
    """Cancels of different intents at the same moment are each answered with the right intent and reason."""
    evidence.cancelled()
    if together.kept_apart():
        return

    def begin() -> tuple[dict[str, Resource], list[Call]]:
        intents = {api.new_reason(): given.used("requires_approval") for _ in range(min(api.racers, 4))}
        return intents, [partial(api.cancel, intent, reason=reason) for reason, intent in intents.items()]

    intents, race = api.raced(begin)

    for (reason, intent), reply in zip(intents.items(), race.replies, strict=True):
        others = [one.id for one in intents.values() if one != intent] + [
            one for one in intents if one != reason
        ]
        foreign = next((one for one in others if one in reply.text), None)
        expect.that(
            foreign is None and reply.status not in (404, 422),
            expected=f"the answer to a cancel of {intent.id} to be about that, whatever else is cancelled meanwhile",
            observed=f"{foreign} stands in the answer, which is another one's: {summary.of(reply)}"
            if foreign
            else f"a refusal: {summary.of(reply)}",
            reply=reply,
            hint="Is something kept in a place that requests at the same moment share, a global or a singleton?",
            fault="Cancels of different intents at the same moment: one was answered "
            + ("with what belongs to another" if foreign else summary.short(reply)),
        )


@requirement("PI-11")
def test_merchants_at_the_same_moment_are_kept_apart(
    api: PayoutIntents, given: Given, evidence: Evidence
) -> None:
    """While two merchants cancel their own intents, neither of them finds the other one's."""
    given.credentials("other_merchant")

    def begin() -> tuple[list[tuple[Resource, str]], list[Call]]:
        theirs, own = given.used("requires_approval", owner="other_merchant"), given.used("requires_approval")
        both = [(theirs, "primary"), (theirs, "other_merchant"), (own, "other_merchant"), (own, "primary")]
        return both, [partial(api.cancel, intent, by=by) for intent, by in both[: api.racers]]

    for _ in range(_FEWER_ROUNDS):
        both, race = api.raced(begin)

        for (intent, by), reply in zip(both, race.replies, strict=False):
            mine = (intent.wanted.owner or "primary") == by
            whose = "its own" if mine else "the other's"
            if not mine and succeeded(reply):
                # Where one that is sent alone is accepted, too, that is for the checks of a single one to tell.
                alone = api.cancel(given("requires_approval", owner="other_merchant"))
                was_refused(alone, "a cancel of another merchant's intent, sent alone,")
            # Which refusal it is, is asked once, elsewhere.
            holds(
                reply,
                reply.status != NOT_FOUND.status if mine else not succeeded(reply),
                f"{'a 2xx' if mine else NOT_FOUND} when one of two merchants cancels {whose}, both at once",
                fault=f"While two merchants cancelled, a cancel of one's own intent was answered {summary.short(reply)}"
                if mine
                else "While two merchants cancelled, a cancel of the other one's intent was accepted "
                f"({reply.status})",
                hint="Does the caller stand in a place that requests at the same moment share, a global for example?",
            )


@requirement("PI-31")
def test_one_key_with_many_reasons_succeeds_once(
    api: PayoutIntents, given: Given, evidence: Evidence
) -> None:
    """One of several parallel cancels with one key and a reason each succeeds: a conflict in flight is one, too."""
    evidence.cancelled()

    def begin() -> tuple[tuple[Call, Call], list[Call]]:
        intent, key = given.used("requires_approval"), api.new_key()
        cancel, *others = [
            partial(api.cancel, intent, reason=api.new_reason(), key=key) for _ in range(api.racers + 1)
        ]
        return (partial(api.confirmed, intent), cancel), list(others)

    for _ in range(_FEWER_ROUNDS):
        (read, once_more), race = api.raced(begin)
        _one_succeeds(
            race,
            "cancels of one intent with the same key, each for another reason,",
            read,
            once_more,
            hint=_ONE_KEY,
        )


@requirement("PI-07", level="SHOULD")
def test_losers_of_a_race_are_refused(distinct: Sequence[Round], evidence: Evidence) -> None:
    """Cancels that come too late get 422, or 409 while the winner is in progress."""
    # What any cancel of a cancelled intent gets is for PI-04 to judge.
    conflict = evidence.conflict(first="the first reason", second="the other reason")
    fair = (409, 422, conflict.second_under_a_new_key.status)
    for one in distinct:
        # A refusal by a 2xx is told elsewhere.
        unfair = [reply for reply in one.race.replies if not (reply.ok or reply.status in fair)]
        for reply in unfair:
            every = f"{len(one.race.replies)} cancels of one intent at the same moment"
            number = f"{len(unfair)} {'was' if len(unfair) == 1 else 'were'}"
            raise expect.Violation(
                expected=f"422 or 409 for those of {every} that lose",
                observed=f"{summary.of(reply)}, among {_statuses(one.race)}",
                reply=reply,
                hint=hints.by_answer(reply),
                fault=f"Of {every} {number} answered {summary.short(reply)} instead of 422 or 409",
            )


@requirement("PI-36")
def test_parallel_retries_have_one_effect(retries: Sequence[Round], evidence: Evidence) -> None:
    """One of several parallel requests with one key and body takes effect; the others get its answer, or 409."""
    conflict = evidence.conflict(first="the first reason", second="the other reason")
    fair = (409, conflict.first_again.status)
    for one in retries:
        winners = one.winners()
        others = [reply for number, reply in enumerate(one.race.replies) if number not in winners]
        # What any retry gets here, if it is no replay, is for PI-33 to judge.
        unfair = [reply for reply in others if reply.status not in fair]
        neither = next(iter(unfair), None)
        number = f"{len(unfair) or 1} of {len(one.race.replies)} {'was' if len(unfair) < 2 else 'were'}"
        shown = neither or one.race.replies[0]
        expect.that(
            bool(winners) and neither is None,
            expected="the first answer, or 409, for each of the requests with one key and body at the same moment",
            observed=f"{summary.short(shown)}, among {_statuses(one.race)} (this answer was {summary.of(shown)})",
            reply=shown,
            hint=hints.by_answer(
                shown, "Claim the key (an insert under a unique constraint) before anything else is done."
            ),
            fault=f"Of the requests with one key and body at the same moment, {number} answered "
            f"{summary.short(shown)}"
            if winners
            else f"None of {len(others)} requests with one key and body succeeded at the same moment",
        )
        _all_alike([one.race.replies[number] for number in winners])


def _all_alike(replies: Sequence[Reply]) -> None:
    for reply in replies[1:]:
        differing = [key for key in KEYS if not equality.same(reply.at(key), replies[0].at(key))]
        expect.that(
            not differing,
            expected="one and the same answer for requests with one key and body at the same moment",
            observed="; ".join(
                f"{key} is {wording.of(reply, key)} in one and {wording.of(replies[0], key)} in another"
                for key in differing
            )
            + f" (the answer was {summary.of(reply)})",
            reply=reply,
            hint="Did more than one of them take effect?",
            fault="Requests with one key and body at the same moment were answered with different "
            f"{', '.join(differing)}",
        )


@requirement("PI-36")
def test_no_lock_is_left_behind(retries: Sequence[Round], evidence: Evidence) -> None:
    """A retry after the race gets the first answer."""
    usual = evidence.conflict(first="the first reason", second="the other reason").first_again.status
    for one in retries:
        holds(
            one.retry,
            succeeded(one.retry) or one.retry.status == usual,
            "the first answer again once the parallel requests are over",
            hint="Is the key released when its request has ended, and its answer kept?",
            fault="A retry after several requests with its key at the same moment was answered "
            f"{summary.short(one.retry)}",
        )


@requirement("PI-36")
def test_caller_that_hung_up_leaves_no_lock(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """A caller that hung up and sends the same request again gets its 202 within seconds."""
    leaves_no_lock(hung_up(api, given, evidence, AT_ONCE), "")
    leaves_no_lock(hung_up(api, given, evidence, AT_WORK), " while it was worked on")
