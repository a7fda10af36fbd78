"""Requests that are odd on purpose: whether they are answered at all, and whether an odd id is refused."""

from collections.abc import Callable

from conformance.errors import TransportError
from conformance.http.reply import Reply
from conformance.oracles import expect
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Violation
from conformance.oracles.lines import LONG

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


def was_cut_off(fault: BaseException) -> bool:
    """Whether a request without an answer was ended by the other side: a front server does so with what is too long."""
    cause = fault.__cause__
    return isinstance(cause, TransportError) and cause.kind == "reset"


def is_turned_down(reply: Reply, raw: str, *, to: str, found_code: str | None) -> None:
    """The status says that an id can't be one, or names nothing: a framework may choose which.

    A router may also redirect an id with a slash to the address without the steps in it. `found_code` is an error code
    that is only documented for a resource that was found, None where there is no such code.
    """
    no_server_error(reply, to=to)
    accepted = {400, 404, 414, 422}
    if len(raw) > LONG:
        accepted |= {413, 431}
    if "%2f" in raw.lower():
        accepted |= {301, 302, 307, 308}
    if "%" in raw:  # a firewall's answer to what looks like an attack
        accepted |= {403}
    expect.that(
        reply.status in accepted and (found_code is None or reply.at("error.code") != found_code),
        expected=f"400, 404, 414 or 422 to {to}",
        reply=reply,
    )
