"""The verbs of the withdraws API, as its tests use them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from conformance import expect
from conformance.errors import NotTestable
from conformance.expect import Answer
from conformance.http.auth import signature
from conformance.http.client import Client, Request
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.common import neutral

# The documented answers (sections Success Response and Error Responses).
CANCELED = Answer(200, fields=(("success", True), ("data.status", "canceled")))
REFUSED = Answer(400, "VALIDATION_ERROR", (("success", False),))
NOT_FOUND = Answer(404, "RESOURCE_NOT_FOUND", (("success", False),))

# The keys of a canceled withdraw (section Success Response).
KEYS = (
    "id",
    "amount",
    "currency",
    "status",
    "referenceId",
    "destinationType",
    "bankAccountNumber",
    "bankAccountName",
    "bankCode",
    "destinationId",
    "description",
    "metadata",
    "paidAt",
    "canceledAt",
    "createdAt",
    "updatedAt",
)

Target = Resource | str


class Withdraws:
    """Cancels and reads withdraws; what a test doesn't change is sent as documented."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client: Client = session.client
        self._read_path = session.profile.states.read_path

    @property
    def can_read(self) -> bool:
        """Whether the profile declares a read endpoint."""
        return self._read_path is not None

    @property
    def declares_cancel_processing(self) -> bool | None:
        """What the profile says of cancelling processing withdraws; None where it says nothing."""
        return self._session.profile.capabilities["cancel_processing"]

    def cancel(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """A cancel as the document shows it: signed over `timestamp.`, no body, no content type."""
        return self._client.send(lambda: self._documented("POST", cancel_path(withdraw), by))

    def read(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """The declared read endpoint. Raises NotTestable where there is none."""
        if self._read_path is None:
            raise NotTestable("the profile declares no read endpoint", hint="Set states.read_path.")
        path = self._read_path.replace("{id}", quoted(withdraw))
        return self._client.send(lambda: self._documented("GET", path, by))

    def look(self, withdraw: Target, *, by: str = "primary") -> dict[str, Any] | None:
        """The withdraw as the read endpoint shows it, None where the profile declares none."""
        if not self.can_read:
            return None
        reply = self.read(withdraw, by=by)
        expect.that(
            reply.status == 200 and bool(data(reply)),
            expected="the declared read endpoint to show the withdraw: 200 with data",
            observed=expect.shown(reply),
            reply=reply,
            control=True,
        )
        return data(reply)

    def cancels(self, withdraw: Target, *, by: str = "primary") -> Reply:
        """A cancel that has to succeed before a check can begin."""
        reply = self.cancel(withdraw, by=by)
        expect.that(
            succeeded(reply),
            expected="a documented cancel to succeed, so that the check can begin",
            observed=expect.shown(reply),
            reply=reply,
            control=True,
        )
        return reply

    def send(
        self,
        withdraw: Target,
        headers: Mapping[str, str | None],
        *,
        method: str = "POST",
        body: bytes | None = None,
        auth: Auth = Auth.ALTERED,
        signed: str | None = None,
    ) -> Reply:
        """A request with just these headers (None leaves one out), sent to the cancel path."""
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        request = Request(method, cancel_path(withdraw), pairs, body, auth, signed)
        return self._client.send(lambda: request)

    def with_method(
        self, method: str, withdraw: Target, extra: Mapping[str, str] | None = None, query: str = ""
    ) -> Reply:
        """The documented request, but for its method, `extra` headers and a query."""
        more = tuple((extra or {}).items())
        return self._client.send(
            lambda: self._documented(method, cancel_path(withdraw) + query, "primary", more)
        )

    def to_raw_id(self, raw: str, *, by: str = "primary") -> Reply:
        """A documented cancel whose id goes into the path just as it stands."""
        return self._client.send(lambda: self._documented("POST", f"/api/v1/withdraws/{raw}/cancel", by))

    def to_path(self, path: str, headers: Mapping[str, str | None]) -> Reply:
        """A POST with just these headers to a path that is sent as it stands."""
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        return self._client.send(lambda: Request("POST", path, pairs))

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
        stamp = self.timestamp() if timestamp is None else timestamp
        return {
            "X-API-Key": pair.key if key is None else key,
            "X-Timestamp": stamp,
            "X-Signature": signature(pair.secret if secret is None else secret, stamp, body),
        }

    def timestamp(self) -> str:
        """Milliseconds since the epoch, used for nothing else in this run."""
        return self._session.gate.timestamp()

    def secret(self, by: str = "primary") -> str:
        """The secret to sign with; only ever to make a wrong one of it."""
        return self._session.profile.credentials[by].secret

    def unknown_id(self) -> str:
        """A UUID that names nothing."""
        return str(uuid4())

    def race(self, withdraw: Resource, racers: int) -> expect.Race:
        """So many documented cancels of one withdraw, written at the same moment."""
        return expect.race(self._client, [lambda: self.cancel(withdraw)] * racers)

    @property
    def racers(self) -> int:
        """How many requests may be in flight at once, up to eight."""
        return min(8, self._session.profile.limits.concurrency)

    def still_cancels(self, withdraw: Resource, *, after: str, by: str = "primary") -> Reply:
        """The positive twin: the documented request works on this very withdraw, so `after` had no effect on it."""
        reply = self.cancel(withdraw, by=by)
        expect.that(
            succeeded(reply),
            expected=f"the documented cancel still to work on this withdraw after {after}",
            observed=expect.shown(reply),
            reply=reply,
            hint="Either the earlier request took effect, or it changed how the next one is treated.",
        )
        return reply

    def _documented(self, method: str, path: str, by: str, more: tuple[tuple[str, str], ...] = ()) -> Request:
        headers = self.signed(by=by)
        stamp = headers["X-Timestamp"]
        pairs = tuple((name, value) for name, value in headers.items() if value is not None)
        return Request(method, path, (*pairs, *more), None, Auth.DOCUMENTED, f"{stamp}.")


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was taken, however its answer is put: that it is put as documented is for WD-01 to say."""
    return reply.ok and reply.at("success") is not False


def cancel_path(withdraw: Target) -> str:
    """The documented path of a cancel."""
    return f"/api/v1/withdraws/{quoted(withdraw)}/cancel"


def quoted(withdraw: Target) -> str:
    """An id as a path segment (RFC 3986 section 3.3)."""
    return quote(withdraw if isinstance(withdraw, str) else withdraw.id, safe="")


def why(reply: Reply) -> tuple[Any, ...]:
    """What a refusal says: its status and its documented fields, without what differs from request to request.

    What a server adds of its own (a request id, a time taken) may be another one each time.
    """
    message = reply.at("error.message")
    told = neutral(message) if isinstance(message, str) else message
    return reply.status, reply.at("success"), reply.at("error.code"), told


def data(reply: Reply) -> dict[str, Any]:
    """The `data` object of an answer, empty where there is none."""
    value = reply.at("data")
    return value if isinstance(value, dict) else {}
