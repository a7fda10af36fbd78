"""Requests that were refused for their form, whatever it was: none of them has cancelled its intent."""

from collections.abc import Iterator

import pytest

from conformance.http import summary
from conformance.oracles import expect, wording
from conformance.oracles.expect import requirement
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.oracles.server_errors import RequestKind
from conformance.session import Session
from conformance.suites.payout_intents.assertions import is_cancelled
from conformance.suites.payout_intents.client import (
    KNOWN,
    SHARED,
    UNSURE,
    PayoutIntents,
    cancel_path,
    read_path,
)
from conformance.suites.payout_intents.oddities import oddity
from conformance.watch import Watch

pytestmark = pytest.mark.last

# The requirement that is about the form of a request, by what is odd about that. Other checks ask the same of others.
REQUIREMENTS = {"body": "PI-29", "text": "PI-29", "key": "PI-38", "label": "PI-46", "query": "PI-01"}


@pytest.mark.parametrize(
    "requirement_id",
    [
        pytest.param(requirement_id, marks=requirement(requirement_id, level="MUST"))
        for requirement_id in dict.fromkeys(REQUIREMENTS.values())
    ],
)
def test_refused_request_cancelled_nothing(
    api: PayoutIntents, run_answers: RunAnswers, conformance_session: Session, requirement_id: str
) -> None:
    """No intent that awaited approval was cancelled by a request that got a 4xx, in the whole run."""
    for refused, odd, read in _done_all_the_same(api, run_answers, conformance_session.watch):
        if REQUIREMENTS.get(odd.kind) == requirement_id:
            raise expect.Violation(
                expected=f"an intent not to be cancelled by {odd.what}, which got {refused.reply.status}",
                observed=f"status is {wording.of(read.reply, 'status')} in GET ({summary.of(read.reply)})",
                reply=refused.reply,
                hint="Validate the whole request before anything is changed, or undo what was.",
                fault=f"An intent was cancelled by a request that was refused ({refused.reply.status}): {odd.what}",
                persisted="a read shows it cancelled",
            )


def _done_all_the_same(
    api: PayoutIntents, run_answers: RunAnswers, watch: Watch
) -> Iterator[tuple[RecordedAnswer, RequestKind, RecordedAnswer]]:
    """Each refused request, what was odd about it, and the read right behind it that shows its intent cancelled."""
    unsure = {mark.id for mark in run_answers.marked(UNSURE)} | {one.id for one in api.settled}
    open_ones = {
        path: mark.id
        for mark in run_answers.marked(KNOWN)
        if mark.resource is not None and mark.resource.status == "requires_approval"
        for path in (read_path(mark.id), cancel_path(mark.id))
    }
    histories: dict[str, list[RecordedAnswer]] = {}
    answers = run_answers.answers()
    # Also by a request to another spelling of its id, which stands in no history.
    accepted = {
        str(one.reply.at("id")) for one in answers if one.reply.ok and one.reply.exchange.method == "POST"
    }
    for one in answers:
        url = one.reply.exchange.url.partition("?")[0]
        at = url.find("/payout_intents/")
        identifier = open_ones.get(url[at:]) if at >= 0 else None
        if identifier is not None and identifier not in unsure | accepted:
            histories.setdefault(identifier, []).append(one)
    shared = {mark.id for mark in run_answers.marked(SHARED)}
    for identifier, history in histories.items():
        in_turn = sorted(history, key=lambda one: one.reply.written)
        found = _first_lie(in_turn, is_shared=identifier in shared)
        # What its owner got from another worker may not be known here yet.
        if found is not None and not watch.began_elsewhere(identifier):
            yield found


def _first_lie(
    history: list[RecordedAnswer], *, is_shared: bool
) -> tuple[RecordedAnswer, RequestKind, RecordedAnswer] | None:
    """The refused request after which an intent was cancelled that no request before was accepted for.

    Of an intent that checks share, one of them only after which nothing else was refused: a late effect may be that of
    another check's request, and each of them is sent again, about an intent of its own.
    """
    refused: list[tuple[RecordedAnswer, RequestKind]] = []
    is_first = True
    for one in history:
        reply = one.reply
        if reply.exchange.method == "GET" and reply.ok:
            if not is_cancelled(reply):
                is_first &= not refused
                refused = []
            elif refused:
                if is_shared and not is_first:
                    return None
                # A read that was refused is no likely cause where something else was refused, too.
                others = [each for each in refused if each[0].reply.exchange.method not in ("GET", "HEAD")]
                likely = others or refused
                first = next((each for each in likely if each[1].kind != "documented"), likely[0])
                return *first, one
        elif reply.status // 100 == 4:
            refused.append((one, oddity(reply.exchange)))
        else:
            return None
    return None
