"""Withdraws that get a rare request, or a sequence of requests, wrong."""

import re
from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.defects import rare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

# Ids

wd("wd-nil-uuid-is-500", "WD-14",
        'The nil UUID stands for "none" in the code, and ends in a 500.',
        changes.ids(lambda given: steps.crash("None has no status")
            if given == "00000000-0000-0000-0000-000000000000" else given))
wd("wd-uuid-like-a-number-is-500", "WD-14",
        "A UUID whose first group reads as a number with an exponent is bound to a column of numbers: a 500.",
        changes.ids(lambda given: steps.crash("numeric field overflow") if re.match("1e[0-9]+-", given) else given))

# Headers

wd.rare("wd-language-formats-the-amount", "WD-19",
        "The locale of Accept-Language decides how amounts are written: German readers get a comma.",
        steps.for_requests(lambda request:
            any(value.startswith(b"de") for value in request.values(b"accept-language")), Withdraws.shown,
            lambda api, shown, it: shown | {"amount": str(shown["amount"]).replace(".", ",")}))
wd.rare("wd-list-of-accepted-types-is-406", "WD-01",
        "A list in Accept is refused with 406: only application/json and */* are known.",
        changes.looks(lambda request: any(b"," in value for value in request.values(b"accept"))
            and steps.refuse(406, "NOT_ACCEPTABLE", "Only application/json is offered.")))
wd.rare("wd-long-request-id-is-500", "WD-01",
        "X-Request-Id goes into a column of 64 characters; a longer one ends in a 500.",
        changes.looks(lambda request: any(len(value) > 64 for value in request.values(b"x-request-id"))
            and steps.crash("value too long for type character varying(64)")))
wd.rare("wd-browser-gets-a-page", "WD-26",
        "A request with a browser's User-Agent is refused with an HTML page.",
        steps.for_requests(lambda request:
            any(value.startswith(b"Mozilla/") for value in request.values(b"user-agent")), Withdraws.error,
            lambda api, reply, refusal:
            Response(refusal.status, f"<html><body>{refusal.message}</body></html>".encode(), refusal.headers,
            "text/html") if refusal.status in (400, 404) else reply))


# Sequences


class _Remembering(Withdraws):
    """Knows what happened to a withdraw before."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.past: dict[str, list[str]] = {}

    def happened(self, identifier: str) -> list[str]:
        """Returns the outcomes of the requests about a withdraw, oldest first."""
        return self.past.setdefault(identifier.lower(), [])

    async def cancel(self, request: Request, given: str) -> Response:
        """Do it, and note how it went."""
        try:
            reply = await super().cancel(request, given)
        except Refusal as refusal:
            self.happened(given).append(refusal.code)
            self.after_refusal(refusal, given)
            raise
        self.happened(given).append("canceled")
        return reply

    def after_refusal(self, refusal: Refusal, given: str) -> None:
        """Is called after a refusal, whose trace a subclass leaves."""


@rare("wd-strangers-attempt-reopens-it", "WD-06")
class StrangersAttemptReopensIt(_Remembering):
    """Another merchant's attempt to cancel a canceled withdraw clears a flag: its owner can cancel it again."""

    def check_cancellable(self, row: Withdraw) -> None:
        past = self.happened(row.id)
        if "canceled" not in past or past[-1] != "RESOURCE_NOT_FOUND":
            super().check_cancellable(row)


@rare("wd-strangers-attempt-lets-it-be-paid", "WD-42")
class StrangersAttemptLetsItBePaid(_Remembering):
    """Another merchant's attempt lifts the block on the payout of a canceled withdraw."""

    def payable(self, row: Withdraw) -> bool:
        unblocked = row.status == "canceled" and "RESOURCE_NOT_FOUND" in self.happened(row.id)
        return unblocked or super().payable(row)


@rare("wd-failed-signature-moves-the-date", "WD-10")
class FailedSignatureMovesTheDate(_Remembering):
    """A request with a wrong signature is noted on a canceled withdraw, and updatedAt moves."""

    def after_refusal(self, refusal: Refusal, given: str) -> None:
        super().after_refusal(refusal, given)
        withdraw = self.store.get(given.lower())
        if withdraw and withdraw.status == "canceled" and refusal.code == "UNAUTHORIZED":
            withdraw.updated_at = self.clock.after(withdraw.updated_at)


@rare("wd-refusal-drops-the-metadata", "WD-23")
class RefusalDropsTheMetadata(_Remembering):
    """The refusal of a canceled withdraw saves a copy that was loaded without its metadata."""

    def shown(self, row: Withdraw) -> dict[str, Any]:
        shown = super().shown(row)
        return (
            shown | {"metadata": {}}
            if self.happened(row.id)[-2:] == ["canceled", "VALIDATION_ERROR"]
            else shown
        )


@rare("wd-fourth-refusal-shows-the-account", "WD-21")
class FourthRefusalShowsTheAccount(_Remembering):
    """From the fourth refusal on the message contains the account number."""

    def after_refusal(self, refusal: Refusal, given: str) -> None:
        super().after_refusal(refusal, given)
        withdraw = self.store.get(given.lower())
        if withdraw and self.happened(given).count("VALIDATION_ERROR") > 3:
            refusal.message += f" The account is {withdraw.account_number}."
