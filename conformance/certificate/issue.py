"""Makes the certificate of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from conformance.certificate import envelope, evidence, statement, witness
from conformance.certificate.keys import PrivateKey
from conformance.certificate.verify import Verified, verify
from conformance.errors import RecordError, UsageError
from conformance.model import RunRecord
from conformance.report import journal
from conformance.report.record import RUN_FILE

FILE = "certificate.json"


@dataclass(frozen=True, slots=True)
class Issued:
    """The content of `certificate.json`, the run that it is about, and what a verifier sees in it."""

    content: bytes
    record: RunRecord
    verified: Verified


def issue(
    folder: Path,
    key: PrivateKey,
    *,
    now: datetime,
    environ: Mapping[str, str],
    days: int = statement.DAYS,
) -> Issued:
    """Signs what the run in `folder` found out, whatever that is; `days` count from its end.

    Raises UsageError where `folder` holds no finished run, or one that ended too long ago; RecordError where its
    files are damaged, contradict each other, or can't be judged by this version. What is returned has been verified.
    """
    files = evidence.read(folder)
    if files.run is None:
        killed = (folder / journal.FOLDER / journal.HEADER).exists()
        raise UsageError(
            f"the run in {folder} never ended" if killed else f"{folder} holds no run",
            hint="A certificate is of a whole run: run again, to the end."
            if killed
            else f"Name the folder of a run: the one that holds {RUN_FILE}, such as reports/latest.",
        )
    run = evidence.judge(files)
    ended = run.record.finished_at
    try:
        expires = statement.expiry(ended, days)
    except ValueError as fault:
        raise RecordError(
            f"{RUN_FILE} names an instant that doesn't exist: {fault}", hint="Run again."
        ) from None
    if statement.moment(ended) > now:
        raise UsageError(
            f"the run ended in the future: {ended}", hint="Is this machine's clock right? Run again."
        )
    if statement.moment(expires) <= now:
        raise UsageError(
            f"the run ended on {ended}: {days} days later its certificate would have expired",
            hint="Run again: a certificate is of how the target is now. --days allows for more.",
        )
    content = envelope.seal(
        statement.to_bytes(
            statement.build(
                run,
                files,
                certified_at=statement.instant(now),
                expires_at=expires,
                certified_with=statement.made_here(),
                attestation=witness.attestation(environ),
            )
        ),
        key,
    ).to_bytes()
    # A reader refuses a certificate with any fault: better to find it before it is sent.
    return Issued(content, run.record, verify(content, key.public, at=now, files=files))
