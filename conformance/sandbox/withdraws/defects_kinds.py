"""Withdraws that are wrong for one kind alone: what was processing, another merchant's, what is stored."""

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
    """What comes back from the provider is shown by another serialiser, which leaves out nulls."""

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
   "Account numbers are masked for merchants who have that switched on; the second hasn't.",
   changes.shows(lambda it: {"bankAccountNumber": it.account_number}, lambda it: it.merchant == "merchant_b"))


@defect("wd-second-merchant-is-trusted", "WD-06", "WD-04")
class SecondMerchantIsTrusted(Withdraws):
    """Merchants of the new kind are thought to know what they do: their withdraws are cancelled in any state."""

    def check_cancellable(self, row: Withdraw) -> None:
        if row.merchant != "merchant_b":
            super().check_cancellable(row)


@defect("wd-body-may-force", "WD-04")
class BodyMayForce(Withdraws):
    """A body that says force cancels in any state, for the back office."""

    forced = False

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.forced = b'"force": true' in request.body

    def check_cancellable(self, row: Withdraw) -> None:
        if not self.forced:
            super().check_cancellable(row)


wd("wd-stored-name-is-lost", "WD-23",
   "Cancelling saves a row that was loaded without the name of the account's holder.",
   changes.reads(lambda it: {"bankAccountName": None}, steps.state("canceled")))
wd("wd-stored-created-at-moves", "WD-24", "Cancelling replaces the row, and the new one was created just now.",
   changes.reads(lambda it:
       {"createdAt": (it.updated_at + timedelta(milliseconds=1)).isoformat()}, steps.state("canceled")))

# The refusal that comes from the provider

wd("wd-provider-repeats-the-account", "WD-21, WD-03",
   "The provider's own refusal is passed on, account number and all.",
   steps.after(Withdraws.unsupported, lambda api, refusal, it:
       refusal.but(message=f"{refusal.message} Account {it.account_number} is locked.")))
wd("wd-provider-refusal-shows-a-path", "WD-28, WD-03", "The provider's driver says where in its source it gave up.",
   steps.after(Withdraws.unsupported, lambda api, refusal, it:
       refusal.but(message=f"{refusal.message} (/srv/payouts/providers/kbank.py)")))
wd("wd-provider-refusal-is-text", "WD-27, WD-03", "The provider's refusal is passed on with its own content type.",
   steps.after(Withdraws.error, lambda api, reply, refusal: replace(reply, content_type="text/plain")
       if "provider" in refusal.message else reply))


# Keys and secrets


@defect("wd-secret-stands-in-a-header", "WD-32")
class SecretStandsInAHeader(Withdraws):
    """A header for debugging tells what the answer's own signature was made with."""

    async def cancel(self, request: Request, given: str) -> Response:
        secret = self.authenticate(request).secret.decode()
        return changes.headed(await super().cancel(request, given), "x-signed-with", secret)


@defect("wd-refusal-tells-the-signature", "WD-32")
class RefusalTellsTheSignature(Withdraws):
    """So that merchants find their mistake, a 401 says which signature had been expected."""

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
    """The first X-API-Key is verified; a filter behind it reads the last one, and looks up with that merchant."""

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        first = [next((value for value in request.values(name)), b"") for name in self.signed_headers]
        if not all(first):
            return super().signing(request)
        return first[0], first[1], first[2]

    def authenticate(self, request: Request) -> Account:
        account = super().authenticate(request)
        return self.account_for(request.values(b"x-api-key")[-1]) or account


wd("wd-second-merchant-sees-all", "WD-12",
   "The second merchant's account was made for support, and may cancel what is everybody's.",
   changes.also_owns(lambda account, it: account.merchant == "merchant_b"))


@defect("wd-capitals-are-anybodys", "WD-12")
class CapitalsAreAnybodys(Withdraws):
    """Owners are kept by id in lower case, and what isn't found there has none."""

    capitals = False

    def parse_id(self, given: str) -> str:
        self.capitals = given != given.lower()
        return super().parse_id(given)

    def owns(self, account: Account, row: Withdraw) -> bool:
        return self.capitals or super().owns(account, row)


@defect("wd-looked-at-is-anybodys", "WD-12")
class LookedAtIsAnybodys(Withdraws):
    """Reading puts a withdraw into a cache by its id alone, where cancelling finds it for anybody."""

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
    """An id that was asked for gets a row of its own, and is no longer unknown the next time."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def not_found(self, given: str) -> Refusal:
        if given in self.asked:
            return Refusal(400, "VALIDATION_ERROR", "This withdraw stays as it is.")
        self.asked.add(given)
        return super().not_found(given)


wd("wd-id-stands-in-a-header", "WD-14",
   "The id is repeated, decoded, in a header of its refusal: a line break in it begins another header.",
   steps.after(Withdraws.malformed_id, lambda api, refusal, given:
       refusal.but(headers=(*refusal.headers, ("x-withdraw-id", given[:64])))))
