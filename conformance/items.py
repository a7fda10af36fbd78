"""The checks of a suite as pytest collects them: their ids, their promises, and when they run."""

import re
from collections.abc import Mapping

import pytest

from conformance.model import Level, Requirement

TERMINAL = pytest.StashKey[tuple[str, ...]]()
"""Where a collection without a profile finds the final states that a profile would name."""

MARKERS = (
    "requirement(*ids, level=None): the requirements that a check is about",
    "waits: mostly waits for events; a module of such checks begins first",
    "together: shares evidence with the rest of its module, in one process",
    "cancels: cancels resources that other checks have left, and so comes after these",
    "last: looks back on the run, in one worker, after all other checks; in a module that waits, on that module",
    "watch: reads resources that were cancelled some time ago; in the same worker, after all others",
    "settled: looks back on all cancels; in the same worker, last of all",
)
"""The markers of checks, as pytest lists them."""

# What no word of pytest's expressions may hold.
_NO_WORD = r"[^\w:+.\[\]/-]"


def runs_last(item: pytest.Item) -> bool:
    """Returns whether a check looks back on the other checks of the run, and so runs after them."""
    return item.get_closest_marker("last") is not None


def needs_whole_run(item: pytest.Item) -> bool:
    """Returns whether a check looks back on what all workers did; in a module that waits, it does so on that module."""
    return watches(item) or (runs_last(item) and item.get_closest_marker("waits") is None)


def cancels(item: pytest.Item) -> bool:
    """Returns whether a check cancels resources that others leave, and so is better done after these."""
    return item.get_closest_marker("cancels") is not None


def watches(item: pytest.Item) -> bool:
    """Returns whether a check waits until the last cancel of the suites is some seconds old."""
    return item.get_closest_marker("watch") is not None


def looks_on_shared(item: pytest.Item) -> bool:
    """Returns whether a check looks back on the cancels of all resources that checks share, and so runs after these."""
    return item.get_closest_marker("settled") is not None


def turn(item: pytest.Item) -> tuple[bool, ...]:
    """Returns when a check runs, as a key to sort by: what looks back on others comes after these."""
    return looks_on_shared(item), watches(item), needs_whole_run(item), runs_last(item), cancels(item)


def check_id(item: pytest.Item) -> str:
    """Returns the id of a check, `suite::name[case]`: permanent as long as the test keeps its name."""
    name = item.name.removeprefix("test_")
    return f"{item.path.stem.removeprefix('test_')}::{name}"


def keyword(check: str) -> str:
    """Returns the id of a check as a word of an expression for `-k`, in which some characters can't stand."""
    return f"::{re.sub(_NO_WORD, '_', check)}::"


def first_line(item: pytest.Item) -> str:
    """Returns the promise of a check: the first line of its docstring."""
    doc = getattr(getattr(item, "function", None), "__doc__", None) or item.name
    return str(doc).strip().splitlines()[0]


def requirements(item: pytest.Item) -> tuple[str, ...]:
    """Returns the ids of the requirements that a check is about, each once."""
    return tuple(dict.fromkeys(one for mark in item.iter_markers("requirement") for one in mark.args))


def level(item: pytest.Item, by_id: Mapping[str, Requirement]) -> Level:
    """Returns the level of a check: its own, or else that of its requirements."""
    explicit = [mark.kwargs["level"] for mark in item.iter_markers("requirement") if mark.kwargs.get("level")]
    if explicit:
        return Level(explicit[0])
    levels = {by_id[one].level for one in requirements(item)}
    return Level.SHOULD if levels == {Level.SHOULD} else Level.MAY if levels == {Level.MAY} else Level.MUST
