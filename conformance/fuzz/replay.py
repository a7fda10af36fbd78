"""Sends a failing case of a finished run again: to new resources, signed anew, judged by the same rules."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conformance import contracts, fuzz
from conformance.errors import NotTestable, RecordError, TransportError, UsageError
from conformance.fuzz.case import Example
from conformance.fuzz.execute.attempt import Trial, attempt
from conformance.fuzz.execute.context import ExecutionContext, ResultSink
from conformance.fuzz.execute.executor import Executor
from conformance.fuzz.execute.resource_pool import ResourcePool
from conformance.fuzz.oracle.checks import SUITE
from conformance.fuzz.oracle.results import Finding, SentRequest
from conformance.fuzz.run import STATISTICS, context_of
from conformance.fuzz.stateful import telling
from conformance.fuzz.stateful.sequence import from_json as sequence_from_json
from conformance.http import summary
from conformance.profile import Profile
from conformance.report.curl import curl
from conformance.report.record import RUN_FILE
from conformance.session import Session
from conformance.states import id_lists

# A case may need this many of a state: two intents, and one to confirm a surprise with.
_EXAMPLES = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """One failing case of a run: the check that it fails, in which way, and what a replay needs of it."""

    check: str
    cause: str
    expected: str
    observed: str
    example: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of sending one case again. `fails` is None where it couldn't be tried: `why` then tells.

    `fault` is the title of what failed now. `steps` are the requests that were sent now, in their order, each in words
    and with the status of its answer; the last one decides. `other` is set where the check fails, though in another way
    than it did.
    """

    kept: Kept
    fails: bool | None
    expected: str
    observed: str
    curl: str = ""
    why: str = ""
    unreachable: bool = False
    other: bool = False
    fault: str = ""
    steps: tuple[str, ...] = ()


def failing(folder: Path, wanted: str) -> list[Kept]:
    """Returns the cases of the run in `folder` (finished or killed) that fail the check `wanted`, the smallest first.

    `wanted` is a check's id, or a part that no other check of the run has. Raises UsageError, with what to do instead
    where there is nothing to replay, and RecordError.
    """
    folder = folder if folder.is_dir() else folder.parent
    statistics, checks = _read(folder)
    cases = statistics.get("failing") or {}
    name = _chosen(wanted, list(cases), checks, folder)
    kept = [
        Kept(name, str(one["cause"]), str(one["expected"]), str(one["observed"]), one["case"])
        for one in cases[name]
        if one.get("case") is not None
    ]
    if not kept:
        raise UsageError(
            f"the case of {name} is too long to have been kept",
            hint=f"Run the fuzzing again with the run's seed, {statistics.get('seed', 'in run.json')}.",
        )
    return kept


def replay(profile: Profile, kept: Sequence[Kept]) -> list[Replayed]:
    """Sends each case again, in a session of its own. Raises ConformanceError where none could be opened."""
    with tempfile.TemporaryDirectory(prefix="payout-conformance-") as name:
        folder = Path(name)
        id_lists.share(folder, profile)
        # A connection that the target closed in silence would look like a target that fails.
        (folder / "no-reuse").touch()
        session = Session(profile, folder)
        try:
            context = context_of(session, ResourcePool(session, _EXAMPLES))
            return [_again(session, context, one) for one in kept]
        finally:
            session.close()


