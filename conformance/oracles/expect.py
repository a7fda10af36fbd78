"""Assertions on answers: each failure says which answer the document asks for, and which one came."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.model import Exchange
from conformance.oracles import hints, wording
from conformance.oracles.equality import same, same_but_nulls

requirement = pytest.mark.requirement
# Longer values don't fit into a title.
_SHORT = 100


class Violation(AssertionError):
    """The target did something else than a requirement asks.

    `observed` is the `reply` in one line, unless it is given.
    `fault` is what the target did, in one sentence without a full stop: reports show it as the title. `persisted` says
    whether a read shows the same, where a value is wrong. `differs` are the places that differ, each with what came.
    `control` marks what has to work before the check proper says anything: its failing makes the check not testable,
    and the requirement that is about that request judges it. `shown_by` is the exchange that shows the violation where
    that isn't the one of the `reply`.
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
        shown_by: Exchange | None = None,
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
        self.shown_by = shown_by if shown_by is not None or reply is None else reply.exchange


@dataclass(frozen=True, slots=True)
class Answer:
    """A documented answer: an exact status, the error code that goes with it, values of some fields."""

    status: int
    code: str | None = None
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        said = [self.short()] + [f"{path} {wording.value(value)}" for path, value in self.fields]
        return " with ".join((said[0], ", ".join(said[1:]))) if said[1:] else said[0]

    def short(self) -> str:
        """Returns status and error code: `404 not_found`."""
        return f"{self.status} {self.code}" if self.code else str(self.status)


def answered(
    reply: Reply,
    answer: Answer,
    *,
    to: str = "",
    hint: str = "",
    control: bool = False,
    fault: str = "",
    documented: bool = True,
) -> Reply:
    """The reply, if it is the documented one; a Violation that names each difference otherwise.

    `to` is the request as the subject of a sentence ("a cancel of a paid order"), from which the title is made where
    there is no `fault`. `hint` is about an answer that speaks for itself in no other way, as a page or a 5xx does;
    `documented` is False where the request may be refused for its form or its caller.
    """
    wanted = {**({"error.code": answer.code} if answer.code else {}), **dict(answer.fields)}
    differing = [path for path, value in wanted.items() if not same(reply.at(path), value)]
    if reply.status == answer.status and not differing:
        return reply
    wrong = [] if reply.status == answer.status else [f"status {reply.status}"]
    if isinstance(reply.json, dict):
        # An answer of another kind lacks what this one has: only what is there tells more than its status.
        told = [path for path in differing if not wrong or reply.at(path) is not MISSING]
        wrong += [f"{path} is {wording.of(reply, path)}" for path in told]
    raise Violation(
        expected=f"{answer}{' to ' + to.rstrip(',') if to else ''}",
        observed=f"{', '.join(wrong or ['no JSON object'])}, without a body"
        if not reply.body.strip()
        else f"{', '.join(wrong or ['no JSON object'])} (the answer was {summary.of(reply)})",
        reply=reply,
        hint=_nearly(reply, answer) or hints.by_answer(reply, hint, documented=documented),
        control=control,
        fault=fault or _title(reply, answer, to, wanted, differing),
        differs=(
            *([] if reply.status == answer.status else [f"status {reply.status}"]),
            *(came_at(reply, path) for path in differing),
        ),
    )


def _nearly(reply: Reply, answer: Answer) -> str:
    """Returns the hint for an answer that is the documented one in status or in code alone."""
    code = reply.at("error.code")
    around = next((wording.wrapper(reply, path) for path, _ in answer.fields), "")
    if around and reply.status == answer.status:
        return f"The documented fields stand at the top of the body, without `{around}` around them."
    if answer.code and reply.status != answer.status and code == answer.code:
        return f"Only the status differs: it is {answer.status} that goes with this code."
    if answer.code and reply.status == answer.status and isinstance(code, str) and code.strip():
        return f"Only the error code differs: it is {answer.code}, spelt just so."
    return ""


