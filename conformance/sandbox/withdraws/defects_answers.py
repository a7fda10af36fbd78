"""Withdraws that keep a value back, answer some successes otherwise than others, or show what nobody signed for."""

import json
from contextlib import suppress
from typing import Any

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import HANG_UP, Refusal, Request, Response
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

Data = dict[str, Any]

# Successes


@defect("wd-pending-needs-its-provider", "WD-01")
class PendingNeedsItsProvider(Withdraws):
    """A pending withdraw, too, is cancelled only where its provider could stop it, which hasn't even heard of it."""

    def check_cancellable(self, withdraw: Withdraw) -> None:
        super().check_cancellable(withdraw)
        if not self.provider_allows(withdraw):
            raise self.unsupported(withdraw)


@defect("wd-tenth-success-is-202", "WD-01", late=True)
class TenthSuccessIs202(Withdraws):
    """One of ten processes runs the next version, which answers 202."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.successes = 0

    def success(self, withdraw: Withdraw) -> Response:
        self.successes += 1
        return self.reply(202 if self.successes % 10 == 0 else 200, self.success_body(withdraw))


@defect("wd-tenth-paid-at-is-set", "WD-18", late=True)
class TenthPaidAtIsSet(Withdraws):
    """One of ten answers is made by a view that fills paidAt with the time of the end, whatever the end."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.successes = 0

    def success(self, withdraw: Withdraw) -> Response:
        self.successes += 1
        body = self.success_body(withdraw)
        if self.successes % 10 == 0:
            body["data"] |= {"paidAt": body["data"]["canceledAt"]}
        return self.reply(200, body)


# Values that are kept back


class _Without(Withdraws):
    """Leaves out a key of the answer to a cancel."""

    key: str

    def success_body(self, withdraw: Withdraw) -> Data:
        body = super().success_body(withdraw)
        if withdraw.status == "canceled":
            del body["data"][self.key]
        return body

    async def read(self, request: Request, given: str) -> Response:
        withdraw = self.find(self.authenticate(request), given)
        return self.reply(200, {"success": True, "data": self.data(withdraw)})


@defect("wd-reference-is-missing", "WD-16")
class ReferenceIsMissing(_Without):
    """The answer to a cancel doesn't say the merchant's own reference, which reading shows."""

    key = "referenceId"


@defect("wd-updated-at-is-missing", "WD-16")
class UpdatedAtIsMissing(_Without):
    """The answer to a cancel has no updatedAt: canceledAt says it."""

    key = "updatedAt"


class _Emptied(Withdraws):
    """Shows a canceled withdraw with a value that has become nothing."""

    key: str
    nothing: str | None = None

    def success_body(self, withdraw: Withdraw) -> Data:
        body = super().success_body(withdraw)
        if withdraw.status == "canceled":
            body["data"] |= {self.key: self.nothing}
        return body


@defect("wd-account-is-null", "WD-21")
class AccountIsNull(_Emptied):
    """The account number isn't masked but gone: null."""

    key = "bankAccountNumber"


@defect("wd-account-is-empty", "WD-21")
class AccountIsEmpty(_Emptied):
    """The account number isn't masked but emptied."""

    key, nothing = "bankAccountNumber", ""


@defect("wd-bank-code-is-null", "WD-23")
class BankCodeIsNull(_Emptied):
    """Cancelling detaches the destination: the bank's code is null."""

    key = "bankCode"


@defect("wd-account-name-is-empty", "WD-23")
class AccountNameIsEmpty(_Emptied):
    """The name of the account's holder is emptied when a withdraw ends, to keep less."""

    key, nothing = "bankAccountName", ""


@defect("wd-refusal-drops-the-description", "WD-10")
class RefusalDropsTheDescription(Withdraws):
    """A refused cancel saves a row that was loaded without its description."""

    def not_cancellable(self, withdraw: Withdraw) -> Refusal:
        withdraw.description = ""
        return super().not_cancellable(withdraw)


# Reading


@defect("wd-read-is-not-signed", "WD-12")
class ReadIsNotSigned(Withdraws):
    """Reading takes a withdraw's id for proof enough: nobody has to sign."""

    async def read(self, request: Request, given: str) -> Response:
        withdraw = self.store.get(given.lower())
        if withdraw is None:
            return await super().read(request, given)
        return self.reply(200, self.success_body(withdraw))


