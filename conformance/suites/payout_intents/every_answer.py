"""Assertions on any one answer of a run, by name: test_answers asks each of all answers.

Each worker also asks them of an answer before it is written without the secrets in it (`oracles.run_answers`).
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import disclosure, equality, expect, wording
from conformance.oracles.every_response import internals
from conformance.oracles.expect import Violation
from conformance.oracles.instants import is_instant
from conformance.oracles.run_answers import Judge, RecordedAnswer
from conformance.states import Resource
from conformance.states.accounts import account_numbers
from conformance.suites.payout_intents.assertions import APPROVAL_REQUIRED, cancelled, field_is, succeeded
from conformance.suites.payout_intents.moments import is_the_present
from conformance.suites.payout_intents.refusals import in_envelope


def judges(environments: tuple[str, ...], secrets: Collection[str]) -> Mapping[str, Judge]:
    """Every assertion by its name; `environments` name that of the primary credentials, `secrets` are looked for."""
    of_successes: dict[str, Judge] = {
        "has its caller's environment": partial(has_its_callers_environment, environments),
        "is about its intent": is_about_its_intent,
        "has a clean amount": has_a_clean_amount,
        "has the last four": has_the_last_four,
        "has instants": has_instants,
        "was updated now": lambda one: is_the_present(one.reply, None),
        "has the failure code": has_the_failure_code,
        "has its reason": has_its_reason,
    }
    return {
        **{name: partial(_if_success, judge) for name, judge in of_successes.items()},
        "is the documented success": is_the_documented_success,
        "has the envelope": lambda one: in_envelope(one.reply, _refused(one)),
        "tells no secret": partial(tells_no_secret, secrets, sent_too=False),
        "repeats no secret": partial(tells_no_secret, secrets, sent_too=True),
        "discloses nothing": discloses_nothing,
    }


def is_success(one: RecordedAnswer) -> bool:
    """Whether an answer is a success that shows an intent, whoever's credentials it was sent with."""
    return one.resource is not None and succeeded(one.reply) and isinstance(one.reply.json, dict)


def first_successes(answers: Iterable[RecordedAnswer]) -> Iterator[RecordedAnswer]:
    """Each success that is no answer to a key which was answered by a success before.

    Such an answer may be the stored one: those to retries are compared with the first one (PI-33), those to others and
    about other intents may not be it (PI-34, PI-35). `answers` come in the order in which they were received.
    """
    answered: set[str] = set()
    for one in answers:
        if not is_success(one):
            continue
        keys = {
            value for name, value in one.reply.exchange.request_headers if name.lower() == "idempotency-key"
        }
        if not keys & answered:
            yield one
        answered |= keys


def _if_success(judge: Judge, one: RecordedAnswer) -> None:
    if is_success(one):
        judge(one)


_FOR_ALL = "Other callers may get it: one and the same function should render an intent, whoever asks."
LAST_FOUR_HINTS = {int: "As text, so that leading zeros survive.", float: "As text, so that zeros survive."}
"""The hints that the JSON type of a wrong account_last4 suggests."""


def what(reply: Reply) -> str:
    """A request in a few words, without the id in it."""
    path = reply.exchange.url.partition("://")[2].partition("/")[2][:80]
    return f"{reply.exchange.method} /{re.sub(r'(?<=payout_intents/)[^/?]+', ':id', path)}"


def about(one: RecordedAnswer) -> Resource:
    """The intent that a cancel was about."""
    assert one.resource is not None
    return one.resource


def is_the_documented_success(one: RecordedAnswer) -> None:
    """A success is a 202 that says cancelled."""
    cancelled(
        one.reply,
        f"a cancel {sent_by(one)}",
        hint="What is different about this intent, or about this caller? Others may have been answered as documented.",
    )


def sent_by(one: RecordedAnswer) -> str:
    """Returns the sender of a cancel in words that follow the noun, such as `with documented credentials`."""
    if one.by == "primary":
        return "with documented credentials"
    who = {"other_merchant": "the other merchant", "other_environment": "the other environment"}.get(
        one.by, one.by
    )
    own = one.by == about(one).wanted.whose
    return f"by {who} of its own intent" if own else f"by {who} of an intent that isn't its own"


def _refused(one: RecordedAnswer) -> str:
    """The request of a documented refusal, with the state that it was refused for."""
    names = {name.lower() for name, _ in one.reply.exchange.request_headers}
    cancel = "a cancel" if "idempotency-key" in names else "a cancel without a key"
    status, wanted = about(one).status, about(one).wanted
    if one.by != wanted.whose:
        return f"{cancel} of an intent that isn't the caller's"
    if one.reply.status != APPROVAL_REQUIRED.status:
        return f"{cancel} of an intent"
    return (
        f"{cancel} of a {status} intent"
        if status != "requires_approval"
        else f"a further {cancel[2:]} of an intent"
    )


