"""The documented answers of the withdraws API, and one named assertion for each.

Each assertion asks one thing only, so that one defect fails the requirements about it and no others: `refused` asks for
the documented status and code, `not_cancelled` only that nothing was cancelled.
"""

from collections.abc import Callable
from typing import Any

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.difference import neutral
from conformance.oracles.expect import Answer
from conformance.states import Resource
from conformance.suites.withdraws.contract import CONTRACT

# WD-26 judges what else the envelope holds.
_ANSWERS = CONTRACT.answers
CANCELED = Answer(
    _ANSWERS.ok.status, fields=(("success", True), (_ANSWERS.status, CONTRACT.states.cancelled))
)
REFUSED = Answer(_ANSWERS.refused.status, _ANSWERS.refused.code)
NOT_FOUND = Answer(_ANSWERS.not_found.status, _ANSWERS.not_found.code)
KEYS = _ANSWERS.keys
# A shorter text may stand in an answer by chance.
_TELLING = 6

VERIFY_HINT = "Verify the HMAC over `timestamp.body` exactly as received, in full, before anything else."
_LOOKS_DONE = "Clients tell a refusal by its status: a 2xx says that the withdraw was cancelled."
_ONLY_OPEN = (
    "Only pending and processing withdraws can be cancelled: look at the status first, in one transaction."
)
_OTHERWISE_REFUSED = (
    "It was refused, but clients look at status and error.code: these are the documented ones."
)
_TAKEN_FOR_ANOTHER = (
    "It was refused because of its state: is this state missing among those that can be cancelled?"
)
OF_THE_CALLER = "Look withdraws up among those of the caller, not by id alone."
_BEFORE_WRITING = "Whatever is refused is refused before anything is written, in one transaction."

Read = Callable[[], Reply] | None
"""Reads the withdraw that an answer is about; None where nothing can be read."""

# `what` names the request as the subject of a sentence, "a cancel of a paid withdraw", and `withdraw` what was
# cancelled where it succeeds, "a paid withdraw": titles are made from both.


def cancelled(reply: Reply, what: str, *, hint: str = "") -> Reply:
    """The documented success: 200, `success` true, `data.status` canceled."""
    by_state = (reply.status, reply.at("error.code")) == (REFUSED.status, REFUSED.code)
    return _judged(reply, CANCELED, what, hint or (_TAKEN_FOR_ANOTHER if by_state else ""))


def refused(
    reply: Reply, what: str, *, withdraw: str = "", hint: str = _ONLY_OPEN, read: Read = None, time: str = ""
) -> Reply:
    """The documented refusal: 400 VALIDATION_ERROR. WD-26 judges a code that is no text.

    `read` shows whether a success that shouldn't be one is kept; `time` says which cancel of the withdraw it is, where
    it isn't the first ("a second time").
    """
    return _answered(reply, REFUSED, what, withdraw, hint, read, time)


def not_found(reply: Reply, what: str) -> Reply:
    """The documented answer for an unknown id: 404 RESOURCE_NOT_FOUND. WD-26 judges a code that is no text."""
    return _answered(reply, NOT_FOUND, what, "", "", None)


def _answered(
    reply: Reply, answer: Answer, what: str, withdraw: str, hint: str, read: Read, time: str = ""
) -> Reply:
    if succeeded(reply):
        raise _success(reply, f"{answer} to {what}", what, withdraw, hint, read, time)
    code = reply.at("error.code")
    has_code = isinstance(code, str) and bool(code.strip())
    wanted = answer if has_code or reply.status != answer.status else Answer(answer.status)
    fault = ""
    if reply.ok:
        fault = f"{wording.capital(what)} was answered {reply.status} with success false instead of {answer.short()}"
    return _judged(reply, wanted, what, _OTHERWISE_REFUSED, fault)


def _judged(reply: Reply, answer: Answer, what: str, hint: str, fault: str = "") -> Reply:
    """The documented answer. A refusal in the API's own envelope is no crash and no page, whatever its status."""
    try:
        return expect.answered(reply, answer, to=what, hint=hint, fault=fault)
    except expect.Violation as found:
        if (
            hint
            and reply.at("success") is False
            and value_or_null(reply, "error.code")
            and reply.status not in (401, 403)
        ):
            found.hint = hint
        raise


