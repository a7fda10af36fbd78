"""Targets that close a withdraw to everybody after some refused requests: no document forbids that."""

from collections.abc import Callable

from conformance.http.reply import Reply
from conformance.states import Resource
from conformance.suites.withdraws.assertions import why


def closes_by_number(
    refusal: Reply,
    number: int,
    *,
    new: Callable[[], Resource],
    ask: Callable[[Resource], object],
    cancel: Callable[[Resource], Reply],
    is_usual: Callable[[Reply], bool],
) -> bool:
    """Returns whether the owner is refused alike after any `number` refused requests, and isn't after a single one.

    Then the number did it, and nothing that these requests had in them. `ask` sends a request that is refused as a
    rule; `cancel` is the owner's, and `is_usual` tells its usual answer. `new` returns unused withdraws, of which two
    are taken. Raises as they do.
    """
    if number < 2:
        return False
    one, many = new(), new()
    ask(one)
    if not is_usual(cancel(one)):
        return False
    for _ in range(number):
        ask(many)
    return why(cancel(many)) == why(refusal)
