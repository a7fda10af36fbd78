"""Withdraws that trust a header, an altered key or timestamp, or an id outside the path."""

import json
import re
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from conformance.sandbox import changes, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.withdraws import changes as own
from conformance.sandbox.withdraws.changes import account_of_key, wd
from conformance.sandbox.withdraws.reference import FRESH_MS, Withdraws

# Laid out as a table, a defect per line.
# fmt: off

# Headers that something in front is thought to set


wd("wd-forwarded-address-is-trusted", "WD-31",
   "A request whose X-Forwarded-For names the local machine needs no signature.",
   changes.lets_in(lambda api, request: account_of_key(api, request)
       if any(value.startswith(b"127.0.0.1") for value in request.values(b"x-forwarded-for")) else None))
wd("wd-real-address-is-trusted", "WD-31", "A request whose X-Real-IP names a private network needs no key.",
   own.unguarded(lambda request, given, it:
       any(re.match(rb"10\.|127\.|192\.168\.", value) for value in request.values(b"x-real-ip"))))
wd("wd-internal-header-is-trusted", "WD-31",
   "A request with X-Internal-Request, meant for internal services, needs no signature.",
   changes.lets_in(lambda api, request: account_of_key(api, request) if request.values(b"x-internal-request")
       else None))
wd("wd-original-url-is-guarded", "WD-31",
   "Authentication applies to the path in X-Original-URL, and the router to the request's path.",
   own.unguarded(lambda request, given, it: any(b"cancel" not in value for value in request.values(b"x-original-url"))))


@defect("wd-gateway-names-the-caller", "WD-31")
class GatewayNamesTheCaller(Withdraws):
    """X-Authenticated-User, meant for the gateway, names the caller also when a client sends it."""

    def authenticate(self, request: Request) -> Account:
        named = request.values(b"x-authenticated-user")
        return (self.account_for(named[0]) if named else None) or super().authenticate(request)


# Spellings

wd("wd-blanks-in-a-key-are-dropped", "WD-33",
   "Blanks and line breaks in a key are removed before it is looked up.",
   changes.finds_account(lambda accounts, key, found: accounts.get(b"".join(key.split()))), warns=True)
wd("wd-key-ends-at-a-colon", "WD-33", "The part of a key behind a colon counts as a version, and is ignored.",
   changes.finds_account(lambda accounts, key, found: accounts.get(key.partition(b":")[0])), warns=True)
wd("wd-key-may-be-quoted", "WD-33", "Quotes around the key are removed.",
   changes.finds_account(lambda accounts, key, found: accounts.get(key.strip(b'"'))), warns=True)
wd("wd-secret-has-no-case", "WD-32",
   "A signature made with the secret in lower case is accepted, too.",
   own.signed_by(lambda api, account: (account, replace(account, secret=account.secret.lower()),
       replace(account, secret=account.secret.swapcase()))))


@defect("wd-last-of-two-keys-decides", "WD-12")
class LastOfTwoKeysDecides(Withdraws):
    """The first of two keys with a comma between them is verified, and the last one looks the withdraw up."""

    def account_for(self, key: bytes) -> Account | None:
        return super().account_for(key.split(b",")[0].strip())

    def authenticate(self, request: Request) -> Account:
        account = super().authenticate(request)
        parts = [part.strip() for value in request.values(b"x-api-key") for part in value.split(b",")]
        return super().account_for(parts[-1]) or account


