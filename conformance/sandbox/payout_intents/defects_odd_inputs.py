"""Payout intents that answer unusual input with a 5xx, or cancel although they refuse it."""

import re
from collections.abc import Callable
from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import HANG_UP, Refusal, Request, Response
from conformance.sandbox.payout_intents import changes as own
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope

# Laid out as a table, a defect per line.
# fmt: off

_PROTOTYPE = frozenset(
    {"constructor", "__proto__", "prototype", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf"}
)

# Names that every object has in some languages

pi("pi-prototype-key-is-500", "PI-38",
   "Keys are looked up in a plain object, which has properties of its own: a 500.",
   own.keys(lambda key: steps.crash("entry.body is undefined") if key in _PROTOTYPE else key))
pi("pi-prototype-id-is-500", "PI-14",
   "Intents are looked up in a plain object: the id constructor finds a function, and ends in a 500.",
   changes.ids(lambda given: steps.crash("intent.status is undefined") if given in _PROTOTYPE else given))
pi("pi-prototype-user-is-500", "PI-43",
   "Accounts are looked up in a plain object: the user __proto__ ends in a 500.",
   changes.finds_account(lambda accounts, key, found:
       steps.crash("timingSafeEqual of undefined") if key.decode("latin-1") in _PROTOTYPE else found))
pi("pi-prototype-field-is-500", "PI-29",
   "The body is merged into a plain object: a field __proto__ ends in a 500.",
   own.reads_body(lambda body: steps.crash("Cannot set property") if _PROTOTYPE & body.keys() else body))

# Numbers and characters


def _numbers(body: object) -> list[float]:
    if isinstance(body, dict):
        return [number for value in body.values() for number in _numbers(value)]
    if isinstance(body, list):
        return [number for value in body for number in _numbers(value)]
    return [body] if isinstance(body, int | float) and not isinstance(body, bool) else []


pi("pi-big-number-is-500", "PI-29", "A whole number beyond 2^53 in the body ends in a 500.",
   own.reads_body(lambda body: steps.crash("not a safe integer")
       if any(2**53 <= abs(number) < float("inf") for number in _numbers(body)) else body))
pi("pi-infinite-number-is-500", "PI-29", "A number beyond a double, 1e400, ends in a 500.",
   own.reads_body(lambda body: steps.crash("Infinity is not JSON")
       if float("inf") in map(abs, _numbers(body)) else body))
pi("pi-low-surrogate-is-500", "PI-29",
   "A lone low surrogate in the reason can't be encoded as UTF-8, and ends in a 500.",
   own.parses(lambda body: re.search(rb"\\ud[c-f]", body, re.IGNORECASE)
       and not re.search(rb"\\ud[89ab]", body, re.IGNORECASE) and steps.crash("surrogates not allowed")))
pi("pi-blank-body-is-500", "PI-29", "A body of white space alone ends in a 500.",
   steps.asked(PayoutIntents.body_of, lambda api, request: steps.crash("Unexpected end of JSON input")
       if request.body and not request.body.strip() else request))

# What no row is about

pi("pi-query-is-500", "PI-45", "A query on the cancel path ends in a 500.",
   changes.looks(lambda request: request.query and request.path.endswith("/cancel")
       and request.method == "POST" and steps.crash("no such parameter")), late=True)
pi("pi-more-fields-are-500", "PI-29",
   "Unknown fields in the body are passed to a constructor, and end in a 500.",
   own.reads_body(lambda body: steps.crash("unexpected keyword argument") if body.keys() - {"reason"} else body))
pi("pi-unknown-path-is-500", "PI-45", "An unknown path ends in a 500: the handler for it is broken.",
   steps.instead(PayoutIntents.unknown_route, lambda api, request: steps.crash("template 404.html not found")))
pi("pi-options-are-500", "PI-48",
   "OPTIONS ends in a 500: the library that answers it for browsers was never configured.",
   changes.looks(lambda request: request.method == "OPTIONS" and steps.crash("origin is undefined")))
pi("pi-read-with-a-key-is-500", "PI-38",
   "A GET with an Idempotency-Key ends in a 500: the middleware expects a body.",
   changes.looks(lambda request: request.method == "GET" and request.values(b"idempotency-key")
       and steps.crash("body is null")), late=True)


# Refused, yet done


def _done_before(refused: Callable[[Request], bool]) -> type[PayoutIntents]:
    """Cancels before it refuses such a request."""

    class DoneBefore(PayoutIntents):
        async def cancel(self, request: Request, given: str) -> Response:
            intent = self.find(self.authenticate(request), given)
            if refused(request) and intent.status in self.cancellable:
                self.write(intent, None)
                raise self.bad_request("This request can't be read.")
            return await super().cancel(request, given)

    return DoneBefore


def _label(request: Request) -> bytes:
    return b",".join(request.values(b"content-type")).partition(b";")[0].strip().lower()


pi("pi-other-type-is-refused-yet-cancelled", "PI-46",
   "A body of another content type is refused, after the intent has been cancelled.",
   _done_before(lambda request: bool(request.body) and _label(request) != b"application/json"))
pi("pi-empty-body-is-refused-yet-cancelled", "PI-29",
   "A request without a body is refused, after the intent has been cancelled.",
   _done_before(lambda request: not request.body.strip()))
pi("pi-more-fields-are-refused-yet-cancelled", "PI-29",
   "A body with unknown fields is refused, after the intent has been cancelled.",
   _done_before(lambda request: bool(own.body_fields(request).keys() - {"reason"})))
pi("pi-long-key-is-refused-yet-cancelled", "PI-38",
   "A key of more than 255 characters is refused, after the intent has been cancelled.",
   _done_before(lambda request: any(len(value) > 255 for value in request.values(b"idempotency-key"))))
pi("pi-query-is-refused-yet-cancelled", "PI-01",
   "A query on the cancel path is refused, after the intent has been cancelled.",
   _done_before(lambda request: bool(request.query)))


# Keys that a refusal burns


class _RemembersRefusals(PayoutIntents):
    """Remembers under which keys a body was refused."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.burnt: set[tuple[str | None, bytes]] = set()

    async def cancel(self, request: Request, given: str) -> Response:
        key = self.key_of(request)
        if (key, request.body) in self.burnt:
            return self.again()
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if key and refusal.code == "invalid_request":
                self.burnt.add((key, request.body))
            raise

    def again(self) -> Response:
        """The answer to the same request once more."""
        raise LookupError("no response stored for key")


@defect("pi-refused-body-again-is-500", "PI-37")
class RefusedBodyAgainIs500(_RemembersRefusals):
    """A key is stored before the body is validated: the retry of a refused body ends in a 500."""


@defect("pi-refused-body-again-is-never-answered", "PI-37")
class RefusedBodyAgainIsNeverAnswered(_RemembersRefusals):
    """The retry of a refused body waits for an answer to the first request that was never stored."""

    def again(self) -> Response:
        return HANG_UP


@defect("pi-refused-body-again-is-202", "PI-37")
class RefusedBodyAgainIs202(_RemembersRefusals):
    """The retry of a refused body is answered 202 with an empty object."""

    def again(self) -> Response:
        return self.reply(202, {})


@defect("pi-refused-type-uses-up-the-key", "PI-37")
class RefusedTypeUsesUpTheKey(PayoutIntents):
    """A key is claimed before the content type is checked: the retry with the right one is a conflict."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.used: set[Scope] = set()

    async def cancel(self, request: Request, given: str) -> Response:
        account, key = self.authenticate(request), self.key_of(request)
        scope = self.scope(account, key or "", given)
        if key and scope in self.used:
            raise self.conflict()
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if refusal.status == 415:
                self.used.add(scope)
            raise
