"""Named assertions on answers of the payout intents API: each says what the documents ask, and what came instead."""

import re
from collections.abc import Callable
from typing import Any

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Answer
from conformance.suites.payout_intents.contract import CONTRACT

# The documented answers (sections Success, Error: 422 approval_required, Other outcomes).
_ANSWERS = CONTRACT.answers
CANCELLED = Answer(_ANSWERS.ok.status, fields=((_ANSWERS.status, CONTRACT.states.cancelled),))
APPROVAL_REQUIRED = Answer(_ANSWERS.refused.status, _ANSWERS.refused.code)
NOT_FOUND = Answer(_ANSWERS.not_found.status, _ANSWERS.not_found.code)
assert _ANSWERS.conflict is not None
CONFLICT = Answer(_ANSWERS.conflict.status, _ANSWERS.conflict.code)

# The keys of a payout intent (section Success), and those of them that an order consists of.
KEYS = CONTRACT.answers.keys
ORDER = ("amount", "currency", "country", "merchant_reference", "recipient")

_ONLY_ONE_STATE = (
    "Only requires_approval can be cancelled; every other status is refused, however it is asked."
)
_KEY_FIRST = (
    "Look the key up first, and compare the whole body with the first one's; then look at the status."
)
_OF_THE_CALLER = (
    "Look intents up among those of the caller's merchant and environment; then look at their status."
)
_OPEN = ("requires_approval", "processing")


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was accepted; the rows on refusals judge a refusal by a 2xx."""
    return reply.ok and reply.at("error") is MISSING


def is_cancelled(read: Reply) -> bool:
    """Whether a read shows an intent cancelled, however the word is spelt: PI-01 judges the spelling."""
    status = read.at("status")
    return isinstance(status, str) and status.lower() in ("cancelled", "canceled")


def holds(reply: Reply, good: bool, expected: str, *, hint: str = "", control: bool = False) -> None:
    """Raises a Violation that shows the answer, unless it is `good`; `control` as there."""
    observed = f"{'GET shows ' if reply.exchange.method == 'GET' else ''}{summary.of(reply)}"
    expect.that(good, expected=expected, observed=observed, reply=reply, hint=hint, control=control)


def is_open(read: Reply) -> bool:
    """Whether an intent may still go on: it is in no terminal state."""
    return read.at("status") in _OPEN


# -- documented answers ---------------------------------------------------------------------------------------------


def cancelled(reply: Reply, what: str, *, hint: str = "Answer once the change is written.") -> None:
    """202, and the body says cancelled already."""
    expect.answered(reply, CANCELLED, to=what, hint=hint)


def approval_required(reply: Reply, what: str, *, hint: str = _ONLY_ONE_STATE) -> None:
    """422 approval_required."""
    expect.answered(reply, APPROVAL_REQUIRED, to=what, hint=hint)


def not_found(reply: Reply, what: str) -> None:
    """404 not_found."""
    expect.answered(reply, NOT_FOUND, to=what, hint=_OF_THE_CALLER)


def conflict(reply: Reply, what: str, *, hint: str = _KEY_FIRST) -> None:
    """409 idempotency_conflict."""
    expect.answered(reply, CONFLICT, to=what, hint=hint)


def unauthorized(reply: Reply, what: str) -> None:
    """401. PI-40 judges a 2xx."""
    holds(reply, reply.status == 401 or reply.ok, f"401 to {what}")


def accepted(reply: Reply, what: str, *, hint: str = "") -> None:
    """A 2xx."""
    holds(reply, reply.ok, f"{what} to be accepted", hint=hint)


def refused(reply: Reply, what: str, *, hint: str = "", secret: str | None = None) -> None:
    """No 2xx, and nothing of `secret` in the answer, where no document says which refusal it is."""
    holds(
        reply,
        not reply.ok and (secret is None or secret not in reply.text),
        f"{what} to be rejected",
        hint=hint,
    )


def in_envelope(reply: Reply, what: str) -> None:
    """error.code and error.message are texts that aren't empty."""
    for path in ("error.code", "error.message"):
        value = reply.at(path)
        expect.that(
            isinstance(value, str) and bool(value.strip()),
            expected=f"{path} to be a text that isn't empty in the answer to {what}",
            observed=f"{path} is {value!r} ({summary.of(reply)})",
            reply=reply,
            hint='The envelope is {"error": {"code": "...", "message": "..."}}.',
        )


def refused_in_envelope(reply: Reply, what: str) -> None:
    """A 4xx with error.code and error.message."""
    no_server_error(reply, to=what)
    code, message = reply.at("error.code"), reply.at("error.message")
    holds(
        reply,
        reply.status // 100 == 4
        and isinstance(code, str)
        and isinstance(message, str)
        and bool(code and message),
        f"a 4xx with error.code and error.message for {what}",
        hint="Validate the body before anything is changed.",
    )


