"""The assertions and data of the payout intents suite, on answers that are made up."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RecordedAnswer
from conformance.states import Resource, Wanted
from conformance.suites.payout_intents import assertions, reasons, refusals
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded, was_refused
from conformance.suites.payout_intents.bad_requests import naming
from conformance.suites.payout_intents.every_answer import first_successes
from conformance.suites.payout_intents.observations import WHY, Evidence, shared
from conformance.suites.payout_intents.proceeding import proceeds
from tests.http.test_reply import reply

BEFORE = {"status": "processing", "amount": "1", "merchant_reference": "r", "failure_code": None}


def posted(body: bytes, status: int) -> Reply:
    """The answer to a cancel."""
    answer = reply(body, status)
    return replace(answer, exchange=replace(answer.exchange, method="POST"))


def shown(**changed: Any) -> Reply:
    """A processing intent as GET shows it."""
    return reply(json.dumps(BEFORE | changed).encode())


def proceeds_as(read: Reply, left_alone: Reply | None) -> None:
    """Asserts that a processing intent proceeds; `left_alone` is what GET shows of another one now."""
    untouched = (shown(), left_alone) if left_alone is not None else None
    proceeds(read, "later", before=shown(), reason="our reason", left_alone=untouched)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "cancelled"},
        {"status": "requires_approval"},
        {"failure_code": "approval_required"},
        {"status": "failed", "failure_code": "cancelled"},
        {"failure_code": "anything"},
        {"failure_message": "our reason"},
        {"amount": "0"},
        {"merchant_reference": None},
    ],
)
def test_what_a_refusal_leaves_behind_is_told(changed: dict[str, Any]) -> None:
    """Alone, and where the one that nobody touched is as it was."""
    for untouched in (None, shown()):
        with pytest.raises(Violation, match="a processing intent to proceed"):
            proceeds_as(shown(**changed), untouched)


@pytest.mark.parametrize(
    ("changed", "untouched"),
    [
        ({"status": "paid"}, None),
        ({"status": "failed", "failure_code": "bank_rejected", "failure_message": "No."}, None),
        (
            {"status": "cancelled", "failure_code": "cancelled"},
            {"status": "cancelled", "failure_code": "cancelled"},
        ),
        ({"amount": "2"}, {"amount": "3"}),
    ],
)
def test_what_becomes_of_any_payout_accuses_nobody(
    changed: dict[str, Any], untouched: dict[str, Any] | None
) -> None:
    """It settles, or does what the one that nobody touched does, too."""
    proceeds_as(shown(**changed), shown(**untouched) if untouched is not None else None)


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (reply(b"{}", 422), True),
        (reply(b"{}", 409), True),
        (reply(b'{"error": {}}', 200), True),
        (reply(b'{"status": "cancelled"}', 202), False),
        (reply(b"{}", 500), False),
        (reply(b"{}", 401), False),
    ],
)
def test_what_is_no_refusal_leaves_nothing_to_judge(answer: Reply, *, good: bool) -> None:
    """A control: the requirement about that answer judges it."""
    if good:
        was_refused(answer, cleanly=True)
        return
    with pytest.raises(Violation) as caught:
        was_refused(answer, cleanly=True)
    assert caught.value.control


@pytest.mark.parametrize(
    ("came", "taken"),
    [(b'{"status": "cancelled"}', True), (b"", True), (b'{"error": {"code": "x"}}', False)],
)
def test_a_refusal_by_a_2xx_is_no_success(came: bytes, *, taken: bool) -> None:
    """How it is refused is for the requirements on refusals."""
    assert succeeded(reply(came, 202)) is taken
    assert not succeeded(reply(came, 422))


def test_cancelled_by_any_spelling() -> None:
    """The spelling is judged once, where a cancel is answered."""
    assert all(is_cancelled(shown(status=one)) for one in ("cancelled", "canceled", "CANCELLED"))
    assert not any(is_cancelled(shown(status=one)) for one in ("paid", None, "cancelling", 1))


def test_other_ids_are_named_at_once_and_one_by_one() -> None:
    """For a target that ignores what it doesn't know one request is enough; others refuse all but a single name."""
    first, *rest = naming("pi_2")
    assert first["id"] == "pi_2"
    assert first["ids"] == ["pi_2"]
    assert {"merchant_id", "environment", "status"} <= first.keys()
    assert {name for one in rest if len(one) == 1 for name in one} == set(first)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (str.strip, "white space was trimmed"),
        (lambda text: text[:-1], "cut after"),
        (lambda _: "", "failure_message is empty"),
    ],
)
def test_what_became_of_a_reason_is_named(change: Callable[[str], str], said: str) -> None:
    """The hint tells the developer where to look."""
    sent = reasons.FREE_TEXT["outer_spaces"]
    assert said in reasons.differs(sent, change(sent))


