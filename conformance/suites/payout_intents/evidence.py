"""What several checks look at: gathered once per worker, cited by each of them, needed in no order."""

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
from conformance.suites.payout_intents.verbs import PayoutIntents, cancel_path, encoded, read_path

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
            replies = {"with a key": api.cancel(intent, reason=reason)}
            between = api.seen(intent)
            time.sleep(_APART_S)
            replies["without a key"] = api.cancel(intent, reason=reason, key=None)
            replies["without a reason"] = api.cancel(intent, reason=None)
            return Refusal(intent, reason, before, replies, between, api.seen(intent))

        return self._once(f"refusal {status}", gather)

    def foreign(self, status: str) -> Foreign:
        """Another merchant's intent in some state."""
        return self._once(
            f"foreign {status}", lambda: self._foreign(status, "other_merchant", owner="other_merchant")
        )

    def elsewhere(self) -> Foreign:
        """An intent of the other environment that awaits approval."""
        return self._once(
            "elsewhere", lambda: self._foreign("requires_approval", "other_environment", environment="other")
        )

    def _foreign(self, status: str, who: str, **whose: str) -> Foreign:
        api, intent = self._api, self._given(status, **whose)
        reason = api.new_reason()

        def ask() -> Replies:
            return {
                "a cancel with a key": api.cancel(intent, reason=reason),
                "a cancel without a key": api.cancel(intent, reason=reason, key=None),
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
            one, other = api.unknown_id(example), api.unknown_id(example)
            replies = {
                "a cancel with a key": api.cancel(one),
                "a cancel without a key": api.cancel(one, key=None),
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
            return Methods(intent, replies, api.read(intent), api.cancel(intent))

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
