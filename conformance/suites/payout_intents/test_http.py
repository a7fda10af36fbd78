"""Envelopes, content types and methods."""

from functools import partial

import pytest

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.oracles import equality, expect
from conformance.oracles.every_response import discloses_nothing, is_json, no_server_error
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.evidence import Evidence
from conformance.suites.payout_intents.pieces import Cancelled
from conformance.suites.payout_intents.verbs import (
    PayoutIntents,
    cancel_path,
    is_cancelled,
    read_path,
    succeeded,
)

BODY = b'{"reason": "ordered twice"}'
DOCUMENTED = (
    "404_to_a_cancel",
    "404_to_a_read",
    "409",
    "422_of_a_processing_intent",
    "422_of_a_cancelled_intent",
)
OTHER = (
    "broken JSON",
    "a body that is no object",
    "a body that is not UTF-8",
    "a reason that is a number",
    "a reason of 600 characters",
    "a body in XML",
    "no credentials",
    "undecodable credentials",
    "a Bearer token",
    "a read without credentials",
)


def _documented(evidence: Evidence, which: str) -> Reply:
    """The answer to each of the requests that are refused for a documented cause."""
    if which.startswith("404"):
        return evidence.unknown().replies["a read" if which.endswith("read") else "a cancel with a key"]
    if which == "409":
        return evidence.conflict().conflicts["the first time"]
    return evidence.refusal(which.split("_")[3]).replies["with a key"]


def _is_envelope(reply: Reply, what: str) -> None:
    for path in ("error.code", "error.message"):
        expect.field(
            reply,
            path,
            lambda value: isinstance(value, str) and bool(value.strip()),
            f"a text that isn't empty in the answer to {what}",
            hint='The envelope is {"error": {"code": "...", "message": "..."}}.',
        )


@requirement("PI-44")
@pytest.mark.parametrize("which", DOCUMENTED)
def test_documented_refusal_has_the_envelope(evidence: Evidence, which: str) -> None:
    """A documented refusal has an error with a code and a message."""
    reply = _documented(evidence, which)

    # Another status is another row's affair, and may have a form of its own.
    if reply.status in (404, 409, 422):
        _is_envelope(reply, f"a request that gets {which.replace('_', ' ')}")


@requirement("PI-45")
@pytest.mark.parametrize("which", [pytest.param(one, id=one.replace(" ", "_")) for one in OTHER])
def test_other_refusal_has_the_envelope(evidence: Evidence, which: str) -> None:
    """Any other 4xx comes in the same envelope."""
    reply = evidence.bad_requests().get(which)

    if reply is not None and reply.status // 100 == 4:
        _is_envelope(reply, f"a request with {which}")


@requirement("PI-45")
@pytest.mark.parametrize("which", ["202", "200", "a_retry", *DOCUMENTED])
def test_answer_is_clean_json(evidence: Evidence, which: str) -> None:
    """Every documented answer is JSON, says so, and shows nothing of the program's inside."""
    if which in ("202", "200"):
        cancelled = evidence.cancelled()
        reply = cancelled.reply if which == "202" else cancelled.after
    elif which == "a_retry":
        reply = evidence.conflict().replay
    else:
        reply = _documented(evidence, which)

    _is_clean(reply, f"a request that gets {which.replace('_', ' ')}")


@requirement("PI-45")
@pytest.mark.parametrize("which", [pytest.param(one, id=one.replace(" ", "_")) for one in OTHER])
def test_other_answer_is_clean_json(evidence: Evidence, which: str) -> None:
    """Every other answer is JSON, too, says so, and shows nothing of the program's inside."""
    reply = evidence.bad_requests().get(which)
    if reply is not None:
        _is_clean(reply, f"a request with {which}")


def _is_clean(reply: Reply, what: str) -> None:
    is_json(reply, to=what)
    discloses_nothing(reply, to=what)


