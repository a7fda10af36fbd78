"""Payout intents that let the body, the query or a header say what the path and the credentials say already."""

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
    """The value at the end of these names in the body."""
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

pi("pi-body-merchant-wins", "PI-11", "The merchant is read from the merged parameters: the body has a merchant_id.",
   _merchant(lambda request: body_fields(request).get("merchant_id")))
pi("pi-body-merchant-id-wins", "PI-11", "The command for the handler is filled from the body: merchantId and all.",
   _merchant(lambda request: body_fields(request).get("merchantId")))
pi("pi-query-merchant-wins", "PI-11", "merchant_id in the query, meant for the back office, says whose intent it is.",
   _merchant(lambda request: query_field(request, "merchant_id")))
pi("pi-header-merchant-wins", "PI-11",
   "X-Merchant-Id, which the gateway sets, says whose intent it is; what a client sends under that name stays.",
   _merchant(header(b"x-merchant-id")))
pi("pi-body-environment-wins", "PI-12", "environment in the body says in which environment an intent is looked for.",
   _environment(lambda request: body_fields(request).get("environment")))
pi("pi-query-environment-wins", "PI-12", "environment in the query says in which environment an intent is looked for.",
   _environment(lambda request: query_field(request, "environment")))
pi("pi-header-environment-wins", "PI-12", "X-Environment says in which environment an intent is looked for.",
   _environment(header(b"x-environment")))

# Which one

pi("pi-nested-id-wins", "PI-01", "The body is bound to an object that holds a payout_intent, whose id counts.",
   cancels_another(lambda request: nested(request, "payout_intent", "id")))
pi("pi-id-in-capitals-wins", "PI-01", "The body is bound by names in any letter case, so that ID replaces the id.",
   cancels_another(lambda request: body_fields(request).get("ID")))
pi("pi-header-id-wins", "PI-01", "The id is read from X-Payout-Intent-Id, which the gateway should set.",
   cancels_another(header(b"x-payout-intent-id")))


@defect("pi-form-id-wins", "PI-01")
class FormIdWins(PayoutIntents):
    """A form is accepted, too, and its fields replace the parameters of the path."""

    async def cancel(self, request: Request, given: str) -> Response:
        if b"form-urlencoded" not in b"".join(request.values(b"content-type")):
            return await super().cancel(request, given)
        fields = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        headers = tuple(one for one in request.headers if one[0].lower() != b"content-type")
        body = json.dumps({"reason": fields.get("reason")}).encode()
        return await super().cancel(replace(request, headers=headers, body=body), fields.get("id", given))


@defect("pi-body-reference-wins", "PI-01")
class BodyReferenceWins(PayoutIntents):
    """Where the body has a merchant_reference, the intent is looked for by that."""

    async def cancel(self, request: Request, given: str) -> Response:
        reference = body_fields(request).get("merchant_reference")
        found = (one.id for one in self.store.rows() if reference and one.merchant_reference == reference)
        return await super().cancel(request, next(found, given))


@defect("pi-body-lists-go-along", "PI-01", "PI-11")
class BodyListsGoAlong(PayoutIntents):
    """Whatever the body's payout_intent_ids are, they are cancelled as well, and nobody asks whose they are."""

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
    """A GET shows that intent of the caller which the query names."""

    async def read(self, request: Request, given: str) -> Response:
        other = query_field(request, "id")
        return await super().read(request, other if other and self.known(other) else given)


@defect("pi-rewritten-path-wins", "PI-11")
class RewrittenPathWins(PayoutIntents):
    """Whose the intent of the path is, is checked; the one that is cancelled stands in X-Original-URL."""

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
    """The body is assigned to the row as a whole: amount, currency and reference are what a caller says."""

    names = ("amount", "currency", "country", "merchant_reference")


@defect("pi-body-assigns-the-failure", "PI-22")
class BodyAssignsTheFailure(_Assigns):
    """The body is assigned to the row as a whole, and a failure_message in it replaces the reason."""

    names = ("failure_message",)


@defect("pi-body-assigns-the-failure-code", "PI-16")
class BodyAssignsTheFailureCode(_Assigns):
    """The body is assigned to the row as a whole, and a failure_code in it replaces that of the cancel."""

    names = ("failure_code",)


@defect("pi-body-assigns-the-recipient", "PI-21")
class BodyAssignsTheRecipient(_Assigns):
    """The recipient in the body is merged into that of the intent."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        recipient = self.body.get("recipient")
        if isinstance(recipient, dict) and isinstance(recipient.get("holder_name"), str):
            row.holder_name = recipient["holder_name"]


pi("pi-query-assigns-the-reason", "PI-22", "The reason is read from the merged parameters: the query's comes first.",
   steps.asked(PayoutIntents.body_of, lambda api, request: request if not query_field(request, "reason")
       else replace(request, body=json.dumps({"reason": query_field(request, "reason")}).encode())))


@defect("pi-answer-repeats-the-body", "PI-21")
class AnswerRepeatsTheBody(_Assigns):
    """The answer is the intent with the order data of the body over it, as an optimistic client would show it."""

    def answered(self, row: Intent) -> Payload:
        own = ("amount", "currency", "country", "merchant_reference")
        return super().answered(row) | {name: self.body[name] for name in own if name in self.body}
