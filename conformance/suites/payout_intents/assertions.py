"""Named assertions on answers of the payout intents API: each says what the documents ask, and what came instead."""

from collections.abc import Callable
from typing import Any, NoReturn

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.expect import Answer
from conformance.suites.payout_intents.advice import hint_for_retry
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
_OTHERWISE_REFUSED = (
    "It was refused, but clients look at status and error.code: these are the documented ones."
)
_SPELLING = "The word has two l's, and small letters."
_TELLS_THE_CLIENT = "401 tells a client that it is about its credentials (RFC 9110 section 15.5.2)."
_IS_THERE = "The intent is there: look it up whatever its status is, and look at the status then."
_KEY_FIRST = (
    "Look the key up, and compare the whole body with the first one's, before the status is looked at."
)
_WHOLE_BODY = (
    "Keep the body, or a digest of it, with the key, and compare it whole before an answer is repeated."
)
_OF_THE_CALLER = (
    "Look intents up among those of the caller's merchant and environment; then look at their status."
)
_OPEN = ("requires_approval", "processing")


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was accepted; the requirements on refusals judge a refusal by a 2xx."""
    return reply.ok and reply.at("error") is MISSING


def is_cancelled(read: Reply) -> bool:
    """Whether a read shows an intent cancelled, however the word is spelt: PI-01 judges the spelling."""
    status = read.at("status")
    return isinstance(status, str) and status.lower() in ("cancelled", "canceled")


def holds(
    reply: Reply,
    good: bool,
    expected: str,
    *,
    fault: str = "",
    hint: str = "",
    control: bool = False,
    persisted: str = "",
    differs: tuple[str, ...] = (),
) -> None:
    """Raises a Violation that shows the answer, unless it is `good`; the texts as there."""
    observed = summary.of(reply)
    if reply.exchange.method == "GET":
        status = (
            f"{wording.shown(reply, 'status')} " if reply.ok and reply.at("status") is not MISSING else ""
        )
        observed = f"{status}(GET was answered {observed})" if status else f"GET was answered {observed}"
    elif _deciding(reply) and succeeded(reply):
        observed = f"status {reply.status}{_deciding(reply)} (the answer was {observed})"
    expect.that(
        good,
        expected=expected,
        observed=observed,
        reply=reply,
        hint=hint,
        control=control,
        fault=fault,
        persisted=persisted,
        differs=differs,
    )


def is_open(read: Reply) -> bool:
    """Whether an intent may still go on: it is in no terminal state."""
    return read.at("status") in _OPEN


# -- documented answers ---------------------------------------------------------------------------------------------
# `what` names the request as the subject of a sentence, "a cancel without a key of a processing intent": titles are
# made from it, "A cancel without a key of a processing intent was answered 404 not_found instead of ...".


def cancelled(reply: Reply, what: str, *, hint: str = "Answer once the change is written.") -> None:
    """202, and the body says cancelled already."""
    if (reply.status, reply.at("error.code")) == (APPROVAL_REQUIRED.status, APPROVAL_REQUIRED.code):
        hint = "The document has this refusal for other statuses alone: which one does the condition compare with?"
    elif not reply.ok or reply.at("status") not in _OPEN:
        hint = _SPELLING if is_cancelled(reply) and reply.at("status") != "cancelled" else ""
    expect.answered(reply, CANCELLED, to=what, hint=hint)


def approval_required(
    reply: Reply, what: str, *, intent: str = "", hint: str = _ONLY_ONE_STATE, read: Reply | None = None
) -> None:
    """422 approval_required.

    `intent` says what was cancelled where the request succeeded ("a processing intent"), for the title; `read` shows
    whether it stays so.
    """
    if succeeded(reply):
        _not_to_be_accepted(reply, APPROVAL_REQUIRED, what, intent, hint, read)
    otherwise = _IS_THERE if reply.status == NOT_FOUND.status else _OTHERWISE_REFUSED
    expect.answered(reply, APPROVAL_REQUIRED, to=what, hint=otherwise)


def not_found(
    reply: Reply, what: str, *, intent: str = "", hint: str = _OF_THE_CALLER, read: Reply | None = None
) -> None:
    """404 not_found; `intent` and `read` as in `approval_required`."""
    if succeeded(reply):
        _not_to_be_accepted(reply, NOT_FOUND, what, intent, hint, read)
    if summary.is_page(reply) and reply.status == NOT_FOUND.status:
        hint = hints.FRAMEWORKS_PAGE
    expect.answered(reply, NOT_FOUND, to=what, hint=hint, documented=False)


def conflict(
    reply: Reply, what: str, *, intent: str = "", hint: str = "", first: Reply | None = None
) -> None:
    """409 idempotency_conflict; `intent` as in `approval_required`.

    `first` is the answer to the first cancel under the key, which tells its repetition from a second cancel.
    """
    if first is not None and succeeded(reply) and _is_repeated(first, reply):
        raise expect.Violation(
            expected=f"{CONFLICT} to {what}",
            observed=f"status {reply.status}, {wording.shown(reply, 'failure_message')}, as in the first answer "
            f"(the answer was {summary.of(reply)})",
            reply=reply,
            hint=hint or _WHOLE_BODY,
            fault=f"{wording.capital(what)} got the answer to the first cancel again ({reply.status}) instead of "
            f"{CONFLICT.status}",
        )
    found = hint or (_KEY_FIRST if reply.status == APPROVAL_REQUIRED.status else _OTHERWISE_REFUSED)
    if succeeded(reply):
        _not_to_be_accepted(reply, CONFLICT, what, intent, hint or _WHOLE_BODY, None)
    expect.answered(reply, CONFLICT, to=what, hint=found, documented=False)


def _is_repeated(first: Reply, reply: Reply) -> bool:
    return all(equality.same(first.at(key), reply.at(key)) for key in ("id", "failure_message", "updated_at"))


def _not_to_be_accepted(
    reply: Reply, wanted: Answer, what: str, intent: str, hint: str, read: Reply | None
) -> NoReturn:
    """Raises the Violation of a success in place of a documented refusal."""
    is_post = reply.exchange.method == "POST"
    by_the_body = is_post and is_cancelled(reply)
    shown = f", status {wording.of(reply, 'status')}" if is_post and reply.at("status") is not MISSING else ""
    said = f"accepted ({reply.status}{shown})" if is_post else f"answered {reply.status}"
    raise expect.Violation(
        expected=f"{wanted} to {what}",
        observed=f"status {reply.status}{_deciding(reply)} (the answer was {summary.of(reply)})",
        reply=reply,
        hint=hint,
        fault=f"{wording.capital(intent)} was cancelled ({reply.status})"
        if by_the_body and intent
        else f"{wording.capital(what)} was {said}",
        persisted=wording.read_shows(read, "status", reply.at("status"), lambda _: True)
        if by_the_body
        else "",
    )


def _deciding(reply: Reply) -> str:
    """Returns the fields of a success that decide, to stand ahead of the whole answer, which is cut."""
    paths = ("status", "failure_message") if reply.exchange.method == "POST" else ("status",)
    return "".join(f", {wording.shown(reply, path)}" for path in paths if reply.at(path) is not MISSING)


def unauthorized(reply: Reply, what: str) -> None:
    """401. Raises NotApplicable for a 2xx."""
    if reply.ok:
        raise NotApplicable(f"{what} was answered {reply.status}, which PI-40 judges")
    holds(
        reply,
        reply.status == 401,
        f"401 to {what}",
        fault=f"{wording.capital(what)} was answered {summary.short(reply)} instead of 401",
        hint=hints.by_answer(reply, _TELLS_THE_CLIENT, documented=False),
    )


def accepted(reply: Reply, what: str, *, hint: str = "") -> None:
    """A 2xx."""
    holds(
        reply,
        reply.ok,
        f"{what} to be accepted",
        hint=hints.by_answer(reply, hint, documented=not hint),
        fault=f"{wording.capital(what)} was refused ({summary.short(reply)})",
    )


def not_accepted(
    reply: Reply,
    what: str,
    *,
    hint: str = "",
    secret: str | None = None,
    wanted: str = "a 4xx",
    read: Callable[[], Reply] | None = None,
) -> None:
    """No 2xx, and nothing of `secret` in the answer, where no document says which refusal it is.

    An error that is answered by a 2xx is a refusal in name alone: `wanted` is the status that it should have, and
    `read` shows whether it was one in fact.
    """
    told = secret is not None and secret in reply.text
    if (
        reply.ok
        and reply.at("error") not in (MISSING, None, False, "")
        and not is_cancelled(reply)
        and not told
    ):
        _refused_by_a_success(reply, what, wanted, read() if read is not None else None)
    holds(
        reply,
        not reply.ok and not told,
        f"{what} to be rejected by {wanted}" + (", without anything of the first answer" if secret else ""),
        hint=hint,
        fault=f"{wording.capital(what)} was accepted ({reply.status})"
        if reply.ok
        else f"{wording.capital(what)} got the reason of the first cancel ({reply.status})",
    )


def _refused_by_a_success(reply: Reply, what: str, wanted: str, read: Reply | None) -> NoReturn:
    took = read is not None and is_cancelled(read)
    effect = "" if read is None else " and cancelled the intent" if took else ": nothing was cancelled"
    raise expect.Violation(
        expected=f"{what} to be rejected by {wanted}",
        observed=f"status {reply.status} with an error in the body (the answer was {summary.of(reply)})"
        + (f"; GET was answered {summary.of(read)}" if read is not None else ""),
        reply=reply,
        hint="Refuse before anything is written." if took else _ONLY_THE_STATUS.format(wanted),
        fault=f"{wording.capital(what)} was answered {summary.short(reply)}{effect}"
        if took
        else f"{wording.capital(what)} was refused with status {reply.status} instead of {wanted}{effect}",
    )


_ONLY_THE_STATUS = "It is refused in its body alone, and clients look at the status: answer {}."


def replayed(first: Reply, again: Reply, which: str) -> None:
    """A retry gets the first answer again, in all that is documented of it."""
    holds(
        again,
        again.status == first.status,
        f"{which} to get the first answer's status, {first.status}",
        hint=hints.by_answer(again, hint_for_retry(first, again)),
        fault=f"{wording.capital(which)} with the same key was answered {summary.short(again)} instead of the first "
        f"answer's {first.status}",
    )
    wrong = [key for key in KEYS if not equality.same(first.at(key), again.at(key))]
    told = [f"{key} is {wording.of(again, key)} and was {wording.of(first, key)}" for key in wrong]
    lost = all(again.at(key) is MISSING for key in wrong)
    fault = f"another {', '.join(wrong)} than the first answer had"
    if lost:
        kept = any(again.at(key) is not MISSING for key in KEYS)
        fault = f"the first answer without {', '.join(wrong)}" if kept else "nothing of the first answer"
        told = told if kept else ["none of the documented keys is there"]
    expect.that(
        not wrong,
        expected=f"{which} to get the first answer's body",
        observed=f"{'; '.join(told)} (the answer was {summary.of(again)})",
        reply=again,
        hint="Keep the whole body under the key, and repeat it." if lost else _ANEW,
        fault=f"{wording.capital(which)} with the same key got {fault} ({again.status})",
        differs=tuple(expect.came_at(again, key) for key in wrong),
    )


_ANEW = "Repeat the body that is kept under the key, in place of making one anew."


def is_not_about(reply: Reply, other: str, expected: str, *, fault: str, hint: str) -> None:
    """The id of another intent stands nowhere in the answer; `fault` is the title where it does."""
    holds(reply, other not in reply.text, f"{expected}, and not about {other}", fault=fault, hint=hint)


def field_is(
    reply: Reply,
    path: str,
    good: Callable[[Any], bool],
    expected: str,
    *,
    hint: str = "",
    where: str = "the answer to a cancel",
    read: Reply | None = None,
    fault: str = "",
) -> None:
    """The value under `path` is good; PI-15 judges a key that isn't there at all. The rest is as in `field`."""
    if reply.at(path.partition(".")[0]) is not MISSING:
        place = f"{where} ({reply.status})"
        expect.field(reply, path, good, expected, hint=hint, where=place, read=read, fault=fault)


