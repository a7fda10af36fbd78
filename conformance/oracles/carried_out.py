"""Requests that were refused, and carried out all the same: what a read shows of them."""

from collections.abc import Callable

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation

_TWICE = (
    "It was carried out, and answered as if it could not be: does something send it twice (a proxy, a client that tries"
    " again), or does a second layer look at the state once more?"
)


def or_not(
    judge: Callable[[], object], read: Callable[[], Reply] | None, is_done: Callable[[Reply], bool]
) -> None:
    """Raises the Violation of `judge`; its title says so where the request was refused, and a read shows it done.

    `read` is None where nothing can be read.
    """
    try:
        judge()
    except Violation as fault:
        if read is not None and fault.reply is not None and not fault.reply.ok:
            shown = read()
            if is_done(shown):
                fault.fault += ", and it was carried out"
                fault.observed += f"; a read shows {summary.of(shown)}"
                fault.hint = _TWICE
        raise
