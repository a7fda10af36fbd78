"""Withdraws that find a withdraw which they should not, or refuse an unknown one wrongly."""

import uuid

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.messages import Refusal
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

# Not found

wd("wd-unknown-is-400", "WD-11", "An unknown id is answered 400 VALIDATION_ERROR.",
   changes.unknown(status=400, code="VALIDATION_ERROR"))
wd("wd-unknown-is-403", "WD-11", "An unknown id is answered 403 FORBIDDEN: a policy looks for the owner of nothing.",
   changes.unknown(status=403, code="FORBIDDEN"))
wd("wd-unknown-code-is-short", "WD-11", "The code of a 404 is NOT_FOUND, without the RESOURCE.",
   changes.unknown(code="NOT_FOUND"))
wd("wd-unknown-is-200", "WD-11", "An unknown id is answered 200, with success false inside.",
   changes.unknown(status=200))
wd("wd-unknown-is-500", "WD-11", "An unknown id ends in a 500: the empty result of the query isn't handled.",
   steps.instead(Withdraws.not_found, lambda api, given: steps.crash(given)))
wd("wd-unknown-is-gone-alright", "WD-11",
   "A cancel of an unknown id is a success with data null, as an idempotent DELETE would be.",
   changes.cancel_begins(lambda api, request, given: api.reply(200, {"success": True, "data": None})
       if api.authenticate(request) and api.store.get(api.parse_id(given)) is None else None))
wd("wd-owner-is-not-checked", "WD-12", "Any merchant cancels any withdraw whose id it knows.",
   changes.also_owns(lambda account, it: True))
wd("wd-owner-is-not-checked-while-processing", "WD-12",
   "The query for processing withdraws lacks the condition on the merchant.",
   changes.also_owns(lambda account, it: it.status == "processing"))
wd("wd-owner-is-not-checked-on-read", "WD-12",
   "Any merchant reads any withdraw whose id it knows; cancelling is guarded.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(it)
       if api.authenticate(request) and (it := api.known(given)) else None))
wd("wd-canceled-cannot-be-read", "WD-09",
   "A canceled withdraw is archived: a read answers 404, and a cancel still finds it.",
   steps.after(Withdraws.shown_to_reader, lambda api, reply, it: api.error(api.not_found(it.id))
       if it.status == "canceled" else reply))
wd("wd-not-owned-yet-canceled", "WD-12", "Another merchant's withdraw answers 404, after it has been cancelled.",
   effects.not_owned_leaves(effects.cancels, when=steps.state("pending", "processing")))
wd("wd-not-owned-is-403", "WD-13", "Another merchant's withdraw answers 403, and so tells that it exists.",
   changes.not_owned(lambda api, account, it: Refusal(403, "FORBIDDEN", "This withdraw belongs to somebody else.")))
wd("wd-not-owned-is-told-apart", "WD-13",
   "Another merchant's withdraw is a 404 with the same code and another message.",
   changes.not_owned(lambda api, account, it:
       Refusal(404, "RESOURCE_NOT_FOUND", "This merchant has no such withdraw.")))
wd("wd-state-is-checked-before-owner", "WD-13",
   "Another merchant's withdraw answers 400 with its state where that forbids cancelling, 404 otherwise.",
   changes.not_owned(lambda api, account, it: None if it.status in api.cancellable else api.not_cancellable(it)))

# Malformed ids

wd("wd-malformed-id-is-500", "WD-14", "An id that is no UUID reaches the database, whose error ends in a 500.",
   changes.ids(lambda given: str(uuid.UUID(given))))
wd("wd-nul-in-id-is-500", "WD-14", "A NUL in the id ends in a 500; other malformed ids are not found.",
   changes.ids(lambda given: steps.crash("a string literal cannot contain NUL (0x00) characters") if "\0" in given
       else given))
wd("wd-long-id-is-500", "WD-14",
   "An id that doesn't fit the audit table's column of 255 characters ends in a 500.",
   changes.ids(lambda given: steps.crash("value too long for type character varying(255)") if len(given) > 255
       else given))
wd("wd-id-ends-at-nul", "WD-14",
   "An id is cut at its first NUL: a malformed id cancels the withdraw that its first part names.",
   changes.ids(lambda given: given.partition("\0")[0]))
