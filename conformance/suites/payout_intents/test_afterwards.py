"""Later effects: intents that were cancelled, or refused to be, some time ago.

The first checks here come before all others. Those that look back on them follow in the same process once it has no
other check left; the one that watches looks back on all processes.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from conformance.errors import BudgetError, NotApplicable, NotTestable, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.payout_intents import keys as used_keys
from conformance.suites.payout_intents.assertions import (
    KEYS,
    conflict,
    holds,
    is_cancelled,
    is_open,
    succeeded,
    was_confirmed,
    was_refused,
)
from conformance.suites.payout_intents.bare_cancels import bare_cancel
from conformance.suites.payout_intents.client import CONFIRMED, Ask, PayoutIntents
from conformance.suites.payout_intents.everybody import everybody_cancels
from conformance.suites.payout_intents.kept_keys import KeptKeys, Keyed
from conformance.suites.payout_intents.named_everywhere import is_named
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.proceeding import proceeds
from conformance.suites.payout_intents.results import TurnedAway
from conformance.watch import Watched, of_each_kind

pytestmark = pytest.mark.waits

# Whatever works in the background has been at it by then, in a run of few checks too.
_LATER_S = 0.25
# So long for an effect that has come in the end of the run, where it isn't known what it comes from.
_LATE_S = 2.0
# So many of the cancelled intents are looked at again, of each kind of cancel in turn, the oldest first.
_MOST = 24
# Answers to further cancels that are of interest: a replay, a conflict and a refusal.
_ANSWERS = 3
_USUAL = "with a key and with a reason"
KINDS = [
    pytest.param(Evidence.cancel_with_wrong_credentials, marks=requirement("PI-40"), id="wrong_credentials"),
    pytest.param(Evidence.cancel_as_a_stranger, marks=requirement("PI-11"), id="a_stranger"),
    pytest.param(Evidence.cancel_with_a_used_key, marks=requirement("PI-32"), id="a_used_key"),
    pytest.param(
        Evidence.cancel_with_a_wrong_body, marks=requirement("PI-29", level="MUST"), id="a_wrong_body"
    ),
]
Attempt = Callable[..., TurnedAway]


def _aged(reply: Reply) -> str:
    """Waits until an answer is 0.25 s old; returns its age."""
    time.sleep(max(0.0, reply.finished + _LATER_S - time.perf_counter()))
    return f"{time.perf_counter() - reply.finished:.1f} s"


@requirement("PI-01")
def test_cancel_reaches_one_intent(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """A cancel leaves every other intent alone."""
    bystander = evidence.leave_alone()
    one = evidence.cancelled()

    _untouched(bystander, _unnamed(api, given, bystander), "a cancel of another intent", one.reply)


@requirement("PI-01")
@pytest.mark.last
def test_cancels_of_others_leave_an_intent_alone(
    api: PayoutIntents, given: Given, evidence: Evidence
) -> None:
    """The cancels of the run leave an intent alone that no request was about."""
    bystander = evidence.leave_alone()
    evidence.cancelled()
    _aged(bystander.after)

    _untouched(bystander, _unnamed(api, given, bystander), "cancels of other intents alone")

    api.still_cancels(bystander.intent, after="cancels of others")


def _unnamed(api: PayoutIntents, given: Given, bystander: TurnedAway) -> Reply:
    """Returns a GET of an intent that nobody cancels. Raises NotApplicable where a cancel that named it did so."""
    read = api.seen(bystander.intent)
    if is_named(given, bystander.intent) and is_cancelled(read):
        raise NotApplicable(
            "a cancel of another intent that named it has cancelled it, which a check of names tells"
        )
    return read


@pytest.mark.parametrize("kind", KINDS)
def test_turned_away_request_has_no_effect(evidence: Evidence, kind: Attempt) -> None:
    """A cancel that is refused for its sender or its form changes nothing."""
    turned_away = kind(evidence)

    if _was_accepted(turned_away):
        raise NotApplicable(f"one of the cancels with {turned_away.what} was accepted, which others judge")
    if not _untouched(turned_away, turned_away.after, f"cancels with {turned_away.what}"):
        raise NotApplicable("the intent went on by itself")


@pytest.mark.last
@pytest.mark.parametrize("kind", KINDS)
def test_turned_away_request_has_no_late_effect(
    api: PayoutIntents, evidence: Evidence, kind: Attempt
) -> None:
    """A refused cancel isn't carried out later: in the end the intent is as it was, and can be cancelled."""
    turned_away = kind(evidence)
    if turned_away.is_shared:
        if evidence.once(("later", turned_away.intent.id), lambda: _stays_open(api, turned_away)):
            return
        # One of the kinds has an effect: each shows its own. It may take longer than a moment.
        turned_away = kind(evidence, own=True)
        _comes_late(api, turned_away.intent)
    _aged(turned_away.after)
    intent, owner, what = turned_away.intent, turned_away.owner, turned_away.what

    _untouched(turned_away, api.seen(intent, by=owner), f"cancels with {what}, a moment later")

    if _was_accepted(turned_away):
        raise NotApplicable(f"one of the cancels with {what} was accepted, which others judge")
    api.still_cancels(intent, after=f"cancels with {what}", by=owner)


