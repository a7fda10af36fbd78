"""Verifies a certificate from its bytes, a public key and, where it is there, the run's folder.

The order is that of trust: nothing inside the envelope is read before its signature holds. Every way to fail has its
own sentence; none of them leaves anything of the certificate to be believed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conformance import __version__
from conformance import catalogue as catalogues
from conformance.certificate import evidence, exchanges, known_checks, statement
from conformance.certificate.envelope import open_verified, read, signed_by
from conformance.certificate.evidence import Files
from conformance.certificate.keys import PublicKey
from conformance.errors import CertificateError
from conformance.model import Catalogue, Outcome, RequirementResult, Verdict
from conformance.profile_copy import PROFILE
from conformance.provenance import build, digest
from conformance.report import verdict as verdicts
from conformance.report.record import HAR_FILE, RUN_FILE
from conformance.report.safe import counted, line

SIGNED = (
    "Signed by the holder of this key; the verdict follows from the outcomes that the signer recorded; "
    "that they were observed is the signer's word."
)
WITNESSED = (
    "Signed by the holders of both keys; the verdict follows from the outcomes that were recorded; "
    "that they were observed is the word of both."
)
_ASK = "Ask the signer for the run, and how this was made."


@dataclass(frozen=True, slots=True)
class Claim:
    """The content of a genuine certificate. `content` is the whole statement; the other fields are its main facts."""

    content: Mapping[str, Any]
    verdict: Verdict
    certified_at: datetime
    expires_at: datetime

    @property
    def extension(self) -> Mapping[str, Any]:
        """The part of the predicate that is ours."""
        found: Mapping[str, Any] = self.content["predicate"][statement.EXTENSION]
        return found

    @property
    def build(self) -> str:
        """`sha256:<hex>` of the harness that the run says it was made with."""
        return f"sha256:{self.configuration(statement.HARNESS)['digest']['dirHash']}"

    def configuration(self, name: str) -> Mapping[str, Any]:
        """One of the resource descriptors, by its name."""
        rows = self.content["predicate"]["configuration"]
        found: Mapping[str, Any] = next(row for row in rows if row["name"] == name)
        return found


@dataclass(frozen=True, slots=True)
class Verified:
    """A certificate without a fault: its claim, the parts that were checked, and those that were not.

    `witness` is the key of a second signer, where one was asked for; `others` is the number of signatures by keys that
    nobody named, which prove nothing. `remarks` are sentences to show beside the verdict.
    """

    claim: Claim
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    witness: PublicKey | None = None
    others: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def vouches(self) -> str:
        """Returns the sentence that says what the signatures prove and what they don't."""
        return WITNESSED if self.witness is not None else SIGNED

    @property
    def exit_code(self) -> int:
        """0 conformant, 1 non-conformant, 3 inconclusive: what the run would have ended with."""
        codes = {Verdict.CONFORMANT: 0, Verdict.NON_CONFORMANT: 1, Verdict.INCONCLUSIVE: 3}
        return codes[self.claim.verdict]


def verify(
    content: bytes,
    key: PublicKey,
    *,
    at: datetime,
    files: Files | None = None,
    witness: PublicKey | None = None,
) -> Verified:
    """Checks all that can be checked. Without `files` the verdict isn't folded from the run's checks.

    Both keys have to have signed where a `witness` is named. Raises CertificateError, or RecordError where the run's
    own files contradict each other, or can't be what payout-conformance wrote.
    """
    data = statement.from_bytes(open_verified(content, key))
    if witness is not None:
        _witnessed(content, key, witness)
    claim = _claim(data)
    _in_time(claim, at)
    catalogue = _catalogue(claim)
    _agrees_with_itself(claim, catalogue)
    everything = f"all {counted(len(catalogue.requirements), 'requirement')} accounted for"
    signed = "signature" if witness is None else "signatures of signer and witness"
    checked = [signed, "time", everything, statement.CATALOGUE]
    not_checked = []
    if _same_openapi(claim, catalogue):
        checked.append(statement.OPENAPI)
    else:
        not_checked.append(f"{statement.OPENAPI}: the run was made with another than is installed here")
    if files is None:
        not_checked.append(f"{RUN_FILE} and {HAR_FILE} (no folder): the verdict is not recomputed")
    else:
        _is_of(claim, files)
        _examined(claim, files, checked, not_checked)
    known = 1 if witness is None else 2
    return Verified(
        claim,
        tuple(checked),
        tuple(not_checked),
        witness,
        len(read(content).signatures) - known,
        _remarks(claim),
    )


def _witnessed(content: bytes, key: PublicKey, witness: PublicKey) -> None:
    if witness.keyid == key.keyid:
        raise CertificateError(
            "key",
            "the witness has the signer's own key: nobody is a witness of their own",
            hint="Name the public key of the witness, from the witness.",
        )
    if not signed_by(content, witness):
        raise CertificateError(
            "key",
            f"the certificate was not countersigned with the witness's key {witness.keyid[:16]}",
            hint="`payout-conformance countersign` adds a witness's signature. Ask for the certificate that has it.",
        )


