"""Payout intents whose answers have wrong fields: status, keys, money, recipient, or too much of them."""

from datetime import timedelta
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import pi, recipient
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import instant

# Laid out as a table, a defect per line.
# fmt: off

_THREE_LETTERS = {"MY": "MYS", "TH": "THA", "SG": "SGP", "ID": "IDN", "JP": "JPN"}
Shown = dict[str, Any]

# Status and envelope

pi("pi-success-is-200", "PI-01", "A cancel answers 200.", steps.has(success_status=200))
pi("pi-success-is-204", "PI-01, PI-15", "A cancel answers 204 without a body.",
   changes.success(lambda it, reply: Response(204, b"")))
pi("pi-success-is-wrapped", "PI-01, PI-15", "The intent is wrapped in data.",
   steps.after(PayoutIntents.answered, lambda api, shown, it: {"data": shown}))
pi("pi-answers-before-writing", "PI-01, PI-16",
   "The 202 shows the intent as it was before the cancel: requires_approval.",
   changes.answers_before_writing)
pi("pi-status-is-cancelling", "PI-01", "The 202 shows an intermediate status, cancelling.",
   changes.answers(lambda it: {"status": "cancelling"}))
pi("pi-status-has-one-l", "PI-01", "The status is spelt canceled.",
   changes.shows(lambda it: {"status": "canceled"}, steps.state("cancelled")))
pi("pi-failure-code-has-one-l", "PI-16", "failure_code is spelt canceled.",
   effects.writes(lambda it: {"failure_code": "canceled"}))
pi("pi-failure-code-is-null", "PI-16, PI-06", "failure_code is null: a cancel is no failure.",
   effects.writes(lambda it: {"failure_code": None}))
pi("pi-failure-code-needs-a-reason", "PI-16",
   "failure_code is set only together with failure_message: without a reason it is null.",
   effects.writes(lambda it: {"failure_code": "cancelled" if it.failure_message else None}))
pi("pi-failure-code-is-the-reason", "PI-16", "failure_code holds the reason as well.",
   effects.writes(lambda it: {"failure_code": it.failure_message or "cancelled"}))

# Keys

pi("pi-object-is-another", "PI-15", "object is payout.", changes.shows(lambda it: {"object": "payout"}))
pi("pi-id-is-another", "PI-15",
   "id is the id of the cancellation, not that of the intent.", changes.answers(lambda it: {"id": "canc" + it.id[4:]}))
pi("pi-nulls-are-left-out", "PI-15",
   "The serialiser leaves out null values: failure_message is missing without a reason.",
   changes.renders(changes.without_nulls), warns=True)
pi("pi-merchant-reference-is-missing", "PI-15", "The 202 has no merchant_reference.",
   changes.answers_without("merchant_reference"))
pi("pi-keys-are-camel-case", "PI-15", "The keys are spelt failureCode, merchantReference and so on.",
   changes.renders(lambda fields:
       {name[0] + name.title().replace("_", "")[1:]: value for name, value in fields.items()}))

# Money and place

pi("pi-amount-is-a-number", "PI-17",
   "amount is a JSON number.", changes.shows(lambda it: {"amount": int(it.amount)}))
pi("pi-amount-has-decimals", "PI-17, PI-21", "amount is in major units, with a decimal point.",
   changes.answers(lambda it: {"amount": f"{int(it.amount) / 100:.2f}"}))
pi("pi-amount-is-zeroed", "PI-21", "Cancelling sets the amount to 0.", effects.writes(lambda it: {"amount": "0"}))
pi("pi-currency-is-lower-case", "PI-17", "currency is in lower case.",
   changes.shows(lambda it: {"currency": it.currency.lower()}))
pi("pi-country-has-three-letters", "PI-17", "country is the code with three letters (ISO 3166-1 alpha-3).",
   changes.shows(lambda it: {"country": _THREE_LETTERS[it.country]}))
pi("pi-currency-is-the-countrys-default", "PI-21",
   "The 202 shows the account's currency instead of the payout's.",
   changes.answers(lambda it: {"currency": "USD"}))
pi("pi-country-is-lost", "PI-21", "Cancelling resets the country to the platform's.",
   effects.writes(lambda it: {"country": "GB"}))
pi("pi-environment-is-production", "PI-18",
   "environment is the name of the deployment, production, in test and live.",
   changes.shows(lambda it: {"environment": "production"}))
pi("pi-environment-is-always-live", "PI-18", "The 202 says live, whatever the credentials.",
   changes.answers(lambda it: {"environment": "live"}))

# Instants

pi("pi-updated-at-stands-still", "PI-20", "Cancelling doesn't move updated_at.",
   effects.keeps("updated_at"), warns=True)
pi("pi-created-at-moves", "PI-21", "The row is replaced, and created_at is the time of cancelling.",
   effects.writes(lambda it: {"created_at": it.updated_at}))
