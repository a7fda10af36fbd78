"""Names beside the path: what a framework may bind from a body, a query, a form or headers, and no document lists."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from conformance.errors import NotTestable
from conformance.http.reply import MISSING, Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.bad_requests import BODY
from conformance.suites.payout_intents.client import PayoutIntents, cancel_path, encoded

FORM = "application/x-www-form-urlencoded"
_REASON = "ordered twice"
Fields = Mapping[str, Any]


def query_of(fields: Fields) -> str:
    """Returns a query string, with its question mark."""
    return f"?{urlencode(fields, doseq=True)}"


# -- another intent of the caller's, or of anybody ------------------------------------------------------------------


def in_a_form(other: Resource) -> Fields:
    """Returns the fields of a form that name an intent."""
    return dict.fromkeys(("id", "payout_intent_id", "payoutIntentId", "intent_id"), other.id)


def in_headers(other: Resource) -> Fields:
    """Returns the headers that name an intent."""
    named = dict.fromkeys(("X-Payout-Intent-Id", "X-Intent-Id", "X-Resource-Id", "X-Id"), other.id)
    return {**named, "Cookie": f"id={other.id}; payout_intent_id={other.id}"}


def in_addresses(other: Resource) -> Fields:
    """Returns the headers by which a router is told another path: of the cancel of an intent."""
    names = ("X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Path", "X-Forwarded-Uri")
    return dict.fromkeys(names, cancel_path(other))


def in_objects(other: Resource, reference: object) -> Fields:
    """Returns fields of a body that name an intent: in objects and lists, in capitals, by its `reference`."""
    inside = {"id": other.id, "payout_intent_id": other.id}
    named: dict[str, Any] = {
        "payout_intent": inside,
        "payoutIntent": inside,
        "intent": inside,
        "data": inside,
        "params": inside,
        "ID": other.id,
        "uuid": other.id,
        "payout_intent_ids": [other.id],
        "payoutIntentIds": [other.id],
        "payout_intents": [inside],
    }
    if isinstance(reference, str) and reference:
        named |= {"merchant_reference": reference, "merchantReference": reference, "reference": reference}
    return named


@dataclass(frozen=True, slots=True)
class Place:
    """A place beside the path, in words for titles, and the cancel of an intent with names in it."""

    words: str
    ask: Callable[[PayoutIntents, Resource, Fields], Reply]


BODY_OF_A_FORM = Place(
    "form",
    lambda api, intent, names: api.post(
        intent, urlencode({"reason": _REASON, **names}).encode(), change={"Content-Type": FORM}
    ),
)
HEADERS = Place("headers", lambda api, intent, names: api.post(intent, BODY, more=names.items()))
JSON_BODY = Place("body", lambda api, intent, names: api.post(intent, encoded({"reason": _REASON, **names})))
QUERY = Place(
    "query",
    lambda api, intent, names: api.send("POST", cancel_path(intent) + query_of(names), api.headers(), BODY),
)


def at_once_or_singly(names: Fields) -> Iterator[Fields]:
    """Yields all names at once, and then one by one, as a target may refuse unknown ones."""
    yield names
    yield from ({name: value} for name, value in names.items())


# -- merchants and environments -------------------------------------------------------------------------------------

_MERCHANT = (
    "merchant_id",
    "merchantId",
    "merchant",
    "account_id",
    "accountId",
    "tenant_id",
    "tenantId",
    "owner_id",
)
_MERCHANT_HEADERS = (
    "X-Merchant-Id",
    "X-Merchant",
    "X-Account-Id",
    "X-Tenant-Id",
    "X-Owner-Id",
    "X-On-Behalf-Of",
    "X-Authenticated-User",
    "X-Consumer-Username",
)
_TOLD = ("merchant_id", "merchantId", "merchant", "account_id", "accountId", "tenant_id", "owner_id")
_ENVIRONMENT = ("environment", "env", "mode")
_ENVIRONMENT_HEADERS = ("X-Environment", "X-Env", "X-Mode")


def merchants(api: PayoutIntents, theirs: Resource, read: Reply) -> Iterator[tuple[Fields, Fields]]:
    """Yields fields and headers that name the merchant of an intent: by its key, and by what is told of the intent."""
    told = {
        str(shown.get(name)) for shown in (theirs.facts, _object(read)) for name in _TOLD if shown.get(name)
    }
    for value in (api.credentials("other_merchant").key, *sorted(told)):
        yield dict.fromkeys(_MERCHANT, value), dict.fromkeys(_MERCHANT_HEADERS, value)


def environments(api: PayoutIntents, read: Reply) -> tuple[Fields, Fields]:
    """Returns fields and headers that name the environment which a read of its intent shows."""
    shown = read.at("environment")
    name = shown if isinstance(shown, str) else "test" if api.environment == "live" else "live"
    fields = {**dict.fromkeys(_ENVIRONMENT, name), "livemode": name == "live"}
    headers = {**dict.fromkeys(_ENVIRONMENT_HEADERS, name), "X-Livemode": str(name == "live").lower()}
    return fields, headers


def _object(reply: Reply) -> Fields:
    return reply.json if isinstance(reply.json, dict) else {}


# -- fields of the intent itself ------------------------------------------------------------------------------------

ASSIGNED_MESSAGE, ASSIGNED_CODE = "assigned by a caller", "assigned_by_a_caller"
REASON_IN_THE_QUERY = "a reason that stands in the query"


@dataclass(frozen=True, slots=True)
class Assigned:
    """A cancel for `reason` that was accepted with fields of an intent in its `place`, and GETs around it."""

    place: str
    fields: Fields
    reason: str
    before: Reply
    reply: Reply
    after: Reply


def fields_of_an_intent(read: Reply) -> Iterator[Fields]:
    """Yields values that differ from those of an intent, of the same types: all of them, then by their use."""
    order: dict[str, Any] = {
        "amount": "1" if read.at("amount") != "1" else "2",
        "currency": "SGD" if read.at("currency") != "SGD" else "MYR",
        "country": "SG" if read.at("country") != "SG" else "MY",
        "merchant_reference": "assigned-by-a-caller",
        "created_at": "2001-01-01T00:00:00.000Z",
    }
    recipient = read.at("recipient")
    if isinstance(recipient, dict):
        order["recipient"] = {**recipient, "holder_name": "Somebody Else", "account_last4": "0001"}
    failure = {"failure_code": ASSIGNED_CODE, "failure_message": ASSIGNED_MESSAGE, "status": "paid"}
    own = {
        "environment": "live" if read.at("environment") != "live" else "test",
        "updated_at": "2001-01-01T00:00:00Z",
    }
    yield {**order, **failure, **own}
    yield from (order, failure, own)


def assigned(api: PayoutIntents, given: Given, place: str) -> list[Assigned]:
    """The accepted cancels with fields of an intent in the body or the query; none where each is refused."""
    found: list[Assigned] = []
    intent = given.used("requires_approval")
    before = api.seen(intent)
    for number, fields in enumerate(fields_of_an_intent(before)):
        one = _assigned(api, intent, before, place, fields)
        if one is not None:
            found.append(one)
            if number == 0:
                break
            intent = given.used("requires_approval")
            before = api.seen(intent)
    return found


def assigned_alone(api: PayoutIntents, given: Given, one: Assigned, key: str) -> Assigned:
    """Returns a cancel of another intent that has this field alone and shows it as said; else `one` itself."""
    try:
        intent = given.used("requires_approval")
        alone = _assigned(api, intent, api.seen(intent), one.place, {key: one.fields[key]})
    except (NotTestable, Violation):
        return one
    return alone if alone is not None and was_assigned(alone, key) else one


def _assigned(
    api: PayoutIntents, intent: Resource, before: Reply, place: str, fields: Fields
) -> Assigned | None:
    reason = api.new_reason()
    body, query = encoded({"reason": reason}), ""
    if place == "body":
        body = encoded({"reason": reason, **fields})
    else:
        query = in_the_query(fields)
    reply = sent_with(api, intent, query, body)
    if reply is None or not succeeded(reply):
        return None
    return Assigned(place, fields, reason, before, reply, api.confirmed(intent))


def in_the_query(fields: Fields) -> str:
    """Returns a query string with those fields that are texts, and a reason."""
    plain = {name: value for name, value in fields.items() if isinstance(value, str)}
    return query_of({**plain, "reason": REASON_IN_THE_QUERY})


def sent_with(api: PayoutIntents, intent: Resource, query: str, body: bytes) -> Reply | None:
    """Returns the answer to a cancel with that query and body; None where it never gets one."""
    path = cancel_path(intent) + query
    return api.answered(
        lambda: api.send("POST", path, api.headers(), body, of=intent),
        to="a cancel with fields of an intent beside the path",
    )


def was_assigned(one: Assigned, key: str) -> list[tuple[str, Reply]]:
    """Returns the answers, in words, that show a field as the caller said and not as it was."""
    sent = one.fields.get(key)
    shown = [("the answer", one.reply), ("GET", one.after)]
    return [
        (where, reply)
        for where, reply in shown
        if sent is not None
        and reply.at(key) is not MISSING
        and reply.at(key) == sent
        and one.before.at(key) != sent
    ]
