"""The APIs that this sandbox implements: each a package here whose `API` says what the shared code needs of it.

Another one is a package more, and no line changed elsewhere. Its `__init__` is imported wherever credentials are
asked for, so it loads what answers requests only when that is wanted.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.sandbox.api import Api
    from conformance.sandbox.states import Fixture


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that answer requests: the reference implementation, and the maker of its resources."""

    reference: "type[Api[Any]]"
    fixture: "Fixture"


@dataclass(frozen=True, slots=True)
class SandboxApi:
    """One API. `name` is as profiles spell it; the APIs are told in the order of their `position`.

    `credentials` are by role, then by name, as a profile spells them: the public one, then the secret. `variants`
    is the frozen dataclass of those switches that concern this API alone. `statuses` are those that a resource can
    be set up in, given these switches; in the one called `unsettled` it is still to be paid. `defects` are the
    modules of this package that declare them, in the order in which they are listed.
    """

    name: str
    position: int
    credentials: Mapping[str, Mapping[str, str]]
    variants: type[Any]
    statuses: Callable[[Any], tuple[str, ...]]
    unsettled: str
    defects: tuple[str, ...]
    parts: Callable[[], Parts]


@cache
def apis() -> dict[str, SandboxApi]:
    """Every API by its name."""
    room = import_module("conformance.sandbox")
    found: list[SandboxApi] = [
        import_module(f"{room.__name__}.{module.name}").API
        for module in pkgutil.iter_modules(room.__path__)
        if module.ispkg
    ]
    return {api.name: api for api in sorted(found, key=lambda api: api.position)}


def defect_modules() -> list[str]:
    """The full names of the modules that declare defects."""
    return [
        f"{api.variants.__module__.rpartition('.')[0]}.{module}"
        for api in apis().values()
        for module in api.defects
    ]
