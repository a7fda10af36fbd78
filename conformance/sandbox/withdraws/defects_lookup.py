"""Withdraws that find what they should not, or say so wrongly."""

import uuid

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Not found


@defect("wd-unknown-is-400", "WD-11")
class UnknownIs400(Withdraws):
    """An unknown id is answered 400 VALIDATION_ERROR."""

    def not_found(self, given: str) -> Refusal:
        return Refusal(400, "VALIDATION_ERROR", super().not_found(given).message)


@defect("wd-unknown-code-is-short", "WD-11")
class UnknownCodeIsShort(Withdraws):
    """The code of a 404 is NOT_FOUND, without the RESOURCE."""

    def not_found(self, given: str) -> Refusal:
        return Refusal(404, "NOT_FOUND", super().not_found(given).message)


@defect("wd-unknown-is-200", "WD-11")
class UnknownIs200(Withdraws):
    """An unknown id is answered 200, with success false inside."""

    def not_found(self, given: str) -> Refusal:
        return Refusal(200, "RESOURCE_NOT_FOUND", super().not_found(given).message)


@defect("wd-unknown-is-500", "WD-11")
class UnknownIs500(Withdraws):
    """An unknown id ends in a 500: nobody thought of the empty result."""

    def not_found(self, given: str) -> Refusal:
        raise LookupError(given)


@defect("wd-unknown-is-gone-alright", "WD-11")
class UnknownIsGoneAlright(Withdraws):
    """Cancelling what doesn't exist is a success with data null: it is gone, isn't it."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.authenticate(request)
        if self.store.get(self.parse_id(given)) is None:
            return self.reply(200, {"success": True, "data": None})
        return await super().cancel(request, given)


@defect("wd-owner-is-not-checked", "WD-12")
class OwnerIsNotChecked(Withdraws):
    """Any merchant cancels any withdraw whose id it knows."""

    def owns(self, account: Account, row: Withdraw) -> bool:
        return True


@defect("wd-owner-is-not-checked-while-processing", "WD-12")
class OwnerIsNotCheckedWhileProcessing(Withdraws):
    """The query for processing withdraws, written later, forgot the merchant."""

    def owns(self, account: Account, row: Withdraw) -> bool:
        return row.status == "processing" or super().owns(account, row)


@defect("wd-owner-is-not-checked-on-read", "WD-12")
class OwnerIsNotCheckedOnRead(Withdraws):
    """Any merchant reads any withdraw whose id it knows; cancelling is guarded."""

    async def read(self, request: Request, given: str) -> Response:
        self.authenticate(request)
        withdraw = self.store.get(self.parse_id(given))
        if withdraw is None:
            raise self.not_found(given)
        return self.reply(200, self.success_body(withdraw))


@defect("wd-canceled-cannot-be-read", "WD-09")
class CanceledCannotBeRead(Withdraws):
    """What is canceled is archived, and reading it answers 404; cancelling still knows it."""

    async def read(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        if withdraw.status == "canceled":
            raise self.not_found(given)
        return await super().read(request, given)


@defect("wd-not-owned-yet-canceled", "WD-12")
class NotOwnedYetCanceled(Withdraws):
    """Another merchant's withdraw answers 404, after it has been cancelled."""

    def not_owned(self, withdraw: Withdraw, given: str) -> Refusal:
        if withdraw.status in self.cancellable:
            self.write(withdraw)
        return super().not_owned(withdraw, given)


@defect("wd-not-owned-is-403", "WD-13")
class NotOwnedIs403(Withdraws):
    """Another merchant's withdraw answers 403, and so tells that it exists."""

    def not_owned(self, withdraw: Withdraw, given: str) -> Refusal:
        return Refusal(403, "FORBIDDEN", "This withdraw belongs to somebody else.")


@defect("wd-not-owned-is-told-apart", "WD-13")
class NotOwnedIsToldApart(Withdraws):
    """Another merchant's withdraw is a 404 with the same code, in other words."""

    def not_owned(self, withdraw: Withdraw, given: str) -> Refusal:
        return Refusal(404, "RESOURCE_NOT_FOUND", "This merchant has no such withdraw.")


@defect("wd-state-is-checked-before-owner", "WD-13")
class StateIsCheckedBeforeOwner(Withdraws):
    """Another merchant's withdraw answers 400 with its state where that forbids cancelling, 404 otherwise."""

    def not_owned(self, withdraw: Withdraw, given: str) -> Refusal:
        if withdraw.status not in self.cancellable:
            return self.not_cancellable(withdraw)
        return super().not_owned(withdraw, given)


# Malformed ids


@defect("wd-malformed-id-is-500", "WD-14")
class MalformedIdIs500(Withdraws):
    """What is no UUID goes to the database, whose complaint ends in a 500."""

    def parse_id(self, given: str) -> str:
        return str(uuid.UUID(given))


@defect("wd-nul-in-id-is-500", "WD-14")
class NulInIdIs500(Withdraws):
    """A NUL in the id ends in a 500; other malformed ids are not found."""

    def parse_id(self, given: str) -> str:
        if "\0" in given:
            raise ValueError("a string literal cannot contain NUL (0x00) characters")
        return super().parse_id(given)


@defect("wd-long-id-is-500", "WD-14")
class LongIdIs500(Withdraws):
    """An id that doesn't fit the audit table's column of 255 characters ends in a 500."""

    def parse_id(self, given: str) -> str:
        if len(given) > 255:
            raise ValueError("value too long for type character varying(255)")
        return super().parse_id(given)


@defect("wd-id-ends-at-nul", "WD-14")
class IdEndsAtNul(Withdraws):
    """An id is cut at its first NUL, so a malformed one cancels the withdraw that its beginning names."""

    def parse_id(self, given: str) -> str:
        return super().parse_id(given.partition("\0")[0])
