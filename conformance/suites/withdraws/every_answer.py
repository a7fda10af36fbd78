"""Assertions on any one answer of a run, by name: test_afterwards and test_successes ask each of all answers.

Each worker also asks them of an answer before it is written without the secrets in it (`oracles.run_answers`).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from conformance.http import summary
from conformance.http.reply import MISSING, Reply, strings
from conformance.model import Credentials
from conformance.oracles import expect, wording
from conformance.oracles.every_response import discloses_nothing, hides_account, is_json
from conformance.oracles.missing_keys import has_value, missing_keys
from conformance.oracles.run_answers import Judge, RecordedAnswer
from conformance.states.accounts import account_numbers
from conformance.suites.withdraws.assertions import cancelled, data
from conformance.suites.withdraws.client import about
from conformance.suites.withdraws.fields import (
    FACTS,
    KEPT,
    changed,
    differs,
    has_instant,
    has_its_id,
    has_object,
    has_text_code,
    is_canceled_now,
    is_code,
    is_decimal_text,
    is_masked,
    is_not_in_the_future,
    is_unpaid,
    spelt_otherwise,
)

# Shorter ones may stand in an answer by chance.
_LONG_ENOUGH = 8
_BLANKS = str.maketrans("", "", " -")
_FEW = 3
_SOME_ANSWERS = "Where only some answers lack it: do all of the target's processes run the same version?"


def _has_types(one: RecordedAnswer) -> None:
    has_text_code(one.reply, where=where(one))
    has_object(one.reply, where=where(one))


# The assertion of each requirement on a success: test_body makes the same ones on a few cancels.
SUCCESSES: Mapping[str, Judge] = {
    "WD-01": lambda one: cancelled(one.reply, what(one)),
    "WD-15": lambda one: has_its_id(one.reply, about(one), where=where(one)),
    "WD-17": lambda one: has_instant(one.reply, "canceledAt", where=where(one)),
    "WD-18": lambda one: is_unpaid(one.reply, where=where(one)),
    "WD-19": lambda one: is_decimal_text(one.reply, where=where(one)),
    "WD-20": lambda one: is_code(one.reply, where=where(one)),
    "WD-21": lambda one: is_masked(one.reply, known=False, where=where(one)),
    "WD-22": _has_types,
    "WD-25": lambda one: [
        has_instant(one.reply, key, where=where(one)) for key in ("createdAt", "updatedAt")
    ],
}


def judges(credentials: Mapping[str, Credentials]) -> Mapping[str, Judge]:
    """Every assertion by its name; `credentials` are those of the profile."""
    return {
        **{
            requirement_id: judge if requirement_id == "WD-15" else partial(_of_its_own, judge)
            for requirement_id, judge in SUCCESSES.items()
        },
        "has all keys": has_all_keys,
        "has null keys": has_null_keys,
        "is canceled now": partial(_of_its_own, lambda one: is_canceled_now(one.reply, where(one))),
        "is not in the future": partial(_of_its_own, lambda one: is_not_in_the_future(one.reply, where(one))),
        "tells what was known": partial(_of_its_own, tells_what_was_known),
        "shows no account number": shows_no_account_number,
        "is JSON": lambda one: is_json(one.reply, to=what(one)),
        "discloses nothing": _discloses_nothing,
        "tells no secret": partial(tells_no_secret, credentials),
    }


def what(one: RecordedAnswer) -> str:
    """A request as the subject of a sentence: `a cancel of a pending withdraw by the other merchant`."""
    method, withdraw = one.reply.exchange.method, about(one)
    owner = withdraw.wanted.owner or "primary"
    cancel = "a cancel" if one.documented else "an unusual cancel"
    kind = cancel if method == "POST" else f"a {method}"
    whose = "" if owner == "primary" else " of the other merchant" if owner != one.by else ""
    by = "" if one.by == "primary" else " by the other merchant"
    return f"{kind} of a {withdraw.status} withdraw{whose}{by}"


def where(one: RecordedAnswer) -> str:
    """An answer, for the title of a wrong field."""
    return f"the answer to {what(one)} ({one.reply.status})"


def has_all_keys(one: RecordedAnswer) -> None:
    """A success has the documented keys that have a value."""
    shown = data(one.reply)
    missing = [key for key in missing_keys("withdraws", shown, about(one).facts).valued if key != "status"]
    expect.that(
        not shown or not missing,
        expected=f"all documented keys that have a value in the answer to {what(one)}",
        observed=f"{listed(missing)} absent (the answer was {summary.of(one.reply)})",
        reply=one.reply,
        hint=spelt_otherwise(missing, shown) or _SOME_ANSWERS,
        fault=f"{few(missing)} {'was' if len(missing) == 1 else 'were'} missing from {where(one)}",
    )


def listed(keys: Sequence[str]) -> str:
    """Returns keys of `data` in words: `data.id and data.amount`."""
    named = [f"data.{key}" for key in keys]
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)


def few(keys: Sequence[str]) -> str:
    """Returns keys of `data` for a title: three at most, and how many more there are."""
    if len(keys) <= _FEW:
        return listed(keys)
    return f"{', '.join(f'data.{key}' for key in keys[:_FEW])} and {len(keys) - _FEW} more"


def has_null_keys(one: RecordedAnswer) -> None:
    """A success has null for the documented keys without a value."""
    shown = data(one.reply)
    missing = missing_keys("withdraws", shown, about(one).facts).empty
    others = [key for key, value in shown.items() if value is None]
    expect.that(
        not shown or not missing,
        expected=f"null for each documented key without a value in the answer to {what(one)}",
        observed=f"{listed(missing)} absent (the answer was {summary.of(one.reply)})",
        reply=one.reply,
        hint="" if others else "Serialisers that leave out nulls can be told not to.",
        fault=f"{few(missing)} {'was' if len(missing) == 1 else 'were'} left out of {where(one)}, not null",
    )


def tells_what_was_known(one: RecordedAnswer) -> None:
    """A success tells of its withdraw what the state source told."""
    shown, facts = data(one.reply), about(one).facts
    wrong = [
        key
        for key in ("amount", *FACTS)
        if key in facts and differs(key, facts[key], shown.get(key, MISSING))
    ]
    wrong += [
        key for key in KEPT if has_value(facts.get(key)) and not has_value(shown.get(key, facts.get(key)))
    ]
    told = [
        f"data.{key} is {wording.of(one.reply, f'data.{key}')} and was {wording.whole(facts[key])}"
        for key in wrong
    ]
    expect.that(
        not wrong,
        expected=f"the answer to {what(one)} to tell what was known of it before",
        observed=f"{'; '.join(told)} (the answer was {summary.of(one.reply)})",
        reply=one.reply,
        fault=changed(one.reply, wrong[0], facts[wrong[0]], where(one)) if wrong else "",
    )


def _of_its_own(judge: Judge, one: RecordedAnswer) -> None:
    """Judges an answer that is about the requested withdraw; WD-15 judges one that is about another.

    An id of the same form counts as another one's, and the requested id spelt otherwise doesn't.
    """
    shown, asked = data(one.reply).get("id"), about(one).id
    if not isinstance(shown, str) or len(shown) != len(asked) or shown.lower() == asked.lower():
        judge(one)


def shows_no_account_number(one: RecordedAnswer) -> None:
    """An answer doesn't show the account number of its withdraw."""
    facts = about(one).facts
    # Searching for every spelling of a number takes long, and most answers don't have its digits at all.
    digits = "\n".join(_texts(one.reply)).translate(_BLANKS)
    if any(number.translate(_BLANKS) in digits for number in account_numbers(facts)):
        hides_account(one.reply, facts, to=what(one))


def _discloses_nothing(one: RecordedAnswer) -> None:
    # A merchant may have described a withdraw with anything.
    known = "\n".join(strings(dict(about(one).facts)))
    discloses_nothing(one.reply, to=what(one), known=known, pages=one.documented)


def tells_no_secret(credentials: Mapping[str, Credentials], one: RecordedAnswer) -> None:
    """An answer doesn't contain the secret of a merchant."""
    secrets = {name: pair.secret for name, pair in credentials.items() if len(pair.secret) >= _LONG_ENOUGH}
    texts = list(_texts(one.reply))
    whose = [name for name, secret in secrets.items() if any(secret in text for text in texts)]
    expect.that(
        not whose,
        expected=f"an answer to {what(one)} without the secret of a merchant",
        observed=f"the secret of credentials.{', '.join(whose)} in {summary.of(one.reply)}",
        reply=one.reply,
        hint="A secret never leaves the store of keys, not for debugging either.",
        fault=f"The secret of credentials.{', '.join(whose)} stood in {where(one)}",
    )


def _texts(reply: Reply) -> Iterator[str]:
    yield from (value for _, value in reply.headers)
    yield reply.text
