"""The first requests about each withdraw of a run, for the checks that look back on them."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.suites.withdraws.client import SETTLED, UNSURE, about

_REFUSALS = (400, 404, 409, 422)


def refused(run_answers: RunAnswers, answers: Sequence[RecordedAnswer]) -> Iterator[RecordedAnswer]:
    """Yields the owners' documented cancels of pending withdraws that got a 5xx, or were refused as the first request.

    After other requests about a withdraw a refusal may be due to these: the checks that sent them judge it. Left out
    are withdraws that a caller hung up on or that the target was asked to pay, those that another request was accepted
    for, and answers while any other cancel was under way.
    """
    left = {mark.id for word in (SETTLED, UNSURE) for mark in run_answers.marked(word)}
    in_turn = sorted(answers, key=lambda each: each.reply.written)
    seen: set[str] = set()
    for one in in_turn:
        reply, withdraw = one.reply, about(one)
        is_first = withdraw.id not in seen
        seen.add(withdraw.id)
        if reply.ok:
            left.add(withdraw.id)
        if withdraw.id in left or withdraw.status != "pending":
            continue
        is_refused = reply.status >= 500 or (is_first and reply.status in _REFUSALS)
        by_owner = one.documented and one.by == withdraw.wanted.whose
        if by_owner and is_refused and not _is_beside(one, in_turn):
            yield one


def _is_beside(one: RecordedAnswer, others: Sequence[RecordedAnswer]) -> bool:
    """Returns whether any other request was under way at the same time."""
    reply = one.reply
    return any(
        each is not one and each.reply.written < reply.finished and each.reply.finished > reply.written
        for each in others
    )


def some_of_each_state(asked: Sequence[RecordedAnswer], most: int) -> list[RecordedAnswer]:
    """Returns the first request about each withdraw, and of these a few of each state and owner in turn.

    The oldest come first, and no more than `most`.
    """
    firsts = {about(one).id: one for one in reversed(asked)}
    kinds: dict[tuple[str, str | None], list[RecordedAnswer]] = {}
    for one in sorted(firsts.values(), key=lambda each: each.reply.finished):
        kinds.setdefault((about(one).status, about(one).wanted.owner), []).append(one)
    in_turn = [one for turn in zip_longest(*kinds.values()) for one in turn if one is not None]
    return in_turn[:most]
