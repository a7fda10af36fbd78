"""The cancellation matrix: every state against its documented answer, and what the answer is worth."""

import re

import pytest

from conformance.http import summary
from conformance.http.reply import Reply, instant
from conformance.oracles import equality, expect
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents.bindings import ask_by_name, names_another
from conformance.suites.payout_intents.evidence import Evidence
from conformance.suites.payout_intents.pieces import Cancelled, Refusal, goes_ahead, was_refused
from conformance.suites.payout_intents.verbs import CANCELLED, REFUSED, PayoutIntents, is_cancelled, succeeded

HOW = [
    pytest.param(how, id=how.replace(" ", "_"))
    for how in ("with a key", "without a key", "without a reason", "with the first key again")
]


def _was_refused(evidence: Evidence, refusal: Refusal, how: str, what: str) -> None:
    reply = refusal.replies[how]
    if not succeeded(reply) and reply.status != REFUSED.status:
        evidence.is_about_this(reply, how)
    expect.answered(
        reply,
        REFUSED,
        to=f"cancelling {what} {how}",
        hint="Only requires_approval can be cancelled; every other status is refused, whatever the request looks like.",
    )


def _moved_each_time(refusal: Refusal) -> bool:
    """Whether updated_at followed both refusals: something else that moved it would hardly do so twice."""
    moments = [instant(reply.at("updated_at")) for reply in (refusal.before, refusal.between, refusal.after)]
    first, second, third = moments
    return first is not None and second is not None and third is not None and first < second < third


def _moves(refusal: Refusal) -> str:
    reads = (refusal.before, refusal.between, refusal.after)
    return f"it moved each time: {', '.join(repr(read.at('updated_at')) for read in reads)}"


@requirement("PI-01")
def test_matrix_requires_approval_is_cancelled(api: PayoutIntents, given: Given) -> None:
    """An intent that requires approval is cancelled: 202, and the body says cancelled already."""
    reply = api.cancel(given("requires_approval"))

    expect.answered(
        reply,
        CANCELLED,
        to="cancelling an intent that requires approval",
        hint="Answer once the change is written.",
    )


@requirement("PI-01")
@pytest.mark.parametrize("place", ["body", "query"])
def test_intent_of_the_path_is_cancelled(api: PayoutIntents, given: Given, place: str) -> None:
    """It is the intent of the path that is cancelled, and no other, whatever ids the body or the query names."""
    intent, other = given("requires_approval"), given("requires_approval")

    for names in ask_by_name(other.id):
        intent, reply = names_another(api, given, intent, place, names)
        _untouched(api.seen(other), place)
        if reply is not None and succeeded(reply):
            read = api.confirmed(intent)
            expect.that(
                is_cancelled(read),
                expected=f"the intent of the path to be cancelled after {reply.status}, whatever the {place} names",
                observed=f"GET shows {summary.of(read)}",
                reply=read,
                hint="Take the id from the path alone: many frameworks bind body and query to the same names.",
            )
            return
    api.still_cancels(intent, after=f"cancels whose {place} named another one")
    _untouched(api.seen(other), place)


def _untouched(read: Reply, place: str) -> None:
    expect.that(
        not is_cancelled(read),
        expected=f"an intent not to be cancelled that stands in the {place} of another one's cancel",
        observed=f"GET shows {summary.of(read)}",
        reply=read,
        hint="Take the id from the path alone: many frameworks bind body and query to the same names.",
    )


@requirement("PI-02")
@pytest.mark.parametrize("how", HOW)
def test_matrix_processing_is_refused(evidence: Evidence, how: str) -> None:
    """A processing intent is refused with 422 approval_required, however it is asked."""
    _was_refused(evidence, evidence.refusal("processing"), how, "a processing intent")


@requirement("PI-03")
@pytest.mark.parametrize("how", HOW)
def test_matrix_terminal_state_is_refused(evidence: Evidence, terminal_state: str, how: str) -> None:
    """An intent in a terminal state is refused with 422 approval_required, however it is asked."""
    _was_refused(evidence, evidence.refusal(terminal_state), how, f"a {terminal_state} intent")


@requirement("PI-03")
def test_terminal_intent_stays_as_it_is(evidence: Evidence, terminal_state: str) -> None:
    """Refusing to cancel a terminal intent leaves its status and its failure as they were."""
    refusal = evidence.refusal(terminal_state)

    expect.unchanged(
        refusal.before.json,
        refusal.after.json,
        ("status", "failure_code", "failure_message"),
        reply=refusal.after,
        after_what=f"cancels of a {terminal_state} intent that were refused",
    )


