"""Withdraws that get a request wrong now and then: each nth time, in some processes, for some withdraws."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from conformance.sandbox import effects, steps
from conformance.sandbox.messages import Request
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off


def _busy(api: Withdraws, nothing: None, it: Withdraw) -> object:
    return steps.refuse(409, "CONFLICT", "This withdraw is being changed.")


def _busy_for(when: Callable[[Withdraw], bool]) -> type[Any]:
    """A good cancel of some withdraws is refused."""
    return steps.after(Withdraws.check_cancellable, lambda api, nothing, it: when(it) and _busy(api, nothing, it))


def _in_processes(some: Iterable[int]) -> Callable[[Request], bool]:
    """Of four processes, among which connections are spread, some."""
    chosen = frozenset(some)
    return lambda request: request.connection % 4 in chosen


wd("wd-every-fifth-cancel-is-409", "WD-01",
   "A lock is asked for too early by one of five processes: each fifth good cancel is refused.",
   steps.every(5, Withdraws.check_cancellable, _busy), late=True)
wd("wd-every-seventeenth-cancel-is-400", "WD-01",
   "One of seventeen connections to the database reads from a copy that is behind: a good cancel is refused.",
   steps.every(17, Withdraws.check_cancellable, lambda api, nothing, it:
       steps.refuse(400, "VALIDATION_ERROR", "This withdraw cannot be cancelled.")), late=True)
wd("wd-two-of-four-processes-refuse", "WD-01", "Two of four processes run an older version, and refuse each cancel.",
   steps.for_requests(_in_processes((1, 2)), Withdraws.check_cancellable, _busy), late=True)
wd("wd-large-amounts-are-409", "WD-01", "A withdraw of more than 50,000 waits for a second approval: 409.",
   _busy_for(lambda it: float(it.amount) > 50_000), late=True)
wd("wd-names-with-an-apostrophe-are-409", "WD-01",
   "A withdraw to a holder with an apostrophe in the name is refused: the query for its lock fails.",
   _busy_for(lambda it: "'" in it.account_name), late=True)
wd("wd-every-twentieth-paid-is-cancelled", "WD-04", "Each twentieth cancel of a paid withdraw is carried out.",
   steps.forgives(20, "paid"))
wd("wd-every-third-failed-is-cancelled", "WD-05", "Each third cancel of a failed withdraw is carried out.",
   steps.forgives(3, "failed"))
wd("wd-every-twentieth-failed-is-cancelled", "WD-05", "Each twentieth cancel of a failed withdraw is carried out.",
   steps.forgives(20, "failed"))
wd("wd-every-thirteenth-canceled-again", "WD-06", "Each thirteenth cancel of a canceled withdraw is carried out.",
   steps.forgives(13, "canceled"))
wd("wd-every-twentieth-unknown-is-500", "WD-11", "Each twentieth look-up of an unknown id ends in a 500.",
   steps.after(Withdraws.not_found, lambda api, refusal, given:
       steps.crash("too many connections") if steps.is_nth(api, "unknown", 20) else refusal))
wd("wd-every-twentieth-stranger-is-the-owner", "WD-12",
   "Each twentieth look at who owns a withdraw is answered by an empty cache: anybody does.",
   steps.after(steps.API.owns, lambda api, owns, account, it: owns or steps.is_nth(api, "owner", 20)))
wd("wd-every-twentieth-read-is-not-signed", "WD-12",
   "Each twentieth read goes to a process that verifies no signature.",
   steps.instead(Withdraws.authenticate_read, lambda api, request:
       next(iter(api.accounts.values())) if steps.is_nth(api, "read", 20) else api.authenticate(request)))
wd("wd-every-twentieth-unknown-key-is-known", "WD-33",
   "Each twentieth key that nobody has is found: the variable holds the account before.",
   steps.after(steps.API.account_for, lambda api, found, key:
       found or (next(iter(api.accounts.values())) if steps.is_nth(api, "unknown key", 20) else None)))
wd("wd-every-twentieth-timestamp-is-fresh", "WD-34", "Each twentieth old timestamp is accepted.",
   steps.after(Withdraws.is_fresh, lambda api, fresh, stamp: fresh or steps.is_nth(api, "stale", 20)))
_third = steps.each(3)
wd("wd-one-machine-has-another-zone", "WD-24",
   "One of three machines runs in Bangkok's time: canceledAt and updatedAt are seven hours ahead, with a Z.",
   effects.writes(lambda it: {} if not _third(it) else
       dict.fromkeys(("canceled_at", "updated_at"), it.updated_at + timedelta(hours=7))), late=True)
wd("wd-every-tenth-cancel-comes-undone", "WD-09",
   "One of ten workers writes its old version of the row back as soon as the answer is on its way.",
   effects.comes_undone(0, "status", "canceled_at", "updated_at", when=steps.each(10)), late=True)
