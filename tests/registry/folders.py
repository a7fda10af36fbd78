"""Folders of registries: five implementations, as different as they come."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from conformance.certificate import envelope, keys
from conformance.model import Outcome
from conformance.registry.build import build
from conformance.registry.entry import Entry, Registry
from tests.certificate import runs
from tests.certificate.runs import LATER, MUSTS, NOW, SHOULDS

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "ember/payouts",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_WORKFLOW_REF": "ember/payouts/.github/workflows/certify.yml@refs/heads/main",
    "GITHUB_RUN_ID": "123456789",
    "GITHUB_RUN_ATTEMPT": "2",
}
OLDER = {"started": "2026-02-20T12:00:00.000Z", "ended": "2026-02-20T12:01:05.500Z"}


def key_of(root: Path, name: str) -> keys.PrivateKey:
    """A new key that may sign for `name`."""
    key = keys.generate()
    path = root / "keys" / f"{name}.pub.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.public.pem)
    return key


def add(root: Path, implementation: str, /, **how: object) -> Path:
    """An implementation with one certified run and a key of its own; returns the folder of the run."""
    folder = root / implementation / "run"
    runs.certified(folder, key=key_of(root, implementation), **how)  # type: ignore[arg-type]
    return folder


def named(text: str) -> dict[str, str]:
    """The arguments for a run of a target with this name."""
    return {"name": text, "profile": runs.PROFILE.replace('"Acme staging"', json.dumps(text))}


def five(root: Path) -> Path:
    """Conformant and witnessed with a history, non-conformant, inconclusive and signed in CI, expired, refused."""
    key = key_of(root, "acme-payouts")
    older = datetime.fromisoformat(OLDER["ended"]) + timedelta(hours=1)
    runs.certified(
        root / "acme-payouts" / "2026-02",
        {MUSTS[3]: Outcome.FAILED, SHOULDS[1]: Outcome.WARNED},
        key=key,
        now=older,
        **OLDER,
    )
    newest = root / "acme-payouts" / "2026-03"
    content = runs.certified(newest, {SHOULDS[0]: Outcome.WARNED}, key=key).content
    (newest / "certificate.json").write_bytes(
        envelope.countersign(content, key_of(root, "witnesses/partner")).to_bytes()
    )
    add(root, "borealis", outcomes={MUSTS[2]: Outcome.FAILED, MUSTS[9]: Outcome.FAILED})
    add(root, "cinder-pay", days=1)
    altered = add(root, "dune") / "run.json"
    altered.write_text(altered.read_text().replace("sandbox.acme.test", "sandbox.acme.tset"))
    add(root, "ember", outcomes={MUSTS[5]: Outcome.NOT_TESTABLE}, environ=GITHUB)
    return root


def built(root: Path, at: datetime = LATER, site: Path | None = None) -> Registry:
    """The registry of a folder, verified in this process."""
    return build(root, site or root.parent / "site", at=at, jobs=1)


def entry(registry: Registry, name: str) -> Entry:
    """The only certificate of an implementation."""
    (found,) = next(one for one in registry.implementations if one.name == name).entries
    return found


__all__ = ["LATER", "NOW", "add", "built", "entry", "five", "key_of", "named"]