@requirement("PI-45")
@pytest.mark.parametrize("raw", ["%00", "%27", "%ff", "..%2f..%2fetc", "%7B%7B7*7%7D%7D"])
def test_odd_id_shows_no_insides(api: PayoutIntents, raw: str) -> None:
    """An odd id brings no stack trace, SQL or path to light."""
    headers = [(name, value) for name, value in api.documented().items() if value is not None]
    reply = api.send("GET", read_path("~").replace("~", raw), headers[:1])

    # A router's own page is fine, as long as it is no page for debugging.
    discloses_nothing(reply, to=f"an id like {raw!r}", pages=False)


STRANGE_PATHS = ("/payout_intents/{id}/no-such-action", "/no-such-path")


@requirement("PI-45")
@pytest.mark.parametrize("asked", ["GET", "POST"])
def test_unknown_path_shows_no_insides(api: PayoutIntents, cancelled: Cancelled, asked: str) -> None:
    """A path that isn't the API's shows no stack trace, SQL, file path or page, nor the caller's credentials."""
    headers = [(name, value) for name, value in api.documented().items() if value is not None]
    for path in STRANGE_PATHS:
        target = path.replace("{id}", segment(cancelled.intent.id))
        reply = api.send(asked, target, headers, b"{}" if asked == "POST" else None)
        if reply.ok:
            continue  # It is somebody's after all.
        discloses_nothing(reply, to=f"a {asked} of {path}")
        _repeats_no_credentials(api, reply, f"a {asked} of {path}")


def _repeats_no_credentials(api: PayoutIntents, reply: Reply, what: str) -> None:
    """Neither the secret nor the pair as it was sent stands anywhere in the answer."""
    sent = (*api.secrets(), api.authorization().removeprefix("Basic "))
    expect.that(
        not any(one in text for text in reply.strings() for one in sent),
        expected=f"an answer to {what} without the credentials that it was asked with",
        observed=f"they stand in {summary.of(reply)}",
        reply=reply,
        hint="A page for debugging shows the headers of a request: turn it off.",
    )


@requirement("PI-46")
def test_application_json_is_accepted(evidence: Evidence) -> None:
    """A body labelled application/json is accepted: whatever else refuses it, its media type doesn't."""
    reply = evidence.tried().reply

    expect.that(
        reply.status not in (406, 415),
        expected="a cancel labelled application/json to be accepted",
        observed=summary.of(reply),
        reply=reply,
        hint="The documents' own label is application/json (RFC 8259).",
    )


