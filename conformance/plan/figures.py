"""Plans a run: requests, resources, time, and the requirements that stay untested, from a rehearsal of it."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from conformance import catalogue, contracts, coverage
from conformance.fuzz.oracle.checks import SUITE
from conformance.model import Auth, Level, Outcome, Requirement, RunRecord
from conformance.plan.ladder import Listed, Step, ladder
from conformance.plan.rehearsal import Rehearsal, rehearse
from conformance.profile import Profile, load
from conformance.report import verdict
from conformance.runner import Options
from conformance.runner.job import workers
from conformance.runner.suites import Progress
from conformance.states.id_lists import unused

LATENCIES_MS = (1.0, 50.0, 200.0)
_FUZZ_LANES = 4
_FUZZ = f"{SUITE}::"


@dataclass(frozen=True, slots=True)
class Need:
    """The number of resources in a state that a run takes.

    `have` counts the unused ids of the profile's list; None where resources are made.
    """

    owner: str
    status: str
    needed: int
    have: int | None

    @property
    def short(self) -> int:
        """Returns how many are missing; 0 where resources are made."""
        return 0 if self.have is None else max(0, self.needed - self.have)


@dataclass(frozen=True, slots=True)
class Untested:
    """A requirement that a run can't settle with this profile, and the reason."""

    id: str
    level: str
    title: str
    outcome: str
    reason: str

    @staticmethod
    def of(requirement: Requirement, outcome: Outcome, reason: str) -> "Untested":
        """Returns what is untested of a requirement."""
        return Untested(requirement.id, str(requirement.level), requirement.title, str(outcome), reason)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a rehearsed run. `seconds` maps a latency in ms to the expected duration of a run.

    `calls` are the requests that make the resources, where these come from the target's own API.
    """

    requests_suites: int
    requests_fuzz: int
    messages: Mapping[str, int]
    wrong_credentials: int
    largest_body: int
    needs: tuple[Need, ...]
    seconds: Mapping[float, float]
    calls: int = 0
    musts: "Musts | None" = None


@dataclass(frozen=True, slots=True)
class Musts:
    """The number of MUSTs, and how many a run decides: with what the profile's lists hold, and with enough of all.

    `ladder` tells of each list that is too short how many it decides once it is longer.
    """

    all: int
    decided: int
    decided_with_enough: int
    ladder: tuple[Step, ...] = ()

    @staticmethod
    def of(shown: RunRecord, full: RunRecord, needs: Sequence[Need]) -> "Musts":
        """Returns the figures of a run with the lists as they are, and of one with enough."""
        now, lists = (
            _decided(shown),
            [Listed(one.owner, one.status, one.needed, one.have or 0) for one in needs],
        )
        steps = ladder(full, lists) if shown is not full else ()
        # What is reckoned never tells less than what was rehearsed.
        return Musts(len(_musts(full)), now, _decided(full), tuple(one for one in steps if one.decided > now))


def _musts(record: RunRecord) -> list[Outcome]:
    return [result.outcome for result in record.requirements if result.requirement.level is Level.MUST]


def _decided(record: RunRecord) -> int:
    return sum(outcome not in verdict.UNPROVEN for outcome in _musts(record))


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run for a target that behaves. `figures` is None where the API has no sandbox to rehearse against.

    `checks` is the number of checks that would run: of the suites alone where nothing was rehearsed.
    """

    profile: Profile
    fuzz: bool
    checks: int
    untested: tuple[Untested, ...]
    figures: Figures | None

    @property
    def budget(self) -> int | None:
        """Requests and messages that count against limits.max_requests; None where nothing was rehearsed."""
        if self.figures is None:
            return None
        states, figures = self.profile.states, self.figures
        messages = sum(figures.messages.values()) if states.url or states.sandbox else 0
        return figures.requests_suites + figures.requests_fuzz + messages + figures.calls

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """The ids of the MUSTs that stay untested."""
        return tuple(
            one.id for one in self.untested if one.level == Level.MUST and one.outcome == Outcome.NOT_TESTABLE
        )


