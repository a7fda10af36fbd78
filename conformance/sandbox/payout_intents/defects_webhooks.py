"""Payout intents whose events are wrong."""

import html
import uuid

from conformance.sandbox.api import Payload
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents


@defect("pi-event-never-comes", "PI-49")
class EventNeverComes(PayoutIntents):
    """No event is sent."""

    def announce(self, intent: Intent, reason: str | None) -> None:
        pass


@defect("pi-event-comes-twice", "PI-49")
class EventComesTwice(PayoutIntents):
    """Two events with different ids are sent for one cancel."""

    def announce(self, intent: Intent, reason: str | None) -> None:
        super().announce(intent, reason)
        super().announce(intent, reason)


@defect("pi-event-has-no-reason", "PI-49")
class EventHasNoReason(PayoutIntents):
    """The event doesn't carry the reason."""

    def event(self, intent: Intent, reason: str | None) -> Payload:
        event = super().event(intent, None)
        event["data"]["failure_message"] = None
        return event


@defect("pi-event-names-another", "PI-49")
class EventNamesAnother(PayoutIntents):
    """The event names an internal id instead of the intent's."""

    def event(self, intent: Intent, reason: str | None) -> Payload:
        event = super().event(intent, reason)
        event["payout_intent_id"] = event["data"]["id"] = (
            f"ord_{uuid.uuid5(uuid.NAMESPACE_OID, intent.id).hex}"
        )
        return event


@defect("pi-event-has-another-name", "PI-49")
class EventHasAnotherName(PayoutIntents):
    """The event is called payout_intent.canceled, with one l."""

    def event(self, intent: Intent, reason: str | None) -> Payload:
        return super().event(intent, reason) | {"type": "payout_intent.canceled"}


@defect("pi-event-after-refusal", "PI-50")
class EventAfterRefusal(PayoutIntents):
    """The event is sent before the status is checked, and so after a 422 too."""

    def not_cancellable(self, intent: Intent) -> Refusal:
        self.announce(intent, None)
        return super().not_cancellable(intent)


@defect("pi-event-after-404", "PI-50")
class EventAfterNotFound(PayoutIntents):
    """A cancel of another merchant's intent is a 404, and tells its owner that it was cancelled."""

    def not_owned(self, account: object, intent: Intent, given: str) -> Refusal:
        self.announce(intent, None)
        return self.not_found(given)


@defect("pi-event-after-conflict", "PI-50")
class EventAfterConflict(PayoutIntents):
    """A 409 sends the event once more."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if refusal.code == "idempotency_conflict" and intent:
                self.announce(intent, None)
            raise


@defect("pi-event-after-replay", "PI-50")
class EventAfterReplay(PayoutIntents):
    """A replay sends the event once more, with a new id."""

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
    """Whoever reads a cancelled intent has its event sent again, as a new one."""

    async def read(self, request: Request, given: str) -> Response:
        response = await super().read(request, given)
        intent = self.store.get(given)
        if intent and intent.status == "cancelled":
            self.announce(intent, intent.failure_message)
        return response


@defect("pi-event-after-wrong-credentials", "PI-50")
class EventAfterWrongCredentials(PayoutIntents):
    """The event is put into the queue before the credentials are looked at."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if refusal.status == 401 and intent and intent.status == "requires_approval":
                self.announce(intent, None)
            raise


@defect("pi-event-cuts-the-reason", "PI-49")
class EventCutsTheReason(PayoutIntents):
    """The event's reason has 255 characters at most."""

    def event(self, intent: Intent, reason: str | None) -> Payload:
        event = super().event(intent, reason and reason[:255])
        event["data"]["failure_message"] = event["reason"]
        return event


@defect("pi-event-escapes-the-reason", "PI-49")
class EventEscapesTheReason(PayoutIntents):
    """The event's reason is escaped for HTML."""

    def event(self, intent: Intent, reason: str | None) -> Payload:
        event = super().event(intent, reason and html.escape(reason))
        event["data"]["failure_message"] = event["reason"]
        return event


@defect("pi-event-shows-the-account", "PI-49")
class EventShowsTheAccount(PayoutIntents):
    """The event has the recipient with the whole account number."""

    def event(self, intent: Intent, reason: str | None) -> Payload:
        event = super().event(intent, reason)
        event["data"]["recipient"]["account_number"] = intent.account_number
        return event


@defect("pi-event-needs-a-key", "PI-49")
class EventNeedsAKey(PayoutIntents):
    """The event is sent where a key's answer is kept: a cancel without a key is not announced."""

    def announce(self, intent: Intent, reason: str | None) -> None:
        if self.keyed:
            super().announce(intent, reason)

    async def cancel(self, request: Request, given: str) -> Response:
        self.keyed = bool(self.key_of(request))
        return await super().cancel(request, given)

    keyed = False
