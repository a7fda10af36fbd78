"""What the checks look at: requests and reads about one intent, with their answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect
from conformance.states import Resource

Replies = Mapping[str, Reply]

# What an order consists of.
ORDER = ("amount", "currency", "country", "merchant_reference", "recipient")
_OPEN = ("requires_approval", "processing")


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A documented cancel under a key: GET before, its answer, GET after."""

    intent: Resource
    key: str
    reason: str
    before: Reply
    reply: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Twin:
    """An intent that was set up with another one, in the same state, and left alone; GETs with those of the other."""

    intent: Resource
    before: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """Cancels of an intent that can't be cancelled, by how they were sent; GETs before, between, after.

    `twin` is one that nobody asks to cancel, where one could be had.
    """

    intent: Resource
    reason: str
    before: Reply
    replies: Replies
    between: Reply
    after: Reply
    twin: Twin | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a stranger is answered about an intent, and what its owner reads before and after.

    `twin` is the owner's own cancel, and `late` what the stranger is answered then. `barred` says why the owner mustn't
    cancel it, where its credentials are for reading alone.
    """

    intent: Resource
    reason: str
    before: Reply
    replies: Replies
    after: Reply
    twin: Reply | None = None
    late: Replies = field(default_factory=dict)
    barred: NotTestable | None = None

    def once_cancelled(self) -> Replies:
        """What the stranger is answered once its owner has cancelled it."""
        if self.barred is not None:
            raise NotApplicable(f"{self.barred.message}: it can't be cancelled by its owner in between")
        return self.late


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is answered about ids that name nothing."""

    ids: tuple[str, ...]
    replies: Replies


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key that is used, used twice for another reason, and used as in the beginning; GETs in between.

    `late` is what another key gets then.
    """

    intent: Resource
    reason: str
    other_reason: str
    first: Reply
    before: Reply
    conflicts: Replies
    after: Reply
    replay: Reply
    late: Reply


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Cancels that had to be refused, by their reasons, and what the intent's owner read before and after them."""

    intent: Resource
    owner: str
    before: Reply
    replies: Replies
    after: Reply


@dataclass(frozen=True, slots=True)
class Odd:
    """A cancel with an odd body of an intent that could be cancelled, and a GET after it."""

    intent: Resource
    reply: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Methods:
    """Requests by methods that aren't documented, what GET shows after them, and a documented cancel."""

    intent: Resource
    replies: Replies
    after: Reply
    twin: Reply


def was_refused(refusal: Refusal) -> None:
    """The control of what a refusal leaves behind: it was one. A 5xx, a 401 or a 202 is for other rows to judge."""
    reply = refusal.replies["with a key"]
    expect.that(
        reply.status in (400, 404, 409, 422) or (reply.ok and not isinstance(reply.at("status"), str)),
        expected="a cancel of a processing intent to be refused, so that the check can begin",
        observed=summary.of(reply),
        reply=reply,
        control=True,
    )


def goes_ahead(refusal: Refusal, read: Reply, twins: Reply | None, when: str) -> None:
    """A processing intent proceeds: it isn't cancelled, and nothing of the refused cancels is kept.

    What becomes of the one that was left alone, too, is no doing of theirs: `twins` is what GET shows of that.
    """
    twin, status, was = refusal.twin, read.at("status"), refusal.before.at("status")
    code, message = read.at("failure_code"), read.at("failure_message")

    def anyway(key: str) -> bool:
        """Whether the intent that nobody touched has come to the same value, or has lost its own as well."""
        if twins is None or twin is None:
            return False
        return equality.same_but_nulls(read.at(key), twins.at(key)) or not equality.same_but_nulls(
            twin.before.at(key), twins.at(key)
        )

    wrong = []
    # One that never read as processing isn't excused by another that doesn't either.
    if _is_called_off(status) and not (was == "processing" and anyway("status")):
        wrong.append(f"status is {status!r}")
    # It may have settled meanwhile, and then a failure code of its own is no wonder.
    ours = re.search("cancel|approval_required", str(code), re.IGNORECASE) is not None
    strange = not equality.same_but_nulls(code, refusal.before.at("failure_code")) and not anyway(
        "failure_code"
    )
    if strange and (ours or (status == was and code)):
        wrong.append(f"failure_code is {code!r}")
    if refusal.reason in str(message):
        wrong.append("failure_message is the reason of the refused request")
    wrong += [
        f"{key} is {read.at(key)!r} and no longer {refusal.before.at(key)!r}"
        for key in ORDER
        if not equality.same_but_nulls(read.at(key), refusal.before.at(key)) and not anyway(key)
    ]
    expect.that(
        not wrong,
        expected=f"a processing intent to proceed {when}",
        observed=f"GET shows that {', '.join(wrong)} ({summary.of(read)})",
        reply=read,
        hint="Check the status before anything is written, in the same transaction, and leave nothing to a job.",
    )


def _is_called_off(status: object) -> bool:
    return re.search("cancel", str(status), re.IGNORECASE) is not None or status == "requires_approval"


def is_open(read: Reply) -> bool:
    """Whether an intent may still go on: it is in no terminal state."""
    return read.at("status") in _OPEN
