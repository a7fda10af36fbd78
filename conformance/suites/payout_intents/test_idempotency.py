"""Idempotency-Key: optional, one effect and one answer per key, and nobody else's affair."""

from functools import partial

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply, instant
from conformance.oracles import expect, now_and_then, wording
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents import keys
from conformance.suites.payout_intents.assertions import (
    APPROVAL_REQUIRED,
    CONFLICT,
    KEYS,
    conflict,
    holds,
    is_not_about,
    replayed,
    succeeded,
    was_refused,
)
from conformance.suites.payout_intents.bad_requests import (
    BODIES,
    BODIES_IN_WORDS,
    BODY,
    FINE,
    KEYS_IN_WORDS,
    NEAR_KEYS,
    ODD_KEYS,
    UNLIKE_OTHERS,
)
from conformance.suites.payout_intents.bare_cancels import bare_cancel
from conformance.suites.payout_intents.client import Ask, PayoutIntents, body_of, read_path
from conformance.suites.payout_intents.free_keys import left_free
from conformance.suites.payout_intents.kept_keys import KeptKeys, Keyed
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FREE_TEXT
from conformance.suites.payout_intents.refusals import no_crash
from conformance.suites.payout_intents.together import EMPTY_KEY, Together

REASONS = pytest.mark.parametrize(
    "reason", ["ordered twice", None], ids=["with_a_reason", "without_a_reason"]
)


