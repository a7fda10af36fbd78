"""Assertions on the form of a refusal: the error envelope, and no 5xx, whatever was sent."""

from collections.abc import Callable

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.suites.payout_intents.assertions import holds, is_cancelled

_ENVELOPE = 'The envelope is {"error": {"code": "...", "message": "..."}}.'


def in_envelope(reply: Reply, what: str) -> None:
    """error.code and error.message are texts that aren't empty."""
    for path in ("error.code", "error.message"):
        value = reply.at(path)
        expect.that(
            isinstance(value, str) and bool(value.strip()),
            expected=f"{path} to be a text that isn't empty in the answer to {what}",
            observed=_in_place_of_the_envelope(reply, path),
            reply=reply,
            hint=hints.FRAMEWORKS_PAGE
            if reply.status in (404, 405) and summary.is_page(reply)
            else hints.by_answer(reply, _ENVELOPE, documented=False),
            fault=_without_envelope(reply, path, what),
            differs=(expect.came_at(reply, path),),
        )


def _in_place_of_the_envelope(reply: Reply, path: str) -> str:
    if not isinstance(reply.json, dict):
        return summary.of(reply)
    return f"{path} is {wording.of(reply, path)} (the answer was {summary.of(reply)})"


def _without_envelope(reply: Reply, path: str, what: str) -> str:
    said = f"{wording.capital(what)} was answered {reply.status}"
    if not isinstance(reply.json, dict):
        form = "an HTML page" if summary.is_page(reply) else "no body" if not reply.body else "no JSON object"
        return f"{said} with {form} instead of the error envelope"
    if not isinstance(reply.at("error"), dict):
        keys = ", ".join(str(key)[:40] for key in list(reply.json)[:5])
        return f"{said} without the error envelope: the body has {f'the keys {keys}' if keys else 'no keys'}"
    came = reply.at(path)
    if came is MISSING:
        names = [str(key)[:40] for key in list(reply.at("error"))[:5]]
        had = f"the key{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else "no keys"
        return f"{said} without {path}; error had {had}"
    return f"{said} with {path} {wording.of(reply, path)}"


def refused_in_envelope(reply: Reply, what: str, *, read: Reply | None = None) -> None:
    """A 4xx with error.code and error.message; `read` shows what became of a request that was answered otherwise."""
    code, message = reply.at("error.code"), reply.at("error.message")
    whole = isinstance(code, str) and isinstance(message, str) and bool(code and message)
    path = "error.message" if isinstance(code, str) and code else "error.code"
    took = took_effect(read) if reply.status // 100 != 4 else ""
    if reply.ok:
        fault = f"{wording.capital(what)} was accepted ({reply.status})"
    elif reply.status // 100 == 4:
        fault = _without_envelope(reply, path, what)
    else:
        fault = f"{wording.capital(what)} was answered {summary.short(reply)}{took}"
    expect.that(
        reply.status // 100 == 4 and whole,
        expected=f"a 4xx with error.code and error.message for {what}",
        observed=expect.observed(reply, "failure_message") if reply.ok else summary.of(reply),
        reply=reply,
        hint=hints.by_answer(
            reply,
            "Validate the body before anything is changed." if reply.ok else _ENVELOPE,
            documented=False,
        ),
        fault=fault,
        differs=(expect.came_at(reply, path),) if reply.status // 100 == 4 else (),
    )


def took_effect(read: Reply | None) -> str:
    """Returns the effect that a read shows of a request answered by a 5xx: words to put behind a title."""
    return ", and the intent is cancelled" if read is not None and is_cancelled(read) else ""


def no_crash(reply: Reply, what: str, *, read: Callable[[], Reply]) -> None:
    """No 5xx, to any body: the text says whether it came after the intent was cancelled, as `read` shows."""
    if reply.status < 500:
        return
    shown = read()
    took = is_cancelled(shown)
    raise expect.Violation(
        expected=f"{what} to be answered by a 4xx, never a 5xx",
        observed=f"{summary.of(reply)}; GET was answered {summary.of(shown)}",
        reply=reply,
        hint="The exception got out of the handler after the change was written: check the value before that."
        if took
        else "An exception got out of the handler: check the value before using it.",
        fault=f"{wording.capital(what)} was answered {summary.short(reply)}"
        + (" after the intent was cancelled" if took else ""),
    )


def as_usual(reply: Reply, usual: Reply, to: str, hint: str) -> None:
    """A cancel is answered as `usual`, any other one of this target; `to` is the subject of a sentence."""
    shows = f"{usual.status} with status {wording.of(usual, 'status')}"
    by_status = reply.status == usual.status
    said, wanted = summary.short(reply), f"{usual.status}"
    if by_status:
        said, wanted = (
            f"{reply.status} with status {wording.of(reply, 'status')}",
            wording.of(usual, "status"),
        )
    holds(
        reply,
        by_status and equality.same_but_nulls(reply.at("status"), usual.at("status")),
        f"{to} to be answered as other cancels are: {shows}",
        hint=hints.by_answer(reply, hint, documented=not hint),
        fault=f"{wording.capital(to)} was answered {said} instead of {wanted}",
    )


def no_longer_cancels(
    reply: Reply, read: Reply, after: str, refused: Reply | None, *, has_moved: bool = False
) -> expect.Violation:
    """Returns the Violation of a documented cancel that is refused after another request, `after` in words.

    Where `read` shows the intent cancelled, that request did it, whatever its answer `refused` said; and so it did
    where the intent `has_moved` to another status, and not by itself. Otherwise the check says nothing.
    """
    took = is_cancelled(read)
    said = f"{summary.of(refused)} to {after}; then " if refused is not None else ""
    though = f", though it was answered {summary.short(refused)}" if refused is not None else ""
    return expect.Violation(
        expected=f"an intent that isn't cancelled by {after}, so that the documented cancel still works",
        observed=f"{said}GET was answered {summary.of(read)}; the documented cancel was answered {summary.of(reply)}",
        reply=refused if took and refused is not None else reply,
        hint="Whatever is refused is refused before anything is written, in one transaction."
        if took or has_moved
        else "",
        control=not (took or has_moved),
        fault=f"{wording.capital(after)} cancelled the intent{though}"
        if took
        else f"{wording.capital(after)} left the intent with status {wording.of(read, 'status')}{though}"
        if has_moved
        else "",
    )


def unanswered(fault: expect.Violation, read: Reply) -> expect.Violation:
    """Returns the Violation of a request without an answer, which tells what `read` shows of the intent."""
    took = ", and the intent is cancelled" if is_cancelled(read) else ""
    return expect.Violation(
        expected=fault.expected,
        observed=f"{fault.observed}; GET was answered {summary.of(read)}",
        reply=fault.reply,
        hint=fault.hint,
        control=fault.control,
        fault=fault.fault + took,
    )