# -- what GET shows -------------------------------------------------------------------------------------------------


def read_not_cancelled(
    read: Reply,
    expected: str,
    *,
    hint: str = "Whatever is refused is refused before anything is written, in one transaction.",
    accepted: str = "",
    reply: Reply | None = None,
    fault: str = "An intent was cancelled by a request that must not cancel it",
) -> None:
    """GET doesn't show an intent cancelled; `accepted` says which requests were, and `reply` is one of them.

    `fault` says which request cancelled which intent.
    """
    expect.that(
        not is_cancelled(read),
        expected=expected,
        observed=f"{accepted}{'; ' if accepted else ''}GET was answered {summary.of(read)}",
        reply=reply or read,
        hint=hint,
        fault=fault,
    )


def shown_cancelled(read: Reply, after: str, *, hint: str = "") -> None:
    """GET shows the intent cancelled."""
    holds(
        read,
        is_cancelled(read),
        f"GET to show the intent cancelled after {after}",
        hint=hints.by_answer(read, hint),
        fault=reads_otherwise(read, after),
    )


def reads_otherwise(read: Reply, after: str) -> str:
    """The title of a read that doesn't show an intent cancelled."""
    if not read.ok or read.at("status") is MISSING:
        return f"GET was answered {summary.short(read)} after {after}"
    return f"GET showed status {wording.of(read, 'status')} after {after}"