@requirement("PI-30")
def test_key_is_optional(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """Without a key each cancel works, and none is taken for a repetition of another."""
    bare = bare_cancel(api, given, evidence, Ask.CANCEL_WITHOUT_KEY)
    if succeeded(bare.reply) and keys.is_new(api, evidence, key=None):
        evidence.like_any(bare.reply, to="a cancel without a key")
        evidence.shows_cancelled(bare.after, after="a cancel without a key")
        return
    first, second = given("requires_approval"), given("requires_approval")
    for intent, other in ((first, second), (second, first)):
        reply = api.cancel(intent, reason=api.new_reason(), key=None)

        hint = "No key is not a key that is empty."
        evidence.like_any(reply, to="a cancel without a key", hint=hint if reply.ok else "")
        is_not_about(
            reply,
            other.id,
            f"an answer about the intent {intent.id}",
            hint=hint,
            fault=f"A cancel without a key got the answer about another intent ({reply.status})",
        )
        evidence.shows_cancelled(api.confirmed(intent), after="a cancel without a key")


@requirement("PI-31")
@pytest.mark.parametrize("time", ["first", "second"])
def test_another_reason_is_a_conflict(api: PayoutIntents, evidence: Evidence, time: str) -> None:
    """A used key with another reason gets 409 idempotency_conflict, however often it is tried."""
    one = evidence.conflict(first="the first reason", second="the other reason")

    reply = one.second if time == "first" else one.second_again
    what = f"a cancel for another reason under a used key{', sent a second time' if time == 'second' else ''}"
    now_and_then.or_always(
        lambda: conflict(reply, what, first=one.first),
        lambda: api.cancel(one.intent, reason="the other reason", key=one.key),
    )


@requirement("PI-31")
@pytest.mark.parametrize("change", BODIES)
def test_different_body_is_a_conflict(
    api: PayoutIntents, kept: KeptKeys, evidence: Evidence, change: str
) -> None:
    """A used key with a reason that differs in little gets 409 idempotency_conflict."""
    keys.conflicts(evidence)
    first, vary = BODIES[change]

    def judge(one: Keyed) -> None:
        second = vary(one.reason or "")
        reply = api.cancel(one.intent, reason=second, key=one.key)
        documented = (CONFLICT.status, APPROVAL_REQUIRED.status)
        if second is None and reply.status not in documented and not succeeded(reply):
            evidence.is_about_this(reply, Ask.CANCEL_WITHOUT_REASON)
        hint = keys.COMPARED if succeeded(reply) else ""
        conflict(reply, BODIES_IN_WORDS[change], hint=hint, first=one.done)

    kept.judge(first, judge)


@requirement("PI-31")
@pytest.mark.cancels
def test_body_that_differs_in_little_is_a_conflict(
    api: PayoutIntents, kept: KeptKeys, evidence: Evidence, together: Together
) -> None:
    """A blank, a comma, an accent or the order of letters makes a body a different one: 409 idempotency_conflict."""
    keys.conflicts(evidence)
    shown: object = FREE_TEXT["outer_spaces"]
    if not together.worked("outer_spaces"):
        shown = evidence.cancel_for(reason=FREE_TEXT["outer_spaces"])[1].at("failure_message")
    # Where a target trims, a blank more makes the same reason, which is for PI-27 to judge.
    trims = isinstance(shown, str) and shown == shown.strip()

    kept.judge(
        FINE,
        lambda one: keys.differing_in_little(api, one.intent, one.done, one.reason or "", one.key, trims),
    )


@requirement("PI-31")
def test_key_is_known_on_other_connections(api: PayoutIntents, kept: KeptKeys, evidence: Evidence) -> None:
    """A used key with another reason gets 409 on every connection, and so from every process of a target."""
    keys.conflicts(evidence)
    # Each request is the last one on its connection.
    last = [("Connection", "close")]

    def judge(one: Keyed) -> None:
        api.cancel(one.intent, reason=one.reason, key=one.key)
        for number in range(1, 5):
            reply = api.post(one.intent, body_of(api.new_reason()), key=one.key, more=last)
            conflict(
                reply,
                f"a cancel for another reason under a used key on another connection (number {number})",
                hint="On one connection the same got 409: does each process keep its own keys? Keep them in one place.",
            )

    kept.judge(api.new_reason(), judge)


@requirement("PI-32")
def test_conflict_leaves_the_first_outcome(evidence: Evidence) -> None:
    """A conflict changes nothing: status, reason and updated_at are the first cancel's."""
    one = evidence.conflict(first="the first reason", second="the other reason")
    was_refused(one.second_again, "a used key with another reason")

    expect.unchanged(
        one.before.json,
        one.after.json,
        ("status", "failure_code", "failure_message"),
        reply=one.after,
        after_what="a cancel for another reason under its key",
        what="a cancelled intent",
        hint="Compare the body before anything is written.",
    )
    was, now = (instant(reply.at("updated_at")) for reply in (one.before, one.after))
    expect.that(
        was == now,
        expected=f"updated_at to stay {wording.of(one.before, 'updated_at')}",
        observed=f"{wording.shown(one.after, 'updated_at')} after the conflict",
        reply=one.second,
        hint="Compare the body before anything is saved.",
        fault="updated_at of a cancelled intent moved when another reason came under its key",
    )


@requirement("PI-32")
def test_conflict_on_another_intent_cancels_nothing(api: PayoutIntents, given: Given, kept: KeptKeys) -> None:
    """A used key, sent with another reason to a second intent, cancels it honestly or not at all."""
    first, second = kept.shared(), given.shared("requires_approval")

    reply = api.cancel(second, reason=api.new_reason(), key=first.key)

    if succeeded(reply):
        raise NotApplicable("keys count per intent: a used one is a new one for another intent")
    keys.leaves_the_second_alone(api.seen(second), reply)
    after = "a cancel under a key that was used for another intent"
    api.still_cancels(second, after=after, refused=reply)


@requirement("PI-33")
@REASONS
def test_retry_gets_the_first_answer(api: PayoutIntents, kept: KeptKeys, reason: str | None) -> None:
    """The same request under the same key gets the first answer again, each time, and has no second effect."""

    def judge(one: Keyed) -> None:
        def retry() -> Reply:
            return api.cancel(one.intent, reason=one.reason, key=one.key)

        for which in ("the first retry", "the second retry"):
            now_and_then.or_always(partial(replayed, one.done, retry(), which), retry)
        after = api.seen(one.intent)
        expect.unchanged(
            one.after.json,
            after.json,
            KEYS,
            reply=after,
            after_what="retries under the same key",
            what="a cancelled intent",
            hint="A retry repeats the answer, and does nothing else.",
        )

    kept.judge(reason, judge)


@requirement("PI-33")
def test_retry_after_a_conflict_gets_the_first_answer(evidence: Evidence) -> None:
    """A retry after a conflict gets the first answer."""
    one = evidence.conflict(first="the first reason", second="the other reason")

    replayed(one.first, one.first_again, "a retry after a conflict")


@requirement("PI-34")
@pytest.mark.cancels
@pytest.mark.parametrize("body", keys.BODIES)
@pytest.mark.parametrize("who", keys.OWNERS)
def test_keys_of_others_are_free(
    api: PayoutIntents, given: Given, evidence: Evidence, who: str, body: str
) -> None:
    """A key that another caller has used works like a new one."""
    given.credentials(who)
    given.may_write(who)
    evidence.cancelled()
    if keys.are_free(api, given, evidence, body):
        return
    own, theirs = given.used("requires_approval"), given.used("requires_approval", **keys.OWNERS[who])
    key, reason = api.new_key(), api.new_reason()
    api.cancels(theirs, reason=reason, key=key, by=who)

    reply = api.cancel(own, reason=reason if body == "same_body" else api.new_reason(), key=key)

    what = keys.is_free(reply, theirs.id, who)
    evidence.shows_cancelled(api.confirmed(own), after=f"{reply.status} to {what}")


@requirement("PI-34")
@pytest.mark.parametrize("body", ["same_body", "other_body"])
@pytest.mark.parametrize("who", keys.OWNERS)
def test_stored_answer_is_not_for_others(
    api: PayoutIntents, given: Given, evidence: Evidence, kept: KeptKeys, who: str, body: str
) -> None:
    """Somebody else who repeats a request, key and all, gets neither its answer nor a conflict.

    Under a key that no other check has them use: their own refusal may be kept under it.
    """
    given.credentials(who)
    given.may_write(who)
    one = kept.shared() if body == "same_body" else evidence.cancelled()
    assert one.reason is not None

    again = one.reason if body == "same_body" else api.new_reason()
    reply = api.cancel(one.intent, reason=again, key=one.key, by=who)

    keys.is_not_for_others(reply, one.intent.id, one.reason, who)


@requirement("PI-35")
@REASONS
def test_key_on_another_intent_tells_no_lie(
    api: PayoutIntents, given: Given, evidence: Evidence, kept: KeptKeys, reason: str | None
) -> None:
    """The same key and body on another intent never answers with the first, nor claims what didn't happen."""
    first = kept.shared() if reason is not None else kept.without_a_reason()
    second, other, key = given.shared("requires_approval"), first.intent.id, first.key

    reply = api.cancel(second, reason=first.reason, key=key)

    if succeeded(reply):
        expected = "an answer about the second intent, or a refusal"
        is_not_about(
            reply,
            other,
            expected,
            hint="The path is part of what a key stands for.",
            fault="A cancel of a second intent under a used key got the answer about the first intent "
            f"({reply.status})",
        )
    # GET has nothing to do with keys: one that bears a used key shows what it was asked for.
    read = api.send("GET", read_path(second), api.headers(key=key))
    is_not_about(
        read,
        other,
        "a GET about the second intent, though a used key stands in its header",
        hint="What is kept under a key is for repeated cancels alone.",
        fault=f"A GET with a used key in its header got the answer to the cancel under that key ({read.status})",
    )
    if succeeded(reply):
        after = f"{reply.status} to its cancel under a key that was used for another intent"
        evidence.shows_cancelled(api.confirmed(second), after=after)
        return
    keys.leaves_the_second_alone(api.seen(second), reply)
    api.still_open(second)


@requirement("PI-37")
@pytest.mark.cancels
@pytest.mark.parametrize("fault", ["no_credentials", "wrong_secret"])
def test_failed_authentication_leaves_the_key_free(
    api: PayoutIntents, given: Given, evidence: Evidence, fault: str
) -> None:
    """A request that failed to authenticate is processed when it comes again, same key, with good credentials."""
    if left_free(api, given, evidence):
        return
    intent, key = given.used("requires_approval"), api.new_key()
    wrong = None if fault == "no_credentials" else api.authorization(secret="no-such-secret-at-all")
    refused = api.post(intent, BODY, key=key, change={"Authorization": wrong})
    if succeeded(refused):
        raise NotApplicable("authentication didn't fail, which PI-40 judges")

    what = (
        f"a cancel with the right credentials, under the key of one that got {refused.status} without them,"
    )
    reply = api.odd(lambda: api.post(intent, BODY, key=key), to=what)

    evidence.like_any(reply, to=what, hint="Authenticate before the key is looked at.")


@requirement("PI-38")
@pytest.mark.parametrize("kind", ODD_KEYS)
def test_odd_key_is_handled(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together, kind: str
) -> None:
    """An unusual key never ends in a 5xx, and GET confirms the answer."""
    # What a target may well refuse is tried alone.
    if kind == "no_UUID" and together.worked(kind):
        return
    what = f"a cancel with {KEYS_IN_WORDS[kind]}"

    def ask(intent: Resource) -> Reply:
        more = [("Idempotency-Key", value) for value in ODD_KEYS[kind](api.new_key())]
        return api.post(intent, BODY, key=None, more=more)

    intent, reply = api.odd_of(partial(given.shared, "requires_approval"), ask, to=what)

    no_crash(reply, what, read=lambda: api.seen(intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=what, refused=reply)
        return
    evidence.shows_cancelled(api.confirmed(intent), after=f"{reply.status} to {what}")


@requirement("PI-38")
@pytest.mark.cancels
def test_empty_key_is_handled(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together
) -> None:
    """An empty key is refused, ignored, or taken like any other; it never gets the answer about another intent."""
    if together.worked(EMPTY_KEY) and keys.is_new(api, evidence, key=""):
        return
    keys.empty_ones_are_handled(api, given)


@requirement("PI-38")
@pytest.mark.parametrize("difference", NEAR_KEYS)
@pytest.mark.cancels
def test_similar_keys_are_different(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together, difference: str
) -> None:
    """Keys that differ in little are different keys, wherever they are taken at all."""
    if difference not in UNLIKE_OTHERS and keys.are_told_apart(api, evidence, together):
        return
    what = "a cancel with a key that is no UUID"
    one, other = NEAR_KEYS[difference](api.new_key().replace("-", "")[:24])
    intent, first = api.odd_of(
        partial(given.shared, "requires_approval"),
        lambda it: api.cancel(it, reason="ordered twice", key=one),
        to=what,
    )
    no_server_error(first, to=what)
    if not succeeded(first):
        api.still_open(intent)
        return

    reply = api.odd(lambda: api.cancel(intent, reason="another reason", key=other), to=what)

    no_server_error(reply, to=what)
    suspect = succeeded(reply) or reply.status == CONFLICT.status
    # If another key, like none before it, gets the same answer, then likeness isn't the reason.
    alike = suspect and api.cancel(intent, reason="another reason").status != reply.status
    holds(
        reply,
        not alike,
        f"a key that differs in its {difference.replace('_', ' ')} to be another one: {APPROVAL_REQUIRED} now",
        hint="Compare keys as they are sent: in full, and case-sensitively.",
        fault=f"A key that differs from a used one in its {difference.replace('_', ' ')} was taken for that one "
        f"({summary.short(reply)})",
    )
