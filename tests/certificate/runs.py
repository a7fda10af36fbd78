"""Folders of finished runs over the real catalogue, made in a moment: every check of this build, and few exchanges."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from conformance import catalogue, coverage
from conformance.certificate import keys, statement
from conformance.certificate.issue import FILE, issue
from conformance.coverage import Known
from conformance.model import Check, Level, Outcome, Problem, RunRecord, Target
from conformance.provenance import digests
from conformance.report import record, tried_states
from tests.report.sample import WITHDRAW, check, exchange, refusal

PROFILE = """
[target]
name = "Acme staging"
api = "withdraws"
base_url = "https://sandbox.acme.test"
environment = "test"
[credentials.primary]
api_key = "${ACME_API_KEY}"
api_secret = "${ACME_API_SECRET}"
[states]
sandbox = true
[capabilities]
cancel_processing = true
"""
STARTED = "2026-03-01T12:00:00.000Z"
ENDED = "2026-03-01T12:01:05.500Z"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
EXPIRES = datetime.fromisoformat(statement.expiry(ENDED, 90))
CATALOGUE = catalogue.load("withdraws")
MUSTS = [
    requirement.id
    for requirement in CATALOGUE.requirements
    if requirement.level is Level.MUST and requirement.not_tested_reason is None
]
SHOULDS = [requirement.id for requirement in CATALOGUE.requirements if requirement.level is Level.SHOULD]
KEY = keys.generate()
# For each requirement a check that is about it alone, and at its level: its outcome is that of the requirement.
DECISIVE = {
    requirement.id: next(
        name
        for name, known in coverage.known("withdraws", ()).items()
        if (known.requirements, known.level) == ((requirement.id,), requirement.level)
    )
    for requirement in CATALOGUE.requirements
}
CANCELLED = json.dumps(
    {
        "success": True,
        "data": {
            "id": WITHDRAW,
            "amount": "250.50",
            "currency": "THB",
            "status": "canceled",
            "referenceId": "ref-1",
            "destinationType": "bank_account",
            "bankAccountNumber": "0563****6651",
            "bankAccountName": "Zoe",
            "bankCode": "014",
            "destinationId": None,
            "description": "A refund",
            "metadata": {},
            "paidAt": None,
            "canceledAt": STARTED,
            "createdAt": STARTED,
            "updatedAt": STARTED,
        },
    }
).encode()
NOT_FOUND = (
    b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "There is no such withdraw."}}'
)


def write(
    folder: Path,
    outcomes: Mapping[str, Outcome] | None = None,
    *,
    complete: bool = True,
    left_out: Collection[str] = (),
    started: str = STARTED,
    ended: str = ENDED,
    profile: str = PROFILE,
    name: str = "Acme staging",
    message: str = "It didn't happen.",
    options: Mapping[str, object] | None = None,
) -> RunRecord:
    """Writes a run in which everything passed but for `outcomes`, as `run` would have left it.

    `left_out` are ids of checks that `-k` deselected. Exchange 0 is a success, 1 a refusal, 2 an unknown id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.toml").write_text(profile)
    answers = {
        (200, "canceled"): exchange(started_at=started, response_body=CANCELLED),
        (400, "VALIDATION_ERROR"): refusal(started_at=started),
        (404, "RESOURCE_NOT_FOUND"): refusal(404, NOT_FOUND, started_at=started),
    }
    numbers = {answer: number for number, answer in enumerate(answers)}
    known = coverage.known("withdraws", ())
    decisive = {DECISIVE[requirement_id]: outcome for requirement_id, outcome in (outcomes or {}).items()}
    found = record.fold(
        CATALOGUE,
        Target(name, "withdraws", "https://sandbox.acme.test", "test", {"primary.api_key": "ACME_API_KEY"}),
        [
            _check(name, known[name], decisive.get(name, Outcome.PASSED), message, numbers, started)
            for name in (*DECISIVE.values(), *sorted(known.keys() - set(DECISIVE.values())))
            if name not in left_out
        ],
        [*answers.values()],
        deselected=record.deselection({name: known[name].requirements for name in left_out}),
        declared={"cancel_processing": True, "settlement": None, "webhooks": None},
        seed=7,
        started_at=started,
        finished_at=ended,
        complete=complete,
        options=options,
        digests=digests("withdraws", folder / "profile.toml"),
    )
    record.write(found, folder)
    return found


def _check(
    name: str,
    known: Known,
    outcome: Outcome,
    message: str,
    numbers: Mapping[tuple[int, str], int],
    started: str,
) -> Check:
    """A finished check, with the answers that the documents give where it belongs to their matrix."""
    rows = [row for row in CATALOGUE.matrix if tried_states.pattern(row.checks).fullmatch(name)]
    wanted = [numbers[row.status, row.value] for row in rows] or [0, 1]
    return check(
        name,
        outcome,
        *known.requirements,
        level=known.level,
        started_at=started,
        message="" if outcome is Outcome.PASSED else message,
        exchanges=tuple(dict.fromkeys(wanted)) if known.sends else (),
        problem=Problem("200", "500", exchange=1) if outcome is Outcome.FAILED else None,
    )


@dataclass(frozen=True)
class Certified:
    """A run's folder with its certificate."""

    folder: Path
    content: bytes


def certified(
    folder: Path,
    outcomes: Mapping[str, Outcome] | None = None,
    *,
    key: keys.PrivateKey = KEY,
    now: datetime = NOW,
    environ: Mapping[str, str] | None = None,
    days: int = 90,
    **more: object,
) -> Certified:
    """Writes a run and signs it."""
    write(folder, outcomes, **more)  # type: ignore[arg-type]
    content = issue(folder, key, now=now, environ=environ or {}, days=days).content
    (folder / FILE).write_bytes(content)
    return Certified(folder, content)
