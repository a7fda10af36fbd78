"""The cancellation matrix: every state against its documented answer, and what GET shows afterwards."""

import re

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply, instant
from conformance.oracles import carried_out, equality, expect, hints, wording
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.payout_intents import fields_everywhere, named_everywhere
from conformance.suites.payout_intents.assertions import (
    APPROVAL_REQUIRED,
    approval_required,
    cancelled,
    has_succeeded,
    holds,
    is_cancelled,
    read_not_cancelled,
    reads_otherwise,
    shown_cancelled,
    succeeded,
    was_confirmed,
    was_refused,
)
from conformance.suites.payout_intents.bad_requests import cancel_naming, naming
from conformance.suites.payout_intents.bare_cancels import bare_cancel
from conformance.suites.payout_intents.client import REASON, Ask, PayoutIntents
from conformance.suites.payout_intents.kept_keys import KeptKeys, Keyed
from conformance.suites.payout_intents.named_alone import narrowed
from conformance.suites.payout_intents.observations import WHY, Evidence
from conformance.suites.payout_intents.proceeding import proceeds
from conformance.suites.payout_intents.results import Refused, request

HOW = [Ask.CANCEL, Ask.CANCEL_WITHOUT_KEY, Ask.CANCEL_WITHOUT_REASON, Ask.CANCEL_AGAIN]
_FROM_THE_PATH = "Take the id from the path alone: many frameworks bind body and query to the same names."


@requirement("PI-01")
def test_matrix_requires_approval_is_cancelled(evidence: Evidence) -> None:
    """An intent that requires approval is cancelled: 202, and the body says cancelled already."""
    one = evidence.cancel()

    carried_out.or_not(
        lambda: cancelled(one.reply, "a cancel of an intent that requires approval"),
        lambda: one.after,
        is_cancelled,
    )


@requirement("PI-01")
@pytest.mark.cancels
@pytest.mark.parametrize("place", ["body", "query"])
def test_intent_of_the_path_is_cancelled(
    api: PayoutIntents, given: Given, evidence: Evidence, place: str
) -> None:
    """The intent of the path is cancelled, and no other, whatever ids the body or the query names."""
    if named_everywhere.takes_no_effect(api, given, evidence):
        return
    intent, other = given("requires_approval"), given("requires_approval")
    untouched = f"an intent not to be cancelled that stands in the {place} of another one's cancel"

    for names in naming(other.id):
        intent, reply = cancel_naming(api, given, intent, place, names)
        only, reply, seen = narrowed(api, given, place, names, reply, api.seen(other))
        how = f"with {next(iter(only))}" if len(only) == 1 else f"in {len(only)} fields"
        what = f"a cancel whose {place} names another intent {how}"
        fault = f"{wording.capital(what)} cancelled that one"
        read_not_cancelled(seen, untouched, hint=_FROM_THE_PATH, reply=reply, fault=fault)
        if reply is not None and succeeded(reply):
            evidence.shows_cancelled(api.confirmed(intent), after=f"{reply.status} to {what}")
            return
    api.still_cancels(intent, after=f"cancels whose {place} named another one", judged=False)
    read_not_cancelled(
        api.seen(other),
        untouched,
        hint=_FROM_THE_PATH,
        fault=f"A cancel whose {place} names another intent cancelled that one",
    )


@requirement("PI-02")
@pytest.mark.parametrize("how", HOW, ids=Ask.how)
def test_matrix_processing_is_refused(evidence: Evidence, how: Ask) -> None:
    """A cancel of a processing intent is refused with 422 approval_required, with or without key and reason."""
    refused = evidence.cancel_refused(state="processing")

    _approval_required(evidence, refused.replies[how], how, "a processing intent", refused.after)


@requirement("PI-03")
@pytest.mark.parametrize("how", HOW, ids=Ask.how)
def test_matrix_terminal_state_is_refused(evidence: Evidence, terminal_state: str, how: Ask) -> None:
    """A cancel of a terminal intent is refused with 422 approval_required, with or without key and reason."""
    refused = evidence.cancel_refused(state=terminal_state)

    # Of one that was cancelled before a read shows nothing.
    read = refused.after if terminal_state != "cancelled" else None
    _approval_required(evidence, refused.replies[how], how, f"a {terminal_state} intent", read)


