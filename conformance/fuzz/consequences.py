"""Which findings only follow from others: each fault is told once, by the check that is about it."""

from collections.abc import Mapping

from conformance.catalogue import apis
from conformance.fuzz.checks import checks

# Walks that a general trouble spoils.
_WALKS = (
    "merchant",
    "alike",
    "environment",
    "order_data",
    "keys_of_others",
    "other_intent",
    "after_401",
    "real",
)
# A finding of the first is a consequence of a finding of any of the others: it isn't told twice.
_CANCEL = "cancel_payout_intent."
CONSEQUENCES: Mapping[str, tuple[str, ...]] = {
    **{f"walk.{what}": ("auth.documented", "status.existing") for what in _WALKS},
    "walk.pending": ("auth.documented", "status.pending"),
    "walk.cancel": (
        "auth.documented",
        "status.requires_approval",
        *(f"reason.{what}" for what in ("plain", "absent", "free_text", "longest")),
        "key.absent",
        "accepts.json",
    ),
    "walk.processing": ("auth.documented", "status.processing"),
    "walk.processing_cancelled": ("auth.documented", "status.processing_cancelled"),
    "walk.processing_refused": ("auth.documented", "status.processing_refused"),
    "walk.closed": ("status.refusal", "status.canceled", "walk.again"),
    "walk.terminal": ("auth.documented", "status.terminal"),
    "walk.paid": ("auth.documented", "status.paid"),
    "walk.failed": ("auth.documented", "status.failed"),
    "walk.again": ("auth.documented", "status.canceled", "status.again", "status.cancelled"),
    "walk.unknown": ("auth.documented", "status.unknown"),
    "walk.conflict": ("auth.documented", "key.conflict"),
    "walk.replay": ("auth.documented", "key.replay"),
    "walk.read": ("auth.documented", "status.existing", "read_back", _CANCEL + "reason.free_text"),
    "crash.path": ("status.unknown",),
    "accepts.malformed_id": ("status.unknown",),
    "reason.plain": ("status.requires_approval",),
    "reason.absent": ("status.requires_approval",),
    "reason.longest": ("status.requires_approval", "reason.plain"),
    "reason.free_text": ("status.requires_approval", "reason.plain"),
    "key.absent": ("status.requires_approval",),
    "crash.reason": ("status.requires_approval", "reason.plain", "reason.absent"),
    "crash.body": ("status.requires_approval", "reason.plain", "reason.absent"),
    "crash.key": ("status.requires_approval", "reason.plain", "reason.absent", "key.absent", "key.conflict"),
    "crash.content_type": ("status.requires_approval", "reason.plain"),
    "body.shape": (
        *(_CANCEL + f"body.{what}" for what in ("amounts", "environment", "recipient", "instants", "keys")),
        _CANCEL + "reason.other_type",
    ),
}


def explanations(key: str) -> list[str]:
    """The checks whose findings bring about findings of this one, near and far."""
    operation, _, what = key.partition(".")
    known = {item.key for items in map(checks, apis()) for item in items}
    found = [each if each in known else f"{operation}.{each}" for each in CONSEQUENCES.get(what, ())]
    return [*found, *(far for each in found for far in explanations(each))]
