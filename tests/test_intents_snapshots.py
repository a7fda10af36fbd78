"""The intents that an event holds: which objects are one, which of them count, and what agrees with a read."""

import json

import pytest

from conformance.suites.payout_intents.snapshots import agrees, current, snapshots
from conformance.webhooks.receiver import Delivery

INTENT = {
    "id": "word_1",
    "status": "cancelled",
    "amount": "50000",
    "currency": "MYR",
    "failure_code": "cancelled",
}


def delivery(event: object) -> Delivery:
    """A delivery as the receiver keeps it: headers, and the JSON of the message."""
    return Delivery(f"content-type: application/json\n{json.dumps(event)}", "evt_1")


def test_a_note_of_id_and_status_is_no_intent() -> None:
    """An envelope may note what a delivery is about, as that was when it was put into a queue."""
    note = {
        "object": {"id": "word_1", "status": "requires_approval"},
        "event": {"payout_intent_id": "word_1"},
    }

    assert snapshots(delivery(note)) == []


def test_what_it_was_before_does_not_count() -> None:
    """Where an event holds the intent before and after, the one that is cancelled counts."""
    before = {**INTENT, "status": "requires_approval", "failure_code": None}

    found = snapshots(delivery({"data": {"before": before, "after": INTENT}}))

    assert len(found) == 2
    assert current(found, "word_1") == [INTENT]


def test_another_intent_is_not_the_one_that_counts() -> None:
    """An intent with another id is found, and is none of this one's."""
    found = snapshots(delivery({"payout_intent_id": "word_1", "data": [{**INTENT, "id": "word_2"}]}))

    assert [one["id"] for one in found] == ["word_2"]
    assert current(found, "word_1") == []


@pytest.mark.parametrize(
    ("key", "told", "read", "expected"),
    [
        ("amount", 50000, "50000", True),
        ("amount", "500.00", "50000", True),
        ("amount", "500", "50000", False),
        ("failure_message", None, "", True),
        ("failure_code", None, "cancelled", False),
        ("environment", "live", "test", False),
    ],
)
def test_only_the_form_may_differ(key: str, told: object, read: object, expected: bool) -> None:
    """A number for an amount or a point in it agrees with a read; another value doesn't."""
    assert agrees(key, told, read) is expected
