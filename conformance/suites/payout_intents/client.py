"""The payout intents API as its tests use it: the documented requests, and those that differ from them in one thing."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from conformance import unknown_ids
from conformance.errors import NotTestable, TransportError
from conformance.http import summary
from conformance.http.client import Request
from conformance.http.polling import Polling
from conformance.http.redact import sent_credentials
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles import concurrency, equality, expect, odd_requests
from conformance.oracles.concurrency import whole_race
from conformance.oracles.every_response import is_kept
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import (
    has_succeeded,
    is_cancelled,
    is_shown,
    succeeded,
)
from conformance.suites.payout_intents.callers import Callers
from conformance.suites.payout_intents.documented import (
    DOCUMENTED,
    FRESH,
    REASON,
    Ask,
    Target,
    body_of,
    cancel_path,
    encoded,
    read_path,
)
from conformance.suites.payout_intents.moved import moved, not_marked
from conformance.suites.payout_intents.refusals import no_longer_cancels, unanswered
from conformance.suites.payout_intents.watched import watched

# Checks take the parts of a documented request from here, too.
__all__ = [
    "CONFIRMED",
    "DOCUMENTED",
    "FRESH",
    "KNOWN",
    "REASON",
    "SHARED",
    "UNSURE",
    "Ask",
    "Call",
    "Pairs",
    "PayoutIntents",
    "Target",
    "body_of",
    "cancel_path",
    "encoded",
    "read_path",
]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# No target may refuse a reason of so many ASCII characters.
_PLAIN = 200

T = TypeVar("T")
Call = Callable[[], Reply]
Pairs = Iterable[tuple[str, str]]

KNOWN, UNSURE, CONFIRMED, SHARED = "known", "unsure", "confirmed", "shared"
"""Mark an intent that was to be cancelled; one a cancel of which got no answer, and may have been carried out; one that
a read has shown cancelled, with that read; and one that refused requests of several checks may have been about.
"""


class PayoutIntents(Callers):
    """Cancels and reads payout intents; what a test doesn't change is sent as documented."""

    def __init__(self, session: Session, run_answers: RunAnswers) -> None:
        super().__init__(session)
        self._run_answers = run_answers
        self._client = session.client
        self._polling = Polling()
        # The intents that this worker has sent cancels of.
        self.known: dict[str, Resource] = {}
        # Those that requests of several checks were about, of this worker's.
        self._shared: set[str] = set()
        # Those that the target was asked to pay, and those that a read has shown cancelled, in this worker.
        self.settled: list[Resource] = []
        self._confirmed: set[str] = set()
        session.sharing.cancels = lambda one: self.cancel(one, by=one.wanted.whose)

    # -- documented requests -------------------------------------------------------------------------------

    def cancel(
        self, intent: Target, *, reason: str | None = REASON, key: str | None = FRESH, by: str = "primary"
    ) -> Reply:
        """A cancel as documented: reason None sends `{}`, key None no Idempotency-Key."""
        plain = reason is None or (len(reason) <= _PLAIN and reason.isascii())
        usual = key is None or key is FRESH or _UUID.fullmatch(key) is not None
        return self._asked(intent, body_of(reason), key, by, {}, (), plain and usual)

    def post(
        self,
        intent: Target,
        body: bytes | None,
        *,
        key: str | None = FRESH,
        by: str = "primary",
        change: Mapping[str, str | None] | None = None,
        more: Pairs = (),
    ) -> Reply:
        """A cancel with any body; `change` replaces documented headers (None leaves one out), `more` adds to them."""
        return self._asked(intent, body, key, by, change or {}, more, False)

    def odd(self, ask: Call, *, to: str) -> Reply:
        """The answer to a request that is unusual on purpose; that it is never answered is that request's finding."""
        return odd_requests.odd(ask, lambda: self.read(unknown_ids.like(None)), to=to)

    def answered(self, ask: Call, *, to: str) -> Reply | None:
        """Returns as `odd` does, but None where no answer ever comes: another requirement judges that."""
        try:
            return self.odd(ask, to=to)
        except expect.Violation:
            return None

    def odd_of(
        self,
        given: Callable[[], Resource],
        ask: Callable[[Resource], Reply],
        *,
        to: str,
        first: Resource | None = None,
    ) -> tuple[Resource, Reply]:
        """Returns as `odd` does, about another intent each time: one without an answer may have been cancelled."""
        asked: list[Resource] = []

        def once() -> Reply:
            asked.append(first if first is not None and not asked else given())
            return ask(asked[-1])

        try:
            reply = self.odd(once, to=to)
        except expect.Violation as fault:
            raise unanswered(fault, self.read(asked[-1])) from fault.__cause__
        return asked[-1], reply

    def hangs_up(self, intent: Resource, *, reason: str, key: str | None, **how: Any) -> None:
        """A documented cancel whose sender hangs up once it is written; `how` as in `Client.abandon`."""
        request = Request(
            "POST", cancel_path(intent), tuple(self.headers(key=key)), body_of(reason), Auth.DOCUMENTED
        )
        self._session.sharing.discard(intent)
        self._client.abandon(lambda: request, **how)
        self._is_known(intent)
        self._run_answers.mark(UNSURE, intent)

    def _asked(
        self,
        intent: Target,
        body: bytes | None,
        key: str | None,
        by: str,
        change: Mapping[str, str | None],
        more: Pairs,
        documented: bool,
    ) -> Reply:
        headers = [*self.headers(by=by, key=key, change=change), *more]
        auth = Auth.ALTERED if "Authorization" in change else Auth.DOCUMENTED
        about = intent if isinstance(intent, Resource) else None
        request = Request("POST", cancel_path(intent), tuple(headers), body, auth)
        try:
            reply = self._noted(request, by, about, documented)
        except TransportError:
            self._run_answers.mark(UNSURE, intent)
            if about is not None:
                self._session.sharing.discard(about)
            raise
        if about is not None:
            self._is_known(about)
            self._changes(about, reply)
            watched(self._session.watch, about, by, key, body, reply)
        return reply

    def _is_known(self, intent: Resource) -> None:
        if intent.id not in self.known:
            self.known[intent.id] = intent
            self._run_answers.mark(KNOWN, intent)

    def read(
        self, intent: Target, *, by: str = "primary", authorization: str | None = DOCUMENTED, query: str = ""
    ) -> Reply:
        """GET on the intent; `authorization` replaces the documented one, and `query` stands behind the path."""
        headers, auth = [("Authorization", self.authorization(by=by))], Auth.DOCUMENTED
        if authorization is None:
            headers, auth = [], Auth.NONE
        elif authorization is not DOCUMENTED:
            headers, auth = [("Authorization", authorization)], Auth.ALTERED
        return self.send("GET", read_path(intent) + query, headers, None, auth)

    def ask(self, asked: Ask, intent: Target, *, reason: str = REASON, by: str = "primary") -> Reply:
        """One of the documented requests; a cancel has a key of its own, and `reason`, unless `asked` is without."""
        if asked is Ask.READ:
            return self.read(intent, by=by)
        return self.cancel(
            intent,
            reason=None if asked is Ask.CANCEL_WITHOUT_REASON else reason,
            key=None if asked is Ask.CANCEL_WITHOUT_KEY else FRESH,
            by=by,
        )

    def ask_raw(self, asked: Ask, raw: str) -> Reply:
        """A cancel or a read, its id spelt in the path as `raw`, escapes and all."""
        path = f"/payout_intents/{raw}"
        if asked is Ask.READ:
            return self.send("GET", path, [("Authorization", self.authorization())])
        return self.send("POST", f"{path}/cancel", self.headers(), b"{}")

    def send(
        self,
        method: str,
        path: str,
        headers: Pairs,
        body: bytes | None = None,
        auth: Auth = Auth.DOCUMENTED,
        *,
        of: Resource | None = None,
    ) -> Reply:
        """The answer to this request, whose path goes out as it stands; an accepted POST cancels the intent `of`."""
        try:
            reply = self._noted(Request(method, path, tuple(headers), body, auth))
        except TransportError:
            if of is not None:
                self._session.sharing.discard(of)
            raise
        if of is not None and method == "POST":
            self._changes(of, reply)
        return reply

    def _changes(self, intent: Resource, reply: Reply) -> None:
        """Notes for checks that share an intent what a cancel of it was answered."""
        if succeeded(reply):
            self._session.sharing.proved(intent, reply.exchange)
        elif self._session.sharing.defers(intent) and intent.id not in self._shared:
            self._shared.add(intent.id)
            self._run_answers.mark(SHARED, intent)

    def _noted(
        self, request: Request, by: str = "", about: Resource | None = None, documented: bool = False
    ) -> Reply:
        reply = self._client.send(lambda: request)
        if is_kept(reply):
            self._run_answers.note(
                RecordedAnswer(reply, by, about, documented, tuple(sent_credentials(request.headers)))
            )
        return reply

    def headers(
        self,
        *,
        by: str = "primary",
        key: str | None = FRESH,
        change: Mapping[str, str | None] | None = None,
    ) -> list[tuple[str, str]]:
        """The documented headers of a cancel; `change` replaces some of them (None leaves one out)."""
        headers: dict[str, str | None] = {
            "Authorization": self.authorization(by=by),
            "Content-Type": "application/json",
            "Idempotency-Key": self.new_key() if key is FRESH else key,
            **(change or {}),
        }
        return [(name, value) for name, value in headers.items() if value is not None]

    def will_settle(self, intent: Resource) -> None:
        """Notes that the target is asked to pay an intent: what becomes of it then is for PI-09 to judge."""
        self.settled.append(intent)
        self._session.sharing.discard(intent)
        self._session.watch.leave_out(intent.id)

    # -- what has to work, and waiting for it --------------------------------------------------------------

    def cancels(self, intent: Target, **how: Any) -> Reply:
        """A cancel that has to succeed before a check can begin."""
        return has_succeeded(self.cancel(intent, **how))

    def still_cancels(
        self,
        intent: Target,
        *,
        after: str,
        by: str = "primary",
        refused: Reply | None = None,
        judged: bool = True,
    ) -> Reply:
        """The answer to the documented cancel: what came before, `after` in words, had no effect on this intent.

        If it is refused, a read tells whether `after` has cancelled the intent, and `refused` is the answer that said
        otherwise; if not, the check is not testable. Nor is it, whatever the read tells, where that isn't `judged`:
        test_refused_requests looks at every request that was refused for its form. For an intent that checks share,
        a later cancel proves it: the answer is then a read, which shows nothing changed so far.
        """
        if isinstance(intent, Resource) and self._session.sharing.defers(intent):
            shown = self.read(intent, by=by)
            if equality.same(shown.at("status"), intent.status):
                not_marked(self._session, intent, shown, lambda one: self.read(one, by=by), after=after)
                return shown
        if isinstance(intent, Resource):
            self._session.await_effect(intent)
        reply = self.cancel(intent, by=by)
        if succeeded(reply):
            return reply
        read = self.read(intent, by=by)
        has_moved = False
        if isinstance(intent, Resource) and not is_cancelled(read):
            self._session.sharing.doubtful = intent
            self.cancel(intent, by=by)
            has_moved = moved(self._session, intent, read, lambda one: self.read(one, by=by))
        fault = no_longer_cancels(reply, read, after, refused, has_moved=has_moved)
        fault.control = fault.control or not (judged or has_moved)
        raise fault

    def still_open(self, intent: Resource, *, by: str = "primary") -> Reply:
        """GET after requests that must have no effect; where it shows another status no other check gets the intent."""
        read = self.first_seen(intent, by=by)
        if not equality.same(read.at("status"), intent.status):
            self._session.sharing.discard(intent)
        return read

    def seen(self, intent: Target, *, by: str = "primary") -> Reply:
        """GET of an intent that has to be there; one that was made just now may show up a little later."""
        return is_shown(self.first_seen(intent, by=by))

    def first_seen(self, intent: Target, *, by: str = "primary") -> Reply:
        """The first GET that isn't a 404, or the last one, whatever it shows."""
        return self.until(lambda: self.read(intent, by=by), lambda reply: reply.status != 404)

    def confirmed(self, intent: Target, *, by: str = "primary") -> Reply:
        """GET once it says cancelled, or the last one: a copy that is read from may lag a little."""
        read = self.until(lambda: self.read(intent, by=by), is_cancelled)
        if isinstance(intent, Resource) and is_cancelled(read):
            self._is_confirmed(intent, read)
        return read

    def _is_confirmed(self, intent: Resource, read: Reply) -> None:
        if intent.id not in self._confirmed:
            self._confirmed.add(intent.id)
            self._run_answers.mark(CONFIRMED, intent, read)

    def read_everywhere(self, intent: Target, *, by: str = "primary") -> list[Reply]:
        """The answers to several reads at once, each on a connection of its own: several processes may answer them."""
        calls = [lambda: self.read(intent, by=by)] * min(5, self._session.profile.limits.concurrency)
        return list(self.race(calls).replies)

    def dissent(self, intent: Target) -> Reply | None:
        """A read that still doesn't show the intent cancelled when all should; None where there is none."""
        return self._polling.dissent(lambda: self.read_everywhere(intent), is_cancelled)

    def until(self, ask: Callable[[], Reply], good: Callable[[Reply], bool]) -> Reply:
        """The first good answer within two seconds, or the last one. Waiting in vain is done once per worker."""
        return self._polling.until(ask, good)

    def unknown_id(self, example: Target | None) -> str:
        """An id in the shape of `example` that names nothing: reading it has shown so."""
        for _ in range(3):
            one = unknown_ids.like(example.id if isinstance(example, Resource) else example)
            reply = self.read(one)
            if not reply.ok:
                return one
        raise expect.Violation(
            expected="a GET of an id that was just made up not to be answered by a 2xx, so that it can be cancelled",
            observed=f"three of them were, the last one by {summary.of(reply)}",
            reply=reply,
            control=True,
            fault=f"A GET of an id that was never issued was answered {reply.status}",
        )

    # -- races -----------------------------------------------------------------------------------------------

    @property
    def racers(self) -> int:
        """How many requests race: up to five, within `limits.concurrency`."""
        racers = min(5, self._session.profile.limits.concurrency)
        if racers < 2:
            raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
        return racers

    def race(self, calls: Sequence[Call]) -> concurrency.Race:
        """The calls at the same moment. Raises the TransportError of one that got no answer."""
        race = concurrency.race(self._client, calls)
        if race.faults:
            raise race.faults[0]
        return race

    def raced(self, begin: Callable[[], tuple[T, Sequence[Call]]]) -> tuple[T, concurrency.Race]:
        """Returns what `begin` made ready, and a race of the calls that it gave; run again where one got no answer."""
        return whole_race(self._client, begin)
