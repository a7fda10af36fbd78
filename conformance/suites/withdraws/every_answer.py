"""Assertions on any one answer of a run, by name: test_afterwards and test_successes ask each of all answers.

Each worker also asks them of an answer before it is written without the secrets in it (`oracles.every_run`).
"""

from collections.abc import Iterator, Mapping
from functools import partial

from conformance.http import summary
from conformance.http.reply import MISSING, Reply, strings
from conformance.model import Credentials
from conformance.oracles import expect
from conformance.oracles.every_response import discloses_nothing, hides_account, is_json
from conformance.oracles.every_run import Judge, Sent
from conformance.oracles.keys import lacking
from conformance.states.accounts import account_numbers
from conformance.suites.withdraws.assertions import cancelled, data
from conformance.suites.withdraws.client import about
from conformance.suites.withdraws.fields import (
    FACTS,
    differs,
    has_instant,
    has_its_id,
    has_text_types,
    is_code,
    is_decimal_text,
    is_masked,
    is_unpaid,
)

# Shorter ones may stand in an answer by chance.
_LONG_ENOUGH = 8
_BLANKS = str.maketrans("", "", " -")

# The assertion of each row on a success: test_body makes the same ones on a few cancels.
SUCCESSES: Mapping[str, Judge] = {
    "WD-01": lambda one: cancelled(one.reply, what(one)),
    "WD-15": lambda one: has_its_id(one.reply, about(one)),
    "WD-17": lambda one: has_instant(one.reply, "canceledAt"),
    "WD-18": lambda one: is_unpaid(one.reply),
    "WD-19": lambda one: is_decimal_text(one.reply),
    "WD-20": lambda one: is_code(one.reply),
    "WD-21": lambda one: is_masked(one.reply, known=False),
    "WD-22": lambda one: has_text_types(one.reply),
    "WD-25": lambda one: [has_instant(one.reply, key) for key in ("createdAt", "updatedAt")],
}


def judges(credentials: Mapping[str, Credentials]) -> Mapping[str, Judge]:
    """Every assertion by its name; `credentials` are those of the profile."""
    return {
        **SUCCESSES,
        "has all keys": has_all_keys,
        "has null keys": has_null_keys,
        "tells what was known": tells_what_was_known,
        "shows no account number": shows_no_account_number,
        "is JSON": lambda one: is_json(one.reply, to=what(one)),
        "discloses nothing": _discloses_nothing,
        "tells no secret": partial(tells_no_secret, credentials),
    }


def what(one: Sent) -> str:
    """A request in a few words."""
    made = one.reply.exchange
    path = made.url.partition("://")[2].partition("/")[2]
    return f"{made.method} /{path} for a {about(one).status} withdraw"


def has_all_keys(one: Sent) -> None:
    """A success has the documented keys that have a value."""
    shown = data(one.reply)
    missing = [key for key in lacking("withdraws", shown, about(one).facts).valued if key != "status"]
    expect.that(
        not shown or not missing,
        expected=f"all documented keys that have a value in the answer to {what(one)}",
        observed=f"{', '.join(missing)} missing",
        reply=one.reply,
        hint="Do all of the target's processes run the same version?",
    )


def has_null_keys(one: Sent) -> None:
    """A success has null for the documented keys without a value."""
    shown = data(one.reply)
    missing = lacking("withdraws", shown, about(one).facts).empty
    expect.that(
        not shown or not missing,
        expected=f"null for each documented key without a value in the answer to {what(one)}",
        observed=f"{', '.join(missing)} left out",
        reply=one.reply,
        hint="Serialisers that leave out nulls can be told not to.",
    )


def tells_what_was_known(one: Sent) -> None:
    """A success tells of its withdraw what the state provider told."""
    shown, facts = data(one.reply), about(one).facts
    wrong = [
        key
        for key in ("amount", *FACTS)
        if key in facts and differs(key, facts[key], shown.get(key, MISSING))
    ]
    expect.that(
        not wrong,
        expected=f"the answer to {what(one)} to tell what was known of it before",
        observed="; ".join(f"{key} was {facts[key]!r} and is {shown.get(key)!r}" for key in wrong),
        reply=one.reply,
    )


def shows_no_account_number(one: Sent) -> None:
    """An answer doesn't show the account number of its withdraw."""
    facts = about(one).facts
    # Searching for every spelling of a number takes long, and most answers don't have its digits at all.
    digits = "\n".join(_texts(one.reply)).translate(_BLANKS)
    if any(number.translate(_BLANKS) in digits for number in account_numbers(facts)):
        hides_account(one.reply, facts, to=what(one))


def _discloses_nothing(one: Sent) -> None:
    # A merchant may have described a withdraw with anything.
    known = "\n".join(strings(dict(about(one).facts)))
    discloses_nothing(one.reply, to=what(one), known=known, pages=one.documented)


def tells_no_secret(credentials: Mapping[str, Credentials], one: Sent) -> None:
    """An answer doesn't contain the secret of a merchant."""
    secrets = {name: pair.secret for name, pair in credentials.items() if len(pair.secret) >= _LONG_ENOUGH}
    texts = list(_texts(one.reply))
    whose = [name for name, secret in secrets.items() if any(secret in text for text in texts)]
    expect.that(
        not whose,
        expected=f"an answer to {what(one)} without the secret of a merchant",
        observed=f"that of credentials.{', '.join(whose)} stands in it ({summary.of(one.reply)})",
        reply=one.reply,
        hint="A secret never leaves the store of keys, not for debugging either.",
    )


def _texts(reply: Reply) -> Iterator[str]:
    yield from (value for _, value in reply.headers)
    yield reply.text