@requirement("PI-04")
@pytest.mark.parametrize("how", HOW, ids=Ask.how)
def test_matrix_seeded_cancelled_is_refused(evidence: Evidence, how: Ask) -> None:
    """An intent that was handed over as cancelled is refused with 422 approval_required."""
    reply = evidence.cancel_refused(state="cancelled").replies[how]

    _approval_required(evidence, reply, how, "an intent that was cancelled before")


def _approval_required(
    evidence: Evidence, reply: Reply, how: Ask, what: str, read: Reply | None = None
) -> None:
    """422 approval_required, unless every cancel that is sent so is refused in another way.

    Another requirement judges such a refusal. A `read` afterwards shows whether an intent that could not be cancelled
    is; one that was cancelled before shows nothing.
    """
    if not succeeded(reply) and reply.status != APPROVAL_REQUIRED.status:
        evidence.is_about_this(reply, how)
    intent = what if read is not None and how is Ask.CANCEL else ""
    again = "Only a repeated request with the key of the cancel that succeeded gets its answer again."
    approval_required(
        reply, request(how, what), intent=intent, read=read, **({} if read is not None else {"hint": again})
    )


@requirement("PI-03")
def test_terminal_intent_stays_as_it_is(evidence: Evidence, terminal_state: str) -> None:
    """Refusing to cancel a terminal intent leaves its status and its failure as they were."""
    refused = evidence.cancel_refused(state=terminal_state)

    expect.unchanged(
        refused.before.json,
        refused.after.json,
        ("status", "failure_code", "failure_message"),
        reply=refused.after,
        after_what="cancels of it that had to be refused",
        what=f"a {terminal_state} intent",
        hint="Check the status before anything is written.",
    )


@requirement("PI-03", level="SHOULD")
def test_refusal_leaves_updated_at(evidence: Evidence, terminal_state: str) -> None:
    """Refusing to cancel a terminal intent isn't a change: updated_at stays."""
    _leaves_updated_at(evidence.cancel_refused(state=terminal_state))


@requirement("PI-05", level="SHOULD")
def test_refusal_leaves_updated_at_of_a_processing_intent(evidence: Evidence) -> None:
    """Refusing to cancel a processing intent isn't a change: updated_at doesn't follow each attempt."""
    _leaves_updated_at(evidence.cancel_refused(state="processing"))


def _leaves_updated_at(refused: Refused) -> None:
    """updated_at didn't follow both refusals: something else that moves it would hardly do so twice."""
    shown = [reply.at("updated_at") for reply in (refused.before, refused.between, refused.after)]
    first, second, third = map(instant, shown)
    moved = first is not None and second is not None and third is not None and first < second < third
    expect.that(
        not moved,
        expected=f"updated_at of a {refused.intent.status} intent to stay when a cancel is refused",
        observed=f"updated_at moved each time: {', '.join(map(wording.value, shown))}",
        reply=refused.after,
        hint="Check the status before anything is saved.",
        fault=f"updated_at of a {refused.intent.status} intent moved with each cancel that was refused",
    )


@requirement("PI-04")
@pytest.mark.parametrize("first", ["with_a_key", "without_a_key"])
def test_matrix_just_cancelled_is_refused(
    api: PayoutIntents, given: Given, evidence: Evidence, first: str
) -> None:
    """An intent that has just been cancelled is refused with 422 approval_required, and keeps its reason."""
    bare = Ask.CANCEL_WITHOUT_KEY
    one = evidence.cancelled() if first == "with_a_key" else bare_cancel(api, given, evidence, bare)
    intent, reason, other = one.intent, one.reason, api.new_reason()
    has_succeeded(one.reply)
    was_confirmed(one.after)

    hint = "The second cancel has a key of its own: nothing is to be repeated, and nothing cancelled again."
    done = "an intent that has just been cancelled"
    approval_required(
        api.cancel(intent, reason=reason), f"the same cancel, with a new key, of {done}", hint=hint
    )
    approval_required(
        api.cancel(intent, reason=other), f"a cancel for another reason, with a new key, of {done}", hint=hint
    )
    for again in (reason, other):
        reply = api.cancel(intent, reason=again, key=None)
        _approval_required(evidence, reply, Ask.CANCEL_WITHOUT_KEY, done)

    read = api.confirmed(intent)
    expect.that(
        read.at("failure_message") != other,
        expected="a refused cancel to leave the first cancel's reason",
        observed=f"failure_message is {wording.of(read, 'failure_message')}, which is that of a refused cancel "
        f"(GET was answered {summary.of(read)})",
        reply=read,
        hint="The refused request's reason must not be written.",
        fault="The reason of a cancelled intent was replaced by that of a second cancel, which was refused",
    )


