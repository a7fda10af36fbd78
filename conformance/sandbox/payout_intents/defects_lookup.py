"""Payout intents that find what they should not, or say so wrongly."""

import re

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents


@defect("pi-unknown-is-422", "PI-10")
class UnknownIs422(PayoutIntents):
    """An unknown id is answered 422 approval_required: it isn't awaiting approval."""

    def not_found(self, given: str) -> Refusal:
        return Refusal(422, "approval_required", super().not_found(given).message)


@defect("pi-unknown-code-is-another", "PI-10")
class UnknownCodeIsAnother(PayoutIntents):
    """The code of a 404 is resource_not_found."""

    def not_found(self, given: str) -> Refusal:
        return Refusal(404, "resource_not_found", super().not_found(given).message)


@defect("pi-unknown-is-500", "PI-10")
class UnknownIs500(PayoutIntents):
    """An unknown id ends in a 500: nobody thought of the empty result."""

    def not_found(self, given: str) -> Refusal:
        raise LookupError(given)


@defect("pi-unknown-is-accepted", "PI-10")
class UnknownIsAccepted(PayoutIntents):
    """Cancelling is queued before the intent is looked for: an unknown id is answered 202."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.authenticate(request)
        if self.store.get(given) is None:
            return self.reply(202, {"object": "payout_intent", "id": given[:64], "status": "cancelled"})
        return await super().cancel(request, given)


@defect("pi-unknown-read-is-200", "PI-10")
class UnknownReadIs200(PayoutIntents):
    """Reading an unknown id answers 200 and null."""

    async def read(self, request: Request, given: str) -> Response:
        self.authenticate(request)
        return self.reply(200, None) if self.store.get(given) is None else await super().read(request, given)


@defect("pi-owner-is-not-checked", "PI-11")
class OwnerIsNotChecked(PayoutIntents):
    """Any merchant cancels any intent of its environment."""

    def owns(self, account: Account, row: Intent) -> bool:
        return self.same_environment(account, row)


@defect("pi-owner-is-not-checked-on-read", "PI-11")
class OwnerIsNotCheckedOnRead(PayoutIntents):
    """Any merchant reads any intent of its environment; cancelling is guarded."""

    async def read(self, request: Request, given: str) -> Response:
        account = self.authenticate(request)
        intent = self.store.get(given)
        if intent is not None and self.same_environment(account, intent):
            return self.reply(200, self.shown(intent))
        return await super().read(request, given)


@defect("pi-processing-reads-as-open", "PI-05")
class ProcessingReadsAsOpen(PayoutIntents):
    """Reading shows what is processing as still awaiting approval: the two share a column's value."""

    async def read(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate_read(request), given)
        if intent.status != "processing":
            return await super().read(request, given)
        return self.reply(200, self.shown(intent) | {"status": "requires_approval"})


@defect("pi-cancelled-cannot-be-read", "PI-06")
class CancelledCannotBeRead(PayoutIntents):
    """What is cancelled is archived, and reading it answers 404; cancelling still knows it."""

    async def read(self, request: Request, given: str) -> Response:
        intent = self.find(self.authenticate_read(request), given)
        if intent.status == "cancelled":
            raise self.not_found(given)
        return await super().read(request, given)


@defect("pi-cancelled-of-others-are-found", "PI-11", "PI-13")
class CancelledOfOthersAreFound(PayoutIntents):
    """Another merchant's intent is a 422 once it is cancelled, and a 404 before."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        return self.not_cancellable(intent) if intent.status == "cancelled" else self.not_found(given)


@defect("pi-processing-of-others-are-found", "PI-11", "PI-13")
class ProcessingOfOthersAreFound(PayoutIntents):
    """Another merchant's intent is a 422 while it is processing, and a 404 otherwise."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        return self.not_cancellable(intent) if intent.status == "processing" else self.not_found(given)


@defect("pi-not-owned-is-403", "PI-11", "PI-13")
class NotOwnedIs403(PayoutIntents):
    """Another merchant's intent answers 403, and so tells that it exists."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        if intent.merchant == account.merchant:
            return self.not_found(given)
        return Refusal(403, "forbidden", "This payout intent belongs to somebody else.")


@defect("pi-not-owned-yet-cancelled", "PI-11", "PI-12")
class NotOwnedYetCancelled(PayoutIntents):
    """What isn't the merchant's answers 404, after it has been cancelled."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        if intent.status in self.cancellable:
            self.write(intent, None)
        return self.not_found(given)


