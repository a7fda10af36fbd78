"""Checks of every answer of the run, whichever intent it is about and whichever worker sent it."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.states.accounts import account_numbers
from conformance.suites.payout_intents import first_cancels
from conformance.suites.payout_intents.assertions import ORDER, is_cancelled, succeeded
from conformance.suites.payout_intents.client import CONFIRMED, KNOWN, UNSURE, Ask, PayoutIntents
from conformance.suites.payout_intents.contract import CONTRACT
from conformance.suites.payout_intents.every_answer import about, first_successes, sent_by, what
from conformance.suites.payout_intents.everybody import everybody_cancels, somebody_cancels
from conformance.suites.payout_intents.observations import Evidence

pytestmark = pytest.mark.last

# So many digits at its end tell account numbers apart.
_TELLING = 8
_A_FEW, _A_FEW_MORE = 8, 10

# -- every answer to a cancel, whichever intent it is about -------------------------------------------------------


Successes = Callable[[], Iterator[RecordedAnswer]]


@pytest.fixture
def successes(run_answers: RunAnswers, evidence: Evidence) -> Successes:
    """Each success of the run so far that shows an intent, whoever's credentials it was sent with; no repeated one."""
    everybody_cancels(run_answers, evidence)
    return lambda: first_successes(run_answers.answers())


def _cancels(run_answers: RunAnswers) -> list[RecordedAnswer]:
    """The cancels of intents that were handed over."""
    return [one for one in run_answers.answers() if one.resource is not None]


@requirement("PI-01")
def test_no_first_cancel_is_a_server_error(run_answers: RunAnswers, evidence: Evidence) -> None:
    """The first cancel of an intent that requires approval doesn't end in a 5xx, whichever intent it is."""
    lacking = first_cancels.lacking(run_answers, evidence)
    for one in first_cancels.failed(run_answers):
        raise Violation(
            expected=f"a documented cancel of {about(one).id} to succeed, whichever intent it is",
            observed=summary.of(one.reply),
            reply=one.reply,
            hint="The target's log has the exception. Where other cancels succeeded, compare this intent with "
            "theirs: an amount, a null, a letter in a name.",
            fault=f"A documented cancel was answered {summary.short(one.reply)}",
        )
    if lacking is not None:
        raise lacking


@requirement("PI-01")
def test_no_first_cancel_is_refused(api: PayoutIntents, run_answers: RunAnswers, evidence: Evidence) -> None:
    """The first cancel of an intent that requires approval isn't refused, whichever intent it is."""
    lacking = first_cancels.lacking(run_answers, evidence)
    for one in first_cancels.refused(api, run_answers):
        read = api.read(about(one).id, by=one.by)
        if equality.same(read.at("status"), "requires_approval"):
            raise Violation(
                expected=f"a documented cancel of {about(one).id} to succeed, whichever intent it is",
                observed=f"{summary.of(one.reply)}, and GET shows it requires_approval",
                reply=one.reply,
                hint="Where other cancels succeeded, compare the requests: does each process, each connection to the "
                "database decide alike?",
                fault="A documented cancel of an intent that requires approval was answered "
                f"{summary.short(one.reply)}",
            )
    if lacking is not None:
        raise lacking


@requirement("PI-01")
def test_every_success_is_the_documented_one(run_answers: RunAnswers, evidence: Evidence) -> None:
    """Each intent that was cancelled got a 202 that says cancelled, whichever caller and intent it was."""
    everybody_cancels(run_answers, evidence)
    unsure = {mark.id for mark in run_answers.marked(UNSURE)}
    accepted: dict[str, list[RecordedAnswer]] = {}
    for one in _cancels(run_answers):
        sure = one.documented and about(one).id not in unsure
        if sure and about(one).status == "requires_approval" and succeeded(one.reply):
            accepted.setdefault(about(one).id, []).append(one)
    for several in accepted.values():
        # A retry may be answered otherwise, which is for PI-33 to judge.
        if not any(one.reply.status == 202 and one.reply.at("status") == "cancelled" for one in several):
            run_answers.each("is the documented success", several[:1])


@requirement("PI-18")
def test_every_success_has_its_callers_environment(run_answers: RunAnswers, successes: Successes) -> None:
    """environment is that of the credentials in each success of the run."""
    run_answers.each("has its caller's environment", successes())


