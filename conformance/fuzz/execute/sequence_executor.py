"""Executes a sequence on newly leased resources and new keys; oracle and state machine judge each answer.

A sequence is data (`stateful.sequence`), generated from the seed alone (`generate.sequences`).
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from conformance import openapi
from conformance.contracts import contract
from conformance.errors import NotTestable, TransportError
from conformance.fuzz import states
from conformance.fuzz.case import UNKNOWN, Case, Mutation
from conformance.fuzz.execute.sender import Sender
from conformance.fuzz.fuzzing import fuzzing
from conformance.fuzz.generate import bodies
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import CheckResult, Finding, Target
from conformance.fuzz.stateful.model import Subject
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.fuzz.text_field import TextField, body_mutation
from conformance.http.client import Request
from conformance.http.polling import Polling
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.model import Auth, Exchange, Headers
from conformance.session import Session
from conformance.states.resource import Resource, Wanted

Lease = Callable[[str], Resource | None]

NO_CREDENTIALS, WRONG_CREDENTIALS = "no_credentials", "wrong_credentials"
_AUTH = {NO_CREDENTIALS: Auth.NONE, WRONG_CREDENTIALS: Auth.ALTERED}


def odd_bodies(text: TextField | None) -> Mapping[str, tuple[bytes, Any]]:
    """Returns bodies that are to be refused, by the name that a step has for them (`Step.odd`), and their values."""
    if text is None:
        return {}
    key = f'{{"{text.name}": '.encode()
    return {
        "broken_json": (key, MISSING),
        "a_number": (key + b"7}", {text.name: 7}),
        "a_list": (f'["{text.name}"]'.encode(), [text.name]),
        "600_characters": (key + b'"' + b"x" * 600 + b'"}', {text.name: "x" * 600}),
    }


def is_undocumented(api: str, step: Step) -> bool:
    """Returns whether a step reads where no read is documented: the profile declares one."""
    return step.verb == "read" and states.reading(api) is None


def leased(sequence: Sequence, session: Session, lease: Lease | None) -> list[Subject]:
    """Leases a resource for each entry of `Sequence.start`. Raises NotTestable where none is available."""
    subjects: list[Subject] = []
    for entry in sequence.start:
        owner, _, state = entry.rpartition(":")
        if entry.partition(":")[0] == UNKNOWN:
            subjects.append(_unknown(sequence.api, entry, subjects))
            continue
        owner = owner or "primary"
        resource = lease(entry) if lease is not None else session.leases.lease(wanted(sequence.api, entry))
        if resource is None:
            raise NotTestable(f"there is no {state} resource left for a sequence")
        subjects.append(Subject(resource.id, owner, state, resource))
    return subjects


def wanted(api: str, entry: str) -> Wanted:
    """Returns what to ask a state provider for, for one entry of `Sequence.start`."""
    owner, _, state = entry.rpartition(":")
    if owner == "other_environment":
        return Wanted(api, state, environment="other")
    return Wanted(api, state, owner=owner or None)


def _unknown(api: str, entry: str, others: list[Subject]) -> Subject:
    """Returns an id that names nothing: one of an unusual make-up, or one like those of `others`."""
    shape, machine = entry.partition(":")[2], fuzzing(api).machine
    if shape and machine is not None:
        name = machine.ids[shape].format(int(time.time_ns() % 1_000_000))
        return Subject(name, None, UNKNOWN, None, certain=False)
    name, certain = contract(api).unknown_id(others[0].id if others else None)
    return Subject(name, None, UNKNOWN, None, certain=certain)


class SequenceSender:
    """Sends the steps of one sequence in their order."""

    def __init__(
        self, sequence: Sequence, session: Session, oracle: Oracle, subjects: list[Subject], polling: Polling
    ) -> None:
        self._sequence, self._session, self._oracle, self._subjects = sequence, session, oracle, subjects
        self._polling = polling
        self._keys: dict[str, str] = {}
        self._sender = Sender(session)
        for subject in subjects:
            if subject.resource is not None:
                oracle.leased[subject.id] = subject.resource
        machine = fuzzing(sequence.api).machine
        if machine is None:
            raise ValueError(f"{sequence.api} has no state machine")
        self._model = machine.model(subjects, session.profile.capabilities)

    def take(self, step: Step) -> tuple[Case | None, Reply | None, tuple[CheckResult, ...]]:
        """Returns the request, the answer, and the results of checks. Raises TransportError, BudgetError."""
        subject = self._subjects[step.on]
        if step.verb == "settle":
            if subject.resource is not None:
                # Refusing to settle this one is as good as trying in vain.
                with contextlib.suppress(NotTestable):
                    self._session.leases.settle(subject.resource)
            self._model.settled(step)
            return None, None, ()
        case = self.case(step)
        reply = self._send(step, case)
        if self._model.lags(step):
            reply = self._polling.until(lambda: self._send(step, case), self._model.shows, reply)
        state = self._model.state(step)
        own = self._model.judge(step, reply)
        if step.headers and not any(one.finding for one in own):
            own.append(CheckResult(f"{openapi.operation(case.operation).name}.walk.headers"))
        return (
            case,
            reply,
            (*own, *self._judged(step, case, Target(subject.id, state, subject.certain), reply)),
        )

    def case(self, step: Step) -> Case:
        """Returns the request as the oracle and the statistics know it."""
        api = self._sequence.api
        reads = step.verb == "read"
        operation = (states.reading(api) if reads else None) or states.cancelling(api)
        body: bytes | None = None
        value: Any = MISSING
        mutation = Mutation.DOCUMENTED
        text = fuzzing(api).text
        if operation.has_body and step.verb == "cancel":
            odd = odd_bodies(text).get(step.odd)
            body, value = odd or _body(operation, text, step.reason)
            mutation = body_mutation(text, body, value) if value is not MISSING else Mutation.BODY
        headers = step.headers
        if body is not None and not any(name == "Content-Type" for name, _ in headers):
            headers = (*bodies.label(operation), *headers)
        omitted: tuple[str, ...] = ()
        altered: Headers = ()
        if step.odd == NO_CREDENTIALS:
            mutation, omitted = Mutation.MISSING, tuple(operation.credentials)
        elif step.odd == WRONG_CREDENTIALS:
            mutation, altered = Mutation.WRONG, ((operation.credentials[-1], "made with a wrong secret"),)
        return Case(
            operation=operation.id,
            phase="walks",
            method="GET" if reads else operation.method,
            mutation=mutation,
            headers=headers,
            body=body,
            value=value,
            key="absent" if step.key is None else "kept",
            omitted=omitted,
            altered=altered,
        )

    def _send(self, step: Step, case: Case) -> Reply:
        return self._session.client.send(lambda: self._request(step, case))

    def _request(self, step: Step, case: Case) -> Request:
        auth = _AUTH.get(step.odd, Auth.DOCUMENTED)
        key = None if step.key is None else self._keys.setdefault(step.key, str(uuid4()))
        return self._sender.request_of_step(case, self._path(step, case), key, step.by, auth)

    def _path(self, step: Step, case: Case) -> str:
        one = segment(self._subjects[step.on].id)
        read_path = self._session.profile.states.read_path
        if is_undocumented(self._sequence.api, step) and read_path is not None:
            return read_path.replace("{id}", one)
        return openapi.operation(case.operation).target(one)

    def _judged(self, step: Step, case: Case, at: Target, reply: Reply) -> list[CheckResult]:
        """Returns the oracle's results of everything but what the model alone can know."""
        api = self._sequence.api
        if is_undocumented(api, step) or (at.state == UNKNOWN and not at.certain):
            return self._oracle.every_response(case, at, reply)
        first = reply.ok and at.state in contract(api).states.cancellable
        text = fuzzing(api).text
        by_text = () if first or text is None else (f".{text.name}.",)
        dropped = (".status.", ".key.", *by_text)
        return [
            one
            for one in self._oracle.judge(case, at, reply)
            if not any(part in one.check for part in dropped)
        ]


def _body(operation: openapi.Operation, text: TextField | None, reason: str | None) -> tuple[bytes, Any]:
    value = bodies.empty(operation)[1] if text is None or reason is None else {text.name: reason}
    return bodies.encoded(operation, value), value


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
