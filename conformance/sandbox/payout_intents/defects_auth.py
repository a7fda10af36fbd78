"""Payout intents that authenticate a request wrongly."""

import base64
import binascii
from dataclasses import replace

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import pi, secret_matches
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

_CHALLENGE = (("www-authenticate", "Basic"),)
_BIG = 4096
"""Bytes that a header's buffer holds in the defects below."""

pi("pi-basic-is-refused", "PI-39", "Basic credentials are refused: a bearer token is expected.",
   steps.instead(PayoutIntents.is_basic, lambda api, scheme: scheme.lower() == b"bearer"))


@defect("pi-password-is-expected-empty", "PI-39")
class PasswordIsExpectedEmpty(PayoutIntents):
    """The secret key is expected as the user name, with an empty password."""

    def credentials(self, request: Request) -> tuple[bytes, bytes]:
        user, password = super().credentials(request)
        key = next((account.key for account in self.accounts.values() if account.secret == user), b"")
        return (key, user) if not password else (b"", b"")


pi("pi-no-credentials-are-accepted", "PI-40",
   "A request without credentials counts as the first merchant's, a setting for development.",
   changes.lets_in(lambda api, request: None if request.values(b"authorization")
       else next(iter(api.accounts.values()))))
pi("pi-read-is-public", "PI-40", "A read needs no credentials: the id suffices.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(it)
       if not request.values(b"authorization") and (it := api.known(given)) else None))


@defect("pi-read-ignores-the-secret", "PI-40")
class ReadIgnoresTheSecret(PayoutIntents):
    """A read needs the public key only: the secret isn't compared."""

    def authenticate_read(self, request: Request) -> Account:
        user, _ = self.credentials(request)
        return self.account_for(user) or super().authenticate_read(request)


pi("pi-secret-is-not-checked", "PI-40", "Requests need the public key only: the secret isn't compared.",
   secret_matches(lambda api, account, sent: True))
pi("pi-secret-may-be-shorter", "PI-40",
   "The comparison ends with the last byte sent: a truncated secret matches.",
   secret_matches(lambda api, account, sent: bool(sent) and account.secret.startswith(sent)))
pi("pi-secret-may-be-longer", "PI-40",
   "The comparison ends with the last byte of the secret: anything appended is ignored.",
   secret_matches(lambda api, account, sent: sent.startswith(account.secret)))
pi("pi-secret-is-compared-by-its-head", "PI-40", "Only the first sixteen bytes of the secret are compared.",
   secret_matches(lambda api, account, sent: account.secret[:16] == sent[:16]))
pi("pi-secret-is-case-insensitive", "PI-40",
   "The secret is compared by a database whose collation ignores letter case.",
   secret_matches(lambda api, account, sent: account.secret.lower() == sent.lower()))
pi("pi-empty-secret-is-accepted", "PI-40", "An empty secret is accepted without a comparison.",
   secret_matches(lambda api, account, sent: sent in (b"", account.secret)))
pi("pi-any-secret-of-ours-does", "PI-40",
   "The secret of any merchant is accepted for every merchant's public key.",
   secret_matches(lambda api, account, sent: any(sent == other.secret for other in api.accounts.values())))
pi("pi-unknown-key-is-accepted", "PI-40",
   "The account is found by the secret alone: the public key isn't compared.",
   changes.lets_in(lambda api, request:
       next((one for one in api.accounts.values() if one.secret == api.credentials(request)[1]), None)))
