"""Requests that are sent so often that what a target does each nth time is seen."""

from collections.abc import Callable

from conformance.errors import NotTestable
from conformance.http.client import Client
from conformance.http.reply import Reply
from conformance.oracles.concurrency import race

TIMES = 20
"""The number of times that a request is sent in a run, at least: a fault each twentieth time is seen then."""
_AT_ONCE = 4


def repeatedly(
    client: Client, ask: Callable[[], Reply], judge: Callable[[Reply], None], *, times: int, most: int
) -> None:
    """Sends a request so many `times`, up to `most` and four at once, and has each answer judged.

    Those at once have connections of their own, which several processes of a target may answer. Raises a TransportError
    where one gets no answer.
    """
    if most < 1:
        raise NotTestable("limits.concurrency is below 1")
    while times > 0:
        now = min(times, most, _AT_ONCE)
        found = race(client, [ask] * now)
        for reply in found.replies:
            judge(reply)
        if found.faults:
            raise found.faults[0]
        times -= now