def _examined(claim: Claim, files: Files, checked: list[str], not_checked: list[str]) -> None:
    """Judges the run's files, and adds what was checked and what couldn't be."""
    run = evidence.judge(files)
    unknown = known_checks.examine(run, files.profile)
    exchanges.examine(run)
    _speaks_of(claim, run, files)
    checked += [RUN_FILE, HAR_FILE, *([] if files.profile is None else [PROFILE])]
    if files.profile is None:
        not_checked.append(f"{PROFILE}: not in the folder")
    checked.append("addresses, times and documented answers of the exchanges")
    if unknown:
        not_checked.append(unknown)
    else:
        checked.append("the checks are those of this build")
    checked.append(f"verdict recomputed from {counted(len(run.record.checks), 'check')}")


def _remarks(claim: Claim) -> tuple[str, ...]:
    version = line(claim.configuration(statement.HARNESS)["annotations"]["version"], 40)
    same = claim.build == build()
    which = "the build" if same else "another build than the one"
    return (f"It says it was made with {statement.HARNESS} {version}, {which} that is installed here.",)


def _claim(data: Mapping[str, Any]) -> Claim:
    said = data["predicate"][statement.EXTENSION]
    try:
        began, ended = (statement.moment(said["run"][name]) for name in ("startedAt", "finishedAt"))
        found = Claim(
            data,
            Verdict(said["verdict"]),
            statement.moment(said["certifiedAt"]),
            statement.moment(said["expiresAt"]),
        )
    except ValueError as fault:
        raise _contradiction(f"it names an instant that doesn't exist: {fault}") from None
    if ended < began:
        raise _contradiction(f"its run ended at {statement.instant(ended)}, before it began")
    if not ended <= found.certified_at < found.expires_at:
        raise _contradiction("it was signed before the run ended, or after its own expiry")
    if found.expires_at - ended > timedelta(days=statement.MOST_DAYS):
        raise _contradiction(
            f"it expires {(found.expires_at - ended).days} days after its run, and `certify` allows for "
            f"{statement.MOST_DAYS} at most"
        )
    version = found.configuration(statement.HARNESS)["annotations"]["version"]
    if found.build == build() and version != __version__:
        raise _contradiction(
            f"it says that payout-conformance {line(version, 40)} made its run, and names the build of {__version__}"
        )
    return found


def _in_time(claim: Claim, at: datetime) -> None:
    now = statement.instant(at)
    if at < claim.certified_at:
        raise CertificateError(
            "not_yet_valid",
            f"the certificate is not valid yet: it begins on {claim.extension['certifiedAt']}, it is {now}",
            hint="Is this machine's clock right? --at TIME asks for another moment.",
        )
    if at >= claim.expires_at:
        raise CertificateError(
            "expired",
            f"the certificate expired on {claim.extension['expiresAt']}, it is {now}",
            hint="Ask for a certificate of a newer run. --at TIME asks for another moment.",
        )


def _catalogue(claim: Claim) -> Catalogue:
    """The catalogue that the certificate speaks of, if it is the one installed: no other can be accounted for."""
    row = claim.configuration(statement.CATALOGUE)
    api, revision = row["annotations"]["api"], row["annotations"]["revision"]
    version = claim.configuration(statement.HARNESS)["annotations"]["version"]
    hint = (
        f"The signature holds, but nothing else was checked. payout-conformance {line(version, 40)} made the run: "
        "verify with that version."
    )
    if api not in catalogues.apis():
        raise CertificateError(
            "catalogue", f"the certificate speaks of an API without a catalogue here: {api}", hint=hint
        )
    installed = catalogues.load(api)
    wanted = row["digest"]["sha256"]
    if installed.digest != f"sha256:{wanted}":
        raise CertificateError(
            "catalogue",
            f"the certificate was judged by another catalogue: revision {revision} of {api} ({wanted[:12]}), "
            f"installed is revision {installed.revision} ({installed.digest[7:19]})",
            hint=hint,
        )
    return installed


def _same_openapi(claim: Claim, catalogue: Catalogue) -> bool:
    """Returns whether the run was made with the installed operations; the verdict doesn't depend on it."""
    installed = digest((catalogues.api_folder(catalogue.api) / statement.OPENAPI).read_bytes())
    return installed == f"sha256:{claim.configuration(statement.OPENAPI)['digest']['sha256']}"


