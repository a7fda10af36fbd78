"""The effects of a defect on a resource: when it is cancelled, when a cancel of it is refused, now or later.

`writes`, `after_refusal` and the like are changes, as those in `changes`; an effect is what they are told to do.
"""

# mypy: disable-error-code="safe-super,type-abstract"
# Behind a change there is always an API, whose steps are none of the abstract ones.

import asyncio
from collections.abc import Callable
from copy import copy
from typing import Any

from conformance.sandbox.api import Api, Payload, R
from conformance.sandbox.credentials import Account
from conformance.sandbox.messages import Refusal, Request
from conformance.sandbox.steps import API, after, always, has

Effect = Callable[[Any, R], object]
"""Changes a resource, given its API and the resource."""
LATER_S = 0.2
"""Long after every answer, and before a run of however few checks looks again."""


def not_owned_leaves(effect: Effect[R], when: Callable[[Any], bool] = always) -> type[Api[R]]:
    """A cancel or a read of another account's resource has an effect on it."""

    def leaves(api: Api[Any], refusal: Refusal, account: Account, it: Any, given: str) -> Refusal:
        if when(it):
            effect(api, it)
        return refusal

    return after(API.not_owned, leaves)


def after_refusal(code: str, *effects: Effect[R], when: Callable[[Any], bool] = always) -> type[Api[R]]:
    """A cancel that is refused with this code has an effect on its resource all the same."""

    async def cancel(self: Any, request: Request, given: str) -> Any:
        try:
            return await super(change, self).cancel(request, given)
        except Refusal as refusal:
            row = self.known(given)
            if row is not None and refusal.code == code and when(row):
                for effect in effects:
                    effect(self, row)
            raise

    change = has(cancel=cancel)
    return change


def blocks_the_payout(code: str, when: Callable[[Any], bool] = always) -> tuple[type[Api[Any]], ...]:
    """A cancel that is refused with this code marks its resource, which is then never paid."""
    mark: type[Api[Any]] = after_refusal(code, lambda api, it: _marked(api).add(it.id), when=when)
    return mark, after(API.payable, lambda api, payable, it: payable and it.id not in _marked(api))


def _marked(api: Api[Any]) -> set[str]:
    marked: set[str] = vars(api).setdefault("marked", set())
    return marked


def _once_written(look: Callable[[Any], object], act: Callable[[Any, Any, Any], object]) -> type[Any]:
    def write(self: Any, row: Any, reason: str | None = None) -> None:
        seen = look(row)
        super(change, self).write(row, reason)
        act(self, row, seen)

    change = has(write=write)
    return change


def writes(values: Callable[[R], Payload]) -> type[Api[R]]:
    """A cancel sets some of the resource's own values to others."""
    return _once_written(always, lambda api, row, _: sets(values)(api, row))


def keeps(*names: str) -> type[Api[Any]]:
    """A cancel leaves some of the resource's own values as they were."""
    return _once_written(copy, lambda api, row, before: _restore(row, before, names))


def comes_undone(seconds: float, *names: str, when: Callable[[Any], bool] = always) -> type[Api[Any]]:
    """Restores some values of the resource to those before the cancel, after a delay."""

    def undone(api: object, row: object, before: object) -> None:
        if when(before):
            _after(seconds, _restore, row, before, names)

    return _once_written(copy, undone)


def changes_later(values: Callable[[Any, R], Payload]) -> type[Api[R]]:
    """A moment after a cancel some of the resource's own values become others."""
    return _once_written(always, lambda api, row, _: later(sets(lambda it: values(api, it)))(api, row))


def touches(api: Api[R], row: R) -> None:
    """Effect: the time of the last change moves."""
    api.touch(row)


def cancels(api: Api[R], row: R) -> None:
    """Effect: the resource is cancelled."""
    api.write(row)


def sets(values: Callable[[Any], Payload]) -> Callable[[Any, Any], None]:
    """Effect: some of the resource's own values become others."""

    def effect(api: object, row: object) -> None:
        for name, value in values(row).items():
            setattr(row, name, value)

    return effect


def later(effect: Effect[Any], seconds: float = 0) -> Effect[Any]:
    """Effect: another effect after a delay, of LATER_S unless told otherwise."""
    return lambda api, row: _after(seconds or LATER_S, effect, api, row)


def _after(seconds: float, act: Callable[..., object], *arguments: object) -> None:
    loop = asyncio.get_running_loop()
    if seconds:
        loop.call_later(seconds, act, *arguments)
    else:
        loop.call_soon(act, *arguments)  # before anything else that is due


def _restore(row: object, before: object, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(row, name, getattr(before, name))
