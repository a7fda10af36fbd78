"""Honest implementations: every switch of the sandbox, and combinations of them, drawn and chosen."""

import random
from typing import Any

# A switch, and the SHOULDs that it really leaves unmet.
_BOTH: list[tuple[dict[str, Any], set[str]]] = [
    ({"auth_status": 403}, {"PI-41"}),
    ({"challenge": False}, {"PI-41"}),
    ({"malformed_id_status": 400}, set()),
    ({"malformed_id_status": 414}, set()),
    ({"malformed_id_status": 422}, set()),
    ({"other_methods": 404}, set()),
    ({"unknown_route": "express"}, {"PI-45"}),
    ({"unknown_route": "flask"}, {"PI-45"}),
    ({"unknown_route": "spring"}, set()),
    ({"unknown_route": "starlette"}, set()),
    ({"unknown_route": "debug"}, set()),
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
    ({"clock_skew_s": 60}, set()),
    ({"clock_skew_s": -60}, set()),
    ({"rate_limit": 400, "latency_ms": 5, "jitter_ms": 5}, set()),
    ({"unavailable_every": 41}, set()),
    ({"unavailable_every": 97, "retry_after_s": 1, "unavailable_source": True}, set()),
    ({"source_unavailable_every": 6, "unavailable_as": "502"}, set()),
    ({"gateway": "cutter", "unavailable_every": 67}, set()),
    ({"gateway": "proxy", "instants": "local"}, set()),
    ({"gateway": "firewall", "request_id": True}, set()),
    ({"gateway": "router", "extra_fields": True}, set()),
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
    (
        {"unknown_route": "express", "other_methods": 404, "malformed_id_status": 400, "echo_id": True},
        {"PI-45"},
    ),
    (
        {"keep_alive": False, "pretty": True, "charset": True, "request_id": True, "key_order": "sorted"},
        set(),
    ),
]
_ONLY: dict[str, list[tuple[dict[str, Any], set[str]]]] = {
    "withdraws": [
        ({"latency_ms": 50, "jitter_ms": 20, "read_lag_ms": 40}, set()),
        ({"freshness": False}, {"WD-34"}),
        ({"timestamps": "int()"}, set()),
        ({"timestamps": "Number()"}, set()),
        ({"decodes_hex": "up to what is none"}, {"WD-32"}),
        ({"hang_up": "stops"}, set()),
        ({"hang_up": "stops", "while_locked": "409"}, {"WD-08"}),
        ({"pays": "processing ones"}, set()),
        ({"refuses_replays": True}, set()),
        ({"refusals": 3}, {"WD-37"}),
        ({"refusals": 5, "read_endpoint": False}, {"WD-37"}),
        ({"sets_cookie": True}, set()),
        ({"extras": "refused"}, set()),
        ({"nulls": "left out"}, {"WD-16"}),
        ({"nulls": "left out", "read_endpoint": False}, {"WD-16"}),
        ({"instants": "zone"}, {"WD-17"}),
        ({"amounts": "printed"}, {"WD-19"}),
        ({"covers": "json"}, {"WD-35"}),
        ({"method_override": True}, {"WD-40"}),
        ({"tells_support": False, "echo_id": True}, set()),
        ({"fresh": True, "clock_step_ms": 10}, set()),
        ({"fresh": True, "clock_step_ms": 16, "read_endpoint": False}, set()),
        ({"fresh": True, "instants": "seconds"}, set()),
        ({"fresh": True, "clock_step_ms": 1000}, set()),
        ({"processing_cancellable": False}, set()),
        ({"always_cancellable": True, "echo_id": True}, set()),
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
        ({"keys_hold_for": "intent"}, set()),
        ({"in_flight": "409"}, set()),
        ({"replay_header": True}, set()),
        ({"replay_refusals": True}, set()),
        ({"terminal": ["cancelled", "succeeded", "returned", "expired"]}, set()),
        ({"c_strings": True, "seeded_failure_code": False, "webhook_form": "base64"}, {"PI-41"}),
        ({"basic": "under any scheme"}, {"PI-41"}),
        ({"basic": "up to a colon"}, {"PI-41"}),
        ({"nulls": "left out"}, {"PI-15"}),
        ({"nulls": "left out", "failure_message_absent": "empty", "read_lag_ms": 40}, set()),
        ({"reason_form": "trimmed"}, {"PI-27"}),
        ({"reason_form": "composed"}, {"PI-27"}),
        ({"reason_form": "trimmed", "keys_kept_s": 10, "latency_ms": 20}, {"PI-27"}),
        ({"method_override": True}, {"PI-47"}),
        ({"long_key": "framework"}, {"PI-45"}),
        ({"unknown_fields": "refused"}, set()),
        ({"reason_units": "UTF-16"}, set()),
        ({"merchant_reference": "none"}, set()),
        ({"hang_up": "stops"}, set()),
        ({"hang_up": "stops", "in_flight": "409"}, set()),
        ({"listing": "own"}, set()),
        ({"named_merchant": "refused"}, set()),
        ({"decisions_kept_s": 2.0, "head": "open"}, set()),
        ({"webhook_form": "change"}, set()),
        ({"webhook_form": "delivery", "webhook_deliveries": 3}, set()),
        ({"fresh": True, "instants": "micros"}, set()),
        ({"fresh": True, "instants": "seconds", "processing_settles_ms": 400}, set()),
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
# What takes long, or hides the rest, isn't drawn.
_APART = {"latency_ms", "jitter_ms", "read_lag_ms", "budget", "rate_limit"}
_APART |= {"unavailable_every", "source_unavailable_every"}


_PACK = 12
"""How many switches a run has at most: what accuses nothing alone may still accuse together."""


def _packed(
    variants: list[tuple[dict[str, Any], set[str]]], prefix: str
) -> list[tuple[dict[str, Any], set[str]]]:
    """As many switches at a time as fit: few runs see as much as one each would.

    Those that excuse a warning are packed with each other, so that no excuse covers for the rest. Excuses are those of
    requirements whose ids begin with `prefix`.
    """
    apart: list[tuple[dict[str, Any], set[str]]] = []
    packs: list[tuple[dict[str, Any], set[str]]] = []
    for variant, excuses in variants:
        own = {requirement_id for requirement_id in excuses if requirement_id.startswith(prefix)}
        if variant.keys() & _APART:
            apart.append((variant, own))
            continue
        for pack, allowed in packs:
            room = len(pack) + len(variant) <= _PACK and not pack.keys() & variant.keys()
            if room and bool(own) == bool(allowed):
                pack.update(variant)
                allowed.update(own)
                break
        else:
            packs.append((dict(variant), set(own)))
    return [*apart, *packs]


def _drawn(api: str, number: int) -> list[tuple[dict[str, Any], set[str]]]:
    """Combinations of four to seven switches; the same ones each time, so that a failure can be repeated."""
    draw = random.Random(api)
    alone = [one for one in [*_BOTH, *_ONLY[api]] if len(one[0]) == 1 and not one[0].keys() & _APART]
    found = []
    for _ in range(number):
        chosen = draw.sample(alone, draw.randint(4, 7))
        merged = {name: value for variant, _ in chosen for name, value in variant.items()}
        excuses = [own for variant, own in chosen if variant.items() <= merged.items()]
        found.append((merged, set().union(*excuses)))
    return found


_PREFIXES = {"withdraws": "WD-", "payout-intents": "PI-"}
_ALL = {api: [*_packed([*_BOTH, *only], _PREFIXES[api]), *_drawn(api, 2)] for api, only in _ONLY.items()}

VARIANTS: dict[str, list[dict[str, Any]]] = {
    api: [variant for variant, _ in variants] for api, variants in _ALL.items()
}


def excused(api: str, variant: dict[str, Any]) -> set[str]:
    """The requirements that may warn for a variant: SHOULDs that it doesn't meet."""
    return next(own for one, own in _ALL[api] if one == variant)
