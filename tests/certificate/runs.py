"""Folders of finished runs over the real catalogue, made in a moment: one check per requirement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from conformance import catalogue
from conformance.certificate import keys, statement
from conformance.certificate.issue import FILE, issue
from conformance.model import Check, Level, Outcome, Problem, RunRecord, Target
from conformance.provenance import digests
from conformance.report import record
from tests.report.sample import check, exchange, refusal

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
    row.id for row in CATALOGUE.requirements if row.level is Level.MUST and row.not_tested_reason is None
]
SHOULDS = [row.id for row in CATALOGUE.requirements if row.level is Level.SHOULD]
KEY = keys.generate()


def write(
    folder: Path,
    outcomes: Mapping[str, Outcome] | None = None,
    *,
    complete: bool = True,
    deselected: Mapping[str, str] | None = None,
    started: str = STARTED,
    ended: str = ENDED,
    profile: str = PROFILE,
    name: str = "Acme staging",
    message: str = "It didn't happen.",
    options: Mapping[str, object] | None = None,
) -> RunRecord:
    """Writes a run in which everything passed but for `outcomes`, as `run` would have left it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.toml").write_text(profile)
    exchanges = [exchange(started_at=started), refusal(started_at=started)]
    found = record.fold(
        CATALOGUE,
        Target(name, "withdraws", "https://sandbox.acme.test", "test", {"primary.api_key": "ACME_API_KEY"}),
        [
            _check(row.id, row.level, (outcomes or {}).get(row.id, Outcome.PASSED), message)
            for row in CATALOGUE.requirements
        ],
        exchanges,
        deselected=deselected or {},
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


def _check(name: str, level: Level, outcome: Outcome, message: str) -> Check:
    passed = outcome is Outcome.PASSED
    return check(
        f"suite::{name}",
        outcome,
        name,
        level=level,
        started_at=STARTED,
        message="" if passed else message,
        exchanges=(0, 1) if name == MUSTS[0] else (),
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
