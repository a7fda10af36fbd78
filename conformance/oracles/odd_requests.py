"""Requests that are unusual on purpose: whether they are answered at all, and whether an id that is none is refused."""

from collections.abc import Callable

from conformance.errors import TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, hints, wording
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Violation
from conformance.oracles.lines import LONG

# Nothing was sent, or the target has said when to come back: that isn't the request's doing.
_NOT_THE_REQUEST = frozenset({"dns", "refused", "connect", "tls", "rate_limited"})


# So often an unusual request is made; one that is waited for in vain twice. A lost connection may be lost by chance.
_ODD_TRIES, _TRIES_IN_VAIN = 6, 2
# Names that every object of JavaScript has.
_PROTOTYPES = frozenset({"constructor", "__proto__", "prototype", "toString", "hasOwnProperty"})
_CRASHED = "An exception got out of the handler, or ended its process: check the input before it is used."
_UNANSWERED = {
    "timeout": "Something was waited for in vain: a lock that an earlier request has left, or more input.",
    "unavailable": "A proxy answers so where the server behind it closes the connection, ends, or takes too long. "
    "Did this request end a process there? Its log, and that of the proxy, tell at this time.",
}


def odd(ask: Callable[[], Reply], documented: Callable[[], Reply], *, to: str) -> Reply:
    """The answer to a request that is unusual on purpose.

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
            # In another number each time: who loses every third request would lose this one at each step.
            for _ in range(1 + time % 3):
                documented()
            if time == _ODD_TRIES or (fault.kind == "timeout" and time == _TRIES_IN_VAIN):
                raise Violation(
                    expected=f"{to} to be answered, and not by a 5xx",
                    observed=f"{fault.message}, {time} times out of {time}; documented requests in between "
                    "were answered",
                    hint=_UNANSWERED.get(fault.kind, _CRASHED),
                    fault=f"{wording.capital(to)} {_came_of_it(fault)}, {time} times out of {time}",
                ) from fault
    raise AssertionError("the last time returns or raises")


def _came_of_it(fault: TransportError) -> str:
    if fault.kind == "unavailable":
        return f"was answered {fault.status or '502, 503 or 504'}"
    ends = {"timeout": "got no answer in time", "reset": "got no answer, and its connection was closed"}
    return ends.get(fault.kind, f"got no answer ({fault.message})")


def was_cut_off(fault: BaseException) -> bool:
    """Whether a request without an answer was ended by the other side: a front server does so with what is too long."""
    cause = fault.__cause__
    return isinstance(cause, TransportError) and cause.kind == "reset"


def is_turned_down(reply: Reply, raw: str, *, to: str, found_code: str | None) -> None:
    """Asserts that a malformed id was refused: the status says that it can't be an id, or that it names nothing.

    A server may also refuse a long one for its length (413, 431), a router redirect one with a slash to the address
    without the steps in it, and a firewall answer 403 to what looks like an attack. `found_code` is an error code that
    is only documented for a resource that was found, None where there is no such code.
    """
    no_server_error(reply, to=to)
    accepted = {400, 404, 414, 422}
    if len(raw) > LONG:
        accepted |= {413, 431}
    if "%2f" in raw.lower():
        accepted |= {301, 302, 307, 308}
    if "%" in raw or raw in _PROTOTYPES:
        accepted |= {403}
    *others, last = sorted(accepted)
    expect.that(
        reply.status in accepted and (found_code is None or reply.at("error.code") != found_code),
        expected=f"{', '.join(map(str, others))} or {last} to {to}",
        reply=reply,
        fault=f"{wording.capital(to)} was answered {summary.short(reply)}",
        hint="This code is documented for a resource that was found: was the id shortened, or changed, on its way?"
        if reply.status in accepted
        else hints.by_answer(reply, documented=False),
    )
