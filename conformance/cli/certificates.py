"""`keygen`, `certify` and `verify`: sign the verdict of a run, and verify the signature."""

import os
import shutil
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from conformance.cli.terminal import guarded, style
from conformance.errors import UsageError

_LABEL = 13


@click.command()
@click.option(
    "--out", "prefix", default="payout-conformance", show_default=True, metavar="PREFIX",
    help="The files are PREFIX.key.pem and PREFIX.pub.pem.",
)  # fmt: skip
@click.option("--ecdsa", is_flag=True, help="ECDSA over P-256, instead of Ed25519.")
@guarded
def keygen(prefix: str, *, ecdsa: bool) -> int:
    """Make a pair of keys to sign certificates with.

    The private key stays with its owner (mode 0600); with PAYOUT_CONFORMANCE_PASSPHRASE set it is encrypted. A file
    that is there already is never overwritten.
    """
    from conformance.certificate import keys

    private, public = Path(f"{prefix}.key.pem"), Path(f"{prefix}.pub.pem")
    secret = keys.passphrase(os.environ)
    key = keys.generate(ecdsa=ecdsa)
    keys.write(key, private, public, secret)
    shielded = "encrypted with the passphrase" if secret is not None else "not encrypted: mode 0600 guards it"
    _rows(
        f"{style('Key made', 'good')}  {key.public.algorithm}, id {key.public.keyid}",
        ("keep", f"{private}  ({shielded})"),
        ("give away", f"{public}  (needed to verify your certificates)"),
    )
    return 0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The private key to sign with.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, metavar="N",
              help="The certificate ends so many days after the run.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Where the certificate goes.  [default: certificate.json in RUN]")  # fmt: skip
@guarded
def certify(folder: Path, key_file: Path, days: int, out: Path | None) -> int:
    """Sign the verdict of the run in the folder RUN, also where it is non-conformant or inconclusive.

    The run has to be complete: its verdict is folded again from its checks before it is signed. Exit codes are
    those of the run: 0 conformant, 1 non-conformant, 3 inconclusive; 2 where nothing was signed.
    """
    from conformance.certificate import issue, keys
    from conformance.report.codec import replace_file

    folder = _run_folder(folder)
    key = keys.load_private(key_file, keys.passphrase(os.environ))
    if key_file.stat().st_mode & 0o077:
        warning = f"others may read {key_file}: `chmod 600 {key_file}` mends it"
        click.echo(f"{style('warning:', 'warn')} {warning}", err=True)
    issued = issue.issue(folder, key, now=datetime.now(UTC), environ=os.environ, days=days)
    path = out or folder / issue.FILE
    replace_file(path, issued.content.decode())
    _tell(f"Signed as {issued.verified.claim.content['predicate']['result']}", issued.verified, key.public)
    shown = os.path.relpath(path)
    public = Path(str(key_file).removesuffix(".key.pem") + ".pub.pem")
    named = public if public.exists() else "PUBLIC.pem"
    click.echo(f"Certificate: {shown}")
    click.echo(f"To check it: payout-conformance verify {shown} --public-key {named}")
    return issued.verified.exit_code


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path), metavar="CERT")
@click.option("--public-key", "key_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The signer's public key, from the signer.")  # fmt: skip
@click.option("--run", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
              help="The run's files, to recompute the verdict.  [default: beside CERT, if they are]")  # fmt: skip
@click.option(
    "--at", "at", metavar="TIME", help="Was it valid then? Such as 2026-03-31 or 2026-03-31T12:00:00Z."
)
@guarded
def verify(certificate: Path, key_file: Path, folder: Path | None, at: str | None) -> int:
    """Check the certificate CERT, and recompute its verdict from the run's files.

    Exit codes: 0 valid, of a conformant run; 1 valid, of a non-conformant run; 3 valid, of an inconclusive run;
    2 refused: altered, cut off, expired, of another key, run or catalogue, incomplete.
    """
    from conformance.certificate import evidence, issue, keys
    from conformance.certificate.verify import verify as check

    moment = datetime.now(UTC) if at is None else _moment(at)
    key = keys.load_public(key_file)
    if certificate.is_dir():
        certificate /= issue.FILE
    try:
        content = certificate.read_bytes()
    except OSError as fault:
        raise UsageError(
            f"{certificate} can't be read: {fault.strerror}", hint="Name a certificate.json, or its folder."
        ) from None
    if folder is not None and not folder.exists():
        raise UsageError(f"{folder}: there is no such folder", hint="--run names the folder of the run.")
    beside = certificate.parent
    if folder is None and any((beside / name).exists() for name in evidence.FILES):
        folder = beside
    files = None if folder is None else evidence.read(_run_folder(folder))
    verified = check(content, key, at=moment, files=files)
    _tell("Valid certificate", verified, key)
    return verified.exit_code


