"""`keygen`, `certify`, `countersign` and `verify`: sign the verdict of a run, and verify the signatures."""

import os
import shutil
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from conformance.cli.terminal import guarded, style
from conformance.errors import CertificateError, UsageError

_LABEL = 15


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
@click.option("--witness-key", "witness_file", type=click.Path(path_type=Path), metavar="FILE",
              help="The public key of a witness, from the witness: both have to have signed.")  # fmt: skip
@click.option("--run", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
              help="The run's files, to recompute the verdict.  [default: beside CERT, if they are]")  # fmt: skip
@click.option("--this-build", is_flag=True,
              help="Refuse a run that says another build than the installed one made it.")  # fmt: skip
@click.option(
    "--at", "at", metavar="TIME", help="Was it valid then? Such as 2026-03-31 or 2026-03-31T12:00:00Z."
)
@guarded
def verify(
    certificate: Path,
    key_file: Path,
    witness_file: Path | None,
    folder: Path | None,
    at: str | None,
    *,
    this_build: bool,
) -> int:
    """Check the certificate CERT, and recompute its verdict from the run's files.

    Exit codes: 0 valid, of a conformant run; 1 valid, of a non-conformant run; 3 valid, of an inconclusive run;
    2 refused: altered, cut off, expired, of another key, run or catalogue, incomplete, or of a run that can't have been
    so.
    """
    from conformance.certificate import keys
    from conformance.certificate.verify import verify as check
    from conformance.provenance import build

    moment = datetime.now(UTC) if at is None else moment_of(at)
    key = keys.load_public(key_file)
    witness = None if witness_file is None else keys.load_public(witness_file)
    path, content = _certificate(certificate)
    verified = check(content, key, at=moment, files=_files(path, folder), witness=witness)
    if this_build and verified.claim.build != build():
        raise CertificateError(
            "build",
            "the run says that another build than the installed one made it, and --this-build asks for this one",
            hint="Install the version that made the run, or verify without --this-build.",
        )
    _tell("Valid certificate", verified, key)
    return verified.exit_code


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path), metavar="CERT")
@click.option("--public-key", "public_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The signer's public key, from the signer.")  # fmt: skip
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The private key of the witness, to sign with.")  # fmt: skip
@click.option("--run", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
              help="The run's files.  [default: beside CERT]")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Where the certificate with both signatures goes.  [default: CERT]")  # fmt: skip
@guarded
def countersign(
    certificate: Path, public_file: Path, key_file: Path, folder: Path | None, out: Path | None
) -> int:
    """Add the signature of a witness to the certificate CERT: of somebody who ran this run, or saw it run.

    The certificate is verified with the run's files before it is signed. Exit codes are those of `verify`.
    """
    from conformance.certificate import envelope, keys
    from conformance.certificate.verify import verify as check
    from conformance.report.codec import replace_file

    now = datetime.now(UTC)
    key, signer = keys.load_private(key_file, keys.passphrase(os.environ)), keys.load_public(public_file)
    path, content = _certificate(certificate)
    files = _files(path, folder)
    if files is None:
        raise UsageError(
            "the run's files are not beside the certificate: a witness signs nothing unseen",
            hint="--run names the folder of the run.",
        )
    check(content, signer, at=now, files=files)
    signed = envelope.countersign(content, key).to_bytes()
    verified = check(signed, signer, at=now, files=files, witness=key.public)
    replace_file(out or path, signed.decode())
    _tell("Countersigned", verified, signer)
    click.echo(f"Certificate: {os.path.relpath(out or path)}")
    return verified.exit_code


def _certificate(path: Path) -> tuple[Path, bytes]:
    """Returns the file of a certificate, also where its folder was named, and its content."""
    from conformance.certificate import envelope, issue
    from conformance.certificate.reading import Unreadable, regular

    if path.is_dir():
        path /= issue.FILE
    hint = "Name a certificate.json, or its folder."
    try:
        return path, regular(path, envelope.MAX_BYTES)
    except Unreadable as fault:
        raise UsageError(f"{path} {fault}: it is no certificate", hint=hint) from None
    except OSError as fault:
        raise UsageError(f"{path} can't be read: {fault.strerror}", hint=hint) from None


def _files(certificate: Path, folder: Path | None) -> Any:
    """Returns the files of the run in `folder`, or beside the certificate; None where they aren't there."""
    from conformance.certificate import evidence

    if folder is not None and not folder.exists():
        raise UsageError(f"{folder}: there is no such folder", hint="--run names the folder of the run.")
    beside = certificate.parent
    if folder is None and any((beside / name).exists() for name in evidence.FILES):
        folder = beside
    return None if folder is None else evidence.read(_run_folder(folder))


