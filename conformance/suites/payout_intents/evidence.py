"""What several checks look at: gathered once per worker, cited by each of them, needed in no order."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from conformance import expect
from conformance.errors import NotTestable
from conformance.expect import Violation
from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.verbs import (
    PayoutIntents,
    body_of,
    cancel_path,
    encoded,
    read_path,
)

T = TypeVar("T")
Replies = Mapping[str, Reply]

# Far enough apart that a clock of whole milliseconds shows two moments.
_APART_S = 0.02


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancel under a key: GET before, its answer, GET after."""

    intent: Resource
    key: str
    reason: str
    before: Reply
    reply: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """Cancels of an intent that can't be cancelled, by how they were sent; GETs before, between, after."""

    intent: Resource
    reason: str
    before: Reply
    replies: Replies
    between: Reply
    after: Reply


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a stranger is answered about an intent, and what its owner reads before and after.

    `twin` is the owner's own cancel, and `late` what the stranger is answered then.
    """

    intent: Resource
    reason: str
    before: Reply
    replies: Replies
    after: Reply
    twin: Reply | None
    late: Replies

    def owners_cancel(self) -> Reply:
        """The answer to the owner's cancel, where the intent could be cancelled."""
        if self.twin is None:
            raise NotTestable(f"a {self.intent.status} intent can't be cancelled by its owner either")
        return self.twin


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
class Methods:
    """Requests by methods that aren't documented, what GET shows after them, and a documented cancel."""

    intent: Resource
    replies: Replies
    after: Reply
    twin: Reply


