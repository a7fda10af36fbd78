"""Requests whose body or query names another intent than the path does: many frameworks bind all three alike."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from conformance.http.reply import Reply
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


def names_another(api: PayoutIntents, intent: Resource, place: str, names: Mapping[str, Any]) -> Reply:
    """A cancel of `intent` whose `place`, body or query, names something else."""
    if place == "body":
        return api.post(intent, encoded({"reason": "ordered twice", **names}))
    headers = [(name, value) for name, value in api.documented().items() if value is not None]
    path = f"{cancel_path(intent)}?{urlencode(names, doseq=True)}"
    return api.send("POST", path, headers, b'{"reason": "ordered twice"}')


def reads_another(api: PayoutIntents, intent: Resource, names: Mapping[str, Any]) -> Reply:
    """A read of `intent` whose query names something else."""
    headers = [("Authorization", api.authorization())]
    return api.send("GET", f"{read_path(intent)}?{urlencode(names, doseq=True)}", headers)
