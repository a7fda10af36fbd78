"""Titles of payout intents say what was done, by whom, how often, and where a field stood instead."""

import json
from dataclasses import replace

import pytest

from conformance.http.reply import Reply
from conformance.oracles import wording
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RecordedAnswer
from conformance.states import Resource, Wanted
from conformance.suites.payout_intents import assertions, keys, reasons, refusals
from conformance.suites.payout_intents.every_answer import judges, sent_by
from conformance.suites.payout_intents.moments import everywhere
from conformance.suites.payout_intents.results import Cancelled
from conformance.suites.payout_intents.trusted import CLAIMS
from tests.http.test_reply import reply

ERROR = b'{"error": {"code": "unauthorized", "message": "No."}}'


def posted(body: bytes, status: int) -> Reply:
    """The answer to a cancel."""
    answer = reply(body, status)
    return replace(answer, exchange=replace(answer.exchange, method="POST"))


@pytest.mark.parametrize(
    ("answer", "read", "title"),
    [
        (
            posted(ERROR, 200),
            b'{"status": "processing"}',
            "A cancel was refused with status 200 instead of 401: nothing was cancelled",
        ),
        (
            posted(ERROR, 200),
            b'{"status": "cancelled"}',
            "A cancel was answered 200 unauthorized and cancelled the intent",
        ),
        (posted(ERROR, 200), None, "A cancel was refused with status 200 instead of 401"),
        (
            posted(b'{"status": "cancelled", "error": null}', 202),
            b'{"status": "cancelled"}',
            "A cancel was accepted (202)",
        ),
    ],
)
def test_accepted_is_only_what_was_carried_out(answer: Reply, read: bytes | None, title: str) -> None:
    """An error that is answered by a 2xx is a refusal with a wrong status, unless a read shows otherwise."""
    with pytest.raises(Violation) as caught:
        assertions.not_accepted(
            answer, "a cancel", wanted="401", read=None if read is None else lambda: reply(read)
        )

    assert caught.value.fault == title


@pytest.mark.parametrize(
    ("came", "title"),
    [
        ("first", "A cancel got the answer to the first cancel again (202) instead of 409"),
        ("other", 'A cancel was accepted (202, status "cancelled")'),
    ],
)
def test_a_replay_is_told_from_a_second_cancel(came: str, title: str) -> None:
    """By the reason that the answer shows: it is that of the first request, or its own."""
    first, again = (
        posted(json.dumps({"id": "pi", "status": "cancelled", "failure_message": one}).encode(), 202)
        for one in ("first", came)
    )

    with pytest.raises(Violation) as caught:
        assertions.conflict(again, "a cancel", first=first)

    assert caught.value.fault == title
    assert f'failure_message is "{came}"' in caught.value.observed


def test_a_coarse_comparison_is_told_with_what_it_tells_apart() -> None:
    """Trimming compares accents, and folding accents doesn't."""
    came = posted(b'{"status": "cancelled"}', 202)

    assert keys.compared_coarsely(came, ["another accent"]).endswith("Conflicts came for another accent.")
    assert "Conflicts" not in keys.compared_coarsely(came, [])
    assert not keys.compared_coarsely(posted(ERROR, 422), ["another accent"])


