"""Withdraws that show the money or its destination wrongly."""

from decimal import Decimal
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

Data = dict[str, Any]

# Money


@defect("wd-amount-is-a-number", "WD-19")
class AmountIsANumber(Withdraws):
    """amount is a JSON number."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"amount": float(withdraw.amount)}


@defect("wd-amount-loses-its-zero", "WD-19", "WD-23", warns=True)
class AmountLosesItsZero(Withdraws):
    """amount went through a float: 1000.0 instead of 1000.00."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"amount": str(float(withdraw.amount))}


@defect("wd-amount-is-grouped", "WD-19", "WD-23")
class AmountIsGrouped(Withdraws):
    """amount is written for people: 1,000.00 and a currency sign."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"amount": f"{withdraw.currency} {Decimal(withdraw.amount):,}"}


@defect("wd-amount-is-in-minor-units", "WD-23", "WD-19")
class AmountIsInMinorUnits(Withdraws):
    """amount is a hundredfold: the column's satang, never divided."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"amount": str(int(Decimal(withdraw.amount) * 100))}


@defect("wd-amount-is-zeroed", "WD-23")
class AmountIsZeroed(Withdraws):
    """Cancelling sets the amount to 0.00, since nothing will be paid."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.amount = "0.00"


@defect("wd-currency-is-lower-case", "WD-20")
class CurrencyIsLowerCase(Withdraws):
    """currency is in lower case, as another provider has it."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"currency": withdraw.currency.lower()}


@defect("wd-currency-is-a-symbol", "WD-20")
class CurrencyIsASymbol(Withdraws):
    """currency is the sign that people write."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"currency": "฿"}


@defect("wd-currency-is-the-default", "WD-23")
class CurrencyIsTheDefault(Withdraws):
    """The view that renders cancelled withdraws has a default currency, and shows it always."""

    def success_body(self, withdraw: Withdraw) -> Data:
        return {"success": True, "data": self.data(withdraw) | {"currency": "USD"}}


# Destination


@defect("wd-account-is-in-full", "WD-21")
class AccountIsInFull(Withdraws):
    """The account number is shown in full."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"bankAccountNumber": withdraw.account_number}


@defect("wd-mask-hides-nothing", "WD-21")
class MaskHidesNothing(Withdraws):
    """The mask goes between the digits instead of over them: the whole number, with a star in its middle."""

    def data(self, withdraw: Withdraw) -> Data:
        number = withdraw.account_number
        return super().data(withdraw) | {"bankAccountNumber": f"{number[:6]}*{number[6:]}"}


@defect("wd-account-is-in-full-on-read", "WD-21")
class AccountIsInFullOnRead(Withdraws):
    """The read endpoint shows the account number in full; cancelling masks it."""

    async def read(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        data = self.data(withdraw) | {"bankAccountNumber": withdraw.account_number}
        return self.reply(200, {"success": True, "data": data})


@defect("wd-account-is-in-a-header", "WD-21")
class AccountIsInAHeader(Withdraws):
    """A header meant for debugging carries the account number in full."""

    def success(self, withdraw: Withdraw) -> Response:
        return self.reply(
            200, self.success_body(withdraw), (("x-debug-destination", withdraw.account_number),)
        )


@defect("wd-account-is-in-another-field", "WD-21")
class AccountIsInAnotherField(Withdraws):
    """An additional field beside the masked one has the account number in full."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"destination": {"account": withdraw.account_number}}


@defect("wd-mask-only-looks-like-one", "WD-21")
class MaskOnlyLooksLikeOne(Withdraws):
    """The mask is put behind the number instead of over it: all the digits, and four stars."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"bankAccountNumber": withdraw.account_number + "****"}


@defect("wd-bank-code-is-a-number", "WD-22")
class BankCodeIsANumber(Withdraws):
    """bankCode is a JSON number."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"bankCode": int(withdraw.bank_code)}


@defect("wd-bank-code-loses-zeros", "WD-22", "WD-23")
class BankCodeLosesZeros(Withdraws):
    """bankCode is a string again after having been a number: its leading zeros are gone."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"bankCode": str(int(withdraw.bank_code))}


@defect("wd-metadata-is-a-string", "WD-22", "WD-23")
class MetadataIsAString(Withdraws):
    """metadata is the column's JSON text, not parsed."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"metadata": str(withdraw.metadata)}


@defect("wd-metadata-is-stringified", "WD-22", "WD-23")
class MetadataIsStringified(Withdraws):
    """Every value in metadata is made a string."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {
            "metadata": {name: str(value) for name, value in withdraw.metadata.items()}
        }


@defect("wd-metadata-is-emptied", "WD-23")
class MetadataIsEmptied(Withdraws):
    """Cancelling replaces the row by one without metadata."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.metadata = {}


@defect("wd-reference-is-new", "WD-23")
class ReferenceIsNew(Withdraws):
    """referenceId gets a suffix, to free the merchant's reference for another try."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.reference_id += "-canceled"


@defect("wd-description-is-overwritten", "WD-23")
class DescriptionIsOverwritten(Withdraws):
    """The description is overwritten with the reason of the end."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.description = "Canceled by merchant"


@defect("wd-description-is-ascii", "WD-23")
class DescriptionIsAscii(Withdraws):
    """The description went through ASCII: what doesn't fit is a question mark."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {
            "description": withdraw.description.encode("ascii", "replace").decode()
        }
