"""Judges a run's folder as evidence: its files by digest, and its verdict folded again from its checks."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from conformance import catalogue as catalogues
from conformance.certificate.reading import Unreadable, regular, strict_json
from conformance.certificate.schemas import validator
from conformance.errors import ConformanceError, RecordError
from conformance.model import Catalogue, Inputs, RunRecord
from conformance.profile_copy import PROFILE
from conformance.provenance import digest
from conformance.report import har
from conformance.report import record as records
from conformance.report.safe import line

# What a certificate vouches for, by digest.
FILES = (records.RUN_FILE, records.HAR_FILE)
# No run writes more: larger files are an attack, or a mistake.
_LIMITS = {records.RUN_FILE: 64 << 20, records.HAR_FILE: 512 << 20, PROFILE: 4 << 20}
# The parts of a record that follow from its checks and the catalogue.
_FOLDED = ("verdict", "counts", "requirements", "checks", "not_observable")
# What reports order and fold findings by, which no verdict follows from: another version may declare it otherwise.
_CAUSES = frozenset({"builds_on", "presumes", "harm", "harms"})


@dataclass(frozen=True, slots=True)
class Files:
    """The bytes in a run's folder, read once: what is checked is what was digested. None: not there."""

    run: bytes | None
    har: bytes | None
    profile: bytes | None

    def digests(self) -> dict[str, str]:
        """`sha256:<hex>` of the files that a certificate vouches for, and that are there."""
        pairs = zip(FILES, (self.run, self.har), strict=True)
        return {name: digest(content) for name, content in pairs if content is not None}


def read(folder: Path) -> Files:
    """Reads the folder of a run.

    Raises RecordError for a file that is there and can't be read, is no regular file, or is larger than any run writes.
    """

    def content(name: str) -> bytes | None:
        try:
            return regular(folder / name, _LIMITS[name])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Unreadable as fault:
            raise RecordError(
                f"{folder / name} {fault}", hint="Name the folder of a run as it was written."
            ) from None
        except OSError as fault:
            raise RecordError(
                f"{folder / name} can't be read: {fault.strerror}", hint="May you read it?"
            ) from None

    return Files(content(records.RUN_FILE), content(records.HAR_FILE), content(PROFILE))


@dataclass(frozen=True, slots=True)
class Run:
    """A record, its catalogue as installed here, and the inputs that every certifiable record has."""

    record: RunRecord
    inputs: Inputs
    catalogue: Catalogue


def judge(files: Files) -> Run:
    """The run that these files hold, once its verdict has been folded again and is the one that it claims.

    Raises RecordError, each with its own sentence, for files that are missing, damaged or don't belong together, for
    a record that was ended early or is of another catalogue, and where the verdict doesn't follow from the checks.
    """
    data = _parsed(files.run, records.RUN_FILE)
    _each_once(data)
    _valid(data, files.run)
    entries = _parsed(files.har, records.HAR_FILE)
    try:
        exchanges = har.exchanges(entries)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _damaged(f"{records.HAR_FILE} is damaged: {type(fault).__name__}: {fault}") from None
    record = records.from_json(data, exchanges)
    if har.har(record) != entries:
        raise _damaged(f"{records.HAR_FILE} is not the one that was written with this {records.RUN_FILE}")
    if not record.complete:
        raise RecordError(
            "the run was ended before its last check: it is incomplete", hint="Run again, to the end."
        )
    inputs = _inputs(record)
    _same_profile(record, inputs, files.profile)
    catalogue = _catalogue(record)
    _same_verdict(record, inputs, catalogue, data)
    return Run(record, inputs, catalogue)


def _parsed(content: bytes | None, name: str) -> Any:
    if content is None:
        raise RecordError(f"{name} is missing", hint=f"{' and '.join(FILES)} belong together.")
    try:
        return strict_json(content)
    except Unreadable as fault:
        raise _damaged(f"{name} {fault}") from None


def _damaged(what: str) -> RecordError:
    return RecordError(what, hint="Run again, or restore the files as the run wrote them.")


def _each_once(data: Any) -> None:
    """Every check stands in the record once: the verdict would weigh the other one, too."""
    checks = data.get("checks") if isinstance(data, dict) else None
    ids = (
        [str(check.get("id")) for check in checks if isinstance(check, dict)]
        if isinstance(checks, list)
        else []
    )
    twice = [name for name, number in Counter(ids).items() if number > 1]
    if twice:
        raise _damaged(f"check {line(twice[0], 120)} stands twice in {records.RUN_FILE}")


# Of the records that this process has found well-formed: several certificates may be about one run.
_well_formed: set[str] = set()


