"""The verbs of the payout intents API, as its tests use them."""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import uuid4

from conformance.errors import NotTestable, TransportError
from conformance.http import summary
from conformance.http.auth import Credentials, basic
from conformance.http.client import Request
from conformance.http.polling import Polling
from conformance.http.redact import sent_credentials
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.model import Auth
from conformance.oracles import concurrency, expect, keys, odd_requests
from conformance.oracles.every_response import is_kept
from conformance.oracles.expect import Answer
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.payout_intents.ids import unknown_like

# The documented answers (sections Success, Error: 422 approval_required, Other outcomes).
CANCELLED = Answer(202, fields=(("status", "cancelled"),))
REFUSED = Answer(422, "approval_required")
NOT_FOUND = Answer(404, "not_found")
CONFLICT = Answer(409, "idempotency_conflict")

# The keys of a payout intent (section Success).
KEYS = CONTRACT.answers.keys

REASON = "ordered_twice"
FRESH: Final = "<a key of its own>"
"""Stands for a key that nobody else uses; None stands for no key."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A reason of so many ASCII characters is nothing that anybody could refuse.
_PLAIN = 100

T = TypeVar("T")
Call = Callable[[], Reply]
Target = Resource | str
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A cancel of an intent, by whom, and its answer. `documented` if nothing is odd, its reason and key neither."""

    intent: Resource
    by: str
    reply: Reply
    documented: bool


