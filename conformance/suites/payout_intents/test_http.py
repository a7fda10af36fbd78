"""Envelopes, content types and methods."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.every_response import discloses_nothing, is_json, no_server_error
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import (
    has_succeeded,
    holds,
    is_cancelled,
    read_not_cancelled,
    succeeded,
)
from conformance.suites.payout_intents.bad_requests import BODY, WRONG_FORMS
from conformance.suites.payout_intents.client import Ask, PayoutIntents, cancel_path, read_path
from conformance.suites.payout_intents.observations import WHY, Evidence
from conformance.suites.payout_intents.refusals import in_envelope, no_crash
from conformance.suites.payout_intents.results import Methods
from conformance.suites.payout_intents.together import Together

# The requests that are refused for a documented cause, and those that are answered by a 2xx.
_DOCUMENTED = {
    "202": "a cancel",
    "200": "a GET after a cancel",
    "a_retry": "a cancel, sent again under its key,",
    "404_to_a_cancel": "a cancel of an unknown id",
    "404_to_a_read": "a GET of an unknown id",
    "409": "a cancel for another reason under a used key",
    "422_of_a_processing_intent": "a cancel of a processing intent",
    "422_of_a_cancelled_intent": "a cancel of an intent that was cancelled before",
}
REFUSED: dict[str, Callable[[Evidence], Reply]] = {
    "404_to_a_cancel": lambda evidence: evidence.ask_about_unknown_ids().replies[Ask.CANCEL],
    "404_to_a_read": lambda evidence: evidence.ask_about_unknown_ids().replies[Ask.READ],
    "409": lambda evidence: evidence.conflict(first="the first reason", second="the other reason").second,
    "422_of_a_processing_intent": lambda evidence: evidence.cancel_refused(state="processing").replies[
        Ask.CANCEL
    ],
    "422_of_a_cancelled_intent": lambda evidence: evidence.cancel_refused(state="cancelled").replies[
        Ask.CANCEL
    ],
}
ACCEPTED: dict[str, Callable[[Evidence], Reply]] = {
    "202": lambda evidence: evidence.cancelled().reply,
    "200": lambda evidence: evidence.cancelled().after,
    "a_retry": lambda evidence: (
        evidence.conflict(first="the first reason", second="the other reason").first_again
    ),
}
FORMS = [pytest.param(one, id=one.replace(" ", "_")) for one in WRONG_FORMS]


@requirement("PI-44")
@pytest.mark.parametrize("which", REFUSED)
def test_documented_refusal_has_the_envelope(evidence: Evidence, which: str) -> None:
    """A documented refusal has an error with a code and a message."""
    reply = REFUSED[which](evidence)

    if reply.status not in (404, 409, 422):
        raise NotApplicable(f"it was answered {reply.status}, which other requirements judge")
    try:
        in_envelope(reply, _DOCUMENTED[which])
    except Violation as wrong:
        raise _as_wide_as_it_is(evidence, which, wrong) from None


def _as_wide_as_it_is(evidence: Evidence, which: str, wrong: Violation) -> Violation:
    """Returns the Violation with a word on the other documented refusals, as far as these were given."""
    good: list[str] = []
    bad: list[str] = []
    for name, ask in REFUSED.items():
        with suppress(NotTestable, Violation):
            reply = ask(evidence)
            if name != which and reply.status in (404, 409, 422):
                lacks = [path for path in ("error.code", "error.message") if not _is_text(reply.at(path))]
                if lacks:
                    bad.append(lacks[0])
                else:
                    good.append(_DOCUMENTED[name])
    if bad and not good and len(set(bad)) == 1:
        others = (
            "the other documented refusal" if len(bad) == 1 else f"all {len(bad)} other documented refusals"
        )
        wrong.fault += f"; {bad[0]} was no text in {others} either"
    elif good:
        wrong.observed += f"; it is right for {', '.join(good)}"
    return wrong


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


@requirement("PI-45")
@pytest.mark.parametrize("which", FORMS)
def test_other_refusal_has_the_envelope(evidence: Evidence, which: str) -> None:
    """Any other 4xx comes in the same envelope."""
    reply = evidence.send_wrong_forms().get(which)

    if reply is None or reply.status // 100 != 4:
        raise NotApplicable(
            f"a request with {which} {'is never answered' if reply is None else 'got no 4xx'}"
        )
    in_envelope(reply, f"a request with {which}")


@requirement("PI-45")
@pytest.mark.parametrize("which", [*ACCEPTED, *REFUSED])
def test_answer_is_clean_json(evidence: Evidence, which: str) -> None:
    """Every documented answer is JSON, says so, and shows nothing of the program's inside."""
    reply = {**ACCEPTED, **REFUSED}[which](evidence)

    is_json(reply, to=_DOCUMENTED[which])
    discloses_nothing(reply, to=_DOCUMENTED[which])


