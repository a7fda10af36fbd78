"""The client of the withdraws API: its documented requests as methods, and requests that change parts of one."""

from collections.abc import Callable, Mapping
from typing import Any

from conformance.errors import NotTestable, TransportError
from conformance.http import summary
from conformance.http.client import Client, Request
from conformance.http.polling import Polling
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Credentials
from conformance.oracles import concurrency, expect, odd_requests
from conformance.oracles.concurrency import whole_race
from conformance.oracles.every_response import is_kept
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.session import Session
from conformance.states import Resource, Wanted
from conformance.suites.withdraws import locks
from conformance.suites.withdraws.assertions import (
    accepted,
    data,
    is_canceled,
    is_seen_canceled,
    really_canceled,
    succeeded,
    took_effect,
    value_or_null,
    why,
)
from conformance.suites.withdraws.authentication import signed_headers
from conformance.suites.withdraws.contract import CONTRACT
from conformance.suites.withdraws.fields import compared

Target = Resource | str

SETTLED = "settled"
"""Marks a withdraw that the target was asked to pay."""
UNSURE = "unsure"
"""Marks a withdraw a request for which got no answer, and may have been carried out."""


class Withdraws:
    """Cancels and reads withdraws; what a test doesn't change is sent as documented."""

    def __init__(self, session: Session, run_answers: RunAnswers) -> None:
        self._session = session
        self._run_answers = run_answers
        self._client: Client = session.client
        self._read_path = session.profile.states.read_path
        self._polling = Polling()
        # What this worker sent about withdraws.
        self.asked: list[RecordedAnswer] = []
        session.sharing.cancels = lambda one: self.cancel(one, by=one.wanted.whose)
        # The types of bodies that the target never answers.
        self._unanswered: set[str] = set()

    @property
    def client(self) -> Client:
        """The HTTP client that sends the requests, for races."""
        return self._client

    @property
    def can_read(self) -> bool:
        """Whether the profile declares a read endpoint."""
        return self._read_path is not None

    @property
    def declares_cancel_processing(self) -> bool | None:
        """The profile's capability `cancel_processing`; None where it declares nothing."""
        return self._session.profile.capabilities["cancel_processing"]

    def cancel(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """A cancel as the document shows it: signed over `timestamp.`, no body, no content type."""
        reply = self._sent(withdraw, lambda: self._documented("POST", cancel_path(withdraw), by))
        return self._noted(withdraw, by, reply, documented=True)

    def read(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """The declared read endpoint. Raises NotTestable where there is none."""
        path = self.read_path(withdraw)
        return self._client.send(lambda: self._documented("GET", path, by))

    def look(self, withdraw: Target, *, by: str = "primary") -> dict[str, Any] | None:
        """The withdraw as the read endpoint shows it, None where the profile declares none.

        One that was made just now may show up a little later.
        """
        if not self.can_read:
            return None
        reply = self._polling.until(lambda: self.read(withdraw, by=by), lambda reply: reply.status != 404)
        expect.that(
            reply.status == 200 and bool(data(reply)),
            expected="the declared read endpoint to show the withdraw: 200 with data",
            reply=reply,
            control=True,
            fault=f"The declared read endpoint answered {summary.short(reply)} instead of a withdraw",
        )
        return data(reply)

    def confirmed(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """The first read that says canceled, or the last of two seconds: no document forbids a read to lag a little."""
        return self._polling.until(lambda: self.read(withdraw, by=by), is_canceled)

    def seen_canceled(self, withdraw: Target, *, by: str = "primary") -> Reply | None:
        """A read that shows a withdraw canceled, so that a check can begin; None where nothing can be read."""
        if not self.can_read:
            return None
        return is_seen_canceled(self.confirmed(withdraw, by=by))

    def reader(self, withdraw: Target, *, by: str = "primary") -> Callable[[], Reply] | None:
        """Returns the function that reads a withdraw; None where nothing can be read."""
        return (lambda: self.read(withdraw, by=by)) if self.can_read else None

    def is_really_canceled(
        self, withdraw: Target, *, what: str, when: str, by: str = "primary", hint: str = ""
    ) -> None:
        """Asserts that a success has happened: a read shows it or, without a read endpoint, no second cancel succeeds.

        `what` is the withdraw ("a pending withdraw"). Where there is a read endpoint, WD-06 judges the second cancel.
        """
        reply = self.confirmed(withdraw, by=by) if self.can_read else self.cancel(withdraw, by=by)
        really_canceled(reply, is_read=self.can_read, what=what, when=when, hint=hint)

    def odd(self, ask: Callable[[], Reply], *, to: str) -> Reply:
        """The answer to a request that is odd on purpose. Raises a Violation where none ever comes."""
        return odd_requests.odd(ask, lambda: self.cancel(self.unknown_id()), to=to)

    def read_everywhere(self, withdraw: Target, *, by: str = "primary") -> list[Reply]:
        """Several reads at once, each on a connection of its own: several processes may answer them."""
        number = min(5, self._session.profile.limits.concurrency)
        race = concurrency.race(self._client, [lambda: self.read(withdraw, by=by)] * number)
        if race.faults:
            raise race.faults[0]
        return list(race.replies)

    def dissent(self, withdraw: Target) -> Reply | None:
        """A read that still doesn't show the withdraw canceled when all should; None where there is none."""
        return self._polling.dissent(lambda: self.read_everywhere(withdraw), is_canceled)

    def cancels(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """A cancel that a check begins with. Where it fails, the check is not testable."""
        return accepted(
            self.cancel(withdraw, by=by), "the documented cancel with which the check begins", control=True
        )

    def send(
        self,
        withdraw: Target,
        headers: Mapping[str, str | None],
        *,
        method: str = "POST",
        body: bytes | None = None,
        auth: Auth = Auth.ALTERED,
        signed: str | None = None,
        also: tuple[tuple[str, str], ...] = (),
        query: str = "",
    ) -> Reply:
        """A request with just these headers (None leaves one out) and `also` some more, sent to the cancel path."""
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        request = Request(method, cancel_path(withdraw) + query, (*pairs, *also), body, auth, signed)
        return self._noted(withdraw, "primary", self._sent(withdraw, lambda: request))

    def send_body(
        self,
        withdraw: Target,
        headers: Mapping[str, str | None],
        body: bytes,
        *,
        documented: bool = False,
        query: str = "",
    ) -> Reply | None:
        """A request with a body, which no document mentions: None where the target never answers one of that type.

        WD-39 judges that. Finding it out takes two timeouts, and is done once per type.
        """
        kind = str(headers.get("Content-Type"))
        if kind in self._unanswered:
            return None
        how: dict[str, Any] = {}
        if documented:
            signed = f"{headers['X-Timestamp']}.{body.decode('utf-8', 'backslashreplace')}"
            how = {"auth": Auth.DOCUMENTED, "signed": signed}
        try:
            return self.odd(
                lambda: self.send(withdraw, headers, body=body, query=query, **how),
                to=f"a cancel with a body of type {kind}",
            )
        except Violation as fault:
            if not isinstance(fault.__cause__, TransportError):
                raise
            self._unanswered.add(kind)
            return None

    def with_method(
        self, method: str, withdraw: Target, extra: Mapping[str, str] | None = None, query: str = ""
    ) -> Reply:
        """The documented request, but for its method, `extra` headers and a query."""
        more = tuple((extra or {}).items())
        reply = self._sent(
            withdraw, lambda: self._documented(method, cancel_path(withdraw) + query, "primary", more)
        )
        return self._noted(withdraw, "primary", reply)

    def to_raw_id(self, raw: str, *, by: str = "primary") -> Reply:
        """A documented cancel whose id goes into the path just as it stands."""
        path = CONTRACT.requests.cancel.replace("{id}", raw)
        reply = self._client.send(lambda: self._documented("POST", path, by))
        if succeeded(reply) and isinstance(named := reply.at("data.id"), str):
            self._run_answers.mark(UNSURE, named)  # no answer on record says that it was cancelled
        return reply

    def hang_up(self, withdraw: Resource, *, linger_s: float = 0.0) -> None:
        """A documented cancel whose caller hangs up `linger_s` seconds after it was sent, without an answer."""
        self._session.sharing.consume(withdraw)
        self._run_answers.mark(UNSURE, withdraw)
        self._client.abandon(
            lambda: self._documented("POST", cancel_path(withdraw), "primary"), linger_s=linger_s
        )

    def to_path(self, path: str, headers: Mapping[str, str | None], *, method: str = "POST") -> Reply:
        """A request with just these headers to a path that is sent as it stands."""
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        return self._client.send(lambda: Request(method, path, pairs))

    def read_path(self, withdraw: Target) -> str:
        """The path of the declared read endpoint for a withdraw. Raises NotTestable where there is none."""
        if self._read_path is None:
            raise NotTestable("the profile declares no read endpoint", hint="Set states.read_path.")
        return self._read_path.replace("{id}", quoted(withdraw))

    def signed(
        self,
        body: bytes = b"",
        *,
        by: str = "primary",
        key: str | None = None,
        secret: str | None = None,
        timestamp: str | None = None,
    ) -> dict[str, str | None]:
        """The three documented headers, each part replaceable."""
        pair = self._session.profile.credentials[by]
        used = Credentials(by, (pair.key if key is None else key, pair.secret if secret is None else secret))
        return {**signed_headers(used, self.timestamp() if timestamp is None else timestamp, body)}

    def timestamp(self) -> str:
        """Milliseconds since the epoch, used for nothing else in this run."""
        return self._session.gate.timestamp()

    def secret(self, by: str = "primary") -> str:
        """The secret to sign with; only ever to make a wrong one of it."""
        return self._session.profile.credentials[by].secret

    def unknown_id(self) -> str:
        """A UUID that names nothing."""
        return CONTRACT.unknown_id(None)[0]

    def will_settle(self, withdraw: Resource) -> None:
        """Marks a withdraw that the target is asked to pay: the checks that look back pass over it then."""
        self._session.sharing.consume(withdraw)
        self._run_answers.mark(SETTLED, withdraw)
        self._session.watch.leave_out(withdraw.id)

    def race(self, make: Callable[[], Resource]) -> tuple[Resource, concurrency.Race]:
        """A withdraw, and the answers to as many cancels at once as may be. Raises NotTestable where that is one."""
        racers = self.racers

        def prepare() -> tuple[Resource, list[Callable[[], Reply]]]:
            return (withdraw := make()), [lambda: self.cancel(withdraw)] * racers

        return whole_race(self._client, prepare)

    @property
    def racers(self) -> int:
        """How many requests race, eight at most. Raises NotTestable where only one may be in flight."""
        if (allowed := self._session.profile.limits.concurrency) < 2:
            raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
        return min(8, allowed)

    def still_cancels(
        self,
        withdraw: Resource,
        *,
        after: str,
        by: str = "primary",
        earlier: Reply | None = None,
        unless: Callable[[Reply], bool] = lambda _: False,
        hint: str = "",
    ) -> Reply | None:
        """The control request: the documented request works on this very withdraw, so `after` had no effect on it.

        `after` is what came before, as the subject of a sentence, `earlier` the answer to it. `unless` is asked about a
        refusal that may have another cause, `hint` is about an effect. For a withdraw that checks share, a later cancel
        proves it; until then a read shows whether something has changed. Returns the cancel, or else that read.
        """
        if self._session.sharing.defers(withdraw):
            shown = self.read(withdraw, by=by) if self.can_read else None
            if shown is None or value_or_null(shown, "data.status") == withdraw.status:
                return shown
        self._session.await_effect(withdraw)
        reply = self.cancel(withdraw, by=by)
        if succeeded(reply) or unless(reply):
            return reply
        self._cancels_at_all(withdraw.status, by)
        shown = self.read(withdraw, by=by) if self.can_read else None
        if shown is None or not is_canceled(shown):
            if self.closes_by_number(withdraw, reply, by=by):
                return reply
            self._session.sharing.doubtful = withdraw
            self.cancel(withdraw, by=by)
        raise took_effect(withdraw, after, earlier, reply, shown, hint)

    def closes_by_number(
        self, withdraw: Resource, refusal: Reply, *, by: str = "primary", usual: Reply | None = None
    ) -> bool:
        """Whether the owner got `refusal` for the number of refused requests alone that were about this withdraw.

        `usual` is the refusal that is usual for its state; None stands for a success.
        """
        asked = [one for one in self._run_answers.answers() if about(one).id == withdraw.id]
        return locks.closes_by_number(
            refusal,
            sum(not succeeded(one.reply) for one in asked) - 1,  # the last one is the owner's
            new=lambda: self._session.leases.lease(withdraw.wanted),
            ask=lambda one: self.send(one, self.signed(secret=self.secret() + "x")),
            cancel=lambda one: self.cancel(one, by=by),
            is_usual=lambda reply: succeeded(reply) if usual is None else why(reply) == why(usual),
        )

    def _cancels_at_all(self, status: str, by: str) -> None:
        """Raises a Violation of a control where no such withdraw can be cancelled: WD-01 and WD-02 judge that."""
        if any(
            one.documented and one.by == by and about(one).status == status and succeeded(one.reply)
            for one in self.asked
        ):
            return
        owner = None if by == "primary" else by
        self.cancels(self._session.leases.lease(Wanted("withdraws", status, owner=owner)), by=by)

    def _sent(self, withdraw: Target, make: Callable[[], Request]) -> Reply:
        try:
            return self._client.send(make)
        except TransportError:
            self._run_answers.mark(UNSURE, withdraw)
            if isinstance(withdraw, Resource):
                self._session.sharing.discard(withdraw)
            raise

    def _noted(self, withdraw: Target, by: str, reply: Reply, *, documented: bool = False) -> Reply:
        if not isinstance(withdraw, Resource):
            return reply
        if succeeded(reply):
            self._session.sharing.proved(withdraw, reply.exchange)
        if is_kept(reply):
            sent = RecordedAnswer(reply, by, withdraw, documented)
            self.asked.append(sent)
            self._run_answers.note(sent)
        if documented and succeeded(reply) and by == (withdraw.wanted.owner or "primary"):
            self._session.watch.cancelled(withdraw.id, by=by, status=withdraw.status, told=compared(reply))
        return reply

    def _documented(self, method: str, path: str, by: str, more: tuple[tuple[str, str], ...] = ()) -> Request:
        headers = self.signed(by=by)
        stamp = headers["X-Timestamp"]
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        return Request(method, path, (*pairs, *more), None, Auth.DOCUMENTED, f"{stamp}.")


def about(sent: RecordedAnswer) -> Resource:
    """The withdraw that a request was about."""
    assert sent.resource is not None
    return sent.resource


def cancel_path(withdraw: Target) -> str:
    """The documented path of a cancel."""
    return CONTRACT.requests.cancel.replace("{id}", quoted(withdraw))


def quoted(withdraw: Target) -> str:
    """An id as a path segment (RFC 3986 section 3.3)."""
    return segment(withdraw if isinstance(withdraw, str) else withdraw.id)
