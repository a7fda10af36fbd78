"""Withdraws that leave a value out, answer some successes differently, or show unsigned readers too much."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.withdraws.changes import account_of_key, wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

_PROTOTYPE = (b"constructor", b"__proto__", b"toString", b"hasOwnProperty")
Data = dict[str, Any]


# Successes


@defect("wd-pending-needs-its-provider", "WD-01")
class PendingNeedsItsProvider(Withdraws):
    """A pending withdraw, too, is cancelled only if its provider supports cancellation."""

    def check_cancellable(self, row: Withdraw) -> None:
        super().check_cancellable(row)
        if not self.provider_allows(row):
            raise self.unsupported(row)


wd("wd-tenth-success-is-202", "WD-01", "One of ten processes runs the next version, which answers 202.",
   steps.every(10, Withdraws.success, lambda api, reply, it: replace(reply, status=202)), late=True)
wd("wd-third-cancel-is-500", "WD-01",
   "One of three database connections is broken: each third good cancel ends in a 500.",
   steps.every(3, Withdraws.check_cancellable, lambda api, nothing, it: steps.crash("the connection was closed")),
   late=True)
wd("wd-tenth-paid-at-is-set", "WD-18",
   "One of ten answers fills paidAt with the time of the cancellation.",
   steps.every(10, Withdraws.answered, lambda api, shown, it: shown | {"paidAt": shown["canceledAt"]}), late=True)

# Values that are kept back

wd("wd-reference-is-missing", "WD-16",
   "The answer to a cancel has no referenceId, which a read shows.",
   changes.answers_without("referenceId"))
wd("wd-updated-at-is-missing", "WD-16", "The answer to a cancel has no updatedAt.",
   changes.answers_without("updatedAt"))
wd("wd-account-is-null", "WD-21", "The account number is null instead of masked.",
   changes.shows(lambda it: {"bankAccountNumber": None}, steps.state("canceled")))
wd("wd-account-is-empty", "WD-21", "The account number is empty instead of masked.",
   changes.shows(lambda it: {"bankAccountNumber": ""}, steps.state("canceled")))
wd("wd-bank-code-is-null", "WD-23", "A cancel detaches the destination: bankCode is null.",
   changes.shows(lambda it: {"bankCode": None}, steps.state("canceled")))
wd("wd-account-name-is-empty", "WD-23",
   "A cancel empties the name of the account's holder, to keep less data.",
   changes.shows(lambda it: {"bankAccountName": ""}, steps.state("canceled")))
wd("wd-refusal-drops-the-description", "WD-10",
   "A refused cancel saves a row that was loaded without its description.",
   effects.after_refusal("VALIDATION_ERROR", effects.sets(lambda it: {"description": ""}),
       when=steps.state("paid", "failed", "canceled")))

# Reading

wd("wd-read-is-not-signed", "WD-12", "A read needs no signature: the id suffices.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(it) if (it := api.known(given)) else None))
wd("wd-read-needs-a-key-only", "WD-12", "A read looks the API key up, and verifies no signature.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(api.find(account, given))
       if (account := account_of_key(api, request)) else None))


# The body


@defect("wd-doubled-key-is-covered-once", "WD-35", "WD-32")
class DoubledKeyIsCoveredOnce(Withdraws):
    """A body with a duplicate name is normalised before its signature is verified: only the last value is covered."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        with suppress(ValueError, RecursionError):
            tidied = json.dumps(json.loads(body), separators=(",", ":")).encode()
            if len(tidied) < len(body) and b" " not in body:
                body = tidied
        return super().signed_message(timestamp, body)


# What is never answered, or by a 5xx

wd("wd-nul-in-id-loses-the-connection", "WD-14", "A NUL in an id ends the process, and the connection with it.",
   changes.breaks_on(lambda request: "%00" in request.path))
wd("wd-undecodable-id-is-502", "WD-14",
   "An id that isn't UTF-8 ends the process, and the gateway answers 502.",
   changes.breaks_on(lambda request:
       "%ff" in request.path, Response(502, b"<html><h1>Bad Gateway</h1></html>", (), "text/html")))
wd("wd-text-is-never-answered", "WD-39", "A body with a content type that has no handler ends the process.",
   changes.breaks_on(lambda request:
       any(value.startswith((b"nonsense", b"text/")) for value in request.values(b"content-type"))))
wd("wd-undecodable-key-loses-the-connection", "WD-39", "A key that isn't UTF-8 ends the process.",
   changes.breaks_on(lambda request: any(b"\xff" in value for value in request.values(b"x-api-key"))))


@defect("wd-undecodable-signature-is-500", "WD-39")
class UndecodableSignatureIs500(Withdraws):
    """Headers are decoded as UTF-8, and a signature that isn't UTF-8 ends in a 500."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        for value in request.values(b"x-signature"):
            value.decode()
        return super().signing(request)


wd("wd-prototype-key-is-500", "WD-39",
   "Keys are looked up in a plain object, which has a constructor, too: a 500.",
   changes.finds_account(lambda accounts, key, found: steps.crash("Received undefined") if key in _PROTOTYPE
       else found))
wd("wd-broken-body-is-500", "WD-39", "A body is parsed before authentication, and malformed JSON ends in a 500.",
   changes.looks(lambda request: request.body == b"{" and steps.crash("Unexpected end of JSON input")))
wd("wd-unknown-charset-is-500", "WD-39",
   "The charset of a content type chooses a decoder, and an unknown one ends in a 500.",
   changes.looks(lambda request: b"charset=nonsense" in b",".join(request.values(b"content-type"))
       and steps.crash("unknown encoding")))

# How failing credentials and other methods are answered

wd("wd-unauthorized-is-500", "WD-36",
   "The exception for failed authentication isn't mapped, and becomes a 500 in the usual envelope.",
   changes.unauthorized(status=500, code="INTERNAL", message="Something went wrong.", headers=()))
wd("wd-method-in-the-query-cancels", "WD-40",
   "_method in the query turns a GET into a POST, as HTML forms need it.",
   steps.after(Withdraws.method_of, lambda api, method, request: "POST" if request.query == "_method=POST"
       else method), warns=True)
