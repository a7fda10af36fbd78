"""Reads show an intent to its owner only: in every state, by other methods and paths, and in lists."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles import equality, expect, single_cause, wording
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import (
    has_succeeded,
    holds,
    is_cancelled,
    not_accepted,
    read_not_cancelled,
    shown_cancelled,
)
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents, cancel_path, read_path
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.trusted import CLAIMS, SPELLINGS, Claim, key_of

_EVERY_STATE = "Authenticate before anything is looked up: no state makes an intent public."
_GUARD = "Authenticate in the handler itself, by Authorization alone: anybody can send any other header and spelling."
_PLAIN = (("Content-Type", "application/json"),)


# -- reads ------------------------------------------------------------------------------------------------------------


@requirement("PI-40")
def test_no_state_is_public(evidence: Evidence, api: PayoutIntents, any_state: str) -> None:
    """An intent in any state is read neither without credentials nor with a wrong secret."""
    intent = _in(evidence, any_state)
    values = {
        "without credentials": None,
        "with a wrong secret": api.authorization(secret="no-such-secret-at-all"),
    }

    for how, value in values.items():
        what = f"a read of {_a(any_state)} intent {how}"
        reply = api.answered(partial(api.read, intent, authorization=value), to=what)
        if reply is not None:
            not_accepted(reply, what, hint=_EVERY_STATE)


def _in(evidence: Evidence, state: str) -> Resource:
    """An intent in a state, which other checks look at, too."""
    if state == "requires_approval":
        return evidence.leave_alone().intent
    return evidence.cancel_refused(state=state).intent


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


@requirement("PI-40")
@pytest.mark.parametrize("whose", ["spellings", "claims"])
def test_no_detour_leads_to_a_read(api: PayoutIntents, evidence: Evidence, whose: str) -> None:
    """A read without credentials shows nothing, however its path is spelt and whatever its headers claim."""
    intent = evidence.leave_alone().intent

    for how, claim in (SPELLINGS if whose == "spellings" else CLAIMS).items():
        what = f"a read without credentials, {how}"
        reply = _claimed(api, "GET", read_path(intent), claim, what)
        if reply is not None and _shows(reply, intent):

            def shown(some: Mapping[str, Any], claim: Claim = claim, what: str = what) -> Reply | None:
                again = _claimed(api, "GET", read_path(intent), claim.only(some), what)
                return again if again is not None and _shows(again, intent) else None

            name, reply = single_cause.narrowed(dict(claim.headers), reply, shown)
            holds(
                reply,
                False,
                f"{what}, to show nothing of an intent",
                fault=f"A read without credentials, {claim.told(name) if name else how}, was answered with the intent "
                f"({reply.status})",
                hint=_GUARD,
            )


def _claimed(api: PayoutIntents, method: str, path: str, claim: Claim, what: str) -> Reply | None:
    headers = [*claim.said(path, key_of(api)), *(_PLAIN if method == "POST" else ())]
    body = BODY if method == "POST" else None
    return api.answered(partial(api.send, method, claim.path(path), headers, body, Auth.NONE), to=what)


def _shows(reply: Reply, intent: Resource) -> bool:
    """Whether an answer is about an intent: a page that only repeats the path isn't."""
    return reply.ok and reply.says_json and intent.id in reply.text


@requirement("PI-40")
def test_no_header_stands_for_credentials(api: PayoutIntents, given: Given) -> None:
    """A cancel without credentials cancels nothing, whatever its headers claim."""
    intent = given.shared("requires_approval")

    for how, claim in CLAIMS.items():
        what = f"a cancel without credentials, {how}"
        reply = _claimed(api, "POST", cancel_path(intent), claim, what)
        if reply is not None and reply.ok and is_cancelled(read := api.seen(intent)):

            def cancels(some: Mapping[str, Any], claim: Claim = claim, what: str = what) -> Reply | None:
                one = given("requires_approval")
                again = _claimed(api, "POST", cancel_path(one), claim.only(some), what)
                cancelled = again is not None and again.ok and is_cancelled(api.seen(one))
                return again if cancelled else None

            name, reply = single_cause.narrowed(dict(claim.headers), reply, cancels)
            read_not_cancelled(
                read,
                f"an intent not to be cancelled by {what}",
                accepted=f"the cancel was answered {summary.of(reply)}",
                reply=reply,
                fault=f"A cancel without credentials, {claim.told(name) if name else how}, cancelled the intent "
                f"({reply.status})",
                hint=_GUARD,
            )
    read_not_cancelled(
        api.seen(intent),
        "an intent not to be cancelled by cancels without credentials",
        fault="Cancels without credentials cancelled an intent, though each of them was refused",
        hint=_GUARD,
    )
    api.still_cancels(intent, after="cancels without credentials")


@requirement("PI-06")
@pytest.mark.parametrize("who", ["other_merchant", "other_environment"])
def test_others_read_what_they_cancelled(api: PayoutIntents, evidence: Evidence, who: str) -> None:
    """GET shows status, failure code and reason of a cancel to whoever sent it, as its answer did."""
    others = (
        evidence.ask_about_other_merchants
        if who == "other_merchant"
        else evidence.ask_about_other_environments
    )
    foreign = others(state="requires_approval")
    if foreign.owners_cancel is None:
        raise NotApplicable(f"{foreign.barred.message if foreign.barred else who}: it can't be cancelled")
    reply = has_succeeded(foreign.owners_cancel)
    whose = f"{_the(who)}'s GET of its own intent"

    read = api.confirmed(foreign.intent, by=who)
    shown_cancelled(read, f"a cancel by {_the(who)} of its own intent")
    for key in ("failure_code", "failure_message"):
        came, shown = reply.at(key), read.at(key)
        expect.that(
            not came or equality.same(came, shown),
            expected=f"{key} to be {wording.of(reply, key)} in {whose}, as in the {reply.status} to its cancel",
            observed=f"{key} is {wording.of(read, key)} (GET was answered {summary.of(read)})",
            reply=read,
            hint="Is the whole change saved, whoever's cancel it was?",
            fault=f"{wording.capital(whose)} showed {key} {wording.of(read, key)} after its own cancel, and the "
            f"{reply.status} {wording.of(reply, key)}",
        )


