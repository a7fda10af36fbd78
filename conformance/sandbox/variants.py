"""Variants that the documents leave open: switches between implementations, all of them honest.

A conformance suite must pass every one of them, or it demands something that no document asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from conformance.sandbox.apis import apis


def one_of(*choices: Any) -> Any:
    """A switch with these choices: the first is the default."""
    return field(default=choices[0], metadata={"choices": choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """One honest implementation, of any API: each field is a switch, known by its name. APIs have more of their own."""

    # Authentication: neither document gives the answer to a request that fails it.
    auth_status: int = one_of(401, 403)
    challenge: bool = True

    # Statuses that the documents don't give.
    malformed_id_status: int = one_of(404, 400, 414, 422)
    other_methods: int = one_of(405, 404)
    unknown_route: str = one_of("json", "starlette", "express", "flask", "spring", "debug")
    """Unknown routes and methods are answered by the API itself, or by the error page of a framework.

    `debug` shows the headers of the request, and masks what proves who sent it.
    """
    gateway: str = one_of("none", "proxy", "firewall", "router", "cutter")
    """Odd addresses are answered by the API itself, or in HTML by a server in front of it."""
    method_override: bool = False
    """Take the method that a header or the query names for the request's, as some frameworks do by default."""

    # The resources.
    read_lag_ms: int = 0
    """Read from a copy that hears of a cancel so many milliseconds later: to poll is documented, or nothing is."""
    processing_settles_ms: int = 0
    """Pay what is set up as processing after so many milliseconds; 0 leaves it."""
    zero_decimal: bool = False
    """Fixtures in a currency without minor units (ISO 4217: JPY)."""
    fresh: bool = False
    """Resources that are set up were created just now, and not minutes ago."""
    clock_step_ms: int = 1
    """The times of creation and of the last change come from a clock of such steps, any other from an exact one."""
    budget: int = 0
    """How many resources can be set up per state before a setup answers 422; 0 is without limit."""

    # The form of answers.
    instants: str = one_of("ms", "micros", "seconds", "offset", "local", "zone")
    """`local` has another offset wherever no document shows UTC, `zone` everywhere."""
    nulls: str = one_of("told", "left out")
    """Whether a key without a value is there."""
    extra_fields: bool = False
    key_order: str = one_of("documented", "sorted")
    pretty: bool = False
    request_id: bool = False
    """Errors carry a `request_id` of their own; every response a header."""
    echo_id: bool = False
    """The message of a 404 names the id that was asked for."""

    # The wire.
    charset: bool = False
    header_case: str = one_of("title", "lower", "odd")
    keep_alive: bool = True
    chunked: bool = False
    latency_ms: int = 0
    jitter_ms: int = 0
    clock_skew_s: float = 0.0
    unavailable_every: int = 0
    """Each so many-th request meets something that is unavailable; 0 is none."""
    unavailable_as: str = one_of("503", "502", "504", "429", "lost", "too_late")
    """A page of a front server, no answer at all, or none after the request was carried out."""
    unavailable_source: bool = False
    """The provider-state endpoint is unavailable now and then, too."""
    source_unavailable_every: int = 0
    """Each so many-th request to the provider-state endpoint meets something that is unavailable; 0 is none."""
    retry_after_s: int = 0
    """The seconds that the page asks to wait; 0 is without `Retry-After`."""
    rate_limit: int = 0
    """Requests per second and API before a 429 with `Retry-After`; 0 is without limit."""


Own = Mapping[str, Any]
"""For each API the switches that concern it alone, as its package declares them."""


def parse_variants(given: Mapping[str, Any]) -> tuple[Variants, Own]:
    """Switches by name and JSON value. A ValueError names the nearest known name, or the choices."""
    known = {switch.name: switch for kind in _kinds() for switch in fields(kind)}
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
            values[name] = _names(name, value, default)
            continue
        if type(value) is not type(default) and not (isinstance(default, float) and type(value) is int):
            raise ValueError(f"The variant {name!r} is a {type(default).__name__}, not {value!r}.")
        values[name] = value

    def chosen(kind: type[Any]) -> Any:
        return kind(**{switch.name: values[switch.name] for switch in fields(kind) if switch.name in values})

    return chosen(Variants), {name: chosen(api.variants) for name, api in apis().items()}


def list_variants() -> dict[str, tuple[Any, ...]]:
    """Every switch with its choices, the default first; an open range shows its default only."""
    return {
        switch.name: switch.metadata.get("choices")
        or ((switch.default, not switch.default) if isinstance(switch.default, bool) else (switch.default,))
        for kind in _kinds()
        for switch in fields(kind)
    }


def _kinds() -> list[type[Any]]:
    return [Variants, *(api.variants for api in apis().values())]


def nearest(name: str, known: Mapping[str, object]) -> str:
    """The hint that ends a message about an unknown name."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def _names(variant: str, value: object, default: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"The variant {variant!r} is a list of names, not {value!r}.")
    if len(value) < 2 or value[0] != default[0]:
        raise ValueError(f"The variant {variant!r} begins with {default[0]!r} and names one state more.")
    return tuple(value)
