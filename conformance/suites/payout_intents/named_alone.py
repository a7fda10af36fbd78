"""Cancels that name another intent by one name alone, where one by many names has cancelled that intent."""

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.http.reply import Reply
from conformance.oracles import single_cause
from conformance.plugin import Given
from conformance.suites.payout_intents.assertions import is_cancelled
from conformance.suites.payout_intents.bad_requests import cancel_naming, naming
from conformance.suites.payout_intents.client import PayoutIntents


def narrowed(
    api: PayoutIntents, given: Given, place: str, names: Mapping[str, Any], reply: Reply | None, seen: Reply
) -> tuple[Mapping[str, Any], Reply | None, Reply]:
    """Returns the one name that is enough for another intent to be cancelled, the answer to it, and a GET of that.

    `seen` is a GET of the intent that `names` named, after `reply`. Returns all three as they are where that one isn't
    cancelled, or where no name is enough.
    """
    reads: dict[str, Reply] = {}

    def wrong(some: Sequence[str]) -> Reply | None:
        own, other = given("requires_approval"), given("requires_approval")
        every = next(naming(other.id))
        _, answer = cancel_naming(api, given, own, place, {name: every[name] for name in some})
        reads[some[0]] = api.seen(other)
        return answer if is_cancelled(reads[some[0]]) else None

    found = single_cause.single(list(names), wrong) if is_cancelled(seen) and len(names) > 1 else None
    if found is None:
        return names, reply, seen
    return {found[0]: names[found[0]]}, found[1], reads[found[0]]
