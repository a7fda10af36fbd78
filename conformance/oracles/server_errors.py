"""Answers with a 5xx that no check failed for: each is reported once, by the requirement for its kind of request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.http import summary
from conformance.http.client import UNAVAILABLE
from conformance.model import Exchange
from conformance.oracles import expect, wording
from conformance.oracles.run_answers import RunAnswers

# Of methods that a server doesn't know, this is the documented answer (RFC 9110 section 15.6.2).
_NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class RequestKind:
    """The oddity of a request: `kind` is one word, `what` the request as the subject of a sentence."""

    kind: str
    what: str


def cut(text: str) -> str:
    """Returns a part of a request as a title shows it: a long one by its beginning and its length."""
    shown = wording.visible(text)
    return f"`{shown}`" if len(shown) <= 60 else f"`{shown[:40]}…` ({len(text)} characters)"


def a(method: str) -> str:
    """Returns a method with the indefinite article in front."""
    return f"{'an' if method[:1] in 'AEIOU' else 'a'} {method}"


def no_other(
    run_answers: RunAnswers,
    requirement_id: str,
    requirements: Mapping[str, str],
    oddity: Callable[[Exchange], RequestKind],
) -> None:
    """No request of a kind that a requirement is about was answered by a 5xx, unless a failed check shows one like it.

    `requirements` names the requirement for each kind of oddity, the most telling first: a request of another kind that
    has the same method and headers is not told twice. A 502, 503 or 504 says that something was unavailable, and is no
    answer to the request.
    """
    found, shown = run_answers.server_errors()
    told = {oddity(one.exchange).kind for one in shown}
    order, first = list(requirements), dict[tuple[object, ...], int]()
    left = []
    for one in found:
        kind = oddity(one.exchange).kind
        if kind not in told and one.exchange.status not in (*UNAVAILABLE, _NOT_IMPLEMENTED):
            left.append(one)
            form = _form(one.exchange)
            first[form] = min(first.get(form, len(order)), order.index(kind))
    for one in left:
        odd = oddity(one.exchange)
        if requirements[odd.kind] != requirement_id or order.index(odd.kind) > first[_form(one.exchange)]:
            continue
        raise expect.Violation(
            expected=f"{odd.what} not to be answered by a 5xx",
            observed=summary.of(one.reply),
            reply=one.reply,
            hint="An exception got out of the handler. The target's own log names it, at the time of this request.",
            fault=f"{wording.capital(odd.what)} was answered {summary.short(one.reply)}",
        )


def _form(sent: Exchange) -> tuple[object, ...]:
    return sent.method, frozenset(name.lower() for name, _ in sent.request_headers)
