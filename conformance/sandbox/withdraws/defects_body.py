"""Withdraws whose answer has the wrong status, keys or instants."""

import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.withdraws.changes import wd

# Laid out as a table, a defect per line.
# fmt: off

_BANGKOK = timezone(timedelta(hours=7))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


Data = dict[str, Any]

# Status and envelope

wd("wd-success-is-202", "WD-01", "A cancel answers 202, because the provider hears of it later.",
   changes.succeeds_with(202))
wd("wd-success-is-201", "WD-01", "A cancel answers 201: every POST does in this framework.",
   changes.succeeds_with(201))
wd("wd-success-is-a-string", "WD-01", 'A success carries the text "true".',
   changes.wraps(lambda fields: {"success": "true", "data": fields}))
wd("wd-success-is-missing", "WD-01", "A success is told by its status only: there is no success in the body.",
   changes.wraps(lambda fields: {"data": fields}))
wd("wd-data-is-unwrapped", "WD-01, WD-16", "The withdraw's fields stand beside success instead of in data.",
   changes.wraps(lambda fields: {"success": True, **fields}))
wd("wd-status-has-two-ls", "WD-01", "The status is spelt cancelled.",
   changes.shows(lambda it: {"status": "cancelled"}, changes.state("canceled")))
wd("wd-status-is-upper-case", "WD-01", "The status is the name of the enumeration's member: CANCELED.",
   changes.shows(lambda it: {"status": it.status.upper()}))
wd("wd-answers-before-writing", "WD-01, WD-17",
   "The answer is rendered before the write, and shows the withdraw as it was.", changes.answers_before_writing())

# Keys

wd("wd-id-is-another", "WD-15", "data.id is the id of the cancellation, not of the withdraw.",
   changes.shows(lambda it: {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, it.id))}))
wd("wd-id-is-upper-case", "WD-15", "data.id is the UUID in upper case.",
   changes.shows(lambda it: {"id": it.id.upper()}))
wd("wd-nulls-are-left-out", "WD-16", "The serialiser leaves out what is null: paidAt and destinationId are missing.",
   changes.renders(changes.without_nulls), warns=True)
wd("wd-destination-type-is-missing", "WD-16", "destinationType isn't shown: there is only one type, after all.",
   changes.renders(changes.without("destinationType")))
wd("wd-keys-are-snake-case", "WD-16", "The keys are spelt reference_id, bank_code and so on.",
   changes.renders(lambda fields:
       {re.sub("[A-Z]", lambda c: f"_{c[0].lower()}", name): value for name, value in fields.items()}))
wd("wd-destination-id-is-missing", "WD-16", "destinationId, and it alone, is left out where it is null.",
   changes.renders(lambda fields: changes.without("destinationId")(fields) if fields["destinationId"] is None
       else fields), warns=True)

# Instants

wd("wd-canceled-at-is-null", "WD-17", "canceledAt is never set.", changes.writes(lambda it: {"canceled_at": None}))
wd("wd-canceled-at-is-local", "WD-17", "canceledAt is a local time without a zone.",
   changes.shows(lambda it:
       {"canceledAt": it.canceled_at and (it.canceled_at + timedelta(hours=7)).strftime("%Y-%m-%d %H:%M:%S")}))
wd("wd-canceled-at-has-an-offset", "WD-17", "canceledAt is told in the server's time zone, with its offset.",
   changes.shows(lambda it:
       {"canceledAt": it.canceled_at and it.canceled_at.astimezone(_BANGKOK).isoformat(timespec="milliseconds")}),
       warns=True)
wd("wd-canceled-at-is-a-number", "WD-17", "canceledAt is a number of milliseconds.",
   changes.shows(lambda it: {"canceledAt": it.canceled_at and int(it.canceled_at.timestamp() * 1000)}))
wd("wd-canceled-at-is-hours-ahead", "WD-17",
   "Local time with a Z behind it: canceledAt and updatedAt are seven hours ahead.",
   changes.writes(lambda it: dict.fromkeys(("canceled_at", "updated_at"), it.updated_at + timedelta(hours=7))),
       warns=True)
wd("wd-paid-at-is-set", "WD-18", "The write that ends a withdraw sets paidAt, whatever the end.",
   changes.writes(lambda it: {"paid_at": it.canceled_at}))
wd("wd-updated-at-stands-still", "WD-24", "Cancelling doesn't move updatedAt.", changes.keeps("updated_at"))
wd("wd-created-at-moves", "WD-24", "The row is replaced, and createdAt is the time of cancelling.",
   changes.writes(lambda it: {"created_at": it.updated_at}))
wd("wd-canceled-before-it-was-created", "WD-24, WD-17",
   "canceledAt loses its time of day and is last midnight, before createdAt.",
   changes.writes(lambda it: {"canceled_at": min(_midnight(it.updated_at), it.created_at - timedelta(hours=1))}))
wd("wd-created-at-is-a-number", "WD-25", "createdAt is a number of seconds.",
   changes.shows(lambda it: {"createdAt": int(it.created_at.timestamp())}))
wd("wd-updated-at-is-an-http-date", "WD-25", "updatedAt is written as HTTP headers write it.",
   changes.shows(lambda it: {"updatedAt": it.updated_at.strftime("%a, %d %b %Y %H:%M:%S GMT")}))
