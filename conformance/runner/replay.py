"""Performs a hand-written check of a finished run again: on fresh resources, signed anew, in a run of its own."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import RecordError, UsageError
from conformance.fuzz.oracle.checks import SUITE
from conformance.model import Check, Outcome
from conformance.profile import Profile
from conformance.report import journal
from conformance.report import record as records
from conformance.report.curl import curl
from conformance.runner.options import Options
from conformance.runner.suites import suites
from conformance.session import give_back
from conformance.states import id_lists

_WRONG = (Outcome.FAILED, Outcome.WARNED)
_TESTED = (Outcome.PASSED, *_WRONG)
# A check that looks back on others is performed with so many of those at most.
_BESIDE = 4


@dataclass(frozen=True, slots=True)
class Written:
    """A hand-written check of a run, and the ids of checks whose answers it speaks of."""

    check: Check
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Performed:
    """The result of performing a check again. `fails` is None where it judged nothing: `why` then tells."""

    before: Check
    fails: bool | None
    after: Check | None
    command: str = ""
    why: str = ""
    unreachable: bool = False


def written(folder: Path, wanted: str) -> Written | None:
    """Returns the hand-written check of the run in `folder` that `wanted` is the id of, or is a part of its id.

    Of several that have it as a part, the one that didn't pass; None where it means none. Raises UsageError where
    several didn't pass.
    """
    try:
        run = records.load(folder)
    except RecordError:
        return None
    mine = [check for check in run.checks if check.suite != SUITE]
    exact = [check for check in mine if check.id == wanted]
    wrong = [check for check in mine if wanted in check.id and check.outcome in _WRONG]
    if len(exact or wrong) > 1:
        some = ", ".join(check.id for check in wrong[:6])
        raise UsageError(
            f"{wanted!r} is part of {len(wrong)} failing checks: {some}", hint="Give more of the id."
        )
    found = next(iter(exact or wrong), None)
    if found is None or any(wanted == check.id for check in run.checks if check.suite == SUITE):
        return None
    shown = None if found.shown_by is None else run.exchanges[found.shown_by]
    others = [
        check.id
        for check in mine
        if check is not found
        and shown is not None
        and any(run.exchanges[index] is shown for index in check.exchanges)
    ]
    return Written(found, tuple(others[:_BESIDE]))


def perform(profile: Profile, one: Written) -> Performed:
    """Runs that check by itself, with those whose answers it speaks of. Raises ConformanceError as a run does."""
    names = (one.check.id, *one.beside)
    options = Options(expression=" or ".join(names), allow_live=profile.target.environment == "live")
    with tempfile.TemporaryDirectory(prefix="payout-conformance-") as name:
        folder = Path(name)
        id_lists.share(folder, profile)
        suites(profile, options, 1, folder, lambda api, done, total: None)
        give_back(profile, folder)
        checks, exchanges = journal.read(folder / journal.FOLDER)
    after = next((check for check in checks if check.id == one.check.id), None)
    if after is None:
        return Performed(one.check, None, None, why="this version has no such check")
    if after.outcome not in _TESTED:
        return Performed(
            one.check, None, after, why=after.message, unreachable=after.outcome is Outcome.ERROR
        )
    if not after.exchanges and not one.beside:
        return Performed(one.check, None, after, why="by itself it has no answers to look at: run all checks")
    command = "" if after.shown_by is None else curl(exchanges[after.shown_by], profile.target)
    return Performed(one.check, after.outcome in _WRONG, after, command)
