"""A finding of the doctor: what was tried, what came, what to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.report.safe import inert, visible


class State(StrEnum):
    """The result of an examination. `note` asks for nothing, `warning` for a look; `missing` leaves checks untested."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    MISSING = "missing"
    WRONG = "wrong"
    UNREACHABLE = "unreachable"


_CODES = {State.UNREACHABLE: 4, State.WRONG: 2, State.MISSING: 3}
_SHADES = {
    State.OK: "good",
    State.NOTE: "dim",
    State.WARNING: "warn",
    State.MISSING: "warn",
    State.WRONG: "bad",
    State.UNREACHABLE: "bad",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`id` is stable, for programs; the texts are for people. `todo` is empty where nothing is to be done."""

    id: str
    tried: str
    state: State
    came: str
    todo: str = ""


def exit_code(lines: Sequence[Finding]) -> int:
    """4 the target can't be reached or isn't this API, 2 something is to be mended, 3 a run would be inconclusive."""
    codes = {_CODES.get(line.state, 0) for line in lines}
    return next((code for code in (4, 2, 3) if code in codes), 0)


def text(line: Finding, style: Callable[[str, str], str]) -> str:
    """For a terminal: what came, and below it what to do. What a target or a source said is shown, not obeyed."""
    tried, came, todo = (visible(one, newlines=True) for one in (line.tried, line.came, line.todo))
    said = f"{style(f'{line.state:<12}', _SHADES[line.state])}{tried}: {came}\n"
    return inert(said + (f"{'':12}-> {todo}\n" if todo else ""))


def as_json(lines: Sequence[Finding], target: dict[str, Any]) -> dict[str, Any]:
    """The whole diagnosis for programs."""
    keys = ("id", "state", "tried", "came", "todo")
    told = [{key: str(getattr(line, key)) for key in keys} for line in lines]
    return {"target": target, "exit_code": exit_code(lines), "lines": told}
