"""Makes the requests of a sequence: from its data, its leased resources, and its state machine."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from conformance import openapi
from conformance.contracts import contract
from conformance.errors import NotTestable
from conformance.fuzz import state_order
from conformance.fuzz.case import SEQUENCES, UNKNOWN, Case, Mutation
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.fuzz_contract import RequestStep, fuzzing
from conformance.fuzz.generate import bodies
from conformance.fuzz.oracle.results import CheckResult, Target
from conformance.fuzz.stateful.model import Subject
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.fuzz.text_field import TextField, body_mutation
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.states.resource import Resource, Wanted

Lease = Callable[[Wanted], Resource | None]

NO_CREDENTIALS, WRONG_CREDENTIALS = "no_credentials", "wrong_credentials"


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


def family(api: str, check: str) -> frozenset[str]:
    """Returns the checks that a change may be attributed to that this one is about."""
    machine = fuzzing(api).machine
    return machine.family(check) if machine is not None else frozenset({check})


def headers_check(operation: str, names: Iterable[str]) -> str:
    """Returns the check of further headers of these names: another one for nothing but a label of the body."""
    labelled = {name.lower() for name in names} == {"content-type"} and operation.startswith("cancel")
    return f"{operation}.walk.{'label' if labelled else 'headers'}"


def wanted(api: str, entry: str) -> Wanted:
    """Returns what to ask a state source for, for one entry of `Sequence.start`."""
    owner, _, state = entry.rpartition(":")
    elsewhere = owner == "other_environment"
    return Wanted(api, state, environment="other") if elsewhere else Wanted(api, state, owner=owner or None)


def leased(sequence: Sequence, lease: Lease) -> list[Subject]:
    """Leases a resource for each entry of `Sequence.start`. Raises NotTestable where none is available."""
    subjects: list[Subject] = []
    for entry in sequence.start:
        owner, _, state = entry.rpartition(":")
        if entry.partition(":")[0] == UNKNOWN:
            subjects.append(_unknown(sequence.api, entry, subjects))
            continue
        resource = lease(wanted(sequence.api, entry))
        if resource is None:
            raise NotTestable(f"there is no {state} resource left for a sequence")
        subjects.append(Subject(resource.id, owner or "primary", state, resource))
    return subjects


def _unknown(api: str, entry: str, others: list[Subject]) -> Subject:
    """Returns an id that names nothing: one of an unusual make-up, or one like those of `others`."""
    shape, machine = entry.partition(":")[2], fuzzing(api).machine
    if shape and machine is not None:
        name = machine.ids[shape].format(int(time.time_ns() % 1_000_000))
        return Subject(name, None, UNKNOWN, None, certain=False)
    name, certain = contract(api).unknown_id(others[0].id if others else None)
    return Subject(name, None, UNKNOWN, None, certain=certain)


class SequenceSteps:
    """Makes the requests of one sequence, each after the answer to the one before was judged."""

    def __init__(self, sequence: Sequence, context: ExecutionContext, subjects: list[Subject]) -> None:
        self._api, self._context, self._subjects = sequence.api, context, subjects
        self._keys: dict[str, str] = {}
        self._refused_keys: set[str | None] = set()
        for subject in subjects:
            if subject.resource is not None:
                context.oracle.leased[subject.id] = subject.resource
        machine = fuzzing(sequence.api).machine
        if machine is None:
            raise ValueError(f"{sequence.api} has no state machine")
        self.is_lost = machine.is_lost
        self._model = machine.model(subjects, context.session.profile.capabilities)

    def settle(self, step: Step) -> None:
        """Asks the state source to settle a resource. Raises TransportError."""
        resource = self._subjects[step.on].resource
        if resource is not None:
            # Refusing to settle this one is as good as trying in vain.
            with contextlib.suppress(NotTestable):
                self._context.session.leases.settle(resource)
        self._model.settled(step)

    def request(self, step: Step) -> RequestStep:
        """Returns the request of a step. The oracle drops the checks that the state machine alone can judge."""
        subject, case = self._subjects[step.on], self.case(step)
        target = Target(subject.id, self._model.state(step), subject.certain)
        undocumented = step.verb == "read" and state_order.reading(self._api) is None
        read_path = self._context.session.profile.states.read_path if undocumented else None
        open_ = undocumented or (target.state == UNKNOWN and not target.certain)

        def more(reply: Reply) -> list[CheckResult]:
            own = self._model.judge(step, reply)
            if step.headers and not any(one.finding for one in own):
                names = [name for name, _ in step.headers]
                what = headers_check(openapi.operation(case.operation).name, names)
                own.append(CheckResult(what))
            return own

        return RequestStep(
            case=case,
            target=target,
            key=None if step.key is None else self._keys.setdefault(step.key, str(uuid4())),
            by=step.by,
            wrong_secret=step.odd == WRONG_CREDENTIALS,
            path=None if read_path is None else read_path.replace("{id}", segment(subject.id)),
            more=more,
            judge=self._context.oracle.every_response if open_ else partial(self._judged, step, subject),
            by_history=not open_,
            shows=self._model.shows if self._model.lags(step) else None,
        )

    def _judged(
        self, step: Step, subject: Subject, case: Case, target: Target, reply: Reply
    ) -> list[CheckResult]:
        """Returns the oracle's results, without those on credentials where something else explains the answer.

        A 403 may say that a resource is somebody else's. What comes under a key that wrong credentials came with before
        may be answered by what these were.
        """
        results = self._context.oracle.judge(case, target, reply)
        foreign = reply.status == 403 and subject.owner not in (None, step.by)
        if foreign or step.key in self._refused_keys:
            results = [one for one in results if not one.check.endswith(".auth.documented")]
        if step.key is not None and step.odd in (NO_CREDENTIALS, WRONG_CREDENTIALS):
            self._refused_keys.add(step.key)
        return results

    def case(self, step: Step) -> Case:
        """Returns the request as the oracle and the statistics know it."""
        operation, text = state_order.cancelling(self._api), fuzzing(self._api).text
        if step.verb == "read":
            operation = state_order.reading(self._api) or operation
        case = Case(
            operation=operation.id,
            phase=SEQUENCES,
            method="GET" if step.verb == "read" else operation.method,
            mutation=Mutation.DOCUMENTED,
            headers=step.headers,
            key="absent" if step.key is None else "kept",
        )
        if operation.has_body and step.verb == "cancel":
            value = (
                {text.name: step.reason} if text and step.reason is not None else bodies.empty(operation)[1]
            )
            body, value = odd_bodies(text).get(step.odd) or (bodies.encoded(operation, value), value)
            mutation = body_mutation(text, body, value) if value is not MISSING else Mutation.BODY
            case = replace(case, mutation=mutation, body=body, value=value)
            if not any(name == "Content-Type" for name, _ in step.headers):
                case = replace(case, headers=(*bodies.label(operation), *step.headers))
        if step.odd == NO_CREDENTIALS:
            return replace(case, mutation=Mutation.MISSING, omitted=tuple(operation.credentials))
        if step.odd == WRONG_CREDENTIALS:
            altered = ((operation.credentials[-1], "made with a wrong secret"),)
            return replace(case, mutation=Mutation.WRONG, altered=altered)
        return case
