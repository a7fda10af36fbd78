"""The contract of the withdraws API."""

from typing import Any
from uuid import uuid4

from conformance.contract import (
    Capability,
    Contract,
    DocumentedAnswer,
    DocumentedAnswers,
    DocumentedRequests,
    ResourceKind,
    ResourceStates,
    SandboxUse,
)
from conformance.suites.withdraws.authentication import AUTHENTICATION

NOT_TO_BE_CALLED_BACK = "that its provider can't call back"
"""Describes a processing withdraw whose cancel has to be refused; it follows the noun."""
_CANCEL = "/api/v1/withdraws/{id}/cancel"


def unknown_id(sample: str | None) -> tuple[str, bool]:
    """Returns a random UUID: ids are UUIDs (section Path Parameters), whatever the target's own look like."""
    return str(uuid4()), True


def succeeded(json: Any) -> bool:
    """Returns whether the envelope says success."""
    return not isinstance(json, dict) or json.get("success") is not False


def guide(url: str) -> tuple[str, ...]:
    """Returns shell lines that sign and send a cancel to the sandbox."""
    return (
        "TS=$(date +%s)000",
        "SIG=$(printf '%s.' \"$TS\" | openssl dgst -sha256 -hmac \"$SANDBOX_API_SECRET\" | sed 's/^.* //')",
        f'curl -s -X POST "{url}/api/v1/withdraws/$ID/cancel" \\',
        '  -H "X-API-Key: $SANDBOX_API_KEY" -H "X-Timestamp: $TS" -H "X-Signature: sha256=$SIG"; echo',
    )


CONTRACT = Contract(
    name="withdraws",
    noun="withdraw",
    package="conformance.suites.withdraws",
    example="/api/v1/withdraws/...",
    authentication=AUTHENTICATION,
    states=ResourceStates(
        cancellable=("pending",),
        conditional=("processing",),
        transient=("pending", "processing"),
        final=("paid", "failed", "canceled"),
        cancelled="canceled",
        kinds=(
            ResourceKind(
                pool="processing_not_cancellable",
                status="processing",
                params={"provider_supports_cancel": False},
                words=" whose provider doesn't support cancelling",
                capability="cancel_processing",
                usual={"provider_supports_cancel": True},
                question="which processing withdraws have a provider that can't cancel",
                none="every provider can cancel",
                clause=NOT_TO_BE_CALLED_BACK,
            ),
        ),
    ),
    requests=DocumentedRequests(
        cancel=_CANCEL,
        read=None,
        read_example="/api/v1/withdraws/{id}",
        probe=("POST", _CANCEL),
        probe_summary="a signed cancel of a random UUID",
    ),
    answers=DocumentedAnswers(
        ok=DocumentedAnswer(200),
        refused=DocumentedAnswer(400, "VALIDATION_ERROR"),
        not_found=DocumentedAnswer(404, "RESOURCE_NOT_FOUND"),
        unauthorized=DocumentedAnswer(401),
        resource="data",
        id="data.id",
        status="data.status",
        keys=(
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
        valued=frozenset(("id", "amount", "currency", "status", "canceledAt", "createdAt", "updatedAt")),
        succeeded=succeeded,
    ),
    unknown_id=unknown_id,
    capabilities=(
        Capability(
            name="cancel_processing",
            help="whether processing withdraws can be cancelled",
            question="Can processing withdraws be cancelled",
            undeclared="say true or false: can processing withdraws be cancelled?",
        ),
    ),
    fuzzing="conformance.suites.withdraws.fuzz_checks",
    sandbox=SandboxUse(
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        guide=guide,
    ),
)
