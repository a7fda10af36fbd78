"""The signed content: an in-toto Statement v1 with a test-result v0.1 predicate, made from a run and read back.

Both are specified in github.com/in-toto/attestation (spec/v1/statement.md, spec/predicates/test-result.md). The tests
are the requirements, by their ids. The predicate knows PASSED, WARNED and FAILED only; a run that could not settle
everything is FAILED, for it did not pass, and a policy that knows nothing else has to refuse it. Its untested
requirements stand in no list: they neither passed nor failed. `payoutConformance`, an extension, holds the verdict in
full.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conformance import __version__, contracts
from conformance.certificate.evidence import FILES, Files, Run
from conformance.certificate.extent import extent
from conformance.certificate.reading import Unreadable, strict_json
from conformance.certificate.schemas import validator
from conformance.errors import CertificateError
from conformance.model import Outcome, RequirementResult, Verdict
from conformance.profile_copy import PROFILE
from conformance.provenance import build as this_build
from conformance.report import tried_states
from conformance.report.safe import line

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
FORMAT = "payout-conformance/certificate/1"
EXTENSION = "payoutConformance"
EXTENT = "extent"
CATALOGUE = "requirements.toml"
OPENAPI = "openapi.yaml"
HARNESS = "payout-conformance"
DAYS = 90
MOST_DAYS = 366
# No run was made before, and no certificate ends after: arithmetic with days stays within the calendar.
_FIRST_YEAR, _LAST_YEAR = 2020, 2999

_LISTS = {"passedTests": Outcome.PASSED, "warnedTests": Outcome.WARNED, "failedTests": Outcome.FAILED}

Json = dict[str, Any]


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond. Raises ValueError for what is outside of the calendar there."""
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise ValueError(f"{moment} is outside of the calendar") from None


def moment(text: str) -> datetime:
    """The instant that a statement or a record names. Raises ValueError."""
    if re.search(r"T\d\d:\d\d:60", text):
        raise ValueError(f"{line(text, 40)} is in a second 60, which clocks here don't have")
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{line(text, 40)} has no time zone")
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"{line(text, 40)} is centuries off")
    return found


def expiry(finished_at: str, days: int) -> str:
    """When a certificate of a run ends. It counts from the end of the run: signing again makes no evidence younger."""
    return instant(moment(finished_at) + timedelta(days=days))


def made_here() -> Json:
    """The harness that signs, as a statement names it."""
    return {"version": __version__, "build": this_build().removeprefix("sha256:")}


def build(
    run: Run,
    files: Files,
    *,
    certified_at: str,
    expires_at: str,
    certified_with: Mapping[str, Any],
    attestation: Mapping[str, Any],
) -> Json:
    """The statement about a run that `evidence.judge` has found sound."""
    record = run.record
    digests = files.digests()
    watched, scope = record.options.get("watch_s"), record.target.scope
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _hex(digests[name])}} for name in FILES],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result(record.verdict, record.counts()),
            "configuration": _configuration(run),
            **({"url": attestation["url"]} if "url" in attestation else {}),
            **lists(record.requirements),
            EXTENSION: {
                "format": FORMAT,
                "verdict": record.verdict.value,
                "target": {
                    "name": line(record.target.name),
                    "api": record.target.api,
                    "baseUrl": record.target.base_url,
                    "environment": line(record.target.environment),
                    # What the verdict says nothing of, and why.
                    **({"scope": {name: line(why) for name, why in scope}} if scope else {}),
                },
                "run": {
                    "startedAt": record.started_at,
                    "finishedAt": record.finished_at,
                    "seed": record.seed,
                    "checks": len(record.checks),
                    "exchanges": len(record.exchanges),
                    # A record of an older version says nothing of it.
                    **({} if watched is None else {"watchSeconds": watched}),
                    "notes": [text for note in record.notes if (text := line(note))],
                },
                **_tried(run),
                EXTENT: extent(run),
                "certifiedAt": certified_at,
                "expiresAt": expires_at,
                "certifiedWith": dict(certified_with),
                "attestation": dict(attestation),
                "requirements": [
                    {
                        "id": result.requirement.id,
                        "level": result.requirement.level.value,
                        "outcome": result.outcome.value,
                        "reason": _reason(result),
                    }
                    for result in record.requirements
                ],
                "notObservable": [
                    {"id": one.id, "title": line(one.title), "reason": line(one.reason)}
                    for one in record.not_observable
                ],
            },
        },
    }