def _stays_open(api: PayoutIntents, turned_away: TurnedAway) -> bool:
    """Whether an intent that several kinds of cancels have named in vain is as it was, and can be cancelled."""
    _aged(turned_away.after)
    try:
        _untouched(turned_away, api.seen(turned_away.intent), "all of them")
        return turned_away.is_as_before and succeeded(api.cancel(turned_away.intent))
    except Violation:
        return False


def _comes_late(api: PayoutIntents, intent: Resource) -> None:
    """Waits until an intent reads otherwise than before, for two seconds at most."""
    until = time.monotonic() + _LATE_S
    while time.monotonic() < until and equality.same(api.read(intent).at("status"), intent.status):
        time.sleep(_LATER_S)


def _was_accepted(turned_away: TurnedAway) -> bool:
    """Whether one of the requests was accepted, which other checks judge."""
    return any(succeeded(reply) for reply in turned_away.replies.values())


def _untouched(turned_away: TurnedAway, read: Reply, after: str, reply: Reply | None = None) -> bool:
    """GET shows the intent as it was before; `reply` is the answer to a request that may have changed it.

    Returns False where that can't be judged: a request was accepted, or the intent was approved or expired meanwhile.
    """
    gone_on = not equality.same(read.at("status"), turned_away.before.at("status")) and not is_cancelled(read)
    if _was_accepted(turned_away) or gone_on:
        return False
    before, replies = turned_away.before, turned_away.replies.values()
    keys = [
        key
        for key in KEYS
        if key != "updated_at" and not equality.same_but_nulls(before.at(key), read.at(key))
    ]
    reason = read.at("failure_message")
    # The request whose reason stands there now did it.
    culprit = next((one for why, one in turned_away.replies.items() if why in str(reason)), None)
    of_another = is_cancelled(read) and isinstance(reason, str) and culprit is None
    answers = (
        f", which got {' and '.join(dict.fromkeys(str(one.status) for one in replies))}" if replies else ""
    )
    expect.that(
        not keys,
        expected=f"an intent to be as it was after {after}{answers}",
        observed="; ".join(
            f"{key} is {wording.of(read, key)} and was {wording.of(before, key)}" for key in keys
        ),
        reply=culprit or reply or next(iter(replies), read),
        hint=_ANOTHERS if of_another else _NOT_WRITTEN if replies else "",
        fault=_title(turned_away, read, after, keys, answers) if keys else "",
    )
    return True


_ANOTHERS = "The reason that stands there is of another cancel: it reaches more than its own intent."
_NOT_WRITTEN = "Whatever is refused is refused before anything is written or put into a queue."


