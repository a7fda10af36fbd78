"""Payout intents that take id, merchant or environment from the body, the query or a header."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from conformance.sandbox import steps
from conformance.sandbox.api import Payload
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import Body, body_fields, cancels_another, pi, query_field
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

Named = Callable[[Request], object]
"""The value that a request has under some name, or None."""


def header(name: bytes) -> Named:
    """The value of a header."""
    return lambda request: next((one.decode("latin-1") for one in request.values(name)), None)


def nested(request: Request, *names: str) -> object:
    """The value at this path of names in the body."""
    value: Any = body_fields(request)
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _account(named: Named, of: Callable[[Account], Mapping[str, object]]) -> type[Any]:
    """Once a caller is authenticated, the account is another one: that one whose values a request names."""

    def other(api: PayoutIntents, account: Account, request: Request) -> Account:
        value = named(request)
        return next((one for one in api.accounts.values() if value and value in of(one).values()), account)

    return steps.after(PayoutIntents.authenticate, other)


def _merchant(named: Named) -> type[Any]:
    return _account(named, lambda one: {"merchant": one.merchant, "key": one.key.decode()})


def _environment(named: Named) -> type[Any]:
    def other(api: PayoutIntents, account: Account, request: Request) -> Account:
        value = named(request)
        return replace(account, environment=value) if isinstance(value, str) and value else account

    return steps.after(PayoutIntents.authenticate, other)


# Who

pi("pi-body-merchant-wins", "PI-11",
   "merchant_id in the body names the merchant instead of the credentials.",
   _merchant(lambda request: body_fields(request).get("merchant_id")))
pi("pi-body-merchant-id-wins", "PI-11",
   "merchantId in the body names the merchant instead of the credentials.",
   _merchant(lambda request: body_fields(request).get("merchantId")))
pi("pi-query-merchant-wins", "PI-11",
   "merchant_id in the query, meant for the back office, names the merchant instead of the credentials.",
   _merchant(lambda request: query_field(request, "merchant_id")))
pi("pi-header-merchant-wins", "PI-11",
   "X-Merchant-Id, meant for the gateway, names the merchant also when a client sends it.",
   _merchant(header(b"x-merchant-id")))
pi("pi-body-environment-wins", "PI-12",
   "environment in the body names the environment instead of the credentials.",
   _environment(lambda request: body_fields(request).get("environment")))
pi("pi-query-environment-wins", "PI-12",
   "environment in the query names the environment instead of the credentials.",
   _environment(lambda request: query_field(request, "environment")))
pi("pi-header-environment-wins", "PI-12", "X-Environment names the environment instead of the credentials.",
   _environment(header(b"x-environment")))

# Which one

pi("pi-nested-id-wins", "PI-01", "The id of a payout_intent nested in the body replaces that of the path.",
   cancels_another(lambda request: nested(request, "payout_intent", "id")))
pi("pi-id-in-capitals-wins", "PI-01",
   "The body is bound regardless of letter case: a field ID replaces the id of the path.",
   cancels_another(lambda request: body_fields(request).get("ID")))
pi("pi-header-id-wins", "PI-01", "X-Payout-Intent-Id, meant for the gateway, replaces the id of the path.",
   cancels_another(header(b"x-payout-intent-id")))


@defect("pi-form-id-wins", "PI-01")
class FormIdWins(PayoutIntents):
    """A form body is accepted, too, and its fields replace the path's parameters."""

    async def cancel(self, request: Request, given: str) -> Response:
        if b"form-urlencoded" not in b"".join(request.values(b"content-type")):
            return await super().cancel(request, given)
        fields = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        headers = tuple(one for one in request.headers if one[0].lower() != b"content-type")
        body = json.dumps({"reason": fields.get("reason")}).encode()
        return await super().cancel(replace(request, headers=headers, body=body), fields.get("id", given))


@defect("pi-body-reference-wins", "PI-01")
class BodyReferenceWins(PayoutIntents):
    """merchant_reference in the body selects the intent instead of the path."""

    async def cancel(self, request: Request, given: str) -> Response:
        reference = body_fields(request).get("merchant_reference")
        found = (one.id for one in self.store.rows() if reference and one.merchant_reference == reference)
        return await super().cancel(request, next(found, given))


@defect("pi-body-lists-go-along", "PI-01", "PI-11")
class BodyListsGoAlong(PayoutIntents):
    """Intents listed in the body's payout_intent_ids are cancelled as well, whoever owns them."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.authenticate(request)
        listed = body_fields(request).get("payout_intent_ids")
        for other in listed if isinstance(listed, list) else ():
            intent = self.store.get(str(other))
            if intent and intent.status in self.cancellable:
                self.write(intent, None)
        return await super().cancel(request, given)


@defect("pi-query-id-is-read", "PI-06")
class QueryIdIsRead(PayoutIntents):
    """A GET shows the caller's intent that the query names instead of that of the path."""

    async def read(self, request: Request, given: str) -> Response:
        other = query_field(request, "id")
        return await super().read(request, other if other and self.known(other) else given)


@defect("pi-rewritten-path-wins", "PI-11")
class RewrittenPathWins(PayoutIntents):
    """The owner of the path's intent is checked, and the intent in X-Original-URL is cancelled."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.find(self.authenticate(request), given)
        for path in request.values(b"x-original-url"):
            where, other = self.place(path.decode("latin-1")) or ("", "")
            intent = self.store.get(other)
            if where == "cancel" and intent and intent.status in self.cancellable:
                self.write(intent, None)
                return self.success(intent)
        return await super().cancel(request, given)


# What it is like


class _Assigns(PayoutIntents):
    """Saves some fields of the body with the intent, once it is cancelled."""

    names: tuple[str, ...] = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.body: Body = {}

    async def cancel(self, request: Request, given: str) -> Response:
        self.body = body_fields(request)
        return await super().cancel(request, given)

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        for name in self.names:
            if isinstance(self.body.get(name), str):
                setattr(row, name, self.body[name])


@defect("pi-body-assigns-the-amount", "PI-21")
class BodyAssignsTheAmount(_Assigns):
    """Amount, currency and reference in the body are assigned to the intent (mass assignment)."""

    names = ("amount", "currency", "country", "merchant_reference")


@defect("pi-body-assigns-the-failure", "PI-22")
class BodyAssignsTheFailure(_Assigns):
    """failure_message in the body replaces the reason (mass assignment)."""

    names = ("failure_message",)


@defect("pi-body-assigns-the-failure-code", "PI-16")
class BodyAssignsTheFailureCode(_Assigns):
    """failure_code in the body replaces that of the cancel (mass assignment)."""

    names = ("failure_code",)


@defect("pi-body-assigns-the-recipient", "PI-21")
class BodyAssignsTheRecipient(_Assigns):
    """The recipient in the body is merged into that of the intent."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        recipient = self.body.get("recipient")
        if isinstance(recipient, dict) and isinstance(recipient.get("holder_name"), str):
            row.holder_name = recipient["holder_name"]


pi("pi-query-assigns-the-reason", "PI-22",
   "A reason in the query replaces that of the body.",
   steps.asked(PayoutIntents.body_of, lambda api, request: request if not query_field(request, "reason")
       else replace(request, body=json.dumps({"reason": query_field(request, "reason")}).encode())))


@defect("pi-answer-repeats-the-body", "PI-21")
class AnswerRepeatsTheBody(_Assigns):
    """The answer shows the body's order data over those of the intent."""

    def answered(self, row: Intent) -> Payload:
        own = ("amount", "currency", "country", "merchant_reference")
        return super().answered(row) | {name: self.body[name] for name in own if name in self.body}
