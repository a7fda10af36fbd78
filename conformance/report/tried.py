"""Which terminal states a run tried: no document names them, so a verdict says nothing of any other."""

import re
from collections.abc import Iterable

from conformance.model import Check, Outcome

_REFUSED = re.compile(r"cancellation::matrix_terminal_state_is_refused\[(?P<state>.+)-[^-]+\]")
_TRIED = (Outcome.PASSED, Outcome.FAILED, Outcome.WARNED)
# How the check is called where the profile names no state.
_NONE = "unnamed"


def terminal_states(checks: Iterable[Check]) -> tuple[str, ...]:
    """The terminal states of payout intents that were cancelled in vain, or not in vain, each once."""
    return tuple(dict.fromkeys(state for state, check in _asked(checks) if check.outcome in _TRIED))


def sentence(checks: Iterable[Check]) -> str:
    """A note for the reader of a verdict, empty where no check was about terminal states."""
    asked = list(_asked(checks))
    tried = terminal_states(check for _, check in asked)
    missed = [state for state in dict.fromkeys(state for state, _ in asked) if state not in (*tried, _NONE)]
    if not asked:
        return ""
    said = (
        f"Terminal states that were tried: {', '.join(tried)}." if tried else "No terminal state was tried."
    )
    also = f" Named, and not to be had: {', '.join(missed)}." if missed else ""
    return f"{said}{also} The verdict says nothing of any other."


def _asked(checks: Iterable[Check]) -> Iterable[tuple[str, Check]]:
    for check in checks:
        found = _REFUSED.fullmatch(check.id)
        if found is not None:
            yield found["state"], check
