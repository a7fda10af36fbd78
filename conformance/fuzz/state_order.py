"""The states of an API as fuzzing uses them: which a cancel changes, and the order in which requests take turns."""

from collections.abc import Mapping, Sequence

from conformance import openapi
from conformance.contract import ResourceStates
from conformance.contracts import contract
from conformance.fuzz.case import UNKNOWN
from conformance.openapi import Operation


def consumed(api: str) -> tuple[str, ...]:
    """Returns the states that a cancel changes: a request in one of these may need a resource of its own."""
    states = contract(api).states
    return (*states.cancellable, *states.conditional)


def moving(api: str) -> tuple[str, ...]:
    """Returns the states that a resource leaves by itself, without those in which every cancel succeeds."""
    states = contract(api).states
    return tuple(one for one in states.transient if one not in states.cancellable)


def final(api: str, terminal: Sequence[str]) -> tuple[str, ...]:
    """Returns the states that a resource never leaves; `terminal` are those that the profile names."""
    states = contract(api).states
    return tuple(dict.fromkeys((*states.final, *terminal))) if states.named_by_profile else states.final


def in_turn(api: str, terminal: Sequence[str]) -> tuple[str, ...]:
    """Returns every state that requests are sent to, in the order of their turns."""
    states = contract(api).states
    refused = [one for one in moving(api) if one not in states.conditional]
    return (*states.cancellable, *refused, *final(api, terminal), *states.conditional, UNKNOWN)


def is_allowed(states: ResourceStates, state: str, capabilities: Mapping[str, bool | None]) -> bool | None:
    """Returns whether a cancel in a conditional `state` succeeds, as declared; None where nothing is."""
    kind = next(each for each in states.kinds if each.status == state)
    return capabilities.get(kind.capability)


def reading(api: str) -> Operation | None:
    """Returns the documented operation that reads a resource, None where there is none."""
    return next((one for one in openapi.operations(api) if one.method == "GET"), None)


def cancelling(api: str) -> Operation:
    """Returns the operation that cancels."""
    return next(one for one in openapi.operations(api) if one.method != "GET")


DEFAULT = 60
"""The number of examples of a run where none is given."""


def budget(api: str, examples: int) -> dict[str, int]:
    """Returns the most resources that single requests lease per state that a cancel changes.

    What is likely to be refused leaves its resource to the next request, so few are needed; an operation with a body
    has more documented requests, each of which uses one up. More examples than by default take more.
    """
    states, more = contract(api).states, max(0, examples - DEFAULT)
    few = 10 + more * 2 // 5 if cancelling(api).has_body else 3 + more // 8
    return dict.fromkeys(states.cancellable, few) | dict.fromkeys(states.conditional, 1 + more // DEFAULT)