class PayoutIntents:
    """Cancels and reads payout intents; what a test doesn't change is sent as documented."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client = session.client
        self._patience = Polling()
        # What this worker did so far, for the checks that look back on it in the end.
        self.asked: list[Asked] = []
        self.known: dict[str, Resource] = {}
        self.settled: list[Resource] = []
        # A request about these got no answer, and may have been carried out.
        self.unsure: set[str] = set()
        self.confirmations: dict[str, tuple[Resource, str, Reply]] = {}
        self.answers: list[tuple[Reply, tuple[str, ...]]] = []

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
        """The answer to a request that is odd on purpose; one that is never answered is that request's finding."""
        return odd_requests.odd(ask, lambda: self.read(unknown_like(None)), to=to)

    def answered(self, ask: Call, *, to: str) -> Reply | None:
        """As `odd`, but None where it is never answered: that isn't accepted, and another row tells it."""
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
        """As `odd`, about an intent that is another one each time: one without an answer may have been cancelled."""
        asked: list[Resource] = []

        def once() -> Reply:
            asked.append(first if first is not None and not asked else given())
            return ask(asked[-1])

        reply = self.odd(once, to=to)
        return asked[-1], reply

    def hangs_up(self, intent: Resource, *, reason: str, key: str) -> None:
        """A documented cancel whose sender hangs up as soon as it is written."""
        headers = [(name, value) for name, value in self.documented(key=key).items() if value is not None]
        request = Request("POST", cancel_path(intent), tuple(headers), body_of(reason), Auth.DOCUMENTED)
        self._client.abandon(lambda: request)
        self.known[intent.id] = intent
        self.unsure.add(intent.id)

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
        headers = {**self.documented(by, key), **change}
        pairs = [(name, value) for name, value in headers.items() if value is not None]
        auth = Auth.ALTERED if "Authorization" in change else Auth.DOCUMENTED
        try:
            reply = self.send("POST", cancel_path(intent), [*pairs, *more], body, auth)
        except TransportError:
            self.unsure.add(intent.id if isinstance(intent, Resource) else intent)
            raise
        if isinstance(intent, Resource):
            self.known[intent.id] = intent
            if is_kept(reply):
                self.asked.append(Asked(intent, by, reply, documented))
            if succeeded(reply) and by == intent.wanted.whose and intent.status == "requires_approval":
                self._session.watch.cancelled(intent.id, by=by, status=intent.status, told={})
        return reply

    def read(self, intent: Target, *, by: str = "primary", authorization: str | None = "") -> Reply:
        """GET on the intent; another `authorization` (None for no such header) replaces the documented one."""
        pair = self.credentials(by)
        value = basic(pair.key, pair.secret) if authorization == "" else authorization
        auth = (
            Auth.DOCUMENTED if authorization == "" else Auth.NONE if authorization is None else Auth.ALTERED
        )
        return self.send(
            "GET", read_path(intent), [] if value is None else [("Authorization", value)], None, auth
        )

    def send(
        self, method: str, path: str, headers: Pairs, body: bytes | None = None, auth: Auth = Auth.DOCUMENTED
    ) -> Reply:
        """Just this request: the path goes out as it stands."""
        request = Request(method, path, tuple(headers), body, auth)
        reply = self._client.send(lambda: request)
        if is_kept(reply):
            self.answers.append((reply, tuple(sent_credentials(request.headers))))
        return reply

    def documented(self, by: str = "primary", key: str | None = FRESH) -> dict[str, str | None]:
        """The documented headers of a cancel."""
        pair = self.credentials(by)
        headers: dict[str, str | None] = {
            "Authorization": basic(pair.key, pair.secret),
            "Content-Type": "application/json",
        }
        if key is not None:
            headers["Idempotency-Key"] = self.new_key() if key is FRESH else key
        return headers

    def will_settle(self, intent: Resource) -> None:
        """Notes that the target is asked to pay an intent: what becomes of it then is for PI-09 to judge."""
        self.settled.append(intent)
        self._session.watch.leave_out(intent.id)

    # -- what has to work, and waiting for it --------------------------------------------------------------

    def cancels(self, intent: Target, **how: Any) -> Reply:
        """A cancel that has to succeed before a check can begin."""
        reply = self.cancel(intent, **how)
        expect.that(
            succeeded(reply),
            expected="a documented cancel to succeed, so that the check can begin",
            observed=summary.of(reply),
            reply=reply,
            control=True,
        )
        return reply

    def still_cancels(self, intent: Target, *, after: str, by: str = "primary") -> Reply:
        """The positive twin: the documented request works on this very intent, so `after` had no effect on it.

        Where it doesn't, a read tells whether that is the doing of `after`. If not, nothing is known, as with any
        control that fails.
        """
        reply = self.cancel(intent, by=by)
        if succeeded(reply):
            return reply
        read = self.read(intent, by=by)
        raise expect.Violation(
            expected=f"the documented cancel still to work on this intent after {after}",
            observed=f"{summary.of(reply)}, and GET shows {summary.of(read)}",
            reply=reply,
            hint="Either the earlier request took effect, or it changed how the next one is treated.",
            control=not is_cancelled(read),
        )

    def is_not_cancelled(self, intent: Target, *, after: str, by: str = "primary") -> None:
        """A read shows that what was refused had no effect; one that shows nothing proves nothing."""
        read = self.seen(intent, by=by)
        expect.that(
            not is_cancelled(read),
            expected=f"the intent not to be cancelled after {after}",
            observed=f"GET shows {summary.of(read)}",
            reply=read,
            hint="Whatever is refused is refused before anything is written, in one transaction.",
        )

    def seen(self, intent: Target, *, by: str = "primary") -> Reply:
        """What GET shows of an intent that has to be there; one that was made just now may show up a little later."""
        reply = self.until(lambda: self.read(intent, by=by), lambda reply: reply.status != 404)
        expect.that(
            reply.ok and isinstance(reply.json, dict),
            expected="GET to show the intent, so that the check can begin",
            observed=summary.of(reply),
            reply=reply,
            control=True,
        )
        return reply

    def confirmed(self, intent: Target, *, by: str = "primary") -> Reply:
        """What GET shows once it says cancelled, or at last: a copy that is read from may lag a little."""
        read = self.until(lambda: self.read(intent, by=by), is_cancelled)
        if isinstance(intent, Resource) and is_cancelled(read):
            self.confirmations.setdefault(intent.id, (intent, by, read))
        return read

    def read_everywhere(self, intent: Target) -> list[Reply]:
        """What several reads at once show, each on a connection of its own: several processes may answer them."""
        calls = [lambda: self.read(intent)] * min(5, self._session.profile.limits.concurrency)
        return list(self.race(calls).replies)

    def dissent(self, intent: Target) -> Reply | None:
        """A read that still doesn't show the intent cancelled when all should; None where there is none."""
        return self._patience.dissent(lambda: self.read_everywhere(intent), is_cancelled)

    def until(self, ask: Callable[[], Reply], good: Callable[[Reply], bool]) -> Reply:
        """The first good answer within two seconds, or the last one. Waiting in vain is done once per worker."""
        return self._patience.until(ask, good)

    # -- names and secrets ---------------------------------------------------------------------------------

    def new_key(self) -> str:
        """An Idempotency-Key that nobody has used."""
        return str(uuid4())

    def new_reason(self) -> str:
        """A reason that stands nowhere else, in letters that nothing changes."""
        return f"No longer needed {secrets.token_hex(6)}"

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
        )

    def credentials(self, by: str = "primary") -> Credentials:
        """A pair of the profile. Raises NotTestable where it isn't there."""
        found = self._session.profile.credentials.get(by)
        if found is None:
            raise NotTestable(f"the profile has no [credentials.{by}]", hint=f"Add [credentials.{by}].")
        return found

    def authorization(self, *, by: str = "primary", key: str | None = None, secret: str | None = None) -> str:
        """The documented credentials, either half replaceable."""
        pair = self.credentials(by)
        return basic(pair.key if key is None else key, pair.secret if secret is None else secret)

    def secrets(self) -> set[str]:
        """The secret keys of the profile that are too long to stand in an answer by chance."""
        return {pair.secret for pair in self._session.profile.credentials.values() if len(pair.secret) >= 8}

    def known_pairs(self) -> set[tuple[str, str]]:
        """Every pair that is right: what a changed one must not turn into by accident."""
        return {(one.key, one.secret) for one in self._session.profile.credentials.values()}

    def reads_only(self, name: str) -> bool:
        """Whether nothing but reads may be sent with a pair of the profile."""
        return self._session.profile.reads_only(name)

    @property
    def environment(self) -> str:
        """The environment that the primary credentials are for."""
        return self._session.profile.target.environment

    # -- races -----------------------------------------------------------------------------------------------

    @property
    def racers(self) -> int:
        """How many requests race: up to five, within `limits.concurrency`."""
        racers = min(5, self._session.profile.limits.concurrency)
        if racers < 2:
            raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
        return racers

    def race(self, calls: Sequence[Callable[[], Reply]]) -> concurrency.Race:
        """The calls at the same moment. Raises the TransportError of one that got no answer."""
        return self.raced(lambda: (None, calls), rounds=1)[1]

    def raced(
        self, begin: Callable[[], tuple[T, Sequence[Call]]], *, rounds: int = 4
    ) -> tuple[T, concurrency.Race]:
        """What `begin` made ready, and the calls that it gave, at the same moment.

        Begun again where one of them got no answer. Raises its TransportError after so many `rounds`.
        """
        for left in reversed(range(rounds)):
            ready, calls = begin()
            race = concurrency.race(self._client, calls)
            if not race.faults:
                break
            if not left:
                raise race.faults[0]
        return ready, race


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was accepted; one that is refused by a 2xx is for the rows on refusals to judge."""
    return reply.ok and reply.at("error") is MISSING


def is_cancelled(read: Reply) -> bool:
    """Whether a read shows an intent cancelled, however the word is spelt: the spelling is for PI-01 to judge."""
    status = read.at("status")
    return isinstance(status, str) and status.lower() in ("cancelled", "canceled")


def body_of(reason: Any) -> bytes:
    """The documented body; None is `{}`."""
    return encoded({} if reason is None else {"reason": reason})


def encoded(value: Any) -> bytes:
    """JSON as the documents' sample clients write it: UTF-8, nothing escaped that needn't be."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read_path(intent: Target) -> str:
    """The documented path of a read."""
    return f"/payout_intents/{segment(intent if isinstance(intent, str) else intent.id)}"


def cancel_path(intent: Target) -> str:
    """The documented path of a cancel."""
    return f"{read_path(intent)}/cancel"
