"""The contract of the payout intents API."""

import json
from collections.abc import Mapping
from typing import Any

from conformance.contract import (
    Contract,
    DocumentedAnswer,
    DocumentedAnswers,
    DocumentedRequests,
    ResourceStates,
    SandboxUse,
)
from conformance.suites.payout_intents.authentication import AUTHENTICATION
from conformance.unknown_ids import like, sure_like

EVENT = "payout_intent.cancelled"
"""The webhook event of a cancelled payout intent, as the document names it."""

_READ = "/payout_intents/{id}"
_KEYS = (
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
)


def unknown_id(sample: str | None) -> tuple[str, bool]:
    """Returns an id in the shape of `sample`."""
    sure = None if sample is None else sure_like(sample)
    return sure or like(sample), sure is not None


def encode(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """Returns a JSON object."""
    return json.dumps(dict(fields)).encode(), "application/json"


def guide(url: str) -> tuple[str, ...]:
    """Returns shell lines that cancel an intent of the sandbox and read it."""
    return (
        f'curl -s -X POST "{url}/payout_intents/$ID/cancel" -u "$SANDBOX_PUBLIC_KEY:$SANDBOX_SECRET_KEY" \\',
        '  -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)" \\',
        "  -H 'Content-Type: application/json' -d '{\"reason\": \"entered twice\"}'; echo",
        f'curl -s "{url}/payout_intents/$ID" -u "$SANDBOX_PUBLIC_KEY:$SANDBOX_SECRET_KEY"; echo',
    )


def variants(terminal: tuple[str, ...]) -> Mapping[str, Any]:
    """Returns the variant under which the sandbox has these final states."""
    names = list(dict.fromkeys(("cancelled", *terminal)))
    return {"terminal": names} if len(names) > 1 else {}


CONTRACT = Contract(
    name="payout-intents",
    noun="payout intent",
    package="conformance.suites.payout_intents",
    example="/payout_intents/...",
    authentication=AUTHENTICATION,
    states=ResourceStates(
        cancellable=("requires_approval",),
        transient=("requires_approval", "processing"),
        final=("cancelled",),
        cancelled="cancelled",
        named_by_profile=True,
        suggested=("cancelled", "paid", "failed"),
    ),
    requests=DocumentedRequests(
        cancel="/payout_intents/{id}/cancel",
        read=_READ,
        probe=("GET", _READ),
        probe_summary="a GET of a random id",
        encode=encode,
        cancel_fields={},
        key_header="Idempotency-Key",
    ),
    answers=DocumentedAnswers(
        ok=DocumentedAnswer(202),
        refused=DocumentedAnswer(422, "approval_required"),
        not_found=DocumentedAnswer(404, "not_found"),
        unauthorized=DocumentedAnswer(401),
        conflict=DocumentedAnswer(409, "idempotency_conflict"),
        keys=_KEYS,
        valued=frozenset(_KEYS) - {"merchant_reference", "failure_message"},
    ),
    unknown_id=unknown_id,
    environments=True,
    webhooks=True,
    fuzzing="conformance.suites.payout_intents.fuzz_checks",
    sandbox=SandboxUse(
        states='terminal = ["cancelled", "paid", "failed"]',
        capabilities='settlement = true\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
        guide=guide,
        variants=variants,
    ),
)
