"""The verbs of Stripe's payouts, as the checks use them."""

import base64
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from conformance.errors import NotTestable
from conformance.http import summary
from conformance.http.client import Request
from conformance.http.polling import Polling
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth
from conformance.oracles import concurrency, expect
from conformance.oracles.expect import Answer
from conformance.session import Session
from conformance.states import Resource

CANCELED = Answer(200, fields=(("object", "payout"), ("status", "canceled")))
"""Page "Payouts: cancel": the payout, canceled."""
NOT_CANCELLABLE = Answer(400)
"""The same page asks for an error, page "Errors" for 400 where the request can't be met."""
NOT_FOUND = Answer(404)
UNAUTHORIZED = Answer(401)

FORM = "application/x-www-form-urlencoded"
FRESH = "fresh"

Payout = Resource | str
"""A payout that was handed over, or the id of any."""


class Payouts:
    """Cancels and reads payouts. What a check doesn't change is sent as documented."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._polling = Polling()

    def cancel(
        self,
        payout: Payout,
        *,
        key: str | None = FRESH,
        by: str = "primary",
        authorization: str | None = "",
        parameters: Sequence[tuple[str, str]] = (),
        body: tuple[str, bytes] | None = None,
    ) -> Reply:
        """A cancel under a fresh Idempotency-Key; `key` None sends none, `authorization` None no credentials.

        `parameters` are sent as a form; `body` is a content type and any bytes instead.
        """
        kind, content = body or (FORM, urlencode(parameters).encode())
        headers = [("Content-Type", kind)] if content else []
        if key is not None:
            headers.append(("Idempotency-Key", str(uuid4()) if key == FRESH else key))
        return self.send(
            "POST", cancel_path(payout), headers, content or None, by=by, authorization=authorization
        )

    def read(self, payout: Payout, *, by: str = "primary", authorization: str | None = "") -> Reply:
        """A read; `authorization` None sends no credentials, another text replaces the documented ones."""
        return self.send("GET", read_path(payout), by=by, authorization=authorization)

    def confirmed(self, payout: Payout) -> Reply:
        """The first read that shows the payout canceled, or the last of two seconds: a replica may lag."""
        return self._polling.until(lambda: self.read(payout), lambda reply: reply.at("status") == "canceled")

    def send(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        by: str = "primary",
        authorization: str | None = "",
    ) -> Reply:
        """Sends any request, with the documented credentials unless told otherwise."""
        documented = authorization == ""
        value = basic(self.secret_key(by)) if documented else authorization
        pairs = (*([("Authorization", value)] if value is not None else []), *headers)
        auth = Auth.DOCUMENTED if documented else Auth.NONE if value is None else Auth.ALTERED
        return self._session.client.send(lambda: Request(method, path, pairs, body, auth))

    def race(self, calls: Sequence[Callable[[], Reply]]) -> Sequence[Reply]:
        """The answers to calls that are made at the same moment. Raises the TransportError of one without an answer."""
        race = concurrency.race(self._session.client, calls)
        for fault in race.faults:
            raise fault
        return race.replies

    # -- what has to work before a check says anything --------------------------------------------------

    def cancels(self, payout: Payout, **how: Any) -> Reply:
        """A documented cancel that has to succeed before the check begins."""
        reply = self.cancel(payout, **how)
        expect.that(
            reply.ok,
            expected="a documented cancel to succeed, so that the check can begin",
            reply=reply,
            control=True,
        )
        return reply

    def shown(self, payout: Payout, *, by: str = "primary") -> dict[str, Any]:
        """The payout as a documented read shows it."""
        reply = self.read(payout, by=by)
        expect.that(
            reply.status == 200 and isinstance(reply.json, dict),
            expected="a documented read to show the payout, so that the check can begin",
            reply=reply,
            control=True,
        )
        found: dict[str, Any] = reply.json
        return found

    def still_cancels(self, payout: Payout, *, after: Reply, by: str = "primary") -> None:
        """The control request: the documented cancel works on this payout, so the request `after` changed nothing."""
        reply = self.cancel(payout, by=by)
        if not reply.ok:
            read = self.read(payout, by=by)
            raise expect.Violation(
                expected=f"this {after.exchange.method}, answered by {after.status}, to leave the payout pending",
                observed=f"a documented cancel after it gets {summary.of(reply)}, and a read {summary.of(read)}",
                reply=after,
                hint="Refuse before anything is written.",
                control=read.at("status") != "canceled",
            )

    # -- names and secrets ------------------------------------------------------------------------------

    def secret_key(self, by: str = "primary") -> str:
        """A secret key of the profile. Raises NotTestable where there is none."""
        found = self._session.profile.credentials.get(by)
        if found is None:
            raise NotTestable(f"the profile has no [credentials.{by}]", hint=f"Add [credentials.{by}].")
        return found.secret

    @property
    def racers(self) -> int:
        """How many requests race: up to five. Raises NotTestable where `limits.concurrency` is 1."""
        racers = min(5, self._session.profile.limits.concurrency)
        if racers < 2:
            raise NotTestable("limits.concurrency is 1", hint="A race needs at least 2.")
        return racers


def unknown_id() -> str:
    """An id in the shape of Stripe's that names nothing."""
    return f"po_1{uuid4().hex[:23]}"


def basic(key: str, password: str = "") -> str:
    """Basic credentials with the key as user name (page "Authentication")."""
    return "Basic " + base64.b64encode(f"{key}:{password}".encode()).decode()


def read_path(payout: Payout) -> str:
    """The documented path of a read."""
    return f"/v1/payouts/{segment(payout if isinstance(payout, str) else payout.id)}"


def cancel_path(payout: Payout) -> str:
    """The documented path of a cancel."""
    return f"{read_path(payout)}/cancel"


def refused(reply: Reply, answer: Answer, to: str, *, hint: str = "") -> None:
    """The request was refused as documented."""
    expect.answered(reply, answer, to=to, hint=hint)
