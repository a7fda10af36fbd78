"""Requests that must be answered alike each time, sent so often that the exception to the rule is seen."""

from collections.abc import Callable

import pytest

from conformance.http.auth import basic
from conformance.http.reply import Reply
from conformance.oracles.expect import requirement
from conformance.oracles.repeated import TIMES, repeatedly
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.payout_intents import keys
from conformance.suites.payout_intents.assertions import (
    conflict,
    holds,
    not_found,
    read_not_cancelled,
    replayed,
    succeeded,
)
from conformance.suites.payout_intents.bad_requests import FINE
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.kept_keys import KeptKeys, Keyed
from conformance.suites.payout_intents.observations import Evidence

pytestmark = pytest.mark.last

_CANCELLED = "An intent was cancelled by cancels that were answered as if it didn't exist"
_EACH_TIME = "Other cancels like it were refused: does each process of the target decide by the same status?"
Repeat = Callable[[Callable[[], Reply], Callable[[Reply], None]], None]


@pytest.fixture
def repeat(conformance_session: Session) -> Repeat:
    """Sends a request TIMES times, and has each answer judged."""
    most = conformance_session.profile.limits.concurrency
    return lambda ask, judge: repeatedly(conformance_session.client, ask, judge, times=TIMES, most=most)


@requirement("PI-02")
def test_processing_intent_is_refused_each_time(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, repeat: Repeat
) -> None:
    """A processing intent is refused however often its owner asks to cancel it, four times at once, too."""
    _is_refused_each_time(api, given, run_answers, repeat, "processing")


@requirement("PI-03")
def test_terminal_intent_is_refused_each_time(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, repeat: Repeat, terminal_state: str
) -> None:
    """An intent in a terminal state is refused however often its owner asks to cancel it."""
    _is_refused_each_time(api, given, run_answers, repeat, terminal_state)


def _is_refused_each_time(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, repeat: Repeat, status: str
) -> None:
    intent = given.shared(status)

    def is_refused(reply: Reply) -> None:
        holds(
            reply,
            not succeeded(reply),
            f"each cancel of a {status} intent to be refused",
            hint=_EACH_TIME,
            fault=f"A {status} intent was cancelled ({reply.status}), while other cancels of it were refused",
        )

    for one in run_answers.answers():
        if (
            one.documented
            and one.resource is not None
            and one.resource.status == status
            and one.by == one.resource.wanted.whose
        ):
            is_refused(one.reply)
    repeat(lambda: api.cancel(intent), is_refused)


@requirement("PI-10")
def test_unknown_id_is_not_found_each_time(api: PayoutIntents, evidence: Evidence, repeat: Repeat) -> None:
    """An id that was never issued gets 404 not_found however often one is asked for."""

    def is_unknown(reply: Reply) -> None:
        not_found(reply, "a cancel of an id that was never issued, one of many,")

    unknown = api.unknown_id(evidence.example())
    repeat(lambda: api.cancel(unknown), is_unknown)


@pytest.mark.parametrize(
    ("whose", "asked"),
    [
        pytest.param({"owner": "other_merchant"}, "another merchant's intent", marks=requirement("PI-11")),
        pytest.param(
            {"environment": "other"}, "an intent of the other environment", marks=requirement("PI-12")
        ),
    ],
    ids=["other_merchant", "other_environment"],
)
def test_foreign_intent_is_not_found_each_time(
    api: PayoutIntents,
    given: Given,
    repeat: Repeat,
    whose: dict[str, str],
    asked: str,
) -> None:
    """Another one's intent is found neither by cancels nor by reads, right after its owner's reads either."""
    is_barred = given.reads_only("other_environment" if "environment" in whose else "other_merchant")
    intent = (given if is_barred else given.shared)("requires_approval", **whose)
    owner = intent.wanted.whose
    # A cache of reads holds the intent now.
    api.read_everywhere(intent, by=owner)

    def is_hidden(reply: Reply) -> None:
        theirs = f"{asked}, which its owner has just read,"
        not_found(
            reply, f"a {'read' if reply.exchange.method == 'GET' else 'cancel'} of {theirs}", intent=theirs
        )

    repeat(lambda: api.read(intent), is_hidden)
    repeat(lambda: api.cancel(intent), is_hidden)
    if is_barred:
        read = api.read(intent, by=owner)
        read_not_cancelled(read, f"{asked} not to be cancelled by cancels that found none", fault=_CANCELLED)
    else:
        api.still_cancels(intent, after=f"cancels of {asked}", by=owner)


@requirement("PI-40")
@pytest.mark.parametrize("case", ["wrong_secret", "unknown_key", "no_credentials"])
def test_bad_credentials_are_refused_each_time(
    api: PayoutIntents, evidence: Evidence, repeat: Repeat, case: str
) -> None:
    """A read with bad credentials is refused however often it is sent, four times at once, too."""
    # Any intent will do: one that was cancelled is there for certain, however few there are.
    intent = evidence.cancelled().intent
    pair = api.credentials()
    value, what = {
        "wrong_secret": (basic(pair.key, "no-such-secret-at-all"), "with a wrong secret"),
        "unknown_key": (
            basic("nobody-has-this-key", pair.secret),
            "with the right secret and an unknown key",
        ),
        "no_credentials": (None, "without credentials"),
    }[case]

    def is_refused(reply: Reply) -> None:
        holds(
            reply,
            not reply.ok,
            f"each read {what} to be refused",
            fault=f"A read {what} was accepted ({reply.status}), while others were refused",
        )

    repeat(lambda: api.read(intent, authorization=value), is_refused)


@requirement("PI-33")
def test_retry_is_replayed_each_time(api: PayoutIntents, kept: KeptKeys, repeat: Repeat) -> None:
    """The same request under its key gets the first answer however often it is sent, four times at once, too."""

    def judge(one: Keyed) -> None:
        repeat(
            lambda: api.cancel(one.intent, reason=one.reason, key=one.key),
            lambda reply: replayed(one.done, reply, "a retry, one of many sent four at a time,"),
        )

    kept.judge(FINE, judge)


@requirement("PI-31")
def test_another_reason_is_a_conflict_each_time(
    api: PayoutIntents, kept: KeptKeys, evidence: Evidence, repeat: Repeat
) -> None:
    """A used key with another reason gets 409 idempotency_conflict however often it is sent."""
    keys.conflicts(evidence)

    def judge(one: Keyed) -> None:
        repeat(
            lambda: api.cancel(one.intent, reason="Sent by mistake, for another reason", key=one.key),
            lambda reply: conflict(
                reply, "a cancel for another reason under a used key, one of many,", first=one.done
            ),
        )

    kept.judge(FINE, judge)
