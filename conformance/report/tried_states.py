"""The final states that a run tried, where no document names them: a verdict says nothing of any other."""

import re
from collections.abc import Iterable, Sequence

from conformance.model import Check, MatrixRow, Outcome

_TRIED = (Outcome.PASSED, Outcome.FAILED, Outcome.WARNED)
_WORD = "{state}"
# The name of the state in the id of a check where the profile names none.
_NONE = "unnamed"


def rows(matrix: Iterable[MatrixRow]) -> tuple[MatrixRow, ...]:
    """Returns the rows of a catalogue that stand for each final state of the profile: `{state}` is in their checks."""
    return tuple(row for row in matrix if _WORD in row.checks)


def terminal_states(matrix: Iterable[MatrixRow], checks: Iterable[Check]) -> tuple[str, ...]:
    """Returns the final states in which a cancel was tried, whatever came of it, each once."""
    asked = _asked(matrix, checks)
    return tuple(dict.fromkeys(state for state, check in asked if check.outcome in _TRIED))


def named(matrix: Iterable[MatrixRow], checks: Iterable[Check]) -> tuple[str, ...]:
    """Returns the final states that the profile named, tried or not, as far as the ids of checks tell."""
    return tuple(dict.fromkeys(state for state, _ in _asked(matrix, checks) if state != _NONE))


def sentence(matrix: Iterable[MatrixRow], checks: Iterable[Check]) -> str:
    """Returns a note for the reader of a verdict, empty where no check was about final states."""
    asked = _asked(matrix, checks)
    if not asked:
        return ""
    tried = tuple(dict.fromkeys(state for state, check in asked if check.outcome in _TRIED))
    missed = [state for state in dict.fromkeys(state for state, _ in asked) if state not in (*tried, _NONE)]
    said = (
        f"Terminal states that were tried: {', '.join(tried)}." if tried else "No terminal state was tried."
    )
    also = f" Named, and not to be had: {', '.join(missed)}." if missed else ""
    return f"{said}{also} The verdict says nothing of any other."


def _asked(matrix: Iterable[MatrixRow], checks: Iterable[Check]) -> Sequence[tuple[str, Check]]:
    """Each check of such a row, with the state in its id."""
    patterns = [pattern(row.checks) for row in rows(matrix)]
    matches = ((pattern.fullmatch(check.id), check) for check in checks for pattern in patterns)
    return [(match["state"], check) for match, check in matches if match is not None]


def pattern(checks: str) -> re.Pattern[str]:
    """Returns what matches the ids of checks that a row of the matrix means.

    A state may have a hyphen in its name, the words for `*` have none.
    """
    return re.compile(re.escape(checks).replace(r"\*", "[^-]+").replace(re.escape(_WORD), "(?P<state>.+)"))
