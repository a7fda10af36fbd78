"""The nouns of a registry: a certificate as it was found, an implementation, and their form in registry.json. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance import __version__
from conformance.model import Outcome, Verdict
from conformance.provenance import build as this_build
from conformance.report.explain import VERDICTS
from conformance.report.safe import counted
from conformance.report.scope import of_names

FORMAT = "payout-conformance/registry/1"
# Who vouches for a run, in words.
ATTESTED = {"self": "self-attested", "ci": "self-attested, in CI", "witnessed": "witnessed"}

Json = dict[str, Any]


class Standing(StrEnum):
    """The standing of a certificate at the moment that a registry is made for."""

    VALID = "valid"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of requirements in one run: how many of them had each outcome."""

    name: str
    outcomes: Mapping[str, int]

    @property
    def worst(self) -> Outcome:
        """The outcome that the group is shown with: a failure, then what isn't settled, then a warning."""
        order = (
            Outcome.FAILED,
            Outcome.ERROR,
            Outcome.NOT_TESTABLE,
            Outcome.DESELECTED,
            Outcome.WARNED,
            Outcome.PASSED,
        )
        return next((one for one in order if self.outcomes.get(one.value)), Outcome.NOT_APPLICABLE)

    @property
    def total(self) -> int:
        """The number of its requirements."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of a genuine certificate, as far as a registry shows it. Names are one visible line each."""

    api: str
    verdict: Verdict
    target: str
    base_url: str
    environment: str
    scope: tuple[tuple[str, str], ...]
    started_at: str
    finished_at: str
    certified_at: str
    expires_at: str
    harness: str
    catalogue_revision: int
    checks: int
    exchanges: int
    requirements: tuple[tuple[str, str, str], ...]
    groups: tuple[Group, ...]
    key: str
    attestation: Mapping[str, str]
    witnesses: tuple[str, ...]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    vouches: str = ""
    not_exercised: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The verdict with its scope: `Conformant (scope: one merchant)`."""
        return VERDICTS[self.verdict] + of_names(name for name, _ in self.scope)

    @property
    def attested(self) -> str:
        """Returns the attestation of the run: `witnessed`, `ci` or `self`."""
        return "witnessed" if self.witnesses else self.attestation["kind"]

    @property
    def recomputed(self) -> bool:
        """Whether the run's files were there, so that the verdict was folded again."""
        return any(one.startswith("verdict recomputed") for one in self.checked)

    def counts(self) -> dict[str, int]:
        """The number of requirements by outcome, those that occur."""
        found = [outcome for _, _, outcome in self.requirements]
        return {one.value: found.count(one.value) for one in Outcome if one.value in found}

    def ids(self, *outcomes: Outcome) -> tuple[str, ...]:
        """The ids of the requirements with one of these outcomes."""
        return tuple(name for name, _, outcome in self.requirements if outcome in outcomes)

    @property
    def summary(self) -> str:
        """`40 passed, 2 failed`."""
        parts = [f"{number} {name.replace('_', ' ')}" for name, number in self.counts().items()]
        return ", ".join(parts) or counted(0, "requirement")


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate of an implementation: where it is, its digest, and its claim, or why it is refused.

    `path` is relative to the registry's folder; `digest` is `sha256:<hex>` of the file, empty where nothing was read.
    """

    path: str
    digest: str
    standing: Standing
    claim: Claim | None = None
    kind: str = ""
    reason: str = ""
    hint: str = ""
    new: bool = False


@dataclass(frozen=True, slots=True)
class Implementation:
    """A folder of the registry, with its certificates, newest run first; those that are refused come last."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def page(self) -> str:
        """The address of its page within the site; empty for a folder whose name names no page."""
        return "" if self.unnamed else f"implementations/{self.name}.html"

    @property
    def unnamed(self) -> bool:
        """Whether the folder is refused as a whole for its name."""
        return any(entry.kind == "name" for entry in self.entries)

    def current(self) -> tuple[Entry, ...]:
        """The newest genuine certificate of each API, in the order of their names."""
        newest: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.claim is not None:
                newest.setdefault(entry.claim.api, entry)
        return tuple(newest[api] for api in sorted(newest))

    def history(self, api: str) -> tuple[Entry, ...]:
        """The genuine certificates of an API, newest first."""
        return tuple(one for one in self.entries if one.claim is not None and one.claim.api == api)

    def refused(self) -> tuple[Entry, ...]:
        """The certificates that are refused."""
        return tuple(one for one in self.entries if one.standing is Standing.REFUSED)


@dataclass(frozen=True, slots=True)
class Registry:
    """All implementations, by name, as they stand at `at` (RFC 3339, UTC)."""

    at: str
    implementations: tuple[Implementation, ...]

    def entries(self) -> tuple[Entry, ...]:
        """All certificates."""
        return tuple(entry for one in self.implementations for entry in one.entries)

    def newly_refused(self) -> tuple[Entry, ...]:
        """The certificates that are refused and were not before."""
        return tuple(one for one in self.entries() if one.new and one.standing is Standing.REFUSED)


def to_json(registry: Registry) -> Json:
    """The content of registry.json (`specs/formats/registry.schema.json`)."""
    return {
        "format": FORMAT,
        "at": registry.at,
        "made_with": {"version": __version__, "build": this_build()},
        "implementations": [
            {
                "name": one.name,
                "page": one.page,
                "current": {entry.claim.api: entry.path for entry in one.current() if entry.claim},
                "certificates": [_entry(entry) for entry in one.entries],
            }
            for one in registry.implementations
        ],
    }


def _entry(entry: Entry) -> Json:
    refused = {"kind": entry.kind, "reason": entry.reason, "hint": entry.hint}
    return {
        "path": entry.path,
        "digest": entry.digest,
        "standing": entry.standing.value,
        **(_claim(entry.claim) if entry.claim is not None else {}),
        **({"refused": refused} if entry.standing is Standing.REFUSED else {}),
    }


def _claim(claim: Claim) -> Json:
    return {
        "api": claim.api,
        "verdict": claim.verdict.value,
        "target": {
            "name": claim.target,
            "base_url": claim.base_url,
            "environment": claim.environment,
            "scope": dict(claim.scope),
        },
        "run": {
            "started_at": claim.started_at,
            "finished_at": claim.finished_at,
            "harness": claim.harness,
            "catalogue_revision": claim.catalogue_revision,
            "checks": claim.checks,
            "exchanges": claim.exchanges,
        },
        "certified_at": claim.certified_at,
        "expires_at": claim.expires_at,
        "key": claim.key,
        "attested": claim.attested,
        "attestation": dict(claim.attestation),
        "witnesses": list(claim.witnesses),
        "requirements": {name: outcome for name, _, outcome in claim.requirements},
        "groups": [{"name": one.name, "outcomes": dict(one.outcomes)} for one in claim.groups],
        "checked": list(claim.checked),
        "not_checked": list(claim.not_checked),
        "remarks": list(claim.remarks),
        "not_exercised": list(claim.not_exercised),
    }
