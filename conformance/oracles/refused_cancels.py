"""Documented cancels that were refused for no reason that is known: now and then, or of some resources only."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from conformance.errors import ConformanceError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RecordedAnswer
from conformance.report.safe import counted
from conformance.states import Resource

# An answer for the time being says nothing about the contract.
_TEMPORARY = (429, 502, 503, 504)
# So a target answers that locks a resource, or an account, after requests that proved no identity.
_LOCKED, _MANY, _A_WHILE_S = (401, 403, 423), 3, 10.0
_AT_ONCE_S = 1.0
# Words with a digit in them.
_NEW = re.compile(r"[\w.:+-]*\d[\w.:+-]*")
_MORE = 20
_HINT = (
    "Does each process of the target, and each connection to its database, decide alike? Look for this answer in the "
    "target's log."
)


@dataclass(frozen=True, slots=True)
class RefusedCancel:
    """A refused cancel of a resource that could be cancelled, and how many requests about it came before.

    `later` is the cancel by the same owner that succeeded, None where none has yet; `again` the answer to one that was
    sent for this check.
    """

    sent: RecordedAnswer
    resource: Resource
    before: int
    later: RecordedAnswer | None
    again: Reply | None = None


@dataclass(frozen=True, slots=True)
class RefusedCancels:
    """The refused cancels of a run, and one more that was looked for; `of_all` cancels were sent."""

    found: Sequence[RefusedCancel]
    one_more: Reply | None
    of_all: int

    @property
    def number(self) -> int:
        """Returns how many there are."""
        return len(self.found) + (self.one_more is not None)


def refused(
    answers: Sequence[RecordedAnswer],
    is_about: Callable[[Resource], bool],
    succeeded: Callable[[RecordedAnswer], bool],
    *,
    left: Collection[str],
) -> Iterator[RefusedCancel]:
    """Yields the owners' documented cancels that got a 4xx, of resources that `is_about` tells could be cancelled.

    Passed over are resources whose id is in `left`, what came after a request that was accepted, what was under way
    together with another request about the same resource, and what a lock explains.
    """
    in_turn = sorted(answers, key=lambda one: one.reply.written)
    for history in _histories(in_turn, lambda resource: resource.id not in left and is_about(resource)):
        for at, one in enumerate(history):
            if one.reply.ok:
                break
            if one.resource is not None and _is_refused_to_its_owner(one) and not _is_beside(one, history):
                later = next((each for each in history[at:] if _by_owner(each) and succeeded(each)), None)
                if not _may_be_locked(one, later, in_turn):
                    yield RefusedCancel(one, one.resource, at, later)


def confirmed(
    found: Iterable[RefusedCancel],
    cancel: Callable[[Resource], Reply | None],
    is_open: Callable[[Resource], bool],
    unexplained: Collection[str],
) -> list[RefusedCancel]:
    """Returns those of resources that could surely be cancelled: the same cancel succeeded later, or does so now.

    So they are, too, where a resource in `unexplained`, on which no earlier request has that effect, `is_open` still.
    `cancel` returns the answer to the documented cancel where that succeeds now, and None where it doesn't.
    """
    sure = []
    for one in found:
        again = cancel(one.resource) if one.later is None else None
        if one.later is not None or again is not None:
            sure.append(one if again is None else replace(one, again=again))
        elif one.resource.id in unexplained and is_open(one.resource):
            sure.append(one)
    return sure


def one_more(make: Callable[[], Resource], cancel: Callable[[Resource], Reply]) -> Reply | None:
    """Returns the refusal of one of so many more cancels, each of a new resource; None where there is none.

    What happened once may happen to each twentieth. Ends where the source has no more resources.
    """
    for _ in range(_MORE):
        try:
            resource = make()
        except ConformanceError:
            return None
        reply = cancel(resource)
        if 400 <= reply.status < 500 and reply.status not in _TEMPORARY:
            return reply
    return None


def losers_differ(answers: Sequence[RecordedAnswer], is_about: Callable[[Resource], bool]) -> bool:
    """Returns whether cancels that an owner sent at one time to one resource were refused in different words.

    One that came first, and was refused for no reason, may be among them; a lock is answered so, too. It proves
    nothing, and asks for a look at cancels that are sent by themselves.
    """
    return any(
        len({_words(one.reply) for one in history if _is_loser(one, history)}) > 1
        for history in _histories(answers, is_about)
    )


def looked_for(
    look: Callable[[], Sequence[RefusedCancel]],
    one_more: Callable[[], Reply | None],
    may_be_hidden: Callable[[], bool],
) -> tuple[Sequence[RefusedCancel], Reply | None]:
    """Returns what `look` finds, and `one_more` refusal, which is looked for where there is one alone.

    Where there is none, but one may be hidden in a race, one more is looked for first.
    """
    sure = look()
    if not sure and may_be_hidden() and one_more() is not None:
        sure = look()
    return sure, one_more() if len(sure) == 1 else None


def _histories(
    answers: Iterable[RecordedAnswer], is_about: Callable[[Resource], bool]
) -> list[list[RecordedAnswer]]:
    """Returns the answers about each of the resources, in their order."""
    found: dict[str, list[RecordedAnswer]] = {}
    for one in answers:
        if one.resource is not None and is_about(one.resource):
            found.setdefault(one.resource.id, []).append(one)
    return list(found.values())


def _is_refused_to_its_owner(one: RecordedAnswer) -> bool:
    return _by_owner(one) and 400 <= one.reply.status < 500 and one.reply.status not in _TEMPORARY


def _is_loser(one: RecordedAnswer, history: Sequence[RecordedAnswer]) -> bool:
    return _is_refused_to_its_owner(one) and _is_beside(one, history)


def _words(reply: Reply) -> tuple[int, object, object]:
    """The status of an answer, its code and its message, without what is new in each: numbers, ids and times."""
    message = reply.at("error.message") or reply.at("message")
    return reply.status, reply.at("error.code"), _NEW.sub("", message) if isinstance(message, str) else None


def told(one: RefusedCancel, number: int, of_all: int) -> tuple[str, str]:
    """Returns what was observed of a refused cancel, for a message, and the end of its title.

    `number` of `of_all` documented cancels were refused so.
    """
    again = one.again if one.again is not None else None if one.later is None else one.later.reply
    before = f" after {counted(one.before, 'request')} that had no effect on it" if one.before else ""
    seen = f"{summary.of(one.sent.reply)}{before}"
    seen += f"; sent once more, it was answered {summary.of(again)}" if again is not None else ""
    title = f", and {summary.short(again)} when it was sent once more" if again is not None else ""
    return seen, f"{title} ({number} of {of_all} cancels were refused)" if number > 1 else title


def refused_for_no_reason(refused: RefusedCancels, a_resource: str, the_resource: str) -> Violation:
    """Returns the Violation that tells of the first refused cancel: its resource in words, with either article."""
    one = refused.found[0]
    seen, behind = told(one, refused.number, refused.of_all)
    return Violation(
        expected=f"the documented cancel of {the_resource} {one.resource.id} to succeed each time it is sent",
        observed=seen,
        reply=one.sent.reply,
        hint=_HINT,
        fault=f"A documented cancel of {a_resource} was answered {summary.short(one.sent.reply)}{behind}",
    )


def _by_owner(one: RecordedAnswer) -> bool:
    return one.documented and one.resource is not None and one.by == one.resource.wanted.whose


def _is_same(one: RecordedAnswer, other: RecordedAnswer) -> bool:
    return one.resource is not None and other.resource is not None and one.resource.id == other.resource.id


def _is_beside(one: RecordedAnswer, others: Sequence[RecordedAnswer]) -> bool:
    reply = one.reply
    return any(
        each is not one and each.reply.written < reply.finished and each.reply.finished > reply.written
        for each in others
    )


def _may_be_locked(
    one: RecordedAnswer, later: RecordedAnswer | None, every: Sequence[RecordedAnswer]
) -> bool:
    """Returns whether a lock for some time explains the refusal: of the resource, or of the caller's account."""
    if one.reply.status not in _LOCKED:
        return False
    wrong = [each for each in every if each.reply.exchange.auth is not Auth.DOCUMENTED]
    before = [each for each in wrong if each.reply.written < one.reply.written]
    of_it = [each for each in before if _is_same(each, one)]
    of_late = [each for each in before if each.reply.written > one.reply.written - _A_WHILE_S]
    at_once = later is not None and later.reply.written - one.reply.finished < _AT_ONCE_S
    return len(of_it) >= _MANY or (len(of_late) >= _MANY and not at_once)
