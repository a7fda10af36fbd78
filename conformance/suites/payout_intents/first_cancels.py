"""The first cancel of each intent of a run, for the checks that look back on it."""

from collections.abc import Iterator

from conformance.errors import NotTestable
from conformance.oracles.every_run import EveryRun, Sent
from conformance.oracles.expect import Violation
from conformance.suites.payout_intents.client import UNSURE, PayoutIntents
from conformance.suites.payout_intents.every_answer import about
from conformance.suites.payout_intents.everybody import somebody_cancels
from conformance.suites.payout_intents.observations import Evidence

_REFUSALS = (404, 409, 422)


def lacking(every_run: EveryRun, evidence: Evidence) -> Exception | None:
    """Has an intent cancelled, unless other workers have done so; returns why none was.

    The very cancel that failed may be what a check looks for: it is raised only where nothing else is found.
    """
    try:
        somebody_cancels(every_run, evidence)
    except (NotTestable, Violation) as fault:
        return fault
    return None


def alone(every_run: EveryRun) -> Iterator[Sent]:
    """Yields the first cancel of each intent that requires approval, where it is a documented one and raced with none.

    Left out is what a caller hung up on: what the next request meets then is for PI-36 to judge.
    """
    cancels: dict[str, list[Sent]] = {}
    for one in sorted(every_run.answers(), key=lambda each: each.reply.written):
        if one.resource is not None:
            cancels.setdefault(one.resource.id, []).append(one)
    unsure = {mark.id for mark in every_run.marked(UNSURE)}
    for one, *others in (each for name, each in cancels.items() if name not in unsure):
        # What raced with others may have lost.
        is_alone = all(other.reply.written > one.reply.finished for other in others)
        if one.documented and is_alone and about(one).status == "requires_approval":
            yield one


def refused(api: PayoutIntents, every_run: EveryRun) -> Iterator[Sent]:
    """Yields those that were refused, and that no document gives a reason to refuse.

    Each is its owner's, under a new key, at a time when no other cancel was under way, of an intent that the target
    wasn't asked to pay. One that wasn't found was shown by a read before: a new one may show up a little later.
    """
    settled = {one.id for one in api.settled}
    every = every_run.answers()
    for one in alone(every_run):
        reply, intent = one.reply, about(one)
        if reply.status not in _REFUSALS or one.by != intent.wanted.whose or intent.id in settled:
            continue
        earlier = [each for each in every if each.reply.written < reply.written]
        later = [each for each in every if each.reply.written > reply.written]
        overlaps = any(each.reply.finished > reply.written for each in earlier) or any(
            each.reply.written < reply.finished for each in later
        )
        used = {key for each in earlier for key in _keys(each)}
        was_shown = any(
            each.reply.ok
            and each.reply.exchange.method == "GET"
            and each.reply.exchange.url.endswith(intent.id)
            for each in earlier
        )
        if not (overlaps or used & set(_keys(one)) or (reply.status == 404 and not was_shown)):
            yield one


def _keys(one: Sent) -> list[str]:
    return [value for name, value in one.reply.exchange.request_headers if name.lower() == "idempotency-key"]
