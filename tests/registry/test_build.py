"""A registry shows the standing of each certificate: valid, expired or refused, and by whose word."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from conformance.certificate import envelope, keys
from conformance.errors import UsageError
from conformance.model import Outcome
from conformance.registry import site as pages
from conformance.registry.build import build
from conformance.registry.entry import Standing, to_json
from tests.certificate import runs
from tests.certificate.runs import LATER, MUSTS
from tests.support import ROOT

from .folders import add, built, entry, five, key_of

SCHEMA = json.loads((ROOT / "specs" / "formats" / "registry.schema.json").read_text())


def test_five_implementations_stand_as_what_they_are(tmp_path: Path) -> None:
    """Verdict, attestation, expiry and the reason of a refusal; registry.json is of its schema."""
    found = built(five(tmp_path / "in"))

    assert {row.implementation.name: row.standing for row in pages.rows(found)} == {
        "acme-payouts": "conformant",
        "borealis": "non_conformant",
        "cinder-pay": "expired",
        "dune": "refused",
        "ember": "inconclusive",
    }
    assert entry(found, "dune").reason.startswith("run.json is not what was signed")
    ember, expired = entry(found, "ember").claim, entry(found, "cinder-pay").claim
    assert ember is not None
    assert (ember.attested, ember.recomputed) == ("ci", True)
    assert expired is not None
    assert expired.expires_at == "2026-03-02T12:01:05.500Z"
    assert [one.standing for one in found.implementations[0].entries] == [Standing.VALID, Standing.VALID]
    assert [one.path for one in found.implementations[0].entries] == [
        "acme-payouts/2026-03",
        "acme-payouts/2026-02",
    ]
    jsonschema.Draft202012Validator(SCHEMA).validate(to_json(found))


def test_only_the_keys_of_its_folder_may_sign_for_an_implementation(tmp_path: Path) -> None:
    """Neither another implementation's key, nor none; a folder of keys allows for a change of keys."""
    root = tmp_path / "in"
    add(root, "acme")
    shutil.move(root / "acme", root / "other")
    key_of(root, "acme")
    add(root, "acme")
    key_of(root, "other")
    add(root, "none")
    (root / "keys" / "none.pub.pem").unlink()
    old = root / "keys" / "changed"
    add(root, "changed")
    old.mkdir()
    shutil.move(root / "keys" / "changed.pub.pem", old / "2025.pem")
    (old / "2026.pem").write_bytes(keys.generate().public.pem)
    found = built(root)

    assert entry(found, "acme").standing is Standing.VALID
    assert entry(found, "changed").standing is Standing.VALID
    assert (entry(found, "other").kind, entry(found, "none").kind) == ("key", "key")
    assert "not signed with this key" in entry(found, "other").reason
    assert entry(found, "none").reason == "there is no key that may sign for none in keys/"


def test_a_witness_is_whom_the_registry_knows_as_one(tmp_path: Path) -> None:
    """By the name of the key; neither an unknown second signature nor the signer's own other key counts."""
    root = tmp_path / "in"
    witnesses = root / "keys" / "witnesses"
    for name, known in (
        ("seen", witnesses / "partner.pub.pem"),
        ("own", root / "keys" / "own" / "b.pem"),
        ("by-nobody", None),
    ):
        certificate, witness = add(root, name) / "certificate.json", keys.generate()
        certificate.write_bytes(envelope.countersign(certificate.read_bytes(), witness).to_bytes())
        for path in (known, witnesses / "own.pem" if name == "own" else None):
            if path is not None:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(witness.public.pem)
    found = built(root)

    claims = {name: entry(found, name).claim for name in ("seen", "own", "by-nobody")}
    assert {name: claim and (claim.attested, claim.witnesses) for name, claim in claims.items()} == {
        "seen": ("witnessed", ("partner",)),
        "own": ("self", ()),
        "by-nobody": ("self", ()),
    }


def test_a_certificate_in_two_folders_is_refused_in_both(tmp_path: Path) -> None:
    """Somebody else's certificate and key make no implementation of one's own."""
    root = tmp_path / "in"
    add(root, "acme")
    shutil.copytree(root / "acme", root / "borrowed")
    shutil.copy(root / "keys" / "acme.pub.pem", root / "keys" / "borrowed.pub.pem")
    found = built(root)

    assert entry(found, "acme").reason == (
        "the same certificate stands in borrowed: a certificate is of one implementation"
    )
    assert entry(found, "borrowed").kind == "copy"


def test_without_exchanges_the_verdict_stands_unrecomputed(tmp_path: Path) -> None:
    """That is said; a record that isn't the signed one is refused even so."""
    root = tmp_path / "in"
    for name in ("bare", "altered"):
        (add(root, name) / "exchanges.har").unlink()
    record = root / "altered" / "run" / "run.json"
    record.write_text(record.read_text() + " ")
    found = built(root)

    claim = entry(found, "bare").claim
    assert claim is not None
    assert not claim.recomputed
    assert any("not recomputed" in one for one in claim.not_checked)
    assert entry(found, "altered").reason.startswith("run.json is not what was signed")


