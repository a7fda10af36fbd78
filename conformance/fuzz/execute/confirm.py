"""Confirms findings that depend on the state of a resource: they are reported only if a new resource shows them too.

An answer that is wrong in itself needs no second one: a number where a text has to be, an account number in full, a 2xx
to a wrong signature. Whether a refusal is wrong depends on the state that a resource is in, and a state source may have
handed out another one, or the resource may have moved on by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby, islice

from conformance.errors import BudgetError
from conformance.fuzz.case import UNKNOWN, Example
from conformance.fuzz.execute.attempt import Trial, attempt
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.findings import Failure, Findings
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.oracle.checks import FuzzCheck
from conformance.fuzz.oracle.results import EFFECT
from conformance.model import Level, Requirement
from conformance.states.resource import Wanted

# Of one check so many causes are tried again, each so often on new resources.
_CAUSES = 4
_TRIES = 3
# The number of new resources at which a finding, once seen there, isn't chance.
_SURE_AFTER = 3
# Parts of the ids of checks that an answer fails in whatever state the resource is.
_STATELESS = (
    *(".body.", ".error.", ".json.", ".insides", ".secrets", ".account", ".crash."),
    *(".auth.missing", ".auth.wrong", ".accepts.malformed_id"),
)
_ECHO = ("not echoed", "no text", "tidied")


def depends_on_state(api: str, check: str, cause: str) -> bool:
    """Returns whether a finding says something only if the resource was in the state that was asked for."""
    stateless = (*_STATELESS, *fuzzing(api).stateless)
    if any(part in f"{check}." for part in stateless) and cause != EFFECT:
        return False
    return cause not in _ECHO


def confirm_all(
    context: ExecutionContext,
    findings: Findings,
    requirements: Mapping[str, Requirement],
    stopped: Callable[[], bool],
) -> int:
    """Drops findings that a new resource doesn't show, and those that the state source is to blame for.

    Returns the number of requests sent.
    """
    work = _Confirming(context, stopped)
    for _, group in groupby(findings.failing(), key=lambda pair: pair[0].key):
        for check, seen in islice(group, _CAUSES):
            if stopped():
                return work.sent
            if check.level(requirements) is Level.SHOULD or not depends_on_state(
                context.api, check.key, seen.finding.cause
            ):
                continue
            try:
                why = work.reason_to_drop(check, seen)
            except BudgetError:
                return work.sent
            if why is not None:
                findings.drop(check, seen, why)
    return work.sent


@dataclass(slots=True)
class _Confirming:
    """Executes failing examples again on new resources; `sent` counts the requests so far."""

    context: ExecutionContext
    stopped: Callable[[], bool]
    sent: int = 0

    def reason_to_drop(self, check: FuzzCheck, seen: Failure) -> str | None:
        """Returns why a finding isn't reported, None where it is. Raises BudgetError."""
        example = seen.example
        if not isinstance(example, Example):
            return None  # a sequence has been taken again already
        held = self._holds(check, seen, example)
        if held is None:
            return None
        if example.state not in (None, UNKNOWN):
            # A new resource may have shown what its source really hands out.
            fault = self.context.pool.fault(Wanted(self.context.api, str(example.state)))
            if fault is not None:
                return fault
        if not held:
            return None  # it couldn't be tried
        seen.again = False
        if len(seen.places) >= _SURE_AFTER:
            return None
        return f"it was seen {seen.seen} times, and not again on {held} new resources"

    def _holds(self, check: FuzzCheck, seen: Failure, example: Example) -> int | None:
        """Returns on how many new resources the check held; None where it failed on one of them.

        If it holds for the case alone, what its resource had gone through before is sent first.
        """
        held = 0
        for _ in range(_TRIES):
            trial = self._tried(check, seen, example)
            if trial is None:
                break
            if trial.finding is not None:
                # Another cause is another way of failing, which says nothing of this one.
                seen.again = trial.finding.cause == seen.finding.cause or None
                return None
            held += trial.fresh and trial.judged
            if held and len(seen.places) < 2:
                break
        again = (seen.traced or example).after_its_history()
        trial = self._tried(check, seen, again) if held and again.before else None
        if trial is None or trial.finding is None:
            return held
        seen.example, seen.finding, seen.shown, seen.again = again, trial.finding, trial.shown, True
        seen.size = again.size()
        return None

    def _tried(self, check: FuzzCheck, seen: Failure, example: Example) -> Trial | None:
        """Executes the example on a new resource; returns None where none is available."""
        trial = Trial(check.key)
        prove = seen.finding.cause == EFFECT
        if self.stopped() or not attempt(self.context, example, trial, self.stopped, new=True, prove=prove):
            return None
        self.sent += trial.requests
        return trial
