"""Finds which of several names in one request is taken notice of, so that a title names one cause and no bundle."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.errors import ConformanceError
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation


def narrowed(
    names: Mapping[str, Any], reply: Reply, wrong: Callable[[Mapping[str, Any]], Reply | None]
) -> tuple[str, Reply]:
    """Returns what `single` does of names with their values; no name, and `reply`, where no single one suffices."""
    found = single(list(names), lambda some: wrong({name: names[name] for name in some}))
    return ("", reply) if found is None else found


def single(names: Sequence[str], wrong: Callable[[Sequence[str]], Reply | None]) -> tuple[str, Reply] | None:
    """Returns a name that suffices by itself, and the answer to the request which had that name alone.

    `wrong` sends a request with some of the names, on new resources, and returns its answer where that is wrong. It is
    called about log2(len(names)) + 1 times. Returns None where no single name suffices, or where resources end.
    """
    left, answer = list(names), None
    try:
        while len(left) > 1:
            half = left[: len(left) // 2]
            answer = wrong(half)
            left = half if answer is not None else left[len(half) :]
            if answer is None and len(left) == 1:
                break
        if not left:
            return None
        answer = answer if answer is not None and len(left) == 1 else wrong(left)
    except (ConformanceError, Violation):
        return None
    return None if answer is None else (left[0], answer)