def _title(turned_away: TurnedAway, read: Reply, after: str, keys: list[str], answers: str) -> str:
    whose = "Another merchant's intent" if turned_away.owner != "primary" else "An intent"
    if is_cancelled(read):
        by = "by" if turned_away.replies else "after"
        return f"{whose} was cancelled {by} {after}{answers}"
    key = "status" if "status" in keys else keys[0]
    return f"{key} of {whose[:1].lower()}{whose[1:]} was {wording.of(read, key)} after {after}{answers}"


@requirement("PI-06")
@pytest.mark.watch
def test_cancelled_intents_stay_cancelled(
    api: PayoutIntents,
    given: Given,
    evidence: Evidence,
    run_answers: RunAnswers,
    conformance_session: Session,
) -> None:
    """Intents that the run cancelled are cancelled still, some seconds after the last cancel."""
    _each_kind_is_cancelled(api, given, run_answers, evidence, conformance_session.watch.so_far())
    found = of_each_kind(conformance_session.watch.due(), _MOST)
    confirmed = {mark.id: mark.sent for mark in reversed(run_answers.marked(CONFIRMED))}
    for one in found:
        read = api.read(one.id, by=one.by)
        if not confirmed:
            # No read has shown any of them cancelled: then that is what the others tell.
            was_confirmed(read)
        known = confirmed.get(one.id)
        if known is None or not known.is_unredacted:
            # No read has shown it since: it has to be cancelled at least.
            lost = [] if is_cancelled(read) else [wording.shown(read, "status")]
        else:
            conformance_session.recorder.cite([known.reply.exchange])
            lost = _lost(known.reply, read)
        if read.ok and not lost:
            continue
        width = _others_that_changed(api, [other for other in found if other is not one])
        raise Violation(
            expected=f"GET to show an intent cancelled still, {one.age()}",
            observed=(
                f"{'; '.join(lost)}, {one.age()}{width} (GET was answered {summary.of(read)})"
                if read.ok
                else f"GET was answered {summary.of(read)}, {one.age()}{width}"
            ),
            reply=read,
            hint=hints.by_answer(read, _why_undone(read)),
            fault=_undone(read, lost, one),
        )


def _others_that_changed(api: PayoutIntents, others: Sequence[Watched]) -> str:
    """Returns how many of the other cancelled intents don't read as cancelled now, as the end of a sentence."""
    reads: list[Reply] = []
    with suppress(TransportError, BudgetError, NotTestable):
        reads.extend(api.read(one.id, by=one.by) for one in others)
    changed = sum(not is_cancelled(read) for read in reads)
    if not reads:
        return ""
    what = "1 other cancelled intent" if len(reads) == 1 else f"{len(reads)} other cancelled intents"
    return f"; of {what} read then, {changed or 'none'} read otherwise than as cancelled"


def _why_undone(read: Reply) -> str:
    """The hint for a cancelled intent that reads otherwise later: paid, as it was before, or without its reason."""
    if is_open(read):
        return "An older state is shown again: does a job, a cache or a copy that was loaded before write it back?"
    if is_cancelled(read):
        kept = isinstance(read.at("failure_message"), str) and read.at("failure_message")
        return (
            "Does a later request write over it?"
            if kept
            else "Does something save it again without these fields?"
        )
    return "It went on: whatever pays or ends intents has to look at their status again, in the step that changes it."


