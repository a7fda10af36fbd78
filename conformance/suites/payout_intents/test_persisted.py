"""Stored values: a success agrees with a later read, whoever asked and how, and with the facts of the state source."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply, instant
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.oracles.instants import is_same_instant
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import ORDER, has_succeeded
from conformance.suites.payout_intents.bare_cancels import bare_cancel
from conformance.suites.payout_intents.client import CONFIRMED, Ask, PayoutIntents
from conformance.suites.payout_intents.every_answer import about, is_success, sent_by
from conformance.suites.payout_intents.everybody import everybody_cancels
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.results import Cancelled

# The clocks of a target's machines, and that of its state source, may differ by so much.
_SKEW = timedelta(minutes=5)
# A time that is shown in whole seconds may be a little before one that isn't.
_ROUNDED = timedelta(seconds=2)
# No payout API is older.
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_LOCAL = "A local time that is written with a Z is hours off."
_MISREAD = "Milliseconds that are taken for seconds, or seconds for milliseconds, are another century."
BARE = pytest.mark.parametrize("how", [Ask.CANCEL_WITHOUT_REASON, Ask.CANCEL_WITHOUT_KEY], ids=Ask.how)
RECIPIENT = ("account_last4", "bank_code", "holder_name")


# -- every success of the run ---------------------------------------------------------------------------------------


def _kept(run_answers: RunAnswers) -> Iterator[tuple[RecordedAnswer, Reply]]:
    """The first success about each intent, and the first read that showed it cancelled; both as they came."""
    shown = {
        mark.id: mark.sent.reply
        for mark in reversed(run_answers.marked(CONFIRMED))
        if mark.sent is not None and mark.sent.is_unredacted
    }
    seen = set[str]()
    for one in run_answers.answers():
        if is_success(one) and one.is_unredacted and about(one).id in shown and about(one).id not in seen:
            seen.add(about(one).id)
            yield one, shown[about(one).id]


@requirement("PI-06")
@pytest.mark.last
@pytest.mark.parametrize("key", ["failure_code", "failure_message"])
def test_every_success_is_kept(run_answers: RunAnswers, evidence: Evidence, key: str) -> None:
    """failure_code and the reason in a success are those that a read shows, whoever's cancel it was."""
    everybody_cancels(run_answers, evidence)

    for one, read in _kept(run_answers):
        came, stands = one.reply.at(key), read.at(key)
        expect.that(
            not came
            or equality.same(came, stands),  # An answer without a value is for PI-16 and PI-22 to judge.
            expected=f"{key} in GET to be {wording.of(one.reply, key)}, as in the {one.reply.status} before it",
            observed=f"{key} is {wording.of(read, key)} in GET ({summary.of(read)})",
            reply=read,
            hint="Is the whole change saved, for every merchant, and is it read from where it was saved?",
            fault=f"{key} was answered and not kept: GET shows {wording.of(read, key)}" + _whose(one),
        )


def _whose(one: RecordedAnswer) -> str:
    return "" if one.by == "primary" else f", after a cancel {sent_by(one)}"


@requirement("PI-21")
@pytest.mark.last
def test_every_success_has_its_own_created_at(run_answers: RunAnswers, evidence: Evidence) -> None:
    """created_at in a success is the one that a read shows, whoever's cancel it was."""
    everybody_cancels(run_answers, evidence)

    for one, read in _kept(run_answers):
        came = one.reply.at("created_at")
        expect.that(
            came is MISSING or is_same_instant(came, read.at("created_at")),
            expected=f"created_at in the {one.reply.status} to be {wording.of(read, 'created_at')}, as in GET",
            observed=f"created_at is {wording.of(one.reply, 'created_at')} ({summary.of(one.reply)})",
            reply=one.reply,
            hint="It is the time of the order: nothing that is done to that changes it.",
            fault=f"created_at was {wording.of(one.reply, 'created_at')} in the {one.reply.status}, "
            f"and GET shows {wording.of(read, 'created_at')}{_whose(one)}",
            persisted="a read shows another value",
        )


@requirement("PI-21")
@pytest.mark.last
def test_known_order_data_is_not_empty(run_answers: RunAnswers, evidence: Evidence) -> None:
    """Facts that the state source gave of an order aren't null or empty in the answers to its cancel."""
    one = evidence.cancelled()
    facts = _facts(one)

    for path in (path for path in ORDER if path != "recipient"):
        for seen in (one.before, one.reply, one.after):
            _is_not_empty(seen, path, facts)
    for success in run_answers.answers():
        if is_success(success) and success.is_unredacted:
            for path in (path for path in ORDER if path != "recipient"):
                _is_not_empty(success.reply, path, about(success).facts)