def test_fields_inside_an_object_are_told_with_its_name() -> None:
    """Each of them is there, one level too deep: none is missing."""
    came = posted(b'{"data": {"status": "cancelled", "id": "pi"}}', 202)

    assert (
        wording.was(came, "id", "the answer to a cancel")
        == "id stood inside `data` in the answer to a cancel"
    )
    assert wording.wrapper(posted(b'{"status": "cancelled"}', 202), "status") == ""
    assert wording.wrapper(posted(b'{"error": {"status": 1}}', 202), "status") == ""
    with pytest.raises(Violation) as caught:
        assertions.cancelled(came, "a cancel")
    assert caught.value.fault == "A cancel was answered 202 with everything inside `data`"
    assert "without `data` around them" in caught.value.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"statusCode": 409, "message": "No."}', "the body has the keys statusCode, message"),
        (b'{"error": "Conflict"}', "the body has the keys error"),
        (b"{}", "the body has no keys"),
        (b'{"error": {"code": "conflict"}}', "without error.message; error had the key code"),
        (
            b'{"error": {"type": "conflict", "message": "No."}}',
            "without error.code; error had the keys type, message",
        ),
        (b'{"error": {}}', "without error.code; error had no keys"),
    ],
)
def test_another_envelope_is_told_by_its_keys(body: bytes, said: str) -> None:
    """An error that isn't an object lacks more than a code."""
    with pytest.raises(Violation) as caught:
        refusals.in_envelope(reply(body, 409), "a cancel")

    assert caught.value.fault.startswith("A cancel was answered 409 without")
    assert caught.value.fault.endswith(said)


def test_a_refusal_is_told_with_the_state_of_its_intent() -> None:
    """Other states may have the documented envelope."""
    one = RecordedAnswer(posted(b"{}", 422), resource=Resource("pi", Wanted("payout-intents", "failed"), {}))

    with pytest.raises(Violation, match="the answer to a cancel without a key of a failed intent"):
        judges(("test",), ())["has the envelope"](one)


@pytest.mark.parametrize(
    ("by", "owner", "said"),
    [
        ("primary", None, "with documented credentials"),
        ("other_merchant", "other_merchant", "by the other merchant of its own intent"),
        ("other_merchant", None, "by the other merchant of an intent that isn't its own"),
    ],
)
def test_an_owner_is_told_from_a_stranger(by: str, owner: str | None, said: str) -> None:
    """The other merchant's own cancel is no breach between merchants."""
    wanted = Wanted("payout-intents", "requires_approval", owner=owner)

    assert sent_by(RecordedAnswer(posted(b"{}", 202), resource=Resource("pi", wanted, {}), by=by)) == said


def test_characters_are_told_rather_than_the_case_that_holds_them() -> None:
    """A reason about accents or quotes that is normalised says nothing of accents or quotes."""
    for which, came, hint in (
        ("accents", "Ärger in São Paulo: Łódź, Zürich, £, € 5, 1⁄2 Öre", "normalised"),
        ("quotes", reasons.FREE_TEXT["quotes"].encode().decode("latin-1"), "UTF-8"),
    ):
        answer = reply(json.dumps({"failure_message": came}).encode())
        with pytest.raises(Violation) as caught:
            reasons.echoes(answer, reasons.FREE_TEXT[which], "GET", what=reasons.free_text(which))
        assert caught.value.fault.startswith("Characters of a reason came back changed in GET: ")
        assert which not in caught.value.fault
        assert hint in caught.value.hint


def test_a_header_is_told_with_what_it_claims() -> None:
    """A value that is the caller's key or path is another one in each run."""
    localhost = CLAIMS["with headers that say it was asked of localhost"]
    gateway = CLAIMS["with the headers of a gateway that has authenticated its caller"]

    assert localhost.told("X-Forwarded-Host") == "with X-Forwarded-Host: localhost"
    assert gateway.told("X-Consumer-Username") == "with X-Consumer-Username"
    assert localhost.told("X-Nothing") == "with X-Nothing"


def test_what_is_wrong_everywhere_is_told_once() -> None:
    """A cancel has nothing to do with what was so before it."""
    live, test = (reply(json.dumps({"environment": one}).encode()) for one in ("production", "test"))
    intent = Resource("pi", Wanted("payout-intents", "requires_approval"), {})
    always = Cancelled(intent, live, live, live)

    assert everywhere(always, "environment").startswith('environment was "production" in GET before a cancel')
    assert not everywhere(replace(always, before=test), "environment")
    assert not everywhere(always, "amount")