@requirement("PI-03", level="SHOULD")
def test_refusal_leaves_updated_at(evidence: Evidence, terminal_state: str) -> None:
    """Refusing to cancel a terminal intent isn't a change: updated_at stays."""
    refusal = evidence.refusal(terminal_state)

    expect.that(
        not _moved_each_time(refusal),
        expected=f"updated_at of a {terminal_state} intent to stay when a cancel is refused",
        observed=_moves(refusal),
        reply=refusal.after,
        hint="Check the status before anything is saved.",
    )


@requirement("PI-04")
@pytest.mark.parametrize("how", HOW)
def test_matrix_seeded_cancelled_is_refused(evidence: Evidence, how: str) -> None:
    """An intent that was handed over as cancelled is refused with 422 approval_required."""
    _was_refused(evidence, evidence.refusal("cancelled"), how, "a cancelled intent")


@requirement("PI-04")
@pytest.mark.parametrize("first", ["with_a_key", "without_a_key"])
def test_matrix_just_cancelled_is_refused(
    api: PayoutIntents, given: Given, evidence: Evidence, first: str
) -> None:
    """An intent that has just been cancelled is refused with 422 approval_required, and keeps its reason."""
    intent, reason, other = given("requires_approval"), api.new_reason(), api.new_reason()
    key = api.new_key() if first == "with_a_key" else None
    api.cancels(intent, reason=reason, key=key)

    expect.answered(api.cancel(intent, reason=reason), REFUSED, to="the same cancel again, with a new key")
    expect.answered(api.cancel(intent, reason=other), REFUSED, to="another cancel, with a new key")
    for again, what in ((reason, "the same cancel again"), (other, "another cancel")):
        reply = api.cancel(intent, reason=again, key=None)
        if not succeeded(reply) and reply.status != REFUSED.status:
            evidence.is_about_this(reply, "without a key")
        expect.answered(reply, REFUSED, to=f"{what}, without a key")

    read = api.confirmed(intent)
    expect.that(
        read.at("failure_message") != other,
        expected="a refused cancel to leave the first cancel's reason",
        observed=f"GET shows failure_message {read.at('failure_message')!r}",
        reply=read,
        hint="The refused request's reason must not be written.",
    )


@requirement("PI-04")
def test_matrix_cancelled_is_refused_after_a_conflict(evidence: Evidence) -> None:
    """After a conflict another key gets 422 approval_required, as before."""
    expect.answered(evidence.conflict().late, REFUSED, to="a cancel with a new key, after a conflict")


@requirement("PI-04")
def test_matrix_key_that_differs_in_its_last_character_is_new(api: PayoutIntents, given: Given) -> None:
    """A key that differs from a used one in its last character alone is a fresh one: 422 approval_required."""
    intent, key = given("requires_approval"), api.new_key()
    api.cancels(intent, key=key)

    reply = api.cancel(intent, key=key[:-1] + ("0" if key[-1] != "0" else "1"))

    expect.answered(
        reply,
        REFUSED,
        to="cancelling again under another key",
        hint="Are keys compared in full, or cut or hashed short?",
    )


@requirement("PI-05")
def test_refused_payout_goes_ahead(evidence: Evidence) -> None:
    """A processing intent whose cancel was refused is not cancelled, and bears no mark of the attempt."""
    refusal = evidence.refusal("processing")
    was_refused(refusal)

    goes_ahead(
        refusal,
        refusal.after,
        refusal.twin.after if refusal.twin is not None else None,
        "after its cancel was refused",
    )


@requirement("PI-05", level="SHOULD")
def test_refusal_leaves_updated_at_of_a_processing_intent(evidence: Evidence) -> None:
    """Refusing to cancel a processing intent isn't a change: updated_at doesn't follow each attempt."""
    refusal = evidence.refusal("processing")

    expect.that(
        not _moved_each_time(refusal),
        expected="updated_at of a processing intent not to follow refused cancels",
        observed=_moves(refusal),
        reply=refusal.after,
        hint="Check the status before anything is saved.",
    )


@requirement("PI-06")
def test_read_confirms_the_status(cancelled: Cancelled) -> None:
    """After a cancel GET answers 200 with the status cancelled."""
    read = cancelled.after
    # A word that the 202 spells in the same way is that one's fault.
    same = is_cancelled(read) and equality.same(read.at("status"), cancelled.reply.at("status"))
    expect.that(
        read.status == 200 and (read.at("status") == "cancelled" or same),
        expected="200 with status 'cancelled' to GET after a cancel that was answered by a 2xx",
        observed=summary.of(read),
        reply=read,
        hint="The 202 promises a change that is made: is it committed, and is no stale copy read?",
    )


@requirement("PI-06")
def test_read_confirms_the_failure_code(cancelled: Cancelled) -> None:
    """After a cancel GET shows the failure code."""
    _confirms_the_failure_code(cancelled.reply, cancelled.after, "a cancel")