@pytest.mark.parametrize(
    ("before", "says", "hint"),
    [
        ("processing", '"requires_approval" after its cancel was refused', "before anything is written"),
        (
            "requires_approval",
            '"requires_approval" before and after its cancel was refused',
            "does a read show",
        ),
    ],
)
def test_a_status_that_was_read_before_the_refusal_is_not_laid_to_it(
    before: str, says: str, hint: str
) -> None:
    """A value that a read showed already wasn't written by the refused cancel."""
    with pytest.raises(Violation) as raised:
        proceeds(
            shown(status="requires_approval"),
            "later",
            before=shown(status=before),
            reason="r7",
            left_alone=None,
        )
    assert raised.value.fault == f"A processing intent had status {says}"
    assert hint in raised.value.hint


def test_a_reason_that_was_parsed_and_written_anew_is_told_by_what_changed() -> None:
    """A number that became another one gives the cause away, and the hint is about that cause."""
    sent, came = reasons.FREE_TEXT["looks_like_JSON"], '{"Reason": [1, 2.5]}'
    answer = reply(json.dumps({"failure_message": came}).encode(), 202)
    with pytest.raises(Violation) as raised:
        reasons.echoes(answer, sent, "the answer to a cancel", what="that looks like JSON")
    assert raised.value.fault == (
        "A reason that looks like JSON came back changed in the answer to a cancel: the same JSON, written anew: "
        "`2.50` came back as `2.5`, and white space between its values changed"
    )
    assert "don't parse" in raised.value.hint


REFUSALS = {
    assertions.approval_required: (422, "approval_required"),
    assertions.not_found: (404, "not_found"),
    assertions.conflict: (409, "idempotency_conflict"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_named_refusal_asserts_status_and_code(refusal: Callable[[Reply, str], None]) -> None:
    """The documented answer passes; another status, another code and a missing code are violations."""
    status, code = REFUSALS[refusal]
    documented = json.dumps({"error": {"code": code, "message": "No."}}).encode()
    refusal(reply(documented, status), "a cancel")

    for wrong in (
        reply(documented, 400),
        reply(b'{"error": {"code": "refused"}}', status),
        reply(b"{}", status),
    ):
        with pytest.raises(Violation, match=f"expected {status} {code} to a cancel"):
            refusal(wrong, "a cancel")


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (reply(b"{}", 401), True),
        (reply(b"no", 404), True),
        (reply(b"{}", 202), False),
        (reply(b"kept", 401), False),
    ],
)
def test_refused_is_any_answer_but_a_2xx(answer: Reply, *, good: bool) -> None:
    """The answer also must not repeat what the caller may not see."""
    if good:
        assertions.not_accepted(answer, "a cancel", secret="kept")
        return
    with pytest.raises(Violation, match="a cancel to be rejected"):
        assertions.not_accepted(answer, "a cancel", secret="kept")


