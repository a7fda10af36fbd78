"""The payout intents API, and what may be wrong with an implementation of it."""

from conformance.sandbox.apis import Parts, SandboxApi
from conformance.sandbox.payout_intents.variants import IntentVariants


def _parts() -> Parts:
    from conformance.sandbox.payout_intents.model import set_up
    from conformance.sandbox.payout_intents.reference import PayoutIntents

    return Parts(PayoutIntents, set_up)


API = SandboxApi(
    name="payout-intents",
    position=2,
    credentials={
        "primary": {
            "public_key": "pub_sandbox_X3cRm8vK5jWq1TzE",
            "secret_key": "sandbox_sec_Lf6NyU4bGh9DsPo2IxA7eCkM0rQwJ5tZ",
        },
        "other_merchant": {
            "public_key": "pub_sandbox_B9nEy6sH2gLf4QuD",
            "secret_key": "sandbox_sec_Kw3ZpV8xRj1TmYc5HbS0nGqE7dUaF4oL",
        },
        "other_environment": {
            "public_key": "pub_sandbox_T5kMw1rC8zPa7VxJ",
            "secret_key": "sandbox_sec_Qe2AhD6uNf9XvWy4LsB7tRiK1gZoM3cP",
        },
    },
    variants=IntentVariants,
    statuses=lambda own: ("requires_approval", "processing", *own.terminal),
    unsettled="processing",
    defects=(
        "defects_state",
        "defects_late",
        "defects_lookup",
        "defects_beside",
        "defects_hang_ups",
        "defects_texts",
        "defects_odd_inputs",
        "defects_persistence",
        "defects_fields",
        "defects_request",
        "defects_keys",
        "defects_auth",
        "defects_errors",
        "defects_webhooks",
        "defects_names",
        "defects_trust",
        "defects_reads",
        "defects_aftermath",
        "defects_rare",
        "defects_now_and_then",
        "defects_details",
    ),
    parts=_parts,
)
