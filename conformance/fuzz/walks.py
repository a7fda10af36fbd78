"""Walks: sequences of requests about one or two resources, whose every answer follows from those before it.

A walk is pure data (`walks_plan`), drawn from the seed alone (`walks_drawn`). What has to come back is told by a model
of the resource for each API (`walks_intents`, `walks_withdraws`). `perform` takes a walk on fresh resources.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from conformance.errors import NotTestable, TransportError
from conformance.fuzz.judge import Judge
from conformance.fuzz.probes import Probe
from conformance.fuzz.rulings import Finding, Ruling
from conformance.fuzz.walks_blame import family
from conformance.fuzz.walks_plan import Step, Walk, from_json
from conformance.fuzz.walks_sent import Lease, Sender, leased
from conformance.http.polling import Polling
from conformance.http.reply import Reply
from conformance.model import Exchange, Headers
from conformance.session import Session

__all__ = ["Taken", "Walked", "from_json", "perform", "shrunk"]


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken. `reply` is None for a settlement, which the state provider is asked for."""

    step: Step
    probe: Probe | None = None
    reply: Reply | None = None
    rulings: tuple[Ruling, ...] = ()


@dataclass(frozen=True, slots=True)
class Walked:
    """What came of a walk. It ends early where a resource is `missing` (why), or where no answer came (`fault`)."""

    walk: Walk
    taken: tuple[Taken, ...] = ()
    missing: str | None = None
    fault: TransportError | None = None
    unanswered: Probe | None = None

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All of them, in the order sent."""
        return tuple(one.reply.exchange for one in self.taken if one.reply is not None)

    def wrong(self) -> list[tuple[int, Ruling]]:
        """Every ruling with a finding, and the number of its step."""
        return [
            (number, ruling)
            for number, one in enumerate(self.taken)
            for ruling in one.rulings
            if ruling.finding is not None
        ]

    def wrong_about(self, check: str) -> tuple[int, Ruling, Finding] | None:
        """The first finding of a check, or of one that a change is blamed on instead (`blame.family`), and its step."""
        same = family(check)
        for number, ruling in self.wrong():
            if ruling.check in same and ruling.finding is not None:
                return number, ruling, ruling.finding
        return None


def perform(
    walk: Walk,
    session: Session,
    *,
    judge: Judge | None = None,
    lease: Lease | None = None,
    patience: Polling | None = None,
) -> Walked:
    """Takes a walk on fresh resources and rules on every answer.

    `lease` hands out a resource for an entry of `Walk.start`, or None where there is none to be had; without it they
    come from the session. Raises BudgetError when the run has used up its requests, nothing else.
    """
    if judge is None:
        cancel_processing = session.profile.capabilities.get("cancel_processing")
        judge = Judge(walk.api, cancel_processing=cancel_processing, secrets=session.profile)
    try:
        resources = leased(walk, session, lease)
    except (NotTestable, TransportError) as fault:
        return Walked(walk, missing=session.redactor.text(fault.message))
    sender = Sender(walk, session, judge, resources, patience or Polling())
    taken: list[Taken] = []
    for step in walk.steps:
        try:
            taken.append(Taken(step, *sender.take(step)))
        except TransportError as fault:
            return Walked(walk, tuple(taken), fault=fault, unanswered=sender.probe(step))
    return Walked(walk, tuple(taken))


def shrunk(walked: Walked, check: str, again: Callable[[Walk], Walked], tries: int = 30) -> Walked | None:
    """The smallest walk that was found to fail `check` as this one did, itself performed anew.

    `again` performs a walk, at most `tries` times. None where the walk holds on fresh resources; the walk as it was
    where there are none left to try it on.
    """
    found = walked.wrong_about(check)
    if found is None:
        return None
    best = walked
    attempts = _Attempts(check, again, tries)
    whole = replace(walked.walk, steps=walked.walk.steps[: found[0] + 1])
    confirmed = attempts.made(whole)
    if confirmed is None:
        return walked if attempts.hindered else None
    best = confirmed
    if any(step.headers for step in best.walk.steps):
        # First of all, for it decides what the walk is about.
        bare = tuple(replace(step, headers=()) for step in best.walk.steps)
        best = attempts.made(replace(best.walk, steps=bare)) or best
    size = max(1, (len(best.walk.steps) - 1) // 2)
    while size and attempts.left:
        best = _without(best, size, attempts)
        size //= 2
    return _barer(best, attempts)


@dataclass(slots=True)
class _Attempts:
    """Tries smaller walks, for as long as there are tries and resources left."""

    check: str
    again: Callable[[Walk], Walked]
    left: int
    hindered: bool = field(default=False)

    def made(self, walk: Walk) -> Walked | None:
        """The walk performed, if it failed the check (its steps behind the failure cut off); None otherwise."""
        if self.left <= 0:
            return None
        self.left -= 1
        walked = self.again(walk)
        if walked.fault is not None:
            # No answer says nothing: it is tried once more, with other resources.
            walked = self.again(walk)
        self.hindered = walked.missing is not None or walked.fault is not None
        if self.hindered:
            self.left = 0
            return None
        found = walked.wrong_about(self.check)
        if found is None:
            return None
        end = found[0] + 1
        return replace(walked, walk=replace(walk, steps=walk.steps[:end]), taken=walked.taken[:end])


def _without(best: Walked, size: int, attempts: _Attempts) -> Walked:
    """The walk without every run of `size` steps that isn't needed for it to fail in its last step."""
    at = 0
    while at < len(best.walk.steps) - 1:
        steps = best.walk.steps
        cut = steps[:at] + steps[min(at + size, len(steps) - 1) :]
        smaller = attempts.made(_tidy(best.walk, cut))
        if smaller is None:
            at += size
        else:
            best = smaller
    return best


def _barer(best: Walked, attempts: _Attempts) -> Walked:
    """The walk without headers and texts that it fails without."""
    number = 0
    # Each attempt that fails may end earlier: the walk gets shorter meanwhile.
    while number < len(best.walk.steps):
        if best.walk.steps[number].headers:
            best = attempts.made(_with_headers(best.walk, number, ())) or best
        number += 1
    number = 0
    while number < len(best.walk.steps):
        headers = best.walk.steps[number].headers
        for header in headers if len(headers) > 1 else ():
            if number < len(best.walk.steps):
                fewer = tuple(one for one in best.walk.steps[number].headers if one != header)
                best = attempts.made(_with_headers(best.walk, number, fewer)) or best
        number += 1
    texts = list(dict.fromkeys(step.reason for step in best.walk.steps if step.reason is not None))
    if any(len(text) > 12 for text in texts):
        names = {text: f"reason_{number}" for number, text in enumerate(texts, 1)}
        short = [
            step if step.reason is None else replace(step, reason=names[step.reason])
            for step in best.walk.steps
        ]
        best = attempts.made(replace(best.walk, steps=tuple(short))) or best
    return best


def _with_headers(walk: Walk, number: int, headers: Headers) -> Walk:
    steps = list(walk.steps)
    steps[number] = replace(steps[number], headers=headers)
    return replace(walk, steps=tuple(steps))


def _tidy(walk: Walk, steps: Sequence[Step]) -> Walk:
    """A walk of these steps, without the second resource if no step is about it any more."""
    if len(walk.start) > 1 and all(step.on == 0 for step in steps):
        return replace(walk, start=walk.start[:1], steps=tuple(steps))
    return replace(walk, steps=tuple(steps))