class Evidence:
    """Gathers each piece on first use. A check that looks at one has its exchanges on record."""

    def __init__(self, api: PayoutIntents, given: Given, recorder: Recorder) -> None:
        self._api = api
        self._given = given
        self._recorder = recorder
        self._kept: dict[str, tuple[Any, tuple[Exchange, ...]]] = {}

    def cancelled(self) -> Cancelled:
        """A documented cancel, seen from all sides."""

        def gather() -> Cancelled:
            api, intent = self._api, self._given("requires_approval")
            key, reason = api.new_key(), api.new_reason()
            before = api.seen(intent)
            reply = api.cancels(intent, reason=reason, key=key)
            return Cancelled(intent, key, reason, before, reply, api.confirmed(intent))

        return self._once("cancelled", gather)

    def like_any(self, reply: Reply, *, to: str, hint: str = "") -> None:
        """The answer to a cancel that has to succeed is like that to any other one of this target.

        Whether that is the documented answer is asked once, elsewhere: one mistake isn't to be counted twice.
        """
        usual = self.cancelled().reply
        expect.that(
            reply.status == usual.status and expect.same(reply.at("status"), usual.at("status")),
            expected=f"{to} to be answered as other cancels are: {usual.status}, status {usual.at('status')!r}",
            observed=expect.shown(reply),
            reply=reply,
            hint=hint,
        )

    def shows_cancelled(self, read: Reply, *, after: str) -> None:
        """GET shows what it shows of other cancelled intents of this target."""
        usual = self.cancelled().after
        expect.that(
            read.at("status") == "cancelled" or expect.same(read.at("status"), usual.at("status")),
            expected=f"GET to show the intent cancelled after {after}",
            observed=expect.shown(read),
            reply=read,
        )

    def refusal(self, status: str) -> Refusal:
        """Refused cancels of an intent in a state that doesn't allow them."""

        def gather() -> Refusal:
            api, intent = self._api, self._given(status)
            reason = api.new_reason()
            before = api.seen(intent)
            key = api.new_key()
            replies = {"with a key": api.cancel(intent, reason=reason, key=key)}
            between = api.seen(intent)
            time.sleep(_APART_S)
            replies["without a key"] = api.cancel(intent, reason=reason, key=None)
            replies["without a reason"] = api.cancel(intent, reason=None)
            replies["with the first key again"] = api.cancel(intent, reason=reason, key=key)
            return Refusal(intent, reason, before, replies, between, api.seen(intent))

        return self._once(f"refusal {status}", gather)

    def turned_away(self, kind: str) -> TurnedAway:
        """Refused cancels of an intent that could be cancelled, and that nobody else asks for."""
        return self._once(f"turned away {kind}", lambda: self._turned_away(kind))

    def bystander(self) -> TurnedAway:
        """An intent that could be cancelled, and that nobody asks for at all."""

        def gather() -> TurnedAway:
            intent = self._given("requires_approval")
            read = self._api.seen(intent)
            return TurnedAway(intent, "primary", read, {}, read)

        return self._once("bystander", gather)

    def again(self, one: TurnedAway) -> Reply:
        """What the owner of such an intent reads now."""
        return self._api.seen(one.intent, by=one.owner)

    def _turned_away(self, kind: str) -> TurnedAway:
        api, owner = self._api, "other_merchant" if kind == "a stranger" else "primary"
        used = self.cancelled().key if kind == "a used key" else ""
        intent = self._given("requires_approval", **({"owner": owner} if kind == "a stranger" else {}))
        first, second = api.new_reason(), api.new_reason()
        wrong = api.authorization(secret="no-such-secret-at-all")
        kinds: Mapping[str, Mapping[str, Callable[[], Reply]]] = {
            "wrong credentials": {
                first: lambda: api.post(intent, body_of(first), change={"Authorization": None}),
                second: lambda: api.post(intent, body_of(second), change={"Authorization": wrong}),
            },
            "a stranger": {
                first: lambda: api.cancel(intent, reason=first),
                second: lambda: api.cancel(intent, reason=second, key=None),
            },
            "a used key": {first: lambda: api.cancel(intent, reason=first, key=used)},
            "a wrong body": {
                first: lambda: api.post(intent, encoded({"reason": [first]})),
                second: lambda: api.post(intent, body_of(f"{second} {'x' * 600}")),
            },
        }
        before = api.seen(intent, by=owner)
        replies = {reason: ask() for reason, ask in kinds[kind].items()}
        return TurnedAway(intent, owner, before, replies, api.seen(intent, by=owner))

    def foreign(self, status: str) -> Foreign:
        """Another merchant's intent in some state."""
        return self._once(
            f"foreign {status}", lambda: self._foreign(status, "other_merchant", owner="other_merchant")
        )

    def elsewhere(self, status: str = "requires_approval") -> Foreign:
        """An intent of the other environment in some state."""
        return self._once(
            f"elsewhere {status}", lambda: self._foreign(status, "other_environment", environment="other")
        )

    def _foreign(self, status: str, who: str, **whose: str) -> Foreign:
        api, intent = self._api, self._given(status, **whose)
        reason = api.new_reason()

        def ask() -> Replies:
            return {
                "a cancel with a key": api.cancel(intent, reason=reason),
                "a cancel without a key": api.cancel(intent, reason=reason, key=None),
                "a cancel without a reason": api.cancel(intent, reason=None),
                "a read": api.read(intent),
            }

        before = api.seen(intent, by=who)
        replies = ask()
        after = api.seen(intent, by=who)
        open_still = status == "requires_approval"
        twin = api.cancel(intent, by=who) if open_still else None
        return Foreign(intent, reason, before, replies, after, twin, ask() if open_still else {})

    def unknown(self) -> Unknown:
        """Cancels and reads of ids that were never issued."""

        def gather() -> Unknown:
            api, example = self._api, self._example()
            one, other, key = api.unknown_id(example), api.unknown_id(example), api.new_key()
            replies = {
                "a cancel with a key": api.cancel(one, key=key),
                "a cancel with that key again": api.cancel(one, key=key),
                "a cancel without a key": api.cancel(one, key=None),
                "a cancel without a reason": api.cancel(one, reason=None),
                "a read": api.read(one),
                "a cancel of another one": api.cancel(other),
                "a read of another one": api.read(other),
            }
            return Unknown((one, other), replies)

        return self._once("unknown", gather)

    def conflict(self) -> Conflict:
        """One key for two reasons."""

        def gather() -> Conflict:
            api, intent = self._api, self._given("requires_approval")
            key, reason, other = api.new_key(), api.new_reason(), api.new_reason()
            first = api.cancels(intent, reason=reason, key=key)
            before = api.confirmed(intent)
            time.sleep(_APART_S)
            conflicts = {
                "the first time": api.cancel(intent, reason=other, key=key),
                "the second time": api.cancel(intent, reason=other, key=key),
            }
            after = api.seen(intent)
            replay = api.cancel(intent, reason=reason, key=key)
            late = api.cancel(intent, reason=other)
            return Conflict(intent, reason, other, first, before, conflicts, after, replay, late)

        return self._once("conflict", gather)

    def methods(self, place: str) -> Methods:
        """Other methods on `the cancel path` or `the read path`, with everything that a cancel would have."""

        def gather() -> Methods:
            api, intent = self._api, self._given("requires_approval")
            headers = [(name, value) for name, value in api.documented().items() if value is not None]
            if place == "the cancel path":
                path, methods, body = cancel_path(intent), ("GET", "PUT", "PATCH", "DELETE"), {"reason": "x"}
            else:
                path, methods, body = (
                    read_path(intent),
                    ("POST", "PUT", "PATCH", "DELETE"),
                    {"status": "cancelled"},
                )
            replies = {
                method: api.send(method, path, headers, None if method == "GET" else encoded(body))
                for method in methods
            }
            replies |= {method: api.send(method, path, headers) for method in ("HEAD", "OPTIONS")}
            after = api.until(lambda: api.read(intent), lambda reply: reply.status != 404)
            return Methods(intent, replies, after, api.cancel(intent))

        return self._once(place, gather)

    def bad_requests(self) -> Replies:
        """Requests that are refused for their form, and not for a documented cause."""

        def gather() -> Replies:
            api, intent, done = self._api, self._given("requires_approval"), self.cancelled().intent
            pair = api.credentials()
            return {
                "broken JSON": api.post(intent, b'{"reason": '),
                "a body that is no object": api.post(intent, b'["reason"]'),
                "a body that is not UTF-8": api.post(intent, b'{"reason": "\xff\xfe"}'),
                "a reason that is a number": api.post(intent, b'{"reason": 7}'),
                "a reason of 600 characters": api.cancel(intent, reason="x" * 600),
                "a body in XML": api.post(intent, b"<reason/>", change={"Content-Type": "application/xml"}),
                "no credentials": api.post(done, b"{}", change={"Authorization": None}),
                "undecodable credentials": api.post(done, b"{}", change={"Authorization": "Basic ***"}),
                "a Bearer token": api.post(done, b"{}", change={"Authorization": f"Bearer {pair.secret}"}),
                "a read without credentials": api.read(done, authorization=None),
            }

        return self._once("bad requests", gather)

    def _example(self) -> Resource | None:
        """An intent to copy the shape of an id from; None where there is none to be had."""
        try:
            return self.cancelled().intent
        except (NotTestable, Violation):
            return None

    def _once(self, name: str, gather: Callable[[], T]) -> T:
        if name not in self._kept:
            already = len(self._recorder.exchanges)
            found: T | Exception
            try:
                found = gather()
            except (NotTestable, Violation) as fault:
                found = fault
            self._kept[name] = found, tuple(self._recorder.exchanges[already:])
        result, exchanges = self._kept[name]
        self._recorder.cite(exchanges)
        if isinstance(result, Exception):
            raise result.with_traceback(None)
        return cast("T", result)