def _agrees_with_itself(claim: Claim, catalogue: Catalogue) -> None:
    """Every requirement is accounted for, once and at its level; lists, result and verdict follow from the outcomes."""
    predicate, said = claim.content["predicate"], claim.extension
    if said["target"]["api"] != catalogue.api:
        raise _contradiction(f"its target is of {said['target']['api']}, its catalogue of {catalogue.api}")
    ids = [requirement["id"] for requirement in said["requirements"]]
    missing = [requirement.id for requirement in catalogue.requirements if requirement.id not in ids]
    hidden = {requirement["id"] for requirement in said["notObservable"]}
    missing += [requirement.id for requirement in catalogue.not_observable if requirement.id not in hidden]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CertificateError(
            "incomplete",
            f"the certificate is incomplete, though signed: it says nothing of {', '.join(missing[:3])}{more}",
            hint=_ASK,
        )
    if ids != [requirement.id for requirement in catalogue.requirements]:
        raise _contradiction("its requirements are not those of the catalogue")
    results = []
    for requirement, known in zip(said["requirements"], catalogue.requirements, strict=True):
        if requirement["level"] != known.level:
            raise _contradiction(f"{known.id} is a {known.level}, not a {requirement['level']}")
        results.append(RequirementResult(known, Outcome(requirement["outcome"]), requirement["reason"], ()))
    folded = verdicts.verdict(results, complete=True)
    if folded is not claim.verdict:
        raise _contradiction(f"it says {claim.verdict}, its requirements say {folded}")
    lists = statement.lists(results)
    for name, wanted in lists.items():
        if predicate[name] != wanted:
            raise _contradiction(f"{name} are not the requirements with that outcome")
    wanted_result = statement.result(folded, {Outcome.WARNED.value: len(lists["warnedTests"])})
    if predicate["result"] != wanted_result:
        raise _contradiction(f"it says {predicate['result']}, its verdict means {wanted_result}")


def _is_of(claim: Claim, files: Files) -> None:
    """The run's files are, byte for byte, those that were signed."""
    found = files.digests()
    for row in claim.content["subject"]:
        name = row["name"]
        if name not in found:
            raise CertificateError(
                "incomplete",
                f"the run is incomplete: {name} is missing",
                hint=f"{RUN_FILE} and {HAR_FILE} belong together: ask for both.",
            )
        if found[name] == f"sha256:{row['digest']['sha256']}":
            continue
        if name == RUN_FILE and _of_another_run(claim, files.run or b""):
            raise CertificateError(
                "evidence",
                f"the certificate is of another run: it names the one of {claim.extension['run']['startedAt']}",
                hint="Name that run's folder with --run.",
            )
        raise CertificateError(
            "evidence",
            f"{name} is not what was signed: it has been altered, or cut off, since",
            hint="Ask for the run's files again, as the run wrote them.",
        )
    profile = claim.configuration(PROFILE)["digest"]["sha256"]
    if files.profile is not None and digest(files.profile) != f"sha256:{profile}":
        raise CertificateError(
            "evidence",
            f"{PROFILE} is not the profile that the run was made with",
            hint="Ask for the run's files again, or leave the profile out.",
        )


def _of_another_run(claim: Claim, content: bytes) -> bool:
    """Returns whether these bytes are a sound record of something else. Only the sentence depends on it."""
    try:
        data = json.loads(content)
        started, target = data["started_at"], data["target"]
        return bool(
            (started, target["name"], target["api"])
            != (claim.extension["run"]["startedAt"], *(claim.extension["target"][k] for k in ("name", "api")))
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return False


def _speaks_of(claim: Claim, run: evidence.Run, files: Files) -> None:
    """The statement is, word for word, the one that this run gives."""
    said = claim.extension
    again = statement.build(
        run,
        files,
        certified_at=said["certifiedAt"],
        expires_at=said["expiresAt"],
        certified_with=said["certifiedWith"],
        attestation=said["attestation"],
    )
    if statement.EXTENT not in said and claim.build != build():
        # An earlier version doesn't say how far the run went.
        del again["predicate"][statement.EXTENSION][statement.EXTENT]
    where = _difference(again, claim.content)
    if where is not None:
        raise _contradiction(f"its {where} is not what the run's files say")


def _difference(wanted: Any, said: Any, path: str = "") -> str | None:
    """The path of the first part of `wanted` that `said` hasn't, or has otherwise; what it has besides is free."""
    if isinstance(wanted, dict) and isinstance(said, dict):
        for key, value in wanted.items():
            below = f"{path}.{key}" if path else key
            found = below if key not in said else _difference(value, said[key], below)
            if found is not None:
                return found
        return None
    if isinstance(wanted, list) and isinstance(said, list) and len(wanted) == len(said):
        pairs = enumerate(zip(wanted, said, strict=True))
        return next(
            (hit for i, (a, b) in pairs if (hit := _difference(a, b, f"{path}[{i}]")) is not None), None
        )
    return None if wanted == said and isinstance(wanted, bool) == isinstance(said, bool) else path


def _contradiction(what: str) -> CertificateError:
    return CertificateError("contradiction", f"the certificate contradicts itself: {what}", hint=_ASK)
