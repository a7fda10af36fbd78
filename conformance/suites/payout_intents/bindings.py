"""Requests whose body or query names another intent than the path does: many frameworks bind all three alike."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.verbs import PayoutIntents, cancel_path, encoded, read_path

NAMES = ("id", "payout_intent_id", "payoutIntentId", "payout_intent", "intent_id", "intentId")
OTHERS = {"merchant_id": "another merchant", "environment": "live", "status": "paid"}


def ask_by_name(other: str) -> Iterator[Mapping[str, Any]]:
    """What to name, first all at once, and then, for a target that refuses what it doesn't know, one by one."""
    named = {**dict.fromkeys(NAMES, other), "ids": [other], **OTHERS}
    yield named
    yield {name: value for name, value in named.items() if name not in OTHERS}
    yield from ({name: value} for name, value in named.items())


def names_another(
    api: PayoutIntents, given: Given, intent: Resource, place: str, names: Mapping[str, Any]
) -> tuple[Resource, Reply | None]:
    """The answer to a cancel whose `place`, body or query, names something else; None where none comes.

    It is about `intent`, or about another one where that may have been cancelled without an answer.
    """

    def ask(one: Resource) -> Reply:
        if place == "body":
            return api.post(one, encoded({"reason": "ordered twice", **names}))
        headers = [(name, value) for name, value in api.documented().items() if value is not None]
        path = f"{cancel_path(one)}?{urlencode(names, doseq=True)}"
        return api.send("POST", path, headers, b'{"reason": "ordered twice"}')

    what = f"a cancel whose {place} names another intent"
    try:
        return api.odd_of(partial(given, "requires_approval"), ask, to=what, first=intent)
    except Violation:
        # It is never answered, and so isn't accepted; what became of it isn't known.
        return given("requires_approval"), None


def reads_another(api: PayoutIntents, intent: Resource, names: Mapping[str, Any]) -> Reply | None:
    """The answer to a read of `intent` whose query names something else; None where none comes."""
    headers, path = (
        [("Authorization", api.authorization())],
        f"{read_path(intent)}?{urlencode(names, doseq=True)}",
    )
    return api.answered(lambda: api.send("GET", path, headers), to="a read whose query names another intent")