class Acts(Evidence):
    """An act that is recorded, and one that fails."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.cited: list[Any] = []
        recorder: Any = SimpleNamespace(exchanges=self.sent, cite=self.cited.extend)
        nothing: Any = None
        given: Any = SimpleNamespace(is_isolated=False, in_common=lambda _, make, __: make())
        super().__init__(nothing, given, recorder)

    @shared
    def act(self, *, reason: str = WHY) -> str:
        """Records the reason."""
        self.sent.append(reason)
        return reason

    @shared
    def fail(self) -> None:
        """Records the attempt."""
        self.sent.append("failed")
        raise Violation(expected="this", observed="that")


def test_an_act_is_performed_once_for_the_same_arguments() -> None:
    """A default that is written out is the same argument, and every call cites the exchanges."""
    acts = Acts()

    assert [acts.act(), acts.act(reason=WHY), acts.act(reason="other"), acts.act()] == [
        WHY,
        WHY,
        "other",
        WHY,
    ]

    assert acts.sent == [WHY, "other"]
    assert acts.cited == [WHY, WHY, "other", WHY]


def test_an_act_that_failed_is_not_tried_again() -> None:
    """The same violation is raised each time."""
    acts = Acts()

    for _ in range(2):
        with pytest.raises(Violation, match="expected this; observed that"):
            acts.fail()

    assert acts.sent == ["failed"]
    assert acts.cited == ["failed", "failed"]


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        (posted(b'{"status": "cancelled"}', 202), "A processing intent was cancelled (202)"),
        (posted(b'{"status": "processing"}', 202), 'A cancel was accepted (202, status "processing")'),
        (posted(b"", 202), "A cancel was accepted (202)"),
        (
            reply(b'{"error": {"code": "bad_request", "message": "No."}}', 400),
            "A cancel was answered 400 bad_request instead of 422 approval_required",
        ),
    ],
)
def test_a_cancel_that_has_to_be_refused_is_told_by_its_answer(answer: Reply, title: str) -> None:
    """Cancelled is only what the answer says is cancelled."""
    with pytest.raises(Violation) as caught:
        assertions.approval_required(answer, "a cancel", intent="a processing intent")

    assert caught.value.fault == title


@pytest.mark.parametrize(
    ("read", "persisted"),
    [
        (shown(status="cancelled"), "a read shows the same"),
        (shown(), 'a read shows the right value, "processing"'),
        (None, ""),
    ],
)
def test_a_cancel_that_was_accepted_is_told_with_what_a_read_shows(
    read: Reply | None, persisted: str
) -> None:
    """Whether it took effect, or only the answer says so."""
    with pytest.raises(Violation) as caught:
        assertions.approval_required(posted(b'{"status": "cancelled"}', 202), "a cancel", read=read)

    assert caught.value.persisted == persisted


PAGE = (("Content-Type", "text/html"),)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (reply(b"<html>", 404, PAGE), "no handler takes this path"),
        (reply(b"<html>", 403, PAGE), "firewall"),
        (reply(b"{}", 500), "exception"),
        (reply(b'{"error": {"code": "approval_required", "message": "No."}}', 422), "caller's merchant"),
        (reply(b'{"error": {"code": "no", "message": "No."}}', 404), "Only the error code differs"),
    ],
)
def test_a_hint_follows_the_answer(answer: Reply, word: str) -> None:
    """A page of a router is no look-up, and an exception is one."""
    with pytest.raises(Violation) as caught:
        assertions.not_found(answer, "a cancel")

    assert word in caught.value.hint


@pytest.mark.parametrize(
    ("again", "title"),
    [
        (reply(b'{"error": {"code": "x"}}', 422), "was answered 422 x instead of the first answer's 202"),
        (reply(b"{}", 202), "got nothing of the first answer (202)"),
        (reply(b'{"id": "1"}', 202), "got the first answer without status (202)"),
        (reply(b'{"id": "1", "status": "x"}', 202), "got another status than the first answer had (202)"),
    ],
)
def test_a_retry_is_told_as_one(again: Reply, title: str) -> None:
    """An answer that a key repeats is no answer to a first cancel."""
    first = reply(b'{"id": "1", "status": "cancelled"}', 202)
    with pytest.raises(Violation) as caught:
        assertions.replayed(first, again, "the first retry")

    assert caught.value.fault == f"The first retry with the same key {title}"


@pytest.mark.parametrize(
    ("read", "took"), [(shown(status="cancelled"), " after the intent was cancelled"), (shown(), "")]
)
def test_a_server_error_is_told_with_its_effect(read: Reply, took: str) -> None:
    """An exception after the change was written is another one than before it."""
    with pytest.raises(Violation) as caught:
        refusals.no_crash(reply(b"", 500), "a reason with a NUL", read=lambda: read)

    assert caught.value.fault == f"A reason with a NUL was answered 500{took}"


def test_what_a_refused_request_did_is_its_own_doing() -> None:
    """The request that took effect is the one to repeat, and not the documented cancel after it."""
    refused, late = reply(b"{}", 400), reply(b'{"error": {"code": "approval_required"}}', 422)

    took = refusals.no_longer_cancels(late, shown(status="cancelled"), "a body in chunks", refused)
    unknown = refusals.no_longer_cancels(late, shown(), "a body in chunks", refused)

    assert took.fault == "A body in chunks cancelled the intent, though it was answered 400"
    assert (took.reply, took.control) == (refused, False)
    assert (unknown.fault, unknown.control) == ("", True)


def sent(body: bytes, key: str | None, status: int = 202) -> RecordedAnswer:
    """A cancel with a key, and its answer."""
    headers = (("Idempotency-Key", key),) if key is not None else ()
    answer = reply(body, status)
    answer = replace(answer, exchange=replace(answer.exchange, request_headers=headers))
    return RecordedAnswer(
        answer, resource=Resource("pi_1", Wanted("payout-intents", "requires_approval"), {})
    )


def test_a_retry_is_judged_as_a_retry() -> None:
    """Its answer may be the stored one: the requirements about a cancel look at the first answer under a key alone."""
    first, again, other, refused = (
        sent(b'{"id": "pi_1"}', "k"),
        sent(b"{}", "k"),
        sent(b"{}", None),
        sent(b'{"error": {}}', "r", 422),
    )
    late = sent(b'{"id": "pi_1"}', "r")

    assert list(first_successes([first, again, other, other, refused, late])) == [first, other, other, late]
