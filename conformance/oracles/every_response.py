"""Assertions that hold for every answer, whatever was sent: JSON where it is due, no 5xx, nothing disclosed."""

from collections.abc import Mapping
from typing import Any

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import NotStrictJson, Reply
from conformance.oracles import disclosure, expect, hints, wording
from conformance.states.accounts import account_numbers, spelled

# A longer answer isn't looked at again in the end: all of a run's would have to stay in memory.
_KEPT = 50_000
# So much of a text is shown around a number that stands in it.
_PLACE = 80


def discloses_nothing(reply: Reply, *, to: str, known: str = "", pages: bool = True) -> None:
    """No stack trace, SQL, file path or, with `pages`, HTML in the answer, but for what was `known` before."""
    found = disclosure.disclosed_by(reply, known=known, pages=pages)
    if found is not None:
        raise internals(reply, found, to=to)


def internals(reply: Reply, found: str, *, to: str) -> expect.Violation:
    """Returns the Violation of an answer that discloses something, `found` as `disclosure` names it."""
    is_page = found == disclosure.PAGE
    return expect.Violation(
        expected=f"an answer to {to} "
        + ("as JSON" if is_page else "that discloses nothing of the program's internals"),
        observed=f"{found} in {summary.of(reply)}",
        reply=reply,
        hint=hints.by_answer(reply, "Map every answer of the router, too, to the error envelope.")
        if is_page
        else "Turn debug pages off, and map every exception to the error envelope.",
        fault=f"{wording.capital(to)} was answered {reply.status} with "
        + ("an HTML page" if is_page else f"{found} in it"),
    )


def is_kept(reply: Reply) -> bool:
    """Whether an answer is short enough to be kept for the checks that look back."""
    return len(reply.body) <= _KEPT


def is_json(reply: Reply, *, to: str) -> None:
    """The body is JSON (RFC 8259) and its content type says so; a charset may or may not be there."""
    label = reply.header("Content-Type")
    said = "without a Content-Type" if label is None else f"as {label}"
    expect.that(
        reply.says_json,
        expected=f"a JSON content type on the answer to {to}",
        observed=f"Content-Type {label or 'absent'} on {summary.of(reply)}",
        reply=reply,
        hint=hints.by_answer(reply, "", documented=False) if summary.is_page(reply) else "",
        fault=f"{wording.capital(to)} was answered {reply.status} {said} instead of JSON",
    )
    try:
        reply.strictly()
    except NotStrictJson as fault:
        raise expect.Violation(
            expected=f"the answer to {to} to be JSON (RFC 8259)",
            observed=f"{fault} ({summary.of(reply)})",
            reply=reply,
            fault=f"{wording.capital(to)} was answered {reply.status} "
            f"{'with a body that is not JSON' if reply.body.strip() else 'without a body'}, though its Content-Type "
            "says JSON",
        ) from None


def no_server_error(reply: Reply, *, to: str) -> None:
    """The answer is no 5xx, to any request."""
    expect.that(
        reply.status < 500,
        expected=f"{to} to be answered by a 4xx, never a 5xx",
        reply=reply,
        hint="An exception got out of the handler: check the value before using it.",
        fault=f"{wording.capital(to)} was answered {summary.short(reply)}",
    )


def needs_account(facts: Mapping[str, Any]) -> None:
    """Raises NotApplicable where there is no account number to look for: a search for nothing proves nothing."""
    if not account_numbers(facts):
        raise NotApplicable("the state source doesn't tell the account number")


def hides_account(reply: Reply, facts: Mapping[str, Any], *, to: str) -> None:
    """None of the account numbers that the state source told stands in the answer, grouped or not."""
    for number in account_numbers(facts):
        where = next((text for text in reply.strings() if spelled(number).search(text)), None)
        expect.that(
            where is None,
            expected=f"the full account number to appear nowhere in the answer to {to}",
            observed=f"{number} in {_around(number, where or '')} (the answer was {summary.of(reply)})",
            reply=reply,
            hint="Mask it where the answer is made, error messages and headers included.",
            fault=f"The full account number stood in the answer to {to} ({reply.status})",
        )


def _around(number: str, text: str) -> str:
    """The place of a number in a text."""
    found = spelled(number).search(text)
    at = found.start() if found else 0
    place = text if len(text) <= _PLACE else "…" + text[max(0, at - _PLACE // 2) :][:_PLACE] + "…"
    return f"`{wording.visible(place)}`"
