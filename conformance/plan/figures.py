"""A rehearsal -> figures: requests, resources, time, and what stays untested."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from conformance.model import Auth, Check, Level, Outcome, RunRecord
from conformance.plan.rehearsal import Rehearsal, has_source, rehearse
from conformance.profile import Profile, load
from conformance.runner import Options
from conformance.runner.job import workers
from conformance.runner.suites import Progress
from conformance.states.pools import unused

LATENCIES_MS = (1.0, 50.0, 200.0)
_FUZZ_LANES = 4


@dataclass(frozen=True, slots=True)
class Need:
    """How many resources in a state a run takes. `have` is what a list holds unused, None where they are made."""

    owner: str
    status: str
    needed: int
    have: int | None

    @property
    def short(self) -> int:
        """How many are missing."""
        return 0 if self.have is None else max(0, self.needed - self.have)


@dataclass(frozen=True, slots=True)
class Untested:
    """A requirement that a run can't settle with this profile, and what would change that."""

    id: str
    level: str
    title: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do to a target that behaves. `seconds` maps a latency in ms to the whole time expected."""

    profile: Profile
    fuzz: bool
    checks: int
    requests_suites: int
    requests_fuzz: int
    messages: Mapping[str, int]
    wrong_credentials: int
    largest_body: int
    needs: tuple[Need, ...]
    seconds: Mapping[float, float]
    untested: tuple[Untested, ...]

    @property
    def requests(self) -> int:
        """To the target, all in all."""
        return self.requests_suites + self.requests_fuzz

    @property
    def budget(self) -> int:
        """What counts against limits.max_requests: messages to an endpoint, too."""
        states = self.profile.states
        return self.requests + (sum(self.messages.values()) if states.url or states.sandbox else 0)

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """The MUSTs that stay untested."""
        return tuple(
            one.id for one in self.untested if one.level == Level.MUST and one.outcome == Outcome.NOT_TESTABLE
        )


class _Unset(dict[str, str]):
    """The environment; a variable that isn't set there stands for itself, as a plan sends nothing to anybody."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> str:
        return os.environ.get(name) or f"unset-{name}"


def readable(path: Path) -> Profile:
    """The profile, secrets or not. Raises ProfileError."""
    return load(path, _Unset(), allow_live=True)


def plan(
    path: Path, options: Options, progress: Progress, latencies_ms: tuple[float, ...] = LATENCIES_MS
) -> Plan:
    """Rehearses a run of the profile at `path`, which takes about as long as one against a target next door.

    Raises ProfileError, and HarnessError where the rehearsal fails.
    """
    profile = readable(path)
    full = rehearse(profile, options, progress)
    needs = _needs(profile, full)
    shown = full
    if any(one.short for one in needs):
        # What a run with lists that are too short leaves untested depends on who comes first: so, once more.
        held = {(one.owner, one.status): one.have or 0 for one in needs}
        shown = rehearse(profile, options, progress, ids=held)
    record = shown.record
    fuzz = int(str((full.record.fuzz or {}).get("requests", 0)))
    return Plan(
        profile=profile,
        fuzz=full.record.fuzz is not None,
        checks=len(full.record.checks),
        requests_suites=full.requests - fuzz,
        requests_fuzz=fuzz,
        messages=full.messages,
        wrong_credentials=sum(
            one.auth is not Auth.DOCUMENTED and one.status in (401, 403) for one in full.record.exchanges
        ),
        largest_body=max((len(one.request_body) for one in full.record.exchanges), default=0),
        needs=needs,
        seconds={ms: _seconds(profile, full, fuzz, ms) for ms in latencies_ms},
        untested=_untested(record),
    )


def _needs(profile: Profile, rehearsal: Rehearsal) -> tuple[Need, ...]:
    left = unused(profile) if profile.states.ids is not None else None
    if not has_source(profile):
        return ()
    return tuple(
        Need(owner, status, number, None if left is None else len(left.get(owner, {}).get(status, ())))
        for (owner, status), number in rehearsal.used.items()
        if number
    )


def _untested(record: RunRecord) -> tuple[Untested, ...]:
    return tuple(
        Untested(
            one.requirement.id,
            str(one.requirement.level),
            one.requirement.title,
            str(one.outcome),
            one.reason,
        )
        for one in record.requirements
        if one.outcome in (Outcome.NOT_TESTABLE, Outcome.NOT_APPLICABLE)
    )


def _seconds(profile: Profile, rehearsal: Rehearsal, fuzz: int, latency_ms: float) -> float:
    """What a run takes: its own work, and its waiting shared by as many workers as it would choose."""
    latency = latency_ms / 1000
    at_once = workers(profile, latency)
    parts = _suites(rehearsal.record) + (rehearsal.requests - fuzz) * latency / at_once
    # The rehearsal doesn't wait.
    parts += profile.limits.watch_s
    generated = 0.0
    if rehearsal.record.fuzz is not None:
        lanes = max(1, min(_FUZZ_LANES, profile.limits.concurrency // 2))
        own = float(str(rehearsal.record.fuzz.get("duration_s", 0)))
        generated = min(own + fuzz * latency / lanes, Options().fuzz_budget_s)
    # With lists of ids the fuzzing waits for the suites; otherwise both go on together.
    whole = parts + generated if profile.states.ids is not None else max(parts, generated)
    rate = profile.limits.requests_per_second
    return max(whole, rehearsal.requests / rate) if rate else whole


def _suites(record: RunRecord) -> float:
    """How long the hand-written checks took on this machine, from the first to the last."""
    times = [_span(check) for check in record.checks if check.suite != "fuzz"]
    return max((end for _, end in times), default=0.0) - min((start for start, _ in times), default=0.0)


def _span(check: Check) -> tuple[float, float]:
    began = datetime.fromisoformat(check.started_at).timestamp()
    return began, began + check.duration_s


def rounded(seconds: float) -> str:
    """For people: `8 s`, `3 min`."""
    return f"{math.ceil(seconds)} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"
