"""The steps of a problem as lines: all of them, or the few that matter most. Pure; no errors."""

from collections import Counter
from collections.abc import Iterator, Sequence

from conformance.report.safe import counted
from conformance.report.steps import Step, Steps

# From so many on, requests at the same time are one step.
_CROWD = 4
_SHOWS = " <- shows it"
# So many steps are shown where there is little room.
_SHORT = 6
_READING = ("GET ", "HEAD ", "OPTIONS ")


def lines(found: Steps, run: str) -> Iterator[str]:
    """Yields the steps, a line each; `run` is the folder of the run, which has the requests that were left out."""
    yield from _earlier(found, run)
    for group in _at_once(found.steps):
        yield from _lines(group)


def _earlier(found: Steps, run: str) -> Iterator[str]:
    if found.left_out:
        yield f"({counted(found.left_out, 'earlier request')} in {run}/exchanges.har)"


def _lines(group: Sequence[Step]) -> Iterator[str]:
    if len(group) < _CROWD:
        yield from map(step_line, group)
        return
    number = Counter(one.answer for one in group)
    first, answers = group[0], "; ".join(f"{count} times {answer}" for answer, count in number.items())
    apart = ", each with values of its own" if len({one.sent for one in group}) > 1 else ""
    sent = f", {first.sent}" if first.sent else ""
    shows = _SHOWS if any(one.decides for one in group) else ""
    yield f"{first.number}. {len(group)} at the same time {first.request}{sent}{apart}: {answers}{shows}"


def in_short(found: Steps, run: str) -> Iterator[str]:
    """Yields the steps that matter most of many: the first, what changed something, what shows it. None for few."""
    groups = _at_once(found.steps)
    if len(groups) <= _SHORT + 1:
        return
    decides = next(
        (at for at, group in enumerate(groups) if any(one.decides for one in group)), len(groups) - 1
    )
    kept = {0, decides}
    # The latest say most of what was so before the last.
    for at in sorted(range(len(groups)), key=lambda at: (not _matters(groups, at), abs(decides - at))):
        if len(kept) < _SHORT:
            kept.add(at)
    yield from _earlier(found, run)
    left = counted(len(groups) - len(kept), "other step")
    yield f"({left} in the report)"
    for at in sorted(kept):
        yield from _lines(groups[at])


def _matters(groups: Sequence[Sequence[Step]], at: int) -> bool:
    """Returns whether a step changed something, or was answered otherwise than the same request the last time."""
    one = groups[at][0]
    if not one.request.startswith(_READING):
        return one.answer.startswith("2") or len(groups[at]) > 1
    before = [
        group[0] for group in groups[:at] if (group[0].request, group[0].sent) == (one.request, one.sent)
    ]
    return bool(before) and before[-1].answer != one.answer


def _at_once(steps: Sequence[Step]) -> list[list[Step]]:
    """Returns the steps, those together that asked for the same at the same time."""
    found: list[list[Step]] = []
    for step in steps:
        if found and step.together and step.request == found[-1][0].request:
            found[-1].append(step)
        else:
            found.append([step])
    return found


def step_line(step: Step) -> str:
    """A step in one line, numbered, the deciding one marked."""
    when = "at the same time " if step.together else f"{step.pause_s} s later " if step.pause_s else ""
    return f"{step.number}. {when}{step.line}{_SHOWS if step.decides else ''}"
