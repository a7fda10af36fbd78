"""Requests that are answered in several ways, where each should get the same: by whichever process has it, perhaps."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from conformance.errors import ConformanceError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation

_TIMES = 5
_OF_ITS_OWN = (
    "The same request is answered now one way, now another: does each process keep what it knows for itself?"
)


def or_always(judge: Callable[[], object], again: Callable[[], Reply]) -> None:
    """Raises the Violation of `judge`; its title says so where the same request, refused, is answered otherwise later.

    `again` sends it once more. What was accepted isn't sent again: that would be another cancel.
    """
    try:
        judge()
    except Violation as fault:
        if fault.reply is not None and not fault.reply.ok:
            _tried_again(fault, summary.short(fault.reply), again)
        raise


def _tried_again(fault: Violation, first: str, again: Callable[[], Reply]) -> None:
    came: Counter[str] = Counter()
    with suppress(ConformanceError):
        for _ in range(_TIMES):
            came[summary.short(again())] += 1
    if not came:
        return
    fault.observed += (
        f"; sent {came.total()} times more: {', '.join(f'{one} {n} times' for one, n in came.items())}"
    )
    others = [one for one in came if one != first]
    if others:
        fault.fault += f", and {others[0]} when it was sent again ({came[others[0]]} of {came.total()} times)"
        fault.hint = _OF_ITS_OWN
