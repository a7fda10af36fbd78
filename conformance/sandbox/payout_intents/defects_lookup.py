"""Payout intents that find an intent which they should not, or refuse an unknown one wrongly."""

import re

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

pi("pi-unknown-is-422", "PI-10", "An unknown id is answered 422 approval_required, as a wrong status is.",
   changes.unknown(status=422, code="approval_required"))
pi("pi-unknown-is-403", "PI-10", "An unknown id is answered 403 forbidden: a policy looks for the owner of nothing.",
   changes.unknown(status=403, code="forbidden"))
pi("pi-unknown-code-is-another", "PI-10", "The code of a 404 is resource_not_found.",
   changes.unknown(code="resource_not_found"))
pi("pi-unknown-is-500", "PI-10", "An unknown id ends in a 500: the empty result of the query isn't handled.",
   steps.instead(PayoutIntents.not_found, lambda api, given: steps.crash(given)))
pi("pi-unknown-is-accepted", "PI-10",
   "A cancel is queued before the intent is looked up: an unknown id is answered 202.",
   changes.cancel_begins(lambda api, request, given:
       api.reply(202, {"object": "payout_intent", "id": given[:64], "status": "cancelled"})
       if api.authenticate(request) and api.known(given) is None else None))
pi("pi-unknown-read-is-200", "PI-10", "Reading an unknown id answers 200 and null.",
   changes.read_begins(lambda api, request, given: api.reply(200, None)
       if api.authenticate(request) and api.known(given) is None else None))
pi("pi-owner-is-not-checked", "PI-11", "Any merchant cancels any intent of its environment.",
   changes.also_owns(lambda account, it: it.environment == account.environment))
pi("pi-owner-is-not-checked-on-read", "PI-11",
   "Any merchant reads any intent of its environment; cancelling is guarded.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(it)
       if (it := api.known(given)) and api.same_environment(api.authenticate(request), it) else None))
pi("pi-processing-reads-as-open", "PI-05",
   "A read shows a processing intent as one that requires approval.",
   changes.reads(lambda it: {"status": "requires_approval"}, steps.state("processing")))
pi("pi-cancelled-cannot-be-read", "PI-06",
   "A cancelled intent is archived: a read answers 404, and a cancel still finds it.",
   steps.after(PayoutIntents.shown_to_reader, lambda api, reply, it: api.error(api.not_found(it.id))
       if it.status == "cancelled" else reply))
pi("pi-cancelled-of-others-are-found", "PI-11, PI-13",
   "Another merchant's intent is a 422 once it is cancelled, and a 404 before.",
   changes.not_owned(lambda api, account, it: api.not_cancellable(it) if it.status == "cancelled" else None))
pi("pi-processing-of-others-are-found", "PI-11, PI-13",
   "Another merchant's intent is a 422 while it is processing, and a 404 otherwise.",
   changes.not_owned(lambda api, account, it: api.not_cancellable(it) if it.status == "processing" else None))
pi("pi-not-owned-is-403", "PI-11, PI-13", "Another merchant's intent answers 403, and so tells that it exists.",
   changes.not_owned(lambda api, account, it: None if it.merchant == account.merchant
       else Refusal(403, "forbidden", "This payout intent belongs to somebody else.")))
pi("pi-not-owned-yet-cancelled", "PI-11, PI-12",
   "Another merchant's intent answers 404, after it has been cancelled.",
   effects.not_owned_leaves(effects.cancels, when=steps.state("requires_approval")))
pi("pi-not-owned-is-touched", "PI-11, PI-12", "Another merchant's intent answers 404, and its updated_at moves.",
   effects.not_owned_leaves(effects.touches))
pi("pi-environment-is-not-checked", "PI-12", "Test credentials cancel live intents, and the other way round.",
   changes.also_owns(lambda account, it: it.merchant == account.merchant))
pi("pi-environment-is-not-checked-on-read", "PI-12",
   "Test credentials read live intents, and the other way round; cancelling is guarded.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(it)
       if (it := api.known(given)) and it.merchant == api.authenticate(request).merchant else None))
pi("pi-other-environment-is-422", "PI-12, PI-13",
   "The other environment's intent answers 422 environment_mismatch.",
   changes.not_owned(lambda api, account, it:
       Refusal(422, "environment_mismatch", "These credentials are for the other environment.")
       if it.merchant == account.merchant else None))
pi("pi-other-environment-is-told-apart", "PI-13",
   "The other environment's intent is a 404 with the same code and another message.",
   changes.not_owned(lambda api, account, it:
       Refusal(404, "not_found", "There is no such payout intent in this environment.")
       if it.merchant == account.merchant else None))
pi("pi-other-merchant-is-told-apart", "PI-13",
   "Another merchant's intent is a 404 with a detail that the unknown id's doesn't have.",
   changes.not_owned(lambda api, account, it: None if it.merchant == account.merchant
       else Refusal(404, "not_found", "There is no such payout intent.", (("x-cache", "HIT"),))))
pi("pi-malformed-id-is-500", "PI-14", "A malformed id ends in a 500.",
   steps.instead(PayoutIntents.malformed_id, lambda api, given: steps.crash("invalid id prefix")))
pi("pi-nul-in-id-is-500", "PI-14", "A NUL in the id ends in a 500; other malformed ids are not found.",
   changes.ids(lambda given: steps.crash("a string literal cannot contain NUL (0x00) characters") if "\0" in given
       else given))
pi("pi-long-id-is-500", "PI-14", "An id that doesn't fit its column of 255 characters ends in a 500.",
   changes.ids(lambda given: steps.crash("value too long for type character varying(255)") if len(given) > 255
       else given))
pi("pi-non-ascii-id-is-500", "PI-14", "An id with characters outside ASCII ends in a 500.",
   changes.ids(lambda given: given if given.isascii() else steps.crash("ordinal not in range(128)")))
pi("pi-path-in-id-is-followed", "PI-14",
   "Encoded slashes are decoded, and the last segment is the id: a malformed id cancels another intent.",
   changes.ids(lambda given: re.split(r"[/\\]", given)[-1]))
pi("pi-processing-elsewhere-is-422", "PI-12",
   "The other environment's processing intent is refused for its status, which is checked first.",
   changes.not_owned(lambda api, account, it: api.not_cancellable(it)
       if it.merchant == account.merchant and it.status == "processing" else None))


@defect("pi-stranger-without-a-reason", "PI-11")
class StrangerWithoutAReason(PayoutIntents):
    """The owner is checked only in the query that saves a reason: without a reason, any merchant cancels it."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.bare = b"reason" not in request.body
        return await super().cancel(request, given)

    bare = False

    def owns(self, account: Account, row: Intent) -> bool:
        return self.bare or super().owns(account, row)


@defect("pi-refusal-without-a-key-has-no-message", "PI-44")
class RefusalWithoutAKeyHasNoMessage(PayoutIntents):
    """The message of a refusal names the key, and is empty without a key."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            if not self.key_of(request):
                refusal.message = ""
            raise
