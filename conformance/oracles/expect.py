"""Assertions on answers: each failure says which answer the document asks for, and which one came."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles.equality import same, same_but_nulls

requirement = pytest.mark.requirement
_SHORT = 100


class Violation(AssertionError):
    """The target did something else than a requirement asks.

    `observed` is the `reply` in one line, unless it is given.
    `fault` is what the target did, in one sentence without a full stop: reports show it as the title. `persisted` says
    whether a read shows the same, where a value is wrong. `differs` are the places that differ, each with what came.
    `control` marks what has to work before the check proper says anything: its failing makes the check not testable,
    and the requirement that is about that request judges it.
    """

    def __init__(
        self,
        *,
        expected: str,
        observed: str = "",
        reply: Reply | None = None,
        hint: str = "",
        control: bool = False,
        fault: str = "",
        persisted: str = "",
        differs: tuple[str, ...] = (),
    ) -> None:
        if not observed and reply is not None:
            observed = summary.of(reply)
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed
        self.reply = reply
        self.hint = hint
        self.control = control
        self.fault = fault
        self.persisted = persisted
        self.differs = differs


@dataclass(frozen=True, slots=True)
class Answer:
    """A documented answer: an exact status, the error code that goes with it, values of some fields."""

    status: int
    code: str | None = None
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        said = [f"error.code {self.code!r}"] if self.code else []
        said += [f"{path} {value!r}" for path, value in self.fields]
        return str(self.status) + (" with " + ", ".join(said) if said else "")


def answered(
    reply: Reply, answer: Answer, *, to: str = "", hint: str = "", control: bool = False, fault: str = ""
) -> Reply:
    """The reply, if it is the documented one; a Violation that names each difference otherwise."""
    wanted = {**({"error.code": answer.code} if answer.code else {}), **dict(answer.fields)}
    wrong = [] if reply.status == answer.status else [f"status {reply.status}"]
    wrong += [
        f"{path} is {reply.at(path)!r}" for path, value in wanted.items() if not same(reply.at(path), value)
    ]
    if wrong:
        raise Violation(
            expected=f"{answer}{' to ' + to if to else ''}",
            observed=f"{', '.join(wrong)} (the answer was {summary.of(reply)})",
            reply=reply,
            hint=hint,
            control=control,
            fault=fault,
            differs=(
                *([] if reply.status == answer.status else [f"status {reply.status}"]),
                *(
                    differing(reply, path)
                    for path, value in wanted.items()
                    if not same(reply.at(path), value)
                ),
            ),
        )
    return reply


def differing(reply: Reply, path: str) -> str:
    """What stands under `path` instead of what was expected, for `Violation.differs`."""
    value = reply.at(path)
    if value is MISSING:
        return f"{path} absent"
    kinds = {dict: "an object", list: "a list", int: "a number", float: "a number"}
    return f"{path} {kinds.get(type(value)) or str(value)[:_SHORT]}"


def that(
    holds: bool,
    *,
    expected: str,
    observed: str = "",
    reply: Reply | None = None,
    hint: str = "",
    control: bool = False,
    fault: str = "",
    persisted: str = "",
    differs: tuple[str, ...] = (),
) -> None:
    """Raises the Violation unless `holds`."""
    if not holds:
        raise Violation(
            expected=expected,
            observed=observed,
            reply=reply,
            hint=hint,
            control=control,
            fault=fault,
            persisted=persisted,
            differs=differs,
        )


def field(reply: Reply, path: str, good: Callable[[Any], bool], expected: str, *, hint: str = "") -> Any:
    """The value under `path`, if it is `good`."""
    value = reply.at(path)
    that(
        good(value),
        expected=f"{path} to be {expected}",
        observed=f"{path} is {value!r}",
        reply=reply,
        hint=hint,
        differs=(differing(reply, path),),
    )
    return value


def unchanged(
    before: Mapping[str, Any], after: Any, keys: Iterable[str], *, reply: Reply, after_what: str
) -> None:
    """Every one of `keys` has the same JSON value in `after` as in `before`; one that is left out reads as null."""
    changed = []
    for key in keys:
        was, now = before.get(key), after.get(key) if isinstance(after, dict) else MISSING
        if not same_but_nulls(was, now):
            changed.append(f"{key} was {was!r} and is {now!r}")
    that(
        not changed,
        expected=f"nothing of {', '.join(keys)} to change by {after_what}",
        observed="; ".join(changed),
        reply=reply,
    )
