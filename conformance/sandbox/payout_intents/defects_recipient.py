"""Payout intents that show the recipient wrongly, or too much of it."""

from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import pi, recipient
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

Shown = dict[str, Any]


class _OtherRecipient(PayoutIntents):
    """Shows another recipient."""

    def recipient(self, row: Intent, shown: Shown) -> Shown:
        """The recipient to show, made from the right one."""
        return shown

    def shown(self, row: Intent) -> Shown:
        shown = super().shown(row)
        return shown | {"recipient": self.recipient(row, shown["recipient"])}


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


@defect("pi-account-is-in-full-on-read", "PI-19")
class AccountIsInFullOnRead(_OtherRecipient):
    """Only a terminal intent, where it does no harm any more, shows the account number in full to readers."""

    def recipient(self, row: Intent, shown: Shown) -> Shown:
        return (
            shown if row.status != "cancelled" else shown | {"account": {"number": row.account_number}}
        )

    def success(self, row: Intent) -> Response:
        return self.reply(202, PayoutIntents.shown(self, row))


pi("pi-holder-name-is-ascii", "PI-21",
   "Cancelling rewrites the holder's name in ASCII: what doesn't fit is a question mark.",
   changes.writes(lambda it: {"holder_name": it.holder_name.encode("ascii", "replace").decode().upper()}))
pi("pi-merchant-reference-is-new", "PI-21", "merchant_reference gets a suffix, to free it for another try.",
   changes.writes(lambda it: {"merchant_reference": it.merchant_reference + "_cancelled"}))


@defect("pi-recipient-is-the-last-one-read", "PI-21")
class RecipientIsTheLastOneRead(PayoutIntents):
    """The 202 shows the recipient that was read last, whichever intent that was: what renders it is shared."""

    last: Shown | None = None

    async def read(self, request: Request, given: str) -> Response:
        self.last = self.shown(self.find(self.authenticate_read(request), given))["recipient"]
        return await super().read(request, given)

    def success(self, row: Intent) -> Response:
        shown = self.shown(row)
        return self.reply(202, shown | {"recipient": self.last or shown["recipient"]})


pi("pi-names-are-ascii-everywhere", "PI-21",
   "A holder's name is always shown in ASCII: what doesn't fit is a question mark.",
   recipient(lambda it, shown: shown | {"holder_name": it.holder_name.encode("ascii", "replace").decode()}))
pi("pi-account-is-in-an-iban", "PI-19",
   "The message of a refusal names the IBAN, which ends with the account number.",
   changes.explains(lambda it, why: f"{why} {it.country}42{it.bank_code[:4]}00{it.account_number}"))
