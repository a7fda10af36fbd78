"""Payout intents that get a detail wrong: a name beside the path, a key, a secret, signs in a reason, an effect."""

import re
from collections.abc import Callable
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import (
    body_fields,
    cancels_another,
    fingerprints,
    keys,
    pi,
    query_field,
    secret_matches,
    stores,
)
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

# Names beside the path


def _cookie(request: Request) -> object:
    found = re.search(rb"payout_intent_id=([^;]+)", b";".join(request.values(b"cookie")))
    return found[1].decode("latin-1") if found else None


pi("pi-cookie-id-wins", "PI-01", "Parameters of path and cookies are merged: the id in a cookie wins.",
   cancels_another(_cookie))
pi("pi-underscore-id-wins", "PI-01", "The body is bound to a document of a database: _id replaces the path's id.",
   cancels_another(lambda request: body_fields(request).get("_id")))
pi("pi-bracketed-id-wins", "PI-01", "The query is parsed into objects: payout_intent[id] replaces the path's id.",
   cancels_another(lambda request: query_field(request, "payout_intent[id]")))


def _forced(when: Callable[[Request], bool], *statuses: str) -> type[PayoutIntents]:
    """Some requests cancel in these states, too."""

    class Forced(PayoutIntents):
        forced = False

        async def cancel(self, request: Request, given: str) -> Response:
            self.forced = when(request)
            return await super().cancel(request, given)

        def check_cancellable(self, row: Intent) -> None:
            if not (self.forced and row.status in statuses):
                super().check_cancellable(row)

    return Forced


pi("pi-body-forces-a-processing-one", "PI-02", "force in a body, meant for the back office, cancels while processing.",
   _forced(lambda request: body_fields(request).get("force") is True, "processing"))
pi("pi-query-forces-a-terminal-one", "PI-03", "force=true in a query, meant for the back office, cancels a paid one.",
   _forced(lambda request: query_field(request, "force") == "true", "paid", "failed"))
pi("pi-header-forces-a-processing-one", "PI-02", "X-Admin, meant for the gateway, cancels while processing.",
   _forced(lambda request: bool(request.values(b"x-admin")), "processing"))

# Credentials, keys and bodies

pi("pi-secret-is-compared-by-its-characters", "PI-40", "The secret is compared as a set of characters, in any order.",
   secret_matches(lambda api, account, sent: sorted(sent) == sorted(account.secret)))
pi("pi-longer-key-is-known", "PI-41", "A public key is looked up by its beginning: more behind it is ignored.",
   changes.finds_account(lambda accounts, key, found: found or next(
       (account for known, account in accounts.items() if key.startswith(known)), None)))
pi("pi-key-is-read-from-its-end", "PI-38", "Keys are stored by their last twelve characters.",
   keys(lambda key: key[-12:]))
pi("pi-key-is-a-number", "PI-38", "A key of digits is stored as a number, without the zeros before it.",
   keys(lambda key: str(int(key)) if key.isdigit() else key))
pi("pi-key-is-summed", "PI-38", "Keys are hashed by the sum of their characters: their order doesn't count.",
   keys(lambda key: str(sum(map(ord, key)))))


def _compares(form: Callable[[str], object]) -> type[Any]:
    """Bodies are compared by something made of the reason."""
    return fingerprints(lambda identifier, body, right: f"{identifier} {form(str(body.get('reason')))}")


pi("pi-fingerprint-is-cut-at-255", "PI-31", "Bodies are compared by the first 255 characters of the reason.",
   _compares(lambda reason: reason[:255]))
pi("pi-fingerprint-is-latin", "PI-31", "Bodies are compared in Latin-1: letters of other scripts count as one.",
   _compares(lambda reason: reason.encode("latin-1", "replace")))
pi("pi-fingerprint-is-a-sum", "PI-31", "Bodies are compared by a checksum that doesn't see their order.",
   _compares(lambda reason: sum(map(ord, reason))))


@defect("pi-any-other-method-cancels", "PI-47")
class AnyOtherMethodCancels(PayoutIntents):
    """The usual methods are refused by name, and any other one is taken for a POST."""

    def operation(self, where: str, method: str) -> str | None:
        known = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
        return where if where == "cancel" and method not in known else super().operation(where, method)


# Reasons

pi("pi-long-digits-are-masked", "PI-27", "Nine digits and more in a reason are taken for a card, and masked.",
   stores(lambda reason: re.sub(r"\d{9,}", "****", reason)))
pi("pi-addresses-are-linked", "PI-27", "Addresses in a reason are put into angle brackets, so that mails link them.",
   stores(lambda reason: re.sub(r"(https?://\S+)", r"<\1>", reason)))
pi("pi-secrets-are-scrubbed", "PI-27", "What stands behind token= in a reason is scrubbed, as in a log.",
   stores(lambda reason: re.sub(r"(token|secret)=\S+", r"\1=***", reason)))
pi("pi-dots-are-typeset", "PI-27", "Three dots in a reason become an ellipsis, and two hyphens a dash.",
   stores(lambda reason: reason.replace("...", "\u2026").replace("--", "\u2013")))
pi("pi-shortcodes-are-emoji", "PI-27", "A word between colons in a reason becomes an emoji.",
   stores(lambda reason: reason.replace(":smile:", "\U0001f600")))
pi("pi-repeated-signs-are-one", "PI-27", "Exclamation and question marks in a row become one.",
   stores(lambda reason: re.sub(r"([!?])\1+", r"\1", reason)))
pi("pi-comments-are-removed", "PI-27", "What looks like a comment of SQL is removed from a reason.",
   stores(lambda reason: re.sub(r"/\*.*?\*/", "", reason)))
pi("pi-invisible-characters-are-removed", "PI-27", "Characters that can't be seen are removed from a reason.",
   stores(lambda reason: re.sub("[\u00ad\u200b\u2060\ufeff]", "", reason)))
pi("pi-example-is-translated", "PI-22", "The reason duplicate_request is a code, and comes back in words.",
   stores(lambda reason: "Duplicate request" if reason == "duplicate_request" else reason))

# What a refusal leaves behind

_OPEN = steps.state("requires_approval")
pi("pi-wrong-body-fails-the-intent", "PI-29", "A body that can't be read is a 400, and sets the intent to failed.",
   effects.after_refusal("invalid_request", effects.sets(lambda it: {"status": "failed"}), when=_OPEN))
pi("pi-unauthorized-starts-the-payout", "PI-40", "A request with failing credentials is a 401, and counts as approved.",
   effects.after_refusal("unauthorized", effects.sets(lambda it: {"status": "processing"}), when=_OPEN))
pi("pi-refused-reason-is-kept", "PI-29", "A reason that is refused is kept as failure_message: the intent stays open.",
   effects.after_refusal("invalid_request", effects.sets(lambda it: {"failure_message": "invalid"}), when=_OPEN))


@defect("pi-read-row-is-anybodys", "PI-11", "PI-12")
class ReadRowIsAnybodys(PayoutIntents):
    """Rows are cached by their id alone: what an owner has read, anybody else cancels and reads."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: set[str] = set()

    def find(self, account: Account, given: str) -> Intent:
        row = self.known(given)
        if row is not None and row.id in self.kept:
            return row
        found = super().find(account, given)
        self.kept.add(found.id)
        return found