def has_its_callers_environment(own: tuple[str, ...], one: RecordedAnswer) -> None:
    """environment is that of the credentials."""
    where = f"the answer to a cancel {sent_by(one)}"
    if one.by == "other_environment":
        another = f"another one than {wording.value(own[0])}"
        field_is(
            one.reply,
            "environment",
            lambda value: isinstance(value, str) and value != own[0],
            another,
            where=where,
        )
    else:
        field_is(one.reply, "environment", lambda value: value in own, wording.value(own[0]), where=where)


def is_about_its_intent(one: RecordedAnswer) -> None:
    """A success is a payout_intent, and the one that was asked for."""
    where = "the answer to a cancel"
    field_is(
        one.reply,
        "id",
        equality.is_same_as(about(one).id),
        f"the requested id {wording.value(about(one).id)}",
        hint="Other answers may have the right id: is an answer kept where several requests share it?",
        where=where,
        fault=f"id was not the requested one in the answer to a cancel ({one.reply.status})",
    )
    field_is(one.reply, "object", equality.is_same_as("payout_intent"), '"payout_intent"', where=where)


def has_a_clean_amount(one: RecordedAnswer) -> None:
    """amount is a string of digits, currency and country are codes in capitals."""
    forms = {
        "amount": (r"[0-9]+", 'a string of digits, like "12000"'),
        "currency": (r"[A-Z]{3}", "three capital letters"),
        "country": (r"[A-Z]{2}", "two capital letters"),
    }
    for key, (pattern, form) in forms.items():
        field_is(
            one.reply,
            key,
            partial(_matches, pattern),
            f"{form}, for each intent",
            where="the answer to a cancel",
        )


def _matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def has_the_last_four(one: RecordedAnswer) -> None:
    """account_last4 is four characters long, and the end of the account number."""
    if one.reply.at("recipient.type") != "bank_account":
        return
    ends = [number[-4:] for number in account_numbers(about(one).facts)]
    value = one.reply.at("recipient.account_last4")
    expect.that(
        isinstance(value, str) and len(value) == 4 and (not ends or value in ends),
        expected="recipient.account_last4 to be "
        f"four characters{', ' + ' or '.join(map(wording.value, ends)) if ends else ''}",
        observed=expect.observed(one.reply, "recipient.account_last4"),
        reply=one.reply,
        hint=LAST_FOUR_HINTS.get(type(value), ""),
        fault=wording.was(one.reply, "recipient.account_last4", "the answer to a cancel"),
    )


def has_instants(one: RecordedAnswer) -> None:
    """created_at and updated_at are ISO 8601 instants."""
    for key in ("created_at", "updated_at"):
        if one.reply.at(key) is not MISSING:
            is_instant(one.reply, key, where="the answer to a cancel")


def has_the_failure_code(one: RecordedAnswer) -> None:
    """failure_code is cancelled."""
    where = f"the answer to a cancel {sent_by(one)}"
    field_is(
        one.reply, "failure_code", equality.is_same_as("cancelled"), '"cancelled"', where=where, hint=_FOR_ALL
    )


def has_its_reason(one: RecordedAnswer) -> None:
    """failure_message holds the reason that the body gave, where it is a plain one."""
    try:
        sent = json.loads(one.reply.exchange.request_body)
    except ValueError:
        return
    reason = sent.get("reason") if one.documented and isinstance(sent, dict) else None
    if isinstance(reason, str):
        field_is(
            one.reply,
            "failure_message",
            lambda value: isinstance(value, str) and reason in value,
            f"the reason, {wording.value(reason)}",
            where=f"the answer to a cancel {sent_by(one)}",
            hint=_FOR_ALL,
        )


def tells_no_secret(secrets: Collection[str], one: RecordedAnswer, *, sent_too: bool) -> None:
    """An answer holds no secret key; with `sent_too`, not even one that the request has sent."""
    reply, sent = one.reply, one.carried
    texts = tuple(reply.strings())
    shown = [one for one in secrets if any(one in text for text in texts)]
    if any(sent_too or one not in "".join(sent) for one in shown):
        raise Violation(
            expected=f"an answer to {what(reply)} without a secret key of the profile",
            observed=f"there is one {'' if sent_too else 'that the request had not sent '}in {summary.of(reply)}",
            reply=reply,
            hint="A secret never leaves the place where it is compared, not for debugging either.",
            fault=f"The answer to {what(reply)} held a secret key "
            f"{'' if sent_too else 'that the request had not sent '}({reply.status})",
        )


def discloses_nothing(one: RecordedAnswer) -> None:
    """A refusal shows no stack trace, SQL or file path."""
    reply = one.reply
    if reply.status < 400:
        return
    sent = reply.exchange.request_body.decode("utf-8", "backslashreplace")
    found = disclosure.disclosed_by(reply, known=sent + reply.exchange.url, pages=False)
    if found is not None:
        raise internals(reply, found, to=what(reply))
