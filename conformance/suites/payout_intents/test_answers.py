"""Checks of every answer of the run, whichever intent it is about.

A run in several processes looks back on what the process did that comes to this last.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import disclosure, equality, expect
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.instants import is_instant
from conformance.plugin import Given
from conformance.states.accounts import account_numbers
from conformance.suites.common import is_instant
from conformance.suites.payout_intents.assertions import ORDER, cancelled, in_envelope, succeeded, told
from conformance.suites.payout_intents.client import Asked, PayoutIntents
from conformance.suites.payout_intents.observations import Evidence

pytestmark = pytest.mark.last

# So many digits at its end tell account numbers apart.
_TELLING = 8
_A_FEW, _A_FEW_MORE = 5, 10

# -- every answer to a cancel, whichever intent it is about -------------------------------------------------------


Successes = Callable[[], Iterator[Asked]]


@pytest.fixture
def successes(api: PayoutIntents, evidence: Evidence) -> Successes:
    """Each success of this process so far that shows an intent, whoever's credentials it was sent with."""
    _everybody_cancels(evidence)
    return lambda: (one for one in api.asked if succeeded(one.reply) and isinstance(one.reply.json, dict))


def _everybody_cancels(evidence: Evidence) -> None:
    """Has each pair of the profile that may cancel do so."""
    evidence.cancelled()
    for others in (evidence.ask_about_other_merchants, evidence.ask_about_other_environments):
        with suppress(NotTestable, Violation):
            others(state="requires_approval")


@requirement("PI-01")
def test_no_first_cancel_is_a_server_error(api: PayoutIntents, evidence: Evidence) -> None:
    """The first cancel of an intent that requires approval doesn't end in a 5xx, whichever intent it is."""
    evidence.cancelled()
    firsts: dict[str, Asked] = {}
    for one in sorted(api.asked, key=lambda each: each.reply.written):
        firsts.setdefault(one.intent.id, one)
    for one in firsts.values():
        # What raced with others may have lost.
        alone = all(
            other is one or other.intent != one.intent or other.reply.written > one.reply.finished
            for other in api.asked
        )
        if one.documented and alone and one.intent.status == "requires_approval" and one.reply.status >= 500:
            raise Violation(
                expected=f"a documented cancel of {one.intent.id} to succeed, as those of other intents do",
                observed=summary.of(one.reply),
                reply=one.reply,
                hint="What is different about this intent: its amount, a null, a letter in a name? Or was it chance?",
            )


@requirement("PI-01")
def test_every_success_is_the_documented_one(api: PayoutIntents, evidence: Evidence) -> None:
    """Each intent that was cancelled got a 202 that says cancelled, whichever caller and intent it was."""
    _everybody_cancels(evidence)
    accepted: dict[str, list[Asked]] = {}
    for one in api.asked:
        sure = one.documented and one.intent.id not in api.unsure
        if sure and one.intent.status == "requires_approval" and succeeded(one.reply):
            accepted.setdefault(one.intent.id, []).append(one)
    for several in accepted.values():
        # A retry may be answered otherwise, which is for PI-33 to judge.
        if not any(one.reply.status == 202 and one.reply.at("status") == "cancelled" for one in several):
            cancelled(
                several[0].reply,
                f"a cancel with the credentials of {several[0].by}",
                hint="What is different about this intent, or about this caller?",
            )


@requirement("PI-18")
def test_every_success_has_its_callers_environment(api: PayoutIntents, successes: Successes) -> None:
    """environment is that of the credentials in each success of the run."""
    own = api.environment
    for one in successes():
        whose = f"for the credentials of {one.by}"
        if one.by == "other_environment":
            another = f"another one than {own!r} {whose}"
            told(one.reply, "environment", lambda value: isinstance(value, str) and value != own, another)
        else:
            told(one.reply, "environment", expect.is_same_as(own), f"{own!r} {whose}")