@defect("wd-second-timestamp-is-fresh", "WD-34")
class SecondTimestampIsFresh(Withdraws):
    """The first X-Timestamp is verified, and the freshness of the last is checked: a replay succeeds."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        first, *others = request.values(b"x-timestamp") or [b""]
        self.last = [first, *others][-1]
        rest = tuple(header for header in request.headers if header[0].lower() != b"x-timestamp")
        return super().signing(replace(request, headers=(*rest, (b"x-timestamp", first))))

    def is_fresh(self, timestamp: bytes) -> bool:
        return super().is_fresh(self.last)


# Half a number


def _is_not_too_far(stamp: bytes) -> bool:
    with suppress(ValueError):
        return not abs(time.time() * 1000 - float(stamp)) > FRESH_MS
    return False


wd("wd-timestamp-is-searched-for", "WD-34", "The timestamp is the first run of thirteen digits in the header.",
   steps.asked(Withdraws.is_fresh, lambda api, stamp: (re.findall(rb"\d{13}", stamp) or [stamp])[0]))
wd("wd-timestamp-is-any-number", "WD-34",
   "The timestamp is parsed as any number: NaN is accepted, and never too old.",
   own.also_fresh(_is_not_too_far))
wd("wd-null-timestamp-is-fresh", "WD-34", "A timestamp of null is read as no timestamp, which is never too old.",
   own.also_fresh(lambda stamp: stamp in (b"null", b"undefined", b"None", b"nil")))


# An id beside the path


class _NamedElsewhere(Withdraws):
    """Cancels the withdraw that another part of the request than its path names, whoever owns it."""

    def elsewhere(self, request: Request) -> object:
        """The id that counts."""
        raise NotImplementedError

    async def cancel(self, request: Request, given: str) -> Response:
        named = self.elsewhere(request)
        other = self.known(named) if isinstance(named, str) else None
        if other is None or other.id == given.lower():
            return await super().cancel(request, given)
        self.authenticate(request)
        self.check_cancellable(other)
        self.write(other)
        return self.success(other)


@defect("wd-body-names-the-withdraw", "WD-12", "WD-15")
class BodyNamesTheWithdraw(_NamedElsewhere):
    """Parameters of path and body are bound to one object: an id in the body replaces that of the path."""

    def elsewhere(self, request: Request) -> object:
        with suppress(ValueError, RecursionError):
            sent = json.loads(request.body or b"null")
            return sent.get("withdraw_id", sent.get("id")) if isinstance(sent, dict) else None
        return None


@defect("wd-query-names-the-withdraw", "WD-12", "WD-15")
class QueryNamesTheWithdraw(_NamedElsewhere):
    """An id in the query, which the signature doesn't cover, replaces that of the path."""

    def elsewhere(self, request: Request) -> object:
        sent = parse_qs(request.query)
        return next((sent[name][0] for name in ("withdraw_id", "withdrawId", "id") if name in sent), None)


# What ends in a 500

wd("wd-prototype-id-is-500", "WD-14",
   "Withdraws are looked up in a plain object, which has a constructor, too: a 500.",
   changes.ids(lambda given: steps.crash("Cannot read properties of undefined")
       if given in ("constructor", "__proto__", "toString", "hasOwnProperty") else given))
wd("wd-middling-key-is-500", "WD-39",
   "A key longer than its column ends in a 500; a key of 8,000 characters or more is unknown.",
   changes.finds_account(lambda accounts, key, found: steps.crash("Data too long for column")
       if 255 < len(key) < 8_000 else found))
wd("wd-middling-timestamp-is-500", "WD-39",
   "A timestamp of more than 1,000 digits ends in a 500 when it is parsed.",
   changes.looks(lambda request: any(1_000 < len(value) < 8_000 for value in request.values(b"x-timestamp"))
       and steps.crash("Exceeds the limit for integer string conversion")))


@defect("wd-failed-request-is-logged", "WD-39")
class FailedRequestIsLogged(Withdraws):
    """A request with a wrong signature is logged with its parsed body: malformed JSON ends in a 500."""

    def unauthorized(self, request: Request, reason: str) -> Any:
        refusal = super().unauthorized(request, reason)
        if request.body:
            json.loads(request.body)
        return refusal


wd("wd-options-is-500", "WD-41",
   "OPTIONS is answered by a filter that expects the header Origin, and ends in a 500.",
   steps.after(Withdraws.method_of, lambda api, method, request: steps.crash("Origin of undefined")
       if method == "OPTIONS" and not request.values(b"origin") else method), late=True)
