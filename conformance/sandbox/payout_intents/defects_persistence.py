"""Payout intents whose cancel is undone later, written in part, or shown with times and values that aren't theirs."""

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
        """Which of them."""
        return False


@defect("pi-cancelled-is-paid-after-a-second", "PI-06", watch_s=2)
class CancelledIsPaidAfterASecond(PayoutIntents):
    """A worker that was about to pay an intent when it was cancelled does so a second later."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        effects.later(_paid, 1)(self, row)


@defect("pi-cancelled-without-a-key-is-paid-later", "PI-06", watch_s=6)
class CancelledWithoutAKeyIsPaidLater(_PaysSome):
    """The queue of payouts knows a cancel by its key: without one, the intent is paid by the next batch."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return self.key_of(request) is None


@defect("pi-cancelled-without-a-reason-is-paid-later", "PI-06", watch_s=6)
class CancelledWithoutAReasonIsPaidLater(_PaysSome):
    """A batch passes over what has a reason, and pays the rest."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return row.failure_message is None


@defect("pi-other-merchants-cancelled-is-paid-later", "PI-06", watch_s=6)
class OtherMerchantsCancelledIsPaidLater(_PaysSome):
    """The cancels of one merchant reach the batch that pays, those of the others don't."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return row.merchant != "merchant_a"


@defect("pi-other-environments-cancelled-is-paid-later", "PI-06", watch_s=6)
class OtherEnvironmentsCancelledIsPaidLater(_PaysSome):
    """The batch of the other environment reads from a copy of the day before."""

    def chosen(self, request: Request, row: Intent) -> bool:
        return row.merchant == "merchant_a" and row.environment != "test"


@defect("pi-replayed-is-paid-later", "PI-06", watch_s=6)
class ReplayedIsPaidLater(_PaysSome):
    """A retry puts the intent into the queue once more, from where it is paid."""

    def chosen(self, request: Request, row: Intent) -> bool:
        again, self.replayed = self.replayed, False
        return again

    def replay(self, stored: Response) -> Response:
        self.replayed = True
        return super().replay(stored)

    replayed = False


pi("pi-refused-again-is-paid-later", "PI-06",
   "A second cancel, refused, takes the block off the payout: some seconds later it is paid.",
   effects.after_refusal("approval_required", effects.later(_paid, 5),
       when=lambda it: it.status == "cancelled" and it.failure_message != "seeded_as_cancelled"), watch_s=6)
pi("pi-conflict-undoes-it-later", "PI-06",
   "A conflict makes a job restore the intent as it was: some seconds later it awaits approval again.",
   effects.after_refusal("idempotency_conflict", effects.later(effects.sets(lambda it:
       {"status": "requires_approval", "failure_code": None, "failure_message": None}), 5),
       when=steps.state("cancelled")), watch_s=6)

# Written in part

pi("pi-failure-code-is-not-persisted", "PI-06", "failure_code is made for the answer, and never saved.",
   effects.writes(lambda it: {"failure_code": None}), changes.answers(lambda it: {"failure_code": "cancelled"}))


@defect("pi-updated-at-is-not-persisted", "PI-20", warns=True)
class UpdatedAtIsNotPersisted(PayoutIntents):
    """updated_at is made for the answer, and never saved."""

    def write(self, row: Intent, reason: str | None = None) -> None:
        before = row.updated_at
        super().write(row, reason)
        self.moved, row.updated_at = row.updated_at, before

    def answered(self, row: Intent) -> dict[str, object]:
        return super().answered(row) | {"updated_at": instant(self.moved, self.variants.instants)}


pi("pi-others-reason-is-not-persisted", "PI-06", "The reason of another merchant's cancel is echoed, and never saved.",
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
pi("pi-created-at-is-from-1970", "PI-20", "Seconds are read as milliseconds: everything was created in January 1970.",
   changes.shows(lambda it: {"created_at": instant(datetime.fromtimestamp(it.created_at.timestamp() / 1000, UTC))}),
   warns=True)
pi("pi-updated-at-is-from-1970", "PI-20", "Seconds are read as milliseconds: what was cancelled was so in 1970.",
   changes.shows(lambda it: {"updated_at": instant(datetime.fromtimestamp(it.updated_at.timestamp() / 1000, UTC))},
       steps.state("cancelled")), warns=True)
pi("pi-updated-at-is-in-year-58000", "PI-20", "Milliseconds are read as seconds: its year has five figures.",
   changes.shows(lambda it: {"updated_at": f"+{int(it.updated_at.timestamp() * 1000) // 31556952 + 1970:06d}"
       f"{instant(it.updated_at)[4:]}"}, steps.state("cancelled")))
pi("pi-created-at-moves-by-a-day", "PI-21", "The row is rewritten in another zone: created_at is a day earlier.",
   effects.writes(lambda it: {"created_at": it.created_at - timedelta(days=1)}))
pi("pi-created-at-is-a-date", "PI-21", "The answer has the day of the order, and midnight for its time.",
   changes.answers(lambda it: {"created_at": f"{instant(it.created_at)[:10]}T00:00:00Z"}))
pi("pi-created-at-is-new-for-others", "PI-21", "Another merchant's intent is replaced when it is cancelled.",
   changes.answers(lambda it: {} if _primary(it) else {"created_at": instant(it.updated_at)}))


@defect("pi-created-at-is-new-without-a-key", "PI-21")
class CreatedAtIsNewWithoutAKey(PayoutIntents):
    """Without a key the intent is replaced by a cancelled copy of it, created at that time."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.keyless = self.key_of(request) is None
        return await super().cancel(request, given)

    def write(self, row: Intent, reason: str | None = None) -> None:
        super().write(row, reason)
        if self.keyless:
            row.created_at = row.updated_at

    keyless = False


# Values that the source knows, and that come back null or empty

pi("pi-reference-is-always-null", "PI-21", "merchant_reference is read from a column that isn't there: null.",
   changes.shows(lambda it: {"merchant_reference": None}))
pi("pi-reference-is-always-empty", "PI-21", "merchant_reference is always an empty text.",
   changes.shows(lambda it: {"merchant_reference": ""}))
pi("pi-reference-is-null-once-cancelled", "PI-21", "A cancelled intent lets go of its merchant_reference: it is null.",
   changes.shows(lambda it: {"merchant_reference": None}, steps.state("cancelled")))
pi("pi-holder-name-is-null", "PI-19", "holder_name is joined from a table that isn't loaded: it is always null.",
   recipient(lambda it, shown: shown | {"holder_name": None}))
pi("pi-last4-is-empty", "PI-19", "account_last4 is cut out of a number that is already masked: an empty text.",
   recipient(lambda it, shown: shown | {"account_last4": ""}))
pi("pi-bank-code-is-null-for-others", "PI-21, PI-19",
   "The banks of another merchant aren't loaded in the answer to a cancel.",
   changes.answers(lambda it: {} if _primary(it) else {"recipient": {"type": "bank_account",
       "account_last4": it.account_number[-4:], "bank_code": None, "holder_name": it.holder_name}}))
pi("pi-recipient-is-all-null", "PI-19", "The recipient is a shell: all of its values are null, its type as well.",
   recipient(lambda it, shown: dict.fromkeys(shown)))
