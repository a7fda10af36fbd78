"""Payout intents whose events are wrong."""

import html
import uuid

from conformance.sandbox import effects, steps
from conformance.sandbox.api import Payload
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response, encode
from conformance.sandbox.payout_intents.changes import announces, event_reason, pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.webhooks import post

# Laid out as a table, a defect per line.
# fmt: off

pi("pi-event-never-comes", "PI-49", "No event is sent.",
   steps.instead(PayoutIntents.announce, lambda api, it, reason: None))
pi("pi-event-comes-twice", "PI-49", "Two events with different ids are sent for one cancel.",
   steps.after(PayoutIntents.announce, lambda api, _, it, reason: PayoutIntents.announce(api, it, reason)))
pi("pi-event-has-no-reason", "PI-49", "The event doesn't carry the reason.", event_reason(lambda reason: None))


@defect("pi-event-names-another", "PI-49")
class EventNamesAnother(PayoutIntents):
    """The event names an internal id instead of the intent's."""

    def event(self, row: Intent, reason: str | None) -> Payload:
        event = super().event(row, reason)
        event["payout_intent_id"] = event["data"]["id"] = (
            f"ord_{uuid.uuid5(uuid.NAMESPACE_OID, row.id).hex}"
        )
        return event


pi("pi-event-has-another-name", "PI-49", "The event is called payout_intent.canceled, with one l.",
   steps.after(PayoutIntents.event, lambda api, event, it, reason: event | {"type": "payout_intent.canceled"}))
pi("pi-event-after-refusal", "PI-50", "The event is sent before the status is checked, and so also with a 422.",
   effects.after_refusal("approval_required", announces))
pi("pi-event-after-404", "PI-50",
   "A cancel of another merchant's intent is a 404, and sends its owner the event.",
   effects.not_owned_leaves(announces))
pi("pi-event-after-conflict", "PI-50", "A conflict sends the event again.",
   effects.after_refusal("idempotency_conflict", announces))


@defect("pi-event-after-replay", "PI-50")
class EventAfterReplay(PayoutIntents):
    """A replay sends the event again, with a new id."""

    async def cancel(self, request: Request, given: str) -> Response:
        response = await super().cancel(request, given)
        intent = self.store.get(given)
        if self.replayed and intent:
            self.announce(intent, intent.failure_message)
        self.replayed = False
        return response

    replayed = False

    def replay(self, stored: Response) -> Response:
        self.replayed = True
        return super().replay(stored)


@defect("pi-event-after-a-read", "PI-50")
class EventAfterARead(PayoutIntents):
    """A read of a cancelled intent sends the event again, with a new id."""

    async def read(self, request: Request, given: str) -> Response:
        response = await super().read(request, given)
        intent = self.store.get(given)
        if intent and intent.status == "cancelled":
            self.announce(intent, intent.failure_message)
        return response


pi("pi-event-after-wrong-credentials", "PI-50",
   "The event is queued before authentication, and so also sent with a 401.",
   effects.after_refusal("unauthorized", announces, when=steps.state("requires_approval")))
pi("pi-event-cuts-the-reason", "PI-49", "The reason in the event is cut at 255 characters.",
   event_reason(lambda reason: reason[:255]))
pi("pi-event-escapes-the-reason", "PI-49",
   "The reason in the event is escaped for HTML.", event_reason(html.escape))
pi("pi-event-shows-the-account", "PI-49", "The recipient in the event has the account number in full.",
   steps.after(PayoutIntents.event, lambda api, event, it, reason:
       event | {"data": event["data"] | {"recipient":
       event["data"]["recipient"] | {"account_number": it.account_number}}}))


@defect("pi-event-needs-a-key", "PI-49")
class EventNeedsAKey(PayoutIntents):
    """The event is sent only for a cancel with a key."""

    def announce(self, row: Intent, reason: str | None) -> None:
        if self.keyed:
            super().announce(row, reason)

    async def cancel(self, request: Request, given: str) -> Response:
        self.keyed = bool(self.key_of(request))
        return await super().cancel(request, given)

    keyed = False


@defect("pi-event-that-is-turned-away-breaks-the-cancel", "PI-49")
class EventThatIsTurnedAwayBreaksTheCancel(PayoutIntents):
    """The event is delivered before the cancel is answered, and a failure of the receiver ends in a 500."""

    def announce(self, row: Intent, reason: str | None) -> None:
        if row.webhook_url:
            self.waiting.append((row.webhook_url, encode(self.packed(self.event(row, reason)))))

    async def cancel(self, request: Request, given: str) -> Response:
        self.waiting: list[tuple[str, bytes]] = []
        response = await super().cancel(request, given)
        for url, event in self.waiting:
            if await post(url, event) >= 300:
                steps.refuse(500, "internal_error", "Something went wrong.")
        return response
