"""The part of an API in fuzzing: its checks, the facts that its oracle needs, follow-ups and a state machine.

An API names the module that holds a `Fuzzing` in its contract (`Contract.fuzzing`). For one that names none, checks are
derived from the operations of its specification: no 5xx, documented statuses and schemas, missing and wrong credentials
rejected, unknown ids answered by not_found, and what holds for every response.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from conformance import catalogue, openapi
from conformance.contract import Contract
from conformance.contracts import contract
from conformance.errors import UsageError
from conformance.fuzz.case import Case, Example
from conformance.fuzz.generate.shuffle_bag import ShuffleBag
from conformance.fuzz.oracle.checks import FuzzCheck
from conformance.fuzz.oracle.results import CheckResult, Target
from conformance.fuzz.stateful.state_machine import StateMachine
from conformance.fuzz.text_field import TextField
from conformance.http.reply import Reply
from conformance.model import Headers
from conformance.openapi import Operation

MEMORY_S = 20.0
"""How long after its first use a key is expected to be remembered: some targets forget it after a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStep:
    """One request of an execution: a case bound to a resource (`target`), and how its answer is judged.

    `key` is its idempotency key, None for none of its own. `by` names the credentials, which are used with a wrong
    secret if `wrong_secret` is set. `path` replaces the path of the operation.

    `more` returns the results of further checks, by their whole keys; `judge` replaces the oracle. `by_history` tells
    that earlier requests, not the state alone, decide the answer: the oracle's checks of the status, of keys and of a
    repeated text are dropped. `shows` is set where an answer may lag, read from a replica: the request is sent again
    for a while, until it returns True.
    """

    case: Case
    target: Target
    key: str | None = None
    by: str = "primary"
    wrong_secret: bool = False
    path: str | None = None
    more: Callable[[Reply], list[CheckResult]] = lambda reply: []
    judge: Callable[[Case, Target, Reply], list[CheckResult]] | None = None
    by_history: bool = False
    shows: Callable[[Reply], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzing:
    """The part of one API.

    `fields` are the checks of fields of a success, by operation; other fields belong to `body.keys`, and all of an
    operation in `whole` to `body.shape`. `judged_apart` are fields that `body(reply)` judges: it returns violations
    that a schema can't express, a line each, by check. `consequences` are the checks whose failures explain those of
    another. `stateless` are parts of the ids of checks that an answer fails in whatever state the resource is.
    `auth_checks` are the checks of wrong credentials by the header that is wrong, `auth.wrong` otherwise.
    `wrong_credentials(rng, bag)` draws headers that can't be right. `follow_ups(example, target, key, first)` yields
    requests that follow a success; `machine` is None where sequences are not tried.
    """

    checks: tuple[FuzzCheck, ...]
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    judged_apart: frozenset[str] = frozenset()
    body: Callable[[Reply], Mapping[str, list[str]]] = lambda reply: {}
    consequences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    auth_checks: Mapping[str, str] = field(default_factory=dict)
    stateless: tuple[str, ...] = ()
    text: TextField | None = None
    wrong_credentials: Callable[[random.Random, ShuffleBag], Headers] | None = None
    follow_ups: Callable[[Example, Target, str | None, Reply], Iterator[RequestStep]] = (
        lambda example, target, key, first: iter(())
    )
    machine: StateMachine | None = None

    def field_check(self, operation: str, name: str, keyword: str) -> str:
        """Returns the check (without its operation) that a breach of a success body belongs to."""
        if operation in self.whole:
            return "body.shape"
        table = self.fields.get(operation, {})
        nested = any("." in each for each in table)
        if keyword == "required" and name.count(".") <= nested:
            # A key that isn't there is a matter of the keys, unless it is beside the object with the resource.
            return table.get(name, "body.keys") if nested and "." not in name else "body.keys"
        steps = name.split(".")
        for end in range(len(steps), 0, -1):
            found = table.get(".".join(steps[:end]))
            if found is not None:
                return found
        return "body.keys"

    def explanations(self, key: str) -> list[str]:
        """Returns the checks whose failures bring about failures of this one, near and far."""
        operation, _, what = key.partition(".")
        known = {item.key for item in self.checks}
        found = [each if each in known else f"{operation}.{each}" for each in self.consequences.get(what, ())]
        return [*found, *(far for each in found for far in self.explanations(each))]


@cache
def fuzzing(api: str) -> Fuzzing:
    """Returns what the contract of `api` brings, or the generic checks of its specification."""
    described = contract(api)
    if described.fuzzing is None:
        return _generic(described)
    found: Fuzzing = import_module(described.fuzzing).FUZZING
    return found


def checks(api: str) -> tuple[FuzzCheck, ...]:
    """Returns every check of an API, in a fixed order."""
    return fuzzing(api).checks


def chosen(
    api: str, requirements: Collection[str], capabilities: Mapping[str, bool | None]
) -> tuple[FuzzCheck, ...]:
    """Returns the checks of a run: those of `requirements` (empty for all), without those of other capabilities.

    Raises UsageError for a requirement that the API doesn't have.
    """
    unknown = set(requirements) - catalogue.load(api).by_id().keys()
    if unknown:
        raise UsageError(f"{api} has no requirement {', '.join(sorted(unknown))}")
    return selected(api, requirements, capabilities)


def selected(
    api: str, requirements: Collection[str], capabilities: Mapping[str, bool | None]
) -> tuple[FuzzCheck, ...]:
    """Returns the same as `chosen`, whatever requirements there are."""
    return tuple(
        check
        for check in checks(api)
        if (not requirements or set(requirements) & set(check.requirements))
        and (check.capability is None or capabilities.get(check.capability[0]) is check.capability[1])
    )


_TITLES = {
    "status.unknown": "An id that names nothing is answered as documented",
    "status.existing": "Reading a resource succeeds in every state",
    "body.shape": "Every success has the documented schema",
    "body.id": "Every success is about the resource that was asked for",
    "error.envelope": "Every documented refusal has the documented envelope",
    "error.other": "A failed authentication has the envelope of the documented refusals",
    "json.strict": "What calls itself JSON is JSON, whatever was sent",
    "json.content_type": "The answers to documented requests are labelled as JSON",
    "insides": "No answer shows a stack trace, SQL or a file path, whatever was sent",
    "secrets": "No answer repeats a secret of the caller, whatever was sent",
    "account": "No answer shows a whole account number, whatever was sent",
    "crash.path": "No malformed id causes a server error",
    "crash.credentials": "No malformed credential causes a server error",
    "crash.method": "No other method causes a server error",
    "auth.documented": "No request with good credentials is turned away as if they weren't",
    "auth.missing": "No request without credentials is accepted",
    "auth.wrong": "No generated credentials are accepted",
}
_OF_BODIES = {
    "crash.body": "No odd body causes a server error",
    "crash.key": "No odd key causes a server error",
    "crash.content_type": "No foreign content type causes a server error",
    "refused.body": "A body that is refused has no effect",
}


def _generic(described: Contract) -> Fuzzing:
    """Returns checks for the requirements that the contract names, derived from the documented operations."""
    requirements = described.fuzz_requirements
    found = [
        FuzzCheck(f"{one.name}.{what}", ids, title)
        for one in openapi.operations(described.name)
        for what, title in _titles(described, one).items()
        if (ids := requirements.get(what) or requirements.get(what.partition(".")[0]))
    ]
    operations = frozenset(one.name for one in openapi.operations(described.name))
    return Fuzzing(checks=tuple(found), whole=operations)


def _titles(described: Contract, one: Operation) -> Mapping[str, str]:
    if one.method == "GET":
        return _TITLES
    states = described.states
    titles = {f"status.{state}": f"A cancel in {state} succeeds" for state in states.cancellable}
    refused = [
        state for state in states.documented() if state not in (*states.cancellable, *states.conditional)
    ]
    titles |= {f"status.{state}": f"A cancel in {state} is refused as documented" for state in refused}
    if states.named_by_profile:
        titles["status.terminal"] = "A cancel in a final state is refused as documented"
    others = {what: title for what, title in _TITLES.items() if what != "status.existing"}
    return titles | others | (_OF_BODIES if one.has_body else {})