@pytest.mark.parametrize(
    "which",
    [
        pytest.param("processing", marks=requirement("PI-02")),
        pytest.param("terminal", marks=requirement("PI-03")),
    ],
)
def test_no_other_intent_was_cancelled(api: PayoutIntents, evidence: Evidence, which: str) -> None:
    """No cancel of an intent was accepted that was handed over as processing, or as terminal."""
    evidence.cancel_refused(state="processing" if which == "processing" else "cancelled")
    for one in api.asked:
        status = one.intent.status
        if (
            succeeded(one.reply)
            and one.by == one.intent.wanted.whose
            and status != "requires_approval"
            and (status == "processing") == (which == "processing")
        ):
            raise Violation(
                expected=f"a cancel of a {status} intent to be refused, whichever one it is",
                observed=summary.of(one.reply),
                reply=one.reply,
                hint="What is different about this intent, or about this request? Others may have been refused.",
            )


@requirement("PI-44")
def test_every_documented_refusal_has_the_envelope(api: PayoutIntents, evidence: Evidence) -> None:
    """error.code and error.message are texts in each 404, 409 and 422 to a documented cancel, of whatever intent."""
    evidence.cancel_refused(state="cancelled")
    for one in api.asked:
        if one.documented and one.reply.status in (404, 409, 422):
            in_envelope(one.reply, _what(one.reply))


@requirement("PI-15")
def test_every_success_is_about_its_intent(successes: Successes) -> None:
    """Each 202 of the run is a payout_intent, and the one that was asked for."""
    for one in successes():
        told(
            one.reply,
            "id",
            expect.is_same_as(one.intent.id),
            f"the requested id {one.intent.id!r}",
            hint="Is the answer kept where requests at the same moment share it?",
        )
        told(one.reply, "object", expect.is_same_as("payout_intent"), "'payout_intent'")


@requirement("PI-17")
def test_every_success_has_a_clean_amount(successes: Successes) -> None:
    """amount is a string of digits, currency and country are codes in capitals, in each 202 of the run."""
    patterns = {"amount": r"[0-9]+", "currency": r"[A-Z]{3}", "country": r"[A-Z]{2}"}

    for one in successes():
        for key, pattern in patterns.items():
            told(one.reply, key, partial(_matches, pattern), f"a text like {pattern}, for each intent")


def _matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


@requirement("PI-19")
def test_every_success_has_the_last_four(successes: Successes) -> None:
    """account_last4 is four characters long in each 202 of the run, and the end of the account number."""
    for one in successes():
        if one.reply.at("recipient.type") != "bank_account":
            continue
        ends = [number[-4:] for number in account_numbers(one.intent.facts)]
        value = one.reply.at("recipient.account_last4")
        expect.that(
            isinstance(value, str) and len(value) == 4 and (not ends or value in ends),
            expected="recipient.account_last4 to be "
            f"four characters{', ' + ' or '.join(map(repr, ends)) if ends else ''}",
            observed=f"recipient.account_last4 is {value!r}",
            reply=one.reply,
            hint="As text, so that leading zeros survive.",
        )


@requirement("PI-20")
def test_every_success_has_instants(successes: Successes) -> None:
    """created_at and updated_at are ISO 8601 instants in each 202 of the run."""
    for one in successes():
        for key in ("created_at", "updated_at"):
            if one.reply.at(key) is not MISSING:
                is_instant(one.reply, key)


@requirement("PI-21")
def test_every_success_has_its_own_order_data(api: PayoutIntents, given: Given, successes: Successes) -> None:
    """amount, reference and recipient in each 202 of the run are those in GET of that intent."""
    if len(api.confirmations) < _A_FEW:
        # One that nobody has read before it is cancelled, as most of them are in a run of all checks.
        intent = given.unread("requires_approval")
        api.cancels(intent)
        api.confirmed(intent)

    for one in successes():
        if one.intent.id not in api.confirmations:
            continue
        read = api.confirmations[one.intent.id][2]
        for key in ORDER:
            value, stands = one.reply.at(key), read.at(key)
            expect.that(
                value is MISSING or equality.same_but_nulls(value or None, stands or None),
                expected=f"{key} in the 202 to be {stands!r}, as GET shows it of {one.intent.id}",
                observed=f"{key} is {value!r}",
                reply=one.reply,
                hint="One and the same function should render an intent, whoever asks.",
            )