pi("pi-swapped-is-accepted", "PI-40", "Key and secret are accepted the other way round, too.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: pair if pair[0] in api.accounts else pair[::-1]))
pi("pi-bearer-is-accepted", "PI-41", "The scheme isn't compared: the same credentials as Bearer are accepted.",
   steps.instead(PayoutIntents.is_basic, lambda api, scheme: True))


@defect("pi-plain-credentials-are-accepted", "PI-40")
class PlainCredentialsAreAccepted(PayoutIntents):
    """Credentials that aren't base64 are read as key:secret in plain text."""

    def credentials(self, request: Request) -> tuple[bytes, bytes]:
        values = request.values(b"authorization")
        scheme, _, pair = values[0].partition(b" ") if values else (b"", b"", b"")
        if self.is_basic(scheme) and b":" in pair:
            user, _, password = pair.partition(b":")
            return user, password
        return super().credentials(request)


@defect("pi-no-colon-is-a-key", "PI-40")
class NoColonIsAKey(PayoutIntents):
    """Credentials without a colon are accepted as a public key without a secret."""

    def secret_matches(self, account: Account | None, password: bytes) -> bool:
        return (account is not None and password == b"\0") or super().secret_matches(account, password)

    def credentials(self, request: Request) -> tuple[bytes, bytes]:
        values = request.values(b"authorization")
        scheme, _, encoded = values[0].partition(b" ") if values else (b"", b"", b"")
        try:
            pair = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            pair = b":"
        return (pair, b"\0") if self.is_basic(scheme) and b":" not in pair else super().credentials(request)


@defect("pi-replay-precedes-authentication", "PI-40")
class ReplayPrecedesAuthentication(PayoutIntents):
    """A replay is answered before authentication."""

    async def cancel(self, request: Request, given: str) -> Response:
        key = self.key_of(request)
        for scope, entry in self.world.keys.items():
            if key == scope[-1] and entry.response and entry.fingerprint.startswith(given):
                return self.replay(entry.response)
        return await super().cancel(request, given)


pi("pi-cancels-before-authenticating", "PI-40",
   "The handler runs before authentication: the answer is 401, and the intent is cancelled.",
   effects.after_refusal("unauthorized", effects.cancels, when=steps.state("requires_approval")))
pi("pi-unauthorized-is-200", "PI-40, PI-41", "Failed authentication is answered 200, with the error inside.",
   changes.unauthorized(status=200))
pi("pi-unauthorized-is-400", "PI-41", "Failed authentication is answered 400.", changes.unauthorized(status=400))
pi("pi-no-challenge", "PI-41", "A 401 has no WWW-Authenticate header.", changes.unauthorized(headers=()))
pi("pi-challenge-is-bearer", "PI-41", "The challenge of a 401 names another scheme: Bearer.",
   changes.unauthorized(headers=(("www-authenticate", 'Bearer realm="payout intents"'),)))
pi("pi-looks-up-before-authenticating", "PI-41",
   "An unknown intent is a 404 before authentication, so ids can be probed.",
   changes.cancel_begins(changes.knows))
pi("pi-reads-before-authenticating", "PI-41",
   "A read of an unknown intent is a 404 before authentication; a cancel of one is a 401.",
   changes.read_begins(changes.knows))
pi("pi-scheme-is-case-sensitive", "PI-42", "The scheme is compared with its letter case: basic is refused.",
   steps.instead(PayoutIntents.is_basic, lambda api, scheme: scheme == b"Basic"))


@defect("pi-undecodable-is-500", "PI-43")
class UndecodableIs500(PayoutIntents):
    """Credentials that aren't base64 end in a 500."""

    def credentials(self, request: Request) -> tuple[bytes, bytes]:
        values = request.values(b"authorization")
        if values and self.is_basic(values[0].partition(b" ")[0]):
            base64.b64decode(values[0].partition(b" ")[2], validate=True)
        return super().credentials(request)


pi("pi-no-colon-is-500", "PI-43", "Credentials without a colon end in a 500.",
   steps.after(PayoutIntents.auth_refusal, lambda api, refusal, reason: steps.crash("list index out of range")
       if reason == "no_colon" else refusal))
pi("pi-invalid-utf8-credentials-are-500", "PI-43", "Credentials that aren't UTF-8 once decoded end in a 500.",
   steps.after(PayoutIntents.credentials, lambda api, pair, request: [part.decode() for part in pair] and pair))
pi("pi-big-credentials-are-500", "PI-43", "Credentials that don't fit their buffer of 4 kB end in a 500.",
   steps.asked(PayoutIntents.credentials, lambda api, request: steps.crash("header value too long")
       if any(len(value) > _BIG for value in request.values(b"authorization")) else request))
pi("pi-header-name-is-case-sensitive", "PI-39",
   "The header's name is compared with its letter case: only Authorization counts.",
   steps.asked(PayoutIntents.credentials, lambda api, request:
       replace(request, headers=tuple(h for h in request.headers if h[0] != b"authorization"))), warns=True)
pi("pi-other-spellings-are-open", "PI-40",
   "A path with a slash at its end is routed, and needs no credentials.",
   steps.asked(PayoutIntents.place, lambda api, path: path.removesuffix("/")),
       changes.lets_in(lambda api, request: next(iter(api.accounts.values())) if request.path.endswith("/cancel/")
       else None))
pi("pi-neighbours-are-trusted", "PI-40",
   "A request whose X-Forwarded-For names the local machine needs no credentials.",
   changes.lets_in(lambda api, request: next(iter(api.accounts.values()))
       if b"127.0.0.1" in request.values(b"x-forwarded-for") else None))
pi("pi-secret-is-a-pattern", "PI-40", "The secret is compared by SQL's LIKE: a percent sign matches any.",
   secret_matches(lambda api, account, sent: sent in (b"%", account.secret)))


@defect("pi-refusal-tells-the-secret", "PI-40")
class RefusalTellsTheSecret(PayoutIntents):
    """The message of a 401 shows the expected secret, for debugging."""

    def secret_matches(self, account: Account | None, password: bytes) -> bool:
        matches = super().secret_matches(account, password)
        if account is not None and not matches:
            raise Refusal(401, "unauthorized", f"{account.secret.decode()} was expected.", _CHALLENGE)
        return matches


pi("pi-credentials-are-echoed", "PI-45",
   "A refusal repeats the request's credentials in a header, for debugging.",
   changes.responds(lambda request, reply: reply if reply.status < 400
       else changes.headed(reply, "x-debug-auth", b" ".join(request.values(b"authorization")).decode("latin-1"))))
