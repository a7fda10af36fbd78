"""Payout intents that show too much in reads, or too little to some merchants."""

from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.api import Payload
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

# Reads without the right credentials


def _public(*statuses: str) -> type[Any]:
    """Shows intents in these states to requests without credentials."""
    return changes.read_begins(lambda api, request, given: api.shown_to_reader(it)
        if not request.values(b"authorization") and (it := api.known(given)) and it.status in statuses else None)


pi("pi-ended-reads-are-public", "PI-40", "A read of an intent in a terminal state needs no credentials.",
   _public("paid", "failed"))
pi("pi-cancelled-reads-are-public", "PI-40",
   "A read of a cancelled intent needs no credentials.", _public("cancelled"))
pi("pi-processing-reads-are-public", "PI-40", "A read of a processing intent needs no credentials.",
   _public("processing"))


@defect("pi-ended-reads-ignore-the-secret", "PI-40")
class EndedReadsIgnoreTheSecret(PayoutIntents):
    """A read of an intent in a terminal state needs the public key only."""

    async def read(self, request: Request, given: str) -> Response:
        intent = self.known(given)
        if intent and intent.status in ("paid", "failed"):
            user, _ = self.credentials(request)
            account = self.account_for(user)
            if account is not None and self.owns(account, intent):
                return self.shown_to_reader(intent)
        return await super().read(request, given)


pi("pi-read-by-other-spellings-is-open", "PI-40",
   "A read of a path with a slash at its end needs no credentials.",
   changes.lets_in(lambda api, request: next(iter(api.accounts.values()))
       if request.path.endswith("/") and request.method == "GET" else None),
   steps.asked(PayoutIntents.place, lambda api, path: path.removesuffix("/") if path.count("/") == 3 else path))


@defect("pi-head-is-public", "PI-40")
class HeadIsPublic(PayoutIntents):
    """HEAD needs no credentials: it tells whether an intent exists, and the length of its JSON."""

    async def read(self, request: Request, given: str) -> Response:
        if request.method == "HEAD":
            intent = self.known(given)
            return self.shown_to_reader(intent) if intent else self.error(self.not_found(given))
        return await super().read(request, given)


@defect("pi-head-finds-strangers", "PI-11", "PI-12")
class HeadFindsStrangers(PayoutIntents):
    """HEAD needs credentials, and finds other merchants' intents."""

    async def read(self, request: Request, given: str) -> Response:
        self.head = request.method == "HEAD"
        return await super().read(request, given)

    head = False

    def owns(self, account: Account, row: Intent) -> bool:
        return self.head or super().owns(account, row)

    async def cancel(self, request: Request, given: str) -> Response:
        self.head = False
        return await super().cancel(request, given)


# Lists


@defect("pi-list-shows-strangers", "PI-11")
class ListShowsStrangers(PayoutIntents):
    """The list shows the intents of all merchants in an environment."""

    lists = True

    def listed(self, account: Account) -> list[Intent]:
        return [one for one in self.store.rows() if one.environment == account.environment]


@defect("pi-list-shows-the-other-environment", "PI-12")
class ListShowsTheOtherEnvironment(PayoutIntents):
    """The list shows the merchant's intents of both environments."""

    lists = True

    def listed(self, account: Account) -> list[Intent]:
        return [one for one in self.store.rows() if one.merchant == account.merchant]


@defect("pi-list-is-public", "PI-40")
class ListIsPublic(PayoutIntents):
    """The list of intents needs no credentials."""

    lists = True

    def authenticate_list(self, request: Request) -> Account:
        return next(iter(self.accounts.values()))


# Answers to some


def _live(it: Intent) -> bool:
    return it.environment == "live"


def _of_others(it: Intent) -> bool:
    return it.merchant != "merchant_a"


pi("pi-others-lack-the-failure-code", "PI-16",
   "failure_code is null for all but the first merchant, whose codes are in another table.",
   changes.answers(lambda it: {"failure_code": None} if _of_others(it) else {}))
pi("pi-live-lacks-the-failure-code", "PI-16",
   "failure_code is null for intents of the live environment.",
   changes.answers(lambda it: {"failure_code": None} if _live(it) else {}))
pi("pi-others-lose-the-reason", "PI-22", "The reason is stored for the first merchant only.",
   changes.answers(lambda it: {"failure_message": None} if _of_others(it) else {}))
pi("pi-live-loses-the-reason", "PI-22", "The reason is stored in the test environment only.",
   changes.answers(lambda it: {"failure_message": None} if _live(it) else {}))
pi("pi-others-read-no-failure-code", "PI-06", "A read shows failure_code as null to all but the first merchant.",
   changes.reads(lambda it: {"failure_code": None} if _of_others(it) else {}))
pi("pi-live-reads-no-reason", "PI-06", "A read of an intent of the live environment shows no failure_message.",
   changes.reads(lambda it: {"failure_message": None} if _live(it) else {}))


@defect("pi-others-lack-the-recipient", "PI-15")
class OthersLackTheRecipient(PayoutIntents):
    """The recipient is left out for all but the first merchant, which alone has the permission."""

    def answered(self, row: Intent) -> Payload:
        shown = super().answered(row)
        return changes.without("recipient")(shown) if _of_others(row) else shown
