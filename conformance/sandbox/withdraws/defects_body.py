"""Withdraws whose answer has the wrong status, keys or instants."""

import uuid
from datetime import timedelta, timezone
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Response
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

Data = dict[str, Any]


# Status and envelope


@defect("wd-success-is-202", "WD-01")
class SuccessIs202(Withdraws):
    """A cancel answers 202, because the provider hears of it later."""

    def success(self, withdraw: Withdraw) -> Response:
        return self.reply(202, self.success_body(withdraw))


@defect("wd-success-is-201", "WD-01")
class SuccessIs201(Withdraws):
    """A cancel answers 201: every POST does in this framework."""

    def success(self, withdraw: Withdraw) -> Response:
        return self.reply(201, self.success_body(withdraw))


@defect("wd-success-is-a-string", "WD-01")
class SuccessIsAString(Withdraws):
    """A success carries the text "true"."""

    def success_body(self, withdraw: Withdraw) -> Data:
        return super().success_body(withdraw) | {"success": "true"}


@defect("wd-success-is-missing", "WD-01")
class SuccessIsMissing(Withdraws):
    """A success is told by its status only: there is no success in the body."""

    def success_body(self, withdraw: Withdraw) -> Data:
        return {"data": self.data(withdraw)}


@defect("wd-data-is-unwrapped", "WD-01", "WD-16")
class DataIsUnwrapped(Withdraws):
    """The withdraw's fields stand beside success instead of in data."""

    def success_body(self, withdraw: Withdraw) -> Data:
        return {"success": True, **self.data(withdraw)}


@defect("wd-status-has-two-ls", "WD-01")
class StatusHasTwoLs(Withdraws):
    """The status is spelt cancelled."""

    def data(self, withdraw: Withdraw) -> Data:
        data = super().data(withdraw)
        return data | {"status": "cancelled"} if withdraw.status == "canceled" else data


@defect("wd-status-is-upper-case", "WD-01")
class StatusIsUpperCase(Withdraws):
    """The status is the name of the enumeration's member: CANCELED."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"status": withdraw.status.upper()}


@defect("wd-answers-before-writing", "WD-01", "WD-17")
class AnswersBeforeWriting(Withdraws):
    """The answer is rendered before the write, and shows the withdraw as it was."""

    def write(self, withdraw: Withdraw) -> None:
        self.before = super().data(withdraw)
        super().write(withdraw)

    def success(self, withdraw: Withdraw) -> Response:
        return self.reply(200, {"success": True, "data": self.before})


# Keys


@defect("wd-id-is-another", "WD-15")
class IdIsAnother(Withdraws):
    """data.id is the id of the cancellation, not of the withdraw."""

    def success_body(self, withdraw: Withdraw) -> Data:
        cancellation = str(uuid.uuid5(uuid.NAMESPACE_OID, withdraw.id))
        return {"success": True, "data": self.data(withdraw) | {"id": cancellation}}


@defect("wd-id-is-upper-case", "WD-15")
class IdIsUpperCase(Withdraws):
    """data.id is the UUID in upper case."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"id": withdraw.id.upper()}


@defect("wd-nulls-are-left-out", "WD-16", warns=True)
class NullsAreLeftOut(Withdraws):
    """The serialiser leaves out what is null: paidAt and destinationId are missing."""

    def data(self, withdraw: Withdraw) -> Data:
        return {key: value for key, value in super().data(withdraw).items() if value is not None}


@defect("wd-destination-type-is-missing", "WD-16")
class DestinationTypeIsMissing(Withdraws):
    """destinationType isn't shown: there is only one type, after all."""

    def data(self, withdraw: Withdraw) -> Data:
        data = super().data(withdraw)
        del data["destinationType"]
        return data


@defect("wd-keys-are-snake-case", "WD-16")
class KeysAreSnakeCase(Withdraws):
    """The keys are spelt reference_id, bank_code and so on."""

    def data(self, withdraw: Withdraw) -> Data:
        return {
            "".join(f"_{c.lower()}" if c.isupper() else c for c in k): v
            for k, v in super().data(withdraw).items()
        }


