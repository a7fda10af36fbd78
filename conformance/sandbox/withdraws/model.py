"""A withdraw, and fixtures of it.

Every fixture has all edge values, so that each check sees them: a bank code and an account number with leading
zeros, an amount that ends in a zero, metadata of every JSON type, text beyond ASCII.
"""

import itertools
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conformance.sandbox.states import Facts, refused
from conformance.sandbox.store import World, instant
from conformance.sandbox.withdraws import API


@dataclass(slots=True)
class Withdraw:
    """One withdraw. `provider_supports_cancel` matters while it is processing."""

    id: str
    merchant: str
    amount: str
    currency: str
    status: str
    reference_id: str
    account_number: str
    account_name: str
    bank_code: str
    description: str
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    destination_type: str = "bank_account"
    destination_id: str | None = None
    paid_at: datetime | None = None
    canceled_at: datetime | None = None
    provider_supports_cancel: bool = True


_counter = itertools.count(1)
_AMOUNTS = ("1000.00", "250.50", "98765.40", "7.10", "1234567.80")
_BANKS = (("THB", "004"), ("THB", "014"), ("SGD", "0071"), ("MYR", "027"), ("PHP", "0010530"))
_NAMES = ("Somchai Jaidee", "Zoë Müller-Østergård", "สมหญิง ใจดี", "Nur Aisyah binti Rahman", "D'Angelo Quirós")


def set_up(world: World, params: Facts, owner: tuple[str, str], status: str) -> tuple[Withdraw, Facts]:
    """A withdraw as a setup asks for it, and the facts about it."""
    supports, own = params.get("provider_supports_cancel", True), world.own[API.name]
    if not isinstance(supports, bool):
        raise refused("params.provider_supports_cancel is a boolean.")
    if own.always_cancellable and not supports:
        raise refused("Every provider here supports cancelling.")
    withdraw = fixture(owner[0], status, world, supports_cancel=supports)
    facts = wire(withdraw, world.variants.instants)
    facts["bankAccountNumberFull"] = withdraw.account_number
    if "provider_supports_cancel" in params and own.tells_support:
        facts["provider_supports_cancel"] = supports
    return withdraw, facts


def fixture(merchant: str, status: str, world: World, *, supports_cancel: bool) -> Withdraw:
    """A new withdraw in a status, a few minutes old unless a variant says otherwise."""
    clock, variants = world.clock, world.variants
    number, zero_decimal = next(_counter), variants.zero_decimal
    age = timedelta(seconds=180 + number % 240, milliseconds=number % 977)
    created = clock.now() if variants.fresh else clock.now() - age
    currency, bank_code = ("JPY", "0001") if zero_decimal else _BANKS[number % len(_BANKS)]
    amount = str(1000 * (number % 90 + 1)) if zero_decimal else _AMOUNTS[number % len(_AMOUNTS)]
    if world.own[API.name].amounts == "printed" and not zero_decimal:
        amount = f"{100 + secrets.randbelow(99_900)}.{secrets.randbelow(100):02d}"
    withdraw = Withdraw(
        id=str(uuid.uuid4()),
        merchant=merchant,
        amount=amount,
        currency=currency,
        status=status,
        reference_id=f"ref-{number:06d}-{secrets.token_hex(3)}",
        account_number=f"0{secrets.randbelow(10**11):011d}",
        account_name=_NAMES[number % len(_NAMES)],
        bank_code=bank_code,
        description=f"Refund № {number}: café & thé",
        metadata={
            "order_id": f"{number:05d}",
            "attempt": 2,
            "express": True,
            "rate": 1.25,
            "agent": None,
            "route": {"hops": ["bkk", "sin"], "manual": False},
        },
        created_at=created,
        updated_at=created,
        provider_supports_cancel=supports_cancel,
    )
    moved = created if variants.fresh else created + timedelta(seconds=90)
    if status != "pending":
        withdraw.updated_at = moved
    if status == "paid":
        withdraw.paid_at = moved
    if status == "canceled":
        withdraw.canceled_at = moved
    return withdraw


def printed(amount: str) -> str:
    """An amount as a number is printed: without the zeros at its end."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def masked(account_number: str) -> str:
    """The first four and the last four digits (Withdraws, "Success Response")."""
    return f"{account_number[:4]}****{account_number[-4:]}"


def wire(withdraw: Withdraw, form: str = "ms") -> dict[str, Any]:
    """The sixteen documented fields; `form` is the variant `instants`."""
    return {
        "id": withdraw.id,
        "amount": withdraw.amount,
        "currency": withdraw.currency,
        "status": withdraw.status,
        "referenceId": withdraw.reference_id,
        "destinationType": withdraw.destination_type,
        "bankAccountNumber": masked(withdraw.account_number),
        "bankAccountName": withdraw.account_name,
        "bankCode": withdraw.bank_code,
        "destinationId": withdraw.destination_id,
        "description": withdraw.description,
        "metadata": withdraw.metadata,
        "paidAt": withdraw.paid_at and instant(withdraw.paid_at, form),
        # The one that the document shows in UTC, and has to be.
        "canceledAt": withdraw.canceled_at
        and instant(withdraw.canceled_at, "offset" if form == "local" else form),
        "createdAt": instant(withdraw.created_at, form),
        "updatedAt": instant(withdraw.updated_at, form),
    }
