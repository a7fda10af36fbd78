"""The withdraws API, and what may be wrong with an implementation of it."""

from conformance.sandbox.apis import Parts, SandboxApi
from conformance.sandbox.withdraws.variants import WithdrawVariants


def _parts() -> Parts:
    from conformance.sandbox.withdraws.model import set_up
    from conformance.sandbox.withdraws.reference import Withdraws

    return Parts(Withdraws, set_up)


API = SandboxApi(
    name="withdraws",
    position=1,
    credentials={
        "primary": {
            "api_key": "pk_sandbox_4uQzN8mC1xVb6LrT",
            "api_secret": "sandbox_sk_9tYxJ2fWq7HnV4cKz0RbG6mPdE3sLuA8",
        },
        "other_merchant": {
            "api_key": "pk_sandbox_7hKdW2pS9fGy3JnA",
            "api_secret": "sandbox_sk_V5rBn1ZcM8xQe6TgH3wLkY0uJ7aDfS2p",
        },
    },
    variants=WithdrawVariants,
    statuses=lambda _: ("pending", "processing", "paid", "failed", "canceled"),  # "Cancellation Rules"
    unsettled="processing",
    defects=(
        "defects_state",
        "defects_lookup",
        "defects_fields",
        "defects_errors",
        "defects_auth",
        "defects_signature",
        "defects_kinds",
        "defects_late",
        "defects_answers",
        "defects_known",
        "defects_doors",
        "defects_callers",
        "defects_afterwards",
        "defects_rare",
        "defects_shared",
        "defects_now_and_then",
        "defects_names",
        "defects_details",
    ),
    parts=_parts,
)
