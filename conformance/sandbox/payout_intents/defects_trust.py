"""Payout intents that trust what anybody can send: headers of a gateway, a decision made before, half a separator."""

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
    """Whoever was let in is let in again for two seconds, by something that isn't the whole pair.

    What is remembered is looked at `first`, or only where the credentials are wrong.
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


pi("pi-decision-is-kept-by-user", "PI-40", "A right pair is remembered by its key for two seconds: hashing takes long.",
   _remembers(lambda request: _pair(request)[0] or None))
pi("pi-decision-is-kept-by-secret", "PI-40", "A right pair is remembered by the hash of its secret for two seconds.",
   _remembers(lambda request: _pair(request)[1] or None))
pi("pi-decision-is-kept-by-connection", "PI-40", "A connection stays authenticated, whatever its later requests bear.",
   _remembers(lambda request: request.connection, first=False))
pi("pi-decision-is-kept-by-path", "PI-40", "A right pair is remembered by the path that it was sent to.",
   _remembers(lambda request: request.path, first=False))
pi("pi-decision-is-kept-in-small-letters", "PI-40",
   "A right pair is remembered by the header as it was sent, in a table that ignores letter case.",
   _remembers(lambda request: b"".join(request.values(b"authorization")).lower() or None))
pi("pi-decision-is-kept-by-a-short-hash", "PI-40",
   "A right pair is remembered by the first 40 characters of the header.",
   _remembers(lambda request: b"".join(request.values(b"authorization"))[:_HEAD] or None))


@defect("pi-retry-needs-a-key-only", "PI-40")
class RetryNeedsAKeyOnly(PayoutIntents):
    """An answer that is kept under a key is replayed to whoever has the public key: the secret was right once."""

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


pi("pi-colons-around-the-secret-are-dropped", "PI-41", "Colons around the secret are stripped with the separator.",
   _reads_secret(lambda sent: sent.strip(b":")))
pi("pi-colons-in-the-secret-are-dropped", "PI-41", "The pair is split at each colon, and the rest is joined.",
   _reads_secret(lambda sent: sent.replace(b":", b"")))
pi("pi-blanks-in-the-secret-are-dropped", "PI-41", "Blanks are taken out of the secret, where pasting puts them.",
   _reads_secret(lambda sent: sent.replace(b" ", b"")))
pi("pi-secret-is-unescaped", "PI-41", "The secret is percent-decoded, as if it came out of an address.",
   _reads_secret(unquote_to_bytes))
pi("pi-secret-is-normalised", "PI-41", "The secret is brought to NFKC: letters of full width are as good.",
   _reads_secret(lambda sent: unicodedata.normalize("NFKC", sent.decode("utf-8", "replace")).encode()))
pi("pi-pair-is-split-at-the-last-colon", "PI-41",
   "The pair is split at its last colon, and the key ends at its first one.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: _at_the_last(pair)))
pi("pi-pair-is-compared-joined", "PI-40, PI-41", "Key and secret are compared as one text without the colon.",
   changes.lets_in(lambda api, request: next((one for one in api.accounts.values()
       if one.key + one.secret == b"".join(_pair(request))), None)))
pi("pi-key-is-trimmed", "PI-41", "White space around the key is stripped.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: (pair[0].strip(), pair[1])))
pi("pi-second-colon-skips-the-secret", "PI-40",
   "The pair is split at each colon, and the secret is compared where that gives two parts.",
   secret_matches(lambda api, account, sent: b":" in sent or sent == account.secret))


def _at_the_last(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    user, _, password = b":".join(pair).rpartition(b":")
    return user.partition(b":")[0], password


# What an error shows of the request


def _sent(request: Request) -> Payload:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}


@defect("pi-unreadable-body-shows-the-request", "PI-45")
class UnreadableBodyShowsTheRequest(PayoutIntents):
    """The refusal of a body that can't be read shows the headers that it came with."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if refusal.code != "invalid_request":
                raise
            return self.reply(refusal.status, self.envelope(refusal) | {"request": _sent(request)})


pi("pi-trace-shows-the-request", "PI-45", "TRACE is left to the web server, which sends back the request.",
   changes.responds(lambda request, reply: reply if request.method != "TRACE"
       else Response(200, b"\r\n".join(b": ".join(one) for one in request.headers), (), "message/http")))
pi("pi-other-method-shows-the-request", "PI-45", "The answer to a method that isn't allowed shows the headers.",
   changes.other_methods(lambda request: Response(405, encode({"error": {"code": "method_not_allowed",
       "message": "No.", "headers": _sent(request)}}), (("allow", "GET, HEAD, POST"),))))
pi("pi-wrong-secret-is-repeated", "PI-45", "The message of a 401 says with which key and secret somebody failed.",
   steps.instead(PayoutIntents.unauthorized, lambda api, request, reason:
       api.auth_refusal(reason).but(message=f"{b':'.join(_pair(request)).decode('utf-8', 'replace')} is not known.")))

# Headers of a gateway


def _lets_in(when: Callable[[PayoutIntents, Request], Account | None]) -> type[Any]:
    return changes.lets_in(lambda api, request: None if request.values(b"authorization") else when(api, request))


def _first(api: PayoutIntents) -> Account:
    return next(iter(api.accounts.values()))


pi("pi-authenticated-user-is-trusted", "PI-40",
   "The gateway authenticates and says in X-Authenticated-User who it is; what a client sends stays.",
   _lets_in(lambda api, request: api.accounts.get(b"".join(request.values(b"x-authenticated-user")))))
pi("pi-consumer-is-trusted", "PI-40",
   "The gateway authenticates and says in X-Consumer-Username who it is; what a client sends stays.",
   _lets_in(lambda api, request: api.accounts.get(b"".join(request.values(b"x-consumer-username")))))
pi("pi-internal-call-is-trusted", "PI-40", "Calls between services have X-Internal: true, and need no credentials.",
   _lets_in(lambda api, request: _first(api) if b"true" in request.values(b"x-internal") else None))
pi("pi-forwarded-host-is-trusted", "PI-40", "What X-Forwarded-Host says to be asked of localhost needs no credentials.",
   _lets_in(lambda api, request: _first(api) if b"localhost" in request.values(b"x-forwarded-host") else None))
pi("pi-host-is-trusted", "PI-40", "What is asked of the host localhost needs no credentials.",
   _lets_in(lambda api, request: _first(api) if request.values(b"host") == [b"localhost"] else None))
pi("pi-overridden-preflight-is-open", "PI-40",
   "OPTIONS needs no credentials, and X-HTTP-Method-Override says that a POST is one.",
   _lets_in(lambda api, request: _first(api) if changes.overridden(request.method, request) == "OPTIONS" else None))


@defect("pi-rewritten-path-is-open", "PI-40")
class RewrittenPathIsOpen(PayoutIntents):
    """Which paths need credentials goes by the request line, and which handler runs by X-Original-URL."""

    async def respond(self, request: Request) -> Response | None:
        path = b"".join(request.values(b"x-original-url")).decode("latin-1")
        self.open = bool(path) and not request.path.startswith(self.prefix)
        return await super().respond(replace(request, path=path) if path else request)

    open = False

    def authenticate(self, request: Request) -> Account:
        return _first(self) if self.open else super().authenticate(request)
