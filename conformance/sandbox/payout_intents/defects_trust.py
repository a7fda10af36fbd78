"""Payout intents that trust a gateway's headers, a cached authentication, or part of the credentials."""

import asyncio
import base64
import binascii
import unicodedata
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.sandbox import changes, steps
from conformance.sandbox.api import Payload
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response, encode
from conformance.sandbox.payout_intents.changes import pi, secret_matches
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

_KEPT_S = 2.0
_HEAD = 40
"""Characters of a header that its short hash is made of."""

# Decisions that were made before


def _remembers(mark: Callable[[Request], Hashable], *, first: bool = True) -> type[PayoutIntents]:
    """Accepts a caller again for two seconds by `mark`, which isn't the whole pair.

    The remembered mark is looked at `first`, or only where the credentials are wrong.
    """

    class Remembers(PayoutIntents):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.remembered: dict[Hashable, tuple[Account, float]] = {}

        def authenticate(self, request: Request) -> Account:
            now, by = asyncio.get_running_loop().time(), mark(request)
            known, at = self.remembered.get(by, (None, 0.0))
            if known is None or now - at >= _KEPT_S:
                known = None
            if first and known is not None:
                return known
            try:
                account = super().authenticate(request)
            except Refusal:
                if known is None:
                    raise
                return known
            if by is not None:
                self.remembered[by] = account, now
            return account

    return Remembers


def _pair(request: Request) -> tuple[bytes, bytes]:
    """Key and secret as they came, empty where there are none."""
    value = next(iter(request.values(b"authorization")), b"").partition(b" ")[2]
    try:
        user, _, password = base64.b64decode(value, validate=True).partition(b":")
    except binascii.Error:
        return b"", b""
    return user, password


pi("pi-decision-is-kept-by-user", "PI-40",
   "Authentication is cached by public key for two seconds: any secret is accepted then.",
   _remembers(lambda request: _pair(request)[0] or None))
pi("pi-decision-is-kept-by-secret", "PI-40",
   "Authentication is cached by secret for two seconds: any public key is accepted then.",
   _remembers(lambda request: _pair(request)[1] or None))
pi("pi-decision-is-kept-by-connection", "PI-40",
   "Authentication is cached by connection: later requests on it need no credentials.",
   _remembers(lambda request: request.connection, first=False))
pi("pi-decision-is-kept-by-path", "PI-40",
   "Authentication is cached by path: later requests for it need no credentials.",
   _remembers(lambda request: request.path, first=False))
pi("pi-decision-is-kept-in-small-letters", "PI-40",
   "Authentication is cached by the Authorization header, regardless of letter case.",
   _remembers(lambda request: b"".join(request.values(b"authorization")).lower() or None))
pi("pi-decision-is-kept-by-a-short-hash", "PI-40",
   "Authentication is cached by the first 40 characters of the Authorization header.",
   _remembers(lambda request: b"".join(request.values(b"authorization"))[:_HEAD] or None))


@defect("pi-retry-needs-a-key-only", "PI-40")
class RetryNeedsAKeyOnly(PayoutIntents):
    """A replay needs the public key only: the secret isn't compared again."""

    async def cancel(self, request: Request, given: str) -> Response:
        account, key = self.account_for(_pair(request)[0]), self.key_of(request)
        if account is not None and key is not None:
            entry = self.world.keys.get(self.scope(account, key, given))
            if entry is not None and entry.response is not None and entry.fingerprint.startswith(given):
                return self.replay(entry.response)
        return await super().cancel(request, given)


# Separators


def _reads_secret(form: Callable[[bytes], bytes]) -> type[Any]:
    """The secret is made into another form before it is compared."""
    return secret_matches(lambda api, account, sent: form(sent) == account.secret)


pi("pi-colons-around-the-secret-are-dropped", "PI-41",
   "Colons at the beginning and the end of the secret are removed.",
   _reads_secret(lambda sent: sent.strip(b":")))
pi("pi-colons-in-the-secret-are-dropped", "PI-41", "Colons inside the secret are removed.",
   _reads_secret(lambda sent: sent.replace(b":", b"")))
pi("pi-blanks-in-the-secret-are-dropped", "PI-41", "Blanks inside the secret are removed.",
   _reads_secret(lambda sent: sent.replace(b" ", b"")))
pi("pi-secret-is-unescaped", "PI-41", "The secret is percent-decoded before it is compared.",
   _reads_secret(unquote_to_bytes))
pi("pi-secret-is-normalised", "PI-41", "The secret is normalised (NFKC): letters of full width match, too.",
   _reads_secret(lambda sent: unicodedata.normalize("NFKC", sent.decode("utf-8", "replace")).encode()))