def _title(reply: Reply, answer: Answer, to: str, wanted: Mapping[str, Any], differing: Sequence[str]) -> str:
    """Returns what was answered instead of what, the deciding field first where the status is right."""
    if not to:
        return ""
    said = f"{wording.capital(to)} was answered {summary.short(reply)}"
    if reply.status != answer.status:
        return f"{said} instead of {answer.short()}"
    if not isinstance(reply.json, dict):
        return f"{said} {'without a JSON object in its body' if reply.body.strip() else 'without a body'}"
    path = differing[0]
    around = wording.wrapper(reply, path)
    if around:
        return f"{wording.capital(to)} was answered {reply.status} with everything inside `{around}`"
    came = reply.at(path)
    found = f"without {path}" if came is MISSING else f"with {path} {wording.of(reply, path)}"
    return (
        f"{wording.capital(to)} was answered {reply.status} {found} instead of {wording.value(wanted[path])}"
    )


def came_at(reply: Reply, path: str) -> str:
    """Returns the value under `path`, in words, that came instead of the expected one, for `Violation.differs`."""
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
    shown_by: Exchange | None = None,
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
            shown_by=shown_by,
        )


def field(
    reply: Reply,
    path: str,
    good: Callable[[Any], bool],
    expected: str,
    *,
    hint: str = "",
    where: str = "",
    read: Reply | None = None,
    fault: str = "",
) -> Any:
    """The value under `path`, if it is `good`.

    `where` says in which answer it stands ("the answer to a cancel"), from which the title is made where there is no
    `fault`; `read` is an answer to a read of the same, which shows whether a wrong value is kept.
    """
    value = reply.at(path)
    that(
        good(value),
        expected=f"{path} to be {expected}{' in ' + where if where else ''}",
        observed=observed(reply, path),
        reply=reply,
        hint=hints.by_answer(reply, hint),
        differs=(came_at(reply, path),),
        fault=fault or (wording.was(reply, path, where) if where else ""),
        persisted=wording.read_shows(read, path, value, good),
    )
    return value


def observed(reply: Reply, *paths: str) -> str:
    """The values under some paths, and then the answer that they stand in."""
    if not (reply.ok and isinstance(reply.json, dict)):
        return summary.of(reply)
    named = ", ".join(wording.shown(reply, path) for path in paths)
    return f"{named} (the answer was {summary.of(reply)})"


def unchanged(
    before: Mapping[str, Any],
    after: Any,
    keys: Iterable[str],
    *,
    reply: Reply,
    after_what: str,
    what: str = "",
    hint: str = "",
) -> None:
    """Every one of `keys` has the same JSON value in `after` as in `before`; one that is left out reads as null.

    `what` is what has to stay as it was ("a paid order"), for the title, and `after_what` what came in between.
    """
    changed = []
    for key in keys:
        was, now = before.get(key), after.get(key) if isinstance(after, dict) else MISSING
        if not same_but_nulls(was, now):
            changed.append((key, was, now))
    told = [f"{key} was {wording.whole(was)} and is {wording.whole(now)}" for key, was, now in changed]
    is_one = isinstance(after, dict)
    that(
        not changed,
        expected=f"{', '.join(key for key, _, _ in changed)} to be the same after {after_what} as before",
        observed=f"{'; '.join(told)} (a read shows {summary.of(reply)})" if is_one else summary.of(reply),
        reply=reply,
        hint=hint,
        fault=_changed(what, after_what, changed[0]) if is_one and changed else "",
    )


def _changed(what: str, after_what: str, change: tuple[str, Any, Any]) -> str:
    key, before, after = change[0], wording.whole(change[1]), wording.whole(change[2])
    whose = f" of {what}" if what else ""
    values = f" from {before} to {after}" if len(before) + len(after) <= _SHORT else ""
    return f"{key}{whose} changed{values} after {after_what}"