def _success(
    reply: Reply, expected: str, what: str, withdraw: str, hint: str, read: Read = None, time: str = ""
) -> expect.Violation:
    """Returns the Violation of a success in place of a refusal."""
    says = is_canceled(reply)
    shown = read() if says and read is not None else None
    return expect.Violation(
        expected=expected,
        observed=f"status {reply.status}, data.status is {wording.of(reply, 'data.status')} "
        f"(the answer was {summary.of(reply)})",
        reply=reply,
        hint=hint,
        fault=f"{wording.capital(withdraw)} was cancelled {time + ' ' if time else ''}({reply.status})"
        if says and withdraw
        else f"{wording.capital(what)} was accepted ({reply.status})",
        persisted=wording.read_shows(shown, "data.status", reply.at("data.status"), lambda _: True),
    )


def accepted(reply: Reply, what: str, *, hint: str = "", control: bool = False) -> Reply:
    """A success in any form: WD-01 judges the form. `control` where the check can't begin without it."""
    expect.that(
        succeeded(reply),
        expected=f"{what} to be accepted{', so that the check can begin' if control else ''}",
        reply=reply,
        hint=hint if reply.status in (400, 401, 403) and hint else hints.by_answer(reply, ""),
        control=control,
        fault=f"{wording.capital(what)} was refused ({summary.short(reply)})",
    )
    return reply


def not_accepted(reply: Reply | None, what: str, *, hint: str = VERIFY_HINT) -> None:
    """No 2xx for a request that proves no identity. WD-36 judges the status; None stands for no answer at all."""
    if reply is None or not reply.ok:
        return
    fault = _success(reply, f"{what} not to be accepted", what, "", hint)
    if not succeeded(reply):
        fault.expected = f"{what} to be refused with 401 or 403"
        fault.observed = f"status {reply.status} (the answer was {summary.of(reply)})"
        fault.hint = _LOOKS_DONE
        fault.fault = f"{wording.capital(what)} was refused with status {reply.status} instead of 401 or 403"
    raise fault


def not_cancelled(
    reply: Reply,
    what: str,
    *,
    withdraw: str = "",
    hint: str = OF_THE_CALLER,
    control: bool = False,
    read: Read = None,
) -> None:
    """No success in any form. The requirements about the state judge how the refusal is put."""
    if succeeded(reply):
        fault = _success(reply, f"{what} to be refused", what, withdraw, hint, read)
        fault.control = control
        raise fault


def shows_nothing(reply: Reply, withdraw: Resource, whose: str, read: str, *, hint: str) -> None:
    """An answer to a read shows nothing of a withdraw, whatever its status; `read` is the subject of a sentence."""
    known = [withdraw.facts.get(key) for key in ("referenceId", "bankAccountName", "bankAccountNumberFull")]
    told_here = [one for one in known if isinstance(one, str) and len(one) >= _TELLING and one in reply.text]
    is_shown = reply.ok and bool(data(reply) or value_or_null(reply, "id"))
    expect.that(
        not is_shown and not told_here,
        expected=f"{read} not to show {whose}",
        observed=f"status {reply.status} (the answer was {summary.of(reply)})"
        if is_shown
        else f"{wording.value((told_here or [''])[0])} of the withdraw in {summary.of(reply)}",
        reply=reply,
        hint=hint,
        fault=f"{wording.capital(read)} showed {whose} ({reply.status})"
        if is_shown
        else f"{wording.capital(read)} told something of {whose} in its refusal ({reply.status})",
    )


def refused_as_before(again: Reply, before: Reply, what: str, *, when: str = "", hint: str = "") -> None:
    """The same refusal as an earlier one: same status, `success`, code and message.

    `what` is the withdraw ("a paid withdraw"), and `when` the time between the two.
    """
    if why(again) == why(before):
        return
    later = f" {when}" if when else " the second time"
    expect.that(
        False,
        expected=f"a cancel of {what} to be refused{later} as it was before",
        observed=f"{_told_apart(before, again)} (now {summary.of(again)})",
        reply=again,
        hint=hint,
        fault=f"{wording.capital(what)} was cancelled{later} ({again.status}), after a refusal"
        if succeeded(again)
        else f"A cancel of {what} was refused otherwise{later} than before ({_in_short(again, before)})",
    )