# -- premises: what has to hold before a check says anything --------------------------------------------------------


def has_succeeded(reply: Reply, what: str = "a documented cancel") -> Reply:
    """Returns the answer to an accepted request; otherwise the check is not testable: another requirement says why."""
    return _control(succeeded(reply), f"{what} to succeed", reply)


def was_refused(
    reply: Reply, what: str = "a cancel of a processing intent", *, cleanly: bool = False
) -> None:
    """A cancel was refused; `cleanly` asks that it wasn't by a 401 or a 5xx either, which other requirements judge."""
    good = not succeeded(reply)
    if cleanly:
        good = reply.status in (400, 404, 409, 422) or (reply.ok and not isinstance(reply.at("status"), str))
    _control(good, f"{what} to be refused", reply)


def was_confirmed(read: Reply) -> None:
    """GET shows that a cancel has been carried out: PI-06 judges one that isn't."""
    _control(is_cancelled(read), "GET to show the intent cancelled", read)


def is_shown(reply: Reply) -> Reply:
    """The answer to GET, if it shows an intent."""
    return _control(reply.ok and isinstance(reply.json, dict), "GET to show the intent", reply)


def _control(good: bool, expected: str, reply: Reply) -> Reply:
    holds(reply, good, f"{expected}, so that the check can begin", control=True)
    return reply
