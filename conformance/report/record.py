"""A run's record: folded from its checks, kept as `run.json` beside `exchanges.har`, and read again.

`run.json` is canonical: every report can be rendered from these two files, offline. Its shape is fixed by
`specs/formats/run.schema.json`; exchanges live in the HAR alone, and `run.json` refers to them by index.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.errors import RecordError
from conformance.model import (
    RUN_FORMAT,
    Catalogue,
    Check,
    Exchange,
    Inputs,
    Requirement,
    RequirementResult,
    RunRecord,
    Target,
    Waiver,
)
from conformance.report import codec, depth, har, journal, verdict
from conformance.report.safe import counted
from conformance.report.verdict import exit_code

__all__ = [
    "HAR_FILE",
    "RUN_FILE",
    "exit_code",
    "fold",
    "from_journal",
    "from_json",
    "load",
    "to_json",
    "write",
]

RUN_FILE = "run.json"
HAR_FILE = "exchanges.har"
_HARNESS = {
    "version": "harness_version",
    "catalogue_revision": "catalogue_revision",
    "catalogue_digest": "catalogue_digest",
}
_ORDER = (
    *("format", "verdict", "complete", "target", "harness", "started_at", "finished_at", "seed", "options"),
    *("notes", "counts", "requirements", "checks", "exchanges", "not_observable", "fuzz"),
    *("inputs", "matrix", "waivers"),
)


def fold(
    catalogue: Catalogue,
    target: Target,
    checks: Sequence[Check],
    exchanges: Sequence[Exchange],
    *,
    deselected: Mapping[str, str],
    declared: Mapping[str, bool | None],
    seed: int,
    started_at: str,
    finished_at: str,
    complete: bool,
    options: Mapping[str, object] | None = None,
    notes: Sequence[str] = (),
    fuzz: Mapping[str, object] | None = None,
    harness_version: str = __version__,
    digests: Mapping[str, str] | None = None,
    waivers: Sequence[Waiver] = (),
) -> RunRecord:
    """The record of a run, verdict included.

    `deselected` maps the id of a requirement, some of whose checks were left out, to the reason; `declared` a
    capability to what the profile says of it (None: nothing); `digests` (`build`, `openapi`, `profile`) says
    what the run was made with. Raises HarnessError for a check of a requirement that the catalogue doesn't have.
    """
    checks = verdict.softened(catalogue, checks)
    requirements = verdict.results(
        catalogue, checks, deselected=deselected, declared=declared, scope=dict(target.scope)
    )
    return RunRecord(
        target=target,
        harness_version=harness_version,
        catalogue_revision=catalogue.revision,
        catalogue_digest=catalogue.digest,
        started_at=started_at,
        finished_at=finished_at,
        seed=seed,
        verdict=verdict.verdict(requirements, complete=complete),
        complete=complete,
        requirements=requirements,
        checks=checks,
        exchanges=tuple(exchanges),
        not_observable=catalogue.not_observable,
        options=dict(options or {}),
        notes=tuple(notes),
        fuzz=fuzz,
        inputs=None
        if digests is None
        else Inputs(declared=dict(declared), deselected=dict(deselected), **digests),
        matrix=catalogue.matrix,
        waivers=verdict.weighed(waivers, requirements, started_at=started_at),
    )


def to_json(record: RunRecord) -> dict[str, Any]:
    """The content of `run.json`: JSON values only, in a fixed order."""
    written = codec.to_json(record) | {
        "format": RUN_FORMAT,
        "harness": {key: getattr(record, field) for key, field in _HARNESS.items()},
        "counts": record.counts(),
        "requirements": [
            codec.to_json(result.requirement) | codec.to_json(result) | _depth(record, result)
            for result in record.requirements
        ],
        "exchanges": len(record.exchanges),
    }
    # Keys that older records don't have are left out again, so that they keep their bytes.
    return {key: written[key] for key in _ORDER if key in written}


def _depth(record: RunRecord, result: RequirementResult) -> dict[str, Any]:
    found = depth.of(record, result)
    if found is None:
        return {}
    return {"depth": {"checks": found.checks, "ran": found.ran, "lacks": dict(found.lacks)}}


def from_json(data: Mapping[str, Any], exchanges: Sequence[Exchange]) -> RunRecord:
    """The record that `to_json` was given, with its exchanges. Raises RecordError for anything else.

    What only the catalogue knows of a requirement (`needs`, `fairness`) isn't in it. The verdict is taken as
    written; `verdict.verdict` computes it anew.
    """
    if not isinstance(data, Mapping) or data.get("format") != RUN_FORMAT:
        found = data.get("format") if isinstance(data, Mapping) else type(data).__name__
        raise RecordError(
            f"{RUN_FILE} is of format {found!r}, not {RUN_FORMAT!r}",
            hint="Use the version of payout-conformance that wrote it.",
        )
    try:
        record = _record(data, tuple(exchanges))
        _consistent(record, data)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _damaged(RUN_FILE, fault, "Restore both files of the run, or run again.") from fault
    return record


def _damaged(what: object, fault: Exception, hint: str) -> RecordError:
    return RecordError(f"{what} is damaged: {type(fault).__name__}: {fault}", hint=hint)


def write(record: RunRecord, folder: Path) -> dict[str, Path]:
    """Writes `run.json` and `exchanges.har` into `folder`, each in one step, the exchanges first.

    A file that says the same already keeps its bytes: a certificate may vouch for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {HAR_FILE: folder / HAR_FILE, RUN_FILE: folder / RUN_FILE}
    if not _says(written[HAR_FILE], lambda: har.har(record)):
        codec.replace_file(written[HAR_FILE], har.pieces(record))
    if not _says(written[RUN_FILE], lambda: to_json(record)):
        codec.replace_file(written[RUN_FILE], codec.lined(to_json(record)) + "\n")
    return written


