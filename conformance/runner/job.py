"""Does one run, from the first request to the last report, or finishes one that was ended early."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from conformance import catalogue, openapi, plugin, profile_copy, watch
from conformance.doctor.preflight import preflight
from conformance.errors import HarnessError, TransportError
from conformance.fuzz.oracle.checks import SUITE
from conformance.http import gate
from conformance.model import Check, Exchange, Outcome, RunRecord
from conformance.oracles import run_answers
from conformance.profile import Profile
from conformance.report import journal, record, render, scope, tried_states
from conformance.report.safe import counted
from conformance.runner import folder as folders
from conformance.runner import locked, moved_on
from conformance.runner.fuzz_process import Fuzzing, forget
from conformance.runner.options import Options
from conformance.runner.resume import Unfinished
from conformance.runner.suites import Progress, forkable, rare_garbage_collection, suites
from conformance.session import SOURCE_GATE, give_back
from conformance.states import id_lists, prepared_resources, shared_resources
from conformance.states.endpoint import NO_ANSWER

# The time that a check computes per request: from this latency on a second worker is worth having.
_BUSY_S = 0.006
_MOST_WORKERS = 16
# Where workers can't be forked, each takes half a second to start.
_WORTH_A_START_S = 0.02
# The most attempts at a check whose requests got no answer, and the most seconds that such checks may have taken.
_MOST_ROUNDS = 3
_MOST_AGAIN_S = 60.0


@dataclass(slots=True)
class Finished:
    """A run that has its record, and its files. `interrupted` by Ctrl-C: no further run should follow."""

    record: RunRecord
    folder: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    interrupted: bool = False


def run(profile: Profile, options: Options, progress: Progress) -> Finished:
    """Certifies the target of one profile.

    Raises TransportError where the target can't be reached at all, NotReady and ProfileError where it can't be judged
    with this profile, HarnessError where the harness failed.
    """
    started = folders.now()
    # The record says how long, also where the profile has chosen it.
    options = replace(options, watch_s=profile.limits.watch_s)
    folder = folders.new(profile, options.output)
    with ExitStack() as stack:
        try:
            stack.enter_context(folders.FolderLock(folder))
            id_lists.share(folder, profile, forget=options.fresh_ids)
            (folder / prepared_resources.FOLDER).mkdir()
            latency = _preflight(profile, folder, options)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with _results_kept(folder), rare_garbage_collection():
            profile_copy.keep(folder, profile.path)
            header = folders.header(profile, options, started)
            journal.write_header(folder / journal.FOLDER, header)
            return _Job(profile, options, folder, header).work(latency, progress)


def finish(run: Unfinished, progress: Progress) -> Finished:
    """Resumes a run that was ended early. Its record then holds both parts.

    Finished checks stand; a check that was under way begins again, with fresh resources. So does a check that ended in
    an error, which says nothing of the target, and the fuzzing, unless it had ended by itself with an answer. Raises as
    `run` does, and UsageError where the run is still in progress.
    """
    folder, header = run.folder, run.header
    with folders.FolderLock(folder), _results_kept(folder), rare_garbage_collection():
        latency = _preflight(run.profile, folder, run.options, narrow=True)
        again = journal.take_out(folder / journal.FOLDER, lambda check: check.outcome is Outcome.ERROR)
        if any(check.suite == SUITE for check in again):
            forget(folder)
        # Resources of the earlier part were read by then, or aren't asked for any more: nobody looks back on them.
        (folder / watch.FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / run_answers.FOLDER, ignore_errors=True)
        # What checks left to be cancelled tells of checks that run again, and is offered back.
        shared_resources.put_away(folder)
        finished = [check.id for check in journal.read(folder / journal.FOLDER)[0]]
        (folder / plugin.FINISHED).write_text(json.dumps(finished))
        note = f"It was ended early, and gone on with at {folders.now()}."
        if again:
            note += f" {counted(len(again), 'check')} that had ended in an error began again."
        header = {**header, "notes": [*header.get("notes", ()), note]}
        journal.write_header(folder / journal.FOLDER, header)
        return _Job(run.profile, run.options, folder, header).work(latency, progress)


def workers(profile: Profile, latency_s: float) -> int:
    """Returns the number of processes for a target: more where its answers take longer.

    One for a profile with lists of ids: these are finite, and each worker takes some for itself. Never more than
    limits.concurrency, nor than limits.requests_per_second could keep busy.
    """
    limits = profile.limits
    if profile.states.ids is not None or (latency_s < _WORTH_A_START_S and not forkable()):
        return 1
    most = min(limits.concurrency, _MOST_WORKERS)
    if limits.requests_per_second is not None:
        most = min(most, 1 + math.ceil(limits.requests_per_second * latency_s))
    # Checks that wait for events mostly wait, also for a target nearby.
    least = 4 if profile.capabilities.get("webhooks") and forkable() else 2
    return max(1, min(most, max(least, math.ceil(latency_s / _BUSY_S))))


def _without_answer(check: Check) -> bool:
    """Returns whether a check ended without a usable answer, of the target or of the source of states."""
    if check.outcome is Outcome.NOT_TESTABLE:
        return NO_ANSWER.match(check.message) is not None
    kind = check.message.partition(":")[0]
    return check.outcome is Outcome.ERROR and kind in TransportError.KINDS and kind != "rate_limited"


def _preflight(profile: Profile, folder: Path, options: Options, *, narrow: bool = False) -> float:
    return preflight(
        profile,
        folder,
        insist=options.insist,
        # The checks aren't known before pytest has collected them.
        narrow=narrow or bool(options.expression or options.requirements),
        meanwhile=partial(openapi.prepare, profile.target.api),
    )


@dataclass(slots=True)
class _Job:
    profile: Profile
    options: Options
    folder: Path
    header: dict[str, Any]
    rounds: int = 1
    # The checks that have begun again because of a listed resource.
    met: set[str] = field(default_factory=set)

    def work(self, latency_s: float, progress: Progress) -> Finished:
        """Runs the suites beside the fuzzing, and folds the record."""
        chosen = self.options.workers
        number = workers(self.profile, latency_s) if chosen is None else chosen
        fuzzing = Fuzzing(self.profile, self.options, self.folder)
        # Lists of ids are finite: there fuzzing waits, and takes the ids that the suites leave.
        waits = self.profile.states.ids is not None
        interrupted = False
        with fuzzing:
            try:
                if fuzzing.is_due and not waits:
                    fuzzing.start()
                interrupted = not suites(self.profile, self.options, number, self.folder, progress)
                while not interrupted and self._retries():
                    interrupted = not suites(self.profile, self.options, number, self.folder, progress)
                if fuzzing.is_due and not interrupted:
                    fuzzing.start()
                if not interrupted:
                    fuzzing.wait()
            except KeyboardInterrupt:
                interrupted = True
            if interrupted:
                fuzzing.stop()
        shared_resources.forget(self.folder)
        give_back(self.profile, self.folder)
        folded = self._folded(fuzzing)
        files = render.write_all(folded, self.folder, forking=forkable())
        if folded.complete:
            folders.tidy(self.folder)
        render.latest(self.options.output, self.folder)
        return Finished(folded, self.folder, files, interrupted)

    def _retries(self) -> bool:
        """Returns whether there are checks to retry, which got no answer that could be judged.

        They get fresh resources, as a request without an answer may have had an effect. No check is retried if the
        target was unavailable for most of them. One that met a listed resource which may have moved on gets others.
        """
        if self.rounds >= _MOST_ROUNDS:
            return False
        checks, exchanges = journal.read(self.folder / journal.FOLDER)
        lost = [check for check in checks if check.suite != SUITE and _without_answer(check)]
        if 2 * len(lost) > len(checks) or sum(check.duration_s for check in lost) > _MOST_AGAIN_S:
            lost = []
        moved = self._moved_on(checks, exchanges)
        again = {check.id for check in (*lost, *moved)}
        if not again:
            return False
        journal.take_out(self.folder / journal.FOLDER, lambda check: check.id in again, but=SUITE)
        # The fuzzing may have finished more checks by now: its ids are none of the suites'.
        finished = [check.id for check in checks if check.id not in again]
        (self.folder / plugin.FINISHED).write_text(json.dumps(finished))
        self.rounds += 1
        self.met |= {check.id for check in moved}
        told = {
            "got no answer that could be judged, and began again": lost,
            "met a listed id that was refused like a final one, and began again with others": moved,
        }
        notes = [f"{counted(len(each), 'check')} {why}." for why, each in told.items() if each]
        self.header["notes"] = [*self.header["notes"], *notes]
        return True

    def _moved_on(self, checks: Sequence[Check], exchanges: Sequence[Exchange]) -> list[Check]:
        """Returns the checks that rest on the refusal of a listed resource which may have moved on, to begin again.

        Where that happens twice to a check, its list has to be in doubt for another reason, too.
        """
        lists = moved_on.lists(self.profile, self.folder)
        if lists is None:
            return []
        left = lists.left()
        found = [
            (check, kinds)
            for check in checks
            if check.suite != SUITE and (kinds := lists.doubted(check, exchanges))
        ]
        return [
            check
            for check, kinds in found
            if (check.id not in self.met or lists.is_in_doubt(kinds)) and lists.may_begin_again(kinds, left)
        ]

    def _folded(self, fuzzing: Fuzzing) -> RunRecord:
        checks, exchanges = journal.read(self.folder / journal.FOLDER)
        lists = moved_on.lists(self.profile, self.folder)
        if lists is not None:
            checks = tuple(lists.judged(check, exchanges) for check in checks)
        checks = locked.judged(checks, exchanges)
        plan = folders.plan(self.folder)
        complete = fuzzing.is_done and set(plan["selected"]) <= {check.id for check in checks}
        slowed = gate.slow_downs(self.folder / "gate")
        reached = fuzzing.partly()
        known = catalogue.load(self.profile.target.api)
        notes = [
            *self.header["notes"],
            *map(str, (reached or {}).get("notes", ())),
            *scope.notes(self.profile.target),
            tried_states.sentence(known.matrix, checks),
            "" if fuzzing.wanted else fuzzing.left_out(),
            slowed,
            gate.slow_downs(self.folder / SOURCE_GATE, "state source"),
            "" if complete else "The run was ended before its last check.",
        ]
        return record.fold(
            known,
            self.profile.target,
            checks,
            exchanges,
            deselected=record.deselection(plan["deselected"]),
            declared=self.profile.capabilities,
            seed=self.options.seed,
            started_at=self.header["started_at"],
            finished_at=folders.now(),
            complete=complete,
            options=self.options.recorded(),
            notes=[*filter(None, notes)],
            fuzz=reached,
            digests=self.header["digests"],
            waivers=self.options.waivers,
        )


@contextmanager
def _results_kept(folder: Path) -> Iterator[None]:
    """Adds to each error that the results so far are in the folder, and how to show them or to resume the run."""
    hint = (
        f"What was found is kept: payout-conformance report {folder} shows it, run --resume {folder} goes on."
    )
    try:
        yield
    except OSError as fault:
        why = f"{fault.strerror or fault}{f': {fault.filename}' if fault.filename else ''}"
        raise HarnessError(f"the run's files can't be written: {why}", hint=hint) from fault
    except HarnessError as fault:
        raise HarnessError(fault.message, hint=f"{fault.hint} {hint}".strip()) from fault
