"""Performs a sequence on newly leased resources.

A sequence is pure data (`stateful.sequence`), generated from the seed alone (`generate.sequences`). The state machine
of its API says what each step has to be answered.
"""

from dataclasses import dataclass

from conformance.errors import NotTestable, TransportError
from conformance.fuzz.case import Case
from conformance.fuzz.execute.sequence_requests import Lease, SequenceSender, leased
from conformance.fuzz.fuzzing import fuzzing
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import CheckResult, Finding
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.http.polling import Polling
from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.session import Session


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step that was taken. `reply` is None for a settlement, which the state provider is asked for."""

    step: Step
    case: Case | None = None
    reply: Reply | None = None
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class SequenceResult:
    """The results of a sequence, up to a step without an answer (`fault`); none where a resource is `missing` (why)."""

    sequence: Sequence
    taken: tuple[StepResult, ...] = ()
    missing: str | None = None
    fault: TransportError | None = None
    unanswered: Case | None = None

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Returns all exchanges in the order sent."""
        return tuple(one.reply.exchange for one in self.taken if one.reply is not None)

    def wrong(self) -> list[tuple[int, CheckResult]]:
        """Returns every result with a finding, and the number of its step."""
        return [
            (number, result)
            for number, one in enumerate(self.taken)
            for result in one.results
            if result.finding is not None
        ]

    def wrong_about(self, check: str) -> tuple[int, CheckResult, Finding] | None:
        """Returns the first finding of a check, or of one of its family (`StateMachine.family`), and its step."""
        same = family(self.sequence.api, check)
        for number, result in self.wrong():
            if result.check in same and result.finding is not None:
                return number, result, result.finding
        return None


def family(api: str, check: str) -> frozenset[str]:
    """Returns the checks that a change may be attributed to that this one is about."""
    machine = fuzzing(api).machine
    return machine.family(check) if machine is not None else frozenset({check})


def perform(
    sequence: Sequence,
    session: Session,
    *,
    oracle: Oracle | None = None,
    lease: Lease | None = None,
    patience: Patience | None = None,
) -> SequenceResult:
    """Performs a sequence on newly leased resources and judges every answer.

    `lease` returns a resource for an entry of `Sequence.start`, or None where none is available; without it they come
    from the session. Raises BudgetError when the run has used up its requests, nothing else.
    """
    if oracle is None:
        profile = session.profile
        oracle = Oracle(sequence.api, capabilities=profile.capabilities, secrets=profile)
    try:
        resources = leased(sequence, session, lease)
    except (NotTestable, TransportError) as fault:
        return SequenceResult(sequence, missing=session.redactor.text(fault.message))
    sender = SequenceSender(sequence, session, oracle, resources, patience or Patience())
    taken: list[StepResult] = []
    for step in sequence.steps:
        try:
            taken.append(StepResult(step, *sender.take(step)))
        except TransportError as fault:
            return SequenceResult(sequence, tuple(taken), fault=fault, unanswered=sender.case(step))
    return SequenceResult(sequence, tuple(taken))
