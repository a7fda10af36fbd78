"""Honest implementations: every switch of the sandbox, and some combinations, drawn once and kept."""

from typing import Any

# A switch, and the SHOULDs that it really leaves unmet.
_BOTH: list[tuple[dict[str, Any], set[str]]] = [
    ({"auth_status": 403}, {"WD-36", "PI-41"}),
    ({"challenge": False}, {"WD-36", "PI-41"}),
    ({"malformed_id_status": 400}, set()),
    ({"malformed_id_status": 414}, set()),
    ({"other_methods": 404}, set()),
    ({"unknown_route": "express"}, set()),
    ({"unknown_route": "flask"}, set()),
    ({"unknown_route": "spring"}, set()),
    ({"unknown_route": "starlette"}, set()),
    ({"processing_settles_ms": 300}, set()),
    ({"zero_decimal": True}, set()),
    ({"budget": 3}, set()),
    ({"instants": "micros"}, set()),
    ({"instants": "seconds"}, set()),
    ({"instants": "offset"}, set()),
    ({"extra_fields": True}, set()),
    ({"key_order": "sorted"}, set()),
    ({"pretty": True}, set()),
    ({"request_id": True}, set()),
    ({"echo_id": True}, set()),
    ({"charset": True}, set()),
    ({"header_case": "lower"}, set()),
    ({"header_case": "odd"}, set()),
    ({"keep_alive": False}, set()),
    ({"chunked": True}, set()),
    ({"latency_ms": 5, "jitter_ms": 5}, set()),
    ({"clock_skew_s": 60}, set()),
    ({"clock_skew_s": -60}, set()),
    ({"rate_limit": 400}, set()),
    (
        {
            "instants": "seconds",
            "extra_fields": True,
            "chunked": True,
            "header_case": "lower",
            "clock_skew_s": 45,
        },
        set(),
    ),
    ({"unknown_route": "express", "other_methods": 404, "malformed_id_status": 400, "echo_id": True}, set()),
    (
        {"keep_alive": False, "pretty": True, "charset": True, "request_id": True, "key_order": "sorted"},
        set(),
    ),
]
_ONLY: dict[str, list[tuple[dict[str, Any], set[str]]]] = {
    "withdraws": [
        ({"freshness": False}, {"WD-34"}),
        ({"processing_cancellable": False}, set()),
        ({"read_endpoint": False}, set()),
        ({"read_endpoint": False, "processing_cancellable": False, "instants": "offset"}, set()),
    ],
    "payout-intents": [
        ({"bad_reason_status": 422}, set()),
        ({"failure_message_absent": "empty"}, set()),
        ({"failure_message_absent": "default"}, set()),
        ({"null_reason": "refused"}, set()),
        ({"empty_body": "refused"}, set()),
        ({"foreign_content_type": "accepted"}, set()),
        ({"key_check": "before_lookup"}, set()),
        ({"in_flight": "409"}, set()),
        ({"replay_header": True}, set()),
        ({"replay_refusals": True}, set()),
        ({"terminal": ["cancelled", "succeeded", "returned", "expired"]}, set()),
        (
            {
                "in_flight": "409",
                "key_check": "before_lookup",
                "replay_refusals": True,
                "empty_body": "refused",
            },
            set(),
        ),
    ],
}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    api: [variant for variant, _ in [*_BOTH, *only]] for api, only in _ONLY.items()
}


def excused(api: str, variant: dict[str, Any]) -> set[str]:
    """The requirements that may warn for a variant: SHOULDs that it doesn't meet."""
    return next(rows for one, rows in [*_BOTH, *_ONLY[api]] if one == variant)
