"""Acts that are performed once per run: what each returned is kept, with its exchanges."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from conformance.errors import NotTestable
from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.client import PayoutIntents

P = ParamSpec("P")
T = TypeVar("T")
Self = TypeVar("Self", bound="Performed")


def shared(
    perform: Callable[Concatenate[Self, P], T],
) -> Callable[Concatenate[Self, P], T]:
    """Performs a method once for the same arguments; a later call has the same outcome, and cites its exchanges."""
    arguments = signature(perform)

    @wraps(perform)
    def once(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        given = arguments.bind(self, *args, **kwargs)
        given.apply_defaults()
        name = perform.__name__, *list(given.arguments.values())[1:]
        return self.once(name, lambda: perform(self, *args, **kwargs))

    return once


class Performed:
    """Keeps the results of acts, and cites their exchanges for each check that asks."""

    def __init__(self, api: PayoutIntents, given: Given, recorder: Recorder) -> None:
        self._api = api
        self._given = given
        self._recorder = recorder
        self._kept: dict[tuple[Any, ...], tuple[Any, tuple[Exchange, ...]]] = {}

    def carry(self, reason: str, intent: Resource, reply: Reply, read: Reply) -> None:
        """Keeps a cancel for a reason that other checks look at, whatever else it was about."""
        self._given.carry(("reason", reason), (intent, reply, read))

    def carried(self, reason: str) -> tuple[Resource, Reply, Reply] | None:
        """Returns the cancel for a reason that some check made, and a GET after it; None where none did."""
        found: tuple[Resource, Reply, Reply] | None = self._given.carried(("reason", reason))
        if found is not None:
            self._recorder.cite([one.exchange for one in found[1:]])
        return found

    def once(self, name: tuple[Any, ...], perform: Callable[[], T], *, alone: bool = False) -> T:
        """The result of `perform`, or the fault that it raised, kept under a name.

        With `alone` it is performed anew for a check that runs alone: other checks share the intents that it is about.
        """

        def performed() -> tuple[T | Exception, tuple[Exchange, ...]]:
            already = len(self._recorder.exchanges)
            found: T | Exception
            try:
                found = perform()
            except (NotTestable, Violation) as fault:
                found = fault
            return found, tuple(self._recorder.exchanges[already:])

        if name not in self._kept or (alone and self._given.is_isolated):
            self._kept[name] = self._given.in_common(
                ("performed", *name), performed, lambda made: not isinstance(made[0], Exception)
            )
        result, exchanges = self._kept[name]
        self._recorder.cite(exchanges)
        if isinstance(result, Exception):
            raise result.with_traceback(None)
        return cast("T", result)

    def _fresh(self) -> Resource:
        """Returns an unused intent that can be cancelled."""
        return self._given("requires_approval")

    def _spared(self, state: str) -> Resource | None:
        """Returns one more intent in that state; None where there is none to spare."""
        try:
            return self._given(state)
        except NotTestable:
            return None