def _each_kind_is_cancelled(
    api: PayoutIntents,
    given: Given,
    run_answers: RunAnswers,
    evidence: Evidence,
    found: Sequence[Watched],
) -> None:
    """Has intents cancelled in each way, and by each caller, that no other check of the run has tried."""
    hows = {one.how for one in found}
    with suppress(NotApplicable, NotTestable, Violation):
        evidence.cancelled()
    for how, words in (
        (Ask.CANCEL_WITHOUT_KEY, "without a key"),
        (Ask.CANCEL_WITHOUT_REASON, "without a reason"),
    ):
        if not any(words in one for one in hows):
            with suppress(NotApplicable, NotTestable, Violation):
                bare_cancel(api, given, evidence, how)
    if len({answer for one in found for answer in one.again}) < _ANSWERS:
        with suppress(NotApplicable, NotTestable, Violation):
            evidence.conflict(first="the first reason", second="the other reason")
    with suppress(NotApplicable, NotTestable, Violation):
        everybody_cancels(run_answers, evidence)


def _undone(read: Reply, lost: Sequence[str], one: Watched) -> str:
    """Returns the fault of a cancelled intent that was read later, and what is special about its cancel."""
    if not read.ok:
        return f"GET of a cancelled intent was answered {summary.short(read)} some seconds later{_how(one)}"
    became = lost[0].replace(" is ", " ").partition(" and was ")[0] if lost else ""
    return f"A cancelled intent had {became} some seconds later{_how(one)}"


_WHO = {"other_merchant": "the other merchant", "other_environment": "the other environment"}


def _how(one: Watched) -> str:
    """How it was cancelled, where that isn't what most checks do."""
    said = [] if one.how in ("", _USUAL) else [f"it was cancelled {one.how}"]
    said += [f"later cancels got {', '.join(one.again)}"] if one.again else []
    said += [f"it was cancelled by {_WHO.get(one.by, one.by)}"] if one.by != "primary" else []
    return f" ({'; '.join(said)})" if said else ""


def _lost(was: Reply, read: Reply) -> list[str]:
    return [
        f"{key} is {wording.of(read, key)} and was {wording.of(was, key)}"
        for key in ("status", "failure_code", "failure_message")
        if not equality.same_but_nulls(was.at(key), read.at(key))
    ]


@requirement("PI-31")
def test_key_is_known_a_moment_later(api: PayoutIntents, kept: KeptKeys, evidence: Evidence) -> None:
    """A key conflicts with another reason a moment later, too: retries come within seconds."""
    used_keys.conflicts(evidence)

    def judge(one: Keyed) -> None:
        age = _aged(one.done)
        conflict(
            api.cancel(one.intent, reason=api.new_reason(), key=one.key),
            "another reason under a key that was used a moment before",
            hint=f"At once the same got 409, so keys are forgotten within {age}: keep them for a day at least.",
        )

    kept.judge(api.new_reason(), judge)


@requirement("PI-05")
@pytest.mark.last
def test_refused_payout_goes_ahead_later(api: PayoutIntents, evidence: Evidence) -> None:
    """A processing intent whose cancel was refused isn't cancelled afterwards either, and ends as any other does."""
    refused = evidence.cancel_refused(state="processing")
    was_refused(refused.replies[Ask.CANCEL], cleanly=True)
    age, untouched = _aged(refused.after), refused.untouched

    now = api.seen(untouched.intent) if untouched is not None else None
    read = api.seen(refused.intent)
    if now is not None and not is_open(now):
        # It may be a little behind.
        read = api.until(lambda: api.read(refused.intent), lambda reply: not is_open(reply))

    left_alone = (untouched.before, now) if untouched is not None and now is not None else None
    when = f"{age} after its cancel was refused"
    proceeds(read, when, before=refused.before, reason=refused.reason, left_alone=left_alone)
    holds(
        read,
        now is None or is_open(now) or equality.same(read.at("status"), now.at("status")),
        "an intent whose cancel was refused to end as one does that was set up with it and left alone: "
        f"{wording.of(left_alone[1], 'status') if left_alone is not None else ''}",
        hint="Does the refused request leave a mark or a lock behind?",
        fault=f"A processing intent was {wording.of(read, 'status')} after its cancel was refused, and one that "
        f"nobody asked to cancel was {wording.of(left_alone[1], 'status')}"
        if left_alone is not None
        else "",
    )
