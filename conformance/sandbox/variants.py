"""What the documents leave open: switches between implementations that are all honest.

A conformance suite must pass every one of them, or it demands something that no document asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any


def _one_of(*choices: Any) -> Any:
    """A switch: the first choice is the default."""
    return field(default=choices[0], metadata={"choices": choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """One honest implementation. Each field is a switch, known by its name."""

    # Authentication: neither document gives the answer to a request that fails it.
    auth_status: int = _one_of(401, 403)
    challenge: bool = True
    freshness: bool = True
    """Withdraws: refuse a timestamp more than five minutes away."""

    # Statuses that the documents don't give.
    malformed_id_status: int = _one_of(404, 400, 414, 422)
    bad_reason_status: int = _one_of(400, 422)
    other_methods: int = _one_of(405, 404)
    unknown_route: str = _one_of("json", "starlette", "express", "flask", "spring")
    """Who answers for unknown routes and methods: the API itself, or the error page of a framework."""
    gateway: str = _one_of("none", "proxy", "firewall", "router", "cutter")
    """Who answers for odd addresses: the API itself, or HTML of what stands in front of it."""
    method_override: bool = False
    """Take the method that a header or the query names for the request's, as some frameworks do by default."""
    covers: str = _one_of("every body", "json")
    """Withdraws: which bodies the signature covers; the raw one may be there for JSON only."""
    c_strings: bool = False
    """Payout intents: Basic credentials end at a NUL, as they do where C reads them."""
    basic: str = _one_of("as documented", "under any scheme", "up to a colon")
    """Payout intents: how a library reads the pair: it ignores the scheme, or ends the secret at a second colon."""

    # Payout intents: the reason and the key.
    reason_form: str = _one_of("as sent", "trimmed", "composed")
    """The reason is kept as it came, without white space around it, or in Unicode NFC."""
    unknown_fields: str = _one_of("ignored", "refused")
    """What becomes of a body with more in it than a reason."""
    failure_message_absent: str = _one_of("null", "empty", "default")
    null_reason: str = _one_of("absent", "refused")
    empty_body: str = _one_of("accepted", "refused")
    foreign_content_type: str = _one_of("refused", "accepted")
    key_check: str = _one_of("after_lookup", "before_lookup")
    """Whether a reused key is a conflict even where the id is unknown."""
    in_flight: str = _one_of("wait", "409")
    hang_up: str = _one_of("ignored", "stops")
    """Whether a cancel is stopped when its caller hangs up; its key is let go of a second later."""
    keys_kept_s: float = 0.0
    """For how many seconds a key is remembered; 0 is for ever."""
    long_key: str = _one_of("refused", "framework")
    """Who refuses a key that is too long: the API, or its framework by a 422 in a form of its own."""
    replay_header: bool = False
    replay_refusals: bool = False
    """Keep a 422 under its key, too."""
    webhook_form: str = _one_of("plain", "base64", "text", "delivery")
    """An event is delivered by itself, within the message of a queue, or in deliveries that have ids of their own."""
    webhook_deliveries: int = 1
    """How often each event is delivered."""

    # The resources.
    terminal: tuple[str, ...] = ("cancelled", "paid", "failed")
    """Names of an intent's terminal states; the second is where settlement leads."""
    processing_cancellable: bool = True
    always_cancellable: bool = False
    """Withdraws: every provider supports it, so one that doesn't can't be set up."""
    read_endpoint: bool = True
    """Withdraws: offer `GET /api/v1/withdraws/{id}`, which no document mentions."""
    read_lag_ms: int = 0
    """Read from a copy that hears of a cancel so many milliseconds later: to poll is documented, or nothing is."""
    seeded_failure_code: bool = True
    """Payout intents: what is set up as cancelled has the `failure_code` that a cancel leaves."""
    processing_settles_ms: int = 0
    """Pay what is set up as processing after so many milliseconds; 0 leaves it."""
    zero_decimal: bool = False
    """Fixtures in a currency without minor units (ISO 4217: JPY)."""
    tells_support: bool = True
    """Withdraws: the answer to a setup repeats whether the provider supports cancelling."""
    fresh: bool = False
    """What is set up was created just now, and not minutes ago."""
    clock_step_ms: int = 1
    """Withdraws: `createdAt` and `updatedAt` come from a clock of such steps, `canceledAt` from an exact one."""
    budget: int = 0
    """How many resources can be set up per state before a setup answers 422; 0 is without limit."""

    # The form of answers.
    instants: str = _one_of("ms", "micros", "seconds", "offset", "local", "zone")
    """`local` has another offset wherever no document shows UTC, `zone` everywhere."""
    nulls: str = _one_of("told", "left out")
    """Whether a key without a value is there."""
    amounts: str = _one_of("text", "printed")
    """Withdraws: amounts are kept as text, or are numbers, of any cents, that lose their last zero when printed."""
    extra_fields: bool = False
    key_order: str = _one_of("documented", "sorted")
    pretty: bool = False
    request_id: bool = False
    """Errors carry a `request_id` of their own; every response a header."""
    echo_id: bool = False
    """The message of a 404 names the id that was asked for."""

    # The wire.
    charset: bool = False
    header_case: str = _one_of("title", "lower", "odd")
    keep_alive: bool = True
    chunked: bool = False
    latency_ms: int = 0
    jitter_ms: int = 0
    clock_skew_s: float = 0.0
    unavailable_every: int = 0
    """Each so many-th request meets something that is unavailable; 0 is none."""
    unavailable_as: str = _one_of("503", "502", "504", "lost", "too_late")
    """A page of a front server, no answer at all, or none after the request was carried out."""
    unavailable_source: bool = False
    """The provider-state endpoint is unavailable now and then, too."""
    retry_after_s: int = 0
    """What the page asks for; 0 is without `Retry-After`."""
    rate_limit: int = 0
    """Requests per second and API before a 429 with `Retry-After`; 0 is without limit."""


def parse_variants(given: Mapping[str, Any]) -> Variants:
    """Switches by name and JSON value. A ValueError names the nearest known name, or the choices."""
    known = {switch.name: switch for switch in fields(Variants)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"There is no variant {name!r}.{nearest(name, known)}")
        default, choices = known[name].default, known[name].metadata.get("choices")
        if choices is not None and value not in choices:
            raise ValueError(
                f"The variant {name!r} is one of {', '.join(map(repr, choices))}, not {value!r}."
            )
        if isinstance(default, tuple):
            values[name] = _names(name, value)
            continue
        if type(value) is not type(default) and not (isinstance(default, float) and type(value) is int):
            raise ValueError(f"The variant {name!r} is a {type(default).__name__}, not {value!r}.")
        values[name] = value
    return Variants(**values)


def list_variants() -> dict[str, tuple[Any, ...]]:
    """Every switch with its choices, the default first; an open range shows its default only."""
    return {
        switch.name: switch.metadata.get("choices")
        or ((switch.default, not switch.default) if isinstance(switch.default, bool) else (switch.default,))
        for switch in fields(Variants)
    }


def nearest(name: str, known: Mapping[str, object]) -> str:
    """The hint that ends a message about an unknown name."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def _names(variant: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"The variant {variant!r} is a list of names, not {value!r}.")
    if len(value) < 2 or value[0] != "cancelled":
        raise ValueError(f"The variant {variant!r} begins with 'cancelled' and names one state more.")
    return tuple(value)