def _in_short(again: Reply, before: Reply) -> str:
    if (again.status, again.at("error.code")) != (before.status, before.at("error.code")):
        return f"{summary.short(again)}, and {summary.short(before)} before"
    return f"{again.status} both times, with another message"


def _told_apart(before: Reply, again: Reply) -> str:
    """How two refusals differ, the deciding part first."""
    parts = (("success", "success"), ("error.code", "error.code"), ("error.message", "error.message"))
    told = [f"status was {before.status} and is {again.status}"] if before.status != again.status else []
    told += [
        f"{name} was {wording.of(before, path)} and is {wording.of(again, path)}"
        for name, path in parts
        if not equality.same(before.at(path), again.at(path)) and before.at(path) is not again.at(path)
    ]
    return "; ".join(told)


def is_seen_canceled(read: Reply) -> Reply:
    """A read shows a withdraw canceled, so that a check can begin."""
    expect.that(
        is_canceled(read),
        expected="a read to show the withdraw canceled, so that the check can begin",
        reply=read,
        control=True,
        fault=reads_otherwise(read, "a canceled withdraw"),
    )
    return read


def really_canceled(reply: Reply, *, is_read: bool, what: str, when: str, hint: str = "") -> None:
    """A read shows a withdraw canceled; without a read endpoint, `reply` refuses a second cancel of it."""
    expect.that(
        is_canceled(reply) if is_read else not succeeded(reply),
        expected=f"{what} to be canceled {when}"
        + ("" if is_read else ", so that no second cancel of it succeeds"),
        observed=expect.observed(reply, "data.status"),
        reply=reply,
        hint=hint,
        fault=reads_otherwise(reply, what, when)
        if is_read
        else f"{wording.capital(what)} was cancelled twice ({reply.status} both times)",
    )


def stays_canceled(read: Reply, before: Reply, what: str, *, when: str = "", hint: str = "") -> None:
    """A read shows the withdraw canceled and unpaid. WD-18 judges a `paidAt` that was in the answer `before`."""
    expect.that(
        is_canceled(read) and not paid_since(before, read),
        expected=f"{what} to be canceled and unpaid {when}".strip(),
        observed=expect.observed(read, "data.status", "data.paidAt", "data.canceledAt"),
        reply=read,
        hint=hint,
        fault=reads_otherwise(read, what, when),
    )


def stays_paid(read: Reply, what: str, *, when: str = "", hint: str = "", fault: str = "") -> None:
    """A read shows the withdraw paid, without `canceledAt`; `fault` is the title where it isn't paid."""
    fault = fault or reads_otherwise(read, what, when)
    if equality.says(read.at("data.status"), "paid"):
        fault = f"{wording.capital(what)} had canceledAt {wording.of(read, 'data.canceledAt')} {when}".strip()
    expect.that(
        equality.says(read.at("data.status"), "paid") and not value_or_null(read, "data.canceledAt"),
        expected=f"{what} to be paid {when}".strip(),
        observed=expect.observed(read, "data.status", "data.canceledAt"),
        reply=read,
        hint=hint,
        fault=fault,
    )


def reads_otherwise(read: Reply, what: str, when: str = "") -> str:
    """The title of a read that shows another state than it should: `A canceled withdraw was read as "paid" ...`."""
    if not read.ok or read.at("data.status") is MISSING:
        return f"Reading {what} was answered {summary.short(read)} {when}".strip()
    paid = value_or_null(read, "data.paidAt")
    status = f"{wording.of(read, 'data.status')}"
    if is_canceled(read) and paid:
        status += f" with paidAt {wording.of(read, 'data.paidAt')}"
    return f"{wording.capital(what)} was read as {status} {when}".strip()


def is_unchanged(
    before: dict[str, Any], read: Reply, after: str, *, what: str, hint: str = _BEFORE_WRITING
) -> None:
    """A read shows all that one `before` showed, and no more; `what` is the withdraw ("a paid withdraw")."""
    shown = data(read)
    keys = dict.fromkeys((*before, *shown))
    expect.unchanged(before, shown, keys, reply=read, after_what=after, what=what, hint=hint)


