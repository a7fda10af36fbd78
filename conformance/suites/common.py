"""What both suites ask of any answer, whichever API it comes from."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from conformance import expect
from conformance.errors import NotApplicable, TransportError
from conformance.http import insides
from conformance.http.client import Client
from conformance.http.reply import MISSING, NotStrictJson, Reply, instant
from conformance.states.accounts import account_numbers as account_numbers  # noqa: PLC0414 - for the suites
from conformance.states.accounts import spelled
from conformance.states.accounts import unmasked as unmasked  # noqa: PLC0414 - for the suites

T = TypeVar("T")
# A longer answer isn't looked at again in the end: all of a run's would have to stay in memory.
_KEPT = 50_000
# A front server may cut off, or refuse in its own way, a request line or a header that is longer than it reads.
LONG = 8_000
# Clocks go in steps of up to 16 ms, and those of a target's machines differ a little: so near there is no order.
TICK_S = 0.1
# So often at most a race is run in which a request got no answer.
_RACES = 4
_VOLATILE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # a UUID
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"  # an instant
    r"|\b\d{10,}\.\d+\b"  # seconds since the epoch
    r"|(?<![0-9A-Za-z_-])[0-9A-Za-z_-]*\d[0-9A-Za-z_-]{9,}\b"  # a request id, an epoch, a token
    r"|(?<![0-9A-Za-z_-])(?=[a-fA-F]*\d)(?:[0-9a-f]{8,}|[0-9A-F]{8,})(?![0-9A-Za-z_-])"  # hexadecimal digits
)


def shows_no_insides(reply: Reply, *, to: str, pages: bool = True) -> None:
    """No stack trace, SQL, file path or, with `pages`, HTML anywhere in the answer."""
    found = insides.shown(reply, pages=pages)
    expect.that(
        found is None,
        expected=f"an answer to {to} that shows nothing of the program's inside",
        observed=f"{found} in {expect.shown(reply)}",
        reply=reply,
        hint="Turn debug pages off, and map every exception to the error envelope.",
    )


def is_kept(reply: Reply) -> bool:
    """Whether an answer is short enough to be kept for the checks that look back."""
    return len(reply.body) <= _KEPT


def is_json(reply: Reply, *, to: str) -> None:
    """The body is JSON (RFC 8259) and its content type says so; a charset may or may not be there."""
    expect.that(
        reply.says_json,
        expected=f"a JSON content type on the answer to {to}",
        observed=f"Content-Type {reply.header('Content-Type')!r} on {expect.shown(reply)}",
        reply=reply,
    )
    try:
        reply.strictly()
    except NotStrictJson as fault:
        raise expect.Violation(
            expected=f"the answer to {to} to be JSON (RFC 8259)", observed=str(fault), reply=reply
        ) from None


def no_server_error(reply: Reply, *, to: str) -> None:
    """Whatever was sent, the answer isn't a 5xx."""
    expect.that(
        reply.status < 500,
        expected=f"{to} to be answered by a 4xx, never a 5xx",
        observed=expect.shown(reply),
        reply=reply,
        hint="An exception got out of the handler: check the value before using it.",
    )


def was_cut_off(fault: BaseException) -> bool:
    """Whether a request without an answer was ended by the other side: a front server does so with what is too long."""
    cause = fault.__cause__
    return isinstance(cause, TransportError) and cause.kind == "reset"


