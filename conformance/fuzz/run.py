"""Runs the fuzzing of one profile with one seed; writes journal lines and `fuzz.json`."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance import catalogue, openapi
from conformance.fuzz import words
from conformance.fuzz.case import Case
from conformance.fuzz.corpus import failing_cases
from conformance.fuzz.execute.choice import Choice
from conformance.fuzz.execute.confirm import confirm_all
from conformance.fuzz.execute.context import ExecutionContext
from conformance.fuzz.execute.resource_pool import ResourcePool
from conformance.fuzz.execute.scheduler import Scheduler
from conformance.fuzz.execute.sender import Sender
from conformance.fuzz.execute.sequence_runner import SequenceRunner
from conformance.fuzz.execute.shrink import shrink_all
from conformance.fuzz.findings import Findings
from conformance.fuzz.fuzz_contract import chosen, fuzzing
from conformance.fuzz.generate import sequences as sequence_source
from conformance.fuzz.generate import strategies
from conformance.fuzz.generate import stream as requests
from conformance.fuzz.generate.long_sequences import long_sequences
from conformance.fuzz.generate.stream import Generator
from conformance.fuzz.oracle.checks import FuzzCheck
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.state_order import final, in_turn
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
    """The options of a run. `requirements`, and `only` (ids of checks), mean all where empty.

    `budget_s` None means until done.
    """

    examples: int
    seed: int
    requirements: tuple[str, ...] = ()
    budget_s: float | None = None
    only: tuple[str, ...] = ()


def stream(api: str, order: Order) -> Iterator[Case]:
    """Returns every generated request in its order: the same for a seed, whatever the target does."""
    return requests.stream(api, order.seed, order.examples)


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
    asked = chosen(profile.target.api, order.requirements, profile.capabilities)
    wanted = tuple(check for check in asked if not order.only or check.id in order.only)
    # Before the session: what it opens is no business of processes that only make requests.
    generator = Generator(profile.target.api, order.seed, order.examples, processes)
    try:
        session = Session(profile, folder)
    except BaseException:
        generator.close()
        raise
    workers = max(1, profile.limits.concurrency)
    pool = ResourcePool(session, order.examples, wide=workers)
    findings = Findings(
        profile.target.api, wanted, catalogue.load(profile.target.api).by_id(), session.redactor
    )
    context = context_of(session, pool)
    runner = _runner(context, findings, wanted, order)
    instead = final(context.api, profile.states.terminal)
    scheduler = Scheduler(context, findings, workers, runner.one, instead)
    runner.stopped = scheduler.stop.is_set

    def poll() -> bool:
        if stopped():
            scheduler.end("stopped by a signal")
        if order.budget_s is not None and time.monotonic() - clock > order.budget_s:
            scheduler.end(f"the budget of {order.budget_s:g} s is used up")
        return not scheduler.stop.is_set()

    try:
        _send_all(scheduler, generator, wanted, profile, poll, order.examples)
        sent_s = time.monotonic() - clock
        requirements, confirming = catalogue.load(context.api).by_id(), 0
        if scheduler.fault is None:
            confirming = confirm_all(context, findings, requirements, lambda: not poll())
        shrinking = (
            shrink_all(context, findings, workers, lambda: not poll()) if scheduler.fault is None else 0
        )
        # A thread that has its answer already is given the moment that it takes to judge it.
        scheduler.is_idle()
        _keep(folder, findings)
        statistics = _statistics(order, context, findings, scheduler, runner, began, sent_s)
        statistics["confirming"], statistics["shrinking"] = confirming, shrinking
        statistics["walks"] = dict(runner.counts)
        statistics["failing"] = failing_cases(findings, profile.target)
        replace_file(folder / STATISTICS, session.redactor.text(json.dumps(statistics, indent=1)) + "\n")
        if scheduler.fault is not None:
            raise scheduler.fault
        return statistics
    finally:
        generator.close()
        if scheduler.is_idle():
            session.close()
        else:
            # A thread that waits for a slow target keeps the session; the process is about to end anyway.
            session.leases.return_all(profile.limits.concurrency)


def context_of(session: Session, pool: ResourcePool) -> ExecutionContext:
    """Returns what executing examples takes, for this session."""
    profile = session.profile
    oracle = Oracle(profile.target.api, capabilities=profile.capabilities, leased=pool.ids, secrets=profile)
    return ExecutionContext(profile.target.api, session, Sender(session), pool, oracle)


def _runner(
    context: ExecutionContext,
    findings: Findings,
    wanted: tuple[FuzzCheck, ...],
    order: Order,
) -> SequenceRunner:
    """Returns what performs the sequences of a run: none where the API has no state machine, or no check is chosen."""
    api = context.api
    asked = fuzzing(api).machine is not None and any(".walk." in check.key for check in wanted)
    if not asked:
        return SequenceRunner(context, findings, (), 0)
    has, many = (
        sequence_source.capabilities_of(context.session.profile),
        sequence_source.number(api, order.examples),
    )
    long = list(long_sequences(api, order.seed, order.examples, has))
    return SequenceRunner(
        context, findings, sequence_source.sequences(api, order.seed, many, has), many, together=long
    )


def _send_all(
    scheduler: Scheduler,
    generator: Generator,
    wanted: tuple[FuzzCheck, ...],
    profile: Profile,
    poll: Callable[[], bool],
    examples: int,
) -> None:
    """Sends everything of a run, until it is answered or `poll` returns False."""
    api, names = profile.target.api, in_turn(profile.target.api, profile.states.terminal)
    touched = {check.key.partition(".")[0] for check in wanted}
    operations = [one for one in openapi.operations(api) if one.name in touched]
    # Each state once before unusual requests: a run that ends early has tried all states.
    for state in names:
        for operation in operations:
            scheduler.put(strategies.plain(operation), state)
    choice = Choice(api, names, examples)
    for operation in operations:
        for case in (strategies.plain(operation), *strategies.promises(operation)):
            choice.saw(case)
        for case in strategies.promises(operation):
            scheduler.put(case, names[0])
    scheduler.start()
    _feed(scheduler, generator.cases(poll), {one.id for one in operations}, choice, poll)
    scheduler.finish(poll)


def _feed(
    scheduler: Scheduler,
    cases: Iterator[Case],
    operations: set[str],
    choice: Choice,
    poll: Callable[[], bool],
) -> None:
    for case in cases:
        if scheduler.stop.is_set():
            return
        if case.operation in operations:
            scheduler.put(case, choice.state(case))
        while scheduler.waiting() > _AHEAD and not scheduler.stop.is_set():
            time.sleep(0.01)
            poll()
        poll()


def _keep(folder: Path, findings: Findings) -> None:
    with Journal(folder / FOLDER / "fuzz.ndjson") as journal:
        for check, exchanges in findings.finished():
            journal.write(check, exchanges)


def _notes(pool: ResourcePool, findings: Findings, runner: SequenceRunner) -> list[str]:
    """Says what wasn't sent, what isn't counted, and which resources there were."""
    notes = [
        f"{often} requests with an odd {mutation.replace('_', ' ')} weren't sent: those before had waited in vain."
        for mutation, often in sorted(findings.unsent.items())
    ]
    if fuzzing(pool.api).machine is None:
        notes.append(
            f"Sequences of requests were not tried: the contract of {pool.api} has no state machine."
        )
    notes += [
        f"{one['check']} is not counted, though it found something once: {one['why']}."
        for one in findings.unconfirmed[:_NOTED]
    ]
    return notes + _lacking(pool, runner)


def _lacking(pool: ResourcePool, runner: SequenceRunner) -> list[str]:
    """Says what was sent to others, and what was left out, since there were too few resources, and why."""
    instead = "named resources in other states, or ids that nothing has, since none was to be had"
    by_reason: dict[str, list[str]] = {}
    for state in sorted(pool.unavailable):
        by_reason.setdefault(pool.missing[state], []).append(state)
    notes = [
        f"{sum(pool.unavailable[state] for state in states)} requests for "
        f"{', '.join(words.resource(pool.api, state) for state in states)} {instead}: {reason}"
        for reason, states in by_reason.items()
    ]
    without = runner.counts["without resources"]
    if without and not runner.failed:
        why = f": {runner.why}" if runner.why else ""
        notes.append(
            f"{without} of {sum(runner.counts.values())} sequences were left out for want of resources{why}"
        )
    return notes


def _is_of_a_status(check: str) -> bool:
    """Returns whether a check is about the status of a documented request."""
    return any(part in check for part in (".status.", ".auth.documented", ".walk.", ".reason.", ".accepts."))


def _statistics(
    order: Order,
    context: ExecutionContext,
    findings: Findings,
    scheduler: Scheduler,
    runner: SequenceRunner,
    began: datetime,
    duration_s: float,
) -> dict[str, Any]:
    pool = context.pool
    operations = findings.reached()
    # Where a failure tells that a request was answered otherwise, that is why: nothing is said of resources.
    failing = {check.key for check, _ in findings.failing()}
    shallow = [
        f"{name} {status}"
        for name, one in operations.items()
        for status in one["never_reached"]
        if not any(key.startswith(f"{name}.") and _is_of_a_status(key) for key in failing)
    ]
    return {
        "seed": order.seed,
        "examples": order.examples,
        "cases": findings.cases,
        "requests": findings.answers + sum(findings.faults.values()),
        "duration_s": round(duration_s, 3),
        "cases_per_second": round(findings.cases / max(duration_s, 0.001), 1),
        "findings": findings.count,
        "started_at": began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ended_early": scheduler.why or "no",
        "unsent": scheduler.waiting(),
        "operations": operations,
        "shallow": shallow,
        "phases": dict(findings.phases),
        "leased": dict(pool.leased),
        "missing_states": dict(pool.missing),
        "notes": _notes(pool, findings, runner),
        "unconfirmed": list(findings.unconfirmed),
        "skipped": dict(findings.unsent),
        "transport_errors": dict(findings.faults),
        "idle_checks": findings.idle(),
    }
