"""Shuffle bag: no option repeats until all were drawn."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class ShuffleBag:
    """Draws from options so that none repeats until all were drawn."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._left: dict[str, list[int]] = {}

    def draw(self, name: str, options: Sequence[T]) -> T:
        """Draws one of `options`; their number has to be the same each time for one `name`."""
        left = self._left.get(name) or self._rng.sample(range(len(options)), len(options))
        self._left[name] = left[:-1]
        return options[left[-1]]
