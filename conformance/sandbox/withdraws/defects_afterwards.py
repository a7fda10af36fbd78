"""Withdraws that change some seconds after an answer, have wrong dates, or lose a value."""

from datetime import timedelta
from typing import Any

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.store import instant
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

_paid = effects.sets(lambda it: {"status": "paid", "paid_at": it.updated_at, "canceled_at": None})
_PROCESSING, _SECOND = steps.state("processing"), timedelta(seconds=1)


def _pays_later(seconds: float, when: Any = steps.always) -> Any:
    """Pays a cancelled withdraw `seconds` later, where `when` held of it before the cancel."""

    class PaysLater(Withdraws):
        def write(self, row: Withdraw, reason: str | None = None) -> None:
            chosen = when(row)
            super().write(row, reason)
            if chosen:
                effects.later(_paid, seconds)(self, row)

    return PaysLater


# Later

wd("wd-worker-pays-after-a-second", "WD-09",
   "A payout worker took the withdraw off its queue before the cancel, and pays it a second later.",
   _pays_later(1), watch_s=2)
wd("wd-batch-pays-after-six-seconds", "WD-09",
   "A batch of payouts was assembled before the cancel, and is paid six seconds later.",
   _pays_later(6), watch_s=7.5)
wd("wd-second-merchant-is-paid-later", "WD-09",
   "The second merchant's payouts have a queue of their own, and are paid after a cancel.",
   _pays_later(1, lambda it: it.merchant == "merchant_b"), watch_s=2)
wd("wd-processing-is-paid-later", "WD-09",
   "A processing withdraw is canceled with its provider's consent, and paid by it later.",
   _pays_later(1, _PROCESSING), watch_s=2)
wd("wd-canceled-at-is-cleared-later", "WD-09",
   "A job that reconciles dates sets status and date back a second later.",
   effects.comes_undone(1, "status", "canceled_at"), watch_s=2)
wd("wd-unsupported-is-canceled-later", "WD-10, WD-03",
   "A cancel that the provider declined is queued, asked for again, and carried out.",
   effects.after_refusal("VALIDATION_ERROR", effects.later(effects.cancels, 1), when=_PROCESSING), watch_s=2)
wd("wd-refused-paid-is-canceled-later", "WD-10",
   "A refused cancel of a paid withdraw asks for a refund, which sets it to canceled a second later.",
   effects.after_refusal("VALIDATION_ERROR", effects.later(effects.cancels, 1), when=steps.state("paid")), watch_s=2)
wd("wd-refusal-drops-metadata-later", "WD-10",
   "A refused cancel replaces the withdraw's metadata a second later.",
   effects.after_refusal("VALIDATION_ERROR", effects.later(effects.sets(lambda it: {"metadata": {}}), 1),
       when=steps.state("paid", "failed", "canceled")), watch_s=2)
wd("wd-refusal-moves-updated-at-later", "WD-10",
   "A refused cancel is noted by a worker, and updatedAt moves later.",
   effects.after_refusal("VALIDATION_ERROR", effects.later(effects.touches, 1),
       when=steps.state("paid", "failed", "canceled")), watch_s=2)
wd("wd-unsigned-cancel-is-queued", "WD-10, WD-31",
   "The cancel is queued before the signature is verified: 401, and canceled a second later.",
   effects.after_refusal("UNAUTHORIZED", effects.later(effects.cancels, 1),
       when=steps.state("pending", "processing")), watch_s=2)

# Dates

wd("wd-created-at-is-a-day-later", "WD-24",
   "The answer to a cancel shows createdAt a day later than it is, in another machine's zone.",
   changes.answers(lambda it: {"createdAt": instant(it.created_at + timedelta(days=1))}))
wd("wd-created-at-is-a-day-earlier", "WD-24",
   "A cancel moves createdAt a day back: the zone is applied twice.",
   effects.writes(lambda it: {"created_at": it.created_at - timedelta(days=1)}))
wd("wd-created-at-loses-its-time", "WD-24",
   "The archive of canceled withdraws keeps the day of createdAt, and no time.",
   changes.shows(lambda it: {"createdAt": instant(it.created_at.replace(hour=0, minute=0, second=0, microsecond=0))},
       steps.state("canceled")))
wd("wd-canceled-at-is-hours-behind", "WD-17, WD-24",
   "canceledAt is shown hours too early, with a Z: a zone was subtracted.",
   changes.answers(lambda it: {"canceledAt": instant(it.updated_at - timedelta(hours=7))}), warns=True)
wd("wd-updated-at-goes-back", "WD-24", "A cancel writes createdAt into updatedAt.",
   effects.writes(lambda it: {"updated_at": it.created_at}))
wd("wd-processing-is-created-anew", "WD-24",
   "A cancel of a processing withdraw replaces the row, and createdAt becomes the time of the cancel.",
   steps.after(Withdraws.check_cancellable, lambda api, _, it: setattr(it, "created_at", it.updated_at + _SECOND)
       if it.status == "processing" else None))

# Values

wd("wd-description-is-null", "WD-23", "The description of a canceled withdraw is dropped: null.",
   changes.shows(lambda it: {"description": None}, steps.state("canceled")))
wd("wd-metadata-is-null", "WD-23",
   "metadata is loaded lazily, and not at all after a cancel: null.",
   changes.answers(lambda it: {"metadata": None}))
wd("wd-reference-is-empty", "WD-23",
   "referenceId is emptied, so that the merchant can use it once more.",
   effects.writes(lambda it: {"reference_id": ""}))
wd("wd-destination-type-is-null", "WD-23",
   "destinationType is null once there is nothing left to be sent.",
   changes.shows(lambda it: {"destinationType": None}, steps.state("canceled")))
wd("wd-stored-account-is-null", "WD-21",
   "The answer to a cancel shows the masked account number; later reads show null.",
   changes.reads(lambda it: {"bankAccountNumber": None}, steps.state("canceled")))
wd("wd-stored-metadata-is-emptied", "WD-23",
   "The answer is made before metadata is emptied in the database.",
   changes.reads(lambda it: {"metadata": {}}, steps.state("canceled")))


@defect("wd-second-merchants-processing-lacks-its-bank", "WD-23")
class SecondMerchantsProcessingLacksItsBank(Withdraws):
    """The second merchant's processing withdraws are shown without bankCode after a cancel."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.called_back: set[str] = set()

    def write(self, row: Withdraw, reason: str | None = None) -> None:
        if row.status == "processing" and row.merchant == "merchant_b":
            self.called_back.add(row.id)
        super().write(row, reason)

    def answered(self, row: Withdraw) -> dict[str, Any]:
        shown = super().answered(row)
        return shown | {"bankCode": None} if row.id in self.called_back else shown


# Another merchant, reading

wd("wd-foreign-processing-is-read", "WD-12",
   "The query that reads processing withdraws lacks the condition on the merchant.",
   changes.read_begins(lambda api, request, given: api.shown_to_reader(it) if api.authenticate(request)
       and (it := api.known(given)) and it.status == "processing" else None))
wd("wd-foreign-read-tells-in-its-error", "WD-12",
   "A read of another merchant's withdraw answers 403, and shows the withdraw in the error's details.",
   changes.read_begins(lambda api, request, given: api.reply(403, {"success": False, "error":
       {"code": "FORBIDDEN", "message": "This withdraw isn't yours.", "details": api.shown(it)}})
       if (it := api.known(given)) and api.authenticate(request).merchant != it.merchant else None))