@requirement("PI-19")
@pytest.mark.parametrize("key", RECIPIENT)
def test_known_recipient_is_not_empty(evidence: Evidence, key: str) -> None:
    """Facts that the state source gave of a recipient aren't null or empty in the answer to a cancel, or in GET."""
    one = evidence.cancelled()
    facts = _facts(one)

    for seen in (one.before, one.reply, one.after):
        _is_not_empty(seen, f"recipient.{key}", facts)


def _facts(one: Cancelled) -> Mapping[str, Any]:
    if not any(_known(one.intent.facts, path) for path in (*ORDER, "recipient.holder_name")):
        raise NotApplicable("the state source doesn't tell order data as GET shows it")
    return one.intent.facts


def _known(facts: Mapping[str, Any], path: str) -> Any:
    value: Any = facts
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _is_not_empty(seen: Reply, path: str, facts: Mapping[str, Any]) -> None:
    where = "GET" if seen.exchange.method == "GET" else f"the {seen.status}"
    known, value = _known(facts, path), seen.at(path)
    expect.that(
        not known or value not in (None, ""),
        expected=f"{path} in {where} to have the value that the state source told, {wording.value(known)}",
        observed=f"{path} is {wording.value(value)} ({summary.of(seen)})",
        reply=seen,
        hint="Is it joined, loaded or renamed where an intent is rendered?",
        fault=f"{path} was {wording.value(value)} in {where}, though the order has one",
    )


# -- times ----------------------------------------------------------------------------------------------------------


@requirement("PI-21")
@BARE
def test_created_at_stays(api: PayoutIntents, given: Given, evidence: Evidence, how: Ask) -> None:
    """created_at is what it was before a cancel without a key, or without a reason, in the 202 and in GET."""
    one = bare_cancel(api, given, evidence, how)
    has_succeeded(one.reply, str(how))

    for seen, where in ((one.reply, f"the answer to {how}"), (one.after, f"GET after {how}")):
        expect.that(
            seen.at("created_at") is MISSING
            or is_same_instant(one.before.at("created_at"), seen.at("created_at")),
            expected=f"created_at in {where} to be {wording.of(one.before, 'created_at')}, as in GET before",
            observed=f"created_at is {wording.of(seen, 'created_at')} ({summary.of(seen)})",
            reply=seen,
            hint="It is the time of the order: a cancel must not make a new record of it.",
            fault=f"created_at changed from {wording.of(one.before, 'created_at')} to "
            f"{wording.of(seen, 'created_at')} by {how}",
            persisted=wording.read_shows(
                one.after,
                "created_at",
                seen.at("created_at"),
                lambda value: is_same_instant(value, one.before.at("created_at")),
            ),
        )


@requirement("PI-20", level="SHOULD")
def test_created_at_is_true(evidence: Evidence) -> None:
    """created_at is the time of the order: as the state source says, before updated_at, and not in the future."""
    one = evidence.cancelled()
    told = instant(one.intent.facts.get("created_at"))

    # PI-21 judges an answer to a cancel that shows another time than GET did before it.
    seen, created, updated = (
        one.before,
        *(instant(one.before.at(key)) for key in ("created_at", "updated_at")),
    )
    if created is None:
        raise NotApplicable("created_at is no instant, which PI-20 judges")
    facts = wording.value(one.intent.facts.get("created_at"))
    for wrong, what in (
        (told is not None and abs(created - told) > _SKEW, f"the state source told {facts}"),
        (created > seen.sent_at + _SKEW, "that is in the future"),
        (
            updated is not None and created > updated + _ROUNDED,
            f"updated_at is before that, {wording.of(seen, 'updated_at')}",
        ),
        (created < _OLDEST, "that is decades ago"),
    ):
        expect.that(
            not wrong,
            expected="created_at in GET to be the time of the order",
            observed=f"created_at is {wording.of(seen, 'created_at')}; {what} ({summary.of(seen)})",
            reply=seen,
            hint=_MISREAD if created < _OLDEST else _LOCAL,
            fault=f"created_at was {wording.of(seen, 'created_at')} in GET, and {what}",
        )