def _run_folder(path: Path) -> Path:
    """Returns the folder of a run, also where its `run.json` was named."""
    return path.parent if path.name == "run.json" and not path.is_dir() else path


def moment_of(text: str) -> datetime:
    """Returns the moment that --at names. Raises UsageError for what is none, or is centuries off."""
    from conformance.certificate.statement import moment

    try:
        found = datetime.fromisoformat(text)
        return moment((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).isoformat())
    except ValueError:
        raise UsageError(
            f"--at {text} is no time of this era", hint="Write 2026-03-31 or 2026-03-31T12:00:00Z."
        ) from None


def _tell(head: str, verified: Any, key: Any) -> None:
    """Prints the content of a certificate, its signer, and which parts were verified."""
    from conformance.certificate.extent import not_exercised
    from conformance.report import scope
    from conformance.report.safe import line

    claim, said = verified.claim, verified.claim.extension
    target, run, witness = said["target"], said["run"], said["attestation"]
    kind = {"conformant": "good", "non_conformant": "bad"}.get(claim.verdict, "warn")
    left_out = target.get("scope", {})
    verdict = style(claim.verdict.upper().replace("_", "-"), kind) + scope.of_names(left_out)
    who = f"{line(target['name'])} ({line(target['api'])}, {line(target['environment'])})"
    _rows(
        f"{style(head, 'bold')}  {verdict}  {who}",
        ("target", line(target["baseUrl"])),
        ("run", f"{_date(run['startedAt'])}, {run['checks']} checks, {run['exchanges']} requests"),
        ("out of scope", "; ".join(f"{line(name)}: {line(why)}" for name, why in left_out.items())),
        ("requirements", _counts(said["requirements"])),
        *_open(said["requirements"]),
        ("notes", " ".join(line(note) for note in run["notes"])),
        ("unseen", f"{len(said['notObservable'])} documented facts that can't be observed from outside"),
        ("states tried", "; ".join(map(line, said.get("extent", {}).get("statesTried", ())))),
        ("not exercised", " ".join(not_exercised(said))),
        ("valid", f"{_date(said['certifiedAt'])} to {_date(said['expiresAt'])}"),
        ("key", f"{key.algorithm}, {key.keyid[:16]}"),
        ("signed by", _signer(witness)),
        ("countersigned", _countersigned(verified)),
        ("proves", verified.vouches),
        ("remarks", " ".join(verified.remarks)),
        ("checked", ", ".join(verified.checked)),
        ("not checked", "; ".join(verified.not_checked)),
    )


def _countersigned(verified: Any) -> str:
    """Returns the witness of a certificate, or that signatures of unknown keys prove nothing."""
    if verified.witness is not None:
        return f"by the holder of {verified.witness.algorithm} {verified.witness.keyid[:16]}"
    if verified.others:
        return "by keys that weren't named, which proves nothing: --witness-key names one"
    return ""


def _signer(witness: Any) -> str:
    from conformance.report.safe import line

    if witness["kind"] == "self":
        return f"self-attested. {line(witness['note'])}"
    said = {name: line(value) for name, value in witness.items()}
    return f"{said['provider']}, {said['url']} at {line(witness['commit'][:12])}. {said['note']}"


def _counts(requirements: Any) -> str:
    names = ("passed", "failed", "warned", "not_testable", "error", "deselected", "not_applicable")
    found = [(name, sum(requirement["outcome"] == name for requirement in requirements)) for name in names]
    parts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found if number)
    return f"{len(requirements)}: {parts}"


def _open(requirements: Any) -> list[tuple[str, str]]:
    """Returns the ids of requirements that failed, and of those that were not settled."""
    labels = (("failed", ("failed",)), ("not settled", ("not_testable", "error", "deselected")))
    return [
        (
            label,
            ", ".join(
                requirement["id"] for requirement in requirements if requirement["outcome"] in outcomes
            ),
        )
        for label, outcomes in labels
    ]


def _date(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _rows(head: str, *rows: tuple[str, str]) -> None:
    """Prints a headline, and below it labels with their wrapped texts; leaves out rows without text.

    Texts may quote a certificate: nothing in them moves a cursor, or is a command to a CI server where a line breaks.
    """
    from conformance.report.safe import inert, visible

    click.echo(inert(head))
    width = min(shutil.get_terminal_size((100, 24)).columns, 110) - _LABEL - 2
    for label, text in rows:
        if text:
            first, *more = textwrap.wrap(
                visible(text), max(width, 30), break_long_words=False, break_on_hyphens=False
            )
            click.echo(f"  {style(label.ljust(_LABEL), 'dim')}{inert(first)}")
            for part in more:
                click.echo(" " * (_LABEL + 2) + inert(part))