@pytest.mark.parametrize(
    "which",
    [
        pytest.param("processing", marks=requirement("PI-02")),
        pytest.param("terminal", marks=requirement("PI-03")),
    ],
)
def test_no_other_intent_was_cancelled(run_answers: RunAnswers, evidence: Evidence, which: str) -> None:
    """No cancel of an intent was accepted that was handed over as processing, or as terminal."""
    _is_refused(run_answers, evidence, "processing" if which == "processing" else "cancelled")
    for one in _cancels(run_answers):
        status = about(one).status
        if (
            succeeded(one.reply)
            and one.by == about(one).wanted.whose
            and status != "requires_approval"
            and (status == "processing") == (which == "processing")
            and not _is_usual(evidence, status)
        ):
            raise Violation(
                expected=f"a cancel of a {status} intent to be refused, whichever one it is",
                observed=summary.of(one.reply),
                reply=one.reply,
                hint="Where other cancels in this state were refused, compare the intent and the request with theirs.",
                fault=f"A {status} intent was cancelled ({one.reply.status})"
                if is_cancelled(one.reply)
                else f"A cancel of a {status} intent was accepted ({one.reply.status})",
            )


def _is_usual(evidence: Evidence, status: str) -> bool:
    """Whether any documented cancel of an intent in that state is accepted, which the checks of the matrix tell."""
    with suppress(NotTestable, Violation):
        return succeeded(evidence.cancel_refused(state=status).replies[Ask.CANCEL])
    return False


def _is_refused(run_answers: RunAnswers, evidence: Evidence, state: str) -> None:
    """Has an intent refused that is in such a state, unless other workers have done so."""
    refused = (not one.reply.ok and about(one).status == state for one in _cancels(run_answers))
    if not (run_answers.is_shared and any(refused)):
        evidence.cancel_refused(state=state)


@requirement("PI-44")
def test_every_documented_refusal_has_the_envelope(run_answers: RunAnswers, evidence: Evidence) -> None:
    """error.code and error.message are texts in each 404, 409 and 422 to a documented cancel, of whatever intent."""
    _is_refused(run_answers, evidence, "cancelled")
    refusals = (one for one in _cancels(run_answers) if one.reply.status in (404, 409, 422))
    run_answers.each("has the envelope", (one for one in refusals if one.documented))


@requirement("PI-15")
def test_every_success_is_about_its_intent(run_answers: RunAnswers, successes: Successes) -> None:
    """Each 202 of the run is a payout_intent, and the one that was asked for."""
    run_answers.each("is about its intent", successes())


@requirement("PI-15")
def test_every_success_has_the_same_keys(run_answers: RunAnswers, successes: Successes) -> None:
    """Each key that is there whenever the primary credentials cancel is there for anybody else's."""
    found = [one for one in successes() if one.documented]
    own = [one for one in found if one.by == "primary"]
    always = {key for key in CONTRACT.answers.valued if all(one.reply.at(key) is not MISSING for one in own)}
    for one in found:
        lost = sorted(key for key in always if own and one.reply.at(key) is MISSING)
        expect.that(
            not lost,
            expected=f"{', '.join(lost)} in the answer to a cancel, whoever sends it",
            observed=f"{lost[0] if lost else ''} is absent from the answer to a cancel {sent_by(one)} "
            f"(the answer was {summary.of(one.reply)})",
            reply=one.reply,
            hint=f"It stood in all of {len(own)} answers to the primary merchant's own cancels: one and the same "
            "function should render an intent, whoever asks.",
            fault=f"{lost[0] if lost else ''} was absent from the answer to a cancel {sent_by(one)}",
        )


@requirement("PI-16")
def test_every_success_has_the_failure_code(run_answers: RunAnswers, successes: Successes) -> None:
    """failure_code is cancelled in each 202 of the run, whoever's credentials it was sent with."""
    run_answers.each("has the failure code", (one for one in successes() if one.documented))


@requirement("PI-22")
def test_every_success_has_its_reason(run_answers: RunAnswers, successes: Successes) -> None:
    """failure_message holds the reason in each 202 of the run, whoever's credentials it was sent with."""
    run_answers.each("has its reason", (one for one in successes() if one.documented))


@requirement("PI-17")
def test_every_success_has_a_clean_amount(run_answers: RunAnswers, successes: Successes) -> None:
    """amount is a string of digits, currency and country are codes in capitals, in each 202 of the run."""
    run_answers.each("has a clean amount", successes())


