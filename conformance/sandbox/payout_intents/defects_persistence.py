"""Payout intents whose cancel is undone later, stored in part, or shown with wrong times and values."""

from datetime import UTC, datetime, timedelta

from conformance.sandbox import changes, effects, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import pi, recipient
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents
from conformance.sandbox.store import instant

# Laid out as a table, a defect per line.
# fmt: off

# Undone later than a run takes


def _paid(api: PayoutIntents, it: Intent) -> None:
    it.status, it.failure_code, it.failure_message = api.own.terminal[1], None, None


def _primary(it: Intent) -> bool:
    return it.merchant == "merchant_a" and it.environment == "test"


class _PaysSome(PayoutIntents):
    """Pays some of the cancelled intents five seconds later."""

    async def cancel(self, request: Request, given: str) -> Response:
        reply = await super().cancel(request, given)
        intent = self.store.get(given)
        if intent is not None and self.chosen(request, intent):
            effects.later(_paid, 5)(self, intent)
        return reply

    def chosen(self, request: Request, row: Intent) -> bool:
        """Whether a cancelled intent is paid later."""
        return False


@defect("pi-cancelled-is-paid-after-a-second", "PI-06", watch_s=2)
class CancelledIsPaidAfterASecond(PayoutIntents):
    """A payout worker took the intent before the cancel, and pays it a second later."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        effects.later(_paid, 1)(self, row)


@defect("pi-cancelled-without-a-key-is-paid-later", "PI-06", watch_s=6)
class CancelledWithoutAKeyIsPaidLater(_PaysSome):
    """The payout queue records a cancel by its key: without a key, the next batch pays the intent."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return self.key_of(request) is None


@defect("pi-cancelled-without-a-reason-is-paid-later", "PI-06", watch_s=6)
class CancelledWithoutAReasonIsPaidLater(_PaysSome):
    """A batch of payouts skips only cancelled intents that have a reason, and pays the others."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return row.failure_message is None


@defect("pi-other-merchants-cancelled-is-paid-later", "PI-06", watch_s=6)
class OtherMerchantsCancelledIsPaidLater(_PaysSome):
    """The batch of payouts knows the cancels of one merchant only, and pays those of the others."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return row.merchant != "merchant_a"


@defect("pi-other-environments-cancelled-is-paid-later", "PI-06", watch_s=6)
class OtherEnvironmentsCancelledIsPaidLater(_PaysSome):
    """The other environment's batch reads an old copy, and pays cancelled intents."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return row.merchant == "merchant_a" and row.environment != "test"


@defect("pi-replayed-is-paid-later", "PI-06", watch_s=6)
class ReplayedIsPaidLater(_PaysSome):
    """A retry puts the intent into the payout queue again, from where it is paid."""

    def chosen(self, request: Request, row: Intent) -> bool:
        again, self.replayed = self.replayed, False
        return again

    def replay(self, stored: Response) -> Response:
        self.replayed = True
        return super().replay(stored)

    replayed = False


pi("pi-refused-again-is-paid-later", "PI-06",
   "A second, refused cancel lifts the block on the payout: it is paid some seconds later.",
   effects.after_refusal("approval_required", effects.later(_paid, 5),
       when=lambda it: it.status == "cancelled" and it.failure_message != "seeded_as_cancelled"), watch_s=6)
pi("pi-conflict-undoes-it-later", "PI-06",
   "A conflict makes a job restore the intent: it requires approval again some seconds later.",
   effects.after_refusal("idempotency_conflict", effects.later(effects.sets(lambda it:
       {"status": "requires_approval", "failure_code": None, "failure_message": None}), 5),
       when=steps.state("cancelled")), watch_s=6)

# Written in part

pi("pi-failure-code-is-not-persisted", "PI-06", "failure_code is shown in the answer, and never saved.",
   effects.writes(lambda it: {"failure_code": None}), changes.answers(lambda it: {"failure_code": "cancelled"}))


@defect("pi-updated-at-is-not-persisted", "PI-20", warns=True)
class UpdatedAtIsNotPersisted(PayoutIntents):
    """updated_at is shown in the answer, and never saved."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        before = row.updated_at
        super().write(row, reason)
        self.moved, row.updated_at = row.updated_at, before

    def answered(self, row: Intent) -> dict[str, object]:
        return super().answered(row) | {"updated_at": instant(self.moved, self.variants.instants)}


