"""Withdraws that are wrong for one kind only: processing ones, another merchant's, or stored values."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

Data = dict[str, Any]


@defect("wd-processing-answer-lacks-nulls", "WD-16", warns=True)
class ProcessingAnswerLacksNulls(Withdraws):
    """A processing withdraw is shown by another serialiser, which leaves out null values."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.called_back: set[str] = set()

    def write(self, row: Withdraw, reason: str | None = None) -> None:
        if row.status == "processing":
            self.called_back.add(row.id)
        super().write(row, reason)

    def shown(self, row: Withdraw) -> Data:
        shown = super().shown(row)
        if row.id not in self.called_back:
            return shown
        return {key: value for key, value in shown.items() if value is not None}


wd("wd-masking-is-a-merchants-setting", "WD-21",
   "Account numbers are masked only for merchants with a setting, which the second merchant lacks.",
   changes.shows(lambda it: {"bankAccountNumber": it.account_number}, lambda it: it.merchant == "merchant_b"))


@defect("wd-second-merchant-is-trusted", "WD-06", "WD-04")
class SecondMerchantIsTrusted(Withdraws):
    """The second merchant, of a new kind, may cancel its withdraws in any state."""

    def check_cancellable(self, row: Withdraw) -> None:
        if row.merchant != "merchant_b":
            super().check_cancellable(row)


@defect("wd-body-may-force", "WD-04")
class BodyMayForce(Withdraws):
    """A body with force, meant for the back office, cancels in any state."""

    forced = False

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.forced = b'"force": true' in request.body

    def check_cancellable(self, row: Withdraw) -> None:
        if not self.forced:
            super().check_cancellable(row)


wd("wd-stored-name-is-lost", "WD-23",
   "A cancel saves a row that was loaded without the name of the account's holder.",
   changes.reads(lambda it: {"bankAccountName": None}, steps.state("canceled")))
wd("wd-stored-created-at-moves", "WD-24",
   "A cancel replaces the row, and createdAt becomes the time of the cancel.",
   changes.reads(lambda it:
       {"createdAt": (it.updated_at + timedelta(milliseconds=1)).isoformat()}, steps.state("canceled")))

# The refusal that comes from the provider

wd("wd-provider-repeats-the-account", "WD-21, WD-03",
   "The provider's own refusal is passed on, with the account number.",
   steps.after(Withdraws.unsupported, lambda api, refusal, it:
       refusal.but(message=f"{refusal.message} Account {it.account_number} is locked.")))
wd("wd-provider-refusal-shows-a-path", "WD-28, WD-03",
   "The provider's refusal is passed on, with the path of its source file.",
   steps.after(Withdraws.unsupported, lambda api, refusal, it:
       refusal.but(message=f"{refusal.message} (/srv/payouts/providers/kbank.py)")))
wd("wd-provider-refusal-is-text", "WD-27, WD-03",
   "The provider's refusal is passed on with its own content type.",
   steps.after(Withdraws.error, lambda api, reply, refusal: replace(reply, content_type="text/plain")
       if "provider" in refusal.message else reply))


# Keys and secrets


@defect("wd-secret-stands-in-a-header", "WD-32")
class SecretStandsInAHeader(Withdraws):
    """A header for debugging shows the secret that signs the answer."""

    async def cancel(self, request: Request, given: str) -> Response:
        secret = self.authenticate(request).secret.decode()
        return changes.headed(await super().cancel(request, given), "x-signed-with", secret)


@defect("wd-refusal-tells-the-signature", "WD-32")
class RefusalTellsTheSignature(Withdraws):
    """A 401 shows the expected signature, to help merchants debug."""

    said = b""

    def expected_signature(self, account: Account, timestamp: bytes, body: bytes) -> bytes:
        self.said = super().expected_signature(account, timestamp, body)
        return self.said

    def auth_refusal(self, reason: str) -> Refusal:
        refusal = super().auth_refusal(reason)
        if reason == "bad_signature":
            refusal.message += f" Expected {self.said.decode()}."
        return refusal


@defect("wd-second-key-decides", "WD-12")
class SecondKeyDecides(Withdraws):
    """The first X-API-Key is verified; the withdraw is looked up for the merchant of the last one."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        first = [next((value for value in request.values(name)), b"") for name in self.signed_headers]
        if not all(first):
            return super().signing(request)
        return first[0], first[1], first[2]

    def authenticate(self, request: Request) -> Account:
        account = super().authenticate(request)
        return self.account_for(request.values(b"x-api-key")[-1]) or account


wd("wd-second-merchant-sees-all", "WD-12",
   "The second merchant's account, made for support, may cancel every merchant's withdraws.",
   changes.also_owns(lambda account, it: account.merchant == "merchant_b"))


@defect("wd-capitals-are-anybodys", "WD-12")
class CapitalsAreAnybodys(Withdraws):
    """Owners are stored by id in lower case: an id in upper case has no owner, and any merchant may cancel it."""

    capitals = False

    def parse_id(self, given: str) -> str:
        self.capitals = given != given.lower()
        return super().parse_id(given)

    def owns(self, account: Account, row: Withdraw) -> bool:
        return self.capitals or super().owns(account, row)


@defect("wd-looked-at-is-anybodys", "WD-12")
class LookedAtIsAnybodys(Withdraws):
    """A read caches the withdraw by its id alone, and a cancel by any merchant finds it there."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.cached: set[str] = set()

    async def read(self, request: Request, given: str) -> Response:
        reply = await super().read(request, given)
        self.cached.add(given.lower())
        return reply

    def owns(self, account: Account, row: Withdraw) -> bool:
        return row.id in self.cached or super().owns(account, row)


@defect("wd-unknown-is-remembered", "WD-11")
class UnknownIsRemembered(Withdraws):
    """A request for an unknown id creates a row: the next request finds the id."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def not_found(self, given: str) -> Refusal:
        if given in self.asked:
            return Refusal(400, "VALIDATION_ERROR", "This withdraw stays as it is.")
        self.asked.add(given)
        return super().not_found(given)


wd("wd-id-stands-in-a-header", "WD-14",
   "The refusal repeats the decoded id in a header: a line break in it begins another header.",
   steps.after(Withdraws.malformed_id, lambda api, refusal, given:
       refusal.but(headers=(*refusal.headers, ("x-withdraw-id", given[:64])))))