def goes_ahead(refusal: Refusal, read: Reply, when: str) -> None:
    """A processing intent proceeds: it isn't cancelled, and nothing of the refused cancels is kept."""
    status, was = read.at("status"), refusal.before.at("status")
    code, message = read.at("failure_code"), read.at("failure_message")
    wrong = []
    if re.search("cancel", str(status), re.IGNORECASE) or status == "requires_approval":
        wrong.append(f"status is {status!r}")
    # It may have settled meanwhile, and then a failure code of its own is no wonder.
    if re.search("cancel|approval_required", str(code), re.IGNORECASE) or (
        status == was and code and code != refusal.before.at("failure_code")
    ):
        wrong.append(f"failure_code is {code!r}")
    if refusal.reason in str(message):
        wrong.append("failure_message is the reason of the refused request")
    wrong += [
        f"{key} is {read.at(key)!r} and no longer {refusal.before.at(key)!r}"
        for key in ("amount", "currency", "merchant_reference", "recipient")
        if not expect.same(read.at(key), refusal.before.at(key))
    ]
    expect.that(
        not wrong,
        expected=f"a processing intent to proceed {when}",
        observed=f"GET shows that {', '.join(wrong)} ({expect.shown(read)})",
        reply=read,
        hint="Check the status before anything is written, in the same transaction, and leave nothing to a job.",
    )
