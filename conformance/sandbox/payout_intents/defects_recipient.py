"""Payout intents that show the recipient wrongly, or too much of it."""

from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

Shown = dict[str, Any]


class _OtherRecipient(PayoutIntents):
    """Shows another recipient."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        """The recipient to show, made from the right one."""
        return shown

    def shown(self, intent: Intent) -> Shown:
        shown = super().shown(intent)
        return shown | {"recipient": self.recipient(intent, shown["recipient"])}


@defect("pi-account-is-in-full", "PI-19")
class AccountIsInFull(_OtherRecipient):
    """The recipient has the account number in full, beside its last four digits."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return shown | {"account_number": intent.account_number}


@defect("pi-last4-is-in-full", "PI-19")
class Last4IsInFull(_OtherRecipient):
    """account_last4 is the whole account number."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return shown | {"account_last4": intent.account_number}


@defect("pi-last4-loses-its-zero", "PI-19")
class Last4LosesItsZero(_OtherRecipient):
    """account_last4 went through a number, and its leading zero is gone."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return shown | {"account_last4": str(int(shown["account_last4"]))}


@defect("pi-last4-is-a-number", "PI-19")
class Last4IsANumber(_OtherRecipient):
    """account_last4 is a JSON number."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return shown | {"account_last4": int("1" + shown["account_last4"][1:])}


@defect("pi-holder-name-is-missing", "PI-19")
class HolderNameIsMissing(_OtherRecipient):
    """The recipient has no holder_name."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return {key: value for key, value in shown.items() if key != "holder_name"}


@defect("pi-recipient-is-an-id", "PI-19")
class RecipientIsAnId(PayoutIntents):
    """recipient isn't expanded: it is an id."""

    def shown(self, intent: Intent) -> Shown:
        return super().shown(intent) | {"recipient": f"rcpt_{intent.id[-8:]}"}


@defect("pi-account-is-in-a-header", "PI-19")
class AccountIsInAHeader(PayoutIntents):
    """A header meant for debugging carries the account number in full."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent), (("x-debug-recipient", intent.account_number),))


@defect("pi-account-is-in-an-error", "PI-19")
class AccountIsInAnError(PayoutIntents):
    """The message of a refusal names the account number in full."""

    def why_not(self, intent: Intent) -> str:
        return f"{super().why_not(intent)} Recipient: {intent.account_number}."


@defect("pi-account-is-in-full-on-read", "PI-19")
class AccountIsInFullOnRead(_OtherRecipient):
    """Only a terminal intent, where it does no harm any more, shows the account number in full to readers."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return (
            shown if intent.status != "cancelled" else shown | {"account": {"number": intent.account_number}}
        )

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, PayoutIntents.shown(self, intent))


@defect("pi-holder-name-is-ascii", "PI-21")
class HolderNameIsAscii(PayoutIntents):
    """Cancelling rewrites the holder's name in ASCII: what doesn't fit is a question mark."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.holder_name = intent.holder_name.encode("ascii", "replace").decode().upper()


@defect("pi-merchant-reference-is-new", "PI-21")
class MerchantReferenceIsNew(PayoutIntents):
    """merchant_reference gets a suffix, to free it for another try."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.merchant_reference += "_cancelled"


@defect("pi-recipient-is-the-last-one-read", "PI-21")
class RecipientIsTheLastOneRead(PayoutIntents):
    """The 202 shows the recipient that was read last, whichever intent that was: what renders it is shared."""

    last: Shown | None = None

    async def read(self, request: Request, given: str) -> Response:
        self.last = self.shown(self.find(self.authenticate_read(request), given))["recipient"]
        return await super().read(request, given)

    def accepted(self, intent: Intent) -> Response:
        shown = self.shown(intent)
        return self.reply(202, shown | {"recipient": self.last or shown["recipient"]})


@defect("pi-names-are-ascii-everywhere", "PI-21")
class NamesAreAsciiEverywhere(_OtherRecipient):
    """A holder's name is always shown in ASCII: what doesn't fit is a question mark."""

    def recipient(self, intent: Intent, shown: Shown) -> Shown:
        return shown | {"holder_name": intent.holder_name.encode("ascii", "replace").decode()}


@defect("pi-account-is-in-an-iban", "PI-19")
class AccountIsInAnIban(PayoutIntents):
    """The message of a refusal names the IBAN, which ends with the account number."""

    def why_not(self, intent: Intent) -> str:
        return f"{super().why_not(intent)} {intent.country}42{intent.bank_code[:4]}00{intent.account_number}"