@requirement("PI-19")
def test_every_success_has_the_last_four(run_answers: RunAnswers, successes: Successes) -> None:
    """account_last4 is four characters long in each 202 of the run, and the end of the account number."""
    run_answers.each("has the last four", successes())


@requirement("PI-20")
def test_every_success_has_instants(run_answers: RunAnswers, successes: Successes) -> None:
    """created_at and updated_at are ISO 8601 instants in each 202 of the run."""
    run_answers.each("has instants", successes())


@requirement("PI-20", level="SHOULD")
def test_every_updated_at_is_the_present(run_answers: RunAnswers, successes: Successes) -> None:
    """updated_at in each 202 of the run is about the time at which that was sent, whichever process answered."""
    run_answers.each("was updated now", successes())


def _confirmed(run_answers: RunAnswers) -> dict[str, RecordedAnswer]:
    """The first read of each intent that has shown it cancelled, as it came."""
    marks = reversed(run_answers.marked(CONFIRMED))
    return {mark.id: mark.sent for mark in marks if mark.sent is not None and mark.sent.is_unredacted}


def _apart(reply: Reply, read: Reply, key: str, status: int, whose: str) -> str:
    """Returns the title of an answer that shows another value under `key` than GET does; of an object, its fields."""
    value, stands = reply.at(key), read.at(key)
    where = f"in the answer to a cancel ({status})"
    fields = [f"{key}.{name}" for name in {**stands, **value}] if _are_objects(value, stands) else []
    apart = [one for one in fields if not equality.same(reply.at(one), read.at(one))]
    if len(apart) > 1:
        shown = ", ".join(wording.shown(reply, one).removeprefix(f"{key}.") for one in apart)
        return f"{key} was {whose} {where}, and not the one in GET of the same intent: {shown}"
    key = apart[0] if apart else key
    return (
        f"{key} was {wording.of(reply, key)} {where}, and {wording.of(read, key)} in GET of the same intent"
    )


def _are_objects(*values: object) -> bool:
    return all(isinstance(one, dict) for one in values)


def _of_whom(reply: Reply, key: str, confirmed: Mapping[str, RecordedAnswer], mine: str) -> str:
    """Returns whose value an answer shows: that of another intent that the run has read."""
    found = (name for name, one in confirmed.items() if equality.same(one.reply.at(key), reply.at(key)))
    other = next((name for name in found if name != mine), None) if reply.at(key) is not MISSING else None
    return f"; GET shows that value of the intent {other}" if other else ""


@requirement("PI-21")
def test_every_success_has_its_own_order_data(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, successes: Successes
) -> None:
    """amount, reference and recipient in each 202 of the run are those in GET of that intent."""
    if len(_confirmed(run_answers)) < _A_FEW:
        # One that nobody has read before it is cancelled, as most of them are in a run of all checks.
        try:
            intent = given.unread("requires_approval")
            api.cancels(intent)
            api.confirmed(intent)
        except NotTestable:
            if not _confirmed(run_answers):
                raise

    confirmed = _confirmed(run_answers)
    known = [one for one in successes() if about(one).id in confirmed and one.is_unredacted]
    wrong = [(one, key) for one in known for key in ORDER if not _agrees(one, confirmed[about(one).id], key)]
    # A plain request shows best that it isn't the request's doing.
    wrong.sort(key=lambda pair: not (pair[0].documented and pair[0].by == "primary"))
    for one, key in wrong[:1]:
        whose = _of_whom(one.reply, key, confirmed, about(one).id)
        read, number = confirmed[about(one).id].reply, len({about(each).id for each, _ in wrong})
        raise expect.Violation(
            expected=f"{key} in the {one.reply.status} to be {wording.of(read, key)}, "
            f"as GET shows it of {about(one).id}",
            observed=expect.observed(one.reply, key) + whose,
            reply=one.reply,
            hint="One and the same function should render an intent, whoever asks.",
            fault=_apart(
                one.reply, read, key, one.reply.status, "that of another intent" if whose else "another one"
            ),
            persisted=f"a read shows {wording.of(read, key)}; so in {number} of {len(known)} such answers",
        )


