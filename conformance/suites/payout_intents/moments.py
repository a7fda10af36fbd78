"""The places where an intent is seen around its cancel, and what updated_at says there."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from conformance.http.reply import MISSING, Reply, instant
from conformance.oracles import equality, expect, wording
from conformance.suites.payout_intents.assertions import was_confirmed
from conformance.suites.payout_intents.results import Cancelled

# The clocks of a target's machines may differ by so much.
_SKEW = timedelta(minutes=5)
# As coarse as a clock may be whose fraction of a second isn't shown.
_STEP_S = 1.1
SEEN: dict[str, Callable[[Cancelled], Reply]] = {
    "before": lambda one: one.before,
    "reply": lambda one: one.reply,
    "after": lambda one: one.after,
}
WHERE = {
    "before": "GET before a cancel",
    "reply": "the answer to a cancel",
    "after": "GET after a cancel",
}
LATER = [which for which in SEEN if which != "before"]


def everywhere(one: Cancelled, key: str) -> str:
    """Returns the title of a wrong value that all answers about an intent agree upon; empty where they don't."""
    values = [seen(one).at(key) for seen in SEEN.values()]
    if values[0] is MISSING or not all(equality.same(values[0], value) for value in values):
        return ""
    return f"{key} was {wording.of(one.reply, key)} in GET before a cancel, in its answer and in GET after it"


def is_the_present(reply: Reply, read: Reply | None) -> None:
    """updated_at in the answer to a cancel is about the time at which that was sent, by the target's own clock."""
    updated, now = instant(reply.at("updated_at")), reply.sent_at
    with suppress(ValueError):
        now = parsedate_to_datetime(reply.header("Date") or "")
    told_apart = updated is not None and updated.tzinfo is not None and now.tzinfo is not None
    off = now - updated if updated is not None and told_apart else timedelta()
    by = f"{_span(off)} {'before' if off > timedelta() else 'after'}"
    expect.that(
        abs(off) < _SKEW,
        expected=f"updated_at to be the time of the cancel, about {now.isoformat()}",
        observed=f"updated_at is {wording.of(reply, 'updated_at')}, {by} that",
        reply=reply,
        hint="A local time that is written with a Z?" if _is_a_zone(off) else "",
        fault=f"updated_at in the answer to a cancel ({reply.status}) was {by} the time of the cancel",
        persisted=wording.read_shows(read, "updated_at", reply.at("updated_at"), lambda _: False),
    )


def _span(off: timedelta) -> str:
    """A span in the unit that people would use."""
    minutes = abs(off).total_seconds() / 60
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"{minutes / size:.0f} {unit}"
    return f"{minutes:.0f} minutes"


def _is_a_zone(off: timedelta) -> bool:
    """Whether a difference is about a multiple of half an hour, up to that of the most distant time zone."""
    minutes = round(abs(off).total_seconds() / 60)
    return minutes <= 14 * 60 and min(minutes % 30, 30 - minutes % 30) <= 1


def has_moved(one: Cancelled, seen: str) -> None:
    """updated_at is later than before the cancel, in one of the places of SEEN."""
    reply = SEEN[seen](one)
    if seen == "after":
        was_confirmed(reply)
    was, now = instant(one.before.at("updated_at")), instant(reply.at("updated_at"))
    # What is no instant, or isn't there, is told elsewhere. The intent was older than a clock's step when it was asked.
    expect.that(
        was is None or now is None or was.tzinfo is None or now.tzinfo is None or now > was,
        expected=f"updated_at after the cancel to be later than {wording.of(one.before, 'updated_at')}",
        observed=f"{wording.shown(reply, 'updated_at')} in {WHERE[seen]}",
        reply=reply,
        hint="Set it with the status, and make the answer after that." if seen == "reply" else "",
        fault=f"updated_at in {WHERE[seen]} was {'the same as' if now == was else 'earlier than'} before the cancel",
        persisted=wording.read_shows(one.after, "updated_at", reply.at("updated_at"), _is_later(was))
        if seen == "reply"
        else "",
    )


def _is_later(was: datetime | None) -> Callable[[Any], bool]:
    def later(value: Any) -> bool:
        moment = instant(value)
        return was is not None and moment is not None and moment > was

    return later


def let_it_age(read: Reply) -> None:
    """Waits until updated_at is older than any clock's step, so that a change of it shows."""
    updated, now = instant(read.at("updated_at")), read.sent_at
    with suppress(ValueError):
        now = parsedate_to_datetime(read.header("Date") or "")
    if updated is not None and now.tzinfo is not None and (now - updated).total_seconds() < 2 * _STEP_S:
        time.sleep(_STEP_S)