class _Unset(dict[str, str]):
    """The environment, in which a variable that isn't set has a value too: a plan sends no request to the target."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> str:
        return os.environ.get(name) or f"unset-{name}"


def readable(path: Path) -> Profile:
    """Returns the profile, whether or not its variables are set. Raises ProfileError."""
    return load(path, _Unset(), allow_live=True)


def plan(
    path: Path, options: Options, progress: Progress, latencies_ms: tuple[float, ...] = LATENCIES_MS
) -> Plan:
    """Rehearses a run of the profile at `path`, which takes about as long as one against a target nearby.

    Where the API has no sandbox, nothing is rehearsed: the plan holds what catalogue, checks and profile tell. Raises
    ProfileError, and HarnessError where the rehearsal fails.
    """
    profile = readable(path)
    if contracts.contract(profile.target.api).sandbox is None:
        return _unrehearsed(profile, options)
    full = rehearse(profile, options, progress)
    needs = _needs(profile, full)
    shown = full
    if any(one.short for one in needs):
        # Which requirements too short lists leave untested depends on the order of the checks: rehearsed once more.
        held = {(one.owner, one.status): one.have or 0 for one in needs}
        shown = rehearse(profile, options, progress, ids=held)
    fuzz = int(str((full.record.fuzz or {}).get("requests", 0)))
    figures = Figures(
        requests_suites=full.requests - fuzz,
        requests_fuzz=fuzz,
        messages=full.messages,
        wrong_credentials=sum(
            one.auth is not Auth.DOCUMENTED and one.status in (401, 403) for one in full.record.exchanges
        ),
        largest_body=max((len(one.request_body) for one in full.record.exchanges), default=0),
        needs=needs,
        calls=_calls(profile, full),
        seconds={ms: _seconds(profile, full, fuzz, ms) for ms in latencies_ms},
        musts=Musts.of(shown.record, full.record, needs),
    )
    return Plan(
        profile=profile,
        fuzz=full.record.fuzz is not None,
        checks=len(full.record.checks),
        untested=_untested(shown.record),
        figures=figures,
    )


def _calls(profile: Profile, rehearsal: Rehearsal) -> int:
    """Returns how many requests of the target's own API make the resources of a run, at least."""
    recipes = profile.states.requests
    if recipes is None:
        return 0
    made = ((recipes.states.get(status), number) for (_, status), number in rehearsal.used.items())
    return sum(recipe.calls * number for recipe, number in made if recipe is not None)


def _unrehearsed(profile: Profile, options: Options) -> Plan:
    proofs = coverage.checks(profile.target.api)
    requirements = catalogue.load(profile.target.api).requirements
    reasons = [
        (requirement, *_reason(requirement, profile, proven=requirement.id in proofs))
        for requirement in requirements
    ]
    return Plan(
        profile=profile,
        fuzz=options.examples > 0,
        checks=len({check for found in proofs.values() for check, _ in found if not check.startswith(_FUZZ)}),
        untested=tuple(
            Untested.of(requirement, outcome, reason) for requirement, outcome, reason in reasons if reason
        ),
        figures=None,
    )


def _reason(requirement: Requirement, profile: Profile, *, proven: bool) -> tuple[Outcome, str]:
    """Returns why the profile leaves a requirement untested, as far as that is known without a run; empty if it isn't.

    A requirement needs states, and credentials by the name of their table.
    """
    if requirement.capability and not profile.capabilities.get(requirement.capability):
        return Outcome.NOT_APPLICABLE, f"the profile doesn't declare the capability {requirement.capability}"
    contract = contracts.contract(profile.target.api)
    scope = dict(profile.target.scope)
    outside = [one for one in requirement.needs if one in scope]
    if outside:
        return Outcome.NOT_APPLICABLE, verdict.out_of_scope(outside[0], scope[outside[0]])
    missing = [one for one in requirement.needs if one in contract.others and one not in profile.credentials]
    states = contract.states.every(profile.states.terminal)
    reason = ""
    if not proven:
        reason = requirement.not_tested_reason or "no check proves it"
    elif missing:
        reason = f"the profile has no [credentials.{missing[0]}]"
    elif profile.states.source is None and any(one in states for one in requirement.needs):
        reason = "[states] names no source"
    return Outcome.NOT_TESTABLE, reason


def _needs(profile: Profile, rehearsal: Rehearsal) -> tuple[Need, ...]:
    left = unused(profile) if profile.states.ids is not None else None
    if profile.states.source is None:
        return ()
    return tuple(
        Need(owner, status, number, None if left is None else len(left.get(owner, {}).get(status, ())))
        for (owner, status), number in rehearsal.used.items()
        if number
    )


def _untested(record: RunRecord) -> tuple[Untested, ...]:
    return tuple(
        Untested.of(one.requirement, one.outcome, one.reason)
        for one in record.requirements
        if one.outcome in (Outcome.NOT_TESTABLE, Outcome.NOT_APPLICABLE)
    )


def _seconds(profile: Profile, rehearsal: Rehearsal, fuzz: int, latency_ms: float) -> float:
    """Returns the duration of a run in seconds: its own work, and its waiting shared by the workers it would have."""
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
    """Returns the seconds that the hand-written checks took on this machine, from the first to the last."""
    checks = [check for check in record.checks if check.suite != SUITE]
    began = [datetime.fromisoformat(check.started_at).timestamp() for check in checks]
    ended = (start + check.duration_s for start, check in zip(began, checks, strict=True))
    return max(ended, default=0.0) - min(began, default=0.0)


def rounded(seconds: float) -> str:
    """Returns a duration for people: `8 s`, `3 min`."""
    return f"{math.ceil(seconds)} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"