def _agrees(one: RecordedAnswer, read: RecordedAnswer, key: str) -> bool:
    value, stands = one.reply.at(key), read.reply.at(key)
    return value is MISSING or equality.same_but_nulls(value or None, stands or None)


@requirement("PI-21")
def test_every_success_has_the_order_data_that_was_told(
    api: PayoutIntents, given: Given, run_answers: RunAnswers, evidence: Evidence, successes: Successes
) -> None:
    """amount, reference and recipient are those that the state source told, where it tells them as GET does."""
    somebody_cancels(run_answers, evidence)
    # Letters and figures that get lost don't stand in every order: a run of few checks looks at some more.
    with suppress(NotTestable):
        for _ in range(len(_confirmed(run_answers)), _A_FEW_MORE):
            intent = given("requires_approval")
            api.cancels(intent)
            api.confirmed(intent)
    # A provider may tell an amount in another form: then no intent of it is told as GET shows it.
    shown = [(mark.resource, mark.sent) for mark in run_answers.marked(CONFIRMED)]
    keys = [
        key
        for key in ORDER
        if any(
            intent.facts.get(key) and equality.same(intent.facts[key], read.reply.at(key))
            for intent, read in shown
            if intent is not None and read is not None
        )
    ]
    if not keys:
        raise NotApplicable("the state source doesn't tell order data as GET shows it")

    for one in successes():
        facts = about(one).facts
        for key in (key for key in keys if key in facts and one.is_unredacted):
            value = one.reply.at(key)
            expect.that(
                value is MISSING or equality.same_but_nulls(facts[key] or None, value or None),
                expected=f"{key} to be {wording.value(facts[key])}, as the state source told of {about(one).id}",
                observed=expect.observed(one.reply, key),
                reply=one.reply,
                fault=f"{key} was {wording.of(one.reply, key)} in the answer to a cancel ({one.reply.status}), and "
                f"{wording.value(facts[key])} as the state source told it",
            )


# -- every answer to anything ---------------------------------------------------------------------------------------


def _digits(reply: Reply) -> set[str]:
    """Runs of digits in an answer, grouped ones joined."""
    return {
        re.sub(r"[ \-]", "", run)
        for text in reply.strings()
        for run in re.findall(r"\d(?:[ \-]?\d){5,}", text)
    }


@requirement("PI-19")
def test_account_numbers_are_in_no_answer(run_answers: RunAnswers) -> None:
    """No answer of the run shows an account number that the state source told."""
    known = [mark.resource.facts for mark in run_answers.marked(KNOWN) if mark.resource is not None]
    numbers = [number for facts in known for number in account_numbers(facts)]
    if not numbers:
        raise NotApplicable("the state source doesn't tell the account number")
    # Where a bank's code or check digits stand before it, as in an IBAN, the number is no less shown.
    ends = {bare[-_TELLING:]: bare for bare in (re.sub(r"[ \-]", "", number) for number in numbers)}
    for one in run_answers.answers():
        for run in _digits(one.reply):
            number = ends.get(run[-_TELLING:])
            if number is not None and run.endswith(number):
                raise Violation(
                    expected=f"no account number that the state source told in the answer to {what(one.reply)}",
                    observed=f"{number} stands in it ({summary.of(one.reply)})",
                    reply=one.reply,
                    fault=f"The full account number stood in the answer to {what(one.reply)} ({one.reply.status})",
                    hint="Mask it where the answer is made, error messages and headers included.",
                )


@requirement("PI-40")
def test_no_answer_tells_a_secret(run_answers: RunAnswers, evidence: Evidence) -> None:
    """No answer of the run tells a secret key to somebody who hasn't sent it."""
    evidence.cancel_with_wrong_credentials()
    run_answers.each("tells no secret", run_answers.answers())


@requirement("PI-45")
def test_no_answer_repeats_a_secret(run_answers: RunAnswers, evidence: Evidence) -> None:
    """No answer of the run repeats a secret key, not even to whom it belongs."""
    evidence.cancel_with_wrong_credentials()
    run_answers.each("repeats no secret", run_answers.answers())


@requirement("PI-45")
def test_no_refusal_shows_insides(run_answers: RunAnswers, evidence: Evidence) -> None:
    """No refusal of the run, whatever it was for, shows a stack trace, SQL or a file path."""
    evidence.send_wrong_forms()
    run_answers.each("discloses nothing", run_answers.answers())
