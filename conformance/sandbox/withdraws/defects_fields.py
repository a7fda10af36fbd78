"""Withdraws whose answers have wrong fields: status, keys, instants, money or destination."""

import re
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.withdraws.changes import wd

# Laid out as a table, a defect per line.
# fmt: off

_BANGKOK = timezone(timedelta(hours=7))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


Data = dict[str, Any]

# Status and envelope

wd("wd-success-is-202", "WD-01", "A cancel answers 202, because the provider hears of it later.",
   steps.has(success_status=202))
wd("wd-success-is-201", "WD-01", "A cancel answers 201, the framework's default for every POST.",
   steps.has(success_status=201))
wd("wd-success-is-a-string", "WD-01", 'A success carries the text "true".',
   changes.wraps(lambda fields: {"success": "true", "data": fields}))
wd("wd-success-is-missing", "WD-01", "The body of a success has no success field: only the status tells it.",
   changes.wraps(lambda fields: {"data": fields}))
wd("wd-data-is-unwrapped", "WD-01, WD-16", "The withdraw's fields stand beside success instead of in data.",
   changes.wraps(lambda fields: {"success": True, **fields}))
wd("wd-status-has-two-ls", "WD-01", "The status is spelt cancelled.",
   changes.shows(lambda it: {"status": "cancelled"}, steps.state("canceled")))
wd("wd-status-is-upper-case", "WD-01", "The status is the name of the enumeration's member: CANCELED.",
   changes.shows(lambda it: {"status": it.status.upper()}))
wd("wd-answers-before-writing", "WD-01, WD-17",
   "The answer is rendered before the write, and shows the withdraw as it was.", changes.answers_before_writing)

# Keys

wd("wd-id-is-another", "WD-15", "data.id is the id of the cancellation, not that of the withdraw.",
   changes.shows(lambda it: {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, it.id))}))
wd("wd-id-is-upper-case", "WD-15", "data.id is the UUID in upper case.",
   changes.shows(lambda it: {"id": it.id.upper()}))
wd("wd-nulls-are-left-out", "WD-16",
   "The serialiser leaves out null values: paidAt and destinationId are missing.",
   changes.renders(changes.without_nulls), warns=True)
wd("wd-destination-type-is-missing", "WD-16", "destinationType is left out, because it has only one value.",
   changes.renders(changes.without("destinationType")))
wd("wd-keys-are-snake-case", "WD-16", "The keys are spelt reference_id, bank_code and so on.",
   changes.renders(lambda fields:
       {re.sub("[A-Z]", lambda c: f"_{c[0].lower()}", name): value for name, value in fields.items()}))
wd("wd-destination-id-is-missing", "WD-16", "destinationId, and it alone, is left out where it is null.",
   changes.renders(lambda fields: changes.without("destinationId")(fields) if fields["destinationId"] is None
       else fields), warns=True)

# Instants

wd("wd-canceled-at-is-null", "WD-17",
   "canceledAt is never set.", effects.writes(lambda it: {"canceled_at": None}))
wd("wd-canceled-at-is-local", "WD-17", "canceledAt is a local time without a zone.",
   changes.shows(lambda it:
       {"canceledAt": it.canceled_at and (it.canceled_at + timedelta(hours=7)).strftime("%Y-%m-%d %H:%M:%S")}))
wd("wd-canceled-at-has-an-offset", "WD-17", "canceledAt is shown in the server's time zone, with its offset.",
   changes.shows(lambda it:
       {"canceledAt": it.canceled_at and it.canceled_at.astimezone(_BANGKOK).isoformat(timespec="milliseconds")}),
       warns=True)
wd("wd-canceled-at-is-a-number", "WD-17", "canceledAt is a number of milliseconds.",
   changes.shows(lambda it: {"canceledAt": it.canceled_at and int(it.canceled_at.timestamp() * 1000)}))
wd("wd-canceled-at-is-hours-ahead", "WD-17",
   "canceledAt and updatedAt are local times with a Z behind them, seven hours ahead.",
   effects.writes(lambda it: dict.fromkeys(("canceled_at", "updated_at"), it.updated_at + timedelta(hours=7))),
       warns=True)
wd("wd-paid-at-is-set", "WD-18", "The write that ends a withdraw sets paidAt, also for a cancellation.",
   effects.writes(lambda it: {"paid_at": it.canceled_at}))
wd("wd-updated-at-stands-still", "WD-24", "Cancelling doesn't move updatedAt.", effects.keeps("updated_at"))
wd("wd-created-at-moves", "WD-24", "The row is replaced, and createdAt is the time of cancelling.",
   effects.writes(lambda it: {"created_at": it.updated_at}))
wd("wd-canceled-before-it-was-created", "WD-24, WD-17",
   "canceledAt loses its time of day and is last midnight, before createdAt.",
   effects.writes(lambda it: {"canceled_at": min(_midnight(it.updated_at), it.created_at - timedelta(hours=1))}))