@requirement("PI-46", level="SHOULD")
@pytest.mark.parametrize(
    "label", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_json_by_any_spelling_is_accepted(
    api: PayoutIntents, given: Given, cancelled: Cancelled, label: str
) -> None:
    """A charset behind it, or capitals in it, don't make the label another one."""
    reply = api.post(given("requires_approval"), BODY, change={"Content-Type": label})

    usual = equality.same(cancelled.reply.at("failure_message"), cancelled.reason)
    expect.that(
        succeeded(reply) and (not usual or reply.at("failure_message") in ("ordered twice", MISSING)),
        expected=f"a cancel labelled {label} to be accepted, reason and all",
        observed=summary.of(reply),
        reply=reply,
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
    what = f"a body labelled {LABELS[kind]!r}"

    intent, reply = api.odd_of(
        partial(given, "requires_approval"),
        lambda one: api.post(one, BODY, change={"Content-Type": LABELS[kind]}),
        to=what,
    )

    no_server_error(reply, to=what)
    if not succeeded(reply):
        api.still_cancels(intent, after=what)
        return
    evidence.like_any(reply, to=f"{what}, as it wasn't refused,")
    evidence.shows_cancelled(api.confirmed(intent), after=what)


PLACES = ("the_cancel_path", "the_read_path")


@requirement("PI-47")
@pytest.mark.parametrize("place", PLACES)
def test_other_methods_cancel_nothing(evidence: Evidence, place: str) -> None:
    """Only POST to the cancel path cancels."""
    methods = evidence.methods(place.replace("_", " "))

    accepted = [f"{method}: {reply.status}" for method, reply in methods.replies.items() if reply.ok]
    expect.that(
        methods.after.ok or methods.after.status == 404,
        expected="GET to be answered, so that the check can end",
        observed=summary.of(methods.after),
        reply=methods.after,
        control=True,
    )
    expect.that(
        methods.after.at("status") == "requires_approval",
        expected=f"an intent to await approval still after {', '.join(methods.replies)} on {place.replace('_', ' ')}",
        observed=f"GET shows {summary.of(methods.after)}; accepted were {', '.join(accepted) or 'none of them'}",
        reply=methods.after,
    )
    # It was seen to await approval: what keeps it from being cancelled isn't known to be their doing.
    expect.that(
        succeeded(methods.twin),
        expected="the documented cancel still to work after other methods",
        observed=summary.of(methods.twin),
        reply=methods.twin,
        control=True,
    )


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


@requirement("PI-47", level="SHOULD")
def test_method_override_cancels_nothing(api: PayoutIntents, given: Given) -> None:
    """A request that claims in a header, or in the query, to be a POST cancels nothing."""
    intent = given("requires_approval")
    path = cancel_path(intent)
    headers = [(name, value) for name, value in api.documented().items() if value is not None]

    replies = {
        f"GET with {name}: POST": api.send("GET", path, [*headers, (name, "POST")]) for name in OVERRIDES
    }
    replies["GET of the intent, overridden with DELETE"] = api.send(
        "GET", read_path(intent), [*headers, *((name, "DELETE") for name in OVERRIDES)]
    )
    replies["GET with ?_method=POST"] = api.send("GET", f"{path}?_method=POST", headers)
    replies["PUT with all of them"] = api.send(
        "PUT", f"{path}?_method=POST", [*headers, *((name, "POST") for name in OVERRIDES)], BODY
    )

    read = api.seen(intent)
    expect.that(
        not is_cancelled(read),
        expected=f"an intent not to be cancelled by {', '.join(replies)}",
        observed=", ".join(f"{what}: {reply.status}" for what, reply in replies.items())
        + f"; {summary.of(read)}",
        reply=read,
        hint="The method is the one in the request line, and no header's.",
    )
    api.still_cancels(intent, after="requests that claimed to be a POST")


@requirement("PI-48")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_method_on_the_cancel_path_is_declined(evidence: Evidence, method: str) -> None:
    """Another method on the cancel path is answered by 405 that names POST in Allow, or by 404."""
    reply = evidence.methods("the cancel path").replies.get(method)
    expect.that(
        reply is not None,
        expected=f"405 with Allow: POST, or 404, to a {method} on the cancel path",
        observed="no answer, two times, while documented requests were answered",
    )
    assert reply is not None

    allow = _allow(reply)
    expect.that(
        reply.status in (404, 501) or (reply.status == 405 and "POST" in allow),
        expected=f"405 with Allow: POST, or 404, to a {method} on the cancel path",
        observed=f"{reply.status} with Allow {reply.header('Allow')!r}",
        reply=reply,
    )


@requirement("PI-48")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_method_on_the_read_path_is_declined(evidence: Evidence, method: str) -> None:
    """A method that the read path doesn't have is answered by 405 that names GET in Allow, or by 404."""
    reply = evidence.methods("the read path").replies.get(method)
    expect.that(
        reply is not None,
        expected=f"405 with Allow: GET, or 404, to a {method} on the read path",
        observed="no answer, two times, while documented requests were answered",
    )
    assert reply is not None

    # The path may have methods of its own that the document is silent about: then any answer of theirs will do.
    if reply.status != 501:
        no_server_error(reply, to=f"a {method} on the read path")
    expect.that(
        reply.status != 405 or "GET" in _allow(reply),
        expected=f"405 with Allow: GET, or 404, to a {method} on the read path",
        observed=f"{reply.status} with Allow {reply.header('Allow')!r}",
        reply=reply,
    )


def _allow(reply: Reply) -> list[str]:
    return [one.strip().upper() for one in (reply.header("Allow") or "").split(",")]