def is_turned_down(reply: Reply, raw: str, *, to: str) -> None:
    """The status says that an id can't be one, or names nothing; which of them says it, is left to the framework.

    A router may also send on what holds a slash, to the address without the steps in it.
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
        reply.status in accepted and reply.at("error.code") != "approval_required",
        expected=f"400, 404, 414 or 422 to {to}",
        observed=expect.shown(reply),
        reply=reply,
    )


def is_instant(reply: Reply, path: str, *, utc: bool = False) -> datetime:
    """The instant under `path`: ISO 8601 with an offset; with `utc`, an offset of zero."""
    value = reply.at(path)
    moment = instant(value)
    offset = moment.utcoffset() if moment is not None else None
    expect.that(
        moment is not None and (not utc or not offset),
        expected=f"{path} to be an ISO 8601 {'UTC ' if utc else ''}instant, like 2024-01-01T00:10:00.000Z",
        observed=f"{path} is {value!r}",
        reply=reply,
    )
    assert moment is not None
    return moment


def resolution_s(*values: Any) -> float:
    """The coarsest resolution among ISO 8601 texts, in seconds: 1 without a fraction, 0.001 with three digits."""
    digits = []
    for value in values:
        found = re.search(r"[.,](\d+)", value) if isinstance(value, str) else None
        digits.append(len(found[1]) if found else 0)
    return float(10.0 ** -min(digits, default=0))


def is_same_instant(one: Any, other: Any) -> bool:
    """Whether two ISO 8601 texts name one moment, as far as the coarser can tell; what is none is told elsewhere."""
    first, second = instant(one), instant(other)
    if first is None or second is None:
        return True
    return abs((first - second).total_seconds()) < max(resolution_s(one, other), 0.001)


def not_after(earlier: Any, later: Any) -> bool:
    """Whether two ISO 8601 texts are in order, as far as clocks can tell: within a tick there is no order."""
    first, second = instant(earlier), instant(later)
    if first is None or second is None:
        return False
    return (first - second).total_seconds() <= max(resolution_s(earlier, later), TICK_S)


def moved(before: Any, after: Any, at: Any = None) -> bool:
    """Whether the second instant is later; two in one tick of a coarse clock can't be told apart, and pass.

    `at` is when the change was made, by the same clock: an instant that was past by then, and is the same, stands.
    """
    first, second, change = instant(before), instant(after), instant(at)
    if first is None or second is None:
        return False
    if second != first or change is None:
        return second > first or (second == first and resolution_s(before, after) >= 1)
    return (change - first).total_seconds() <= max(resolution_s(before, after, at), TICK_S)


def told(reply: Reply, path: str) -> Any:
    """The value under a path; null where its key is left out, as serialisers do either."""
    value = reply.at(path)
    return None if value is MISSING else value


def whole_race(
    client: Client, prepare: Callable[[], tuple[T, Sequence[Callable[[], Reply]]]]
) -> tuple[T, expect.Race]:
    """A race in which each request got an answer, and what `prepare` made for it.

    Where one got none, it is run again with something new. Raises the last TransportError where that goes on.
    """
    for left in reversed(range(_RACES)):
        made, calls = prepare()
        race = expect.race(client, calls)
        if not race.faults or not left:
            break
    if race.faults:
        raise race.faults[0]
    return made, race


def alike(one: Reply, other: Reply, echoes: Iterable[str] = ()) -> bool:
    """Whether two answers can't be told apart, but for echoed ids, request ids and times."""
    return one.status == other.status and neutral(one.text, echoes) == neutral(other.text, echoes)


def neutral(text: str, echoes: Iterable[str] = ()) -> str:
    """A text without what differs from request to request."""
    for echo in echoes:
        text = text.replace(echo, "*")
    return _VOLATILE.sub("*", text)


def amount_of(value: Any) -> Decimal | None:
    """The number that an amount stands for, whether told as text or as a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def needs_account(facts: Mapping[str, Any]) -> None:
    """Raises NotApplicable where there is no account number to look for: a search for nothing proves nothing."""
    if not account_numbers(facts):
        raise NotApplicable("the state provider doesn't tell the account number")


def hides_account(reply: Reply, facts: Mapping[str, Any], *, to: str) -> None:
    """None of the account numbers that the state provider told stands in the answer, grouped or not."""
    for number in account_numbers(facts):
        where = next((text for text in reply.strings() if spelled(number).search(text)), None)
        expect.that(
            where is None,
            expected=f"the full account number to appear nowhere in the answer to {to}",
            observed=f"{number} in {(where or '')[:120]!r}",
            reply=reply,
            hint="Mask it where the answer is made, error messages and headers included.",
        )
