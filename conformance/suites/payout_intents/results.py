"""Results of the acts in `observations`: the answers to documented requests, and to reads before and after them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.errors import NotApplicable, NotTestable
from conformance.http.reply import Reply
from conformance.oracles import equality
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.client import Ask


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A documented cancel for `reason` under `key`: GET before, its answer, GET after."""

    intent: Resource
    before: Reply
    reply: Reply
    after: Reply
    reason: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """An intent in the same state as another one, and not cancelled: GETs with those of the other."""

    intent: Resource
    before: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Refused:
    """Cancels for `reason` of an intent whose state doesn't allow any: GETs before, after the first one, after all.

    `untouched` was left alone; None where no second intent could be had.
    """

    intent: Resource
    reason: str
    before: Reply
    replies: Mapping[Ask, Reply]
    between: Reply
    after: Reply
    untouched: LeftAlone | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """The answers to the primary credentials about an intent of others, and GETs of its owner before and after.

    `owners_cancel` is what that got, and `late` are the answers after that. `barred` says why its owner mustn't cancel
    it, where those credentials are for reading alone.
    """

    intent: Resource
    reason: str
    before: Reply
    replies: Mapping[Ask, Reply]
    after: Reply
    owners_cancel: Reply | None = None
    late: Mapping[Ask, Reply] = field(default_factory=dict)
    barred: NotTestable | None = None

    def once_cancelled(self) -> Mapping[Ask, Reply]:
        """The answers once its owner has cancelled it. Raises NotApplicable where that can't be."""
        if self.barred is not None:
            raise NotApplicable(f"{self.barred.message}: it can't be cancelled by its owner in between")
        return self.late


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answers about two ids that were never issued."""

    ids: tuple[str, str]
    replies: Mapping[Ask, Reply]
    others: Mapping[Ask, Reply]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cancel under a key, two for another reason under it, and the first one again; then the other under a new key.

    `before` and `after` are GETs around the two for another reason. `intent` and `key` are those of all but the last.
    """

    intent: Resource
    key: str
    first: Reply
    before: Reply
    second: Reply
    second_again: Reply
    after: Reply
    first_again: Reply
    second_under_a_new_key: Reply


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Cancels with `what` that have to be refused, by their reasons, and GETs of the intent's owner around them.

    `is_shared` tells that other cancels in vain named the same intent, before or after these.
    """

    what: str
    intent: Resource
    owner: str
    before: Reply
    replies: Mapping[str, Reply]
    after: Reply
    is_shared: bool = False

    @property
    def is_as_before(self) -> bool:
        """Whether none of them was accepted, and the intent is in the state that it was in before."""
        same = equality.same(self.before.at("status"), self.after.at("status"))
        return same and not any(succeeded(one) for one in self.replies.values())


@dataclass(frozen=True, slots=True)
class Odd:
    """A cancel with an unusual body of an intent that could be cancelled, and a GET after it."""

    reply: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Methods:
    """The answers to methods that aren't documented in a place, a GET before and after them, and a documented cancel.

    `owners_cancel` is None where a later check cancels the intent.
    """

    place: str
    before: Reply
    replies: Mapping[str, Reply]
    after: Reply
    owners_cancel: Reply | None


def request(asked: Ask, what: str) -> str:
    """A documented request about an intent as the subject of a sentence: `a cancel of a paid intent without a key`."""
    words, _, how = str(asked).partition(" with")
    # A key of its own is what any cancel has.
    behind = {"": "", " a key": "", " the first key again": ", sent again under its key,"}
    return f"{words} of {what}{behind.get(how, f' with{how}')}"


def shown(reply: Reply) -> dict[str, Any]:
    """The intent in an answer, empty where its body is no JSON object."""
    return reply.json if isinstance(reply.json, dict) else {}


def keys_of(reply: Reply) -> str:
    """The keys of an answer, as the end of a sentence on what its body has."""
    return f"the keys {', '.join(reply.json)}" if isinstance(reply.json, dict) else "no JSON object in it"
