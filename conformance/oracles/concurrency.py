"""Requests that are written at the same moment."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from conformance.errors import TransportError
from conformance.http.client import Client
from conformance.http.reply import Reply

T = TypeVar("T")
# So often at most a race is run in which a request got no answer.
_RACES = 4


@dataclass(frozen=True, slots=True)
class Race:
    """The answers to requests that were written at the same moment.

    `replies` are in the order given; a request that got no answer left its fault in `faults` instead.
    `in_flight` is how many were under way at once at the busiest moment.
    """

    replies: Sequence[Reply]
    faults: Sequence[TransportError]
    in_flight: int


def race(client: Client, calls: Sequence[Callable[[], Reply]]) -> Race:
    """Runs the calls at once: each on a connection of its own, all of them connected before the first one writes.

    Anything but a TransportError that a call raises is raised here, once all calls have ended. No more calls than
    `limits.concurrency`; with a rate limit, a race begins when all of its calls might have been made one by one.
    """
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], Reply]) -> Reply | TransportError:
        client.start.barrier, client.start.seated = barrier, True
        try:
            return call()
        except TransportError as fault:
            return fault
        finally:
            client.start.seated = False
            # Still there where nothing was written: the others needn't wait for that.
            if client.start.barrier is not None:
                client.start.barrier = None
                barrier.abort()

    with client.together(len(calls)), ThreadPoolExecutor(max_workers=len(calls)) as pool:
        try:
            results = list(pool.map(one, calls))
        except BaseException:
            # Ctrl-C takes back the calls that no thread has begun: those lined up would wait for them.
            barrier.abort()
            raise
    replies = [result for result in results if isinstance(result, Reply)]
    faults = [result for result in results if isinstance(result, TransportError)]
    return Race(replies, faults, _busiest(replies))


def _busiest(replies: Sequence[Reply]) -> int:
    starts = [reply.written for reply in replies]
    return max((sum(one.written <= at < one.finished for one in replies) for at in starts), default=0)


def whole_race(
    client: Client, prepare: Callable[[], tuple[T, Sequence[Callable[[], Reply]]]]
) -> tuple[T, Race]:
    """A race in which each request got an answer, and what `prepare` made for it.

    Where one got none, it is run again with something new. Raises the last TransportError where that goes on.
    """
    for left in reversed(range(_RACES)):
        made, calls = prepare()
        found = race(client, calls)
        if not found.faults or not left:
            break
    if found.faults:
        raise found.faults[0]
    return made, found