@defect("wd-destination-id-is-missing", "WD-16", warns=True)
class DestinationIdIsMissing(Withdraws):
    """destinationId, and it alone, is left out where it is null."""

    def data(self, withdraw: Withdraw) -> Data:
        data = super().data(withdraw)
        if data["destinationId"] is None:
            del data["destinationId"]
        return data


# Instants


@defect("wd-canceled-at-is-null", "WD-17")
class CanceledAtIsNull(Withdraws):
    """canceledAt is never set."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.canceled_at = None


@defect("wd-canceled-at-is-local", "WD-17")
class CanceledAtIsLocal(Withdraws):
    """canceledAt is a local time without a zone."""

    def data(self, withdraw: Withdraw) -> Data:
        moment = withdraw.canceled_at
        local = moment and (moment + timedelta(hours=7)).strftime("%Y-%m-%d %H:%M:%S")
        return super().data(withdraw) | {"canceledAt": local}


@defect("wd-canceled-at-has-an-offset", "WD-17", warns=True)
class CanceledAtHasAnOffset(Withdraws):
    """canceledAt is told in the server's time zone, with its offset."""

    def data(self, withdraw: Withdraw) -> Data:
        moment = withdraw.canceled_at
        local = moment and moment.astimezone(timezone(timedelta(hours=7))).isoformat(timespec="milliseconds")
        return super().data(withdraw) | {"canceledAt": local}


@defect("wd-canceled-at-is-a-number", "WD-17")
class CanceledAtIsANumber(Withdraws):
    """canceledAt is a number of milliseconds."""

    def data(self, withdraw: Withdraw) -> Data:
        moment = withdraw.canceled_at
        return super().data(withdraw) | {"canceledAt": moment and int(moment.timestamp() * 1000)}


@defect("wd-canceled-at-is-hours-ahead", "WD-17", warns=True)
class CanceledAtIsHoursAhead(Withdraws):
    """Local time with a Z behind it: canceledAt and updatedAt are seven hours ahead."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.canceled_at = withdraw.updated_at = withdraw.updated_at + timedelta(hours=7)


@defect("wd-paid-at-is-set", "WD-18")
class PaidAtIsSet(Withdraws):
    """The write that ends a withdraw sets paidAt, whatever the end."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.paid_at = withdraw.canceled_at


@defect("wd-updated-at-stands-still", "WD-24")
class UpdatedAtStandsStill(Withdraws):
    """Cancelling doesn't move updatedAt."""

    def write(self, withdraw: Withdraw) -> None:
        before = withdraw.updated_at
        super().write(withdraw)
        withdraw.updated_at = before


@defect("wd-created-at-moves", "WD-24")
class CreatedAtMoves(Withdraws):
    """The row is replaced, and createdAt is the time of cancelling."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        withdraw.created_at = withdraw.updated_at


@defect("wd-canceled-before-it-was-created", "WD-24", "WD-17")
class CanceledBeforeItWasCreated(Withdraws):
    """canceledAt loses its time of day and is last midnight, before createdAt."""

    def write(self, withdraw: Withdraw) -> None:
        super().write(withdraw)
        midnight = withdraw.updated_at.replace(hour=0, minute=0, second=0, microsecond=0)
        withdraw.canceled_at = min(midnight, withdraw.created_at - timedelta(hours=1))


@defect("wd-created-at-is-a-number", "WD-25")
class CreatedAtIsANumber(Withdraws):
    """createdAt is a number of seconds."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {"createdAt": int(withdraw.created_at.timestamp())}


@defect("wd-updated-at-is-an-http-date", "WD-25")
class UpdatedAtIsAnHttpDate(Withdraws):
    """updatedAt is written as HTTP headers write it."""

    def data(self, withdraw: Withdraw) -> Data:
        return super().data(withdraw) | {
            "updatedAt": withdraw.updated_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
        }
