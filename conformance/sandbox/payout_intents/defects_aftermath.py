"""Payout intents whose payout or event is wrong after a request, also after a correct answer."""

import asyncio
from typing import Any

from conformance.sandbox import steps
from conformance.sandbox.api import Payload
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

# Payouts that don't go ahead


class _Settles(PayoutIntents):
    """Pays what is processing, a moment after each refusal to cancel one of them, but what bears a mark.

    The refusal begins it, and not a clock: on a busy machine an intent would be paid before its cancel comes.
    """

    marking: tuple[str, ...] = ()
    """The codes of the refusals that leave the mark."""
    after_s = 0.2

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.marked: set[str] = set()

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.known(given)
            if intent is not None and intent.status == "processing":
                if refusal.code in self.marking:
                    self.marked.add(intent.id)
                asyncio.get_running_loop().call_later(self.after_s, self.settle_all)
            raise

    def settle_all(self) -> None:
        """Pays what may be paid."""
        for row in self.store.rows():
            if row.status == "processing" and row.id not in self.marked:
                row.status = self.own.terminal[1]

    def payable(self, row: Intent) -> bool:
        return super().payable(row) and row.id not in self.marked


@defect("pi-refused-never-ends-later", "PI-05", "PI-09", watch_s=6)
class RefusedNeverEndsLater(_Settles):
    """A refused cancel marks a processing intent, and the payout worker skips it some seconds later."""

    marking = ("approval_required",)
    after_s = 5


@defect("pi-stranger-stops-the-payout", "PI-11")
class StrangerStopsThePayout(_Settles):
    """Another merchant's cancel is a 404, and leaves the intent locked: it is never paid."""

    marking = ("not_found",)


@defect("pi-wrong-credentials-stop-the-payout", "PI-40")
class WrongCredentialsStopThePayout(_Settles):
    """A cancel with wrong credentials is a 401, and stops the payout worker: the intent is never paid."""

    marking = ("unauthorized",)


@defect("pi-wrong-body-stops-the-payout", "PI-05")
class WrongBodyStopsThePayout(_Settles):
    """A cancel with a refused body leaves the intent locked: it is never paid."""

    marking = ("invalid_request",)


# Events that contradict themselves


class _Told(PayoutIntents):
    """Keeps the intent of the event before."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.last: Payload = {}

    def event(self, row: Intent, reason: str | None) -> Payload:
        event = super().event(row, reason)
        last, self.last = self.last or event["data"], event["data"]
        return event | {"data": self.told(event["data"], last)}

    def told(self, data: Payload, last: Payload) -> Payload:
        """The intent that the event holds, given that of the previous event."""
        return data


@defect("pi-event-shows-it-open", "PI-49")
class EventShowsItOpen(_Told):
    """The event holds the intent as it was before the cancel: requires_approval."""

    def told(self, data: Payload, last: Payload) -> Payload:
        return data | {"status": "requires_approval", "failure_code": None, "failure_message": None}


@defect("pi-event-holds-another-intent", "PI-49")
class EventHoldsAnotherIntent(_Told):
    """The event names the intent, and holds that of the previous event."""

    def told(self, data: Payload, last: Payload) -> Payload:
        return last


@defect("pi-event-holds-the-reason-before", "PI-49")
class EventHoldsTheReasonBefore(_Told):
    """The intent in the event has the previous event's reason; the reason beside it is right."""

    def told(self, data: Payload, last: Payload) -> Payload:
        return data | {"failure_message": last["failure_message"]}


@defect("pi-event-holds-another-amount", "PI-49")
class EventHoldsAnotherAmount(_Told):
    """amount in the event is in major units, without decimals."""

    def told(self, data: Payload, last: Payload) -> Payload:
        return data | {"amount": str(int(data["amount"]) // 100)}


@defect("pi-event-is-of-the-other-environment", "PI-49")
class EventIsOfTheOtherEnvironment(_Told):
    """The intent in the event is always live."""

    def told(self, data: Payload, last: Payload) -> Payload:
        return data | {"environment": "live"}


pi("pi-event-has-no-failure-code", "PI-49",
   "failure_code of the intent in the event is null.",
   steps.after(PayoutIntents.event, lambda api, event, it, reason:
       event | {"data": event["data"] | {"failure_code": None}}))
