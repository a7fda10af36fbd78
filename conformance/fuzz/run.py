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
from conformance.fuzz import extra
from conformance.fuzz.cases import BATCH, Source
from conformance.fuzz.checks import FuzzCheck, checks
from conformance.fuzz.drive import Crew, Driver, lanes
from conformance.fuzz.judge import Judge
from conformance.fuzz.ledger import Ledger
from conformance.fuzz.probes import Aim, Probe, reason_check
from conformance.fuzz.resources import UNKNOWN, Supply, states
from conformance.fuzz.writer import Writer
from conformance.profile import Profile
from conformance.report.codec import replace_file
from conformance.report.journal import FOLDER, Journal
from conformance.session import Session

STATISTICS = "fuzz.json"
# Generation stays this far ahead of sending at most, so that a stop loses little work.
_AHEAD = 400


@dataclass(frozen=True, slots=True)
class Order:
    """What to do. `requirements` empty means all; `budget_s` None means until done."""

    examples: int
    seed: int
    requirements: tuple[str, ...] = ()
    budget_s: float | None = None


def stream(api: str, order: Order) -> Iterator[Probe]:
    """Every request of a run in the order of generation: the same for the same seed, whatever the target does."""
    source = Source(api, order.seed)
    operations = openapi.operations(api)
    for operation in operations:
        yield from _distinct(source.examples(operation))
        yield from _distinct(source.coverage(operation))
    for number, start in enumerate(range(0, order.examples, BATCH)):
        size = min(BATCH, order.examples - start)
        for operation in operations:
            # What is refused leaves its resource to the next one: it goes first.
            yield from extra.ids(operation, order.seed, number, max(4, size // 5))
            yield from extra.credentials(operation, order.seed, number, max(4, size // 3))
            yield from extra.odd(operation, order.seed, number, max(6, size // 2))
            yield from extra.documented(operation, order.seed, number, max(8, size // 2))
            yield from _distinct(source.fuzzing(operation, number, size))


def run(
    profile: Profile, folder: Path, order: Order, stopped: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Fuzzes the target of `profile` and returns the statistics, which are also in `folder/fuzz.json`.

    `stopped` is asked now and then; once it says so, what was found so far is kept and the run ends.
    Raises ConformanceError for a fault of the harness, after the session was closed.
    """
    api = profile.target.api
    wanted = chosen(api, order.requirements, profile)
    began, clock = datetime.now(UTC), time.monotonic()
    session = Session(profile, folder)
    driver = None
    try:
        ledger = Ledger(wanted, catalogue.load(api).by_id(), session.redactor)
        supply = Supply(session, order.examples)
        cancel_processing = profile.capabilities.get("cancel_processing")
        judge = Judge(api, cancel_processing=cancel_processing, leased=supply.ids)
        names = states(api, profile.states.terminal)
        most = max(1, min(4, profile.limits.concurrency // 2))
        crew = Crew(api, Writer(session), supply, judge, ledger)
        driver = Driver(crew, lanes(names, most))

        def poll() -> None:
            if stopped():
                driver.end("stopped by a signal")
            if order.budget_s is not None and time.monotonic() - clock > order.budget_s:
                driver.end(f"the budget of {order.budget_s:g} s is used up")

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
        _feed(driver, stream(api, order), {one.id for one in operations}, names, poll)
        driver.finish(poll)
        _keep(folder, ledger)
        statistics = _statistics(order, crew, driver, began, time.monotonic() - clock)
        replace_file(folder / STATISTICS, session.redactor.text(json.dumps(statistics, indent=1)) + "\n")
        if driver.fault is not None:
            raise driver.fault
        return statistics
    finally:
        if driver is None or driver.is_idle():
            session.close()
        else:
            # A lane that still waits for an answer needs the session; the process is about to end anyway.
            session.leases.return_all(profile.limits.concurrency)


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
    poll: Callable[[], None],
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


def _distinct(probes: Iterator[Probe]) -> Iterator[Probe]:
    """Without repetitions, except of documented requests: those are for another resource each time."""
    seen = set()
    for probe in probes:
        mark = (probe.aim, probe.method, probe.segment, probe.headers, probe.body, probe.omitted)
        if probe.aim is Aim.DOCUMENTED or mark not in seen:
            seen.add(mark)
            yield probe


def _keep(folder: Path, ledger: Ledger) -> None:
    with Journal(folder / FOLDER / "fuzz.ndjson") as journal:
        for check, exchanges in ledger.finished():
            journal.write(check, exchanges)


def _statistics(
    order: Order, crew: Crew, driver: Driver, began: datetime, duration_s: float
) -> dict[str, Any]:
    ledger, supply = crew.ledger, crew.supply
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
        "unsent": driver.unsent,
        "operations": operations,
        "shallow": shallow,
        "phases": dict(ledger.phases),
        "leased": dict(supply.leased),
        "missing_states": dict(supply.missing),
        "transport_errors": dict(ledger.faults),
        "idle_checks": ledger.idle(),
    }