def stays_processing(before: dict[str, Any], read: Reply, refusal: Reply) -> None:
    """A read shows a processing withdraw as it was before a refused cancel, or paid or failed by itself since."""
    was, status = before.get("status"), read.at("data.status")
    went_on = status in (was, "paid", "failed")
    canceled_at = f"with canceledAt {wording.of(read, 'data.canceledAt')}"
    expect.that(
        went_on and not value_or_null(read, "data.canceledAt"),
        expected="a processing withdraw to be processing, or paid or failed, after a refused cancel",
        observed=f"a read shows {expect.observed(read, 'data.status', 'data.canceledAt')}",
        reply=read,
        hint="Ask the provider before anything is written.",
        fault=f"A refused cancel ({refusal.status}) left a processing withdraw that its provider can't call back "
        + (canceled_at if went_on else wording.of(read, "data.status")),
    )
    if status == was:
        after = f"a refused cancel ({refusal.status})"
        expect.unchanged(
            before, data(read), before, reply=read, after_what=after, what="a processing withdraw"
        )


def keeps_canceled_at(read: Reply, first: dict[str, Any]) -> None:
    """A read shows a canceled withdraw with the date that it had at `first`."""
    was = wording.whole(first.get("canceledAt"))
    expect.that(
        value_or_null(read, "data.canceledAt") == first.get("canceledAt") and is_canceled(read),
        expected=f"data.canceledAt to stay {was}, and the status canceled, after a refused cancel",
        observed=f"a read shows {expect.observed(read, 'data.canceledAt', 'data.status')}",
        reply=read,
        hint=_BEFORE_WRITING,
        fault=f"canceledAt changed from {was} to {wording.of(read, 'data.canceledAt')} by a refused cancel"
        if is_canceled(read)
        else reads_otherwise(read, "a canceled withdraw", "after a refused cancel"),
    )


def took_effect(
    withdraw: Resource, after: str, earlier: Reply | None, reply: Reply, shown: Reply | None, hint: str = ""
) -> expect.Violation:
    """The Violation of a documented cancel that is refused after a request that should have had no effect.

    `hint` is about a request that cancelled the withdraw.
    """
    done = shown is not None and is_canceled(shown)
    answer = "" if earlier is None else f" was answered {summary.short(earlier)}, and"
    if done:
        fault = f"{wording.capital(after)}{answer} cancelled the withdraw"
        hint = hint or "Nothing of a request may take effect before it was found to be a right one."
    else:
        fault = f"The owner's cancel of a {withdraw.status} withdraw was answered {summary.short(reply)} after {after}"
        hint = "Did the earlier request change the withdraw, or how requests after it are treated?"
    return expect.Violation(
        expected=f"no effect of {after.rstrip(',')}: the documented cancel of this withdraw to succeed afterwards",
        observed=(f"a read shows {expect.observed(shown, 'data.status')}; " if shown is not None else "")
        + f"the owner's cancel was answered {summary.of(reply)}",
        reply=reply,
        hint=hint,
        fault=fault,
    )


# -- What an answer says ---------------------------------------------------------------------------------------


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was taken, in any form: WD-01 judges the form."""
    if not reply.ok or reply.at("success") in (False, "false"):
        return False
    return not value_or_null(reply, "error") or (reply.at("success") is True and is_canceled(reply))


def is_canceled(reply: Reply) -> bool:
    """Whether a read shows a withdraw canceled, in any spelling: WD-01 judges the spelling."""
    status = reply.at("status") if reply.at("data") is MISSING else reply.at("data.status")
    return isinstance(status, str) and status.lower() in ("canceled", "cancelled")


def paid_since(before: Reply, read: Reply) -> bool:
    """Whether a read tells a `paidAt` and the answer before didn't."""
    return bool(value_or_null(read, "data.paidAt")) and not value_or_null(before, "data.paidAt")


def why(reply: Reply) -> tuple[Any, ...]:
    """The documented parts of a refusal, without what differs from request to request; a server may add such things."""
    message = reply.at("error.message")
    known = neutral(message) if isinstance(message, str) else message
    return reply.status, reply.at("success"), reply.at("error.code"), known


def data(reply: Reply) -> dict[str, Any]:
    """The `data` object of an answer, empty where there is none."""
    value = reply.at("data")
    return value if isinstance(value, dict) else {}


def value_or_null(reply: Reply, path: str) -> Any:
    """The value under a path; null where its key is left out, as serialisers do either."""
    value = reply.at(path)
    return None if value is MISSING else value