@defect("pi-not-owned-is-touched", "PI-11", "PI-12")
class NotOwnedIsTouched(PayoutIntents):
    """What isn't the merchant's answers 404, and its updated_at moves."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        intent.updated_at = self.clock.after(intent.updated_at)
        return self.not_found(given)


@defect("pi-environment-is-not-checked", "PI-12")
class EnvironmentIsNotChecked(PayoutIntents):
    """Test credentials cancel live intents, and the other way round."""

    def same_environment(self, account: Account, row: Intent) -> bool:
        return True


@defect("pi-environment-is-not-checked-on-read", "PI-12")
class EnvironmentIsNotCheckedOnRead(PayoutIntents):
    """Test credentials read live intents, and the other way round; cancelling is guarded."""

    async def read(self, request: Request, given: str) -> Response:
        account = self.authenticate(request)
        intent = self.store.get(given)
        if intent is not None and intent.merchant == account.merchant:
            return self.reply(200, self.shown(intent))
        return await super().read(request, given)


@defect("pi-other-environment-is-422", "PI-12", "PI-13")
class OtherEnvironmentIs422(PayoutIntents):
    """The other environment's intent answers 422 environment_mismatch."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        if intent.merchant != account.merchant:
            return self.not_found(given)
        return Refusal(422, "environment_mismatch", "These credentials are for the other environment.")


@defect("pi-other-environment-is-told-apart", "PI-13")
class OtherEnvironmentIsToldApart(PayoutIntents):
    """The other environment's intent is a 404 with the same code, in other words."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        if intent.merchant != account.merchant:
            return self.not_found(given)
        return Refusal(404, "not_found", "There is no such payout intent in this environment.")


@defect("pi-other-merchant-is-told-apart", "PI-13")
class OtherMerchantIsToldApart(PayoutIntents):
    """Another merchant's intent is a 404 with a detail that the unknown id's doesn't have."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        if intent.merchant == account.merchant:
            return self.not_found(given)
        return Refusal(404, "not_found", "There is no such payout intent.", (("x-cache", "HIT"),))


@defect("pi-malformed-id-is-500", "PI-14")
class MalformedIdIs500(PayoutIntents):
    """What doesn't look like an id ends in a 500."""

    def malformed_id(self, given: str) -> Refusal:
        raise ValueError("invalid id prefix")


@defect("pi-nul-in-id-is-500", "PI-14")
class NulInIdIs500(PayoutIntents):
    """A NUL in the id ends in a 500; other malformed ids are not found."""

    def parse_id(self, given: str) -> str:
        if "\0" in given:
            raise ValueError("a string literal cannot contain NUL (0x00) characters")
        return super().parse_id(given)


@defect("pi-long-id-is-500", "PI-14")
class LongIdIs500(PayoutIntents):
    """An id that doesn't fit its column of 255 characters ends in a 500."""

    def parse_id(self, given: str) -> str:
        if len(given) > 255:
            raise ValueError("value too long for type character varying(255)")
        return super().parse_id(given)


@defect("pi-non-ascii-id-is-500", "PI-14")
class NonAsciiIdIs500(PayoutIntents):
    """An id beyond ASCII ends in a 500."""

    def parse_id(self, given: str) -> str:
        given.encode("ascii")
        return super().parse_id(given)


@defect("pi-path-in-id-is-followed", "PI-14")
class PathInIdIsFollowed(PayoutIntents):
    """Encoded slashes are decoded and the last part counts, so a malformed id cancels what it ends with."""

    def parse_id(self, given: str) -> str:
        return super().parse_id(re.split(r"[/\\]", given)[-1])


@defect("pi-processing-elsewhere-is-422", "PI-12")
class ProcessingElsewhereIs422(PayoutIntents):
    """What is processing in the other environment is refused for its status: it is looked at first."""

    def not_owned(self, account: Account, intent: Intent, given: str) -> Refusal:
        if intent.merchant == account.merchant and intent.status == "processing":
            return self.not_cancellable(intent)
        return super().not_owned(account, intent, given)


@defect("pi-stranger-without-a-reason", "PI-11")
class StrangerWithoutAReason(PayoutIntents):
    """Whose the intent is stands in the query that saves a reason: without one, anybody cancels it."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.bare = b"reason" not in request.body
        return await super().cancel(request, given)

    bare = False

    def owns(self, account: Account, row: Intent) -> bool:
        return self.bare or super().owns(account, row)


@defect("pi-refusal-without-a-key-has-no-message", "PI-44")
class RefusalWithoutAKeyHasNoMessage(PayoutIntents):
    """The message of a refusal names the key, and is empty where there is none."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if not self.key_of(request):
                refusal.message = ""
            raise
