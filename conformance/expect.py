"""What a bare assert can't say: which answer the document asks for, and what came instead."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.errors import TransportError
from conformance.http.client import Client
from conformance.http.reply import MISSING, Reply

requirement = pytest.mark.requirement


class Violation(AssertionError):
    """The target did something else than a requirement asks.

    `control` marks what has to work before the check proper says anything: its failing makes the check not testable,
    and the requirement that is about that request judges it.
    """

    def __init__(
        self,
        *,
        expected: str,
        observed: str,
        reply: Reply | None = None,
        hint: str = "",
        control: bool = False,
    ) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed
        self.reply = reply
        self.hint = hint
        self.control = control


@dataclass(frozen=True, slots=True)
class Answer:
    """A documented answer: an exact status, the error code that goes with it, values of some fields."""

    status: int
    code: str | None = None
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        said = [f"error.code {self.code!r}"] if self.code else []
        said += [f"{path} {value!r}" for path, value in self.fields]
        return str(self.status) + (" with " + ", ".join(said) if said else "")


def answered(reply: Reply, answer: Answer, *, to: str = "", hint: str = "", control: bool = False) -> Reply:
    """The reply, if it is the documented one; a Violation that names each difference otherwise."""
    wanted = {**({"error.code": answer.code} if answer.code else {}), **dict(answer.fields)}
    wrong = [] if reply.status == answer.status else [f"status {reply.status}"]
    wrong += [
        f"{path} is {reply.at(path)!r}" for path, value in wanted.items() if not same(reply.at(path), value)
    ]
    if wrong:
        raise Violation(
            expected=f"{answer}{' to ' + to if to else ''}",
            observed=f"{', '.join(wrong)} (the answer was {shown(reply)})",
            reply=reply,
            hint=hint,
            control=control,
        )
    return reply


def that(
    holds: bool,
    *,
    expected: str,
    observed: str,
    reply: Reply | None = None,
    hint: str = "",
    control: bool = False,
) -> None:
    """Raises the Violation unless `holds`."""
    if not holds:
        raise Violation(expected=expected, observed=observed, reply=reply, hint=hint, control=control)


def field(reply: Reply, path: str, good: Callable[[Any], bool], expected: str, *, hint: str = "") -> Any:
    """The value under `path`, if it is `good`."""
    value = reply.at(path)
    that(
        good(value),
        expected=f"{path} to be {expected}",
        observed=f"{path} is {value!r}",
        reply=reply,
        hint=hint,
    )
    return value


def is_same_as(other: Any) -> Callable[[Any], bool]:
    """Tells whether a value is `other`, as JSON has it."""
    return lambda value: same(value, other)


def same(value: Any, other: Any) -> bool:
    """Equality as JSON has it: `true` is not 1, and 1 is not 1.0-as-a-string."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(same(value[key], other[key]) for key in value)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(same(a, b) for a, b in zip(value, other, strict=True))
    return bool(value == other)


def alike(value: Any, other: Any) -> bool:
    """Equality as `same` has it, where a key that is left out reads as null: serialisers do either."""
    return same(without_nulls(value), without_nulls(other))


def without_nulls(value: Any) -> Any:
    """A JSON value without the keys that are null in it, at any depth; MISSING is null, too."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return None if value is MISSING else value


def unchanged(
    before: Mapping[str, Any], after: Any, keys: Iterable[str], *, reply: Reply, after_what: str
) -> None:
    """Every one of `keys` has the same JSON value in `after` as in `before`; one that is left out reads as null."""
    changed = []
    for key in keys:
        was, now = before.get(key), after.get(key) if isinstance(after, dict) else MISSING
        if not alike(was, now):
            changed.append(f"{key} was {was!r} and is {now!r}")
    that(
        not changed,
        expected=f"nothing of {', '.join(keys)} to change by {after_what}",
        observed="; ".join(changed),
        reply=reply,
    )


def shown(reply: Reply) -> str:
    """A reply in one short line, as it is recorded: cut after the secrets are out, or half of one would stay."""
    text = " ".join(reply.exchange.response_body.decode("utf-8", "backslashreplace").split())
    return f"{reply.status} {text[:200]}{'...' if len(text) > 200 else ''}".strip()


# Nothing was sent, or the target has said when to come back: that isn't the request's doing.
_NOT_THE_REQUEST = frozenset({"dns", "refused", "connect", "tls", "rate_limited"})


# So often an odd request is made; one that is waited for in vain twice. A lost connection may be lost by chance.
_ODD_TRIES, _TRIES_IN_VAIN = 6, 2


def odd(ask: Callable[[], Reply], documented: Callable[[], Reply], *, to: str) -> Reply:
    """The answer to a request that is odd on purpose.

    A Violation where it gets none, or only 502, 503 or 504, six times, or two times in vain until the time is up,
    while `documented` requests are answered after each: then it is the request's doing, and not that the target was
    unavailable. `ask` may be called as often. Raises the TransportError otherwise.
    """
    for time in range(1, _ODD_TRIES + 1):
        try:
            return ask()
        except TransportError as fault:
            if fault.kind in _NOT_THE_REQUEST:
                raise
            documented()
            if time == _ODD_TRIES or (fault.kind == "timeout" and time == _TRIES_IN_VAIN):
                raise Violation(
                    expected=f"{to} to be answered, and not by a 5xx",
                    observed=f"{time} times, {fault.message}, while documented requests in between were answered",
                    hint="An exception got out of the handler, or the input was waited on: check it before using it.",
                ) from fault
    raise AssertionError("the last time returns or raises")


@dataclass(frozen=True, slots=True)
class Race:
    """What came of requests that were written at the same moment.

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
            # Still there where nothing was written: nobody else needs to wait for that.
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
