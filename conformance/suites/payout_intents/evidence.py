"""What several checks look at: gathered once per worker, cited by each of them, needed in no order."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from conformance.errors import NotTestable
from conformance.http import summary
from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.oracles import equality, expect
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.odd import let_it_age, refused_for_their_form
from conformance.suites.payout_intents.pieces import (
    Cancelled,
    Conflict,
    Foreign,
    Methods,
    Odd,
    Refusal,
    Replies,
    TurnedAway,
    Twin,
    Unknown,
)
from conformance.suites.payout_intents.texts import FREE_TEXT
from conformance.suites.payout_intents.verbs import (
    PayoutIntents,
    body_of,
    cancel_path,
    encoded,
    is_cancelled,
    read_path,
    succeeded,
)

T = TypeVar("T")

# Far enough apart that a clock of whole milliseconds shows two moments.
_APART_S = 0.02


class Evidence:
    """Gathers each piece on first use. A check that looks at one has its exchanges on record."""

    def __init__(self, api: PayoutIntents, given: Given, recorder: Recorder) -> None:
        self._api = api
        self._given = given
        self._recorder = recorder
        self._kept: dict[str, tuple[Any, tuple[Exchange, ...]]] = {}

    def tried(self) -> Cancelled:
        """A documented cancel, seen from all sides, whatever came of it: for the rows that are about that request."""

        def gather() -> Cancelled:
            api, intent = self._api, self._given("requires_approval")
            key, reason = api.new_key(), api.new_reason()
            before = api.until(lambda: api.read(intent), lambda reply: reply.status != 404)
            let_it_age(before)
            reply = api.cancel(intent, reason=reason, key=key)
            return Cancelled(intent, key, reason, before, reply, api.confirmed(intent))

        return self._once("tried", gather)

    def cancelled(self) -> Cancelled:
        """The same, where it was accepted: it controls every check that looks at more than that."""
        one = self.tried()
        for reply, what in ((one.before, "a documented read"), (one.reply, "a documented cancel")):
            expect.that(
                succeeded(reply),
                expected=f"{what} to succeed, so that the check can begin",
                observed=summary.of(reply),
                reply=reply,
                control=True,
            )
        return one

    def like_any(self, reply: Reply, *, to: str, hint: str = "") -> None:
        """The answer to a cancel that has to succeed is like that to any other one of this target.

        Whether that is the documented answer is asked once, elsewhere: one mistake isn't to be counted twice.
        """
        usual = self.cancelled().reply
        expect.that(
            reply.status == usual.status and equality.same_but_nulls(reply.at("status"), usual.at("status")),
            expected=f"{to} to be answered as other cancels are: {usual.status}, status {usual.at('status')!r}",
            observed=summary.of(reply),
            reply=reply,
            hint=hint,
        )

    def shows_cancelled(self, read: Reply, *, after: str) -> None:
        """GET shows what it shows of other cancelled intents of this target."""
        usual = self.cancelled().after
        expect.that(
            is_cancelled(read) or equality.same_but_nulls(read.at("status"), usual.at("status")),
            expected=f"GET to show the intent cancelled after {after}",
            observed=summary.of(read),
            reply=read,
        )

    def is_about_this(self, reply: Reply, how: str) -> None:
        """Another refusal than the documented one isn't what any cancel gets that is sent so: that's another row's."""

        def gather() -> tuple[Reply, ...]:
            api, intent = self._api, self._fresh()
            sent = api.cancel(intent, key=None) if how == "without a key" else api.cancel(intent, reason=None)
            return self.tried().reply, *([sent] if how in ("without a key", "without a reason") else [])

        for usual in self._once(f"usual {how}", gather):
            expect.that(
                succeeded(usual) or usual.status != reply.status,
                expected=f"a cancel {how} not to be refused by {reply.status} whatever it is about",
                observed=summary.of(usual),
                reply=usual,
                control=True,
            )

    def refusal(self, status: str) -> Refusal:
        """Refused cancels of an intent in a state that doesn't allow them."""

        def gather() -> Refusal:
            api, intent = self._api, self._given(status)
            twin = self._spared(status) if status == "processing" else None
            reason = api.new_reason()
            before = api.seen(intent)
            twins = api.seen(twin) if twin is not None else None
            key = api.new_key()
            replies = {"with a key": api.cancel(intent, reason=reason, key=key)}
            between = api.seen(intent)
            time.sleep(_APART_S)
            replies["without a key"] = api.cancel(intent, reason=reason, key=None)
            replies["without a reason"] = api.cancel(intent, reason=None)
            replies["with the first key again"] = api.cancel(intent, reason=reason, key=key)
            after = api.seen(intent)
            left = Twin(twin, twins, api.seen(twin)) if twin is not None and twins is not None else None
            return Refusal(intent, reason, before, replies, between, after, left)

        return self._once(f"refusal {status}", gather)

    def _fresh(self) -> Resource:
        return self._given("requires_approval")

    def _spared(self, status: str) -> Resource | None:
        """One more in that state, where there is one to spare."""
        try:
            return self._given(status)
        except NotTestable:
            return None

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
        used = api.new_key()
        if kind == "a used key":
            api.cancels(self._given("requires_approval"), key=used)
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

        try:
            self._given.may_write(who)
            barred = None
        except NotTestable as fault:
            barred = fault
        before = api.seen(intent, by=who)
        replies = ask()
        after = api.seen(intent, by=who)
        if status != "requires_approval" or barred is not None:
            return Foreign(intent, reason, before, replies, after, barred=barred)
        twin = api.cancel(intent, by=who)
        return Foreign(intent, reason, before, replies, after, twin, ask())

    def unknown(self) -> Unknown:
        """Cancels and reads of ids that were never issued."""
        example = self._example()

        def gather() -> Unknown:
            api = self._api
            one, other = api.unknown_id(example), api.unknown_id(example)
            replies = {
                "a cancel with a key": api.cancel(one),
                "a cancel without a key": api.cancel(one, key=None),
                "a cancel without a reason": api.cancel(one, reason=None),
                "a read": api.read(one),
                "a cancel of another one": api.cancel(other),
                "a read of another one": api.read(other),
            }
            return Unknown((one, other), replies)

        return self._once("unknown", gather)

    def unknown_again(self) -> Reply:
        """A cancel of an id that was never issued, sent again under its key; a Violation where that gets no answer."""
        example = self._example()

        def gather() -> Reply:
            api, key = self._api, self._api.new_key()
            one = api.unknown_id(example)
            api.cancel(one, key=key)
            return api.odd(
                lambda: api.cancel(one, key=key), to="a cancel that got a 404, sent again under its key,"
            )

        return self._once("unknown again", gather)

    def trims(self) -> bool:
        """Whether outer white space of a reason is dropped, which is for PI-27 to judge."""
        echo = self.echoed("outer_spaces")[1]
        came = echo.at("failure_message")
        return isinstance(came, str) and came == came.strip()

    def echoed(self, which: str) -> tuple[Reply, Reply]:
        """The answer to a cancel with that free text for a reason, and a GET after it."""

        def gather() -> tuple[Reply, Reply]:
            api, intent = self._api, self._given("requires_approval")
            return api.post(intent, body_of(FREE_TEXT[which])), api.confirmed(intent)

        return self._once(f"echoed {which}", gather)

    def answered_body(self, what: str, body: bytes) -> Odd | None:
        """As `odd_body`; None where it is never answered, which is for the row's other checks to tell."""
        try:
            return self.odd_body(what, body)
        except Violation as fault:
            if fault.control:
                raise
            return None

    def odd_body(self, what: str, body: bytes) -> Odd:
        """A cancel with that body, and a GET after it."""

        def gather() -> Odd:
            api = self._api
            intent, reply = api.odd_of(self._fresh, lambda one: api.post(one, body), to=what)
            return Odd(intent, reply, (api.confirmed if succeeded(reply) else api.seen)(intent))

        return self._once(f"odd body {what}", gather)

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
            sent = encoded(body)
            asked = {method: None if method == "GET" else sent for method in methods}
            came = {
                method: api.answered(
                    partial(api.send, method, path, headers, content), to=f"a {method} on {place}"
                )
                for method, content in [*asked.items(), ("HEAD", None), ("OPTIONS", None)]
            }
            replies = {method: reply for method, reply in came.items() if reply is not None}
            after = api.until(lambda: api.read(intent), lambda reply: reply.status != 404)
            return Methods(intent, replies, after, api.cancel(intent))

        return self._once(place, gather)

    def bad_requests(self) -> Replies:
        """Requests that are refused for their form, and not for a documented cause."""

        def gather() -> Replies:
            api, intent, done = self._api, self._given("requires_approval"), self.cancelled().intent
            return refused_for_their_form(api, intent, done)

        return self._once("bad requests", gather)

    def _example(self) -> Resource | None:
        """An intent to copy the shape of an id from; None where there is none to be had."""
        known = next(iter(self._api.known.values()), None)
        if known is not None:
            return known
        try:
            return self.bystander().intent
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