@requirement("PI-04")
def test_matrix_cancelled_is_refused_after_a_conflict(evidence: Evidence) -> None:
    """After a conflict another key gets 422 approval_required, as before."""
    one = evidence.conflict(first="the first reason", second="the other reason")
    was_confirmed(one.after)

    approval_required(
        one.second_under_a_new_key,
        "a cancel with a new key of an intent that is cancelled, after a conflict",
        hint="A key that is new has no stored answer; does the conflict leave one?",
    )


@requirement("PI-04")
def test_matrix_key_that_differs_in_its_last_character_is_new(api: PayoutIntents, kept: KeptKeys) -> None:
    """A key that differs from a used one in its last character alone is a fresh one: 422 approval_required."""

    def judge(one: Keyed) -> None:
        was_confirmed(one.after)
        other = one.key[:-1] + ("0" if one.key[-1] != "0" else "1")
        approval_required(
            api.cancel(one.intent, reason=one.reason, key=other),
            "a cancel under a key that differs from the used one in its last character",
            hint="Are keys compared in full, or cut or hashed short?",
        )

    kept.judge(REASON, judge)


@requirement("PI-05")
def test_refused_payout_goes_ahead(evidence: Evidence) -> None:
    """A refused cancel leaves a processing intent unchanged, but for what it does by itself."""
    refused = evidence.cancel_refused(state="processing")
    untouched = refused.untouched
    was_refused(refused.replies[Ask.CANCEL], cleanly=True)

    proceeds(
        refused.after,
        "after its cancel was refused",
        before=refused.before,
        reason=refused.reason,
        left_alone=(untouched.before, untouched.after) if untouched is not None else None,
    )


@requirement("PI-06")
def test_read_confirms_the_status(evidence: Evidence) -> None:
    """After a cancel GET answers 200 with the status cancelled."""
    one = evidence.cancelled()

    # A word that the 202 spells in the same way is that one's fault.
    same = is_cancelled(one.after) and equality.same(one.after.at("status"), one.reply.at("status"))
    holds(
        one.after,
        one.after.status == 200 and (one.after.at("status") == "cancelled" or same),
        'GET to show status "cancelled" (200) after a cancel that was answered by a 2xx',
        hint=hints.by_answer(
            one.after,
            "Does the read leave out what is cancelled, or is it gone, or somebody else's, since the cancel?"
            if one.after.status == 404
            else "The 202 promises a change that is made: is it committed, and is no stale copy read?",
        ),
        fault=reads_otherwise(one.after, f"{one.reply.status} to a cancel"),
    )


@requirement("PI-06")
def test_read_confirms_the_failure_code(evidence: Evidence) -> None:
    """After a cancel GET shows the failure code."""
    one = evidence.cancelled()

    _confirms_the_failure_code(one.reply, one.after, "a cancel")


@requirement("PI-06")
@pytest.mark.parametrize("how", [Ask.CANCEL_WITHOUT_REASON, Ask.CANCEL_WITHOUT_KEY], ids=Ask.how)
def test_read_confirms_a_bare_cancel(api: PayoutIntents, given: Given, evidence: Evidence, how: Ask) -> None:
    """GET shows the status and the failure code after a cancel without a reason, or without a key."""
    one = bare_cancel(api, given, evidence, how)

    reply, read = has_succeeded(one.reply), one.after
    shown_cancelled(read, str(how))
    _confirms_the_failure_code(reply, read, str(how))


def _confirms_the_failure_code(reply: Reply, read: Reply, what: str) -> None:
    """PI-15 and PI-16 judge what the 202 itself says wrongly, or leaves out."""
    code, shown = reply.at("failure_code"), read.at("failure_code")
    expect.that(
        shown == "cancelled" or (code != "cancelled" and equality.same_but_nulls(shown, code)),
        expected=f'failure_code to be "cancelled" in GET after {what}',
        observed=f"{wording.shown(read, 'failure_code')}; in the {reply.status} it was "
        f"{wording.of(reply, 'failure_code')}",
        reply=read,
        hint=hints.by_answer(
            read, "Is it saved with the status, or only put into the answer?" if code == "cancelled" else ""
        ),
        fault=wording.was(read, "failure_code", f"GET after {what}"),
    )


