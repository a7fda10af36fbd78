"""Chooses the check that a request is about: by what is odd, wrong or special in it."""

from conformance import openapi
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.http.reply import MISSING
from conformance.openapi import Operation

_KEY_ABSENT = {"absent": "key.absent"}
_CRASHES = {
    Mutation.METHOD: "crash.method",
    Mutation.PATH: "crash.path",
    Mutation.MISSING: "crash.credentials",
    Mutation.WRONG: "crash.credentials",
    Mutation.KEY: "crash.key",
    Mutation.TYPE: "crash.content_type",
    Mutation.BODY: "crash.body",
    Mutation.OPEN: "crash.body",
}


def crash_check(case: Case) -> str | None:
    """Returns the check (without its operation) that a 5xx to an odd request breaks, or no answer at all."""
    text = fuzzing(openapi.operation(case.operation).api).text
    if text is not None:
        value = case.value.get(text.name, MISSING) if isinstance(case.value, dict) else MISSING
        is_open = case.mutation is Mutation.OPEN
        if case.mutation is Mutation.FIELD_TYPE or (is_open and value is None):
            return f"crash.{text.name}"
        too_long = is_open and isinstance(value, str) and len(value) > text.limit
        if case.mutation is Mutation.FIELD_LENGTH or too_long:
            return f"{text.name}.too_long"
    return _CRASHES.get(case.mutation)


def effect_check(operation: Operation, case: Case) -> str | None:
    """Returns the check (without its operation) that a refused request breaks if it took effect all the same."""
    text = fuzzing(operation.api).text
    match case.mutation:
        case Mutation.MISSING | Mutation.WRONG:
            return auth_check(operation, case)
        case Mutation.FIELD_TYPE if text is not None:
            return f"{text.name}.other_type_effect"
        case Mutation.FIELD_LENGTH if text is not None:
            return f"{text.name}.too_long_effect"
        case Mutation.BODY | Mutation.OPEN:
            return "refused.body"
    return None


def auth_check(operation: Operation, case: Case) -> str:
    """Returns the check (without its operation) of what is wrong with the credentials of a request."""
    if case.mutation is Mutation.MISSING or any(not value for _, value in case.altered):
        return "auth.missing"
    named = fuzzing(operation.api).auth_checks
    return next((named[name] for name, _ in case.altered if name in named), "auth.wrong")


def promise_check(operation: Operation, case: Case) -> str | None:
    """Returns the check of what is special about a documented request: its state isn't to blame for that."""
    text = fuzzing(operation.api).text
    if not operation.has_body or text is None:
        return None
    return text.check(case.value) if not text.is_plain(case.value) else _KEY_ABSENT.get(case.key)
