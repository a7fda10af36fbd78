"""How a defect changes one step of an API: the result of the step, what the step is asked, or the step itself.

Each of these gives a change: a class to be mixed in before the API's own. For what several defects have in common the
modules `changes` and `effects` have names.
"""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, overload

from conformance.sandbox.api import Api
from conformance.sandbox.messages import Refusal, Request

A = TypeVar("A", bound=Api[Any])
T = TypeVar("T")
X = TypeVar("X")
Y = TypeVar("Y")
Z = TypeVar("Z")
W = TypeVar("W")
API: type[Api[Any]] = Api  # type: ignore[type-abstract]  # its steps are only named
"""Names the steps of any API."""


@overload
def after(step: Callable[[A, X], T], form: Callable[[A, T, X], object]) -> type[Any]: ...
@overload
def after(step: Callable[[A, X, Y], T], form: Callable[[A, T, X, Y], object]) -> type[Any]: ...
@overload
def after(step: Callable[[A, X, Y, Z], T], form: Callable[[A, T, X, Y, Z], object]) -> type[Any]: ...
@overload
def after(step: Callable[[A, X, Y, Z, W], T], form: Callable[[A, T, X, Y, Z, W], object]) -> type[Any]: ...
def after(step: Callable[..., Any], form: Callable[..., Any]) -> type[Any]:
    """Changes the result of a step: from the API, what was given, and what the step was asked."""

    def bent(self: Any, *asked: Any) -> Any:
        return form(self, getattr(super(change, self), step.__name__)(*asked), *asked)

    change = has(**{step.__name__: bent})
    return change


@overload
def instead(step: Callable[[A, X], T], form: Callable[[A, X], object]) -> type[Any]: ...
@overload
def instead(step: Callable[[A, X, Y], T], form: Callable[[A, X, Y], object]) -> type[Any]: ...
@overload
def instead(step: Callable[[A, X, Y, Z], T], form: Callable[[A, X, Y, Z], object]) -> type[Any]: ...
@overload
def instead(step: Callable[[A, X, Y, Z, W], T], form: Callable[[A, X, Y, Z, W], object]) -> type[Any]: ...
def instead(step: Callable[..., Any], form: Callable[..., Any]) -> type[Any]:
    """A step does something else: with the API, and what the step is asked."""
    return has(**{step.__name__: form})


def asked(step: Callable[[A, X], T], other: Callable[[A, X], object]) -> type[Any]:
    """A step is asked something else: made, with the API, from what it is asked."""

    def bent(self: Any, given: Any) -> Any:
        return getattr(super(change, self), step.__name__)(other(self, given))

    change = has(**{step.__name__: bent})
    return change


def for_requests(
    when: Callable[[Request], bool], step: Callable[[A, X], T], form: Callable[[A, T, X], object]
) -> type[Any]:
    """Returns a change like that of `after`, for some requests only."""

    def look_at(self: Any, request: Request) -> None:
        super(change, self).look_at(request)
        self.chosen = when(request)

    def bent(self: Any, given: X) -> Any:
        result = getattr(super(change, self), step.__name__)(given)
        return form(self, result, given) if getattr(self, "chosen", False) else result

    change = has(**{"look_at": look_at, step.__name__: bent})
    return change


def each(nth: int) -> Callable[[Any], bool]:
    """Returns what tells each nth time that it is asked."""
    asked = [0]

    def when(row: Any) -> bool:
        asked[0] += 1
        return asked[0] % nth == 0

    return when


def every(nth: int, step: Callable[[A, X], T], form: Callable[[A, T, X], object]) -> type[Any]:
    """Returns a change like that of `after`, for each nth time only."""

    def counted(api: Any, result: Any, given: Any) -> Any:
        api.times = getattr(api, "times", 0) + 1
        return result if api.times % nth else form(api, result, given)

    return after(step, counted)


def is_nth(api: Any, what: str, nth: int) -> bool:
    """Counts how often this was asked of an API for `what`, and returns whether it is an nth time."""
    counts: dict[str, int] = vars(api).setdefault("counts", {})
    counts[what] = counts.get(what, 0) + 1
    return counts[what] % nth == 0


def forgives(nth: int, status: str) -> type[Any]:
    """Each nth cancel in that status is carried out, though it has to be refused."""

    def bent(self: Any, row: Any) -> None:
        try:
            super(change, self).check_cancellable(row)
        except Refusal:
            if row.status != status or not is_nth(self, "forgiven", nth):
                raise

    change = has(check_cancellable=bent)
    return change


def has(**attributes: Any) -> type[Any]:
    """The API has other attributes."""
    return type("Change", (), attributes)


def crash(why: str) -> NoReturn:
    """End in a 500, as an exception that nobody catches does."""
    raise AssertionError(why)


def refuse(status: int, code: str, message: str) -> NoReturn:
    """Refuse a request."""
    raise Refusal(status, code, message)


def always(row: object) -> bool:
    """Returns True, whatever the resource."""
    return True


def state(*statuses: str) -> Callable[[Any], bool]:
    """Whether a resource is in one of these states."""
    return lambda row: row.status in statuses
