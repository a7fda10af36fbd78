"""Places the bars of a page's pictures: the outcomes, the run over time, latency. Geometry only; no errors.

Every picture has its figures beside it as text; the drawing says nothing that the text doesn't.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from conformance.model import Check, Outcome, RunRecord
from conformance.report import explain
from conformance.report.html.evidence import operation
from conformance.report.html.shell import took

OUTCOME_ORDER = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.WARNED,
    Outcome.NOT_TESTABLE,
    Outcome.DESELECTED,
    Outcome.NOT_APPLICABLE,
    Outcome.PASSED,
)
_BARS = 1500
_LANES = 8
_SLOTS = 120
_OPERATIONS = 8
_PER_DECADE = 6
_WORDS = re.compile(r"v\d+|[a-z]+(?:[_-][a-z]+)*")
WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle from `x` on, `width` wide (of WIDTH), at `y` and `height` (in the picture's own units)."""

    kind: str
    label: str
    x: float
    width: float
    y: float = 0
    height: float = 1
    count: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """A suite on the timeline: its checks as bars on up to `rows` lines."""

    suite: str
    checks: int
    requests: int
    seconds: float
    rows: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The run over time: lanes of checks, requests per slot, the labels of the axis, what wasn't drawn."""

    lanes: tuple[Lane, ...]
    requests: tuple[Bar, ...]
    peak: str
    ticks: tuple[str, ...]
    undrawn: int


@dataclass(frozen=True, slots=True)
class Latency:
    """The durations of the answers to one operation: a histogram on a logarithmic axis, and the usual figures."""

    operation: str
    answers: int
    unanswered: int
    bars: tuple[Bar, ...]
    median: float
    figures: tuple[tuple[str, str], ...]


def stacked(parts: Sequence[tuple[str, str, int]]) -> tuple[Bar, ...]:
    """One bar made of (kind, label, count); what counts nothing isn't in it."""
    total = sum(count for _, _, count in parts) or 1
    bars, x = [], 0.0
    for kind, label, count in parts:
        if count:
            width = WIDTH * count / total
            bars.append(Bar(kind, label, round(x, 1), round(width, 1), count=count))
            x += width
    return tuple(bars)


def outcomes(record: RunRecord) -> tuple[Bar, ...]:
    """The requirements by outcome, the worst first."""
    counts = record.counts()
    return stacked([(one.value, explain.OUTCOMES[one], counts[one.value]) for one in OUTCOME_ORDER])


# -- the run over time -------------------------------------------------------------------------------------------


def timeline(record: RunRecord) -> Timeline | None:
    """When each check ran and when requests were sent; None where no instant can be read."""
    begun = [(check, _when(check.started_at)) for check in record.checks]
    spans = [(check, began, max(check.duration_s, 0)) for check, began in begun if began]
    if not spans:
        return None
    sent = [began for exchange in record.exchanges if (began := _when(exchange.started_at))]
    start = min([began for _, began, _ in spans] + sent)
    end = max([began + length for _, began, length in spans] + sent)
    scale = WIDTH / max(end - start, 0.001)
    rank = {outcome: place for place, outcome in enumerate(OUTCOME_ORDER)}
    drawn = sorted(spans, key=lambda span: (rank[span[0].outcome], -span[2]))[:_BARS]
    kept = {id(check) for check, _, _ in drawn}
    suites: dict[str, list[tuple[Check, float, float]]] = {}
    for check, began, length in sorted(spans, key=lambda span: span[1]):
        suites.setdefault(check.suite, []).append((check, (began - start) * scale, length * scale))
    lanes = tuple(_lane(suite, members, kept) for suite, members in suites.items())
    slots = Counter(min(int((began - start) * scale * _SLOTS / WIDTH), _SLOTS - 1) for began in sent)
    length = end - start
    return Timeline(
        lanes,
        tuple(_columns(slots, _SLOTS, 0.8)),
        f"at most {max(slots.values(), default=1)} in {took(length / _SLOTS)}",
        tuple(took(length * part / 4) if part else "0 s" for part in range(5)),
        len(spans) - len(drawn),
    )


