"""The checks of fuzzing: stable ids, each with the rows of the catalogue that it speaks of.

A failure is always reported under one of these, so that a pass is recorded too. The level of a check is that of its
row, unless it is about a part of the row that has another one: a SHOULD part of a MUST can only warn, and a MUST part
of a SHOULD fails.

An id is `fuzz::<operation>.<what>`. `suites/<api>/fuzz_checks.py` declares each; the first word of `<what>` tells where
it is judged, though the whole id seldom stands there:

    walk        a step of a sequence of requests: suites/<api>/state_machine.py, intent_state.py
    walk.headers, walk.label   a step with further headers: chosen in execute/sequence_steps.py
    status      oracle/oracle.py, by the state of the resource; status.again: suites/<api>/fuzz_checks.py
    auth        oracle/oracle.py; which of them: oracle/check_of.py
    accepts, error   oracle/oracle.py; error.other: oracle/response_checks.py
    body        oracle/body.py
    json, insides, secrets, secrets_told, account   oracle/response_checks.py
    crash       oracle/oracle.py, and no answer at all execute/unanswered.py; which of them: oracle/check_of.py
    refused     an effect of what was refused: execute/effects.py; which of them: oracle/check_of.py
    reason      the text field: oracle/body.py; ..._effect: execute/effects.py; the rest: oracle/oracle.py
    key         key.other_...: oracle/oracle.py; key.replay, key.conflict: suites/<api>/fuzz_checks.py
    read_back   suites/<api>/fuzz_checks.py
"""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.model import Level, Requirement

SUITE = "fuzz"
Row = tuple[str, str, str] | tuple[str, str, str, Level]
"""A row of a table of checks: what it checks, its requirements, a title, and perhaps a level of its own."""


@dataclass(frozen=True, slots=True)
class FuzzCheck:
    """One check. `key` is `<operation>.<what>`; `part` is its level where that isn't the requirement's.

    `capability` names what a profile has to declare, and the value.
    """

    key: str
    requirements: tuple[str, ...]
    title: str
    part: Level | None = None
    capability: tuple[str, bool] | None = None

    @property
    def id(self) -> str:
        """Returns the id that a run record has."""
        return f"{SUITE}::{self.key}"

    def level(self, requirements: Mapping[str, Requirement]) -> Level:
        """Returns the level of its requirements, unless it is about a part with a level of its own."""
        if self.part is not None:
            return self.part
        levels = {requirements[one].level for one in self.requirements}
        if levels == {Level.SHOULD}:
            return Level.SHOULD
        return Level.MAY if levels == {Level.MAY} else Level.MUST


def table(operation: str, *rows: Row) -> tuple[FuzzCheck, ...]:
    """Returns the checks of one operation, from rows."""
    return tuple(
        FuzzCheck(f"{operation}.{row[0]}", tuple(row[1].split()), row[2], row[3] if len(row) > 3 else None)
        for row in rows
    )
