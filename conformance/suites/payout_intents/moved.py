"""Intents that a refused request may have changed, beside one that nothing is asked of."""

import time
from collections.abc import Callable
from datetime import datetime

from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import Violation
from conformance.oracles.missing_keys import has_value
from conformance.session import Session
from conformance.states import Resource

_FAILURE = ("failure_message", "failure_code")


def not_marked(
    session: Session, intent: Resource, read: Reply, again: Callable[[Resource], Reply], *, after: str
) -> None:
    """Asserts that a read of an open intent shows no failure, unless one that nothing is asked of has one, too.

    `after` is what came before, as the subject of a sentence. Raises NotTestable where the source has no other intent.
    """
    path = next((one for one in _FAILURE if _has(read, one)), None)
    if path is None or _has(again(session.leases.lease(intent.wanted)), path):
        return
    raise Violation(
        expected=f"no {path} on an intent that awaits approval still, after {after}",
        observed=expect.observed(read, path, "status"),
        reply=read,
        hint="Whatever is refused is refused before anything is written, in one transaction.",
        fault=f"{wording.capital(after)} left {path} {wording.of(read, path)} on the intent",
    )


def _has(read: Reply, path: str) -> bool:
    return read.at(path) is not MISSING and has_value(read.at(path))


def moved(session: Session, intent: Resource, read: Reply, again: Callable[[Resource], Reply]) -> bool:
    """Returns whether a read shows another status, and an untouched intent keeps its own for as long.

    `again` reads that one. Raises NotTestable where the source has none.
    """
    if not read.ok or read.at("status") in (intent.status, MISSING):
        return False
    asked = [one.started_at for one in session.recorder.exchanges if intent.id in one.url]
    began = datetime.fromisoformat(min(asked, default=read.exchange.started_at))
    control = session.leases.lease(intent.wanted)
    time.sleep((read.sent_at - began).total_seconds() + read.duration_s)
    return equality.same(again(control).at("status"), intent.status)