pi("pi-pair-is-split-at-the-last-colon", "PI-41",
   "The credentials are split at their last colon, and the public key ends at the first one.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: _at_the_last(pair)))
pi("pi-pair-is-compared-joined", "PI-40, PI-41",
   "Public key and secret are compared as one text, without the colon.",
   changes.lets_in(lambda api, request: next((one for one in api.accounts.values()
       if one.key + one.secret == b"".join(_pair(request))), None)))
pi("pi-key-is-trimmed", "PI-41", "White space around the public key is removed.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: (pair[0].strip(), pair[1])))
pi("pi-second-colon-skips-the-secret", "PI-40",
   "The secret is compared only if the credentials have exactly one colon.",
   secret_matches(lambda api, account, sent: b":" in sent or sent == account.secret))


def _at_the_last(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    user, _, password = b":".join(pair).rpartition(b":")
    return user.partition(b":")[0], password


# What an error shows of the request


def _sent(request: Request) -> Payload:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}


@defect("pi-unreadable-body-shows-the-request", "PI-45")
class UnreadableBodyShowsTheRequest(PayoutIntents):
    """The refusal of a malformed body shows the request's headers."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if refusal.code != "invalid_request":
                raise
            return self.reply(refusal.status, self.envelope(refusal) | {"request": _sent(request)})


pi("pi-trace-shows-the-request", "PI-45", "TRACE is answered by the web server, which repeats the request.",
   changes.responds(lambda request, reply: reply if request.method != "TRACE"
       else Response(200, b"\r\n".join(b": ".join(one) for one in request.headers), (), "message/http")))
pi("pi-other-method-shows-the-request", "PI-45",
   "The answer to a method that isn't allowed shows the request's headers.",
   changes.other_methods(lambda request: Response(405, encode({"error": {"code": "method_not_allowed",
       "message": "No.", "headers": _sent(request)}}), (("allow", "GET, HEAD, POST"),))))
pi("pi-wrong-secret-is-repeated", "PI-45", "The message of a 401 repeats the key and the secret that failed.",
   steps.instead(PayoutIntents.unauthorized, lambda api, request, reason:
       api.auth_refusal(reason).but(message=f"{b':'.join(_pair(request)).decode('utf-8', 'replace')} is not known.")))

# Headers of a gateway


def _lets_in(when: Callable[[PayoutIntents, Request], Account | None]) -> type[Any]:
    return changes.lets_in(lambda api, request: None if request.values(b"authorization") else when(api, request))


def _first(api: PayoutIntents) -> Account:
    return next(iter(api.accounts.values()))


pi("pi-authenticated-user-is-trusted", "PI-40",
   "X-Authenticated-User, meant for the gateway, replaces authentication also when a client sends it.",
   _lets_in(lambda api, request: api.accounts.get(b"".join(request.values(b"x-authenticated-user")))))
pi("pi-consumer-is-trusted", "PI-40",
   "X-Consumer-Username, meant for the gateway, replaces authentication also when a client sends it.",
   _lets_in(lambda api, request: api.accounts.get(b"".join(request.values(b"x-consumer-username")))))
pi("pi-internal-call-is-trusted", "PI-40",
   "A request with X-Internal: true, meant for internal services, needs no credentials.",
   _lets_in(lambda api, request: _first(api) if b"true" in request.values(b"x-internal") else None))
pi("pi-forwarded-host-is-trusted", "PI-40",
   "A request whose X-Forwarded-Host is localhost needs no credentials.",
   _lets_in(lambda api, request: _first(api) if b"localhost" in request.values(b"x-forwarded-host") else None))
pi("pi-host-is-trusted", "PI-40", "A request whose Host is localhost needs no credentials.",
   _lets_in(lambda api, request: _first(api) if request.values(b"host") == [b"localhost"] else None))
pi("pi-overridden-preflight-is-open", "PI-40",
   "An OPTIONS request needs no credentials, and X-HTTP-Method-Override turns it into a POST.",
   _lets_in(lambda api, request: _first(api) if changes.overridden(request.method, request) == "OPTIONS" else None))


@defect("pi-rewritten-path-is-open", "PI-40")
class RewrittenPathIsOpen(PayoutIntents):
    """Authentication applies to the request's path, and the router to X-Original-URL."""

    async def respond(self, request: Request) -> Response | None:
        path = b"".join(request.values(b"x-original-url")).decode("latin-1")
        self.open = bool(path) and not request.path.startswith(self.prefix)
        return await super().respond(replace(request, path=path) if path else request)

    open = False

    def authenticate(self, request: Request) -> Account:
        return _first(self) if self.open else super().authenticate(request)
