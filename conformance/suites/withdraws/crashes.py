"""The assertion that an unusual cancel of a withdraw ends in no 5xx."""

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import wording
from conformance.oracles.expect import Violation
from conformance.suites.withdraws.assertions import is_canceled
from conformance.suites.withdraws.client import Target, Withdraws


def no_crash(api: Withdraws, reply: Reply, what: str, withdraw: Target) -> None:
    """No 5xx; where it is one, the title says whether the withdraw is canceled all the same."""
    if reply.status < 500:
        return
    shown = api.read(withdraw) if api.can_read else None
    done = shown is not None and is_canceled(shown)
    raise Violation(
        expected=f"{what} to be answered by a 4xx, never a 5xx",
        observed=summary.of(reply) + (f"; a read shows {summary.of(shown)}" if shown is not None else ""),
        reply=reply,
        hint="The exception got out of the handler after the cancel: check what was sent before."
        if done
        else "An exception got out of the handler: check what was sent before it is used.",
        fault=f"{wording.capital(what)} was answered {summary.short(reply)}"
        + (" after it had cancelled the withdraw" if done else ""),
    )
