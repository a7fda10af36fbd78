"""One fuzzing run: a profile, a folder, a seed; out come journal lines and `fuzz.json`."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance import catalogue, openapi
from conformance.errors import UsageError
from conformance.fuzz import extra, generate, walks_drawn
from conformance.fuzz.checks import FuzzCheck, checks
from conformance.fuzz.confirm import confirm_all
from conformance.fuzz.crew import Crew
from conformance.fuzz.drive import Driver
from conformance.fuzz.generate import Generator
from conformance.fuzz.judge import Judge
from conformance.fuzz.kept import kept_cases
from conformance.fuzz.ledger import Ledger
from conformance.fuzz.probes import Aim, Probe, reason_check
from conformance.fuzz.resources import UNKNOWN, Supply, states
from conformance.fuzz.shrink import shrink_all
from conformance.fuzz.walker import Walker
from conformance.fuzz.writer import Writer
from conformance.profile import Profile
from conformance.report.codec import replace_file
from conformance.report.journal import FOLDER, Journal
from conformance.session import Session

STATISTICS = "fuzz.json"
# Generation stays this far ahead of sending at most, so that a stop loses little work.
_AHEAD = 400
_NOTED = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What to do. `requirements` empty means all; `budget_s` None means until done."""

    examples: int
    seed: int
    requirements: tuple[str, ...] = ()
    budget_s: float | None = None


def stream(api: str, order: Order) -> Iterator[Probe]:
    """Every request of a run in the order of generation: the same for the same seed, whatever the target does."""
    return generate.stream(api, order.seed, order.examples)


def run(
    profile: Profile,
    folder: Path,
    order: Order,
    stopped: Callable[[], bool] = lambda: False,
    processes: int | None = None,
) -> dict[str, Any]:
    """Fuzzes the target of `profile` and returns the statistics, which are also in `folder/fuzz.json`.

    `stopped` is asked now and then; once it says so, what was found so far is kept and the run ends. `processes` make
    the requests; None leaves their number to the machine. Raises ConformanceError for a fault of the harness, after
    the session was closed.
    """
    began, clock = datetime.now(UTC), time.monotonic()
    wanted = chosen(profile.target.api, order.requirements, profile)
    # Before the session: what it opens is no business of processes that only make requests.
    generator = Generator(profile.target.api, order.seed, order.examples, processes)
    try:
        session = Session(profile, folder)
    except BaseException:
        generator.close()
        raise
    lanes = max(1, profile.limits.concurrency)
    supply = Supply(session, order.examples, wide=lanes)
    ledger = Ledger(wanted, catalogue.load(profile.target.api).by_id(), session.redactor)
    crew = crew_of(session, supply)
    walker = _walker(session, crew, ledger, wanted, order)
    driver = Driver(crew, ledger, lanes, walker.one)
    walker.stopped = driver.stop.is_set

    def poll() -> bool:
        if stopped():
            driver.end("stopped by a signal")
        if order.budget_s is not None and time.monotonic() - clock > order.budget_s:
            driver.end(f"the budget of {order.budget_s:g} s is used up")
        return not driver.stop.is_set()

    try:
        _send_all(driver, generator, wanted, profile, poll)
        sent_s = time.monotonic() - clock
        rows, confirming = catalogue.load(crew.api).by_id(), 0
        if driver.fault is None:
            confirming = confirm_all(crew, ledger, rows, lambda: not poll())
        shrinking = shrink_all(crew, ledger, lanes, lambda: not poll()) if driver.fault is None else 0
        # A lane that has its answer already is given the moment that it takes to judge it.
        driver.is_idle()
        _keep(folder, ledger)
        statistics = _statistics(order, crew, ledger, driver, began, sent_s)
        statistics["confirming"], statistics["shrinking"] = confirming, shrinking
        statistics["walks"] = dict(walker.counts)
        statistics["failing"] = kept_cases(ledger, profile.target)
        replace_file(folder / STATISTICS, session.redactor.text(json.dumps(statistics, indent=1)) + "\n")
        if driver.fault is not None:
            raise driver.fault
        return statistics
    finally:
        generator.close()
        if driver.is_idle():
            session.close()
        else:
            # A lane that waits for a slow target keeps the session; the process is about to end anyway.
            session.leases.return_all(profile.limits.concurrency)


def crew_of(session: Session, supply: Supply) -> Crew:
    """Whom it takes to perform a case with this session."""
    profile = session.profile
    declared = profile.capabilities.get("cancel_processing")
    judge = Judge(profile.target.api, cancel_processing=declared, leased=supply.ids, secrets=profile)
    return Crew(profile.target.api, Writer(session), supply, judge)


def _walker(
    session: Session, crew: Crew, ledger: Ledger, wanted: tuple[FuzzCheck, ...], order: Order
) -> Walker:
    """Who takes the walks of a run; none where no check of theirs is asked for."""
    api = crew.api
    asked = any(".walk." in check.key for check in wanted)
    many = walks_drawn.number(api, order.examples) if asked else 0
    walks = walks_drawn.drawn(api, order.seed, many, walks_drawn.means(session.profile))
    return Walker(session, crew.judge, crew.supply, ledger, walks, many)


