"""Withdraws that show the money or its destination wrongly."""

from decimal import Decimal
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.withdraws.changes import wd

# Laid out as a table, a defect per line.
# fmt: off

Data = dict[str, Any]

# Money

wd("wd-amount-is-a-number", "WD-19", "amount is a JSON number.",
   changes.shows(lambda it: {"amount": float(it.amount)}))
wd("wd-amount-loses-its-zero", "WD-19, WD-23", "amount went through a float: 1000.0 instead of 1000.00.",
   changes.shows(lambda it: {"amount": str(float(it.amount))}), warns=True)
wd("wd-amount-is-grouped", "WD-19, WD-23", "amount is written for people: 1,000.00 and a currency sign.",
   changes.shows(lambda it: {"amount": f"{it.currency} {Decimal(it.amount):,}"}))
wd("wd-amount-is-in-minor-units", "WD-23, WD-19", "amount is a hundredfold: the column's satang, never divided.",
   changes.shows(lambda it: {"amount": str(int(Decimal(it.amount) * 100))}))
wd("wd-amount-is-zeroed", "WD-23", "Cancelling sets the amount to 0.00, since nothing will be paid.",
   changes.writes(lambda it: {"amount": "0.00"}))
wd("wd-currency-is-lower-case", "WD-20", "currency is in lower case, as another provider has it.",
   changes.shows(lambda it: {"currency": it.currency.lower()}))
wd("wd-currency-is-a-symbol", "WD-20", "currency is the sign that people write.",
   changes.shows(lambda it: {"currency": "฿"}))
wd("wd-currency-is-the-default", "WD-23",
   "The view that renders cancelled withdraws has a default currency, and shows it always.",
   changes.shows(lambda it: {"currency": "USD"}))

# Destination

wd("wd-account-is-in-full", "WD-21", "The account number is shown in full.",
   changes.shows(lambda it: {"bankAccountNumber": it.account_number}))
wd("wd-mask-hides-nothing", "WD-21",
   "The mask goes between the digits instead of over them: the whole number, with a star in its middle.",
   changes.shows(lambda it: {"bankAccountNumber": f"{it.account_number[:6]}*{it.account_number[6:]}"}))
wd("wd-account-is-in-full-on-read", "WD-21",
   "The read endpoint shows the account number in full; cancelling masks it.",
   changes.reads(lambda it: {"bankAccountNumber": it.account_number}))
wd("wd-account-is-in-a-header", "WD-21", "A header meant for debugging carries the account number in full.",
   changes.success(lambda it, reply: changes.headed(reply, "x-debug-destination", it.account_number)))
wd("wd-account-is-in-another-field", "WD-21",
   "An additional field beside the masked one has the account number in full.",
   changes.shows(lambda it: {"destination": {"account": it.account_number}}))
wd("wd-mask-only-looks-like-one", "WD-21",
   "The mask is put behind the number instead of over it: all the digits, and four stars.",
   changes.shows(lambda it: {"bankAccountNumber": it.account_number + "****"}))
wd("wd-bank-code-is-a-number", "WD-22", "bankCode is a JSON number.",
   changes.shows(lambda it: {"bankCode": int(it.bank_code)}))
wd("wd-bank-code-loses-zeros", "WD-22, WD-23",
   "bankCode is a string again after having been a number: its leading zeros are gone.",
   changes.shows(lambda it: {"bankCode": str(int(it.bank_code))}))
wd("wd-metadata-is-a-string", "WD-22, WD-23", "metadata is the column's JSON text, not parsed.",
   changes.shows(lambda it: {"metadata": str(it.metadata)}))
wd("wd-metadata-is-stringified", "WD-22, WD-23", "Every value in metadata is made a string.",
   changes.shows(lambda it: {"metadata": {name: str(value) for name, value in it.metadata.items()}}))
wd("wd-metadata-is-emptied", "WD-23", "Cancelling replaces the row by one without metadata.",
   changes.writes(lambda it: {"metadata": {}}))
wd("wd-reference-is-new", "WD-23", "referenceId gets a suffix, to free the merchant's reference for another try.",
   changes.writes(lambda it: {"reference_id": it.reference_id + "-canceled"}))
wd("wd-description-is-overwritten", "WD-23", "The description is overwritten with the reason of the end.",
   changes.writes(lambda it: {"description": "Canceled by merchant"}))
wd("wd-description-is-ascii", "WD-23", "The description went through ASCII: what doesn't fit is a question mark.",
   changes.shows(lambda it: {"description": it.description.encode("ascii", "replace").decode()}))
