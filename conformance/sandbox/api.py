"""The common part of all APIs: find the operation that a request asks for, answer it, wrap refusals.

An API is a class of small steps. A defect is a subclass that does one of them worse, so the clean code never
asks whether it is broken, and several defects can be mixed.
"""

import math
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from conformance.sandbox import pages
from conformance.sandbox.credentials import Account, accounts
from conformance.sandbox.messages import BODY_LIMIT, HANG_UP, Headers, Refusal, Request, Response, encode
from conformance.sandbox.store import Resource, Store, World
from conformance.sandbox.webhooks import Courier

R = TypeVar("R", bound=Resource)
Payload = dict[str, Any]


class Api(ABC, Generic[R]):
    """The steps of one API, on the resources of one world."""

    name: ClassVar[str]
    """The name of the API, as profiles spell it."""
    defect_prefix: ClassVar[str]
    """How the ids of its defects begin; those of its requirements begin alike, in capitals."""
    prefix: ClassVar[str]
    """Paths below it are this API's, known or not."""
    cancellable: frozenset[str]
    """The statuses in which a resource can be cancelled."""
    success_status: int
    """How a cancel that succeeds is answered."""
    methods: Mapping[str, tuple[str, ...]] = {"cancel": ("POST",), "read": ("GET", "HEAD")}
    """The methods that each place allows (RFC 9110, 9.1: HEAD wherever GET is)."""

    own: Any
    """The switches that concern this API alone."""

    def __init__(self, world: World, store: Store[R], courier: Courier) -> None:
        self.world = world
        self.variants = world.variants
        self.own = world.own[self.name]
        self.courier = courier
        self.clock = world.clock
        self.store = store
        self.accounts = accounts(self.name)
        self._rate = (0, 0)

    # One request

    async def respond(self, request: Request) -> Response | None:
        """Answer a request; None if its path isn't this API's at all."""
        if not request.path.startswith(self.prefix):
            return None
        if not request.whole:
            return await self.cut_off(request)
        try:
            self.look_at(request)
            self.check_rate()
            place = self.place(request.path)
            if place is None:
                return self.unknown_route(request)
            where, given = place
            operation = self.operation(where, self.method_of(request))
            if operation is None:
                return self.method_refused(request, where)
            if len(request.body) > BODY_LIMIT:
                raise self.too_large()
            return await (self.cancel if operation == "cancel" else self.read)(request, given)
        except Refusal as refusal:
            return self.error(refusal)

    async def cut_off(self, request: Request) -> Response:
        """Returns the response to a request of which only a part has come: the connection is closed (RFC 9112, 8)."""
        return HANG_UP

    @abstractmethod
    def place(self, path: str) -> tuple[str, str] | None:
        """The place that an undecoded path names (`cancel` or `read`), and the decoded id in it."""

    def method_of(self, request: Request) -> str:
        """The method that counts: that of the request line (RFC 9110, 9.1), or with `method_override` another."""
        if self.variants.method_override:
            named = request.values(b"x-http-method-override")
            if named:
                return named[0].decode("latin-1").upper()
            if request.query.startswith("_method="):
                return request.query.removeprefix("_method=").upper()
        return request.method

    def operation(self, where: str, method: str) -> str | None:
        """Returns the handler of a method in a place; None if it isn't allowed there."""
        return where if method in self.methods[where] else None

    @abstractmethod
    async def cancel(self, request: Request, given: str) -> Response:
        """Cancel the resource that the path names."""

    async def read(self, request: Request, given: str) -> Response:
        """Show the resource that the path names."""
        row = self.find(self.authenticate_read(request), given)
        return self.shown_to_reader(self.store.lagging(row, self.variants.read_lag_ms))

    async def settle(self, identifier: str) -> str | None:
        """Tries to pay a resource now, as its provider would; returns its status afterwards, None for an unknown id."""
        row = self.store.get(identifier)
        if row is None:
            return None
        async with self.exclusive(row):
            if self.payable(row):
                self.pay(row)
            return row.status

    # Atomicity

    def exclusive(self, row: R) -> AbstractAsyncContextManager[Any]:
        """Hold this while a status is read in order to be changed."""
        return self.store.lock(row)

    async def deliberate(self, row: R) -> None:
        """Waits between the decision about a resource and its write; a hook for defects."""

    # Deciding and writing

    def check_cancellable(self, row: R) -> None:
        """Refuse unless the status allows it."""
        if row.status not in self.cancellable:
            raise self.not_cancellable(row)

    @abstractmethod
    def not_cancellable(self, row: R) -> Refusal:
        """The refusal because of the status."""

    @abstractmethod
    def why_not(self, row: R) -> str:
        """The reason of that refusal in words."""

    @abstractmethod
    def write(self, row: R, reason: str | None = None) -> None:
        """Cancel a resource; the reason is the merchant's, where an API takes one."""

    @abstractmethod
    def payable(self, row: R) -> bool:
        """Whether settlement may still pay a resource."""

    @abstractmethod
    def pay(self, row: R) -> None:
        """Settle a resource: it is paid."""

    def touch(self, row: R) -> None:
        """Moves the time of the last change."""
        row.updated_at = self.clock.after(row.updated_at)

    # Authentication

    @abstractmethod
    def authenticate(self, request: Request) -> Account:
        """The account whose credentials a request bears. Nothing is looked up before."""

    def authenticate_read(self, request: Request) -> Account:
        """The account that authenticates a read: the same credentials as for a cancel."""
        return self.authenticate(request)

    def unauthorized(self, request: Request, reason: str) -> Refusal:
        """The refusal of an unauthenticated request, noted in the log: the same whatever the reason."""
        self.world.auth_log.failed(self.name, reason, request.method, request.path)
        return self.auth_refusal(reason)

    @abstractmethod
    def auth_refusal(self, reason: str) -> Refusal:
        """The answer to a failed authentication; the reason is for the log only."""

    def account_for(self, key: bytes) -> Account | None:
        """The account of a key; None if there is none."""
        return self.accounts.get(key)

    def owns(self, account: Account, row: R) -> bool:
        """Whether an account may see a resource."""
        return row.merchant == account.merchant

    # Looking up

    def find(self, account: Account, given: str) -> R:
        """The account's resource. Another account's resource is refused as an unknown id is."""
        row = self.store.get(self.parse_id(given))
        if row is None:
            raise self.not_found(given)
        if not self.owns(account, row):
            raise self.not_owned(account, row, given)
        return row

    @abstractmethod
    def parse_id(self, given: str) -> str:
        """The id in the form in which it is stored; a Refusal for a malformed one."""

    def known(self, given: str) -> R | None:
        """The resource of an id, whichever account asks; None if there is none."""
        return self.store.get(given)

    @abstractmethod
    def not_found(self, given: str) -> Refusal:
        """The refusal of an unknown id."""

    def not_owned(self, account: Account, row: R, given: str) -> Refusal:
        """The refusal of another account's resource: the same as for an unknown id."""
        return self.not_found(given)

    @abstractmethod
    def malformed_id(self, given: str) -> Refusal:
        """The refusal of a malformed id."""

    # Rendering

    @abstractmethod
    def shown(self, row: R) -> Payload:
        """The fields of a resource in an answer."""

    def answered(self, row: R) -> Payload:
        """The fields in the answer to a cancel."""
        return self.shown(row)

    def read_fields(self, row: R) -> Payload:
        """The fields in the answer to a read."""
        return self.shown(row)

    def wrapped(self, fields: Payload) -> Payload:
        """The JSON around the fields of a resource."""
        return fields

    def success(self, row: R) -> Response:
        """The answer to a cancel that succeeds."""
        return self.reply(self.success_status, self.wrapped(self.answered(row)))

    def shown_to_reader(self, row: R) -> Response:
        """The answer to a read."""
        return self.reply(200, self.wrapped(self.read_fields(row)))

    def reply(self, status: int, payload: object, headers: Headers = ()) -> Response:
        """An answer in JSON."""
        if self.variants.request_id:
            headers = (*headers, ("x-request-id", str(uuid.uuid4())))
        return Response(status, encode(payload, pretty=self.variants.pretty), headers)

    def error(self, refusal: Refusal) -> Response:
        """A refusal in this API's envelope."""
        return self.reply(refusal.status, self.envelope(refusal), refusal.headers)

    @abstractmethod
    def envelope(self, refusal: Refusal) -> Payload:
        """The JSON around a refusal's code and message."""

    @abstractmethod
    def code(self, name: str) -> str:
        """An error code that the document doesn't name, in the spelling of those that it does."""

    # Refusals by the router

    def unknown_route(self, request: Request) -> Response:
        """The refusal of an unknown path."""
        if self.variants.unknown_route != "json":
            return pages.not_found(self.variants.unknown_route, request)
        return self.error(Refusal(404, self.code("route_not_found"), "There is nothing at this path."))

    def method_refused(self, request: Request, where: str) -> Response:
        """The refusal of a method that a known path doesn't have (RFC 9110, 15.5.6: with `Allow`)."""
        allow = ", ".join(self.methods[where])
        if self.variants.unknown_route != "json":
            return pages.method_refused(self.variants.unknown_route, request, allow)
        if self.variants.other_methods == 404:
            return self.unknown_route(request)
        return self.error(self.wrong_method(allow))

    def wrong_method(self, allow: str) -> Refusal:
        """405, with the allowed methods."""
        message = f"Only {allow} is allowed here."
        return Refusal(405, self.code("method_not_allowed"), message, (("allow", allow),))

    def too_large(self) -> Refusal:
        """413 for a body that is larger than any cancel needs."""
        return Refusal(413, self.code("payload_too_large"), f"A body has at most {BODY_LIMIT} bytes.")

    def look_at(self, request: Request) -> None:
        """Inspects a request before anything else, and may raise its answer; a hook for defects."""

    def check_rate(self) -> None:
        """The variant `rate_limit`: 429 with `Retry-After` (RFC 6585, 4)."""
        limit = self.variants.rate_limit
        if not limit:
            return
        now = time.monotonic()
        second, used = self._rate
        self._rate = (math.floor(now), used + 1 if second == math.floor(now) else 1)
        if self._rate[1] > limit:
            wait = (("retry-after", "1"),)
            raise Refusal(429, self.code("rate_limited"), f"At most {limit} requests per second.", wait)


def decoded(segment: str) -> str:
    """A path segment without its percent-encoding (RFC 3986, 2.1); U+FFFD for bytes that aren't UTF-8."""
    return (
        unquote_to_bytes(segment.encode("latin-1")).decode("utf-8", "replace") if "%" in segment else segment
    )