@requirement("PI-21")
def test_every_success_has_the_order_data_that_was_told(
    api: PayoutIntents, given: Given, evidence: Evidence, successes: Successes
) -> None:
    """amount, reference and recipient are those that the state provider told, where it tells them as GET does."""
    evidence.cancelled()
    # Letters and figures that get lost don't stand in every order: a run of few checks looks at some more.
    with suppress(NotTestable):
        for _ in range(len(api.confirmations), _A_FEW_MORE):
            intent = given("requires_approval")
            api.cancels(intent)
            api.confirmed(intent)
    # A provider may tell an amount in another form: then no intent of it is told as GET shows it.
    keys = [
        key
        for key in ORDER
        if any(
            intent.facts.get(key) and equality.same(intent.facts[key], read.at(key))
            for intent, _, read in api.confirmations.values()
        )
    ]
    if not keys:
        raise NotApplicable("the state provider doesn't tell order data as GET shows it")

    for one in successes():
        for key in (key for key in keys if key in one.intent.facts):
            value = one.reply.at(key)
            expect.that(
                value is MISSING or equality.same_but_nulls(one.intent.facts[key] or None, value or None),
                expected=f"{key} to be {one.intent.facts[key]!r}, as the state provider told of {one.intent.id}",
                observed=f"{key} is {value!r}",
                reply=one.reply,
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
def test_account_numbers_are_in_no_answer(api: PayoutIntents) -> None:
    """No answer of the run shows an account number that the state provider told."""
    numbers = [number for intent in api.known.values() for number in account_numbers(intent.facts)]
    if not numbers:
        raise NotApplicable("the state provider doesn't tell the account number")
    # Where a bank's code or check digits stand before it, as in an IBAN, the number is no less shown.
    ends = {bare[-_TELLING:]: bare for bare in (re.sub(r"[ \-]", "", number) for number in numbers)}
    for reply, _ in api.answers:
        for run in _digits(reply):
            number = ends.get(run[-_TELLING:])
            if number is not None and run.endswith(number):
                raise Violation(
                    expected=f"no account number that the state provider told in the answer to {_what(reply)}",
                    observed=f"{number} stands in it ({summary.of(reply)})",
                    reply=reply,
                    hint="Mask it where the answer is made, error messages and headers included.",
                )


@requirement("PI-40")
def test_no_answer_tells_a_secret(api: PayoutIntents, evidence: Evidence) -> None:
    """No answer of the run tells a secret key to somebody who hasn't sent it."""
    _tells_no_secret(api, evidence, sent_too=False)


@requirement("PI-45")
def test_no_answer_repeats_a_secret(api: PayoutIntents, evidence: Evidence) -> None:
    """No answer of the run repeats a secret key, not even to whom it belongs."""
    _tells_no_secret(api, evidence, sent_too=True)


def _tells_no_secret(api: PayoutIntents, evidence: Evidence, *, sent_too: bool) -> None:
    evidence.cancel_with_wrong_credentials()
    secrets = api.secrets()
    for reply, sent in api.answers:
        shown = [one for one in secrets if any(one in text for text in reply.strings())]
        if any(sent_too or one not in "".join(sent) for one in shown):
            raise Violation(
                expected=f"an answer to {_what(reply)} without a secret key of the profile",
                observed=f"there is one {'' if sent_too else 'that the request had not sent '}in {summary.of(reply)}",
                reply=reply,
                hint="A secret never leaves the place where it is compared, not for debugging either.",
            )


@requirement("PI-45")
def test_no_refusal_shows_insides(api: PayoutIntents, evidence: Evidence) -> None:
    """No refusal of the run, whatever it was for, shows a stack trace, SQL or a file path."""
    evidence.send_wrong_forms()
    for reply, _ in api.answers:
        if reply.status < 400:
            continue
        sent = reply.exchange.request_body.decode("utf-8", "backslashreplace")
        found = disclosure.disclosed_by(reply, known=sent + reply.exchange.url, pages=False)
        if found is not None:
            raise Violation(
                expected=f"an answer to {_what(reply)} that shows nothing of the program's inside",
                observed=f"{found} in {summary.of(reply)}",
                reply=reply,
                hint="Turn debug pages off, and map every exception to the error envelope.",
            )


def _what(reply: Reply) -> str:
    return f"{reply.exchange.method} /{reply.exchange.url.partition('://')[2].partition('/')[2][:80]}"
