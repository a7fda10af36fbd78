"""Verifies one certificate of a registry, and says in `Entry` what it is worth.

What `conformance.certificate.verify` refuses is refused here, with its sentence. Only an expired certificate is asked
about once more, for the last moment of its time: a history then shows what was genuine while it lasted.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from conformance import catalogue as catalogues
from conformance.certificate import envelope, evidence, statement
from conformance.certificate.extent import not_exercised
from conformance.certificate.issue import FILE
from conformance.certificate.keys import PublicKey, load_public
from conformance.certificate.verify import Verified, verify
from conformance.errors import CertificateError, ConformanceError
from conformance.provenance import digest
from conformance.registry.entry import Claim, Entry, Group, Standing
from conformance.registry.folder import KEYS, Keys, fault_of_files
from conformance.report.record import HAR_FILE, RUN_FILE
from conformance.report.safe import line

_MOMENT = timedelta(milliseconds=1)


def examine(folder: Path, path: str, name: str, keys: Keys, witnesses: Keys, *, at: datetime) -> Entry:
    """Returns what the certificate in `folder` is worth.

    `path` names it; `keys` may sign for the implementation `name`, `witnesses` may countersign.
    No certificate, whatever it holds, raises anything: what can't be judged is refused.
    """
    fault = fault_of_files(folder)
    if fault:
        hint = "Add the files of the run as they are, without links."
        return Entry(path, "", Standing.REFUSED, kind="file", reason=line(fault), hint=hint)
    try:
        content = (folder / FILE).read_bytes()
    except OSError as failed:
        reason = f"{FILE} can't be read: {failed.strerror}"
        return Entry(path, "", Standing.REFUSED, kind="file", reason=reason)
    marked = digest(content)
    try:
        key = _signer(content, name, keys)
        seen_by = _witnesses(content, keys, witnesses)
        standing, found = _verified(content, folder, key, [one for _, one in seen_by], at)
        return Entry(path, marked, standing, _claim(found, key, [called for called, _ in seen_by]))
    except ConformanceError as refused:
        kind = refused.kind if isinstance(refused, CertificateError) else "evidence"
        return Entry(
            path,
            marked,
            Standing.REFUSED,
            kind=kind,
            reason=line(refused.message, 400),
            hint=line(refused.hint, 400),
        )
    except Exception as failed:  # a registry of many goes on: this one is refused
        reason = f"it can't be judged: {type(failed).__name__}: {failed}"
        return Entry(path, marked, Standing.REFUSED, kind="fault", reason=line(reason, 400))


def _verified(
    content: bytes, folder: Path, key: PublicKey, witnesses: Sequence[PublicKey], at: datetime
) -> tuple[Standing, Verified]:
    files = evidence.read(folder)
    # Without its exchanges a run can't be judged; that it is the one that was signed can be told all the same.
    whole = None if files.har is None else files
    witness = witnesses[0] if witnesses else None
    standing = Standing.VALID
    try:
        found = verify(content, key, at=at, files=whole, witness=witness)
    except CertificateError as refused:
        if refused.kind != "expired":
            raise
        standing, last = Standing.EXPIRED, _end(content) - _MOMENT
        found = verify(content, key, at=last, files=whole, witness=witness)
    if whole is None:
        _same_run(found, files)
    return standing, found


def _signer(content: bytes, name: str, keys: Keys) -> PublicKey:
    """The key of the implementation that signed, else any of them: `verify` says that it didn't."""
    if not keys.keys:
        fault = f": {keys.faults[0]}" if keys.faults else f" in {KEYS}/"
        raise CertificateError(
            "key",
            f"there is no key that may sign for {name}{fault}",
            hint=f"Add the signer's public key as {KEYS}/{name}.pub.pem, once the signer has given it to you.",
        )
    known = [load_public(path) for _, path in keys.keys]
    return next(_signers(content, known), known[0])


def _witnesses(content: bytes, keys: Keys, witnesses: Keys) -> list[tuple[str, PublicKey]]:
    """The witnesses that countersigned, by the names of their keys; the implementation's own keys are no witnesses."""
    own = {load_public(path).keyid for _, path in keys.keys}
    known = [(called, load_public(path)) for called, path in witnesses.keys]
    return [
        (called, key) for called, key in known if key.keyid not in own and envelope.signed_by(content, key)
    ]


def _signers(content: bytes, known: Iterable[PublicKey]) -> Iterator[PublicKey]:
    return (key for key in known if envelope.signed_by(content, key))


def _end(content: bytes) -> datetime:
    """When the certificate says that it ends: what it says is verified for the moment before."""
    data = json.loads(envelope.read(content).payload)
    return statement.moment(data["predicate"][statement.EXTENSION]["expiresAt"])


def _same_run(found: Verified, files: evidence.Files) -> None:
    """The record, where it is there without its exchanges, is the one that was signed."""
    signed = {row["name"]: f"sha256:{row['digest']['sha256']}" for row in found.claim.content["subject"]}
    for name, present in files.digests().items():
        if name != HAR_FILE and signed.get(name) != present:
            raise CertificateError(
                "evidence",
                f"{name} is not what was signed: it has been altered, or is of another run",
                hint=f"Add {RUN_FILE} and {HAR_FILE} as the run wrote them, or leave both out.",
            )


def _claim(found: Verified, key: PublicKey, witnesses: Sequence[str]) -> Claim:
    said: Any = found.claim.extension
    target, run = said["target"], said["run"]
    row = found.claim.configuration(statement.CATALOGUE)
    return Claim(
        api=target["api"],
        verdict=found.claim.verdict,
        target=line(target["name"]),
        base_url=line(target["baseUrl"]),
        environment=line(target["environment"]),
        scope=tuple((line(name), line(why)) for name, why in target.get("scope", {}).items()),
        started_at=run["startedAt"],
        finished_at=run["finishedAt"],
        certified_at=said["certifiedAt"],
        expires_at=said["expiresAt"],
        harness=line(found.claim.configuration(statement.HARNESS)["annotations"]["version"], 40),
        catalogue_revision=row["annotations"]["revision"],
        checks=run["checks"],
        exchanges=run["exchanges"],
        requirements=tuple((one["id"], one["level"], one["outcome"]) for one in said["requirements"]),
        groups=_groups(target["api"], said["requirements"]),
        key=f"{key.algorithm}, {key.keyid[:16]}",
        attestation={name: line(str(value), 400) for name, value in said["attestation"].items()},
        witnesses=tuple(witnesses),
        checked=found.checked,
        not_checked=found.not_checked,
        remarks=tuple(line(remark, 600) for remark in found.remarks),
        vouches=found.vouches,
        not_exercised=tuple(line(one, 600) for one in not_exercised(said)),
    )


def _groups(api: str, requirements: Sequence[Any]) -> tuple[Group, ...]:
    """The requirements by the groups of the catalogue, which `verify` has found to be the one that was certified."""
    known = catalogues.load(api).by_id()
    groups: dict[str, dict[str, int]] = {}
    for requirement in requirements:
        counts = groups.setdefault(known[requirement["id"]].group, {})
        counts[requirement["outcome"]] = counts.get(requirement["outcome"], 0) + 1
    return tuple(Group(name, counts) for name, counts in groups.items())
