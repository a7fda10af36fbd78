"""The intents that an event holds, as the API shows them: an event may repeat one in part, in full, or as it was."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.suites.payout_intents.contract import CONTRACT
from conformance.webhooks.receiver import Delivery

Snapshot = Mapping[str, Any]

# A note of an id and a status stands in many an envelope, and says nothing of the event.
_FIELDS = frozenset(CONTRACT.answers.keys) - {"object", "id", "status"}
_TELLING = 3


def snapshots(one: Delivery) -> list[Snapshot]:
    """Returns each object in a delivery that is a payout intent with most of what the API shows of it."""
    found = []
    for line in one.text.splitlines():
        if line.startswith("{"):
            found += [each for each in _objects(_parsed(line)) if _is_an_intent(each)]
    return found


def current(found: list[Snapshot], identifier: str) -> list[Snapshot]:
    """Returns those of one intent that show it cancelled, however that is spelt: others may show what it was before."""
    return [
        one for one in found if one["id"] == identifier and one["status"].lower() in ("cancelled", "canceled")
    ]


def agrees(key: str, told: Any, read: Any) -> bool:
    """Whether a value is the one that a read shows: a number for an amount, or a point in it, is a matter of form."""
    if key == "amount":
        told, read = (re.sub(r"[^0-9]", "", str(one)) for one in (told, read))
    return str(told or "") == str(read or "")


def _is_an_intent(one: Snapshot) -> bool:
    named = isinstance(one.get("id"), str) and isinstance(one.get("status"), str)
    return named and len(_FIELDS & one.keys()) >= _TELLING


def _objects(value: Any) -> Iterator[Snapshot]:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield one
        if isinstance(one, dict | list):
            pending += one.values() if isinstance(one, dict) else one


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
