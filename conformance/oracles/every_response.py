"""Assertions that hold for every answer, whatever was sent: JSON where it is due, no 5xx, nothing disclosed."""

from collections.abc import Mapping
from typing import Any

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import NotStrictJson, Reply
from conformance.oracles import disclosure, expect
from conformance.states.accounts import account_numbers, spelled

# A longer answer isn't looked at again in the end: all of a run's would have to stay in memory.
_KEPT = 50_000


def discloses_nothing(reply: Reply, *, to: str, known: str = "", pages: bool = True) -> None:
    """No stack trace, SQL, file path or, with `pages`, HTML in the answer, but for what was `known` before."""
    found = disclosure.disclosed_by(reply, known=known, pages=pages)
    expect.that(
        found is None,
        expected=f"an answer to {to} that discloses nothing of the program's internals",
        observed=f"{found} in {summary.of(reply)}",
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
        observed=f"Content-Type {reply.header('Content-Type')!r} on {summary.of(reply)}",
        reply=reply,
    )
    try:
        reply.strictly()
    except NotStrictJson as fault:
        raise expect.Violation(
            expected=f"the answer to {to} to be JSON (RFC 8259)", observed=str(fault), reply=reply
        ) from None


def no_server_error(reply: Reply, *, to: str) -> None:
    """The answer is no 5xx, to any request."""
    expect.that(
        reply.status < 500,
        expected=f"{to} to be answered by a 4xx, never a 5xx",
        reply=reply,
        hint="An exception got out of the handler: check the value before using it.",
    )


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