def _lane(suite: str, members: Sequence[tuple[Check, float, float]], kept: set[int]) -> Lane:
    """Bars that overlap in time stand below one another, as far as there are lines for them."""
    free: list[float] = []
    bars = []
    for check, x, width in members:
        row = next((number for number, until in enumerate(free) if until <= x), None)
        if row is None:
            row = len(free) if len(free) < _LANES else min(range(len(free)), key=lambda number: free[number])
            free[row:] = [0.0] if row == len(free) else free[row:]
        wide = max(width, 1.6)
        free[row] = x + wide
        if id(check) in kept:
            label = f"{check.id}: {explain.OUTCOMES[check.outcome]}, {took(check.duration_s)}"
            bars.append(
                Bar(check.outcome.value, label, round(min(x, WIDTH - wide), 1), round(wide, 1), row, 0.8)
            )
    bars.sort(key=lambda bar: bar.kind != Outcome.PASSED.value)
    return Lane(
        suite,
        len(members),
        len({index for check, _, _ in members for index in check.exchanges}),
        sum(check.duration_s for check, _, _ in members),
        max(len(free), 1),
        tuple(bars),
    )


def _when(instant: str | None) -> float | None:
    try:
        return datetime.fromisoformat(instant or "").timestamp()
    except (ValueError, OverflowError):
        return None


# -- latency -----------------------------------------------------------------------------------------------------


def latency(record: RunRecord) -> tuple[tuple[Latency, ...], tuple[str, ...]]:
    """Per operation, those with most answers first, all on one axis; and the labels of that axis."""
    times: dict[str, list[float]] = {}
    silent: Counter[str] = Counter()
    for name, status, seconds in _named(record):
        if status is None or not math.isfinite(seconds):
            silent[name] += 1
        else:
            times.setdefault(name, []).append(max(seconds, 1e-5))
    if not times:
        return (), ()
    names = sorted(times, key=lambda name: -len(times[name]))
    if len(names) > _OPERATIONS:
        rest = names[_OPERATIONS - 1 :]
        times["everything else"] = [value for name in rest for value in times[name]]
        silent["everything else"] = sum(silent[name] for name in rest)
        names = [*names[: _OPERATIONS - 1], "everything else"]
    shortest = min(min(times[name]) for name in names)
    longest = max(max(times[name]) for name in names)
    low = math.floor(math.log10(shortest))
    high = max(math.ceil(math.log10(longest)), low + 1)
    ticks = tuple(took(10.0**power) for power in range(low, high + 1))
    return tuple(_latency(name, sorted(times[name]), silent[name], low, high) for name in names), ticks


def _latency(name: str, times: Sequence[float], unanswered: int, low: int, high: int) -> Latency:
    bins = (high - low) * _PER_DECADE
    width = WIDTH / bins

    def place(seconds: float) -> float:
        return (math.log10(seconds) - low) / (high - low) * WIDTH

    counts = Counter(min(max(int(place(value) / width), 0), bins - 1) for value in times)
    edges = [took(10 ** (low + edge / _PER_DECADE)) for edge in range(bins + 1)]
    bars = tuple(
        replace(bar, label=f"{edges[slot]} to {edges[slot + 1]}: {bar.count}")
        for slot, bar in zip(sorted(counts), _columns(counts, bins, 0.92, least=0.03), strict=True)
    )
    shares = {"median": 0.5, "90 %": 0.9, "99 %": 0.99, "longest": 1}
    figures = tuple((label, took(_quantile(times, share))) for label, share in shares.items())
    return Latency(name, len(times), unanswered, bars, round(place(_quantile(times, 0.5)), 1), figures)


def _columns(counts: Counter[int], number: int, wide: float, least: float = 0) -> Iterator[Bar]:
    """Yields a bar for each counted one of `number` slots: so much of its slot `wide`, and at the `least` so high."""
    width, most = WIDTH / number, max(counts.values(), default=1)
    for slot, count in sorted(counts.items()):
        high = max(count / most, least)
        x, y = round(slot * width, 1), round(1 - high, 3)
        yield Bar("plain", "", x, round(width * wide, 1), y, round(high, 3), count)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: a value that really occurred."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _named(record: RunRecord) -> list[tuple[str, int | None, float]]:
    """Each exchange with the name of its operation: its path, an ellipsis in place of what looks like an id.

    A segment is an id unless it is a plain word that many requests share.
    """
    split = [operation(record, exchange).split("/") for exchange in record.exchanges]
    often = Counter((place, segment) for parts in split for place, segment in enumerate(parts))
    least = max(2, len(split) // 50)

    def shown(place: int, segment: str) -> str:
        plain = place == 0 or segment == "" or _WORDS.fullmatch(segment) is not None
        if plain and often[place, segment] >= least:
            return segment
        return "…" if place else "other methods "

    names = ["/".join(shown(place, segment) for place, segment in enumerate(parts)) for parts in split]
    return [
        (name, exchange.status, exchange.duration_s)
        for name, exchange in zip(names, record.exchanges, strict=True)
    ]
