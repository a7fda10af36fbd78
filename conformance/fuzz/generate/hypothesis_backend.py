"""A backend of Hypothesis that draws each request from the seed and nothing else.

The default backend repeats parts of earlier draws and mixes in constants of the modules that are loaded: every other
request would be a repetition, and the stream would depend on imports. Backends are Hypothesis' documented extension.
"""

from typing import Any

from hypothesis.internal.conjecture import providers
from hypothesis.internal.conjecture.choice import choice_constraints_key, choice_permitted

BACKEND = "payout-conformance"
_allowed: dict[Any, tuple[Any, ...]] = {}


class SeededProvider(providers.HypothesisProvider):
    """Hypothesis' distributions, with its own list of nasty values and no others."""

    def _maybe_draw_constant(self, choice_type: Any, constraints: Any, *, p: float = 0.05) -> Any:
        assert self._random is not None
        if self._random.random() > p:
            return None
        key = (choice_type, choice_constraints_key(choice_type, constraints))
        if key not in _allowed:
            known = providers.GLOBAL_CONSTANTS.set_for_type(choice_type)
            _allowed[key] = tuple(each for each in known if choice_permitted(each, constraints))
        return self._random.choice(_allowed[key]) if _allowed[key] else None


def register() -> str:
    """Registers the backend; returns its name for `settings(backend=...)`."""
    providers.AVAILABLE_PROVIDERS.setdefault(BACKEND, SeededProvider)
    return BACKEND
