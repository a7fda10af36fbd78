"""The registry of defects: implementations that each get one thing wrong, for a suite to be proved against.

Declare one beside the API that it bends:

    @defect("wd-paid-is-cancelled", "WD-04")
    class PaidIsCancelled(Withdraws):
        \"\"\"A paid withdraw is cancelled as if it were pending.\"\"\"

        cancellable = Withdraws.cancellable | {"paid"}
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar, cast

from conformance.sandbox.api import Api
from conformance.sandbox.variants import nearest

A = TypeVar("A", bound=type[Api[Any]])

_MODULES = (
    "withdraws.defects_state",
    "withdraws.defects_lookup",
    "withdraws.defects_body",
    "withdraws.defects_fields",
    "withdraws.defects_errors",
    "withdraws.defects_auth",
    "withdraws.defects_signature",
    "withdraws.defects_doors",
    "withdraws.defects_kinds",
    "withdraws.defects_late",
    "withdraws.defects_answers",
    "withdraws.defects_rare",
    "payout_intents.defects_state",
    "payout_intents.defects_late",
    "payout_intents.defects_lookup",
    "payout_intents.defects_beside",
    "payout_intents.defects_body",
    "payout_intents.defects_recipient",
    "payout_intents.defects_reason",
    "payout_intents.defects_request",
    "payout_intents.defects_idempotency",
    "payout_intents.defects_keys",
    "payout_intents.defects_auth",
    "payout_intents.defects_errors",
    "payout_intents.defects_webhooks",
    "payout_intents.defects_rare",
    "payout_intents.defects_rare_walks",
)
_PREFIXES = {"withdraws": ("wd-", "WD-"), "payout-intents": ("pi-", "PI-")}


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that an implementation gets wrong. `breaks` are requirements, the main one first.

    `needs` says what finds it where the hand-written checks can't be expected to: "fuzzing", or nothing. `watch_s` is
    how long after a cancel one has to look to find it. With `warns` the main one is a MUST, and what is got wrong
    only a SHOULD of it. With `late` it shows only once there were many requests: those of a whole run.
    """

    id: str
    api: str
    breaks: tuple[str, ...]
    says: str
    needs: str = ""
    watch_s: float = 0.0
    warns: bool = False
    late: bool = False


_known: dict[str, tuple[Defect, type[Api[Any]]]] = {}


def rare(identifier: str, *breaks: str) -> Callable[[A], A]:
    """As `defect`, for one that shows only on an input or after a sequence that nobody thinks of by hand."""
    return defect(identifier, *breaks, needs="fuzzing")


def defect(
    identifier: str,
    *breaks: str,
    needs: str = "",
    watch_s: float = 0.0,
    warns: bool = False,
    late: bool = False,
) -> Callable[[A], A]:
    """Register a class as a defect; its docstring says what somebody did."""

    def register(bent: A) -> A:
        name, requirement = _PREFIXES[bent.name]
        well_formed = re.fullmatch(rf"{name}[a-z0-9]+(-[a-z0-9]+)*", identifier)
        if not well_formed or not breaks or not all(row.startswith(requirement) for row in breaks):
            raise ValueError(
                f"{identifier!r} is no id of a {bent.name} defect, or {breaks!r} no requirements of it"
            )
        if identifier in _known:
            raise ValueError(f"There are two defects called {identifier!r}")
        says = " ".join((bent.__doc__ or "").split())
        _known[identifier] = (
            Defect(identifier, bent.name, breaks, says, needs, watch_s, warns, late),
            bent,
        )
        return bent

    return register


def list_defects(api: str | None = None) -> list[Defect]:
    """Every defect, or those of one API, in the order of their declaration."""
    return [known for known, _ in _load().values() if api in (None, known.api)]


def bend(clean: A, identifiers: Iterable[str]) -> A:
    """The API with defects mixed in; those of the other API are passed over. ValueError if unknown."""
    wanted = list(dict.fromkeys(identifiers))
    if not wanted:
        return clean  # and spare the start the time to load them
    known = _load()
    chosen: list[type[Api[Any]]] = []
    for identifier in wanted:
        if identifier not in known:
            raise ValueError(f"There is no defect {identifier!r}.{nearest(identifier, known)}")
        bent = known[identifier][1]
        if issubclass(bent, clean):
            chosen.append(bent)
    return cast("A", type(clean.__name__, (*chosen, clean), {})) if chosen else clean


def _load() -> dict[str, tuple[Defect, type[Api[Any]]]]:
    # Late, because the defects import the APIs, and these needn't know that they can be bent.
    for module in _MODULES:
        import_module(f"conformance.sandbox.{module}")
    return _known