def _again(session: Session, context: ExecutionContext, kept: Kept) -> Replayed:
    try:
        return (
            _sequence(session, context, kept)
            if "probe" not in kept.example
            else _case(session, context, kept)
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise RecordError(f"the case of {kept.check} can't be read", hint="Has it been edited?") from fault
    except (TransportError, NotTestable) as fault:
        unreachable = isinstance(fault, TransportError)
        return Replayed(kept, None, kept.expected, "", why=fault.message, unreachable=unreachable)


def _case(session: Session, context: ExecutionContext, kept: Kept) -> Replayed:
    example = Example.from_json(kept.example)
    trial = Trial(kept.check.removeprefix(f"{SUITE}::"))
    if not attempt(context, example, trial, new=True):
        if context.pool.lost is not None:
            raise context.pool.lost
        why = context.pool.missing.get(
            str(example.state), f"no resource in the state {example.state} is to be had"
        )
        return Replayed(kept, None, kept.expected, "", why=why)
    if trial.finding is not None:
        return _told(session, kept, trial.shown, trial.finding)
    if not trial.answers:
        said = trial.fault.error if trial.fault is not None and trial.fault.error else "no answer came"
        return Replayed(kept, None, kept.expected, "", why=said, unreachable=True)
    if not trial.judged:
        why = f"the answer says nothing of it: {summary.of_exchange(trial.answers[0])}"
        return Replayed(kept, None, kept.expected, "", why=why)
    return _told(session, kept, (*trial.before, *trial.sent_requests[: len(example.before) + 1]))


def _sequence(session: Session, context: ExecutionContext, kept: Kept) -> Replayed:
    sequence = sequence_from_json(kept.example)
    performed = Executor(context, ResultSink()).perform_sequence(sequence)
    if performed.missing is not None:
        return Replayed(kept, None, kept.expected, "", why=performed.missing)
    sent = tuple(
        SentRequest(says, one.reply.exchange)
        for says, one in zip(telling.told(sequence), performed.taken, strict=False)
        if one.reply is not None
    )
    found = performed.failing(kept.check.removeprefix(f"{SUITE}::"))
    if found is not None:
        number, _, finding = found
        ended = replace(sequence, steps=sequence.steps[: number + 1])
        return _told(session, kept, sent, finding.titled(telling.title(ended), telling.after(ended)))
    if performed.fault is not None:
        raise performed.fault
    if not sent:
        return Replayed(kept, None, kept.expected, "", why="no step of the sequence was answered")
    if len(performed.taken) < len(sequence.steps):
        last = next((one.finding for one in performed.taken[-1].results if one.finding), None)
        why = f"another rule was broken before: {last.fault if last is not None else ''}"
        return Replayed(
            kept, None, kept.expected, "", why=session.redactor.text(why), steps=_steps(session, sent)
        )
    return _told(session, kept, sent)


def _told(
    session: Session, kept: Kept, sent: tuple[SentRequest, ...], finding: Finding | None = None
) -> Replayed:
    """Returns what was seen now; `finding` is None where nothing failed."""
    clean, last = session.redactor.text, sent[-1].exchange
    command = clean(curl(last, session.profile.target))
    steps = _steps(session, sent)
    if finding is None:
        observed = clean(summary.of_exchange(last))
        return Replayed(kept, False, clean(kept.expected), observed, command, steps=steps)
    return Replayed(
        kept,
        True,
        clean(finding.expected),
        clean(finding.observed),
        command,
        other=finding.cause != kept.cause,
        fault=clean(finding.fault),
        steps=steps,
    )


def _steps(session: Session, sent: tuple[SentRequest, ...]) -> tuple[str, ...]:
    return tuple(
        session.redactor.text(f"{one.says}: {one.exchange.status or one.exchange.error}") for one in sent
    )


def _read(folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    """Returns the statistics of fuzzing, and the ids of checks that didn't pass (none of a killed run)."""
    for name in (RUN_FILE, STATISTICS):
        try:
            data = json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as fault:
            raise RecordError(
                f"{folder / name} can't be read", hint="Is this the folder of a run?"
            ) from fault
        if not isinstance(data, dict):
            break
        if name == STATISTICS:
            return data, []
        wrong = [one["id"] for one in data.get("checks", ()) if one.get("outcome") in ("failed", "warned")]
        return data.get("fuzz") or {}, wrong
    raise RecordError(f"there is no run in {folder}", hint="Name the folder that holds run.json.")


def _chosen(wanted: str, cases: list[str], checks: list[str], folder: Path) -> str:
    """Returns the id that `wanted` means, of a check with cases."""
    for met in ([one for one in cases if one == wanted], [one for one in cases if wanted in one]):
        if len(met) == 1:
            return met[0]
        if met:
            some = ", ".join(sorted(met)[:6])
            raise UsageError(
                f"{wanted!r} is part of {len(met)} failing checks: {some}", hint="Give more of the id."
            )
    written = [one for one in checks if wanted in one and not one.startswith(f"{SUITE}::")]
    if written:
        words = written[0].rpartition("::")[2].partition("[")[0]
        raise UsageError(
            f"{written[0]} is a hand-written check: it has no case to send again",
            hint=f"Run just this check: payout-conformance run PROFILE --no-fuzz -k {words}",
        )
    listed = any(wanted in one for api in contracts.names() for one in fuzz.check_ids(api))
    some = f"These can be replayed: {', '.join(sorted(cases)[:8])}" if cases else "No fuzzing check failed."
    what = "didn't fail in" if listed else "is no check of"
    raise UsageError(f"{wanted!r} {what} the run in {folder}", hint=some)