def replayed(first: Reply, again: Reply, which: str) -> None:
    """A retry gets the first answer again, in all that is documented of it."""
    holds(
        again,
        again.status == first.status,
        f"{which} to get the first answer's status, {first.status}",
        hint="Keep status and body under the key, and look the key up before the status of the intent.",
    )
    wrong = [
        f"{key} was {first.at(key)!r} and is {again.at(key)!r}"
        for key in KEYS
        if not equality.same(first.at(key), again.at(key))
    ]
    expect.that(
        not wrong, expected=f"{which} to get the first answer's body", observed="; ".join(wrong), reply=again
    )


def is_not_about(reply: Reply, other: str, expected: str, *, hint: str) -> None:
    """The id of another intent stands nowhere in the answer."""
    holds(reply, other not in reply.text, f"{expected}, and not about {other!r}", hint=hint)


def told(reply: Reply, path: str, good: Callable[[Any], bool], expected: str, *, hint: str = "") -> None:
    """The value under `path` is good; PI-15 judges a key that isn't there at all."""
    if reply.at(path.partition(".")[0]) is not MISSING:
        expect.field(reply, path, good, expected, hint=hint)


# -- what GET shows -------------------------------------------------------------------------------------------------


def not_cancelled(
    read: Reply,
    expected: str,
    *,
    hint: str = "Whatever is refused is refused before anything is written, in one transaction.",
    accepted: str = "",
    reply: Reply | None = None,
) -> None:
    """GET doesn't show an intent cancelled; `accepted` says which requests were, and `reply` is one of them."""
    expect.that(
        not is_cancelled(read),
        expected=expected,
        observed=f"GET shows {summary.of(read)}{'; ' if accepted else ''}{accepted}",
        reply=reply or read,
        hint=hint,
    )


def shown_cancelled(read: Reply, after: str, *, hint: str = "") -> None:
    """GET shows the intent cancelled."""
    holds(read, is_cancelled(read), f"GET to show the intent cancelled after {after}", hint=hint)


def proceeds(
    read: Reply, when: str, *, before: Reply, reason: str, left_alone: tuple[Reply, Reply] | None
) -> None:
    """A processing intent proceeds: GET doesn't show it cancelled, nor anything of cancels for `reason`.

    `left_alone` is what GET showed, before and now, of a processing intent that nobody asked to cancel: what becomes
    of that, too, isn't the doing of a cancel.
    """
    status, was = read.at("status"), before.at("status")
    code, message = read.at("failure_code"), read.at("failure_message")

    def anyway(key: str) -> bool:
        """Whether the intent that was left alone has come to the same value, or has lost its own as well."""
        if left_alone is None:
            return False
        its_first, its_last = (one.at(key) for one in left_alone)
        return equality.same_but_nulls(read.at(key), its_last) or not equality.same_but_nulls(
            its_first, its_last
        )

    wrong = []
    # One that never read as processing isn't excused by another that doesn't either.
    called_off = re.search("cancel", str(status), re.IGNORECASE) or status == "requires_approval"
    if called_off and not (was == "processing" and anyway("status")):
        wrong.append(f"status is {status!r}")
    # It may have settled meanwhile, and then a failure code of its own is no wonder.
    ours = re.search("cancel|approval_required", str(code), re.IGNORECASE) is not None
    strange = not equality.same_but_nulls(code, before.at("failure_code")) and not anyway("failure_code")
    if strange and (ours or (status == was and code)):
        wrong.append(f"failure_code is {code!r}")
    if reason in str(message):
        wrong.append("failure_message is the reason of the refused request")
    wrong += [
        f"{key} is {read.at(key)!r} and no longer {before.at(key)!r}"
        for key in ORDER
        if not equality.same_but_nulls(read.at(key), before.at(key)) and not anyway(key)
    ]
    expect.that(
        not wrong,
        expected=f"a processing intent to proceed {when}",
        observed=f"GET shows that {', '.join(wrong)} ({summary.of(read)})",
        reply=read,
        hint="Check the status before anything is written, in the same transaction, and leave nothing to a job.",
    )


# -- controls: what has to hold before a check says anything --------------------------------------------------------


def has_succeeded(reply: Reply, what: str = "a documented cancel") -> Reply:
    """The answer, if the request was accepted; otherwise the check is not testable, and another row says why."""
    return _control(succeeded(reply), f"{what} to succeed", reply)


def was_refused(
    reply: Reply, what: str = "a cancel of a processing intent", *, cleanly: bool = False
) -> None:
    """A cancel was refused; `cleanly` asks that it wasn't by a 401 or a 5xx either, which other rows judge."""
    good = not succeeded(reply)
    if cleanly:
        good = reply.status in (400, 404, 409, 422) or (reply.ok and not isinstance(reply.at("status"), str))
    _control(good, f"{what} to be refused", reply)


def is_shown(reply: Reply) -> Reply:
    """The answer to GET, if it shows an intent."""
    return _control(reply.ok and isinstance(reply.json, dict), "GET to show the intent", reply)


def _control(good: bool, expected: str, reply: Reply) -> Reply:
    holds(reply, good, f"{expected}, so that the check can begin", control=True)
    return reply
