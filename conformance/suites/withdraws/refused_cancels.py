"""Documented cancels of pending withdraws that were refused, for the checks that look back on the run."""

from collections.abc import Iterator, Sequence

from conformance.http.reply import Reply
from conformance.oracles import equality, refused_cancels
from conformance.oracles.refused_cancels import RefusedCancel, RefusedCancels
from conformance.oracles.run_answers import UNEXPLAINED, RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import REFUSED, succeeded
from conformance.suites.withdraws.client import SETTLED, UNSURE, Withdraws


def of(api: Withdraws, given: Given, run_answers: RunAnswers) -> RefusedCancels:
    """Returns the documented cancels by owners that were refused for no reason that is known.

    Where there is one alone, or one that may be hidden in a race, up to twenty more withdraws are cancelled: what
    happens to each nth happens again.
    """

    def again(withdraw: Resource) -> Reply | None:
        reply = api.cancel(withdraw, by=withdraw.wanted.whose)
        return reply if succeeded(reply) else None

    def is_open(withdraw: Resource) -> bool:
        whose = withdraw.wanted.whose
        if api.can_read:
            return equality.says(api.read(withdraw, by=whose).at("data.status"), "pending")
        # Refused as one that is in another state by now, it may be.
        return api.cancel(withdraw, by=whose).status not in (200, REFUSED.status)

    def is_pending(withdraw: Resource) -> bool:
        return withdraw.status == "pending"

    def look() -> list[RefusedCancel]:
        left = {mark.id for word in (SETTLED, UNSURE) for mark in run_answers.marked(word)}
        found = refused_cancels.refused(
            run_answers.answers(), is_pending, lambda one: succeeded(one.reply), left=left
        )
        marked = {mark.id for mark in run_answers.marked(UNEXPLAINED)}
        return refused_cancels.confirmed(found, again, is_open, marked)

    def one_more() -> Reply | None:
        return refused_cancels.one_more(lambda: given("pending"), api.cancel)

    sure, more = refused_cancels.looked_for(
        look, one_more, lambda: refused_cancels.losers_differ(run_answers.answers(), is_pending)
    )
    return RefusedCancels(sure, more, sum(map(_is_good, run_answers.answers())))


def refused_alone(
    run_answers: RunAnswers, answers: Sequence[RecordedAnswer]
) -> Iterator[Sequence[RecordedAnswer]]:
    """Yields the answers about each pending withdraw of which every one is a refusal, the earliest first.

    None where a documented cancel got the refusal for a final state: what came before it is judged where that was sent.
    """
    left = {mark.id for word in (SETTLED, UNSURE) for mark in run_answers.marked(word)}
    histories: dict[str, list[RecordedAnswer]] = {}
    for one in sorted(answers, key=lambda each: each.reply.written):
        if one.resource is not None and one.resource.status == "pending" and one.resource.id not in left:
            histories.setdefault(one.resource.id, []).append(one)
    for each in histories.values():
        if all(one.reply.status >= 300 and not _is_final(one) for one in each):
            yield each


def _is_final(one: RecordedAnswer) -> bool:
    return one.documented and one.reply.status == REFUSED.status


def _is_good(one: RecordedAnswer) -> bool:
    """Whether it is an owner's documented cancel of a pending withdraw."""
    withdraw = one.resource
    by_owner = one.documented and withdraw is not None and one.by == withdraw.wanted.whose
    return by_owner and withdraw is not None and withdraw.status == "pending"
