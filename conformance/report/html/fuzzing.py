"""Shows the figures of the fuzzing: known ones as pictures, all others as they are.

`RunRecord.fuzz` has no fixed shape. Operations with their statuses become histograms, in which a documented status
that never came stands as an empty bar; of all else, plain values become facts, tables and lists. Pure; no errors.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.report.html.charts import WIDTH
from conformance.report.html.evidence import kind
from conformance.report.safe import counted, line, visible

_ROWS = 60
_ENTRIES = 40
_TEXT = 3000
_CASES = 60
# What records call otherwise than people do.
_WORDS = {"walks": "sequences", "walked": "performed", "idle_checks": "checks without a result"}
_KNOWN = ("operations", "statuses", "shallow")


@dataclass(frozen=True, slots=True)
class Status:
    """The number of times that a status came; `documented` is None where the operation doesn't say which ones are."""

    status: str
    count: int
    width: float
    kind: str
    documented: bool | None


@dataclass(frozen=True, slots=True)
class Reached:
    """An operation with its statuses; `unreached` are documented ones that never came."""

    operation: str
    answers: int
    statuses: tuple[Status, ...]
    unreached: tuple[str, ...]


Entry = tuple[str, str]
"""One of a list of things, told as JSON: its first words, and all of it."""


@dataclass(frozen=True, slots=True)
class Failing:
    """The smallest request that a check was seen failing with; `seen` says how often, and whether once more alone."""

    check: str
    cause: str
    seen: str
    expected: str
    observed: str
    curl: str


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """Facts by name, histograms, failing cases, small tables (name, then label and value), lists.

    A list is its name, its entries, and how many more there are.
    """

    facts: tuple[tuple[str, str], ...]
    operations: tuple[Reached, ...]
    unreached: tuple[str, ...]
    failing: tuple[Failing, ...]
    tables: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    lists: tuple[tuple[str, tuple[Entry, ...], int], ...]


def fuzzing(fuzz: Mapping[str, object] | None) -> Fuzzing | None:
    """Returns the view of `fuzz`; None where there was no fuzzing."""
    if fuzz is None:
        return None
    facts, tables, lists = [], [], []
    failing = _failing(fuzz.get("failing"))
    for key, value in fuzz.items():
        if key == "failing" and failing:
            continue
        name = line(_WORDS.get(str(key), str(key).replace("_", " ")), 60)
        if key in _KNOWN and (key == "shallow" or isinstance(value, Mapping)):
            continue
        if _plain(value):
            facts.append((name, _text(value)))
        elif isinstance(value, Mapping) and value and all(_plain(one) for one in value.values()):
            rows = [
                (line(_WORDS.get(str(label), str(label)), 200), _text(one))
                for label, one in list(value.items())[:_ROWS]
            ]
            tables.append((name, tuple(rows)))
        elif isinstance(value, Mapping | Sequence) and value:
            pairs = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
            entries = [_entry(str(label), one) for label, one in list(pairs)[:_ENTRIES]]
            lists.append((name, tuple(entries), max(len(value) - _ENTRIES, 0)))
    operations = _operations(fuzz)
    told = fuzz.get("shallow")
    unreached = told if isinstance(told, list | tuple) else ()
    own = [f"{one.operation} {status}" for one in operations for status in one.unreached]
    named = dict.fromkeys([*own, *(line(str(one), 200) for one in unreached[:_ROWS])])
    return Fuzzing(tuple(facts), operations, tuple(named), failing, tuple(tables), tuple(lists))


def _failing(told: object) -> tuple[Failing, ...]:
    """By check, a list of cases; nothing where it has another shape, which is then shown as it is."""
    if not isinstance(told, Mapping):
        return ()
    found = [
        _case(str(check), case)
        for check, cases in told.items()
        for case in (cases if isinstance(cases, list | tuple) else ())
        if isinstance(case, Mapping)
    ]
    return tuple(found[:_CASES])


def _case(check: str, case: Mapping[str, object]) -> Failing:
    often = case.get("seen")
    again = {True: ", and again when sent by itself", False: ", and not when sent by itself"}
    alone = case.get("again")
    return Failing(
        line(check, 200),
        line(str(case.get("cause") or "another answer"), 120),
        (counted(often, "time") if type(often) is int else "seen")
        + (again[alone] if type(alone) is bool else ""),
        str(case.get("expected") or "")[:_TEXT],
        str(case.get("observed") or "")[:_TEXT],
        visible(str(case.get("curl") or "")[: 2 * _TEXT], newlines=True),
    )


def _operations(fuzz: Mapping[str, object]) -> tuple[Reached, ...]:
    """Statuses stand under `operations` or `statuses`: by operation, or one level deeper under `statuses`."""
    found = {}
    for key in ("statuses", "operations"):
        table = fuzz.get(key)
        for name, told in list(table.items())[:_ROWS] if isinstance(table, Mapping) else ():
            if isinstance(told, Mapping):
                reached = _reached(line(str(name), 200), told)
                if reached.statuses:
                    found[reached.operation] = reached
    return tuple(found.values())


def _reached(name: str, told: Mapping[str, object]) -> Reached:
    nested = told.get("statuses", told)
    statuses = nested if isinstance(nested, Mapping) else {}
    listed = told.get("documented")
    documented = [str(one) for one in listed] if isinstance(listed, list | tuple) else None
    unseen = told.get("never_reached")
    never = [str(one) for one in unseen] if isinstance(unseen, list | tuple) else []
    counts = {str(status): count for status, count in statuses.items() if type(count) is int and count >= 0}
    never += [one for one in documented or () if not counts.get(one) and one not in never]
    most = max(counts.values(), default=0) or 1
    rows = tuple(
        Status(
            line(status, 40),
            counts.get(status, 0),
            round(WIDTH * counts.get(status, 0) / most, 1),
            kind(int(status[:3])) if status[:3].isascii() and status[:3].isdecimal() else "none",
            None if documented is None else status in documented,
        )
        for status in sorted({*counts, *never})[:_ROWS]
    )
    return Reached(name, sum(counts.values()), rows, tuple(line(one, 40) for one in never[:_ROWS]))


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return line(f"{value:,}" if isinstance(value, int) else str(value), 400)


def _entry(label: str, value: object) -> Entry:
    """A title from what usually names such things, or else its first words."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
    title = label
    if isinstance(value, Mapping):
        named = [str(value[key]) for key in ("check", "id", "operation", "name", "title") if key in value]
        title = " · ".join(named) or label
    elif _plain(value):
        title = str(value)
    return line(title, 200), text[:_TEXT] + ("…" if len(text) > _TEXT else "")