@requirement("PI-45")
@pytest.mark.parametrize("which", FORMS)
def test_other_answer_is_clean_json(evidence: Evidence, which: str) -> None:
    """Every other answer is JSON, too, says so, and shows nothing of the program's inside."""
    reply = evidence.send_wrong_forms().get(which)

    if reply is None:
        raise NotApplicable(f"a request with {which} is never answered")
    is_json(reply, to=f"a request with {which}")
    discloses_nothing(reply, to=f"a request with {which}")


@requirement("PI-45")
@pytest.mark.parametrize("raw", ["%00", "%27", "%ff", "..%2f..%2fetc", "%7B%7B7*7%7D%7D"])
def test_odd_id_shows_no_insides(api: PayoutIntents, raw: str) -> None:
    """An id that is none brings no stack trace, SQL or path to light."""
    reply = api.ask_raw(Ask.READ, raw)

    # A router's own page is fine, as long as it is no page for debugging.
    discloses_nothing(reply, to=f"a GET of the id {raw}", pages=False)


UNKNOWN_PATHS = ("/payout_intents/{id}/no-such-action", "/no-such-path")


@requirement("PI-45")
@pytest.mark.parametrize("asked", ["GET", "POST"])
def test_unknown_path_shows_no_insides(api: PayoutIntents, evidence: Evidence, asked: str) -> None:
    """A path that isn't the API's shows no stack trace, SQL, file path or page, nor the caller's credentials."""
    intent, headers = evidence.cancelled().intent, api.headers()
    for path in UNKNOWN_PATHS:
        target = path.replace("{id}", segment(intent.id))
        reply = api.send(asked, target, headers, b"{}" if asked == "POST" else None)
        if reply.ok:
            continue  # It is somebody's after all.
        discloses_nothing(reply, to=f"a {asked} of {path}")
        _repeats_no_credentials(api, reply, f"a {asked} of {path}")


def _repeats_no_credentials(api: PayoutIntents, reply: Reply, what: str) -> None:
    """The answer holds neither the secret nor the pair as it was sent."""
    sent = (*api.secrets(), api.authorization().removeprefix("Basic "))
    expect.that(
        not any(one in text for text in reply.strings() for one in sent),
        expected=f"an answer to {what} without the credentials that it was asked with",
        observed=f"they stand in {summary.of(reply)}",
        reply=reply,
        hint="A page for debugging shows the headers of a request: turn it off.",
        fault=f"The answer to {what} ({reply.status}) repeated the credentials of the request",
    )


@requirement("PI-46")
def test_application_json_is_accepted(evidence: Evidence) -> None:
    """A body labelled application/json isn't refused for its media type."""
    reply = evidence.cancel().reply

    holds(
        reply,
        reply.status not in (406, 415),
        "a cancel labelled application/json to be accepted",
        hint="The documents' own label is application/json (RFC 8259).",
        fault=f"A cancel labelled application/json was answered {summary.short(reply)}",
    )


