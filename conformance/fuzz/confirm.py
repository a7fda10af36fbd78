"""A finding that hangs on what a resource was before is told only if a new resource shows it, too.

An answer that is wrong in itself needs no second one: a number where a text has to be, an account number in full, a 2xx
to a wrong signature. Whether a refusal is wrong depends on the state that a resource is in, and a state source may have
handed out another one, or the resource may have moved on by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby, islice

from conformance.errors import BudgetError
from conformance.fuzz.checks import FuzzCheck
from conformance.fuzz.crew import Crew
from conformance.fuzz.ledger import Ledger, Seen
from conformance.fuzz.probes import Case
from conformance.fuzz.resources import UNKNOWN
from conformance.fuzz.shrink import Trial, attempt
from conformance.model import Level, Requirement
from conformance.states.resource import Wanted

# Of one check so many causes are tried again, each so often on new resources.
_CAUSES = 4
_TRIES = 3
# Seen at so many new resources, it isn't chance.
_OFTEN = 3
# What is wrong with an answer in itself, whatever its request was sent to.
_IN_ITSELF = (".body.", ".error.", ".json.", ".insides", ".secrets", ".account", ".crash.", ".auth.missing")
_OF_ITSELF = (".auth.wrong", ".accepts.malformed_id", ".other_intent", ".reason.whole")
_ECHO = ("not echoed", "no text", "tidied")


def hangs_on_state(check: str, cause: str) -> bool:
    """Whether a finding of this check says something only if the resource was in the state that it was taken for."""
    if any(part in f"{check}." for part in (*_IN_ITSELF, *_OF_ITSELF)) and cause != "effect":
        return False
    return cause not in _ECHO


def confirm_all(
    crew: Crew,
    ledger: Ledger,
    rows: Mapping[str, Requirement],
    stopped: Callable[[], bool],
) -> int:
    """Takes back what doesn't show again on a new resource, and what the state source is to blame for.

    Returns how many requests that took.
    """
    work = _Confirming(crew, stopped)
    for _, group in groupby(ledger.failing(), key=lambda pair: pair[0].key):
        for check, seen in islice(group, _CAUSES):
            if stopped():
                return work.sent
            if check.level(rows) is Level.SHOULD or not hangs_on_state(check.key, seen.finding.cause):
                continue
            try:
                why = work.doubt(check, seen)
            except BudgetError:
                return work.sent
            if why is not None:
                ledger.drop(check, seen, why)
    return work.sent


@dataclass(slots=True)
class _Confirming:
    """What it takes, and the requests `sent` so far."""

    crew: Crew
    stopped: Callable[[], bool]
    sent: int = 0

    def doubt(self, check: FuzzCheck, seen: Seen) -> str | None:
        """Why a finding isn't to be told, None where it is. Raises BudgetError."""
        case = seen.case
        if not isinstance(case, Case):
            return None  # a walk has been taken again already
        held = 0
        for _ in range(_TRIES):
            trial = self._tried(check, case)
            if trial is None:
                break
            if trial.finding is not None:
                seen.again = True
                return None
            held += trial.fresh and trial.ruled_on
            if held and len(seen.places) < 2:
                break
        if case.state not in (None, UNKNOWN):
            # A new resource may have shown what its source really hands out.
            fault = self.crew.supply.fault(Wanted(self.crew.api, str(case.state)))
            if fault is not None:
                return fault
        if not held:
            return None  # it couldn't be tried
        seen.again = False
        if len(seen.places) >= _OFTEN:
            return None
        return f"it was seen {seen.seen} times, and not again on {held} new resources"

    def _tried(self, check: FuzzCheck, case: Case) -> Trial | None:
        """The case performed on a new resource, None where that can't be."""
        trial = Trial(check.key)
        if self.stopped() or not attempt(self.crew, case, trial, self.stopped, new=True):
            return None
        self.sent += trial.requests
        return trial