def _valid(data: Any, content: bytes | None) -> None:
    known = digest(content or b"")
    if known in _well_formed:
        return
    fault = jsonschema.exceptions.best_match(validator("run.schema.json").iter_errors(data))
    if fault is not None:
        where = "/".join(map(str, fault.absolute_path)) or "its top level"
        raise _damaged(f"{records.RUN_FILE} is not a run record: {where}: {fault.message[:200]}")
    _well_formed.add(known)


def _inputs(record: RunRecord) -> Inputs:
    if record.inputs is None:
        raise RecordError(
            "the record doesn't say what the run was made with: an earlier version of payout-conformance wrote it",
            hint="Run again with this version.",
        )
    return record.inputs


def _same_profile(record: RunRecord, inputs: Inputs, content: bytes | None) -> None:
    """The copy of the profile, where it is there, is the run's, and says what the record says of the target."""
    if content is None:
        return
    if digest(content) != inputs.profile:
        raise _damaged(f"{PROFILE} is not the profile that the run was made with")
    try:
        profile: Mapping[str, Any] = tomllib.loads(content.decode("utf-8-sig"))
        target, declared = profile["target"], profile.get("capabilities", {})
        scope = {name: " ".join(why.split()) for name, why in profile.get("scope", {}).items()}
        said = {name: target[name] for name in ("name", "api", "environment", "base_url")}
        said["base_url"] = said["base_url"].rstrip("/")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise _damaged(f"{PROFILE} is no profile") from None
    recorded = {name: getattr(record.target, name) for name in said}
    if any("${" not in str(said[name]) and said[name] != recorded[name] for name in said):
        raise _damaged(f"{PROFILE} names another target than {records.RUN_FILE}")
    left_out = dict(record.target.scope)
    if left_out.keys() != scope.keys() or any(
        "${" not in scope[x] and scope[x] != left_out[x] for x in scope
    ):
        raise _damaged(f"{records.RUN_FILE} claims another scope than {PROFILE} declares")
    if any(declared.get(name) != value for name, value in inputs.declared.items()):
        raise _damaged(f"{records.RUN_FILE} claims other capabilities than {PROFILE} declares")


def _catalogue(record: RunRecord) -> Catalogue:
    if record.target.api not in catalogues.apis():
        raise RecordError(f"there is no catalogue of {record.target.api!r} here", hint="Upgrade.")
    installed = catalogues.load(record.target.api)
    if installed.digest != record.catalogue_digest:
        raise RecordError(
            f"the run was judged by revision {record.catalogue_revision} of the {installed.api} catalogue "
            f"({record.catalogue_digest[:19]}), installed is revision {installed.revision} ({installed.digest[:19]})",
            hint=f"Only payout-conformance {record.harness_version} can fold its verdict again: use that version.",
        )
    return installed


def _same_verdict(record: RunRecord, inputs: Inputs, catalogue: Catalogue, data: Mapping[str, Any]) -> None:
    try:
        again = records.fold(
            catalogue,
            record.target,
            record.checks,
            record.exchanges,
            deselected=inputs.deselected,
            declared=inputs.declared,
            seed=record.seed,
            started_at=record.started_at,
            finished_at=record.finished_at,
            complete=record.complete,
        )
    except ConformanceError as fault:
        raise _damaged(f"{records.RUN_FILE} can't be judged: {fault.message}") from None
    folded, claimed = _judged(records.to_json(again)), _judged(data)
    for part in _FOLDED:
        if folded[part] != claimed[part]:
            raise RecordError(
                f"the verdict doesn't follow from the checks: {_difference(part, claimed[part], folded[part])}",
                hint="The record has been changed by hand, or by another version. Run again.",
            )


def _judged(data: Mapping[str, Any]) -> dict[str, Any]:
    requirements = [
        {key: value for key, value in requirement.items() if key not in _CAUSES}
        for requirement in data["requirements"]
    ]
    return {**data, "requirements": requirements}


def _difference(part: str, claimed: Any, folded: Any) -> str:
    """Returns the first difference of the two, in a few words."""
    if part == "requirements":
        ids = [requirement["id"] for requirement in claimed]
        for requirement in folded:
            if requirement["id"] not in ids:
                return f"{records.RUN_FILE} says nothing of {requirement['id']}"
            said = claimed[ids.index(requirement["id"])]
            if said != requirement:
                key = next(key for key in requirement if requirement[key] != said[key])
                claims, folds = str(said[key])[:80], str(requirement[key])[:80]
                return f"{requirement['id']} has {key} {claims!r}, folded it is {folds!r}"
    if isinstance(claimed, str):
        return f"{part} is {claimed}, folded it is {folded}"
    return f"{part} is another"