@requirement("PI-46", level="SHOULD")
@pytest.mark.parametrize(
    "label", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
@pytest.mark.cancels
def test_json_by_any_spelling_is_accepted(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together, label: str
) -> None:
    """A label with a charset, or with capitals, is accepted as application/json."""
    usual = evidence.cancelled(reason=WHY).reply
    if together.worked(label):
        return

    reply = api.post(given.used("requires_approval"), BODY, change={"Content-Type": label})

    echoed = equality.same(usual.at("failure_message"), WHY)
    lost = f"lost its reason: failure_message was {wording.of(reply, 'failure_message')} ({reply.status})"
    holds(
        reply,
        succeeded(reply) and (not echoed or reply.at("failure_message") in ("ordered twice", MISSING)),
        f"a cancel labelled {label} to be accepted, reason and all",
        fault=f"A cancel labelled {label} "
        + (lost if succeeded(reply) else f"was answered {summary.short(reply)}"),
        hint="Compare type and subtype, case-insensitively, and leave parameters aside (RFC 9110 section 8.3).",
    )


LABELS = {
    "none": None,
    "text": "text/plain",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data; boundary=x",
    "octets": "application/octet-stream",
    "unknown_charset": "application/json; charset=no-such-charset",
}


@requirement("PI-46", level="SHOULD")
@pytest.mark.parametrize("kind", LABELS)
def test_other_label_is_handled(api: PayoutIntents, given: Given, evidence: Evidence, kind: str) -> None:
    """Another label, or none, is refused without effect or makes no difference; it never ends in a 5xx."""
    what = f"a body labelled {LABELS[kind]}" if LABELS[kind] else "a body without a Content-Type"

    intent, reply = api.odd_of(
        partial(given.shared, "requires_approval"),
        lambda one: api.post(one, BODY, change={"Content-Type": LABELS[kind]}),
        to=what,
    )

    no_crash(reply, what, read=lambda: api.seen(intent))
    if not succeeded(reply):
        api.still_cancels(intent, after=what, refused=reply)
        return
    evidence.like_any(reply, to=what)
    evidence.shows_cancelled(api.confirmed(intent), after=f"{reply.status} to {what}")


METHODS = [
    pytest.param(Evidence.send_other_methods_to_the_cancel_path, id="the_cancel_path"),
    pytest.param(Evidence.send_other_methods_to_the_read_path, id="the_read_path"),
]


@requirement("PI-47")
@pytest.mark.parametrize("place", METHODS)
def test_other_methods_cancel_nothing(evidence: Evidence, place: Callable[[Evidence], Methods]) -> None:
    """Only POST to the cancel path cancels."""
    methods = place(evidence)

    read, replies = methods.after, methods.replies
    accepted = [method for method, reply in replies.items() if reply.ok]
    # A HEAD of what can be read, or OPTIONS, may well succeed.
    accepted = [method for method in accepted if method not in ("HEAD", "OPTIONS")] or accepted
    holds(read, read.ok or read.status == 404, "GET to be answered, so that the check can end", control=True)
    is_open = equality.says(read.at("status"), "requires_approval")
    is_as_before = equality.same(methods.before.at("status"), read.at("status")) and not is_cancelled(read)
    # Another word for the same status is no change.
    holds(
        methods.before,
        is_open or not is_as_before,
        'GET to show status "requires_approval" before any other method was sent',
        control=True,
    )
    expect.that(
        is_open,
        expected=f"an intent to await approval still after {', '.join(replies)} on {methods.place}",
        observed=f"{wording.shown(read, 'status')} after "
        + ", ".join(f"{reply.status} to {method}" for method, reply in replies.items())
        + f" (GET was answered {summary.of(read)})",
        reply=replies[accepted[0]] if accepted else read,
        hint="The cancellation has an address of its own: let nothing that is sent to this one change the status."
        if "POST" in accepted
        else "Route POST alone to the cancellation, and nothing else to a change of status.",
        fault=f"{' or '.join(accepted) or 'A method that was refused'} on {methods.place} "
        + (
            "cancelled an intent"
            if is_cancelled(read)
            else f"changed an intent ({wording.shown(read, 'status')})"
        ),
    )
    # It was seen to await approval: what keeps it from being cancelled isn't known to be their doing.
    if methods.owners_cancel is not None:
        has_succeeded(methods.owners_cancel, "the documented cancel after other methods")


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


@requirement("PI-47", level="SHOULD")
def test_method_override_cancels_nothing(api: PayoutIntents, given: Given) -> None:
    """A request that claims in a header, or in the query, to be a POST cancels nothing."""
    intent = given.shared("requires_approval")
    path, headers, body = cancel_path(intent), api.headers(), BODY
    claims = {method: [*headers, *((name, method) for name in OVERRIDES)] for method in ("POST", "DELETE")}

    replies = {
        f"GET with {name}: POST": api.send("GET", path, [*headers, (name, "POST")], of=intent)
        for name in OVERRIDES
    }
    replies["GET of the intent, overridden with DELETE"] = api.send(
        "GET", read_path(intent), claims["DELETE"]
    )
    replies["GET with ?_method=POST"] = api.send("GET", f"{path}?_method=POST", headers)
    replies["PUT with all of them"] = api.send("PUT", f"{path}?_method=POST", claims["POST"], body, of=intent)

    took = [what for what, reply in replies.items() if reply.ok]
    read_not_cancelled(
        api.seen(intent),
        f"an intent not to be cancelled by {', '.join(replies)}",
        accepted="; ".join(f"{reply.status} to {what}" for what, reply in replies.items()),
        hint="The method is the one in the request line, and no header's.",
        reply=next((reply for reply in replies.values() if reply.ok), None),
        fault=f"{' or '.join(took) or 'A request that claims to be a POST, and was refused,'} cancelled an intent",
    )
    api.still_cancels(intent, after="requests that claimed to be a POST")


@requirement("PI-48")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_method_on_the_cancel_path_is_declined(evidence: Evidence, method: str) -> None:
    """Another method on the cancel path is answered by 405 that names POST in Allow, or by 404."""
    expected = f"405 with Allow: POST, or 404, to a {method} on the cancel path"
    methods = evidence.send_other_methods_to_the_cancel_path()
    reply = _answered(methods, method, expected)

    good = reply.status in (404, 501) or (reply.status == 405 and "POST" in _allow(reply))
    _declined(reply, good, expected, f"a {method} on the cancel path", methods.after)


@requirement("PI-48")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_method_on_the_read_path_is_declined(evidence: Evidence, method: str) -> None:
    """A method that the read path doesn't have is answered by 405 that names GET in Allow, or by 404."""
    expected = f"405 with Allow: GET, or 404, to a {method} on the read path"
    methods = evidence.send_other_methods_to_the_read_path()
    reply = _answered(methods, method, expected)

    # The path may have methods of its own that the document is silent about: then any answer of theirs will do.
    if reply.status != 501:
        no_server_error(reply, to=f"a {method} on the read path")
    good = reply.status != 405 or "GET" in _allow(reply)
    _declined(reply, good, expected, f"a {method} on the read path", methods.after)


@requirement("PI-48")
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_method_is_answered(evidence: Evidence, method: str) -> None:
    """HEAD and OPTIONS, which frameworks answer by themselves, get an answer."""
    for ask in (evidence.send_other_methods_to_the_cancel_path, evidence.send_other_methods_to_the_read_path):
        methods = ask()
        _answered(methods, method, f"any answer to {method} on {methods.place}")


def _answered(methods: Methods, method: str, expected: str) -> Reply:
    reply = methods.replies.get(method)
    if reply is None:
        observed = "no answer, time and again, while documented requests were answered"
        fault = f"{'An' if method[0] == 'O' else 'A'} {method} on {methods.place} got no answer"
        raise expect.Violation(expected=expected, observed=observed, fault=fault)
    return reply


def _declined(reply: Reply, good: bool, expected: str, what: str, after: Reply) -> None:
    allow = reply.header("Allow")
    said = f"{reply.status} " + ("without Allow" if allow is None else f"with Allow: {allow}")
    expect.that(
        good,
        expected=expected,
        observed=f"{said} (the answer was {summary.of(reply)}); in a GET after all of these methods "
        f"{wording.shown(after, 'status')}",
        reply=reply,
        hint=hints.NAME_THE_METHODS
        if reply.status == 405
        else "Answer 405 with Allow where a path is known, and 404 where it isn't.",
        fault=f"{wording.capital(what)} was answered "
        + (said if reply.status == 405 else f"{summary.short(reply)} instead of 405 or 404"),
    )


def _allow(reply: Reply) -> list[str]:
    return [one.strip().upper() for one in (reply.header("Allow") or "").split(",")]
