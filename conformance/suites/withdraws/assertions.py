"""The documented answers of the withdraws API, and one named assertion for each.

`what` names the request in a failure: "cancelling a paid withdraw", "a signature with another secret". Each assertion
asks one thing only, so that one defect fails the rows about it and no others: `refused` asks for the documented status
and code, `not_cancelled` only that nothing was cancelled.
"""

from typing import Any

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import expect
from conformance.oracles.difference import neutral
from conformance.oracles.expect import Answer
from conformance.suites.withdraws.contract import CONTRACT

# WD-26 judges what else the envelope holds.
_ANSWERS = CONTRACT.answers
CANCELED = Answer(
    _ANSWERS.ok.status, fields=(("success", True), (_ANSWERS.status, CONTRACT.states.cancelled))
)
REFUSED = Answer(_ANSWERS.refused.status, _ANSWERS.refused.code)
NOT_FOUND = Answer(_ANSWERS.not_found.status, _ANSWERS.not_found.code)
KEYS = _ANSWERS.keys

VERIFY_HINT = "Verify the HMAC over `timestamp.body` exactly as received, in full, before anything else."


def cancelled(reply: Reply, what: str, *, hint: str = "") -> Reply:
    """The documented success: 200, `success` true, `data.status` canceled."""
    return expect.answered(reply, CANCELED, to=what, hint=hint)


def refused(reply: Reply, what: str, *, hint: str = "") -> Reply:
    """The documented refusal: 400 VALIDATION_ERROR. WD-26 judges a code that is no text."""
    return _answered(reply, REFUSED, what, hint)


def not_found(reply: Reply, what: str, *, hint: str = "") -> Reply:
    """The documented answer for an unknown id: 404 RESOURCE_NOT_FOUND. WD-26 judges a code that is no text."""
    return _answered(reply, NOT_FOUND, what, hint)


def _answered(reply: Reply, answer: Answer, what: str, hint: str) -> Reply:
    code = reply.at("error.code")
    has_code = isinstance(code, str) and bool(code.strip())
    wanted = answer if has_code or reply.status != answer.status else Answer(answer.status)
    return expect.answered(reply, wanted, to=what, hint=hint)


def accepted(reply: Reply, what: str, *, hint: str = "", control: bool = False) -> Reply:
    """A success in any form: WD-01 judges the form. `control` where the check can't begin without it."""
    expect.that(succeeded(reply), expected=f"{what} to be accepted", reply=reply, hint=hint, control=control)
    return reply


def not_accepted(reply: Reply | None, what: str, *, hint: str = VERIFY_HINT) -> None:
    """No 2xx for a request that proves no identity. WD-36 judges the status; None stands for no answer at all."""
    if reply is not None:
        expect.that(not reply.ok, expected=f"{what} not to be accepted", reply=reply, hint=hint)


def not_cancelled(reply: Reply, what: str, *, hint: str = "", control: bool = False) -> None:
    """No success in any form. The rows about the state judge how the refusal is put."""
    expect.that(
        not succeeded(reply), expected=f"{what} not to be cancelled", reply=reply, hint=hint, control=control
    )


def refused_as_before(again: Reply, before: Reply, what: str, *, hint: str = "") -> None:
    """The same refusal as an earlier one: same status, `success`, code and message."""
    expect.that(
        why(again) == why(before),
        expected=f"{what} to be refused as before",
        observed=f"before {summary.of(before)}, after {summary.of(again)}",
        reply=again,
        hint=hint,
    )


def stays_canceled(read: Reply, before: Reply, what: str, *, hint: str = "") -> None:
    """A read shows the withdraw canceled and unpaid. WD-18 judges a `paidAt` that was in the answer `before`."""
    expect.that(
        is_canceled(read) and not paid_since(before, read),
        expected=f"{what} to be canceled and unpaid",
        observed=f"reading it shows {summary.of(read)}",
        reply=read,
        hint=hint,
    )


def stays_paid(read: Reply, what: str, *, hint: str = "") -> None:
    """A read shows the withdraw paid, without `canceledAt`."""
    expect.that(
        read.at("data.status") == "paid" and not told(read, "data.canceledAt"),
        expected=f"{what} to be paid",
        observed=f"reading it shows {summary.of(read)}",
        reply=read,
        hint=hint,
    )


def is_unchanged(before: dict[str, Any], read: Reply, after: str) -> None:
    """A read shows all that one `before` showed, and no more."""
    shown = data(read)
    expect.unchanged(before, shown, dict.fromkeys((*before, *shown)), reply=read, after_what=after)


# -- What an answer says ---------------------------------------------------------------------------------------


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was taken, in any form: WD-01 judges the form."""
    return reply.ok and reply.at("success") not in (False, "false") and not told(reply, "error")


def is_canceled(reply: Reply) -> bool:
    """Whether a read shows a withdraw canceled, in any spelling: WD-01 judges the spelling."""
    status = reply.at("status") if reply.at("data") is MISSING else reply.at("data.status")
    return isinstance(status, str) and status.lower() in ("canceled", "cancelled")


def paid_since(before: Reply, read: Reply) -> bool:
    """Whether a read tells a `paidAt` and the answer before didn't."""
    return bool(told(read, "data.paidAt")) and not told(before, "data.paidAt")


def why(reply: Reply) -> tuple[Any, ...]:
    """The documented parts of a refusal, without what differs from request to request; a server may add such things."""
    message = reply.at("error.message")
    known = neutral(message) if isinstance(message, str) else message
    return reply.status, reply.at("success"), reply.at("error.code"), known


def data(reply: Reply) -> dict[str, Any]:
    """The `data` object of an answer, empty where there is none."""
    value = reply.at("data")
    return value if isinstance(value, dict) else {}


def told(reply: Reply, path: str) -> Any:
    """The value under a path; null where its key is left out, as serialisers do either."""
    value = reply.at(path)
    return None if value is MISSING else value
