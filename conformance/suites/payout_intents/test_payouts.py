"""Payouts that go ahead: whatever refuses a cancel of a processing intent, it ends as one does that was left alone.

The requests are sent before all other checks; what became of the intents is looked at last of all.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, wording
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.run_answers import Mark, RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import is_cancelled, is_open, succeeded
from conformance.suites.payout_intents.client import Ask, PayoutIntents, body_of, encoded
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.proceeding import proceeds

pytestmark = pytest.mark.waits

# Whatever works in the background has been at it by then, in a run that watches nothing for longer, too.
_LATER_S = 0.25
LEFT_ALONE = "processing, and left alone"
"""Marks an intent that no request was about."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Cancels of a processing intent that were answered, in words, and GETs of its owner around them."""

    what: str
    intent: Resource
    before: Reply
    replies: Sequence[Reply]
    after: Reply
    reason: str


Make = Callable[[PayoutIntents, Given, Evidence], Attempt]


def _left_alone(
    api: PayoutIntents, given: Given, evidence: Evidence, run_answers: RunAnswers, owner: str
) -> None:
    """Marks an intent that is left alone, where there is one to spare."""
    with suppress(NotTestable, Violation):
        if owner == "primary":
            untouched = evidence.cancel_refused(state="processing").untouched
            if untouched is not None:
                run_answers.mark(LEFT_ALONE, untouched.intent, untouched.after)
        else:
            other = given("processing", owner=owner)
            run_answers.mark(LEFT_ALONE, other, api.seen(other, by=owner))


def _in_its_own_way(api: PayoutIntents, given: Given, evidence: Evidence) -> Attempt:
    refused = evidence.cancel_refused(state="processing")
    replies = tuple(refused.replies.values())
    return Attempt("a cancel", refused.intent, refused.before, replies, refused.after, refused.reason)


def _by_a_stranger(api: PayoutIntents, given: Given, evidence: Evidence) -> Attempt:
    foreign = evidence.ask_about_other_merchants(state="processing")
    replies = tuple(reply for asked, reply in foreign.replies.items() if asked is not Ask.READ)
    what = "another merchant's cancel"
    return Attempt(what, foreign.intent, foreign.before, replies, foreign.after, foreign.reason)


def _with_wrong_credentials(api: PayoutIntents, given: Given, evidence: Evidence) -> Attempt:
    wrong = api.authorization(secret="no-such-secret-at-all")
    return _attempt(
        api,
        given,
        "a cancel with wrong credentials",
        lambda intent, reason: api.post(intent, body_of(reason), change={"Authorization": None}),
        lambda intent, reason: api.post(intent, body_of(reason), change={"Authorization": wrong}),
    )


def _with_a_wrong_body(api: PayoutIntents, given: Given, evidence: Evidence) -> Attempt:
    return _attempt(
        api,
        given,
        "a cancel with a wrong body",
        lambda intent, reason: api.post(intent, encoded({"reason": [reason]})),
        lambda intent, reason: api.post(intent, b'{"reason": '),
    )


def _attempt(
    api: PayoutIntents, given: Given, what: str, *cancels: Callable[[Resource, str], Reply]
) -> Attempt:
    try:
        intent, reason = given("processing"), api.new_reason()
    except NotTestable as fault:
        raise NotApplicable(f"there is no processing intent to spare: {fault.message}") from None
    before = api.seen(intent)
    # That one of them is never answered is for the requirement about such requests to tell.
    came = [api.answered(partial(cancel, intent, reason), to=what) for cancel in cancels]
    replies = [reply for reply in came if reply is not None]
    if not replies:
        raise NotApplicable(f"{what} is never answered, which is another requirement's affair")
    return Attempt(what, intent, before, replies, api.seen(intent), reason)


KINDS: dict[str, tuple[str, Make]] = {
    "a_refusal": ("PI-05", _in_its_own_way),
    "a_wrong_body": ("PI-05", _with_a_wrong_body),
    "wrong_credentials": ("PI-40", _with_wrong_credentials),
    "a_stranger": ("PI-11", _by_a_stranger),
}
EACH = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=requirement(requirement_id), id=kind)
        for kind, (requirement_id, _) in KINDS.items()
    ],
)


def _attempted(
    api: PayoutIntents, given: Given, evidence: Evidence, run_answers: RunAnswers, kind: str
) -> Attempt:
    """The attempts of a kind, with an intent of the same merchant that is set up beside it and left alone."""

    def make() -> Attempt:
        owner = "other_merchant" if kind == "a_stranger" else "primary"
        evidence.once(("left alone", owner), lambda: _left_alone(api, given, evidence, run_answers, owner))
        attempt = KINDS[kind][1](api, given, evidence)
        if not any(succeeded(reply) for reply in attempt.replies):
            run_answers.mark(kind, attempt.intent, attempt.after)
        return attempt

    return evidence.once(("attempt", kind), make)