@requirement("PI-06")
@pytest.mark.parametrize("how", ["without_a_reason", "without_a_key"])
def test_read_confirms_a_bare_cancel(api: PayoutIntents, given: Given, how: str) -> None:
    """However little was sent with a cancel, GET shows the status and the failure code after it."""
    intent, what = given("requires_approval"), f"a cancel {how.replace('_', ' ')}"

    reply = api.cancels(intent, **({"reason": None} if how == "without_a_reason" else {"key": None}))

    read = api.confirmed(intent)
    expect.that(
        is_cancelled(read),
        expected=f"GET to show the intent cancelled after {what}",
        observed=summary.of(read),
        reply=read,
    )
    _confirms_the_failure_code(reply, read, what)


def _confirms_the_failure_code(reply: Reply, read: Reply, what: str) -> None:
    """What the 202 itself says wrongly, or leaves out, is for PI-15 and PI-16 to judge."""
    code, shown = reply.at("failure_code"), read.at("failure_code")
    expect.that(
        shown == "cancelled" or (code != "cancelled" and equality.same_but_nulls(shown, code)),
        expected=f"failure_code to be 'cancelled' in GET after {what}",
        observed=f"failure_code is {shown!r}, and in the {reply.status} it was {code!r}",
        reply=read,
    )


@requirement("PI-06")
def test_whichever_copy_is_read_confirms_it(api: PayoutIntents, given: Given) -> None:
    """Who polls by another connection, and so perhaps from another machine, sees the intent cancelled, too."""
    intent = given("requires_approval")
    # What keeps a copy of what it has read has one now.
    api.read_everywhere(intent)
    api.cancels(intent)

    other = api.dissent(intent)

    expect.that(
        other is None,
        expected="each of several reads, soon after the 202, to show the intent cancelled",
        observed=summary.of(other) if other else "",
        reply=other,
        hint="Does each process keep a cache of its own that cancelling elsewhere doesn't clear?",
    )


@requirement("PI-06")
def test_read_confirms_the_reason(cancelled: Cancelled) -> None:
    """After a cancel GET shows the reason, as the 202 did."""
    came, shown = cancelled.reply.at("failure_message"), cancelled.after.at("failure_message")
    said = isinstance(came, str) and cancelled.reason in came
    expect.that(
        not said or (isinstance(shown, str) and cancelled.reason in shown),
        expected=f"the reason {cancelled.reason!r} in GET after a cancel, as in the {cancelled.reply.status}",
        observed=f"failure_message is {shown!r}",
        reply=cancelled.after,
        hint="Is the reason saved with the status?",
    )


@requirement("PI-06", level="SHOULD")
def test_read_is_for_nobody_else_to_keep(cancelled: Cancelled) -> None:
    """GET may be polled: its answer isn't labelled as one that caches may keep, let alone show to everybody."""
    labels = [part.strip().lower() for part in (cancelled.before.header("Cache-Control") or "").split(",")]
    kept = [one for one in labels if re.fullmatch(r"public|s-maxage=.+|max-age=0*[1-9]\d*", one)]
    guarded = {"no-store", "no-cache"} & set(labels)
    expect.that(
        not kept or bool(guarded),
        expected="GET without a Cache-Control that lets a cache repeat its answer",
        observed=f"Cache-Control is {cancelled.before.header('Cache-Control')!r}",
        reply=cancelled.before,
        hint="Who polls would be shown an old status, and with public other merchants might be shown it, too.",
    )


@requirement("PI-08")
def test_refusal_names_processing(evidence: Evidence) -> None:
    """The message of a refusal says which status is in the way."""
    _names_status(evidence.refusal("processing"))


@requirement("PI-08")
def test_refusal_names_the_terminal_state(evidence: Evidence, terminal_state: str) -> None:
    """The message of a refusal says which status is in the way, not always the same one."""
    _names_status(evidence.refusal(terminal_state))


def _names_status(refusal: Refusal) -> None:
    reply = refusal.replies["with a key"]
    if reply.status not in (400, 409, 422) or not isinstance(reply.at("error.message"), str):
        return  # There is no refusal for its status whose message could be read.
    message = _words(reply.at("error.message"))
    # An intent that moves on while we look may be named by either status.
    current = {str(read.at("status")) for read in (refusal.before, refusal.between)} | {refusal.intent.status}
    expect.that(
        any(_words(status) in message for status in current),
        expected=f"error.message to name the current status, {' or '.join(sorted(current))}",
        observed=f"error.message is {reply.at('error.message')!r}",
        reply=reply,
    )


def _words(text: object) -> str:
    return re.sub(r"[^a-z0-9]+", " ", str(text).lower()).strip()