pi("pi-instants-are-numbers", "PI-20", "created_at and updated_at are numbers of seconds.",
   changes.shows(lambda it:
       {"created_at": int(it.created_at.timestamp()), "updated_at": int(it.updated_at.timestamp())}))
pi("pi-updated-at-is-local", "PI-20", "updated_at is a local time without a zone.",
   changes.shows(lambda it: {"updated_at": (it.updated_at + timedelta(hours=8)).strftime("%d/%m/%Y %H:%M:%S")}))
pi("pi-read-may-be-cached", "PI-06",
   "A read is answered with Cache-Control: public, so that caches may repeat it for ten minutes.",
   changes.reading(lambda it, reply: changes.headed(reply, "cache-control", "public, max-age=600")), warns=True)
pi("pi-read-shows-live", "PI-18", "Reading shows every intent as one of the live environment.",
   changes.reads(lambda it: {"environment": "live"}))
pi("pi-read-has-local-times", "PI-20",
   "A read shows times without a zone, as the database stores them.",
   changes.reads(lambda it: {"created_at": instant(it.created_at)[:19], "updated_at": instant(it.updated_at)[:19]}))
pi("pi-local-time-is-called-utc", "PI-20",
   "updated_at is a local time, eight hours ahead, with a Z behind it.",
   effects.writes(lambda it: {"updated_at": it.updated_at + timedelta(hours=8)}), warns=True)

# Recipient

pi("pi-account-is-in-full", "PI-19", "The recipient has the account number in full, beside its last four digits.",
   recipient(lambda it, shown: shown | {"account_number": it.account_number}))
pi("pi-last4-is-in-full", "PI-19", "account_last4 is the whole account number.",
   recipient(lambda it, shown: shown | {"account_last4": it.account_number}))
pi("pi-last4-loses-its-zero", "PI-19", "account_last4 went through a number, and its leading zero is gone.",
   recipient(lambda it, shown: shown | {"account_last4": str(int(shown["account_last4"]))}))
pi("pi-last4-is-a-number", "PI-19", "account_last4 is a JSON number.",
   recipient(lambda it, shown: shown | {"account_last4": int("1" + shown["account_last4"][1:])}))
pi("pi-holder-name-is-missing", "PI-19", "The recipient has no holder_name.",
   recipient(lambda it, shown: changes.without("holder_name")(shown)))
pi("pi-recipient-is-an-id", "PI-19", "recipient isn't expanded: it is an id.",
   changes.shows(lambda it: {"recipient": f"rcpt_{it.id[-8:]}"}))
pi("pi-account-is-in-a-header", "PI-19", "A header meant for debugging carries the account number in full.",
   changes.success(lambda it, reply: changes.headed(reply, "x-debug-recipient", it.account_number)))
pi("pi-account-is-in-an-error", "PI-19", "The message of a refusal names the account number in full.",
   changes.explains(lambda it, why: f"{why} Recipient: {it.account_number}."))
pi("pi-account-is-in-full-on-read", "PI-19",
   "A read of a terminal intent shows the account number in full.",
   recipient(lambda it, shown:
       shown | ({"account": {"number": it.account_number}} if it.status == "cancelled" else {})),
       steps.instead(PayoutIntents.answered, PayoutIntents.shown))
pi("pi-holder-name-is-ascii", "PI-21",
   "A cancel converts the holder's name to ASCII: other characters become question marks.",
   effects.writes(lambda it: {"holder_name": it.holder_name.encode("ascii", "replace").decode().upper()}))
pi("pi-merchant-reference-is-new", "PI-21", "merchant_reference gets a suffix, to free it for another try.",
   effects.writes(lambda it: {"merchant_reference": it.merchant_reference + "_cancelled"}))


@defect("pi-recipient-is-the-last-one-read", "PI-21")
class RecipientIsTheLastOneRead(PayoutIntents):
    """The 202 shows the recipient that was read last, also another intent's: the renderer is shared."""

    last: Shown | None = None

    async def read(self, request: Request, given: str) -> Response:
        self.last = self.shown(self.find(self.authenticate_read(request), given))["recipient"]
        return await super().read(request, given)

    def success(self, row: Intent) -> Response:
        shown = self.shown(row)
        return self.reply(202, shown | {"recipient": self.last or shown["recipient"]})


pi("pi-names-are-ascii-everywhere", "PI-21",
   "A holder's name is always shown in ASCII: other characters become question marks.",
   recipient(lambda it, shown: shown | {"holder_name": it.holder_name.encode("ascii", "replace").decode()}))
pi("pi-account-is-in-an-iban", "PI-19",
   "The message of a refusal names the IBAN, which ends with the account number.",
   changes.explains(lambda it, why: f"{why} {it.country}42{it.bank_code[:4]}00{it.account_number}"))