@defect("wd-read-needs-a-key-only", "WD-12")
class ReadNeedsAKeyOnly(Withdraws):
    """Reading looks the API key up, and verifies no signature."""

    async def read(self, request: Request, given: str) -> Response:
        account = self.account_for(next(iter(request.values(b"x-api-key")), b""))
        if account is None:
            return await super().read(request, given)
        return self.reply(200, self.success_body(self.find(account, given)))


# The body


@defect("wd-doubled-key-is-covered-once", "WD-35", "WD-32")
class DoubledKeyIsCoveredOnce(Withdraws):
    """A body with a key in it twice is tidied up before its signature is verified: only the last value is covered."""

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        with suppress(ValueError):
            tidied = json.dumps(json.loads(body), separators=(",", ":")).encode()
            if len(tidied) < len(body) and b" " not in body:
                body = tidied
        return super().signed_message(timestamp, body)


# What is never answered, or by a 5xx


class _Breaks(Withdraws):
    """A process that ends in the midst of some requests."""

    status = 0

    async def respond(self, request: Request) -> Response | None:
        if not self.breaks(request):
            return await super().respond(request)
        if self.status:
            return Response(self.status, b"<html><h1>Bad Gateway</h1></html>", (), "text/html")
        return HANG_UP

    def breaks(self, request: Request) -> bool:
        """Whether this is one of these."""
        return False


@defect("wd-nul-in-id-loses-the-connection", "WD-14")
class NulInIdLosesTheConnection(_Breaks):
    """A NUL in an id ends the process, and the connection with it."""

    def breaks(self, request: Request) -> bool:
        return "%00" in request.path


@defect("wd-undecodable-id-is-502", "WD-14")
class UndecodableIdIs502(_Breaks):
    """An id that isn't UTF-8 ends the process, and what stands in front of it answers 502."""

    status = 502

    def breaks(self, request: Request) -> bool:
        return "%ff" in request.path


@defect("wd-text-is-never-answered", "WD-39")
class TextIsNeverAnswered(_Breaks):
    """A body whose type no handler is for ends the process."""

    def breaks(self, request: Request) -> bool:
        return any(value.startswith((b"nonsense", b"text/")) for value in request.values(b"content-type"))


@defect("wd-undecodable-key-loses-the-connection", "WD-39")
class UndecodableKeyLosesTheConnection(_Breaks):
    """A key that isn't UTF-8 ends the process."""

    def breaks(self, request: Request) -> bool:
        return any(b"\xff" in value for value in request.values(b"x-api-key"))


@defect("wd-undecodable-signature-is-500", "WD-39")
class UndecodableSignatureIs500(Withdraws):
    """Headers are decoded as UTF-8, and a signature that isn't ends in a 500."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        for value in request.values(b"x-signature"):
            value.decode()
        return super().signing(request)


@defect("wd-prototype-key-is-500", "WD-39")
class PrototypeKeyIs500(Withdraws):
    """Keys are looked up in a plain object, which has a constructor, too: its secret can't be signed with."""

    def account_for(self, key: bytes) -> Account | None:
        if key in (b"constructor", b"__proto__", b"toString", b"hasOwnProperty"):
            raise TypeError('The "key" argument must be of type string. Received undefined')
        return super().account_for(key)


@defect("wd-broken-body-is-500", "WD-39")
class BrokenBodyIs500(Withdraws):
    """A body is parsed before anything else, and what is no JSON ends in a 500."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        if request.body == b"{":
            raise ValueError("Unexpected end of JSON input")


@defect("wd-unknown-charset-is-500", "WD-39")
class UnknownCharsetIs500(Withdraws):
    """The charset of a content type names a decoder, and one that there isn't ends in a 500."""

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        if any(b"charset=nonsense" in value for value in request.values(b"content-type")):
            raise LookupError("unknown encoding: nonsense")


# How failing credentials and other methods are answered


@defect("wd-unauthorized-is-500", "WD-36")
class UnauthorizedIs500(Withdraws):
    """The exception for failing credentials is mapped to nothing, and becomes a 500 in the usual envelope."""

    def auth_refusal(self, reason: str) -> Refusal:
        return Refusal(500, "INTERNAL", "Something went wrong.")


@defect("wd-method-in-the-query-cancels", "WD-40", warns=True)
class MethodInTheQueryCancels(Withdraws):
    """_method in the query makes a POST of a GET, as forms need it."""

    def method_of(self, request: Request) -> str:
        return "POST" if request.query == "_method=POST" else super().method_of(request)
