"""Changes that only defects of payout intents make, besides those of any API: reasons, keys, Basic, events."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from conformance.sandbox.api import Payload
from conformance.sandbox.body import parse_object
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import Declare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.steps import after, asked, instead
from conformance.sandbox.store import Scope

pi = Declare(PayoutIntents)
"""Declares a defect of payout intents."""

Body = dict[str, Any]

# The reason


def stores(form: Callable[[str], str]) -> type[Any]:
    """Stores `form(reason)` in place of the reason."""
    return instead(PayoutIntents.stored, lambda api, reason: form(reason))


def measures(length: Callable[[str], int]) -> type[Any]:
    """Counts the limit by `length(reason)`."""
    return instead(PayoutIntents.length, lambda api, reason: length(reason))


def gives_message(message: Callable[[str | None], str | None]) -> type[Any]:
    """Makes failure_message of `message(reason)`."""
    return asked(PayoutIntents.message_for, lambda api, reason: message(reason))


def odd_reason(keep: Callable[[object], Any]) -> type[PayoutIntents]:
    """Takes `keep(reason)` for a reason that is no string, which the reference refuses."""

    class OddReason(PayoutIntents):
        def reason_of(self, body: Body) -> str | None:
            reason = body.get("reason")
            odd = reason is not None and not isinstance(reason, str)
            return keep(reason) if odd else super().reason_of(body)

    return OddReason


def reads_body(change: Callable[[Body], Body]) -> type[Any]:
    """Reads the reason from `change(body)`."""
    return asked(PayoutIntents.reason_of, lambda api, body: change(body))


def parses(look: Callable[[bytes], object], *crashing: type[Exception]) -> type[PayoutIntents]:
    """Calls `look(body)` before a body is parsed; an exception of the types `crashing` ends in a 500."""

    class Parses(PayoutIntents):
        def parse(self, body: bytes) -> Body:
            try:
                look(body)
            except crashing as error:
                raise AssertionError("nobody thought of this") from error
            return super().parse(body)

    return Parses


def takes_content_type(look: Callable[[list[bytes]], object]) -> type[PayoutIntents]:
    """Calls `look(values)` with the content types, in place of their check; it may `crash` or `refuse`."""

    class TakesContentType(PayoutIntents):
        def check_content_type(self, request: Request) -> None:
            look(request.values(b"content-type"))

    return TakesContentType


def body_fields(request: Request) -> Body:
    """The fields of a body that can be read, or none."""
    try:
        return parse_object(request.body) if request.body else {}
    except (ValueError, RecursionError):
        return {}


def query_field(request: Request, name: str) -> str | None:
    """The first value of a name in the query."""
    return next(iter(parse_qs(request.query).get(name, ())), None)


def cancels_another(find: Callable[[Request], object]) -> type[PayoutIntents]:
    """Cancels the intent whose id `find(request)` returns, where that is text, in place of the one in the path."""

    class CancelsAnother(PayoutIntents):
        async def cancel(self, request: Request, given: str) -> Response:
            other = find(request)
            return await super().cancel(request, other if isinstance(other, str) else given)

    return CancelsAnother


# The key


def keys(change: Callable[[str], str]) -> type[Any]:
    """Uses `change(key)` in place of the key."""
    return after(PayoutIntents.key_of, lambda api, key, request: None if key is None else change(key))


def looks_at_keys(look: Callable[[list[bytes]], object]) -> type[PayoutIntents]:
    """Calls `look(values)` with the values of the key's header before they are read; it may `crash`."""

    class LooksAtKeys(PayoutIntents):
        def key_of(self, request: Request) -> str | None:
            look(request.values(b"idempotency-key"))
            return super().key_of(request)

    return LooksAtKeys


def fingerprints(form: Callable[[str, Body, str], str]) -> type[Any]:
    """Uses `form(id, body, right)` in place of the fingerprint `right` of a request."""
    return after(
        PayoutIntents.fingerprint, lambda api, right, identifier, body: form(identifier, body, right)
    )


def scopes(form: Callable[[Account, str], Scope]) -> type[Any]:
    """Makes a key unique within `form(account, key)`."""
    return instead(PayoutIntents.scope, lambda api, account, key, identifier: form(account, key))


def conflicts(form: Callable[[Refusal], Refusal]) -> type[PayoutIntents]:
    """Refuses a conflict by `form(refusal)`."""

    class Conflicts(PayoutIntents):
        def conflict(self) -> Refusal:
            return form(super().conflict())

    return Conflicts


def replays(form: Callable[[PayoutIntents, Response], Response]) -> type[Any]:
    """Answers a replay by `form(api, stored)`."""
    return after(PayoutIntents.replay, lambda api, kept, stored: form(api, kept))


def uses_up_the_key(code: str, then: Callable[[PayoutIntents, Refusal], Refusal]) -> type[PayoutIntents]:
    """A request that is refused with this code uses its key: later requests with it get that refusal."""

    class UsesUpTheKey(PayoutIntents):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.used_up: dict[str, Refusal] = {}

        async def cancel(self, request: Request, given: str) -> Response:
            key = self.key_of(request)
            if key in self.used_up:
                raise then(self, self.used_up[key])
            try:
                return await super().cancel(request, given)
            except Refusal as refusal:
                if key and refusal.code == code:
                    self.used_up[key] = refusal
                raise

    return UsesUpTheKey


# Credentials


def secret_matches(match: Callable[[PayoutIntents, Account, bytes], bool]) -> type[Any]:
    """Compares the secret of a known key by `match(api, account, sent)`."""
    return instead(
        PayoutIntents.secret_matches,
        lambda api, account, sent: account is not None and match(api, account, sent),
    )


# Answers and events


def recipient(form: Callable[[Intent, Payload], Payload]) -> type[Any]:
    """Shows `form(intent, recipient)` in place of the recipient."""
    return after(
        PayoutIntents.shown, lambda api, shown, it: shown | {"recipient": form(it, shown["recipient"])}
    )


def event_reason(form: Callable[[str], str | None]) -> type[PayoutIntents]:
    """Puts `form(reason)` into all places of an event that hold the reason."""

    class EventReason(PayoutIntents):
        def event(self, row: Intent, reason: str | None) -> Payload:
            event = super().event(row, None if reason is None else form(reason))
            return event | {"data": event["data"] | {"failure_message": event["reason"]}}

    return EventReason


def announces(api: PayoutIntents, row: Intent) -> None:
    """Effect: an event without a reason."""
    api.announce(row, None)