_ACCEPTED = "the cancel was accepted, which other requirements judge"


@EACH
def test_refused_cancel_leaves_a_payout_alone(
    api: PayoutIntents, given: Given, evidence: Evidence, run_answers: RunAnswers, kind: str
) -> None:
    """A processing intent isn't cancelled by a cancel that is refused, for whatever cause, nor marked by it."""
    attempt = _attempted(api, given, evidence, run_answers, kind)

    if any(succeeded(reply) for reply in attempt.replies):
        raise NotApplicable(_ACCEPTED)
    when = f"after {attempt.what} was refused"
    proceeds(attempt.after, when, before=attempt.before, reason=attempt.reason, left_alone=None)


@pytest.mark.watch
@EACH
def test_refused_cancel_stops_no_payout(
    api: PayoutIntents,
    given: Given,
    evidence: Evidence,
    run_answers: RunAnswers,
    conformance_session: Session,
    kind: str,
) -> None:
    """A processing intent whose cancel was refused ends as one does that was set up beside it and left alone."""
    if not run_answers.marked(kind):
        _attempted(api, given, evidence, run_answers, kind)
    attempts, untouched = run_answers.marked(kind), _of_the_same(run_answers, kind)
    if not attempts:
        raise NotApplicable(_ACCEPTED)
    if not untouched:
        raise NotApplicable("there is no second processing intent, to be left alone")
    _let_age([*attempts, *untouched], max(_LATER_S, conformance_session.profile.limits.watch_s))

    ends = _ends(api, given, untouched)
    for one in attempts:
        _ends_alike(api, given, one, ends, kind)
    if not ends:
        raise NotApplicable(
            "the intent that was left alone is open still: nothing shows how others should end"
        )


def _of_the_same(run_answers: RunAnswers, kind: str) -> list[Mark]:
    whose = {mark.resource.wanted.whose for mark in run_answers.marked(kind) if mark.resource is not None}
    left = run_answers.marked(LEFT_ALONE)
    return [mark for mark in left if mark.resource is not None and mark.resource.wanted.whose in whose]


def _let_age(marks: Sequence[Mark], age_s: float) -> None:
    """Waits until the last read of each is so old."""
    last = max((mark.sent.reply.finished for mark in marks if mark.sent is not None), default=0.0)
    time.sleep(max(0.0, last + age_s - time.perf_counter()))


def _ends(api: PayoutIntents, given: Given, untouched: Sequence[Mark]) -> dict[str, Reply]:
    """The terminal states that intents have come to which were left alone, by themselves or by the action settle.

    None where one of them is open still: then nothing is known of how others should end.
    """
    found: dict[str, Reply] = {}
    for mark in untouched:
        assert mark.resource is not None
        read = _settled(api, given, mark.resource)
        if is_open(read):
            return {}
        found[str(read.at("status"))] = read
    return found


def _settled(api: PayoutIntents, given: Given, intent: Resource) -> Reply:
    by = intent.wanted.whose
    read = api.seen(intent, by=by)
    if is_open(read) and given.settle(intent, may_refuse=True):
        return api.until(lambda: api.read(intent, by=by), lambda reply: not is_open(reply))
    return read


def _ends_alike(api: PayoutIntents, given: Given, mark: Mark, ends: dict[str, Reply], kind: str) -> None:
    assert mark.resource is not None
    intent, by = mark.resource, mark.resource.wanted.whose
    read = _settled(api, given, intent)
    if ends and is_open(read):
        # It may be a little behind.
        read = api.until(lambda: api.read(intent, by=by), lambda reply: not is_open(reply))
    after = _AFTER[kind]
    status = wording.of(read, "status")
    wanted = " or ".join(map(wording.value, ends))
    good = not is_cancelled(read) and (not ends or str(read.at("status")) in ends)
    expect.that(
        good,
        expected=f"a processing intent to end as one does that was set up beside it and left alone: {wanted}"
        if ends
        else "a processing intent not to be cancelled",
        observed=f"status is {status} in the end, after {after} (GET was answered {summary.of(read)})",
        reply=read,
        hint="Does the refused request leave a mark, a lock or an order to wait behind?",
        fault=f"After {after}, a processing intent {_ended(read, status)}"
        + (f"; one that was left alone was {wanted} by then" if ends else ""),
    )


def _ended(read: Reply, status: str) -> str:
    return "was never paid: it stayed processing" if is_open(read) else f"ended as {status}"


_AFTER = {
    "a_refusal": "its cancel was refused",
    "a_wrong_body": "a cancel of it with a wrong body was refused",
    "wrong_credentials": "a cancel of it with wrong credentials was refused",
    "a_stranger": "another merchant's cancel of it was refused",
}