pi("pi-others-reason-is-not-persisted", "PI-06",
   "The reason of another merchant's cancel is echoed, and never saved.",
   changes.reads(lambda it: {"failure_message": None}, lambda it: it.status == "cancelled" and not _primary(it)))
pi("pi-others-failure-code-is-not-persisted", "PI-06", "failure_code is saved for the first merchant only.",
   changes.reads(lambda it: {"failure_code": None}, lambda it: it.status == "cancelled" and not _primary(it)))

# Times


def _hours_off(it: Intent) -> dict[str, str]:
    return {"created_at": instant(it.created_at + timedelta(hours=8))}


pi("pi-created-at-is-hours-ahead", "PI-20", "created_at is a local time, eight hours ahead, with a Z behind it.",
   changes.shows(_hours_off), warns=True)
pi("pi-created-at-is-hours-behind", "PI-20", "created_at is a local time, five hours behind, with a Z behind it.",
   changes.shows(lambda it: {"created_at": instant(it.created_at - timedelta(hours=5))}), warns=True)
pi("pi-created-at-is-from-1970", "PI-20",
   "created_at is in January 1970: seconds are read as milliseconds.",
   changes.shows(lambda it: {"created_at": instant(datetime.fromtimestamp(it.created_at.timestamp() / 1000, UTC))}),
   warns=True)
pi("pi-updated-at-is-from-1970", "PI-20",
   "updated_at of a cancelled intent is in 1970: seconds are read as milliseconds.",
   changes.shows(lambda it: {"updated_at": instant(datetime.fromtimestamp(it.updated_at.timestamp() / 1000, UTC))},
       steps.state("cancelled")), warns=True)
pi("pi-updated-at-is-in-year-58000", "PI-20",
   "updated_at has a year of five digits: milliseconds are read as seconds.",
   changes.shows(lambda it: {"updated_at": f"+{int(it.updated_at.timestamp() * 1000) // 31556952 + 1970:06d}"
       f"{instant(it.updated_at)[4:]}"}, steps.state("cancelled")))
pi("pi-created-at-moves-by-a-day", "PI-21", "A cancel rewrites created_at in another zone, a day earlier.",
   effects.writes(lambda it: {"created_at": it.created_at - timedelta(days=1)}))
pi("pi-created-at-is-a-date", "PI-21", "created_at in the answer to a cancel is midnight of its day.",
   changes.answers(lambda it: {"created_at": f"{instant(it.created_at)[:10]}T00:00:00Z"}))
pi("pi-created-at-is-new-for-others", "PI-21",
   "Another merchant's intent is replaced by its cancel, and created_at becomes the time of it.",
   changes.answers(lambda it: {} if _primary(it) else {"created_at": instant(it.updated_at)}))


@defect("pi-created-at-is-new-without-a-key", "PI-21")
class CreatedAtIsNewWithoutAKey(PayoutIntents):
    """A cancel without a key replaces the intent, and created_at becomes the time of it."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.keyless = self.key_of(request) is None
        return await super().cancel(request, given)

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        if self.keyless:
            row.created_at = row.updated_at

    keyless = False


# Values that the source knows, and that come back null or empty

pi("pi-reference-is-always-null", "PI-21", "merchant_reference is always null: its column isn't loaded.",
   changes.shows(lambda it: {"merchant_reference": None}))
pi("pi-reference-is-always-empty", "PI-21", "merchant_reference is always an empty text.",
   changes.shows(lambda it: {"merchant_reference": ""}))
pi("pi-reference-is-null-once-cancelled", "PI-21",
   "merchant_reference of a cancelled intent is null.",
   changes.shows(lambda it: {"merchant_reference": None}, steps.state("cancelled")))
pi("pi-holder-name-is-null", "PI-19", "holder_name is always null: its table isn't joined.",
   recipient(lambda it, shown: shown | {"holder_name": None}))
pi("pi-last4-is-empty", "PI-19", "account_last4 is empty: it is taken from a number that is already masked.",
   recipient(lambda it, shown: shown | {"account_last4": ""}))
pi("pi-bank-code-is-null-for-others", "PI-21, PI-19",
   "bank_code is null in the answers to other merchants' cancels.",
   changes.answers(lambda it: {} if _primary(it) else {"recipient": {"type": "bank_account",
       "account_last4": it.account_number[-4:], "bank_code": None, "holder_name": it.holder_name}}))
pi("pi-recipient-is-all-null", "PI-19", "Every value of the recipient is null, its type included.",
   recipient(lambda it, shown: dict.fromkeys(shown)))
