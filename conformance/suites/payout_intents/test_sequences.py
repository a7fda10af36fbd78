"""Refused requests about a cancelled intent in every order: what one leaves behind, another makes use of."""

from collections.abc import Callable, Mapping

import pytest

from conformance.http.reply import Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import Violation, requirement
from conformance.suites.payout_intents.assertions import KEYS
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents, cancel_path
from conformance.suites.payout_intents.kept_keys import KeptKeys, Keyed

Ask = Callable[[PayoutIntents, Keyed], Reply | None]


def _sent(api: PayoutIntents, ask: Callable[[], Reply]) -> Reply | None:
    return api.answered(ask, to="a request about a cancelled intent")


# Requests about a cancelled intent, by what they are in words, each with the requirement that is about them.
REFUSED: Mapping[str, tuple[str, str, Ask]] = {
    "conflict": (
        "PI-32",
        "a cancel for another reason under its key",
        lambda api, one: api.cancel(one.intent, reason="Sent by mistake", key=one.key),
    ),
    "wrong_secret": (
        "PI-40",
        "a cancel with a wrong secret",
        lambda api, one: _sent(
            api,
            lambda: api.post(
                one.intent, BODY, change={"Authorization": api.authorization(secret="no-such-secret-at-all")}
            ),
        ),
    ),
    "second": (
        "PI-04",
        "a second cancel",
        lambda api, one: api.cancel(one.intent, reason="Sent a second time"),
    ),
    "retry": (
        "PI-33",
        "a retry of its cancel",
        lambda api, one: api.cancel(one.intent, reason=one.reason, key=one.key),
    ),
    "broken_body": (
        "PI-29",
        "a cancel with a body that is no object",
        lambda api, one: _sent(api, lambda: api.post(one.intent, b"[]")),
    ),
    "put": (
        "PI-47",
        "a PUT at the path of a cancel",
        lambda api, one: _sent(api, lambda: api.send("PUT", cancel_path(one.intent), api.headers(), BODY)),
    ),
    "read": ("PI-06", "a read", lambda api, one: api.read(one.intent)),
}
_LEFT = "Does the request before it leave something behind that this one makes use of?"


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(name, marks=requirement(requirement_id))
        for name, (requirement_id, _, _) in REFUSED.items()
    ],
)
def test_requests_in_any_order_leave_a_cancelled_intent_as_it_is(
    api: PayoutIntents, kept: KeptKeys, last: str
) -> None:
    """A cancelled intent is what it was after each further request, whichever other one came right before it."""
    one = kept.shared()
    _, what, ask = REFUSED[last]
    # First by itself, twice: what it does alone is no other one's.
    for other in (last, *(name for name in REFUSED if name != last)):
        _, before, first = REFUSED[other]
        shown = api.read(one.intent)
        first(api, one)
        ask(api, one)

        read = api.read(one.intent)
        after = f"{what}, right after {before}" if other != last else f"{what}, sent twice"
        try:
            _is_as_it_was(shown, read, after)
        except Violation:
            if other == last or not _changes_it(api, one, first):
                raise


def _is_as_it_was(shown: Reply, read: Reply, after: str) -> None:
    expect.that(
        read.status == shown.status,
        expected=f"a read after {after} to be answered as before, {shown.status}",
        reply=read,
        hint=_LEFT,
        fault=f"{wording.capital(after)} made a read of the intent {read.status}",
    )
    if shown.ok:
        expect.unchanged(
            shown.json, read.json, KEYS, reply=read, after_what=after, what="a cancelled intent", hint=_LEFT
        )


def _changes_it(api: PayoutIntents, one: Keyed, ask: Ask) -> bool:
    """Whether a request changes a cancelled intent by itself, which the check of that one tells."""
    shown = api.read(one.intent)
    ask(api, one)
    return not equality.same_but_nulls(shown.json, api.read(one.intent).json)
