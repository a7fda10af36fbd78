"""Acts whose results several checks look at: each is performed once per run, and cited by every check that asks.

A method names the act, its arguments say with what, and the result (module `results`) holds the answers.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from conformance.errors import NotTestable
from conformance.http.reply import Reply
from conformance.oracles import equality, hints
from conformance.oracles.expect import Violation
from conformance.states import Resource
from conformance.suites.payout_intents import moments
from conformance.suites.payout_intents.assertions import (
    has_succeeded,
    holds,
    is_cancelled,
    is_shown,
    reads_otherwise,
    succeeded,
)
from conformance.suites.payout_intents.bad_requests import WRONG_FORMS
from conformance.suites.payout_intents.client import (
    REASON,
    Ask,
    body_of,
    cancel_path,
    encoded,
    read_path,
)
from conformance.suites.payout_intents.performed import Performed, shared
from conformance.suites.payout_intents.refusals import as_usual
from conformance.suites.payout_intents.results import (
    Cancelled,
    Conflict,
    Foreign,
    LeftAlone,
    Methods,
    Odd,
    Refused,
    TurnedAway,
    Unknown,
)

# Far enough apart that a clock of whole milliseconds shows two moments.
_APART_S = 0.02

WHY = "No longer needed, as was said on the phone"
"""The reason of the cancel that most checks look at; no other request has it."""


class Evidence(Performed):
    """Performs each act on first use. A check that looks at one has its exchanges on record."""

    # -- an intent that can be cancelled ---------------------------------------------------------------------------

    @shared
    def cancel(self, *, reason: str = WHY) -> Cancelled:
        """Reads an intent, cancels it for `reason` under a key, and reads it again, whatever came of it."""
        api, intent = self._api, self._fresh()
        before = api.first_seen(intent)
        moments.let_it_age(before)
        key = api.new_key()
        reply = api.cancel(intent, reason=reason, key=key)
        return Cancelled(intent, before, reply, api.confirmed(intent), reason, key)

    def cancelled(self, *, reason: str = WHY) -> Cancelled:
        """Returns an accepted `cancel`: the premise of every check that looks at more than that."""
        one = self.cancel(reason=reason)
        has_succeeded(one.before, "a documented read")
        has_succeeded(one.reply)
        return one

    def cancel_for(self, *, reason: str) -> tuple[Reply, Reply]:
        """The answer to a cancel for `reason`, and a GET after it."""
        return self.once(("cancel for", reason), lambda: self._cancelled_for(reason), alone=True)

    def _cancelled_for(self, reason: str) -> tuple[Reply, Reply]:
        intent = self._given.used("requires_approval")
        return self._api.post(intent, body_of(reason)), self._api.confirmed(intent)

    def cancel_with_body(self, body: bytes, *, what: str) -> Odd:
        """A cancel with that body, and a GET after it. Raises a Violation where it gets no answer."""

        def perform() -> Odd:
            api, given = self._api, partial(self._given.shared, "requires_approval")
            intent, reply = api.odd_of(given, lambda one: api.post(one, body), to=what)
            read = api.confirmed(intent) if succeeded(reply) else is_shown(api.still_open(intent))
            return Odd(reply, read)

        return self.once(("body", body), perform, alone=True)

    def cancel_with_body_if_answered(self, body: bytes, *, what: str) -> Odd | None:
        """Returns the answer to `cancel_with_body`; None where it gets none, which other checks of it judge."""
        try:
            return self.cancel_with_body(body, what=what)
        except Violation as fault:
            if fault.control:
                raise
            return None

    @shared
    def conflict(self, *, first: str, second: str) -> Conflict:
        """Sends the five cancels of `Conflict`. The reasons are equally long: a target might compare lengths alone."""
        api, intent, key = self._api, self._fresh(), self._api.new_key()
        done = api.cancels(intent, reason=first, key=key)
        before = api.confirmed(intent)
        time.sleep(_APART_S)
        return Conflict(
            intent,
            key,
            done,
            before,
            second=api.cancel(intent, reason=second, key=key),
            second_again=api.cancel(intent, reason=second, key=key),
            after=api.seen(intent),
            first_again=api.cancel(intent, reason=first, key=key),
            second_under_a_new_key=api.cancel(intent, reason=second),
        )

    # -- what any such request gets ---------------------------------------------------------------------------------

    def like_any(self, reply: Reply, *, to: str, hint: str = "") -> None:
        """The answer to a cancel that has to succeed is like that to any other one of this target.

        `to` is the cancel as the subject of a sentence.

        Other checks judge whether that is the documented answer: one mistake isn't to be counted twice.
        """
        usual = self.cancelled().reply
        as_usual(reply, usual, to, hint)

    def shows_cancelled(self, read: Reply, *, after: str) -> None:
        """GET shows what it shows of other cancelled intents of this target."""
        usual = self.cancelled().after
        holds(
            read,
            is_cancelled(read) or equality.same_but_nulls(read.at("status"), usual.at("status")),
            f"GET to show the intent cancelled after {after}",
            fault=reads_otherwise(read, after),
            hint=hints.by_answer(read),
        )

    def is_about_this(self, reply: Reply, asked: Ask) -> None:
        """A refusal isn't what any cancel gets that is sent so: another requirement judges that."""
        for usual in self._usual(asked):
            holds(
                usual,
                succeeded(usual) or usual.status != reply.status,
                f"{asked} not to be refused by {reply.status} whatever it is about",
                control=True,
            )

    @shared
    def _usual(self, asked: Ask) -> tuple[Reply, ...]:
        """The answers to a documented cancel, and to one that is sent so."""
        if asked not in (Ask.CANCEL_WITHOUT_KEY, Ask.CANCEL_WITHOUT_REASON):
            return (self.cancel().reply,)
        sent = self._api.ask(asked, self._fresh())
        return self.cancel().reply, sent

    # -- requests that have to be refused ----------------------------------------------------------------------------

    @shared
    def cancel_refused(self, *, state: str) -> Refused:
        """Cancels an intent whose state doesn't allow it in each documented way, and once more under the first key."""
        api, intent = self._api, self._given(state)
        untouched = self._spared(state) if state == "processing" else None
        reason, key = api.new_reason(), api.new_key()
        before = api.seen(intent)
        first = api.seen(untouched) if untouched is not None else None
        replies = {Ask.CANCEL: api.cancel(intent, reason=reason, key=key)}
        between = api.seen(intent)
        time.sleep(_APART_S)
        for asked in (Ask.CANCEL_WITHOUT_KEY, Ask.CANCEL_WITHOUT_REASON):
            replies[asked] = api.ask(asked, intent, reason=reason)
        replies[Ask.CANCEL_AGAIN] = api.cancel(intent, reason=reason, key=key)
        after = api.seen(intent)
        left = (
            LeftAlone(untouched, first, api.seen(untouched))
            if untouched is not None and first is not None
            else None
        )
        return Refused(intent, reason, before, replies, between, after, left)

    def cancel_with_wrong_credentials(self, *, own: bool = False) -> TurnedAway:
        """Cancels an intent without credentials, and with a wrong secret; `own`: one that no other check uses."""
        return self._in_vain("wrong credentials", own=own)

    def cancel_with_a_used_key(self, *, own: bool = False) -> TurnedAway:
        """Cancels an intent for another reason under a key that the cancel of another intent has used."""
        return self._in_vain("a used key", own=own)

    @shared
    def cancel_with_a_wrong_body(self) -> TurnedAway:
        """Cancels an intent with an array for a reason, and with one of more than 600 characters."""
        api = self._api
        # Some targets accept one of these, so nothing else is sent to it.
        return self._turned_away(
            "a wrong body",
            lambda intent, reason: api.post(intent, encoded({"reason": [reason]})),
            lambda intent, reason: api.post(intent, body_of(f"{reason} {'x' * 600}")),
        )

    def _in_vain(self, what: str, *, own: bool) -> TurnedAway:
        found = None if own else self._all_in_vain().get(what)
        if found is not None:
            return found
        return self.once(("in vain", what), lambda: self._turned_away(what, *self._cancels_with(what)))

    @shared
    def _all_in_vain(self) -> Mapping[str, TurnedAway]:
        """Sends both kinds to one intent, as long as it stays as it is: another one takes its place."""
        found: dict[str, TurnedAway] = {}
        intent = None
        for what in ("wrong credentials", "a used key"):
            with suppress(Violation):
                one = self._turned_away(what, *self._cancels_with(what), intent=intent)
                found[what] = replace(one, is_shared=True)
                intent = one.intent if one.is_as_before else None
        return found

    def _cancels_with(self, what: str) -> Sequence[Callable[[Resource, str], Reply]]:
        api = self._api
        if what == "a used key":
            used = self.cancelled().key
            return (lambda intent, reason: api.cancel(intent, reason=reason, key=used),)
        wrong = api.authorization(secret="no-such-secret-at-all")
        return tuple(
            lambda intent, reason, value=value: api.post(
                intent, body_of(reason), change={"Authorization": value}
            )
            for value in (None, wrong)
        )

    @shared
    def cancel_as_a_stranger(self) -> TurnedAway:
        """Cancels another merchant's intent, with a key and without one."""
        api = self._api
        return self._turned_away(
            "somebody else's credentials",
            lambda intent, reason: api.cancel(intent, reason=reason),
            lambda intent, reason: api.cancel(intent, reason=reason, key=None),
            owner="other_merchant",
        )

    @shared
    def leave_alone(self) -> TurnedAway:
        """Reads an intent that could be cancelled, and that no request cancels."""
        return self._turned_away("nothing at all")

    def _turned_away(
        self,
        what: str,
        *cancels: Callable[[Resource, str], Reply],
        owner: str = "primary",
        intent: Resource | None = None,
    ) -> TurnedAway:
        api, whose = self._api, {} if owner == "primary" else {"owner": owner}
        # Checks look at it once more in the end: until then none may cancel it.
        intent = intent or self._given.kept("requires_approval", **whose)
        before = api.seen(intent, by=owner)
        reasons = [api.new_reason() for _ in cancels]
        replies = {reason: cancel(intent, reason) for reason, cancel in zip(reasons, cancels, strict=True)}
        return TurnedAway(
            what, intent, owner, before, replies, api.seen(intent, by=owner) if cancels else before
        )

    @shared
    def ask_about_other_merchants(self, *, state: str) -> Foreign:
        """Sends each documented request about another merchant's intent in some state."""
        return self._foreign(state, "other_merchant", owner="other_merchant")

    @shared
    def ask_about_other_environments(self, *, state: str) -> Foreign:
        """Sends each documented request about an intent of the other environment in some state."""
        return self._foreign(state, "other_environment", environment="other")

    def _foreign(self, state: str, who: str, **whose: str) -> Foreign:
        api, intent, reason = self._api, self._given(state, **whose), self._api.new_reason()
        try:
            self._given.may_write(who)
            barred = None
        except NotTestable as fault:
            barred = fault
        before = api.seen(intent, by=who)
        replies = self._asked(intent, reason)
        after = api.seen(intent, by=who)
        if state != "requires_approval" or barred is not None:
            return Foreign(intent, reason, before, replies, after, barred=barred)
        owners_cancel = api.cancel(intent, by=who)
        if succeeded(owners_cancel):
            api.confirmed(intent, by=who)
        return Foreign(intent, reason, before, replies, after, owners_cancel, self._asked(intent, reason))

    def _asked(self, intent: Resource | str, reason: str) -> Mapping[Ask, Reply]:
        every = (Ask.CANCEL, Ask.CANCEL_WITHOUT_KEY, Ask.CANCEL_WITHOUT_REASON, Ask.READ)
        return {asked: self._api.ask(asked, intent, reason=reason) for asked in every}

    @shared
    def ask_about_unknown_ids(self) -> Unknown:
        """Sends each documented request about an id that was never issued, and a cancel and a read of another one."""
        api, example = self._api, self.example()
        one, other = api.unknown_id(example), api.unknown_id(example)
        replies = self._asked(one, REASON)
        return Unknown(
            (one, other), replies, {asked: api.ask(asked, other) for asked in (Ask.CANCEL, Ask.READ)}
        )

    @shared
    def cancel_an_unknown_id_twice(self) -> Reply:
        """The answer to the second of two equal cancels of an id that was never issued, both under one key.

        Raises a Violation where it gets none.
        """
        api, key = self._api, self._api.new_key()
        one = api.unknown_id(self.example())
        api.cancel(one, key=key)
        return api.odd(
            lambda: api.cancel(one, key=key), to="a cancel that got a 404, sent again under its key,"
        )

    def send_other_methods_to_the_cancel_path(self) -> Methods:
        """Sends methods other than POST to the cancel path of an intent, with all that a cancel would have."""
        return self._methods(cancel_path, "GET", {"reason": "x"}, "the cancel path")

    def send_other_methods_to_the_read_path(self) -> Methods:
        """Sends methods other than GET to the read path of an intent, asking it to be cancelled."""
        return self._methods(read_path, "POST", {"status": "cancelled"}, "the read path")

    def _methods(self, path: Callable[[Resource], str], first: str, body: Any, place: str) -> Methods:
        return self.once(
            ("methods", place), lambda: self._asked_with_methods(path, first, body, place), alone=True
        )

    def _asked_with_methods(
        self, path: Callable[[Resource], str], first: str, body: Any, place: str
    ) -> Methods:
        api, intent = self._api, self._given.shared("requires_approval")
        headers, sent = api.headers(), encoded(body)
        before, replies = api.seen(intent), {}
        for method in (first, "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "LINK"):
            content = None if method in ("GET", "HEAD", "OPTIONS") else sent
            reply = api.answered(
                partial(api.send, method, path(intent), headers, content, of=intent),
                to=f"a {method} on {place}",
            )
            if reply is not None:
                replies[method] = reply
        read = api.still_open(intent)
        # What nothing was done to so far is cancelled later, by another check.
        return Methods(place, before, replies, read, api.cancel(intent) if self._given.is_isolated else None)

    def send_wrong_forms(self) -> Mapping[str, Reply]:
        """The answers to `WRONG_FORMS`, of those that get one, by what is wrong."""
        return self.once(("wrong forms",), self._wrong_forms, alone=True)

    def _wrong_forms(self) -> Mapping[str, Reply]:
        api, intent, done = self._api, self._given.shared("requires_approval"), self.cancelled().intent
        came = {
            what: api.answered(partial(send, api, intent, done), to=f"a request with {what}")
            for what, send in WRONG_FORMS.items()
        }
        api.still_open(intent)
        return {what: reply for what, reply in came.items() if reply is not None}

    # -- resources ---------------------------------------------------------------------------------------------------

    def example(self) -> Resource | None:
        """An intent to copy the shape of an id from; None where there is none to be had."""
        known = next(iter(self._api.known.values()), None)
        if known is not None:
            return known
        try:
            return self.leave_alone().intent
        except (NotTestable, Violation):
            return None
