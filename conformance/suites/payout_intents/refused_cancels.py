"""Documented cancels of intents that require approval that were refused, for the checks that look back on the run."""

from collections.abc import Sequence

from conformance.http.reply import Reply
from conformance.oracles import equality, refused_cancels
from conformance.oracles.refused_cancels import RefusedCancel, RefusedCancels
from conformance.oracles.run_answers import UNEXPLAINED, RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.client import UNSURE, PayoutIntents
from conformance.suites.payout_intents.first_cancels import keys_of

OPEN = "requires_approval"


def of(api: PayoutIntents, given: Given, run_answers: RunAnswers) -> RefusedCancels:
    """Returns the documented cancels by owners, under new keys, that were refused for no reason that is known.

    Where there is one alone, or one that may be hidden in a race, up to twenty more intents are cancelled: what happens
    to each nth happens again.
    """

    def again(intent: Resource) -> Reply | None:
        reply = api.cancel(intent, by=intent.wanted.whose)
        return reply if succeeded(reply) else None

    def is_open(intent: Resource) -> bool:
        return equality.same(api.read(intent, by=intent.wanted.whose).at("status"), OPEN)

    def was_open(intent: Resource) -> bool:
        return intent.status == OPEN

    def look() -> list[RefusedCancel]:
        left = {mark.id for mark in run_answers.marked(UNSURE)} | {one.id for one in api.settled}
        found = refused_cancels.refused(
            _under_new_keys(run_answers.answers()), was_open, lambda one: succeeded(one.reply), left=left
        )
        marked = {mark.id for mark in run_answers.marked(UNEXPLAINED)}
        return refused_cancels.confirmed(found, again, is_open, marked)

    def one_more() -> Reply | None:
        return refused_cancels.one_more(lambda: given(OPEN), api.cancel)

    sure, more = refused_cancels.looked_for(
        look,
        one_more,
        lambda: refused_cancels.losers_differ(_under_new_keys(run_answers.answers()), was_open),
    )
    return RefusedCancels(sure, more, sum(map(_is_good, run_answers.answers())))


def _under_new_keys(answers: Sequence[RecordedAnswer]) -> list[RecordedAnswer]:
    """Returns the answers without those to cancels whose key was used before: a used key is a reason to refuse."""
    used: set[str] = set()
    found = []
    for one in sorted(answers, key=lambda each: each.reply.written):
        own = set(keys_of(one))
        if one.reply.ok or not own & used:
            found.append(one)
        used |= own
    return found


def _is_good(one: RecordedAnswer) -> bool:
    """Whether it is an owner's documented cancel of an intent that required approval."""
    intent = one.resource
    return one.documented and intent is not None and one.by == intent.wanted.whose and intent.status == OPEN
