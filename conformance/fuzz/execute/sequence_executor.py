"""Performs a sequence on newly leased resources, and shrinks one that fails.

A sequence is pure data (`stateful.sequence`), generated from the seed alone (`generate.sequences`). The state machine
of its API says what each step has to be answered.
"""

from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from conformance.errors import NotTestable, TransportError
from conformance.fuzz.case import Case
from conformance.fuzz.execute.sequence_requests import Lease, SequenceSender, leased
from conformance.fuzz.fuzzing import fuzzing
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import CheckResult, Finding
from conformance.fuzz.stateful.sequence import Sequence, Step, from_json
from conformance.http.patience import Patience
from conformance.http.reply import Reply
from conformance.model import Exchange, Headers
from conformance.session import Session

__all__ = ["SequenceResult", "StepResult", "from_json", "perform", "shrunk"]


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


def shrunk(
    performed: SequenceResult, check: str, again: Callable[[Sequence], SequenceResult], tries: int = 30
) -> SequenceResult | None:
    """Returns the smallest sequence found that fails `check` as this one did, performed anew.

    `again` performs a sequence, at most `tries` times. Returns None where the sequence passes on new resources, and the
    sequence as it was where there are none left to try it on.
    """
    found = performed.wrong_about(check)
    if found is None:
        return None
    best = performed
    attempts = _Attempts(check, again, tries)
    whole = replace(performed.sequence, steps=performed.sequence.steps[: found[0] + 1])
    confirmed = attempts.made(whole)
    if confirmed is None:
        return performed if attempts.hindered else None
    best = confirmed
    if any(step.headers for step in best.sequence.steps):
        # First of all, for it decides what the sequence is about.
        bare = tuple(replace(step, headers=()) for step in best.sequence.steps)
        best = attempts.made(replace(best.sequence, steps=bare)) or best
    size = max(1, (len(best.sequence.steps) - 1) // 2)
    while size and attempts.left:
        best = _without(best, size, attempts)
        size //= 2
    return _barer(best, attempts)


@dataclass(slots=True)
class _Attempts:
    """Tries smaller sequences, for as long as there are tries and resources left."""

    check: str
    again: Callable[[Sequence], SequenceResult]
    left: int
    hindered: bool = field(default=False)

    def made(self, sequence: Sequence) -> SequenceResult | None:
        """Performs a sequence; returns it without the steps after the failure, None where the check passed."""
        if self.left <= 0:
            return None
        self.left -= 1
        performed = self.again(sequence)
        if performed.fault is not None:
            # No answer says nothing: it is tried once more, with other resources.
            performed = self.again(sequence)
        self.hindered = performed.missing is not None or performed.fault is not None
        if self.hindered:
            self.left = 0
            return None
        found = performed.wrong_about(self.check)
        if found is None:
            return None
        end = found[0] + 1
        return replace(
            performed, sequence=replace(sequence, steps=sequence.steps[:end]), taken=performed.taken[:end]
        )


def _without(best: SequenceResult, size: int, attempts: _Attempts) -> SequenceResult:
    """Returns the sequence without each run of `size` steps that its last step fails without."""
    at = 0
    while at < len(best.sequence.steps) - 1:
        steps = best.sequence.steps
        cut = steps[:at] + steps[min(at + size, len(steps) - 1) :]
        smaller = attempts.made(_tidy(best.sequence, cut))
        if smaller is None:
            at += size
        else:
            best = smaller
    return best


def _barer(best: SequenceResult, attempts: _Attempts) -> SequenceResult:
    """Returns the sequence without the headers and texts that it fails without."""
    number = 0
    # Each attempt that fails may end earlier: the sequence gets shorter meanwhile.
    while number < len(best.sequence.steps):
        if best.sequence.steps[number].headers:
            best = attempts.made(_with_headers(best.sequence, number, ())) or best
        number += 1
    number = 0
    while number < len(best.sequence.steps):
        headers = best.sequence.steps[number].headers
        for header in headers if len(headers) > 1 else ():
            if number < len(best.sequence.steps):
                fewer = tuple(one for one in best.sequence.steps[number].headers if one != header)
                best = attempts.made(_with_headers(best.sequence, number, fewer)) or best
        number += 1
    texts = list(dict.fromkeys(step.reason for step in best.sequence.steps if step.reason is not None))
    if any(len(text) > 12 for text in texts):
        names = {text: f"reason_{number}" for number, text in enumerate(texts, 1)}
        short = [
            step if step.reason is None else replace(step, reason=names[step.reason])
            for step in best.sequence.steps
        ]
        best = attempts.made(replace(best.sequence, steps=tuple(short))) or best
    return best


def _with_headers(sequence: Sequence, number: int, headers: Headers) -> Sequence:
    steps = list(sequence.steps)
    steps[number] = replace(steps[number], headers=headers)
    return replace(sequence, steps=tuple(steps))


def _tidy(sequence: Sequence, steps: abc.Sequence[Step]) -> Sequence:
    """Returns a sequence of these steps, without the second resource if no step is about it."""
    if len(sequence.start) > 1 and all(step.on == 0 for step in steps):
        return replace(sequence, start=sequence.start[:1], steps=tuple(steps))
    return replace(sequence, steps=tuple(steps))