def _send_all(
    driver: Driver,
    generator: Generator,
    wanted: tuple[FuzzCheck, ...],
    profile: Profile,
    poll: Callable[[], bool],
) -> None:
    """Everything of a run, until it is answered or `poll` says no."""
    api, names = profile.target.api, states(profile.target.api, profile.states.terminal)
    driver.start()
    touched = {check.key.partition(".")[0] for check in wanted}
    operations = [one for one in openapi.operations(api) if one.name in touched]
    # Every state once, before anything odd: a run that ends early has at least been everywhere.
    for state in names:
        for operation in operations:
            driver.put(extra.plain(operation), state)
    for operation in operations:
        for probe in extra.promises(operation):
            driver.put(probe, names[0])
    _feed(driver, generator.probes(poll), {one.id for one in operations}, names, poll)
    driver.finish(poll)


def chosen(api: str, requirements: tuple[str, ...], profile: Profile) -> tuple[FuzzCheck, ...]:
    """The checks of a run: those of the requirements asked for, without those of other capabilities."""
    known = catalogue.load(api).by_id()
    unknown = set(requirements) - known.keys()
    if unknown:
        raise UsageError(f"{api} has no requirement {', '.join(sorted(unknown))}")
    return tuple(
        check
        for check in checks(api)
        if (not requirements or set(requirements) & set(check.requirements))
        and (check.capability is None or profile.capabilities.get(check.capability[0]) is check.capability[1])
    )


def _feed(
    driver: Driver,
    probes: Iterator[Probe],
    operations: set[str],
    names: tuple[str, ...],
    poll: Callable[[], bool],
) -> None:
    turns: dict[tuple[str, str], int] = {}
    for probe in probes:
        if driver.stop.is_set():
            return
        if probe.operation in operations:
            driver.put(probe, _state(probe, names, turns))
        while driver.waiting() > _AHEAD and not driver.stop.is_set():
            time.sleep(0.01)
            poll()
        poll()


def _state(probe: Probe, names: tuple[str, ...], turns: dict[tuple[str, str], int]) -> str | None:
    """Whose turn it is. What is odd goes to the resource that it could hurt, now and then to another."""
    if probe.segment is not None:
        return None
    if probe.aim is Aim.METHOD:
        return UNKNOWN
    # Every kind of documented body gets its turn with the resource that it can cancel, the first one at once.
    kind = (
        f"{probe.aim} {reason_check(probe.value)} {probe.key}" if probe.body is not None else str(probe.aim)
    )
    turn = turns.get((probe.operation, kind), 0)
    turns[probe.operation, kind] = turn + 1
    if probe.aim is Aim.DOCUMENTED and probe.body is None:
        return names[turn % len(names)]
    if probe.aim in (Aim.MISSING, Aim.WRONG):
        return names[0]
    plain = (
        probe.aim is Aim.DOCUMENTED and reason_check(probe.value) == "reason.plain" and probe.key != "absent"
    )
    often = 2 if plain or probe.aim in (Aim.KEY, Aim.TYPE, Aim.OPEN) else 4
    return names[0] if turn % often < often - 1 else names[1 + turn // often % (len(names) - 1)]


def _keep(folder: Path, ledger: Ledger) -> None:
    with Journal(folder / FOLDER / "fuzz.ndjson") as journal:
        for check, exchanges in ledger.finished():
            journal.write(check, exchanges)


def _notes(supply: Supply, ledger: Ledger) -> list[str]:
    """What people should know of a run: what wasn't sent, what wasn't told, and which resources there were."""
    notes = [
        f"{often} requests with an odd {aim.replace('_', ' ')} weren't sent: those before had waited in vain."
        for aim, often in sorted(ledger.unsent.items())
    ]
    notes += [
        f"{one['check']} is not counted, though it found something once: {one['why']}."
        for one in ledger.unconfirmed[:_NOTED]
    ]
    return notes + _spared(supply)


def _spared(supply: Supply) -> list[str]:
    """Only lists of ids are ever short of resources."""
    if not supply.frugal:
        return []
    had = ", ".join(f"{often} {state}" for state, often in sorted(supply.leased.items()) if often)
    took = f"Fuzzing is sparing with ids from lists. Of those that the suites had left it took {had or 'none at all'}"
    return [f"{took}; the rest of its requests named ids that nothing has."]


def _statistics(
    order: Order, crew: Crew, ledger: Ledger, driver: Driver, began: datetime, duration_s: float
) -> dict[str, Any]:
    supply = crew.supply
    operations = ledger.reached()
    shallow = [f"{name} {status}" for name, one in operations.items() for status in one["never_reached"]]
    return {
        "seed": order.seed,
        "examples": order.examples,
        "cases": ledger.cases,
        "requests": ledger.answered + sum(ledger.faults.values()),
        "duration_s": round(duration_s, 3),
        "cases_per_second": round(ledger.cases / max(duration_s, 0.001), 1),
        "findings": ledger.findings,
        "started_at": began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ended_early": driver.why or "no",
        "unsent": driver.waiting(),
        "operations": operations,
        "shallow": shallow,
        "phases": dict(ledger.phases),
        "leased": dict(supply.leased),
        "missing_states": dict(supply.missing),
        "notes": _notes(supply, ledger),
        "unconfirmed": list(ledger.unconfirmed),
        "skipped": dict(ledger.unsent),
        "transport_errors": dict(ledger.faults),
        "idle_checks": ledger.idle(),
    }