@requirement("PI-06")
@pytest.mark.cancels
def test_whichever_copy_is_read_confirms_it(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """GET by another connection, and so perhaps from another process, shows the intent cancelled, too."""
    was_confirmed(evidence.cancelled().after)
    if fields_everywhere.is_read_everywhere(api, given, evidence):
        return
    intent = given.used("requires_approval")
    # A process that keeps a copy of what it has read has one now.
    api.read_everywhere(intent)
    api.cancels(intent)

    other = api.dissent(intent)

    expect.that(
        other is None,
        expected="each of several reads, soon after the 202, to show the intent cancelled",
        observed=f"one of several GETs at once was answered {summary.of(other)}" if other else "",
        reply=other,
        hint="Does each process keep a cache of its own that cancelling elsewhere doesn't clear?",
        fault=f"{reads_otherwise(other, '202 to a cancel')}, in one of several reads at once"
        if other
        else "",
    )


@requirement("PI-06")
def test_read_confirms_the_reason(evidence: Evidence) -> None:
    """After a cancel GET shows the reason, as the 202 did."""
    one = evidence.cancelled(reason=WHY)

    came, shown = one.reply.at("failure_message"), one.after.at("failure_message")
    expect.that(
        not (isinstance(came, str) and WHY in came) or (isinstance(shown, str) and WHY in shown),
        expected=f'the reason "{WHY}" in GET after a cancel, as in the {one.reply.status}',
        observed=expect.observed(one.after, "failure_message"),
        reply=one.after,
        hint=hints.by_answer(one.after, "Is the reason saved with the status?"),
        fault=wording.was(one.after, "failure_message", "GET after a cancel whose answer had the reason"),
    )


@requirement("PI-06", level="SHOULD")
def test_read_is_for_nobody_else_to_keep(evidence: Evidence) -> None:
    """The answer to GET, which may be polled, isn't labelled as one that caches may keep."""
    read = evidence.cancelled().before

    labels = [part.strip().lower() for part in (read.header("Cache-Control") or "").split(",")]
    kept = [one for one in labels if re.fullmatch(r"public|s-maxage=.+|max-age=0*[1-9]\d*", one)]
    expect.that(
        not kept or bool({"no-store", "no-cache"} & set(labels)),
        expected="GET without a Cache-Control that lets a cache repeat its answer",
        observed=f"Cache-Control is {read.header('Cache-Control')}",
        reply=read,
        fault=f"GET was answered with Cache-Control: {read.header('Cache-Control')}",
        hint="Who polls would be shown an old status, and with public other merchants might be shown it, too.",
    )


@requirement("PI-08")
def test_refusal_names_processing(evidence: Evidence) -> None:
    """The message of a refusal says which status is in the way."""
    _names_status(evidence.cancel_refused(state="processing"))


@requirement("PI-08")
def test_refusal_names_the_terminal_state(evidence: Evidence, terminal_state: str) -> None:
    """The message of a refusal says which status is in the way, not always the same one."""
    _names_status(evidence.cancel_refused(state=terminal_state))


def _names_status(refused: Refused) -> None:
    reply = refused.replies[Ask.CANCEL]
    if reply.status not in (400, 409, 422) or not isinstance(reply.at("error.message"), str):
        raise NotApplicable("there is no refusal for the status whose message could be read")
    message = _words(reply.at("error.message"))
    # An intent that moves on while we look may be named by either status.
    current = {str(read.at("status")) for read in (refused.before, refused.between)} | {refused.intent.status}
    expect.that(
        any(_words(status) in message for status in current),
        expected=f"error.message to name the current status, {' or '.join(sorted(current))}",
        observed=f"error.message is {wording.of(reply, 'error.message')}",
        reply=reply,
        fault=f"The refusal of a cancel of a {refused.intent.status} intent didn't name that status: "
        f"error.message was {wording.of(reply, 'error.message')}",
    )


def _words(text: object) -> str:
    return re.sub(r"[^a-z0-9]+", " ", str(text).lower()).strip()