def _run_folder(path: Path) -> Path:
    """Returns the folder of a run, also where its `run.json` was named."""
    return path.parent if path.name == "run.json" and not path.is_dir() else path


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--at {text} is no time", hint="Write 2026-03-31 or 2026-03-31T12:00:00Z."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _tell(head: str, verified: Any, key: Any) -> None:
    """Prints the content of a certificate, its signer, and which parts were verified."""
    from conformance.report import scope
    from conformance.report.safe import line

    claim, said = verified.claim, verified.claim.extension
    target, run, witness = said["target"], said["run"], said["attestation"]
    kind = {"conformant": "good", "non_conformant": "bad"}.get(claim.verdict, "warn")
    left_out = target.get("scope", {})
    verdict = style(claim.verdict.upper().replace("_", "-"), kind) + scope.of_names(left_out)
    who = f"{line(target['name'])} ({target['api']}, {line(target['environment'])})"
    _rows(
        f"{style(head, 'bold')}  {verdict}  {who}",
        ("target", line(target["baseUrl"])),
        ("run", f"{_date(run['startedAt'])}, {run['checks']} checks, {run['exchanges']} requests"),
        ("out of scope", "; ".join(f"{line(name)}: {line(why)}" for name, why in left_out.items())),
        ("requirements", _counts(said["requirements"])),
        *_open(said["requirements"]),
        ("notes", " ".join(line(note) for note in run["notes"])),
        ("unseen", f"{len(said['notObservable'])} documented facts that can't be observed from outside"),
        ("made with", _build(claim)),
        ("valid", f"{_date(said['certifiedAt'])} to {_date(said['expiresAt'])}"),
        ("key", f"{key.algorithm}, {key.keyid[:16]}"),
        ("signed by", _signer(witness)),
        ("checked", ", ".join(verified.checked)),
        ("not checked", "; ".join(verified.not_checked)),
    )


def _build(claim: Any) -> str:
    """Returns the harness that made the run, and whether it is this build."""
    from conformance.certificate.statement import HARNESS
    from conformance.provenance import build
    from conformance.report.safe import line

    row = claim.configuration(HARNESS)
    same = build() == f"sha256:{row['digest']['dirHash']}"
    which = "the build" if same else "another build than the one"
    return f"{HARNESS} {line(row['annotations']['version'], 40)}, {which} that is installed here"


def _signer(witness: Any) -> str:
    from conformance.report.safe import line

    if witness["kind"] == "self":
        return f"self-attested. {line(witness['note'])}"
    return f"{line(witness['provider'])}, {line(witness['url'])} at {witness['commit'][:12]}. {line(witness['note'])}"


def _counts(rows: Any) -> str:
    names = ("passed", "failed", "warned", "not_testable", "error", "deselected", "not_applicable")
    found = [(name, sum(row["outcome"] == name for row in rows)) for name in names]
    parts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found if number)
    return f"{len(rows)}: {parts}"


def _open(rows: Any) -> list[tuple[str, str]]:
    """Returns the ids of requirements that failed, and of those that were not settled."""
    labels = (("failed", ("failed",)), ("not settled", ("not_testable", "error", "deselected")))
    return [
        (label, ", ".join(row["id"] for row in rows if row["outcome"] in outcomes))
        for label, outcomes in labels
    ]


def _date(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _rows(head: str, *rows: tuple[str, str]) -> None:
    """Prints a headline, and below it labels with their wrapped texts; leaves out rows without text."""
    click.echo(head)
    width = min(shutil.get_terminal_size((100, 24)).columns, 110) - _LABEL - 2
    for label, text in rows:
        if text:
            first, *more = textwrap.wrap(text, max(width, 30), break_long_words=False, break_on_hyphens=False)
            click.echo(f"  {style(label.ljust(_LABEL), 'dim')}{first}")
            for part in more:
                click.echo(" " * (_LABEL + 2) + part)
