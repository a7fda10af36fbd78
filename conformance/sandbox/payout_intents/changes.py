"""What a defect of payout intents may get wrong besides what any API may: reasons, keys, Basic, events."""

from collections.abc import Callable
from typing import Any

from conformance.sandbox.api import Payload
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import Declare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import Scope

pi = Declare(PayoutIntents)
"""Declares a defect of payout intents."""

Body = dict[str, Any]

# The reason


def stores(form: Callable[[str], str]) -> type[PayoutIntents]:
    """The reason is kept in another form."""

    class Stores(PayoutIntents):
        def stored(self, reason: str) -> str:
            return form(reason)

    return Stores


def measures(length: Callable[[str], int]) -> type[PayoutIntents]:
    """The reason is measured otherwise."""

    class Measures(PayoutIntents):
        def length(self, reason: str) -> int:
            return length(reason)

    return Measures


def gives_message(message: Callable[[str | None], str | None]) -> type[PayoutIntents]:
    """failure_message is made of another reason."""

    class GivesMessage(PayoutIntents):
        def message_for(self, reason: str | None) -> str | None:
            return super().message_for(message(reason))

    return GivesMessage


def odd_reason(keep: Callable[[object], Any]) -> type[PayoutIntents]:
    """A reason that is no string becomes something else than a refusal."""

    class OddReason(PayoutIntents):
        def reason_of(self, body: Body) -> str | None:
            reason = body.get("reason")
            odd = reason is not None and not isinstance(reason, str)
            return keep(reason) if odd else super().reason_of(body)

    return OddReason


def reads_body(change: Callable[[Body], Body]) -> type[PayoutIntents]:
    """The reason is looked for in another body than the one that came."""

    class ReadsBody(PayoutIntents):
        def reason_of(self, body: Body) -> str | None:
            return super().reason_of(change(body))

    return ReadsBody


def parses(look: Callable[[bytes], object], *crashing: type[Exception]) -> type[PayoutIntents]:
    """A body is looked at before it is parsed, and what is raised by that ends in a 500."""

    class Parses(PayoutIntents):
        def parse(self, body: bytes) -> Body:
            try:
                look(body)
            except crashing as error:
                raise AssertionError("nobody thought of this") from error
            return super().parse(body)

    return Parses


def takes_content_type(look: Callable[[list[bytes]], object], *, only: bool = True) -> type[PayoutIntents]:
    """A content type is looked at otherwise, by what may `crash` or `refuse`: only so, or as documented, too."""

    class TakesContentType(PayoutIntents):
        def check_content_type(self, request: Request) -> None:
            look(request.values(b"content-type"))
            if not only:
                super().check_content_type(request)

    return TakesContentType


# The key


def keys(change: Callable[[str], str]) -> type[PayoutIntents]:
    """A key is made into another one."""

    class Keys(PayoutIntents):
        def key_of(self, request: Request) -> str | None:
            key = super().key_of(request)
            return None if key is None else change(key)

    return Keys


def looks_at_keys(look: Callable[[list[bytes]], object]) -> type[PayoutIntents]:
    """The values of the key's header are looked at before they are read, by what may `crash`."""

    class LooksAtKeys(PayoutIntents):
        def key_of(self, request: Request) -> str | None:
            look(request.values(b"idempotency-key"))
            return super().key_of(request)

    return LooksAtKeys


def fingerprints(form: Callable[[str, Body, str], str]) -> type[PayoutIntents]:
    """What a request is compared by is something else: from the id, the body, and what would have been right."""

    class Fingerprints(PayoutIntents):
        def fingerprint(self, identifier: str, body: Body) -> str:
            return form(identifier, body, super().fingerprint(identifier, body))

    return Fingerprints


def scopes(form: Callable[[Account, str], Scope]) -> type[PayoutIntents]:
    """A key is unique within something else."""

    class Scopes(PayoutIntents):
        def scope(self, account: Account, key: str, identifier: str) -> Scope:
            return form(account, key)

    return Scopes


def conflicts(form: Callable[[Refusal], Refusal]) -> type[PayoutIntents]:
    """The refusal of a conflict is another one."""

    class Conflicts(PayoutIntents):
        def conflict(self) -> Refusal:
            return form(super().conflict())

    return Conflicts


def replays(form: Callable[[PayoutIntents, Response], Response]) -> type[PayoutIntents]:
    """What is answered again is made into another answer."""

    class Replays(PayoutIntents):
        def replay(self, stored: Response) -> Response:
            return form(self, super().replay(stored))

    return Replays


def uses_up_the_key(code: str, then: Callable[[PayoutIntents, Refusal], Refusal]) -> type[PayoutIntents]:
    """A key whose request was refused with this code is refused from then on: from that refusal."""

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


def is_basic(check: Callable[[bytes], bool]) -> type[PayoutIntents]:
    """Which scheme is taken for Basic is decided otherwise."""

    class IsBasic(PayoutIntents):
        def is_basic(self, scheme: bytes) -> bool:
            return check(scheme)

    return IsBasic


def secret_matches(match: Callable[[PayoutIntents, Account, bytes], bool]) -> type[PayoutIntents]:
    """The secret of a key that is known is compared otherwise."""

    class SecretMatches(PayoutIntents):
        def secret_matches(self, account: Account | None, password: bytes) -> bool:
            return account is not None and match(self, account, password)

    return SecretMatches


def takes_pair(change: Callable[[PayoutIntents, bytes, bytes], tuple[bytes, bytes]]) -> type[PayoutIntents]:
    """Another user and password are taken than those that came."""

    class TakesPair(PayoutIntents):
        def credentials(self, request: Request) -> tuple[bytes, bytes]:
            return change(self, *super().credentials(request))

    return TakesPair


def looks_at_credentials(look: Callable[[list[bytes]], object]) -> type[PayoutIntents]:
    """The values of Authorization are looked at before they are read, by what may `crash`."""

    class LooksAtCredentials(PayoutIntents):
        def credentials(self, request: Request) -> tuple[bytes, bytes]:
            look(request.values(b"authorization"))
            return super().credentials(request)

    return LooksAtCredentials


# What is shown and told


def recipient(form: Callable[[Intent, Payload], Payload]) -> type[PayoutIntents]:
    """The recipient is shown otherwise."""

    class Recipient(PayoutIntents):
        def shown(self, row: Intent) -> Payload:
            shown = super().shown(row)
            return shown | {"recipient": form(row, shown["recipient"])}

    return Recipient


def event(form: Callable[[Intent, Payload], Payload]) -> type[PayoutIntents]:
    """The event is another one."""

    class Event(PayoutIntents):
        def event(self, row: Intent, reason: str | None) -> Payload:
            return form(row, super().event(row, reason))

    return Event


def event_reason(form: Callable[[str], str | None]) -> type[PayoutIntents]:
    """The event tells another reason, wherever it does."""

    class EventReason(PayoutIntents):
        def event(self, row: Intent, reason: str | None) -> Payload:
            event = super().event(row, None if reason is None else form(reason))
            return event | {"data": event["data"] | {"failure_message": event["reason"]}}

    return EventReason


def announces(api: PayoutIntents, row: Intent) -> None:
    """Effect: an event without a reason."""
    api.announce(row, None)
