"""Assertions on any one answer of a run, by name: test_answers asks each of all answers.

Each worker also asks them of an answer before it is written without the secrets in it (`oracles.every_run`).
"""

import re
from collections.abc import Collection, Mapping
from functools import partial

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import disclosure, equality, expect
from conformance.oracles.every_run import Judge, Sent
from conformance.oracles.expect import Violation
from conformance.oracles.instants import is_instant
from conformance.states import Resource
from conformance.states.accounts import account_numbers
from conformance.suites.payout_intents.assertions import cancelled, succeeded, told
from conformance.suites.payout_intents.refusals import in_envelope


def judges(environment: str, secrets: Collection[str]) -> Mapping[str, Judge]:
    """Every assertion by its name; `environment` is that of the primary credentials, `secrets` are looked for."""
    of_successes: dict[str, Judge] = {
        "has its caller's environment": partial(has_its_callers_environment, environment),
        "is about its intent": is_about_its_intent,
        "has a clean amount": has_a_clean_amount,
        "has the last four": has_the_last_four,
        "has instants": has_instants,
    }
    return {
        **{name: partial(_if_success, judge) for name, judge in of_successes.items()},
        "is the documented success": is_the_documented_success,
        "has the envelope": lambda one: in_envelope(one.reply, what(one.reply)),
        "tells no secret": partial(tells_no_secret, secrets, sent_too=False),
        "repeats no secret": partial(tells_no_secret, secrets, sent_too=True),
        "discloses nothing": discloses_nothing,
    }


def is_success(one: Sent) -> bool:
    """Whether an answer is a success that shows an intent, whoever's credentials it was sent with."""
    return one.resource is not None and succeeded(one.reply) and isinstance(one.reply.json, dict)


def _if_success(judge: Judge, one: Sent) -> None:
    if is_success(one):
        judge(one)


def what(reply: Reply) -> str:
    """A request in a few words."""
    return f"{reply.exchange.method} /{reply.exchange.url.partition('://')[2].partition('/')[2][:80]}"


def about(one: Sent) -> Resource:
    """The intent that a cancel was about."""
    assert one.resource is not None
    return one.resource


def is_the_documented_success(one: Sent) -> None:
    """A success is a 202 that says cancelled."""
    cancelled(
        one.reply,
        f"a cancel with the credentials of {one.by}",
        hint="What is different about this intent, or about this caller?",
    )


def has_its_callers_environment(own: str, one: Sent) -> None:
    """environment is that of the credentials."""
    whose = f"for the credentials of {one.by}"
    if one.by == "other_environment":
        another = f"another one than {own!r} {whose}"
        told(one.reply, "environment", lambda value: isinstance(value, str) and value != own, another)
    else:
        told(one.reply, "environment", equality.is_same_as(own), f"{own!r} {whose}")


def is_about_its_intent(one: Sent) -> None:
    """A success is a payout_intent, and the one that was asked for."""
    told(
        one.reply,
        "id",
        equality.is_same_as(about(one).id),
        f"the requested id {about(one).id!r}",
        hint="Is the answer kept where requests at the same moment share it?",
    )
    told(one.reply, "object", equality.is_same_as("payout_intent"), "'payout_intent'")


def has_a_clean_amount(one: Sent) -> None:
    """amount is a string of digits, currency and country are codes in capitals."""
    patterns = {"amount": r"[0-9]+", "currency": r"[A-Z]{3}", "country": r"[A-Z]{2}"}
    for key, pattern in patterns.items():
        told(one.reply, key, partial(_matches, pattern), f"a text like {pattern}, for each intent")


def _matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def has_the_last_four(one: Sent) -> None:
    """account_last4 is four characters long, and the end of the account number."""
    if one.reply.at("recipient.type") != "bank_account":
        return
    ends = [number[-4:] for number in account_numbers(about(one).facts)]
    value = one.reply.at("recipient.account_last4")
    expect.that(
        isinstance(value, str) and len(value) == 4 and (not ends or value in ends),
        expected="recipient.account_last4 to be "
        f"four characters{', ' + ' or '.join(map(repr, ends)) if ends else ''}",
        observed=f"recipient.account_last4 is {value!r}",
        reply=one.reply,
        hint="As text, so that leading zeros survive.",
    )


def has_instants(one: Sent) -> None:
    """created_at and updated_at are ISO 8601 instants."""
    for key in ("created_at", "updated_at"):
        if one.reply.at(key) is not MISSING:
            is_instant(one.reply, key)


def tells_no_secret(secrets: Collection[str], one: Sent, *, sent_too: bool) -> None:
    """An answer holds no secret key; with `sent_too`, not even one that the request has sent."""
    reply, sent = one.reply, one.carried
    shown = [one for one in secrets if any(one in text for text in reply.strings())]
    if any(sent_too or one not in "".join(sent) for one in shown):
        raise Violation(
            expected=f"an answer to {what(reply)} without a secret key of the profile",
            observed=f"there is one {'' if sent_too else 'that the request had not sent '}in {summary.of(reply)}",
            reply=reply,
            hint="A secret never leaves the place where it is compared, not for debugging either.",
        )


def discloses_nothing(one: Sent) -> None:
    """A refusal shows no stack trace, SQL or file path."""
    reply = one.reply
    if reply.status < 400:
        return
    sent = reply.exchange.request_body.decode("utf-8", "backslashreplace")
    found = disclosure.disclosed_by(reply, known=sent + reply.exchange.url, pages=False)
    if found is not None:
        raise Violation(
            expected=f"an answer to {what(reply)} that shows nothing of the program's inside",
            observed=f"{found} in {summary.of(reply)}",
            reply=reply,
            hint="Turn debug pages off, and map every exception to the error envelope.",
        )
