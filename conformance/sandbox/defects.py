"""The registry of defects: implementations that each get one thing wrong, for a suite to be proved against.

One that is made of changes is a line of a table, as the module `changes` says. Where none of them fits, it is a class:

    @defect("xy-paid-is-cancelled", "XY-04")
    class PaidIsCancelled(Reference):
        \"\"\"What is paid is cancelled as if it were pending.\"\"\"

        cancellable = Reference.cancellable | {"paid"}
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar, cast

from conformance.sandbox.api import Api, R
from conformance.sandbox.apis import defect_modules
from conformance.sandbox.variants import nearest

A = TypeVar("A", bound=type[Api[Any]])


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that an implementation gets wrong. `breaks` are requirements, the main one first.

    `needs` says what finds it where no hand-written check can be expected to by itself: "fuzzing", that two checks
    meet on one resource, or nothing. `watch_s` is how long after a cancel one has to look to find it. With `warns` the
    main one is a MUST, and what is got wrong only a SHOULD of it. With `late` it shows only once there were many
    requests: those of a whole run.
    """

    id: str
    api: str
    breaks: tuple[str, ...]
    says: str
    needs: str = ""
    watch_s: float = 0.0
    warns: bool = False
    late: bool = False


_known: dict[str, tuple[Defect, tuple[type[Api[Any]], ...]]] = {}


class Declare(Generic[R]):
    """Registers the defects of one API that are made of changes: the module `changes` says how."""

    def __init__(self, api: type[Api[R]]) -> None:
        self._api = api

    def __call__(
        self,
        identifier: str,
        breaks: str,
        says: str,
        *changes: type[Api[R]],
        watch_s: float = 0.0,
        warns: bool = False,
        late: bool = False,
    ) -> None:
        """A defect; `breaks` are the requirements with commas between them."""
        one = Defect(identifier, self._api.name, tuple(breaks.split(", ")), says, "", watch_s, warns, late)
        _register(one, self._api, changes)

    def rare(self, identifier: str, breaks: str, says: str, *changes: type[Api[R]]) -> None:
        """Declares a defect that shows only on an input or after a sequence that no hand-written check sends."""
        _register(
            Defect(identifier, self._api.name, tuple(breaks.split(", ")), says, "fuzzing"), self._api, changes
        )


def rare(identifier: str, *breaks: str) -> Callable[[A], A]:
    """Registers a defect that shows only on an input or after a sequence that no hand-written check sends."""
    return defect(identifier, *breaks, needs="fuzzing")


def defect(
    identifier: str,
    *breaks: str,
    needs: str = "",
    watch_s: float = 0.0,
    warns: bool = False,
    late: bool = False,
) -> Callable[[A], A]:
    """Registers a class as a defect; its docstring is the sentence that `--list-defects` prints."""

    def register(bent: A) -> A:
        says = " ".join((bent.__doc__ or "").split())
        _register(Defect(identifier, bent.name, breaks, says, needs, watch_s, warns, late), bent, (bent,))
        return bent

    return register


def _register(one: Defect, api: type[Api[Any]], changes: tuple[type[Api[Any]], ...]) -> None:
    prefix = api.defect_prefix
    well_formed = re.fullmatch(rf"{prefix}[a-z0-9]+(-[a-z0-9]+)*", one.id)
    if not well_formed or not one.breaks or not all(row.startswith(prefix.upper()) for row in one.breaks):
        raise ValueError(
            f"{one.id!r} is no id of a {one.api} defect, or {one.breaks!r} no requirements of it"
        )
    if one.id in _known:
        raise ValueError(f"There are two defects called {one.id!r}")
    _known[one.id] = one, changes


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
        one, changes = known[identifier]
        if one.api == clean.name:
            chosen += changes
    return cast("A", type(clean.__name__, (*chosen, clean), {})) if chosen else clean


def _load() -> dict[str, tuple[Defect, tuple[type[Api[Any]], ...]]]:
    # Late, because the defects import the APIs, and these needn't know that they can be bent.
    for module in defect_modules():
        import_module(module)
    return _known