def _says(path: Path, content: Callable[[], Mapping[str, Any]]) -> bool:
    """Returns whether the file is there and holds this content, in any layout."""
    try:
        return path.exists() and bool(json.loads(path.read_bytes()) == content())
    except (OSError, ValueError, RecursionError):
        return False


def load(folder: Path) -> RunRecord:
    """The record of the run in `folder` (or whose `run.json` is named), from its journal where it was killed.

    Raises RecordError, with a hint, for anything missing, broken or of another format.
    """
    if folder.name == RUN_FILE and not folder.is_dir():
        folder = folder.parent
    if (folder / RUN_FILE).exists():
        data = _read(folder / RUN_FILE)
        try:
            exchanges = har.exchanges(_read(folder / HAR_FILE))
        except (KeyError, TypeError, ValueError) as fault:
            hint = f"Restore the {HAR_FILE} that was written with this {RUN_FILE}."
            raise _damaged(folder / HAR_FILE, fault, hint) from fault
        return from_json(data, exchanges)
    if (folder / journal.FOLDER / journal.HEADER).exists():
        return from_journal(folder)
    raise RecordError(
        f"{folder} holds no run",
        hint=f"Name the folder of a run: the one that holds {RUN_FILE}, such as reports/latest.",
    )


def from_journal(folder: Path) -> RunRecord:
    """Folds the journal of the run in `folder` into the record of an incomplete run.

    Raises RecordError. What was left out is taken from the header (`deselected`: requirement -> reason) and
    from the run's `plan.json` (`deselected`: check -> requirements), where there is one; that also tells
    how many checks there were to be (`selected`).
    """
    from conformance import catalogue as catalogues

    header = journal.read_header(folder / journal.FOLDER)
    checks, exchanges = journal.read(folder / journal.FOLDER)
    plan = _plan(folder)
    try:
        target = codec.from_json(Target, header["target"])
        if target.api not in catalogues.apis():
            raise ValueError(f"no API is called {target.api!r}")
        ended = max((check.started_at for check in checks), default=header["started_at"])
        return fold(
            catalogues.load(target.api),
            target,
            checks,
            exchanges,
            deselected={**deselection(plan.get("deselected", {})), **header.get("deselected", {})},
            declared=header.get("declared", {}),
            seed=header["seed"],
            options=header.get("options", {}),
            started_at=header["started_at"],
            finished_at=ended,
            complete=False,
            notes=(
                *header.get("notes", ()),
                _cut_short(len(checks), plan.get("selected", header.get("checks"))),
            ),
            harness_version=header.get("harness_version", __version__),
            digests=header.get("digests"),
            waivers=tuple(codec.from_json(Waiver, one) for one in header.get("waivers", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _damaged(f"the journal of {folder}", fault, "Run again.") from fault


def _plan(folder: Path) -> dict[str, Any]:
    """Returns the plan of the run: `selected` check ids, `deselected` check id -> requirements."""
    path = folder / "plan.json"
    plan = _read(path) if path.exists() else {}
    if not isinstance(plan, dict):
        raise RecordError(f"{path} is not a JSON object", hint="Run again.")
    return plan


def deselection(checks: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """`deselected` for `fold`, from the checks that were left out and the requirements that each is about."""
    by_requirement = Counter(name for names in checks.values() for name in names)
    return {
        name: f"{counted(number, 'check')} of it {'was' if number == 1 else 'were'} not selected."
        for name, number in by_requirement.items()
    }


def _cut_short(finished: int, planned: object) -> str:
    of = f" of {len(planned)}" if isinstance(planned, list) else ""
    return f"The run was ended early: {finished}{of} checks had finished."


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"{path} is missing", hint=f"{RUN_FILE} and {HAR_FILE} belong together.") from None
    except (OSError, ValueError) as fault:
        raise RecordError(f"{path} can't be read: {fault}", hint="Restore it, or run again.") from fault


def _record(data: Mapping[str, Any], exchanges: tuple[Exchange, ...]) -> RunRecord:
    api = data["target"]["api"]
    pairs = [
        (codec.from_json(Requirement, requirement, api=api), requirement)
        for requirement in data["requirements"]
    ]
    results = tuple(
        codec.from_json(
            RequirementResult, {**requirement, "reason": requirement["reason"] or ""}, requirement=one
        )
        for one, requirement in pairs
    )
    harness = {field: data["harness"][key] for key, field in _HARNESS.items()}
    return codec.from_json(RunRecord, data, requirements=results, exchanges=exchanges, **harness)


def _consistent(record: RunRecord, data: Mapping[str, Any]) -> None:
    """Raises ValueError where the parts of a record don't belong together."""
    if (told := data["exchanges"]) != (held := len(record.exchanges)):
        raise ValueError(f"it speaks of {told} exchanges, {HAR_FILE} holds {held}")
    for check in record.checks:
        if any(index >= len(record.exchanges) for index in check.named):
            raise ValueError(f"check {check.id} refers to an exchange that isn't there")
    known = {check.id for check in record.checks}
    for result in record.requirements:
        if not known.issuperset(result.checks):
            raise ValueError(f"{result.requirement.id} refers to a check that isn't there")
