"""Compares the checks of a record with those that this build runs: none invented, none missing, none moved.

A check that is moved is about other requirements than here. Only for a run that says it was made with this very build:
another one may have other checks.
"""

import tomllib
from collections.abc import Collection, Mapping

from conformance import contracts, coverage
from conformance.certificate.evidence import Run
from conformance.certificate.exchanges import SLACK
from conformance.certificate.statement import moment
from conformance.coverage import Known
from conformance.errors import RecordError
from conformance.provenance import build
from conformance.report import record as records
from conformance.report import tried_states
from conformance.report.safe import counted, line

# More states than any API has.
_MOST_STATES = 64
_HINT = (
    "Nobody but payout-conformance itself adds or leaves out checks. Run again with it as it was published."
)


def examine(run: Run, profile: bytes | None) -> str:
    """Returns what couldn't be compared, as a sentence; empty where everything was.

    `profile` is the copy of the profile, None where it isn't there: the final states that it names are then those
    that the record speaks of. Raises RecordError.
    """
    ids = {check.id for check in run.record.checks}
    known = coverage.known(run.record.target.api, _terminal(run, profile))
    if run.inputs.build != build():
        of_ours = sum(not one.fuzz for one in known.values())
        shared = sum(name in known and not known[name].fuzz for name in ids)
        strange = sum(name not in known for name in ids)
        return (
            f"which checks there have to be: another build made the run. The record has {shared} of the "
            f"{of_ours} hand-written checks that this build runs, and {counted(strange, 'check')} that it doesn't have"
        )
    _none_invented(run, known)
    _none_missing(run, known, ids)
    _watched(run, known)
    return ""


def _none_invented(run: Run, known: Mapping[str, Known]) -> None:
    for check in run.record.checks:
        ours = known.get(check.id)
        if ours is None:
            raise RecordError(
                f"the run says that this build made it, and this build has no check {line(check.id, 120)}",
                hint=_HINT,
            )
        if (check.requirements, check.level) != (ours.requirements, ours.level):
            raise RecordError(
                f"check {check.id} is about other requirements, or of another level, than in this build, which "
                f"the run says made it: {', '.join(check.requirements)} ({check.level}), not "
                f"{', '.join(ours.requirements)} ({ours.level})",
                hint=_HINT,
            )
        if check.outcome == "passed" and ours.sends and not check.exchanges:
            raise RecordError(
                f"check {check.id} passed without a single exchange, and it is one that sends requests",
                hint="The record holds the exchanges of every check that ran. Run again.",
            )


def _none_missing(run: Run, known: Mapping[str, Known], ids: Collection[str]) -> None:
    record = run.record
    absent = {name: one.requirements for name, one in known.items() if name not in ids and not one.fuzz}
    said = run.inputs.deselected
    if dict(said) != records.deselection(absent):
        if not said:
            what = "and the run doesn't say that they were left out"
        else:
            what = "and those that the run says were left out are others"
        raise RecordError(
            f"{counted(len(absent), 'check')} that this build runs for this profile are missing, {what}"
            f"{': ' if absent else ''}{_some(absent)}",
            hint=_HINT,
        )
    if record.fuzz is None or record.options.get("expression") or record.options.get("requirements"):
        return
    idle = record.fuzz.get("idle_checks")
    every = {one.id for one in coverage.fuzzed(record.target.api, run.inputs.declared)}
    judged = every - set(ids) - set(map(str, idle if isinstance(idle, list) else ()))
    if judged:
        raise RecordError(
            f"{counted(len(judged), 'check')} of the fuzzing are missing, and the run doesn't say that nothing put "
            f"them to the test: {_some(dict.fromkeys(judged))}",
            hint=_HINT,
        )
    if every.isdisjoint(ids) and record.fuzz.get("requests") and not record.fuzz.get("transport_errors"):
        raise RecordError(
            "the run says that the fuzzing sent requests, and no check of it judged an answer", hint=_HINT
        )


def _watched(run: Run, known: Mapping[str, Known]) -> None:
    """A run in which something that was cancelled was read again in the end took longer than it watched that."""
    record, watched = run.record, run.record.options.get("watch_s")
    lasted = (moment(record.finished_at) - moment(record.started_at)).total_seconds()
    again = [
        one for one in record.checks if known[one.id].watches and one.outcome == "passed" and one.exchanges
    ]
    if again and isinstance(watched, int | float) and watched > lasted + SLACK.total_seconds():
        raise RecordError(
            f"the run took {lasted:.0f} s, and says that it watched for {watched:g} s what it had cancelled",
            hint=_HINT,
        )


def _terminal(run: Run, profile: bytes | None) -> tuple[str, ...]:
    if not contracts.contract(run.record.target.api).states.named_by_profile:
        return ()
    if profile is None:
        return tried_states.named(run.catalogue.matrix, run.record.checks)
    named = tomllib.loads(profile.decode("utf-8-sig")).get("states", {}).get("terminal", [])
    if not isinstance(named, list) or len(named) > _MOST_STATES or not all(isinstance(x, str) for x in named):
        raise RecordError("states.terminal in profile.toml is no list of states", hint="Run again.")
    return tuple(dict.fromkeys(named))


def _some(names: Mapping[str, object]) -> str:
    shown = [line(name, 120) for name in sorted(names)[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
