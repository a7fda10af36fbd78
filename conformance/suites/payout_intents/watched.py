"""Cancelled intents that are read once more in the end: one of each kind of cancel, and of what came after it."""

import json

from conformance.http.reply import Reply
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import succeeded
from conformance.watch import Watch

# What a further cancel may get that was looked at: another one didn't get as far.
_OF_INTEREST = (409, 422)


def watched(
    watch: Watch, intent: Resource, by: str, key: str | None, body: bytes | None, reply: Reply
) -> None:
    """Notes what an owner's cancel of an intent that awaited approval was answered.

    An answer about another intent is left out: it doesn't say that this one was cancelled.
    """
    if by != intent.wanted.whose or intent.status != "requires_approval":
        return
    told = reply.at("id")
    if isinstance(told, str) and told != intent.id:
        return
    again = "the same again" if succeeded(reply) else str(reply.status)
    if not succeeded(reply) and reply.status not in _OF_INTEREST:
        return
    if not watch.asked_again(intent.id, again) and succeeded(reply):
        watch.cancelled(intent.id, by=by, status=intent.status, told={}, how=_how(key, body))


def _how(key: str | None, body: bytes | None) -> str:
    try:
        sent = json.loads(body or b"")
    except (ValueError, RecursionError):
        sent = None
    reason = isinstance(sent, dict) and bool(sent.get("reason"))
    return f"{'without' if key is None else 'with'} a key and {'with' if reason else 'without'} a reason"