def test_an_expired_certificate_was_genuine_or_is_refused(tmp_path: Path) -> None:
    """After its time a forged one is no better than before."""
    root = tmp_path / "in"
    add(root, "genuine")
    forged = add(root, "forged") / "exchanges.har"
    forged.write_text(forged.read_text() + " ")
    found = built(root, at=LATER + timedelta(days=400))

    assert entry(found, "genuine").standing is Standing.EXPIRED
    assert entry(found, "forged").standing is Standing.REFUSED


@pytest.mark.parametrize("name", ["certificate.json", "run.json", "exchanges.har", "profile.toml"])
def test_links_pipes_and_devices_are_not_opened(tmp_path: Path, name: str) -> None:
    """A pull request may bring them: none is followed, and none is waited for."""
    root = tmp_path / "in"
    for kind in ("link", "pipe"):
        path = add(root, kind) / name
        path.unlink()
        if kind == "link":
            path.symlink_to("/dev/zero")
        else:
            os.mkfifo(path)
    found = built(root)

    assert entry(found, "link").reason == f"{name} is a symbolic link: a registry opens plain files only"
    assert entry(found, "pipe").reason == f"{name} is no plain file"


def test_what_is_no_implementation_is_refused_as_a_whole(tmp_path: Path) -> None:
    """A hostile name, a link to elsewhere, a folder without a certificate; hidden folders are no part of it."""
    root = tmp_path / "in"
    add(root, "acme")
    for name in ("empty", "Acme", "\u202egnp.<b>", ".git"):
        (root / name).mkdir()
    (root / "linked").symlink_to(root / "acme", target_is_directory=True)
    found = built(root)

    reasons = {one.name: one.entries[0].reason for one in found.implementations}
    assert reasons == {
        "Acme": "Acme can't be the name of an implementation",
        "acme": "",
        "empty": "empty holds no certificate.json",
        "linked": "linked is a symbolic link, not a folder",
        "\u202egnp.<b>": "<U+202E>gnp.<b> can't be the name of an implementation",
    }
    pages.write(found, root, tmp_path / "site")
    assert sorted(path.name for path in (tmp_path / "site" / "implementations").iterdir()) == [
        "acme.html",
        "empty.html",
        "linked.html",
    ]


def test_a_private_key_among_the_keys_signs_for_nobody(tmp_path: Path) -> None:
    """A private key in the folder keys is reported, not used, and not shown."""
    root = tmp_path / "in"
    add(root, "acme")
    (root / "keys" / "acme.pub.pem").unlink()
    keys.write(keys.generate(), root / "keys" / "acme.pub.pem", tmp_path / "public.pem")
    reason = entry(built(root), "acme").reason

    assert reason == (
        "there is no key that may sign for acme: acme.pub.pem is a private key: nobody but its owner should have it"
    )


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    """In the same order."""
    root = five(tmp_path / "in")

    assert build(root, tmp_path / "site", at=LATER, jobs=2) == built(root)


def test_new_is_what_the_registry_of_before_does_not_have(tmp_path: Path) -> None:
    """A refusal that stood there already isn't new; the same file with another content is; so is one refused since."""
    root, site = tmp_path / "in", tmp_path / "site"
    add(root, "acme")
    altered = add(root, "dune") / "run.json"
    altered.write_text(altered.read_text() + " ")
    first = built(root, site=site)
    pages.write(first, root, site)
    again = built(root, site=site)
    (root / "keys" / "acme.pub.pem").unlink()
    since = built(root, site=site)
    runs.certified(root / "dune" / "run", {MUSTS[0]: Outcome.FAILED})
    another = built(root, site=site)

    assert [one.path for one in first.newly_refused()] == ["dune/run"]
    assert again.newly_refused() == ()
    assert not any(one.new for one in again.entries())
    assert [one.path for one in since.newly_refused()] == ["acme/run"]
    assert [one.path for one in another.newly_refused()] == ["acme/run", "dune/run"]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": "payout-conformance/registry/2"}', '{"format": 1}']
)
def test_another_registry_json_is_never_overwritten(tmp_path: Path, content: str) -> None:
    """A `registry.json` of another origin is kept, because news couldn't be told from it."""
    root, site = tmp_path / "in", tmp_path / "site"
    add(root, "acme")
    site.mkdir()
    (site / "registry.json").write_text(content)

    with pytest.raises(UsageError, match=r"registry\.json is not one that"):
        built(root, site=site)


def test_a_folder_that_is_no_registry_is_a_usage_error(tmp_path: Path) -> None:
    """A missing folder, one without keys, and a site inside the registry are usage errors."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "in" / "keys").mkdir(parents=True)

    for root, site in (("none", "site"), ("bare", "site"), ("in", "in")):
        with pytest.raises(UsageError) as refused:
            built(tmp_path / root, site=tmp_path / site)
        assert refused.value.hint
