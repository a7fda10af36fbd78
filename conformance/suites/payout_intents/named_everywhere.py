"""Cancels that name other intents in every place beside the path at once, where no place may take effect.

Two of them do for all places, and for intents of the caller's as well as another merchant's. Where one of them doesn't
work as a cancel without such names, each check tries its own place alone.
"""

from urllib.parse import urlencode

from conformance.errors import NotTestable
from conformance.http.reply import MISSING, Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents import named
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded
from conformance.suites.payout_intents.bad_requests import naming, read_naming
from conformance.suites.payout_intents.client import PayoutIntents, cancel_path, encoded
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.reasons import FREE_TEXT


def untouched(api: PayoutIntents, given: Given, evidence: Evidence) -> Resource:
    """An intent that is only named: the one that nobody cancels; another one where a check found that cancelled."""
    one = evidence.leave_alone().intent
    given.carry(_named(one), True)
    return given.kept("requires_approval") if is_cancelled(api.seen(one)) else one


def is_named(given: Given, intent: Resource) -> bool:
    """Whether a cancel of another intent has named this one in a place beside the path."""
    return given.carried(_named(intent)) is not None


def _named(intent: Resource) -> tuple[str, str]:
    return "named", intent.id


def takes_no_effect(api: PayoutIntents, given: Given, evidence: Evidence) -> bool:
    """Whether both cancels are accepted and cancel the intent of the path, and no intent that they name."""
    if given.is_isolated:
        return False
    return evidence.once(("named everywhere",), lambda: _takes_no_effect(api, given, evidence))


def _takes_no_effect(api: PayoutIntents, given: Given, evidence: Evidence) -> bool:
    try:
        given.credentials("other_merchant")
        theirs = given.shared("requires_approval", owner="other_merchant")
        own = given.shared("requires_approval")
        reads = api.seen(own), api.seen(theirs, by="other_merchant")
        reference = [read.at("merchant_reference") for read in reads]
        flat = [next(iter(naming(one.id))) for one in (own, theirs)]
        objects = [named.in_objects(one, said) for one, said in zip((own, theirs), reference, strict=True)]
        # The same name can stand for one of them only: objects of the caller's own are in the second body.
        bodies = {**objects[1], **flat[0]}, {**flat[1], **objects[0]}
        headers = (
            named.in_headers(own),
            {**named.in_headers(theirs), **named.in_addresses(theirs)},
        )
        reasons = FREE_TEXT["looks_like_a_boolean"], FREE_TEXT["looks_like_a_formula"]
        for names, body, more, why in zip(flat, bodies, headers, reasons, strict=True):
            if not _is_of_the_path(api, given, evidence, _query(names), body, more, why):
                api.still_open(theirs, by="other_merchant")
                api.still_open(own)
                return False
        shown = read_naming(api, evidence.cancelled().intent, flat[1])
    except (NotTestable, Violation):
        return False
    return (
        not is_cancelled(api.still_open(own))
        and not is_cancelled(api.still_open(theirs, by="other_merchant"))
        and (shown is None or not shown.ok or shown.at("id") != theirs.id)
    )


def _query(names: named.Fields) -> str:
    return f"?{urlencode(names, doseq=True)}"


def _is_of_the_path(
    api: PayoutIntents,
    given: Given,
    evidence: Evidence,
    query: str,
    body: named.Fields,
    headers: named.Fields,
    reason: str,
) -> bool:
    usual, intent = evidence.cancelled().reply, given.used("requires_approval")
    sent = [*api.headers(), *headers.items()]
    path, content = cancel_path(intent) + query, encoded({"reason": reason, **body})

    def ask() -> Reply:
        return api.send("POST", path, sent, content, of=intent)

    reply = api.answered(ask, to="a cancel that names other intents in every place")
    if reply is None or not succeeded(reply):
        api.still_open(intent)
        return False
    read = api.confirmed(intent)
    evidence.carry(reason, intent, reply, read)
    is_its_own = reply.at("id") in (intent.id, MISSING)
    return reply.status == usual.status and is_its_own and is_cancelled(read)