def lists(results: Iterable[RequirementResult]) -> dict[str, list[str]]:
    """The ids of the requirements by outcome, as far as the predicate knows it."""
    outcomes = [(result.requirement.id, result.outcome) for result in results]
    return {name: [one for one, found in outcomes if found is outcome] for name, outcome in _LISTS.items()}


def result(verdict: Verdict, counts: Mapping[str, int]) -> str:
    """PASSED or WARNED for a conformant run, FAILED for every other."""
    if verdict is not Verdict.CONFORMANT:
        return "FAILED"
    return "WARNED" if counts[Outcome.WARNED.value] else "PASSED"


def _configuration(run: Run) -> list[Json]:
    """Resource descriptors of what the run was made with."""
    record, inputs = run.record, run.inputs
    return [
        {
            "name": CATALOGUE,
            "digest": {"sha256": _hex(record.catalogue_digest)},
            "annotations": {"api": record.target.api, "revision": record.catalogue_revision},
        },
        {"name": OPENAPI, "digest": {"sha256": _hex(inputs.openapi)}},
        {"name": PROFILE, "digest": {"sha256": _hex(inputs.profile)}},
        {
            "name": HARNESS,
            "digest": {"dirHash": _hex(inputs.build)},
            "annotations": {"version": record.harness_version},
        },
    ]


def _tried(run: Run) -> Json:
    """Returns the final states that were tried, of an API whose document names none."""
    if not contracts.contract(run.record.target.api).states.named_by_profile:
        return {}
    states = tried_states.terminal_states(run.catalogue.matrix, run.record.checks)
    return {"terminalStatesTried": [line(state) for state in states]}


def _reason(result: RequirementResult) -> str:
    return line(result.reason) or ("" if result.outcome is Outcome.PASSED else "No reason was given.")


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def to_bytes(statement: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    return json.dumps(statement, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def from_bytes(payload: bytes) -> Json:
    """The statement in an envelope whose signature holds, once it has the form that the published schema asks for.

    Raises CertificateError: `foreign` for another kind of statement, `incomplete` where something is missing,
    `contradiction` for anything else that the schema doesn't allow.
    """
    try:
        data = strict_json(payload)
    except Unreadable as fault:
        raise CertificateError(
            "foreign", f"what is signed {fault}", hint="A certificate is what `certify` writes."
        ) from None
    _ours(data)
    faults = list(validator("certificate.schema.json").iter_errors(data))
    missing = [fault for fault in faults if fault.validator in {"required", "minItems", "contains"}]
    if faults:
        first = (missing or faults)[0]
        where = "/".join(map(str, first.absolute_path)) or "top level"
        kind, word = ("incomplete", "incomplete") if missing else ("contradiction", "malformed")
        raise CertificateError(
            kind,
            f"the certificate is {word}, though signed: {where}: {line(first.message, 160)}",
            hint="`certify` doesn't write such a thing. Ask the signer for the run, and how this was made.",
        )
    found: Json = data
    return found


def _ours(data: Any) -> None:
    """Raises CertificateError for a statement of another type, or of a format that this version doesn't know."""
    predicate = data.get("predicate") if isinstance(data, dict) else None
    extension = predicate.get(EXTENSION) if isinstance(predicate, dict) else None
    said = extension.get("format") if isinstance(extension, dict) else None
    types = (data.get("_type"), data.get("predicateType")) if isinstance(data, dict) else ()
    if types == (STATEMENT_TYPE, PREDICATE_TYPE) and said == FORMAT:
        return
    if isinstance(said, str) and said.startswith(FORMAT.rpartition("/")[0]) and said != FORMAT:
        raise CertificateError(
            "foreign",
            f"the certificate is of format {line(said, 60)}, this version reads {FORMAT}",
            hint="Verify it with the version that wrote it, or a newer one.",
        )
    raise CertificateError(
        "foreign",
        "what is signed is something else than a certificate of payout-conformance",
        hint="A certificate is what `payout-conformance certify` writes.",
    )