def _the(who: str) -> str:
    return "the other merchant" if who == "other_merchant" else "the other environment"


# -- HEAD -------------------------------------------------------------------------------------------------------------


def _head(api: PayoutIntents, target: Resource | str, *, bare: bool) -> Reply | None:
    headers = [] if bare else [("Authorization", api.authorization())]
    ask = partial(api.send, "HEAD", read_path(target), headers, None, Auth.NONE if bare else Auth.DOCUMENTED)
    return api.answered(ask, to="a HEAD of an intent")


def _finds(api: PayoutIntents, evidence: Evidence, intent: Resource, *, bare: bool) -> Reply | None:
    """The 2xx to a HEAD of an intent that isn't answered so for an unknown id; None where there is no such answer.

    With credentials, also where none are needed: PI-40 judges that.
    """
    reply = _head(api, intent, bare=bare)
    if reply is None or not reply.ok:
        return None
    unknown = _head(api, evidence.ask_about_unknown_ids().ids[0], bare=bare)
    if unknown is None or unknown.ok:
        return None
    return reply if bare or _finds(api, evidence, intent, bare=True) is None else None


@requirement("PI-40")
def test_head_needs_credentials(api: PayoutIntents, evidence: Evidence) -> None:
    """HEAD, which is a GET without its body, tells nothing of an intent without credentials."""
    reply = _finds(api, evidence, evidence.leave_alone().intent, bare=True)

    _not_found_by_head(reply, "a HEAD of an intent without credentials", _EVERY_STATE)


@requirement("PI-11")
def test_head_finds_no_other_merchants_intent(api: PayoutIntents, evidence: Evidence) -> None:
    """HEAD doesn't find another merchant's intent."""
    foreign = evidence.ask_about_other_merchants(state="requires_approval")

    reply = _finds(api, evidence, foreign.intent, bare=False)

    hint = "Look intents up among those of the caller, for HEAD as for GET."
    _not_found_by_head(reply, "a HEAD of another merchant's intent", hint)


@requirement("PI-12")
def test_head_finds_no_intent_of_the_other_environment(api: PayoutIntents, evidence: Evidence) -> None:
    """HEAD doesn't find an intent of the other environment."""
    foreign = evidence.ask_about_other_environments(state="requires_approval")

    reply = _finds(api, evidence, foreign.intent, bare=False)

    hint = "Look intents up among those of the caller's environment, for HEAD as for GET."
    _not_found_by_head(reply, "a HEAD of an intent of the other environment", hint)


def _not_found_by_head(reply: Reply | None, what: str, hint: str) -> None:
    expect.that(
        reply is None,
        expected=f"{what} to be refused, as that of an unknown id is",
        reply=reply,
        hint=hint,
        fault=f"{wording.capital(what)} was accepted ({reply.status if reply else ''})",
    )


# -- lists ------------------------------------------------------------------------------------------------------------

_LISTS = ("/payout_intents", "/payout_intents?limit=100", "/payout_intents/")


def _lists(api: PayoutIntents, *, bare: bool) -> Iterator[tuple[str, Reply]]:
    """The answers where a list may be, undocumented as it is; a 2xx says that there is one."""
    headers = [] if bare else [("Authorization", api.authorization())]
    for path in _LISTS:
        what = f"a GET of {path}" + (" without credentials" if bare else "")
        ask = partial(api.send, "GET", path, headers, None, Auth.NONE if bare else Auth.DOCUMENTED)
        reply = api.answered(ask, to=what)
        if reply is not None and reply.ok:
            yield what, reply


def _lists_none(
    api: PayoutIntents, newest: Callable[[], Resource], whose: str, *, bare: bool = False
) -> None:
    """No list shows an intent that was made just now, which only a list is asked for: most show the newest first."""
    if not any(_lists(api, bare=bare)):
        raise NotApplicable("no list of intents was answered with a 2xx")
    intents = [newest()]
    for what, reply in _lists(api, bare=bare):
        shown = [one for one in intents if one.id in reply.text]
        expect.that(
            not shown,
            expected=f"{what} to show no intent of {whose}",
            observed=f"{shown[0].id if shown else ''} stands in it ({summary.of(reply)})",
            reply=reply,
            hint="Ask for the same credentials as a single read, and select by the same merchant and environment.",
            fault=f"{wording.capital(what)} showed an intent of {whose} ({reply.status})",
        )


@requirement("PI-40")
def test_list_needs_credentials(api: PayoutIntents, given: Given) -> None:
    """Where there is a list of intents, it shows none without credentials."""
    _lists_none(api, partial(given, "requires_approval"), "a merchant", bare=True)


@requirement("PI-11")
def test_list_shows_no_other_merchants_intent(api: PayoutIntents, given: Given) -> None:
    """Where there is a list of intents, it shows none of another merchant."""
    given.credentials("other_merchant")

    _lists_none(api, partial(given, "requires_approval", owner="other_merchant"), "another merchant")


@requirement("PI-12")
def test_list_shows_no_intent_of_the_other_environment(api: PayoutIntents, given: Given) -> None:
    """Where there is a list of intents, it shows none of the other environment."""
    given.credentials("other_environment")

    _lists_none(api, partial(given, "requires_approval", environment="other"), "the other environment")