wd("wd-created-at-is-a-number", "WD-25", "createdAt is a number of seconds.",
   changes.shows(lambda it: {"createdAt": int(it.created_at.timestamp())}))
wd("wd-updated-at-is-an-http-date", "WD-25", "updatedAt has the format of an HTTP date.",
   changes.shows(lambda it: {"updatedAt": it.updated_at.strftime("%a, %d %b %Y %H:%M:%S GMT")}))

# Money

wd("wd-amount-is-a-number", "WD-19", "amount is a JSON number.",
   changes.shows(lambda it: {"amount": float(it.amount)}))
wd("wd-amount-loses-its-zero", "WD-19, WD-23", "amount went through a float: 1000.0 instead of 1000.00.",
   changes.shows(lambda it: {"amount": str(float(it.amount))}), warns=True)
wd("wd-amount-is-grouped", "WD-19, WD-23", "amount is written for people: 1,000.00 and a currency sign.",
   changes.shows(lambda it: {"amount": f"{it.currency} {Decimal(it.amount):,}"}))
wd("wd-amount-is-in-minor-units", "WD-23, WD-19",
   "amount is a hundred times too large: the column holds minor units, which are never divided.",
   changes.shows(lambda it: {"amount": str(int(Decimal(it.amount) * 100))}))
wd("wd-amount-is-zeroed", "WD-23", "Cancelling sets the amount to 0.00, since nothing will be paid.",
   effects.writes(lambda it: {"amount": "0.00"}))
wd("wd-currency-is-lower-case", "WD-20", "currency is in lower case, as another provider has it.",
   changes.shows(lambda it: {"currency": it.currency.lower()}))
wd("wd-currency-is-a-symbol", "WD-20", "currency is a currency sign instead of the ISO 4217 code.",
   changes.shows(lambda it: {"currency": "฿"}))
wd("wd-currency-is-the-default", "WD-23",
   "The view that renders cancelled withdraws has a default currency, and shows it always.",
   changes.shows(lambda it: {"currency": "USD"}))

# Destination

wd("wd-account-is-in-full", "WD-21", "The account number is shown in full.",
   changes.shows(lambda it: {"bankAccountNumber": it.account_number}))
wd("wd-mask-hides-nothing", "WD-21",
   "The mask is inserted between the digits: the whole number is shown, with a star in its middle.",
   changes.shows(lambda it: {"bankAccountNumber": f"{it.account_number[:6]}*{it.account_number[6:]}"}))
wd("wd-account-is-in-full-on-read", "WD-21",
   "The read endpoint shows the account number in full; cancelling masks it.",
   changes.reads(lambda it: {"bankAccountNumber": it.account_number}))
wd("wd-account-is-in-a-header", "WD-21", "A header meant for debugging carries the account number in full.",
   changes.success(lambda it, reply: changes.headed(reply, "x-debug-destination", it.account_number)))
wd("wd-account-is-in-another-field", "WD-21",
   "An additional field beside the masked one shows the account number in full.",
   changes.shows(lambda it: {"destination": {"account": it.account_number}}))
wd("wd-mask-only-looks-like-one", "WD-21",
   "The mask is appended to the account number: all digits are shown, and four stars.",
   changes.shows(lambda it: {"bankAccountNumber": it.account_number + "****"}))
wd("wd-bank-code-is-a-number", "WD-22", "bankCode is a JSON number.",
   changes.shows(lambda it: {"bankCode": int(it.bank_code)}))
wd("wd-bank-code-loses-zeros", "WD-22, WD-23",
   "bankCode was converted to a number and back: its leading zeros are gone.",
   changes.shows(lambda it: {"bankCode": str(int(it.bank_code))}))
wd("wd-metadata-is-a-string", "WD-22, WD-23", "metadata is the column's JSON text, not parsed.",
   changes.shows(lambda it: {"metadata": str(it.metadata)}))
wd("wd-metadata-is-stringified", "WD-22, WD-23", "Every value in metadata is made a string.",
   changes.shows(lambda it: {"metadata": {name: str(value) for name, value in it.metadata.items()}}))
wd("wd-metadata-is-emptied", "WD-23", "Cancelling replaces the row by one without metadata.",
   effects.writes(lambda it: {"metadata": {}}))
wd("wd-reference-is-new", "WD-23", "referenceId gets a suffix, to free the merchant's reference for another try.",
   effects.writes(lambda it: {"reference_id": it.reference_id + "-canceled"}))
wd("wd-description-is-overwritten", "WD-23", "The description is overwritten with the reason of the end.",
   effects.writes(lambda it: {"description": "Canceled by merchant"}))
wd("wd-description-is-ascii", "WD-23",
   "The description is converted to ASCII: other characters become question marks.",
   changes.shows(lambda it: {"description": it.description.encode("ascii", "replace").decode()}))
