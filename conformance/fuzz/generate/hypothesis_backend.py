"""How Hypothesis comes by its choices: each request drawn by itself, from the seed and nothing else.

Hypothesis' own way remembers what it has drawn, repeats parts of it, and mixes in texts that it finds in the modules
that happen to be loaded. That is for shrinking and for tests of one's own code. Here it makes every other request a
repetition, and a stream that depends on who imported what. Hypothesis documents backends as a way to replace it.
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
    """The name to give to `settings(backend=...)`."""
    providers.AVAILABLE_PROVIDERS.setdefault(BACKEND, SeededProvider)
    return BACKEND
