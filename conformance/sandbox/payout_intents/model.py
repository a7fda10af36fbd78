"""A payout intent, and fixtures of it: each carries every trap, so that no check depends on its luck."""

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conformance.sandbox.payout_intents import API
from conformance.sandbox.states import Facts, refused
from conformance.sandbox.store import World, instant


@dataclass(slots=True)
class Intent:
    """One payout intent. `webhook_url` is where its terminal event goes."""

    id: str
    merchant: str
    environment: str
    amount: str
    currency: str
    country: str
    status: str
    merchant_reference: str
    account_number: str
    bank_code: str
    holder_name: str
    created_at: datetime
    updated_at: datetime
    failure_code: str | None = None
    failure_message: str | None = None
    webhook_url: str | None = None


_counter = itertools.count(1)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AMOUNTS = ("50000", "1250", "9876500", "100", "730")
_PLACES = (
    ("MYR", "MY", "MBBEMYKL"),
    ("THB", "TH", "KASITHBK"),
    ("SGD", "SG", "DBSSSGSG"),
    ("IDR", "ID", "CENAIDJA"),
)
_NAMES = ("Aminah Yusof", "Ólafur Þór Jónsson", "ศิริพร ทองดี", "Tan Wei Ling", "Ma. Luz O'Hara")


def new_id() -> str:
    """An id as the document's example has it: a prefix, and 26 characters in Crockford's base 32."""
    return "word_01" + "".join(secrets.choice(_CROCKFORD) for _ in range(24))


def set_up(world: World, params: Facts, owner: tuple[str, str], status: str) -> tuple[Intent, Facts]:
    """A payout intent as a setup asks for it, and the facts about it."""
    url = params.get("webhook_url")
    if url is not None and not (isinstance(url, str) and url.startswith("http://")):
        raise refused("params.webhook_url is an http:// address.")
    intent = fixture(*owner, status, world)
    intent.webhook_url = url
    if status == "cancelled" and not world.own[API.name].seeded_failure_code:
        intent.failure_code = None
    if world.own[API.name].merchant_reference == "none":
        intent.merchant_reference = ""
    facts = wire(intent, world.variants.instants)
    facts["account_number_full"] = intent.account_number
    return intent, facts


def fixture(merchant: str, environment: str, status: str, world: World) -> Intent:
    """A new intent in a status, a few minutes old unless a variant says otherwise."""
    clock, zero_decimal, fresh = world.clock, world.variants.zero_decimal, world.variants.fresh
    number = next(_counter)
    age = timedelta() if fresh else timedelta(seconds=150 + number % 200, milliseconds=number % 983)
    created = clock.now() - age
    currency, country, bank_code = (
        ("JPY", "JP", "BOTKJPJT") if zero_decimal else _PLACES[number % len(_PLACES)]
    )
    intent = Intent(
        id=new_id(),
        merchant=merchant,
        environment=environment,
        amount=_AMOUNTS[number % len(_AMOUNTS)],
        currency=currency,
        country=country,
        status=status,
        merchant_reference=f"ref-{number:06d}-{secrets.token_hex(3)}",
        # The last four begin with a zero, which a number would lose.
        account_number=f"{secrets.randbelow(9 * 10**7) + 10**7}0{secrets.randbelow(1000):03d}",
        bank_code=bank_code,
        holder_name=_NAMES[number % len(_NAMES)],
        created_at=created,
        updated_at=created,
    )
    if status != "requires_approval" and not fresh:
        intent.updated_at = created + timedelta(seconds=60)
    if status == "cancelled":
        intent.failure_code, intent.failure_message = "cancelled", "seeded_as_cancelled"
    elif status == "failed":
        intent.failure_code, intent.failure_message = "bank_rejected", "The bank sent it back."
    return intent


def wire(intent: Intent, form: str = "ms") -> dict[str, Any]:
    """The thirteen documented fields; `form` is the variant `instants`."""
    return {
        "object": "payout_intent",
        "id": intent.id,
        "amount": intent.amount,
        "currency": intent.currency,
        "country": intent.country,
        "environment": intent.environment,
        "status": intent.status,
        "merchant_reference": intent.merchant_reference or None,
        "recipient": {
            "type": "bank_account",
            "account_last4": intent.account_number[-4:],
            "bank_code": intent.bank_code,
            "holder_name": intent.holder_name,
        },
        "failure_code": intent.failure_code,
        "failure_message": intent.failure_message,
        "created_at": instant(intent.created_at, form),
        "updated_at": instant(intent.updated_at, form),
    }
