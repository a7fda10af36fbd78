"""The first cancel of each intent of a run, for the checks that look back on it."""

from collections.abc import Iterator

from conformance.errors import NotTestable
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.suites.payout_intents.client import UNSURE, PayoutIntents
from conformance.suites.payout_intents.every_answer import about
from conformance.suites.payout_intents.everybody import somebody_cancels
from conformance.suites.payout_intents.observations import Evidence

_REFUSALS = (404, 409, 422)


def lacking(run_answers: RunAnswers, evidence: Evidence) -> Exception | None:
    """Has an intent cancelled, unless other workers have done so; returns why none was.

    The very cancel that failed may be what a check looks for: it is raised only where nothing else is found.
    """
    try:
        somebody_cancels(run_answers, evidence)
    except (NotTestable, Violation) as fault:
        return fault
    return None


def failed(run_answers: RunAnswers) -> Iterator[RecordedAnswer]:
    """Yields the documented cancels with a 5xx of intents that required approval, each its intent's first one.

    Other requests about the intent may have come before, but none that was accepted.
    """
    used: set[str] = set()
    keys: dict[int, bool] = {}
    for each in sorted(run_answers.answers(), key=lambda one: one.reply.written):
        own = set(keys_of(each))
        keys[id(each)] = not own & used
        used |= own
    for one, is_first in _documented(run_answers):
        # A used key may be what fails: other requirements judge that.
        if one.reply.status >= 500 and (is_first or keys[id(one)]):
            yield one


def _documented(run_answers: RunAnswers) -> Iterator[tuple[RecordedAnswer, bool]]:
    """Yields the first documented cancel of each intent that requires approval, and whether nothing came before.

    Left out is what raced with others, and what a caller hung up on, for PI-36 to judge.
    """
    cancels: dict[str, list[RecordedAnswer]] = {}
    for one in sorted(run_answers.answers(), key=lambda each: each.reply.written):
        if one.resource is not None and one.resource.status == "requires_approval":
            cancels.setdefault(one.resource.id, []).append(one)
    unsure = {mark.id for mark in run_answers.marked(UNSURE)}
    for history in (each for name, each in cancels.items() if name not in unsure):
        at = next((at for at, one in enumerate(history) if one.documented), None)
        if at is None or any(one.reply.ok for one in history[:at]):
            continue
        one = history[at]
        # What raced with others may have lost.
        if all(each.reply.finished < one.reply.written for each in history[:at]) and all(
            each.reply.written > one.reply.finished for each in history[at + 1 :]
        ):
            yield one, at == 0


def refused(api: PayoutIntents, run_answers: RunAnswers) -> Iterator[RecordedAnswer]:
    """Yields those that were refused, and that no document gives a reason to refuse.

    Each is its owner's, under a new key, at a time when no other cancel was under way, of an intent that the target
    wasn't asked to pay. One that wasn't found was shown by a read before: a new one may show up a little later.
    """
    settled = {one.id for one in api.settled}
    every = run_answers.answers()
    for one, is_first in _documented(run_answers):
        reply, intent = one.reply, about(one)
        if (
            not is_first
            or reply.status not in _REFUSALS
            or one.by != intent.wanted.whose
            or intent.id in settled
        ):
            continue
        earlier = [each for each in every if each.reply.written < reply.written]
        later = [each for each in every if each.reply.written > reply.written]
        overlaps = any(each.reply.finished > reply.written for each in earlier) or any(
            each.reply.written < reply.finished for each in later
        )
        used = {key for each in earlier for key in keys_of(each)}
        was_shown = any(
            each.reply.ok
            and each.reply.exchange.method == "GET"
            and each.reply.exchange.url.endswith(intent.id)
            for each in earlier
        )
        if not (overlaps or used & set(keys_of(one)) or (reply.status == 404 and not was_shown)):
            yield one


def keys_of(one: RecordedAnswer) -> list[str]:
    """Returns the idempotency keys of a request."""
    return [value for name, value in one.reply.exchange.request_headers if name.lower() == "idempotency-key"]
