"""Recipes of resources: the requests of the target's own API that make one in a state (`[states.requests]`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLACEHOLDERS = ("unique", "status", "now", "webhook_url", "id")
"""The names in braces that are filled in; `id` only once there is one, after create."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `fields` is its body, None for none; `form` tells that it is a form rather than JSON.

    `status` are the statuses that count as success, empty for every 2xx.
    """

    method: str
    path: str
    fields: Any = None
    form: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    status: tuple[int, ...] = ()

    def texts(self) -> list[str]:
        """Returns every text in it that may hold placeholders."""
        return [self.path, *_texts(self.fields), *(value for _, value in self.headers)]


@dataclass(frozen=True, slots=True)
class Until:
    """A GET of `path`, repeated until the value at `pointer` equals `equals`, for no more than `within_s` seconds."""

    path: str
    pointer: str
    equals: Any
    within_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """The recipe for a resource in one state: the create, the steps behind it, the cancel, the wait, in this order.

    Where `cancel` is set, the documented cancel of what was just created is sent.
    """

    create: Step
    steps: tuple[Step, ...] = ()
    cancel: bool = False
    until: Until | None = None

    @property
    def calls(self) -> int:
        """The number of requests that one resource takes at least."""
        return 1 + len(self.steps) + self.cancel + (self.until is not None)

    def names(self, placeholder: str) -> bool:
        """Returns whether a placeholder stands anywhere in it."""
        mark = f"{{{placeholder}}}"
        every = (self.create, *self.steps)
        return any(
            mark in text
            for step in every
            for text in (step.path, *_texts(step.fields), *dict(step.headers).values())
        )


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipes of a profile by state, and by the lists of ids that further kinds of resources have (`absent`: none).

    `id` is the JSON Pointer to the id in the answer to the create, `facts` maps names to such pointers; None stands
    for the documented fields.
    """

    id: str = "/id"
    facts: Mapping[str, str] | None = None
    states: Mapping[str, Recipe] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for key, one in value.items() for text in (str(key), *_texts(one))]
    return [text for one in value for text in _texts(one)] if isinstance(value, list | tuple) else []


def merged(base: Any, over: Any) -> Any:
    """Returns a body with another merged into it: objects key by key (RFC 7396), the rest replaced."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return base if over is None else over
