"""Which documented keys an answer to a successful cancel lacks, and whether they have a value that it keeps back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEYS: Mapping[str, tuple[str, ...]] = {
    "withdraws": (
        "id",
        "amount",
        "currency",
        "status",
        "referenceId",
        "destinationType",
        "bankAccountNumber",
        "bankAccountName",
        "bankCode",
        "destinationId",
        "description",
        "metadata",
        "paidAt",
        "canceledAt",
        "createdAt",
        "updatedAt",
    ),
    "payout-intents": (
        "object",
        "id",
        "amount",
        "currency",
        "country",
        "environment",
        "status",
        "merchant_reference",
        "recipient",
        "failure_code",
        "failure_message",
        "created_at",
        "updated_at",
    ),
}
# What has a value in every successful cancel: rows of their own ask for most of these values.
ALWAYS: Mapping[str, frozenset[str]] = {
    "withdraws": frozenset(
        ("id", "amount", "currency", "status", "canceledAt", "createdAt", "updatedAt"),
    ),
    "payout-intents": frozenset(KEYS["payout-intents"]) - {"merchant_reference", "failure_message"},
}


@dataclass(frozen=True, slots=True)
class Lacking:
    """The documented keys that an answer lacks: those that have a value (a MUST), and those without (a SHOULD)."""

    valued: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def lacking(api: str, shown: Mapping[str, Any], *known: Mapping[str, Any]) -> Lacking:
    """The keys that `shown`, the object with the resource in it, lacks.

    `known` is what was known of the resource before: what a read showed, what the state provider told, the reason that
    was sent. Serialisers leave out nulls, and some leave out empty texts, lists and objects as well: none is a value.
    """
    absent = [key for key in KEYS[api] if key not in shown]
    valued = [key for key in absent if key in ALWAYS[api] or any(has_value(one.get(key)) for one in known)]
    return Lacking(tuple(valued), tuple(key for key in absent if key not in valued))


def has_value(value: Any) -> bool:
    """Whether a JSON value says anything: null, an empty text, list or object don't; 0 and false do."""
    return value is not None and value not in ("", [], {})
