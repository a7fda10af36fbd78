"""Requests that are refused for their form, and how old an intent has to be for its times to tell anything."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial

from conformance.http.reply import Reply, instant
from conformance.states import Resource
from conformance.suites.payout_intents.pieces import Replies
from conformance.suites.payout_intents.verbs import PayoutIntents, body_of

# As coarse as a clock may be whose fraction of a second isn't shown.
_STEP_S = 1.1


def let_it_age(read: Reply) -> None:
    """Waits until what a read shows is older than any clock's step, so that a change of it shows."""
    updated, now = instant(read.at("updated_at")), read.sent_at
    with suppress(ValueError):
        now = parsedate_to_datetime(read.header("Date") or "")
    if updated is not None and now.tzinfo is not None and (now - updated).total_seconds() < 2 * _STEP_S:
        time.sleep(_STEP_S)


def refused_for_their_form(api: PayoutIntents, intent: Resource, done: Resource) -> Replies:
    """The answers to requests that are refused for no documented cause; those that are never answered have none.

    `done` is an intent that is cancelled already, for those that aren't about its state.
    """
    pair = api.credentials()
    post, no = partial(api.post, intent), {"Authorization": None}
    asked: Mapping[str, Callable[[], Reply]] = {
        "broken JSON": partial(post, b'{"reason": '),
        "a body that is no object": partial(post, b'["reason"]'),
        "a body that is not UTF-8": partial(post, b'{"reason": "\xff\xfe"}'),
        "a reason that is a number": partial(post, b'{"reason": 7}'),
        "a reason of 600 characters": partial(post, body_of("x" * 600)),
        "a body in XML": partial(post, b"<reason/>", change={"Content-Type": "application/xml"}),
        "no credentials": partial(api.post, done, b"{}", change=no),
        "undecodable credentials": partial(api.post, done, b"{}", change={"Authorization": "Basic ***"}),
        "a Bearer token": partial(api.post, done, b"{}", change={"Authorization": f"Bearer {pair.secret}"}),
        "a read without credentials": partial(api.read, done, authorization=None),
    }
    came = {what: api.answered(ask, to=f"a request with {what}") for what, ask in asked.items()}
    return {what: reply for what, reply in came.items() if reply is not None}
