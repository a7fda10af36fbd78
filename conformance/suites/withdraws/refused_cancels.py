"""Documented cancels of pending withdraws that were refused, for the checks that look back on the run."""

from collections.abc import Iterator, Sequence

from conformance.http.reply import Reply
from conformance.oracles import refused_cancels
from conformance.oracles.every_run import UNEXPLAINED, EveryRun, Sent
from conformance.oracles.refused_cancels import RefusedCancels
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import REFUSED, succeeded, told
from conformance.suites.withdraws.client import SETTLED, UNSURE, Withdraws


def of(api: Withdraws, given: Given, every_run: EveryRun) -> RefusedCancels:
    """Returns the documented cancels by owners that were refused for no reason that is known.

    Where there is one alone, up to twenty more withdraws are cancelled: what happens to each nth happens again.
    """

    def again(withdraw: Resource) -> Reply | None:
        reply = api.cancel(withdraw, by=withdraw.wanted.whose)
        return reply if succeeded(reply) else None

    def is_open(withdraw: Resource) -> bool:
        whose = withdraw.wanted.whose
        if api.can_read:
            return bool(told(api.read(withdraw, by=whose), "data.status") == "pending")
        # Refused as one that is in another state by now, it may be.
        return api.cancel(withdraw, by=whose).status not in (200, REFUSED.status)

    answers = every_run.answers()
    left = {mark.id for word in (SETTLED, UNSURE) for mark in every_run.marked(word)}
    found = refused_cancels.refused(
        answers, lambda one: one.status == "pending", lambda one: succeeded(one.reply), left=left
    )
    marked = {mark.id for mark in every_run.marked(UNEXPLAINED)}
    sure = refused_cancels.confirmed(found, again, is_open, marked)
    more = refused_cancels.one_more(lambda: given("pending"), api.cancel) if len(sure) == 1 else None
    return RefusedCancels(sure, more, sum(map(_is_good, every_run.answers())))


def refused_alone(every_run: EveryRun, answers: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    """Yields the answers about each pending withdraw of which every one is a refusal, the earliest first."""
    left = {mark.id for word in (SETTLED, UNSURE) for mark in every_run.marked(word)}
    histories: dict[str, list[Sent]] = {}
    for one in sorted(answers, key=lambda each: each.reply.written):
        if one.resource is not None and one.resource.status == "pending" and one.resource.id not in left:
            histories.setdefault(one.resource.id, []).append(one)
    yield from (each for each in histories.values() if all(one.reply.status >= 300 for one in each))


def _is_good(one: Sent) -> bool:
    """Whether it is an owner's documented cancel of a pending withdraw."""
    withdraw = one.resource
    by_owner = one.documented and withdraw is not None and one.by == withdraw.wanted.whose
    return by_owner and withdraw is not None and withdraw.status == "pending"
